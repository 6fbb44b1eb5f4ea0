# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures the rendez-vous of applications and tracingd: transports, one registration, storms, changes of rules, beside
the floor and, where it is installed, lttng-sessiond with the same programs. Prints tables in the form of
docs/performance.md, which they are for.

    rendezvous.py [N...]    storms of so many programs (default: 1 100 1000; 10000 takes a minute)
"""

import fcntl
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "system"))

import host  # pylint: disable=wrong-import-position
import system  # pylint: disable=wrong-import-position

BUILD = os.environ["TRACECTL_BUILD"]
PROGRAM = os.path.join(BUILD, "tests", "bench", "bench-rendezvous")
SIZES = (16, 1024, 4096, 8192, 16384)
LTTNG_MAX = 1000  # it takes six descriptors and more memory for each
CHANGES = 9
NEW = ["bench:off", "bench:context", "bench:passes", "bench:fails"]

# Runs in the machine of our own: to begin a command there takes up to 20 ms where a thousand processes are (it is put into
# a cgroup, for which the kernel waits), and that is neither's. What a command leaves pending is waited for.
MEASURE = """
import json, subprocess, sys, time
request = json.loads(sys.argv[1])
times = {"new": [], "disable": [], "enable": []}
run = lambda command: subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
def change(what, command, event):
    begin = time.monotonic()
    output = run([*command, event])
    while request["settle"] and json.loads(output or '{"pending": 1}')["pending"] > 0:
        output = run(request["settle"])
    times[what].append((time.monotonic() - begin) * 1000)
for event in request["new"]:
    change("new", request["enable"], event)
for i in range(request["changes"]):
    for what in ("disable", "enable"):
        change(what, request[what], request["new"][0])
print(json.dumps(times))
"""


def table(title, columns, rows):
    print(f"\n{title}\n\n| " + " | ".join(columns) + " |\n|" + " --- |" + " ---: |" * (len(columns) - 1))
    for row in rows:
        print("| " + " | ".join(str(c) for c in row) + " |")


def lines_of(text):
    return {words[0]: [float(n) for n in words[1:]] for words in map(str.split, text.splitlines())}


def run(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True)
    return lines_of(done.stdout)


def measure_transports():
    found = run("ipc", 2000)
    rows = []
    for transport in ("pipe", "stream", "seqpacket"):
        for size in SIZES:
            rows.append((transport, size, *(f"{found[f'ipc-{transport}-{what}-{size}'][2]:.2f} "
                                            f"({found[f'ipc-{transport}-{what}-{size}'][3]:.2f})"
                                            for what in ("write", "read", "way"))))
    rows.append(("eventfd", 8, *(f"{found[f'ipc-eventfd-{what}-8'][2]:.2f} ({found[f'ipc-eventfd-{what}-8'][3]:.2f})"
                                 for what in ("write", "read", "way"))))
    way = found["ipc-futex-way-0"]
    rows.append(("futex, as programs are woken at the page", 0, "", "", f"{way[2]:.2f} ({way[3]:.2f})"))
    table("A transport, µs: mean (deviation); a way wakes another process", ("", "bytes", "write", "read", "way"), rows)


class PrivateDaemon:
    """A tracingd that nobody but us knows of."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="tracectl-bench-")
        self.path = os.path.join(self.folder.name, "register")
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listening.bind(self.path)
        listening.listen(128)
        self.bus, other = socket.socketpair()
        # As sd_listen_fds(3) wants them: at 3 and 4, for the process that execs.
        passed = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 20) for s in (other, listening)]
        self.process = subprocess.Popen(
            ["bash", "-c", f"exec 3<&{passed[0]} 4<&{passed[1]} {passed[0]}<&- {passed[1]}<&-; LISTEN_PID=$$ exec \"$0\" --private",
             os.path.join(BUILD, "service", "tracingd")], pass_fds=passed,
            env=dict(os.environ, LISTEN_FDS="2", LISTEN_FDNAMES="bus:register"))
        for fd in passed:
            os.close(fd)
        other.close()
        listening.close()
        return self

    def __exit__(self, *unused):
        self.bus.close()
        self.process.wait()
        self.folder.cleanup()


def measure_registration(n=4000):
    with PrivateDaemon() as daemon:
        before = run("floor", n)["floor"]
        found = run("register", daemon.path, n)
        after = run("floor", n)["floor"]
    floor = (before[0] + after[0]) / 2
    names = (("register-connect", "connect"), ("register-send", "send REGISTER"),
             ("register-wait", "until READY has come"), ("register", "all"), ("register-applied", "send APPLIED"))
    rows = [("floor: connect, a descriptor there and back", f"{floor:.1f}", f"{before[1]:.1f}", "1.00")]
    rows += [(text, f"{found[name][0]:.1f}", f"{found[name][1]:.1f}", f"{found[name][0] / floor:.2f}")
             for name, text in names]
    table("One application registers, alone, µs", ("", "median", "p99", "/ floor"), rows)


def storm(machine, n):
    """What bench-rendezvous prints for N programs in front of a new tracingd."""
    machine.systemctl("restart", "tracingd.service")
    pid = machine.run(["systemctl", "show", "-P", "MainPID", "tracingd.service"]).stdout.strip()
    done = machine.run([machine.build("tests/bench/bench-rendezvous"), "storm", str(n), pid,
                        machine.build("tests/bench/bench-rendezvous-application")], timeout=120)
    return lines_of(done.stdout)


def print_storms(found):
    names = (("registered", 0, "all registered, ms"), ("storm", 1, "all acknowledged another change, too, ms"),
             ("storm-get-session", 0, "GetSession meanwhile, median, ms"), ("storm-get-session", 1, "p99, ms"),
             ("enable", 0, "EnableEvent, all acknowledged, ms"), ("disable", 0, "DisableEvent, all acknowledged, ms"),
             ("stop", 0, "Stop, ms"), ("start", 0, "Start, ms"), ("list", 0, "ListApplications, ms"),
             ("gone", 0, "all killed, and forgotten, ms"), ("shrunk", 0, "memory given back, ms"),
             ("restart", 0, "tracingd killed before as many: the next one serves, ms"),
             ("restart", 1, "all are back, ms"))
    rows = [(text, *(f"{f[name][i] / 1000:.2f}" if name in f else "" for f in found.values()))
            for name, i, text in names]
    rows.append(("registered a second", *(f"{n / f['registered'][0] * 1e6:.0f}" for n, f in found.items())))
    table("N programs that wait, and are woken together", ("", *map(str, found)), rows)
    rows = []
    for when in ("before", "during", "changed", "after"):
        for i, text in enumerate(("RSS, KiB", "descriptors", "CPU, s", "PID 1: RSS, KiB", "PID 1: CPU, s")):
            rows.append((f"{when}: {text}", *(f"{f['usage-' + when][i]:g}" for f in found.values())))
    rows.append(("RSS of one application, KiB", *(
        f"{(f['usage-changed'][0] - f['usage-before'][0]) / n:.2f}" for n, f in found.items())))
    table("What tracingd takes", ("", *map(str, found)), rows)


class Changes:
    """The same changes of rules by the commands of both, over N live programs, until each has acknowledged them."""

    def __init__(self, machine, n):
        self.machine, self.n = machine, n

    def _run(self, *command):
        return self.machine.run(list(command), timeout=60).stdout

    def _programs(self, name, count):
        """Returns when they and the one that starts them have registered."""
        process = self.machine.start([self.machine.build("tests/bench/" + name), str(self.n)],
                                     env={"LTTNG_UST_REGISTER_TIMEOUT": "0"})
        if process.stdout.readline().strip() != "ready":
            raise AssertionError(f"{name} has not started")
        system.wait_until(lambda: count() == self.n + 1, f"the registration of {self.n} programs")
        return process

    def _measure(self, enable, disable, settle=None):
        """Medians in ms: rules for events that have had none, one of them disabled, and enabled again."""
        request = json.dumps({"enable": enable, "disable": disable, "settle": settle, "new": NEW, "changes": CHANGES})
        times = json.loads(self._run(sys.executable, "-c", MEASURE, request))
        return {what: statistics.median(taken) for what, taken in times.items()}

    def ours(self):
        # A new one, which is asked for something and therefore stays.
        self.machine.systemctl("restart", "tracingd.service")
        self._run("tracectl", "create", "changes")
        asked = "busctl get-property org.tracectl.Tracing1 /org/tracectl/Tracing1 " \
                "org.tracectl.Tracing1.Manager Applications"
        process = self._programs("bench-rendezvous-application", lambda: int(self._run(*asked.split()).split()[1]))
        self._run("tracectl", "enable-event", "bench:number")
        self._run("tracectl", "start")
        settle = ["tracectl", "enable-event", "--json", "none:*"]
        while json.loads(self._run(*settle))["pending"] > 0:
            pass
        found = self._measure(["tracectl", "enable-event", "--json"], ["tracectl", "disable-event", "--json"], settle)
        self._run("tracectl", "destroy", "changes")
        process.kill()
        process.wait()
        return found

    def lttng(self):
        # A service, so that it has gone before the next one starts: a second one refuses to. It wants more descriptors
        # than a service has at first, six for each program, cannot have the 65535 that it asks for where the hard limit
        # is lower, and then starts no consumer.
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        self._run("systemd-run", "--quiet", "--unit=bench-lttng", "--service-type=forking",
                  f"--property=LimitNOFILE={limit}", shutil.which("lttng-sessiond"), "--daemonize", "--no-kernel")
        process = self._programs("bench-rendezvous-application-lttng",
                                 lambda: self._run("lttng", "list", "-u").count("PID: "))
        self._run("lttng", "create", "changes", "--output", "/tmp/changes")
        self._run("lttng", "enable-event", "-u", "bench:number")
        self._run("lttng", "start")
        found = self._measure(["lttng", "enable-event", "-u"], ["lttng", "disable-event", "-u"])
        self._run("lttng", "destroy", "changes")
        process.kill()
        process.wait()
        self._run("systemctl", "stop", "bench-lttng.service")
        return found


def print_changes(found):
    rows = []
    for n, (ours, peer) in found.items():
        for what, text in (("new", "a rule that is new"), ("disable", "a rule disabled"), ("enable", "enabled again")):
            rows.append((n, text, f"{ours[what]:.1f}", *((f"{peer[what]:.1f}", f"{peer[what] / ours[what]:.1f}")
                                                         if peer else ("", ""))))
    table("A change by a command, until all of N programs have acknowledged it, ms",
          ("N", "", "tracectl", "lttng", "lttng / tracectl"), rows)


def main():
    numbers = [int(n) for n in sys.argv[1:]] or [1, 100, 1000]
    measure_transports()
    measure_registration()
    if host.why_not():
        print(f"\nNo storms: {host.why_not()}.")
        return
    with host.Host() as machine:
        print_storms({n: storm(machine, n) for n in numbers})
        found = {}
        for n in (n for n in numbers if n <= LTTNG_MAX):
            changes = Changes(machine, n)
            found[n] = (changes.ours(), changes.lttng() if shutil.which("lttng-sessiond") else None)
        print_changes(found)


if __name__ == "__main__":
    main()
