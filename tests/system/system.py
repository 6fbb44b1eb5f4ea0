# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the system tests share: tracectl of the build tree, in a folder of the test's own.

$TRACECTL_BUILD names the build folder. Nothing here waits for a time: tests wait for output,
for the end of a process, or for what /proc says.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = os.environ["TRACECTL_BUILD"]
TRACECTL = os.path.join(BUILD, "client", "tracectl")
SHOP = os.path.join(BUILD, "docs", "examples", "shop")
PYTHON = sys.executable


def build_option(name):
    """One of meson's, of the build folder, whoever has started the test."""
    with open(os.path.join(BUILD, "meson-info", "intro-buildoptions.json"), encoding="utf-8") as f:
        return next(option["value"] for option in json.load(f) if option["name"] == name)


# A preloaded library of a sanitizer build needs a program of one, which the machine's programs are not: our malloc() is
# called before the sanitizer's run-time, which comes behind it there, has the memory that each instrumented call uses.
SANITIZE = build_option("b_sanitize")
SANITIZED = SANITIZE != "none"
needs_plain_build = unittest.skipIf(SANITIZED, "preloads into the machine's own programs: not in a sanitizer build")
PATIENCE = int(os.environ.get("TRACECTL_PATIENCE", "60"))  # seconds until what never comes is a failure

# What a shell or nohup lets a background job ignore, its programs would ignore, too: here each has what a terminal gives.
for _number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)


def wait_until(condition, what):
    """Polls something that can only be asked for, such as /proc."""
    deadline = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} has not come about in {PATIENCE} s")
        time.sleep(0.005)


def unique(name):
    """A program's name, for filters of what the kernel records: other tests' programs are in the same kernel."""
    return f"{name[:9]}{os.urandom(3).hex()}"


def children(pid):
    """Children of a process: pid -> name."""
    found = {}
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            pids = f.read().split()
        for child in pids:
            with open(f"/proc/{child}/comm", encoding="utf-8", errors="replace") as f:
                found[int(child)] = f.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def child_named(pid, name):
    """The child with this name (of which the kernel keeps 15 letters), as soon as there is one."""

    def look():
        return next((child for child, comm in children(pid).items() if comm == name[:15]), None)

    return wait_until(look, f"a child {name} of {pid}")


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def state(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def missing_directives(analysis):
    """Of what systemd-analyze security says in JSON: the directives that would make it better."""
    return {finding["name"].split("=")[0].split("/")[0] for finding in json.loads(analysis)
            if finding["set"] is False and float(finding["exposure"] or 0) > 0}


class NamesSkips(unittest.TestCase):
    def run(self, result=None):
        """Names what is skipped, in the form that GLib's tests have, for the summary of make check."""
        result = super().run(result)
        for test, reason in result.skipped if result else ():
            if test is self:
                print(f"ok 0 {self.id()} # SKIP {reason}", flush=True)
        return result


class SystemTest(NamesSkips):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tracectl-system-")
        self.addCleanup(folder.cleanup)
        self.cwd = os.path.join(folder.name, "work")
        self.runtime = os.path.join(folder.name, "run")
        os.mkdir(self.cwd)
        os.mkdir(self.runtime, 0o700)
        self.env = dict(os.environ, XDG_RUNTIME_DIR=self.runtime, LC_ALL="C.UTF-8")
        # execvp() itself says "permission denied" where a folder of another user's is in the way.
        self.env["PATH"] = ":".join(folder for folder in os.environ["PATH"].split(":") if os.access(folder, os.X_OK))
        if SANITIZED:  # The leak checker wants to trace each process at its end, forked children and all.
            self.env["ASAN_OPTIONS"] = "detect_leaks=0"
        for name in ("TRACECTL_SOCKET", "LD_PRELOAD"):
            self.env.pop(name, None)

    def tracectl(self, *args, **options):
        """Runs tracectl to its end; stdout and stderr as text."""
        options = {"cwd": self.cwd, "env": self.env, "stdin": subprocess.DEVNULL, **options}
        return subprocess.run([TRACECTL, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=PATIENCE, check=False, **options)

    def record(self, *args, **options):
        return self.tracectl("record", *args, **options)

    def run_program(self, command, env):
        """Runs a program without tracectl."""
        return subprocess.run(command, cwd=self.cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)

    def start(self, *args, **options):
        """Starts tracectl; the test ends it. stdin, stdout and stderr are pipes."""
        process = subprocess.Popen([TRACECTL, *args], cwd=self.cwd, env=self.env, text=True, bufsize=1,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.addCleanup(self._end, process)
        return process

    @staticmethod
    def _end(process):
        if process.poll() is None:
            for child in children(process.pid):
                try:
                    os.kill(child, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass

    @staticmethod
    def finish(process):
        """Waits for the end: (stdout, stderr)."""
        return process.communicate(timeout=PATIENCE)

    def last_line(self, stderr):
        lines = stderr.splitlines()
        self.assertTrue(lines, "nothing on stderr")
        self.assertTrue(lines[-1].startswith("tracectl: "), lines[-1])
        return lines[-1]

    def counts(self, stderr):
        """(events, lost) of the last line."""
        line = self.last_line(stderr)
        match = re.search(r"tracectl: ([\d,]+) events?, ([\d,]+) lost", line)
        self.assertTrue(match, line)
        return tuple(int(number.replace(",", "")) for number in match.groups())

    def events(self, trace, lost=0):
        """The events of a trace as babeltrace2 has them, one line each, in its order; it must find nothing odd, and
        exactly this many events discarded. (None: it need not know how many. That is so where the first packet of a
        stream is missing, because it counts from one packet to the next.)"""
        result = subprocess.run(["babeltrace2", "--no-delta", os.path.join(self.cwd, trace)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
        warning = re.compile(r"WARNING: Tracer (?:discarded (\d+)|may have discarded) events? .*\n")
        self.assertEqual((result.returncode, warning.sub("", result.stderr)), (0, ""))
        if lost is not None:
            self.assertNotIn("may have discarded", result.stderr)
            self.assertEqual(sum(map(int, warning.findall(result.stderr))), lost)
        return [line for line in result.stdout.splitlines() if " tracectl:thread: " not in line]

    def assert_nothing_left(self, *but):
        """No trace, no socket."""
        self.assertEqual(sorted(os.listdir(self.cwd)), sorted(but))
        self.assertEqual(os.listdir(self.runtime), [])

    def write_file(self, name, text, mode=0o755):
        path = os.path.join(self.cwd, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path
