# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks that fill and have room again, chunks that a session makes by itself, and the bound that it keeps to."""

import os
import re
import subprocess
import unittest

import system
from service import ServiceTest

FAILS = "6e2f2d0cf4c54ce5b9f2a4d5c3b8e701"
WORKS = "b1d4a6f07b3e4b59a1c97d20e8f4530c"
MIB = 1 << 20


class SpaceTest(ServiceTest):
    def begin(self, session, *options):
        emitter = self.emitter("alice", 1)
        self.tracectl("alice", "create", session, *options)
        self.tracectl("alice", "enable-event", "-s", session, "test:*")
        self.tracectl("alice", "start", session)
        return emitter

    def small_disk(self, name, size):
        self.host.run(f"mkdir /home/alice/{name} && "
                      f"mount -t tmpfs -o size={size},uid=1001,mode=700 tmpfs /home/alice/{name}")
        return f"/home/alice/{name}"

    def wait_for(self, session, name, value):
        system.wait_until(lambda: self.get("alice", session, name) == value, f"{name} = {value}")

    def counted(self, path):
        """The events of a trace, and how many babeltrace2 says to be missing in between."""
        done = subprocess.run(["babeltrace2", "--no-delta", self.host.file(path)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=system.PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        counters = re.findall(r" counter = (\d+)", done.stdout)
        self.assertEqual(len(set(counters)), len(counters))
        return sorted(map(int, counters))

    def assert_exact(self, session, emitter, path):
        """What was recorded, and what the session says to have been lost; the events that were found."""
        found = self.counted(path)
        self.assertEqual(self.get("alice", session, "EventsRecorded"), len(found))
        self.assertEqual(self.get("alice", session, "EventsDiscarded"), emitter.emitted - len(found))
        return found

    def chunks(self, path):
        found = [re.fullmatch(r"chunk-(\d+)", name) for name in os.listdir(self.host.file(path))]
        return sorted(int(match[1]) for match in found if match)

    def size(self, path):
        """What the disk has of a directory."""
        return int(self.host.run(["du", "-s", "-B1", path]).stdout.split()[0])


class Space(SpaceTest):
    def test_full_and_free_again(self):
        """The session says that the disk is full as long as it is; what is lost is counted, and the rest is there."""
        disk = self.small_disk("full", "2M")
        follower = self.follow("alice")
        emitter = self.begin("full", "-o", disk + "/trace")
        emitter.emit(1000)
        self.wait_for("full", "EventsRecorded", 1000)
        self.assertEqual(self.get("alice", "full", "OutputError"), "")
        self.host.run(["dd", "if=/dev/zero", f"of={disk}/filler", "bs=64k"], user="alice", check=False)
        emitter.emit(50_000)
        self.wait_for("full", "OutputError", "No space left on device")
        self.assertEqual(self.get("alice", "full", "State"), "active")
        self.assertIn("Failing:   No space left on device", self.tracectl("alice", "list", "full").stdout)
        self.host.run(["rm", disk + "/filler"])
        emitter.emit(1000)
        self.wait_for("full", "OutputError", "")
        emitter.emit(1000)
        said = self.tracectl("alice", "stop", "full")
        self.assertIn("No space left on device", said.stderr)
        found = self.counted(disk + "/trace")
        self.assertEqual(found[:1000], list(range(1000)))
        self.assertEqual(found[-1000:], list(range(emitter.emitted - 1000, emitter.emitted)))
        self.assertEqual(self.get("alice", "full", "EventsRecorded"), len(found))
        self.assertEqual(self.get("alice", "full", "EventsDiscarded"), emitter.emitted - len(found))
        path = "changed Session /session/_31001/full"
        changed = [line.partition("OutputError=") for line in self.read_until(follower, f"{path} State=stopped")]
        told = [text for _, word, text in changed if word]
        # Each change of the session tells it, too: what counts is what follows upon what.
        self.assertEqual([text for i, text in enumerate(told) if i == 0 or text != told[i - 1]],
                         ["", "No space left on device", ""])
        for message in (FAILS, WORKS):
            system.wait_until(lambda m=message: "full" in self.journal(m), f"the journal's {message}")

    def journal(self, message):
        return self.host.journal(f"MESSAGE_ID={message}", "TRACECTL_SESSION=full")

    def test_rotated_by_size(self):
        emitter = self.begin("turns", "--rotate-size", "128K")
        path = self.output("alice", "turns")
        for _ in range(6):
            emitter.emit(10_000)
            system.wait_until(lambda: self.get("alice", "turns", "EventsRecorded") == emitter.emitted, "what is recorded")
        system.wait_until(lambda: len(self.chunks(path)) >= 4, "chunks")
        self.tracectl("alice", "stop", "turns")
        self.assertEqual(self.counted(path), list(range(emitter.emitted)))
        self.assertEqual(self.get("alice", "turns", "ChunksRemoved"), 0)

    def test_rotated_by_time(self):
        """Also where there is nothing for a while: then no chunk is made."""
        emitter = self.begin("clock", "--rotate-every", "1s")
        path = self.output("alice", "clock")
        emitter.emit(10)
        system.wait_until(lambda: len(self.chunks(path)) == 1, "a chunk")
        emitter.emit(10)
        system.wait_until(lambda: len(self.chunks(path)) == 2, "another chunk")
        self.tracectl("alice", "stop", "clock")
        self.assertEqual(self.counted(path), list(range(20)))
        self.assertEqual(self.chunks(path), [1, 2])

    def test_kept_within_a_bound(self):
        """The newest events stay, as one trace; which chunks went is said. tracingd dies meanwhile."""
        disk = self.small_disk("bound", "64M")
        emitter = self.begin("bound", "-o", disk + "/trace", "--max-size", "8M")
        largest = 0
        for turn in range(50):
            emitter.emit(15_000)
            system.wait_until(lambda: self.get("alice", "bound", "EventsRecorded") > emitter.emitted - 20_000, "the disk")
            largest = max(largest, self.size(disk + "/trace"))
            if turn == 30:
                self.host.systemctl("kill", "--signal=KILL", "tracingd.service")
                system.wait_until(lambda: self.tracectl("alice", "list", "bound", check=False).returncode == 0,
                                  "the next tracingd")
        said = self.tracectl("alice", "stop", "bound").stdout
        self.assertGreater(self.get("alice", "bound", "Bytes"), 9 * MIB, said)
        self.assertLessEqual(max(largest, self.size(disk + "/trace")), 8 * MIB)
        self.assertGreater(largest, 5 * MIB)
        removed = self.get("alice", "bound", "ChunksRemoved")
        self.assertGreater(removed, 0)
        left = self.chunks(disk + "/trace")
        self.assertEqual(left, list(range(removed + 1, removed + 1 + len(left))))
        self.assertIn(f"removed up to chunk-{removed}\n", self.tracectl("alice", "list", "bound").stdout)
        found = self.counted(disk + "/trace")
        self.assertEqual(found, list(range(emitter.emitted - len(found), emitter.emitted)))

    def test_refused(self):
        for options, what in ((("--max-size", "8M", "--rotate-size", "4M"), "smaller size"),
                              (("--rotate-size", "1K"), "64 KiB"), (("--rotate-every", "10ms"), "once a second"),
                              (("--max-size", "100K"), "1 MiB")):
            self.assertIn(what, self.refused("alice", "create", "never", *options))
        self.assertIn("64M", self.refused("alice", "create", "never", "--rotate-size", "many", status=2))
        self.assertIn("10m", self.refused("alice", "create", "never", "--rotate-every", "5 weeks", status=2))


if __name__ == "__main__":
    unittest.main()
