# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is recorded, where it goes, and what the last line says about it."""

import os
import re
import shlex
import signal
import stat
import subprocess
import time
import unittest

from system import PYTHON, SHOP, SystemTest, child_named, children, needs_plain_build, wait_until


EMIT = os.path.join(os.environ["TRACECTL_BUILD"], "tests", "programs", "emit")
# Runs a command, and says how many milliseconds of CPU time it took.
MEASURE = """import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print((used.ru_utime + used.ru_stime) * 1000)"""


class Record(SystemTest):
    def test_every_event_is_there(self):
        result = self.record("-o", "trace", "--", SHOP, "1000", "4")
        self.assertEqual((result.returncode, result.stdout), (0, "1000 orders: 900 paid, 100 refused\n"))
        self.assertEqual(self.counts(result.stderr), (2001, 0))
        events = self.events("trace")
        self.assertEqual(len(events), 2001)
        ids = sorted(int(re.search(r"\{ id = (\d+)", event)[1]) for event in events if "order_received" in event)
        self.assertEqual(ids, list(range(1, 1001)))
        refused = [event for event in events if "order_refused" in event]
        self.assertEqual(len(refused), 100)
        self.assertIn('reason = "card declined"', refused[0])
        self.assertIn('message = "closing after 1000 orders"', events[-1])

    def test_time_ends_the_recording_and_not_the_command(self):
        """Once the consumer is gone nothing is recorded; the command goes on, and its exit status counts."""
        process = self.start("record", "-t", "200ms", "-o", "trace", "--", "/bin/sh", "-c",
                             f"echo ready; read -r _; {shlex.quote(SHOP)} 10; exit 7")
        self.assertEqual(process.stdout.readline().strip(), "ready")
        service = child_named(process.pid, "tracingd")
        wait_until(lambda: "tracectl-consum" not in children(service).values(), "the end of the recording")
        stdout, stderr = process.communicate("go\n")
        self.assertEqual((process.returncode, stdout), (7, "10 orders: 9 paid, 1 refused\n"))
        self.assertIn("Nothing was recorded", stderr.splitlines()[-1])

    def test_command_waits_for_a_slow_tracingd(self):
        """Longer than for one of the machine's: it is there for this command alone, and nothing may be missing."""
        process = self.start("record", "-o", "trace", "--", "/bin/sh", "-c",
                             f"echo ready; read -r _; exec {shlex.quote(SHOP)} 1000")
        self.assertEqual(process.stdout.readline().strip(), "ready")
        service = child_named(process.pid, "tracingd")
        os.kill(service, signal.SIGSTOP)
        try:
            process.stdin.write("go\n")
            process.stdin.flush()
            child_named(process.pid, "shop")
            time.sleep(1)  # what it waits, in vain, for the machine's is half of that
        finally:
            os.kill(service, signal.SIGCONT)
        _, stderr = process.communicate()
        self.assertEqual((process.returncode, self.counts(stderr)), (0, (2001, 0)))

    def test_time_that_is_none(self):
        for text in ("", "0", "s", "10x", "-1s", "1e3", "99999999999"):
            result = self.record("-t", text, "--", "true")
            self.assertEqual((result.returncode, result.stderr),
                             (2, f"tracectl: '{text}' is no length of time. Write one such as 10s, 500ms, 2min or 1h.\n"))

    def test_default_directory(self):
        result = self.record("--", SHOP)
        (name,) = os.listdir(self.cwd)
        self.assertRegex(name, r"^shop-\d{8}-\d{6}$")
        self.assertIn(f" in {name}/ (", self.last_line(result.stderr))
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.cwd, name)).st_mode), 0o700)
        self.assertEqual(os.listdir(self.runtime), [])

    def test_directories_of_the_same_second(self):
        for _ in range(3):
            self.assertEqual(self.record("--", SHOP).returncode, 0)
        self.assertEqual(len(os.listdir(self.cwd)), 3)

    def test_umask_does_not_open_the_trace(self):
        self.record("-o", "trace", "--", SHOP, umask=0)
        for folder, folders, files in os.walk(os.path.join(self.cwd, "trace")):
            for name in folders + files:
                mode = stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)
                self.assertEqual(mode & 0o077, 0, f"{folder}/{name} is {mode:o}")

    def test_the_command_of_the_last_line_works(self):
        for name in ("trace", "a name's $trouble", "-dash"):
            result = self.record("-o", name, "--", SHOP)
            command = self.last_line(result.stderr).split(" with: ")[1]
            self.assertEqual(shlex.split(command)[-1], name)
            shown = subprocess.run(["sh", "-c", command], cwd=self.cwd, env=self.env, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual((shown.returncode, shown.stderr), (0, ""))
            self.assertEqual(len(shown.stdout.splitlines()), 25)

    def test_summary(self):
        result = self.record("-c", "-o", "shop", "--", SHOP, "100")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, r"\A100 orders: .*\n\Z")
        last, _, tables = result.stderr.partition("\n")
        self.assertIn(" events, 0 lost, ", last)
        self.assertRegex(tables, r"(?m)^shop:order_received +100 ")
        self.assertRegex(tables, r"(?m)^EVENT +COUNT +SHARE +PER SECOND$")

    @needs_plain_build
    def test_the_cost_within_the_program(self):
        """An estimate, of what is recorded, lost and overwritten: it has the size of what the program takes."""
        for options in (["--size", "256M"], ["--size", "64K"], ["--overwrite"]):
            result = self.record(*options, "-o", options[-1], "--", PYTHON, "-c", MEASURE, EMIT, "threads", "1",
                                 "4000000")
            took = float(result.stdout)
            said = int(re.search(r" ms of CPU time beside the program, about (\d+) ms within it\)", result.stderr)[1])
            self.assertLess(said, 3 * took, options)
            self.assertGreater(said, took / 5, options)

    def test_patterns(self):
        result = self.record("-e", "shop:order_re*", "-e", "tracectl:tracef", "-e", "shop:order_re*", "-o", "trace",
                             "--", SHOP)
        names = {re.search(r" (\w+:\w+): ", event)[1] for event in self.events("trace")}
        self.assertEqual(names, {"shop:order_received", "shop:order_refused", "tracectl:tracef"})
        self.assertEqual(self.counts(result.stderr), (14, 0))

    def test_pattern_that_matches_nothing(self):
        result = self.record("-e", "store:*", "--", SHOP)
        self.assertEqual(result.returncode, 0)
        self.assertIn("Nothing was recorded: 1 process registered, but no event was hit that -e names.",
                      self.last_line(result.stderr))

    def test_program_without_tracepoints(self):
        result = self.record("--", "true")
        self.assertEqual(result.returncode, 0)
        self.assertIn("Nothing was recorded: the command has no tracepoints.", self.last_line(result.stderr))
        self.assertIn("--libc", self.last_line(result.stderr))
        self.assert_nothing_left()

    def test_children(self):
        result = self.record("-o", "trace", "--", "sh", "-c", f"{SHOP} 10 & {SHOP} 10 & wait; {SHOP} 10")
        self.assertEqual(self.counts(result.stderr), (63, 0))
        self.assertEqual(len(self.events("trace")), 63)

    def test_small_rings_lose_and_count(self):
        result = self.record("--size", "8K", "-o", "trace", "--", SHOP, "50000", "4")
        recorded, lost = self.counts(result.stderr)
        self.assertEqual(recorded + lost, 100001)
        self.assertGreater(lost, 0)
        self.assertEqual(len(self.events("trace", lost)), recorded)
        self.assertIn("ring full", self.last_line(result.stderr))

    def test_overwrite_keeps_the_newest(self):
        result = self.record("--overwrite", "--size", "64K", "-o", "trace", "--", SHOP, "50000", "1")
        recorded, lost = self.counts(result.stderr)
        events = self.events("trace")
        self.assertEqual((len(events), lost), (recorded, 0))
        self.assertLess(recorded, 100001)
        self.assertIn("were overwritten", self.last_line(result.stderr))
        self.assertIn("closing after 50000 orders", events[-1])
        ids = [int(re.search(r"\{ id = (\d+)", event)[1]) for event in events if "order_received" in event]
        self.assertEqual(ids[-1], 50000)
        self.assertGreater(ids[0], 1)

    @needs_plain_build
    def test_libc_of_an_unprepared_program(self):
        result = self.record("--libc", "-o", "trace", "--", PYTHON, "-c", "open('/etc/passwd').close(); print(45)")
        self.assertEqual((result.returncode, result.stdout), (0, "45\n"))
        self.assertEqual(len(self.events("trace")), self.counts(result.stderr)[0])
        self.assertTrue([event for event in self.events("trace")
                         if "libc:open" in event and '"/etc/passwd"' in event])

    def test_recording_inside_a_recording(self):
        tracectl = shlex.quote(os.path.join(os.environ["TRACECTL_BUILD"], "client", "tracectl"))
        result = self.record("-o", "outer", "--", "sh", "-c", f"{SHOP} 10; {tracectl} record -o inner -- {SHOP} 20")
        self.assertEqual(result.returncode, 0)
        self.assertEqual(len(self.events("outer")), 21)
        self.assertEqual(len(self.events("inner")), 41)
        self.assertEqual(os.listdir(self.runtime), [])


if __name__ == "__main__":
    unittest.main()
