# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures how fast a trace is read, beside babeltrace2 in the same run: two processes on two CPUs are recorded, and
the trace is shown as text (to /dev/null and to a file), counted, summed up, and entered near its end. Prints a table in
the form of docs/performance.md. TRACECTL_BENCH_EVENTS says how many events, a million if nothing does,
and TRACECTL_BENCH_ROUNDS how many rounds; with an argument, that trace is read instead."""

import os
import shutil
import subprocess
import sys
import tempfile
import time

BUILD = os.environ["TRACECTL_BUILD"]
TRACECTL = os.path.join(BUILD, "client", "tracectl")
EMIT = os.path.join(BUILD, "tests", "programs", "emit")
COUNT = os.path.join(BUILD, "tests", "bench", "bench-view-count")
EVENTS = int(os.environ.get("TRACECTL_BENCH_EVENTS", "1000000"))
RATE = 600000  # events a second of each process
ROUNDS = int(os.environ.get("TRACECTL_BENCH_ROUNDS", "3"))


def run(command, output):
    """Seconds, and the peak of its memory in MiB."""
    start = time.monotonic()
    with subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} has failed")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def record(folder):
    cpus = sorted(os.sched_getaffinity(0))
    trace = os.path.join(folder, "trace")
    writers = [f"taskset -c {cpu} {EMIT} paced {RATE} {EVENTS // 2}" for cpu in (cpus[0], cpus[-1])]
    subprocess.run([TRACECTL, "record", "--size", "256M", "-o", trace, "--",
                    "sh", "-c", f"{writers[0]} & {writers[1]} & wait"], check=True, stdout=subprocess.DEVNULL)
    return trace


def last_time(trace):
    """When the last event happened, or a few nanoseconds before, for --since."""
    text = subprocess.run(["sh", "-c", '"$1" view --date "$2" | tail -n 1', "sh", TRACECTL, trace],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    day, clock = text.split()[:2]
    return f"{day} {clock[:-1]}"


def first_line(trace, since):
    """Seconds until something is shown."""
    start = time.monotonic()
    with subprocess.Popen([TRACECTL, "view", "--since", since, trace], stdout=subprocess.PIPE) as process:
        if not process.stdout.readline():
            sys.exit("bench: view --since has shown nothing")
        seconds = time.monotonic() - start
        process.stdout.read()
    return seconds


def best(command, folder, to_file=False):
    """The fastest of some rounds, since others may be on the machine; the highest peak."""
    results = []
    for _ in range(ROUNDS):
        with open(os.path.join(folder, "out") if to_file else os.devnull, "wb") as output:
            results.append(run(command, output))
    return min(r[0] for r in results), max(r[1] for r in results)


def table(rows, n, peer):
    print(f"\nReading {n} events: seconds, the fastest of {ROUNDS} rounds (babeltrace2: of one)\n")
    print(f"| {'':<30} | {'s':>7} | {'ns an event':>11} | {'MiB':>6} | {'babeltrace2 text / this':>23} |")
    print(f"| {'-' * 30} | {'-' * 6}: | {'-' * 10}: | {'-' * 5}: | {'-' * 22}: |")
    for name, (seconds, memory) in rows:
        ratio = f"{peer[0] / seconds:.1f}" if peer else ""
        print(f"| {name:<30} | {seconds:7.3f} | {seconds * 1e9 / n:11.1f} | {memory:6.1f} | {ratio:>23} |")


def main():
    with tempfile.TemporaryDirectory() as folder:
        trace = sys.argv[1] if len(sys.argv) > 1 else record(folder)
        counted = subprocess.run([COUNT, trace], stdout=subprocess.PIPE, text=True, check=True).stdout
        n = sum(int(line.split()[1]) for line in counted.splitlines())
        peer = None
        rows = []
        if shutil.which("babeltrace2"):
            with open(os.devnull, "wb") as null:
                peer = run(["babeltrace2", trace], null)
            rows.append(("babeltrace2, text", peer))
        rows += [
            ("view, to /dev/null", best([TRACECTL, "view", trace], folder)),
            ("view, to a file", best([TRACECTL, "view", trace], folder, to_file=True)),
            ("view, one CPU", best(["taskset", "-c", str(min(os.sched_getaffinity(0))), TRACECTL, "view", trace],
                                   folder)),
            ("summary", best([TRACECTL, "summary", trace], folder)),
            ("summary --count", best([TRACECTL, "summary", "--count", trace], folder)),
            ("each event, streams in turn", best([COUNT, "--each", trace], folder)),
            ("counts by event", best([COUNT, trace], folder)),
        ]
        table(rows, n, peer)
        print(f"\nview --since, up to the first line: {first_line(trace, last_time(trace)) * 1000:.1f} ms")


if __name__ == "__main__":
    main()
