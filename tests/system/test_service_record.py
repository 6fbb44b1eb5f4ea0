# SPDX-License-Identifier: LGPL-2.1-or-later
"""tracectl record --pid: programs that run already, by the service that knows them."""

import functools
import os
import re
import signal
import unittest

from service import EMIT, ServiceTest, read_line
from system import wait_until


class RecordRunning(ServiceTest):
    def setUp(self):
        super().setUp()
        self.trace = f"/home/alice/{self.id()}"

    def record(self, user, *args):
        """A recording, when it records. Its words come on stdout."""
        words = " ".join(args)
        process = self.start(["sh", "-c", f"exec tracectl record {words} 2>&1"], user=user, bufsize=0, text=False)
        line = read_line(process).decode()
        self.assertRegex(line, r"\Atracectl: Recording into \S+/ until ")
        return process

    def finish(self, process):
        """Its last line, when it has ended."""
        line = read_line(process).decode()
        self.assertEqual(process.wait(30), 0, line)
        self.assertEqual(process.stdout.read(), b"")
        return line

    def test_until_somebody_ends_it(self):
        first, second = self.emitter("alice", 1), self.emitter("alice", 2)
        second.ask(10)
        process = self.record("alice", "-o", self.trace, "-p", str(first.pid))
        first.emit(3000)
        os.kill(process.outer_pid, signal.SIGINT)
        self.assertRegex(self.finish(process), r"\Atracectl: 3,000 events, 0 lost, .* in \S+/ \(\d+\.\d\d s, "
                         r"and about 1 ms of CPU time within the program\); look at")
        first.emit(5)
        first.emitted -= 5
        self.assert_counted(self.events(self.trace), [first])
        # Of the session nothing is left: it ends when tracectl has hung up.
        wait_until(lambda: not self.tracectl("alice", "list", "--no-legend").stdout, "the end of the session")

    def test_twice(self):
        """Two recordings of one program, at once."""
        emitter = self.emitter("alice", 1)
        traces = [self.trace, f"{self.trace}-again"]
        recordings = [self.record("alice", "-o", trace, "-p", str(emitter.pid)) for trace in traces]
        emitter.emit(10)
        emitter.process.stdin.close()
        for process, trace in zip(recordings, traces):
            self.assertRegex(self.finish(process), r"\Atracectl: 10 events, 0 lost")
            self.assert_counted(self.events(trace), [emitter])

    def test_until_they_have_ended(self):
        emitters = [self.emitter("alice", writer) for writer in (1, 2)]
        process = self.record("alice", "-o", self.trace, *(f"--pid={emitter.pid}" for emitter in emitters))
        for emitter in emitters:
            emitter.emit(100)
            emitter.process.stdin.close()
        self.assertRegex(self.finish(process), r"\Atracectl: 200 events, 0 lost")
        self.assert_counted(self.events(self.trace), emitters)

    def test_so_long(self):
        emitter = self.emitter("alice", 1)
        process = self.record("alice", "-o", self.trace, "-t", "500ms", "-p", str(emitter.pid))
        emitter.emit(7)
        self.assertRegex(self.finish(process), r"\Atracectl: 7 events, 0 lost, .* \(0\.[5-9]\d s, ")

    def test_children_and_filters(self):
        """A shell, which has no events, and what it starts afterwards."""
        shell = self.start(["sh", "-c", f"echo $$; read x; {EMIT} threads 2 100; read x"], user="alice", bufsize=0, text=False)
        pid = read_line(shell).decode().strip()
        process = self.record("alice", "-o", self.trace, "--follow-forks", "-p", pid,
                              "-e", "'test:tick:counter < 10 && writer == 1'", "-e", "'test:tick:counter == 50'")
        shell.stdin.write(b"\n")
        self.assertEqual(read_line(shell), b"emitted 200\n")
        shell.stdin.close()
        self.assertRegex(self.finish(process), r"\Atracectl: 12 events, 0 lost")
        found = sorted(tuple(map(int, re.search(r"writer = (\d+), counter = (\d+)", line).groups()))
                       for line in self.events(self.trace))
        self.assertEqual(found, [(0, 50), *((1, i) for i in range(10)), (1, 50)])

    def wait_for_the_end(self, user, trace):
        """Of a session whose client has gone: nothing of it is left but its trace, which is whole and read."""
        wait_until(lambda: self.tracectl(user, "list", "--no-legend").stdout == "", "no session")
        return self.events(trace)

    def test_killed(self):
        """A recording ends with the program that wanted it, also where that cannot say so."""
        emitter = self.emitter("alice", 1)
        self.tracectl("alice", "create", "other")
        process = self.record("alice", "-o", self.trace, "-p", str(emitter.pid))
        emitter.emit(1000)
        os.kill(process.outer_pid, signal.SIGKILL)
        process.wait(30)
        wait_until(lambda: self.tracectl("alice", "list", "--no-legend").stdout.split()[:1] == ["other"], "one session")
        self.tracectl("alice", "destroy", "other")
        self.assert_counted(self.wait_for_the_end("alice", self.trace), [emitter])
        emitter.emit(10)
        self.assertEqual(len(self.events(self.trace)), 1000)

    def test_killed_while_tracingd_is_away(self):
        """The next tracingd knows whose the session was, and that he has gone; a client that is there keeps his."""
        emitters = [self.emitter("alice", writer) for writer in (1, 2)]
        traces = [self.trace, f"{self.trace}-stays"]
        goes, stays = (self.record("alice", "-o", trace, "-p", str(emitter.pid))
                       for trace, emitter in zip(traces, emitters))
        for emitter in emitters:
            emitter.emit(1000)
        kill = functools.partial(self.host.systemctl, "kill", "--kill-whom=main", "tracingd.service")
        kill("--signal=STOP")
        os.kill(goes.outer_pid, signal.SIGKILL)
        goes.wait(30)
        # What the bus has told the one that was stopped, the next one is not told.
        kill("--signal=KILL")
        wait_until(lambda: len(self.tracectl("alice", "list", "--no-legend", check=False).stdout.splitlines()) == 1,
                   "one session")
        self.assert_counted(self.events(traces[0]), emitters[:1])
        stays.kill()
        self.assert_counted(self.wait_for_the_end("alice", traces[1]), emitters[1:])

    def test_live(self):
        emitter = self.emitter("alice", 1)
        process = self.record("alice", "-o", self.trace, "--live", "-p", str(emitter.pid))
        emitter.emit(1)
        self.assertRegex(read_line(process).decode(), r"  test:tick +writer=1 counter=0 ")
        emitter.process.stdin.close()
        self.finish(process)

    def test_of_others(self):
        """Another user's program is not recorded, and nothing is left behind."""
        emitter = self.emitter("bob", 1)
        done = self.tracectl("alice", "record", "-o", self.trace, "-p", str(emitter.pid), check=False)
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertRegex(done.stderr, r"\Atracectl: Failed to enable the events: .+\n\Z")
        self.assertFalse(os.path.exists(self.host.file(self.trace)))
        self.assertEqual(self.tracectl("alice", "list", "--no-legend").stdout, "")


if __name__ == "__main__":
    unittest.main()
