# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures what a program pays for each of its system calls: nothing recorded, tracefs alone with nobody reading,
a session of the service, and the peers that are installed; then what record --syscalls costs real programs, beside
strace. As root; the service is that of a machine of its own. Prints the tables of docs/performance.md and README.md."""

import json
import os
import shutil
import statistics
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(SOURCE, "system"))

import host  # pylint: disable=wrong-import-position

TRACEFS = "/sys/kernel/tracing"
INSTANCE = f"{TRACEFS}/instances/bench-{os.getpid()}"
CALLS, PEER_CALLS, ROUNDS = 300_000, 20_000, 15
EVENTS = ("sys_enter_getppid", "sys_exit_getppid")

# For each line that it reads, so many calls; says how many nanoseconds each took.
PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return ts.tv_sec * 1e9 + ts.tv_nsec;
}

int main(void) {
        char line[32];

        while (fgets(line, sizeof(line), stdin)) {
                long n = atol(line);
                double begin = now();

                for (long i = 0; i < n; i++)
                        syscall(SYS_getppid);
                printf("%.2f\n", (now() - begin) / n);
                fflush(stdout);
        }
        return 0;
}
"""


def write(path, text):
    with open(f"{INSTANCE}/{path}", "w", encoding="ascii") as f:
        f.write(text)


def ask(process, n):
    process.stdin.write(f"{n}\n")
    return float(process.stdout.readline())


class Tracefs:
    """An instance as our own are, which nobody reads: it keeps the newest."""

    def __init__(self, clock):
        os.mkdir(INSTANCE)
        write("buffer_size_kb", "4096")
        if os.path.exists(f"{INSTANCE}/buffer_subbuf_size_kb"):
            write("buffer_subbuf_size_kb", "64")
        write("trace_clock", clock)

    @staticmethod
    def switch(on):
        for name in EVENTS:
            write(f"events/syscalls/{name}/enable", "1" if on else "0")

    def __exit__(self, *_):
        self.switch(False)
        os.rmdir(INSTANCE)

    def __enter__(self):
        return self


def session(machine, *args):
    return machine.run(["tracectl", *args]).stdout


def measure(machine, process):
    """{way: [ns a call]}, the ways in turn."""
    clock = json.loads(session(machine, "status", "--json=short"))["clock"]
    taken = {"nothing": [], "tracefs alone, nobody reads": [], "tracectl": []}
    nothing, alone, ours = taken
    session(machine, "create", "bench")
    session(machine, "enable-event", "--kernel", "-s", "bench", "--syscall", "getppid")
    with Tracefs("x86-tsc" if "tsc" in clock else "mono") as tracefs:
        for _ in range(ROUNDS):
            taken[nothing].append(ask(process, CALLS))
            tracefs.switch(True)
            ask(process, CALLS // 10)
            taken[alone].append(ask(process, CALLS))
            tracefs.switch(False)
            session(machine, "start", "bench")
            ask(process, CALLS // 10)
            taken[ours].append(ask(process, CALLS))
            session(machine, "stop", "bench")
    counts = json.loads(session(machine, "list", "bench", "--json=short"))
    session(machine, "destroy", "bench")
    return taken, counts


def peers():
    yield "perf record", ["perf", "record", "-q", "-o", "/root/perf", "-e", "syscalls:sys_enter_getppid,"
                          "syscalls:sys_exit_getppid", "--"]
    yield "perf trace", ["perf", "trace", "-o", "/root/perf-trace", "--"]
    yield "trace-cmd record", ["trace-cmd", "record", "-q", "-o", "/root/trace.dat", "-e", "syscalls:sys_enter_getppid",
                               "-e", "syscalls:sys_exit_getppid"]
    yield "strace", ["strace", "-o", "/root/strace"]


def measure_peers(machine):
    taken = {}
    for name, command in peers():
        if not shutil.which(command[0]):
            continue
        with machine.start([*command, "/usr/local/bin/calls"]) as process:
            try:
                taken[name] = [ask(process, PEER_CALLS) for _ in range(5)]
            except ValueError:
                print(f"({name} does not work here)")
            process.communicate()
    return taken


def print_calls(taken):
    print("\nA getppid call of which entry and exit are recorded, ns: interleaved rounds, the peers after them\n")
    print("| | minimum | median | of tracefs alone |\n| --- | ---: | ---: | ---: |")
    alone = taken["tracefs alone, nobody reads"]
    for way, ns in taken.items():
        ratio = f"{min(ns) / min(alone):.2f}, {statistics.median(ns) / statistics.median(alone):.2f}"
        print(f"| {way} | {min(ns):.0f} | {statistics.median(ns):.0f} | {ratio} |", flush=True)


def measure_programs(machine):
    """strace.py, in the machine, whose service records. Each round has the start and the end of a recording in it."""
    machine.run(["mkdir", "-p", "/root/bench"])
    for path in ("bench/strace.py", "system/real_programs.py"):
        with open(os.path.join(SOURCE, path), encoding="utf-8") as f:
            machine.write(f"/root/bench/{os.path.basename(path)}", f.read())
    print(machine.run(["/usr/bin/python3", "/root/bench/strace.py"], timeout=300, env={
        "TRACECTL_BUILD": "/build", "TRACECTL_BENCH_RECORD": "--syscalls",
        "TRACECTL_BENCH_SECONDS": os.environ.get("TRACECTL_BENCH_SECONDS", "30")}).stdout)


def main():
    if os.geteuid() != 0 or not os.path.isdir(f"{TRACEFS}/instances"):
        print("The kernel is not measured: that needs root, and tracefs.")
        return
    with host.Host() as machine:
        machine.show_machine_proc()
        machine.write("/root/calls.c", PROGRAM)
        machine.run("cc -O2 /root/calls.c -D_GNU_SOURCE -o /usr/local/bin/calls")
        with machine.start(["taskset", "-c", str(max(os.sched_getaffinity(0))), "/usr/local/bin/calls"]) as process:
            taken, counts = measure(machine, process)
            process.communicate()
        taken.update(measure_peers(machine))
        print_calls(taken)
        print(f"\nIn the session: {counts['events_recorded']} events, {counts['events_discarded']} lost, "
              f"{counts['bytes'] / counts['events_recorded']:.2f} bytes each")
        measure_programs(machine)


if __name__ == "__main__":
    main()
