# SPDX-License-Identifier: LGPL-2.1-or-later
"""A record of one session in tracingd's state is damaged: the next tracingd gives up that session, and no other."""

import os
import signal
import struct
import unittest

import host
import system
from test_service_restart import RestartTest

# As service/state/ledger.h and records.h have them.
HEADER = struct.Struct("=QHHIQIIQ")
RECORD = struct.Struct("=IHHQ")
DEAD = 1
SESSION, CHANNEL, RULE, CONSUMER, MESSAGE = 2, 3, 4, 5, 6
RINGS = 2
REASON = "a record of it in the state that the last tracingd left is damaged"


class State:
    """The newest state of a tracingd that is stopped, as its memory file."""

    def __init__(self, pid):
        files = [f"/proc/{pid}/fd/{fd}" for fd in os.listdir(f"/proc/{pid}/fd")]
        files = [path for path in files if os.readlink(path).startswith("/memfd:tracectl-state")]
        self._fd = max((os.open(path, os.O_RDWR) for path in files), key=lambda fd: self._header(fd)[4])
        self._end = self._header(self._fd)[7]

    @staticmethod
    def _header(fd):
        return HEADER.unpack(os.pread(fd, HEADER.size, 0))

    def records(self, kind):
        """(place, content) of those that count."""
        place, found = self._header(self._fd)[3], {}
        while place < self._end:
            size, this, flags, replaces = RECORD.unpack(os.pread(self._fd, RECORD.size, place))
            found.pop(replaces, None)
            if not flags & DEAD:
                found[place] = this
            place += (size + 7) & ~7
        return [(place + RECORD.size, os.pread(self._fd, 4096, place + RECORD.size))
                for place, this in found.items() if this == kind]

    def key(self, session):
        """The number of a session, by its name."""
        for _, content in self.records(SESSION):
            size, _, key = struct.unpack_from("=IIQ", content)
            if content[size:].startswith(session.encode() + b"\0"):
                return key
        raise AssertionError(f"no record of {session}")

    def of(self, session, kind):
        key = self.key(session)
        return [(place, content) for place, content in self.records(kind)
                if struct.unpack_from("=IIQ", content)[2] == key]

    def spoil(self, place):
        """No struct is as small."""
        os.pwrite(self._fd, struct.pack("=I", 4), place)

    def close(self):
        os.close(self._fd)


def is_rings(content):
    size, = struct.unpack_from("=I", content)
    return struct.unpack_from("=I", content, size)[0] == RINGS


@host.needs_host
class Refused(RestartTest):
    def setUp(self):
        super().setUp()
        self.follower = self.follow("alice")
        self.mine, self.others = self.emitter("alice", 1), self.emitter("bob", 2)
        for user, session in (("alice", "broken"), ("alice", "whole"), ("bob", "other")):
            self.begin(session, user=user)
        self.emit()
        self.kept = [self.one("alice", "whole"), self.one("bob", "other")]
        self.unit, self.folder = self.get("alice", "broken", "ConsumerUnit"), self.output("alice", "broken")

    def emit(self):
        self.mine.emit(1000)
        self.others.emit(1000)

    def one(self, user, session):
        """What a user sees of a session, without what counts on."""
        objects, _ = self.everything(user)
        return {path: value for path, value in objects.items() if path.startswith(self.path(user, session))}

    def kill_with(self, change):
        """Changes the state of a tracingd that then is killed; returns what the next one says of it."""
        pid = system.child_named(self.host.init, "tracingd")
        before = self.main_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            state = State(pid)
            change(state)
            state.close()
        finally:
            os.kill(pid, signal.SIGKILL)
        self.await_another(before)
        lines = self.host.journal("-u", "tracingd", "-o", "cat", f"_PID={self.main_pid()}").splitlines()
        return [line for line in lines if "user 1001" in line]

    def assert_others_go_on(self):
        self.assertEqual([self.one("alice", "whole"), self.one("bob", "other")], self.kept)
        self.emit()
        for user, session, emitter in (("alice", "whole", self.mine), ("bob", "other", self.others)):
            self.tracectl(user, "stop", session)
            self.assert_counted(self.events(self.output(user, session)), [emitter])
            self.assertEqual(self.get(user, session, "EventsDiscarded"), 0)

    def assert_failed(self, said, rings):
        self.assertEqual(len(said), 1)
        self.assertIn(f"session 'broken' of user 1001 cannot be taken up again: {REASON}", said[0])
        self.assertIn(rings, said[0])
        self.assertEqual(self.get("alice", "broken", "State"), "failed")
        self.assertIn(REASON, self.get("alice", "broken", "Reason"))
        system.wait_until(lambda: self.host.unit_property(self.unit + ".service", "ActiveState") in ("inactive", ""),
                          "the end of its consumer")

    def test_a_message(self):
        def change(state):
            place, _ = next(found for found in state.of("broken", MESSAGE) if is_rings(found[1]))
            state.spoil(place)

        said = self.kill_with(change)
        path = self.path("alice", "broken").removeprefix("/org/tracectl/Tracing1")
        self.read_until(self.follower, f"added Session {path} State=failed")
        self.assert_failed(said, f"{os.cpu_count() - 1} of its rings are given up")
        # What the rings held is in the trace, and the counters are those of what is there.
        self.assertEqual(len(self.events(self.folder)), 1000)
        self.assertEqual(self.get("alice", "broken", "EventsRecorded"), 1000)
        self.assert_others_go_on()
        # It stays what it is, with everything that is left of it, until it is destroyed.
        before = self.everything()
        self.kill()
        self.assertEqual(self.everything(), before)
        self.tracectl("alice", "destroy", "broken")
        self.await_end(self.unit)

    def test_each_kind(self):
        """Of which the session itself is one: nobody knows any more what it was called."""
        for kind in (CHANNEL, RULE, CONSUMER):
            with self.subTest(kind=kind):
                said = self.kill_with(lambda state, kind=kind: state.spoil(state.of("broken", kind)[0][0]))
                self.assert_failed(said, "of its rings are given up")
                self.assertEqual([self.one("alice", "whole"), self.one("bob", "other")], self.kept)
                self.tracectl("alice", "destroy", "broken")
                self.begin("broken")
                self.unit = self.get("alice", "broken", "ConsumerUnit")
                self.mine.emit(1000)
        unit, folder = self.unit, self.output("alice", "broken")
        self.kill_with(lambda state: state.spoil(state.of("broken", SESSION)[0][0]))
        self.assertIn("a session cannot be taken up again", self.host.journal("-u", "tracingd", "-o", "cat"))
        self.assertNotIn("broken", self.tracectl("alice", "list").stdout)
        self.await_end(unit)
        self.assertEqual(len(self.events(folder)), 1000)
        self.assert_others_go_on()


if __name__ == "__main__":
    unittest.main()
