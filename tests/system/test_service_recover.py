# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rings in files: every process of the machine is killed at once, and every committed event is recovered."""

import os
import re
import struct
import unittest

import system
from service import ServiceTest

COMMITTED = "/usr/local/bin/committed"
ROUNDS = 30 if os.environ.get("TRACECTL_TORTURE") else 3
RATE = 50_000


class Recover(ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.install_program(cls.host, "committed", COMMITTED)

    def committed(self, path):
        with open(self.host.file(path), "rb") as f:
            return struct.unpack("Q", f.read(8))[0]

    def main_pid(self, unit):
        return int(self.host.unit_property(unit, "MainPID"))

    def counters(self, path):
        """Of the events in a trace, in their order."""
        return [int(re.search(r"counter = (\d+)", line).group(1)) for line in self.events(path)]

    def begin(self, session, trace):
        """Events are on before the program is there: its first one is the first that is recorded."""
        self.tracectl("alice", "create", session, "--persistent", "-o", trace)
        self.tracectl("alice", "enable-event", "-s", session, "test:*")
        self.tracectl("alice", "start", session)
        self.start([COMMITTED, trace + ".n", str(RATE)], user="alice")

    def wait_for(self, n, trace):
        system.wait_until(lambda: os.path.exists(self.host.file(trace + ".n")) and
                          os.path.getsize(self.host.file(trace + ".n")) == 8 and self.committed(trace + ".n") >= n,
                          f"{n} events")

    def kill_all(self, n, trace):
        """As soon as n events have been emitted."""
        self.wait_for(n, trace)
        self.host.power_cut()
        self.host.boot()
        # The kernel is the one of before, with its clock and what it has of the files: test_power_cut is about another.
        # tracingd's unit has a /proc of its own, where it sees that.
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
            self.host.run(["sh", "-c", "cat >/run/boot-id"], input=f.read())

    def assert_recovered(self, trace):
        said = self.tracectl("alice", "recover", trace)
        counters = self.counters(trace)
        n = self.committed(trace + ".n")
        self.assertEqual(counters, list(range(len(counters))))
        # Between the event and the store of its number one is undecided.
        self.assertIn(len(counters), (n, n + 1), said.stdout)
        self.assertIn(f": {len(counters)} events, 0 lost.\n", said.stdout)
        self.assertFalse(os.path.exists(self.host.file(trace + "/rings")))

    def test_everybody_killed(self):
        """Before the consumer has written anything, and while it writes."""
        for i in range(ROUNDS):
            trace = f"/home/alice/killed-{i}"
            self.begin("killed", trace)
            self.kill_all(1 + i * 60_000 % 200_000, trace)
            self.assert_recovered(trace)
            self.assertIn("no rings to recover", self.refused("alice", "recover", trace))

    def test_restarts_first(self):
        """tracingd and the consumer have each been killed and come back before."""
        trace = "/home/alice/restarted"
        self.begin("restarted", trace)
        system.wait_until(lambda: self.get("alice", "restarted", "EventsRecorded") > 0, "events")
        unit = self.get("alice", "restarted", "ConsumerUnit") + ".service"
        for _ in range(2):
            for name in (unit, "tracingd.service"):
                pid = system.wait_until(lambda of=name: self.main_pid(of), name)
                # A consumer that has not taken its session yet may have ended with the tracingd before this one.
                self.host.run(["kill", "-KILL", str(pid)], check=False)
                system.wait_until(lambda was=pid, of=name: self.main_pid(of) not in (0, was), f"another {name}")
        other = self.emitter("alice", 7)
        other.emit(100)
        n = self.committed(trace + ".n")
        self.kill_all(n + 1000, trace)
        said = self.tracectl("alice", "recover", trace)
        lines = self.events(trace)
        mine = [int(re.search(r"counter = (\d+)", line).group(1)) for line in lines if "writer = 1," in line]
        self.assertEqual(mine, list(range(len(mine))))
        self.assertIn(len(mine), (self.committed(trace + ".n"), self.committed(trace + ".n") + 1), said.stdout)
        self.assertEqual(len(lines) - len(mine), 100)

    def test_ends_well(self):
        """Nothing is left to recover, and the files were the owner's from the beginning."""
        trace = "/home/alice/well"
        self.begin("well", trace)
        system.wait_until(lambda: os.path.exists(self.host.file(trace + "/rings/journal")), "a journal")
        for name in os.listdir(self.host.file(trace + "/rings")):
            st = os.stat(self.host.file(f"{trace}/rings/{name}"))
            self.assertEqual((st.st_uid, st.st_mode & 0o777), (1001, 0o600), name)
        self.assertIn("somebody records there", self.refused("alice", "recover", trace))
        self.tracectl("alice", "destroy", "well")
        self.assertFalse(os.path.exists(self.host.file(trace + "/rings")))
        self.assertGreater(len(self.counters(trace)), 0)
        self.assert_complete(trace)

    def assert_complete(self, trace):
        self.assertIn("no rings to recover; what is there is all that was recorded", self.refused("alice", "recover", trace))

    def test_terminated(self):
        """A recording of the command that SIGTERM ends is complete as well."""
        trace = "/home/alice/command"
        recording = self.start(["tracectl", "record", "--persistent", "-o", trace, "--", COMMITTED, trace + ".n", str(RATE)],
                               user="alice")
        self.wait_for(1, trace)
        recording.terminate()
        recording.finish()
        self.assert_complete(trace)
        counters = self.counters(trace)
        self.assertEqual(counters, list(range(len(counters))))

    def test_profile(self):
        """What dump says of such a session makes the same again; without files there is nothing to sync."""
        trace = "/home/alice/dumped"
        self.tracectl("alice", "create", "dumped", "--persistent", "--sync", "1500ms", "-o", trace)
        self.tracectl("alice", "enable-event", "-s", "dumped", "test:*")
        text = self.tracectl("alice", "dump", "dumped").stdout
        self.assertIn("Rings=files\nSyncSec=1500ms\n", text)
        self.tracectl("alice", "destroy", "dumped")
        self.tracectl("alice", "apply", "-", input=text)
        self.assertEqual(self.tracectl("alice", "dump", "dumped").stdout, text)
        self.tracectl("alice", "start", "dumped")
        self.assertRegex(self.output("alice", "dumped"), f"\\A{trace}/dumped-[0-9]+-[0-9-]+\\Z")
        self.assertIn("journal", os.listdir(self.host.file(self.output("alice", "dumped") + "/rings")))
        self.assertIn("rings are files", self.refused("alice", "create", "other", "--sync", "5s"))
        self.assertIn("100 ms to 24 h", self.refused("alice", "create", "other", "--persistent", "--sync", "5ms"))
        self.tracectl("alice", "destroy", "dumped")

    def test_syncer(self):
        """One process more, of the owner's, which ends with the session."""
        trace = "/home/alice/synced"
        self.tracectl("alice", "create", "synced", "--persistent", "--sync", "200ms", "-o", trace)
        self.tracectl("alice", "enable-event", "-s", "synced", "test:*")
        self.tracectl("alice", "start", "synced")
        unit = self.get("alice", "synced", "ConsumerUnit") + ".service"
        group = f"/sys/fs/cgroup/{self.host.unit_property(unit, 'ControlGroup')}/cgroup.procs"
        system.wait_until(lambda: len(self.host.run(["cat", group]).stdout.split()) == 3, "drainer, opener and syncer")
        emitter = self.emitter("alice", 1)
        emitter.emit(100)
        self.tracectl("alice", "stop", "synced")
        self.assert_counted(self.events(trace), [emitter])
        self.tracectl("alice", "destroy", "synced")

    def test_others_stay_in_memory(self):
        """Who could cut off a ring of another user's program could kill that."""
        trace = "/root/others"
        self.tracectl("root", "create", "others", "--persistent", "-o", trace)
        self.tracectl("root", "enable-event", "-s", "others", "--uid", "alice", "test:*")
        self.tracectl("root", "start", "others")
        emitter = self.emitter("alice", 1)
        emitter.emit(100)
        self.assertEqual(sorted(os.listdir(self.host.file(trace + "/rings"))), ["journal", "session"])
        self.tracectl("root", "stop", "others")
        self.assert_counted(self.events(trace), [emitter])


if __name__ == "__main__":
    unittest.main()
