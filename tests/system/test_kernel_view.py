# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the viewer makes of the kernel's events: whose they are, and what belongs together."""

import collections
import json
import os
import re
import unittest

import host
import test_kernel as kernel
from service import ServiceTest

# Two threads of one processor sleep for the same time, the second one begins within the first one's sleep.
SLEEPERS = r"""
import os, threading, time
def sleep(after):
    time.sleep(after)
    time.sleep(0.5)
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
threads = [threading.Thread(target=sleep, args=(after,)) for after in (0.1, 0.2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


if __name__ == "__main__":
    kernel.with_tracefs()


@host.needs_host
@unittest.skipUnless(os.path.isdir(f"{kernel.TRACEFS}/instances"), "needs tracefs")
class KernelView(ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.show_machine_proc()

    def view(self, *args):
        return [json.loads(line) for line in self.tracectl("root", "view", "-o", "json", *args).stdout.splitlines()]

    def test_whose(self):
        self.host.write("/root/sleepers.py", SLEEPERS)
        done = self.tracectl("root", "record", "--kernel", "--syscall", "clock_nanosleep", "--syscall", "wait4", "-e",
                             "task_newtask", "-o", "/root/sleepers", "--", "sh", "-c",
                             "sleep 0.01; /usr/bin/python3 /root/sleepers.py; :", check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        events = self.view("--durations", "/root/sleepers")
        shell = {event["pid"] for event in events if event["event"] == "syscall_entry_wait4"}
        self.assertEqual(len(shell), 1, events)
        asleep = [event for event in events if event["event"] == "syscall_exit_clock_nanosleep"]
        # The command sleep, and twice each of two threads of a process, on one processor.
        processes = collections.defaultdict(lambda: collections.defaultdict(list))
        for event in asleep:
            processes[event["pid"]][event["tid"]].append(event)
        self.assertEqual(sorted(len(threads) for threads in processes.values()), [1, 2], asleep)
        pid = next(pid for pid, threads in processes.items() if len(threads) == 2)
        self.assertNotIn(pid, processes[pid])
        for _, long in processes[pid].values():
            self.assertEqual(long["cpu"], min(event["cpu"] for events in processes[pid].values() for event in events))
            self.assertAlmostEqual(long["duration"], 500_000_000, delta=60_000_000)
        self.check_selected(events, pid)

    def check_selected(self, events, pid):
        chosen = self.view("-p", str(pid), "/root/sleepers")
        self.assertEqual(len(chosen), sum(event["pid"] == pid for event in events))
        self.assertEqual({event["pid"] for event in chosen}, {pid})
        lines = self.tracectl("root", "view", "-p", str(pid), "/root/sleepers").stdout.splitlines()
        self.assertEqual(len(lines), len(chosen))
        for line, event in zip(lines, chosen):
            self.assertEqual(line.split()[1], f"{event['pid']}/{event['tid']}")
        counted = json.loads(self.tracectl("root", "summary", "--json", "/root/sleepers").stdout)
        self.assertEqual({row["pid"]: row["count"] for row in counted["processes"] if "pid" in row},
                         {n: sum(event["pid"] == n for event in events) for n in {event["pid"] for event in events} - {0}})
        for form in ("chrome", "html"):
            self.tracectl("root", "view", "-o", form, "-O", f"/root/sleepers.{form}", "/root/sleepers")
        sleeps = collections.defaultdict(list)
        for event in json.loads(self.host.read("/root/sleepers.chrome"))["traceEvents"]:
            if event["ph"] in "BE" and event["name"] == "clock_nanosleep" and event["pid"] == pid:
                sleeps[event["tid"]].append(event["ts"])
        self.assertEqual(len(sleeps), 2)
        for _, _, begin, end in sleeps.values():
            self.assertAlmostEqual(end - begin, 500_000, delta=60_000)

    def test_names_of_errors(self):
        """Beside the number, of results alone; what is for programs has numbers."""
        script = "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.close(1000)\nlibc.dup(1000)\nlibc.close(libc.dup(0))\n" \
                 "libc.lseek(1000, -9, 0)"
        self.tracectl("root", "record", "--kernel", "--syscall", "close", "--syscall", "dup", "--syscall", "lseek", "-o",
                      "/root/errors", "--", "/usr/bin/python3", "-c", script)
        events = self.view("/root/errors")
        begin = next(k for k, event in enumerate(events)
                     if event["event"] == "syscall_entry_close" and event["fields"]["fd"] == 1000)
        own = events[begin:begin + 10]
        self.assertEqual([event["event"].split("_", 2)[2] for event in own],
                         [name for name in ("close", "dup", "dup", "close", "lseek") for _ in range(2)])
        results = [event["fields"]["ret"] for event in own[1::2]]
        self.assertEqual((results[:2], results[3:]), ([-9, -9], [0, -9]))
        for options in ((), ("--durations",)):
            lines = self.tracectl("root", "view", *options, "/root/errors").stdout.splitlines()[begin:begin + 10]
            for line, result in zip(lines[1::2], results):
                self.assertRegex(line, r"\bret=EBADF\(-9\)" if result < 0 else rf"\bret={result}(?!\d)")
            self.assertNotIn("EBADF", "".join(lines[::2]))
        calls = [line.split(None, 2)[2] for line in self.tracectl("root", "view", "--calls", "/root/errors").stdout.splitlines()]
        self.assertEqual(sum("= -1 EBADF" in call for call in calls), 3, calls)

    def test_descriptors(self):
        """What a descriptor is, in each process of a pipeline: by who has it as a number, and by who has inherited it."""
        done = self.tracectl("root", "record", "--syscalls", "-o", "/root/descriptors", "--", "sh", "-c",
                             "exec 7</etc/hostname; cat <&7 | wc -c; exec 7<&-")
        if "without paths" in done.stderr:
            self.skipTest("needs BPF programs: " + done.stderr)
        lines = self.tracectl("root", "view", "--calls", "/root/descriptors").stdout.splitlines()
        calls = {line.split(None, 2)[2] for line in lines}
        ours = [line.split(None, 2) for line in lines]
        self.assertFalse([line for line in lines if line.split()[1].startswith("-/")], "the process is known")

        def of(pattern):
            """Whose calls match."""
            found = {process for _, process, call in ours if re.match(pattern, call)}
            self.assertEqual(len(found), 1, f"{pattern} in {sorted(calls)}")
            return found.pop()

        shell = of(r"openat\(dfd=AT_FDCWD, filename=\"/etc/hostname\", flags=O_RDONLY, mode=0\) = \d+</etc/hostname> <")
        self.assertEqual(of(r"pipe2\(fildes=\[\d+, \d+\], flags=0\) = 0 "), shell)
        cat = of(r"read\(fd=0</etc/hostname>, ")
        self.assertEqual(of(r"write\(fd=1<pipe:1>, "), cat)
        wc = of(r"read\(fd=0<pipe:1>, ")
        self.assertEqual(len({shell, cat, wc}), 3)
        self.assertEqual(of(r"close\(fd=7</etc/hostname>\) = 0 "), shell)

    def test_live(self):
        """What is printed while the command runs is what is shown of the trace: a line a call, in the order of time."""
        done = self.tracectl("root", "record", "--syscalls", "--live", "-o", "/root/live", "--", "sh", "-c",
                             "ls /root | wc -l; sleep 0.6; exec ls /root/live")
        printed = [line for line in done.stderr.splitlines() if not line.startswith("tracectl: ")]
        shown = self.tracectl("root", "view", "--calls", "/root/live").stdout.splitlines()
        self.assertGreater(len(shown), 200)
        self.assertEqual(sum("exit_group(" in line for line in shown), 4)
        # Who had not returned is told of at the end of both, as it is found.
        self.assertEqual(collections.Counter(printed), collections.Counter(shown))
        times = [line.split()[0] for line in printed if "<unfinished>" not in line]
        self.assertEqual(times, sorted(times))

    def test_follow(self):
        """The same of a session that others have made."""
        self.tracectl("root", "create", "followed", "--output", "/root/followed")
        self.tracectl("root", "enable-event", "--session", "followed", "--kernel", "--syscall", "getppid,close")
        self.tracectl("root", "start", "followed")
        with self.host.start(["tracectl", "view", "--follow", "--calls", "followed"]) as follower:
            program = "import os\nwhile True:\n    os.getppid()\n    os.close(os.dup(0))\n"
            with self.host.start(["/usr/bin/python3", "-c", program]) as process:
                lines = [follower.stdout.readline() for _ in range(1000)]
                process.kill()
            follower.kill()
        for line in lines:
            self.assertRegex(line, r"^[\d:.]+ +\S+ +(getppid\(\) = \d+|close\(fd=\d+\S*\) = (0|-1 E\w+)|\w+\(.*<unfinished>)")
        self.tracectl("root", "destroy", "followed")


if __name__ == "__main__":
    unittest.main()
