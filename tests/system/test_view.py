# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `tracectl view` shows is what babeltrace2 shows: the same events at the same times, with the same fields and
values, of our traces and of LTTng's."""

import itertools
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from system import PYTHON, SHOP, SystemTest, needs_plain_build

BUILD = os.environ["TRACECTL_BUILD"]
FIELDS = os.path.join(BUILD, "tests", "programs", "fields")
EMIT = os.path.join(BUILD, "tests", "programs", "emit")
LTTNG_PROGRAM = os.path.join(BUILD, "tests", "bench", "bench-tracer")
LINES_MAX = 20000

PEER = re.compile(r"\[([\d:.]+)\] \(\S+\) \S+ (\S+): \{ (?:cpu_id = \d+)? ?\},? ?(.*)")
OURS = re.compile(r"([\d:.]+)  \S+ +(\S+) *(.*)")


def plain(text):
    """Values alone, without what the two put around them."""
    text = re.sub(r"\b_+\w+_length = \d+,? ?", "", text)  # which only say how long the next field is
    text = re.sub(r"\[\d+\] = ", "", text)
    text = text.replace(" = ", "=")
    return re.sub(r"[\s{},]+", " ", re.sub(r"\[\s*", "[", re.sub(r"\s*\]", "]", text))).strip().lower()


class View(SystemTest):
    def lines(self, pattern, *command):
        """(nanoseconds, name, values) of the first LINES_MAX lines."""
        found = []
        with subprocess.Popen(command, cwd=self.cwd, env=dict(self.env, TZ="UTC"), stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, errors="surrogateescape") as process:
            for line in itertools.islice(process.stdout, LINES_MAX):
                match = pattern.fullmatch(line.rstrip("\n"))
                self.assertTrue(match, line)
                hours, minutes, seconds = match[1].split(":")
                time = (int(hours) * 60 + int(minutes)) * 60 * 10**9 + int(seconds.replace(".", ""))
                found.append((time, match[2], plain(match[3])))
            process.stdout.close()
        return found

    def assert_same(self, trace, at_least):
        peer = self.lines(PEER, "babeltrace2", "--clock-gmt", trace)
        ours = self.lines(OURS, os.path.join(BUILD, "client", "tracectl"), "view", "--all", trace)
        self.assertGreaterEqual(len(ours), at_least)
        self.assertEqual(len(ours), len(peer))
        # babeltrace2 computes times with a floating point number, and so one nanosecond off. At the same time, either
        # order is one; and where the lines end before the trace, that of the last ones is not known.
        if len(ours) == LINES_MAX:
            end = min(ours[-1][0], peer[-1][0]) - 1000
            ours, peer = ([line for line in lines if line[0] < end] for lines in (ours, peer))
        self.assertTrue(all(abs(a[0] - b[0]) <= 1 for a, b in zip(ours, peer)))
        for a, b in itertools.zip_longest(*(sorted(lines, key=lambda line: (line[1], line[2], line[0]))
                                            for lines in (ours, peer))):
            self.assertEqual(a[1:], b[1:])
            self.assertLessEqual(abs(a[0] - b[0]), 1)

    def assert_ranges(self, trace):
        """What --since shows is the end of everything, by the indexes and without them."""
        def view(*options):
            return self.tracectl("view", "--date", *options, trace).stdout.splitlines()

        every = view()
        for has_index in (True, False):
            if not has_index:
                for folder in [folder for folder, _, _ in os.walk(os.path.join(self.cwd, trace)) if folder.endswith("/index")]:
                    shutil.rmtree(folder)
            for part in (0.3, 0.7, 0.99):
                since = " ".join(every[int(part * len(every))].split()[:2])
                begin = next(i for i, line in enumerate(every) if line.startswith(since))
                self.assertTrue(view("--since", since) == every[begin:], (has_index, since))

    def test_ranges(self):
        """Of a stream with so many packets that the right one is searched for where there is no index."""
        self.record("--size", "16K", "-o", "trace", "--", "taskset", "-c", str(min(os.sched_getaffinity(0))), EMIT,
                    "processes", "4", "2000000")
        (stream,) = pathlib.Path(self.cwd, "trace").glob("**/channel0_*[0-9]")
        self.assertGreater(stream.stat().st_size, 600 * 4200)
        self.assert_ranges("trace")

    def test_fields_of_all_types(self):
        self.record("-o", "trace", "--", FIELDS)
        self.assert_same("trace", 10)

    def test_example(self):
        self.record("-o", "trace", "--", SHOP, "500", "4")
        self.assert_same("trace", 1001)

    def test_several_streams(self):
        self.record("-o", "trace", "--", EMIT, "processes", "4", "5000")
        self.assert_same("trace", 20000)

    @needs_plain_build
    def test_libc(self):
        self.record("--libc", "-o", "trace", "--", PYTHON, "-c", "open('/etc/passwd').close()")
        self.assert_same("trace", 10)

    def lttng(self, *arguments):
        subprocess.run(["lttng", *arguments], env=self.env, check=True, stdout=subprocess.DEVNULL, timeout=60)

    @needs_plain_build
    @unittest.skipUnless(shutil.which("lttng-sessiond") and shutil.which("lttng"), "LTTng's tools are not installed")
    def test_lttng(self):
        self.env.update(HOME=self.cwd, LTTNG_HOME=self.cwd)
        pid_file = os.path.join(self.cwd, "pid")
        daemon = subprocess.run(["lttng-sessiond", "--daemonize", "--no-kernel", "--pidfile", pid_file], env=self.env,
                                check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
        if daemon.returncode != 0:
            self.skipTest("lttng-sessiond does not start, or runs already")
        with open(pid_file, encoding="ascii") as f:
            self.addCleanup(os.kill, int(f.read()), 15)
        trace = os.path.join(self.cwd, "lttng-trace")
        self.lttng("create", "view", "--output", trace)
        self.lttng("enable-channel", "-u", "c", "--subbuf-size", "4096", "--num-subbuf", "1024")
        self.lttng("add-context", "-u", "-c", "c", "-t", "vpid", "-t", "vtid", "-t", "procname")
        self.lttng("enable-event", "-u", "-c", "c", "bench:*")
        self.lttng("start")
        subprocess.run([LTTNG_PROGRAM, "bytes"], env=self.env, check=True, stdout=subprocess.DEVNULL, timeout=60)
        self.lttng("destroy", "view")
        self.assert_same(trace, LINES_MAX)
        self.assert_ranges(trace)


if __name__ == "__main__":
    unittest.main()
