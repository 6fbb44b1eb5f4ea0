# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is recorded is seen while it happens; who does not look, or looks too slowly, costs the recording nothing."""

import os
import select
import signal
import time
import unittest

import system
from service import ServiceTest


class Live(ServiceTest):
    def begin(self, session, user="alice"):
        emitter = self.emitter(user, 1)
        self.tracectl(user, "create", session)
        self.tracectl(user, "enable-event", "-s", session, "test:*")
        self.tracectl(user, "start", session)
        return emitter

    def view(self, user, session, *options):
        """view --follow, when its stream is open."""
        before = self.used(user)
        viewer = self.start(["tracectl", "view", "--follow", *options, session], user=user, bufsize=0, text=False)
        system.wait_until(lambda: self.used(user) == before + 1, "an open stream")
        return viewer

    def used(self, user):
        """How many streams the user has open."""
        done = self.busctl(user, "get-property", "org.tracectl.Tracing1", "/org/tracectl/Tracing1",
                           "org.tracectl.Tracing1.Manager", "Limits")
        words = done.stdout.replace('"', "").split()
        return int(words[words.index("live-streams-used") + 1])

    @staticmethod
    def lines(process, n):
        """The next n lines, and how many seconds they took."""
        began, text = time.monotonic(), b""
        while text.count(b"\n") < n:
            if not select.select([process.stdout], [], [], system.PATIENCE)[0]:
                raise AssertionError(f"only {text.count(bytes([10]))} lines of {n}")
            piece = os.read(process.stdout.fileno(), 1 << 20)
            if not piece:
                raise AssertionError(f"it ended behind {text!r}: {process.stderr.read()}")
            text += piece
        return text.decode().splitlines(), time.monotonic() - began

    def test_follow(self):
        """Every event is shown once, in the order of time; the end of the session is the end."""
        emitter = self.begin("seen")
        viewer = self.view("alice", "seen")
        for _ in range(5):
            emitter.emit(3)
            lines, _ = self.lines(viewer, 3)
            self.assertEqual(len(lines), 3)
            self.assertTrue(all("test:tick" in line for line in lines), lines)
        emitter.emit(20000)
        lines, _ = self.lines(viewer, 20000)
        self.assertEqual(len(lines), 20000)
        self.assertEqual(lines, sorted(lines))
        self.assertEqual(len(set(lines)), 20000)
        self.tracectl("alice", "destroy", "seen")
        viewer.finish()
        self.assertEqual(viewer.returncode, 0)

    def test_stalled(self):
        """One who never reads: the recording is complete, and nothing is discarded."""
        emitter = self.begin("stalled")
        viewer = self.view("alice", "stalled")
        viewer.send_signal(signal.SIGSTOP)
        # nsenter stops with its child, and cannot be waited for then.
        self.addCleanup(os.kill, viewer.pid, signal.SIGCONT)
        for n in range(1, 21):
            emitter.emit(10_000)
            system.wait_until(lambda n=n: self.get("alice", "stalled", "EventsRecorded") == n * 10_000,
                              "everything recorded, and nothing discarded")
        self.tracectl("alice", "stop", "stalled")
        self.assertEqual(self.get("alice", "stalled", "EventsDiscarded"), 0)
        self.assert_counted(self.events(self.output("alice", "stalled")), [emitter])

    def test_who_may(self):
        """Nobody sees what another user records."""
        self.begin("private")
        self.refused("bob", "view", "--follow", "alice/private")

    def test_closed(self):
        """A stream whose reader was killed does not count for the limit of its user."""
        self.begin("many")
        viewers = [self.view("alice", "many") for _ in range(3)]
        for viewer in viewers:
            viewer.send_signal(signal.SIGKILL)
        system.wait_until(lambda: self.used("alice") == 0, "the streams' end")

    def test_consumer_dies(self):
        """The stream ends, and says so by ending; a new one can be opened."""
        emitter = self.begin("dying")
        viewer = self.view("alice", "dying")
        unit = self.get("alice", "dying", "ConsumerUnit")
        self.host.run(["systemctl", "kill", "--signal=KILL", unit + ".service"], check=False)
        viewer.finish()
        self.assertEqual(viewer.returncode, 0)
        again = self.view("alice", "dying")
        emitter.emit(2)
        self.assertEqual(len(self.lines(again, 2)[0]), 2)


if __name__ == "__main__":
    unittest.main()
