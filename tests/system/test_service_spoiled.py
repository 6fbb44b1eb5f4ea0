# SPDX-License-Identifier: LGPL-2.1-or-later
"""A traced program that spoils its rings: it harms what its own compartment records, and nothing else."""

import json
import os
import re
import time
import unittest

import system
from service import EMIT, SOURCE, Emitter, ServiceTest

TORTURE = bool(os.environ.get("TRACECTL_TORTURE"))
ROUNDS = 200 if TORTURE else 2
WORDS = 10_000  # a round
FLOODS = 50 if TORTURE else 4
OWN_MEMORY = 16 << 20  # of a consumer, beside the rings that it maps
OWN_TIME = 0.25  # of a processor, while somebody stores as fast as he can
SPOILER = "/usr/local/bin/spoil-ring"
NEWEST = 1000  # events that a ring holds, whatever else it does
TICKS = os.sysconf("SC_CLK_TCK")


class Contained(Emitter):
    """An emitter of the same user in a compartment of its own."""

    def __init__(self, test, user, writer):
        class Start:
            @staticmethod
            def start(command, **options):
                return test.start(["unshare", "--user", "--map-root-user", *command], **options)

        super().__init__(Start, user, writer)


class Spoiled(ServiceTest):
    OPTIONS = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(os.path.join(SOURCE, "tests", "system", "spoil-ring.py"), encoding="utf-8") as f:
            cls.host.write("/root/spoil-ring.py", f.read(), 0o755)
        cls.host.run(["cp", "/root/spoil-ring.py", SPOILER])

    def setUp(self):
        super().setUp()
        for user in ("alice", "bob"):
            self.tracectl(user, "create", "kept", *self.OPTIONS)
            self.tracectl(user, "enable-event", "test:*")
            self.tracectl(user, "start")
        self.neighbour = self.emitter("alice", 1)
        self.contained = Contained(self, "alice", 2)
        self.other = self.emitter("bob", 3)
        self.unit = self.get("alice", "kept", "ConsumerUnit")
        self.pid = self.host.unit_property("tracingd.service", "MainPID")
        self.spoiler = self.start([SPOILER, "5"], user="alice", bufsize=0, text=False)
        self.read_until(self.spoiler, "ready")

    def tell(self, command):
        self.spoiler.stdin.write(f"{command}\n".encode())

    def consumer(self):
        """The processes of the consumer, as the host numbers them."""
        group = self.host.unit_property(self.unit + ".service", "ControlGroup")
        pids = self.host.run(["cat", f"/sys/fs/cgroup{group}/cgroup.procs"]).stdout.split()
        self.assertEqual(len(pids), 2, "opener and drainer")
        return pids

    def memory_and_time(self):
        """Bytes of its own that the consumer's processes have, and seconds that they have run."""
        memory, ticks = 0, 0
        for pid in self.consumer():
            status = self.host.run(["cat", f"/proc/{pid}/status", f"/proc/{pid}/stat"]).stdout
            memory += 1024 * int(re.search(r"RssAnon:\s+(\d+)", status)[1])
            fields = status.splitlines()[-1].rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return memory, ticks / TICKS

    def assert_others_exact(self, harmed=True):
        """All but the spoiler's compartment: every event once. Whoever is in that is alive, and nothing was restarted."""
        self.assertEqual(self.host.unit_property("tracingd.service", "MainPID"), self.pid)
        self.assertEqual(self.get("alice", "kept", "ConsumerRestarts"), 0)
        self.neighbour.emit(10)
        for user, emitter in (("alice", self.contained), ("bob", self.other)):
            counts = json.loads(self.tracectl(user, "stop", "kept", "--json=short").stdout)
            events = self.events(self.output(user, "kept"), lost=None)
            self.assertEqual(self.counters(events, emitter), list(range(emitter.emitted)), user)
            if user == "alice":
                lost = self.neighbour.emitted - len(self.counters(events, self.neighbour))
                self.assertEqual(counts["lost_garbage"] > 0 or lost > 0, harmed, counts)
                # Nobody knows how many those are; that there may be some is said.
                self.assertFalse(lost > counts["lost_ring"] and counts["lost_garbage"] == 0, counts)

    @staticmethod
    def counters(events, emitter):
        own = [line for line in events if f"writer = {emitter.writer}," in line]
        return sorted(int(re.search(r"counter = (\d+)", line)[1]) for line in own)

    def assert_bounded(self, memory, elapsed, what):
        used = self.memory_and_time()[1]
        print(f"consumer after {what}: {memory >> 10} KiB of its own, {used:.2f} s in {elapsed:.2f} s")
        self.assertLess(memory, OWN_MEMORY)
        self.assertLess(used, 1 + elapsed * OWN_TIME)

    def assert_settles(self):
        """Once nobody stores any more the consumer sleeps."""

        def sleeps():
            before = self.memory_and_time()[1]
            self.contained.emit(1)
            self.host.run(["sleep", "0.5"])
            return self.memory_and_time()[1] - before < 0.1

        system.wait_until(sleeps, "a consumer at rest")

    def test_truncate(self):
        self.tell("truncate")
        line = self.read_until(self.spoiler, "possible")[-1]
        self.assertEqual(line.split()[1:], [], "what the spoiler could do to the ring's files")
        self.contained.emit(1000)
        self.other.emit(1000)
        self.assert_others_exact(harmed=False)

    def test_words(self):
        """Control words of any value, counters that go back, garbage, again and again while others record."""
        most, begin = 0, time.monotonic()
        for _ in range(ROUNDS):
            self.tell(f"words {WORDS}")
            self.contained.emit(2000)
            self.other.emit(2000)
            self.neighbour.emit(100)
            self.read_until(self.spoiler, "done")
            most = max(most, self.memory_and_time()[0])
        self.assert_bounded(most, time.monotonic() - begin, f"{ROUNDS * WORDS} stores")
        self.assert_settles()
        self.assert_others_exact()

    def test_flood(self):
        """As fast as it can, with what no writer stores."""
        most, begin = 0, time.monotonic()
        for _ in range(ROUNDS):
            self.tell(f"flood {FLOODS}")
            self.contained.emit(2000)
            self.other.emit(2000)
            self.read_until(self.spoiler, "done")
            most = max(most, self.memory_and_time()[0])
        self.assert_bounded(most, time.monotonic() - begin, f"{ROUNDS * FLOODS} floods")
        self.assert_settles()
        self.assert_others_exact()


class SpoiledRecorder(Spoiled):
    """The same of flight recorders: rings that overwrite, and snapshots of them while they are spoiled."""

    OPTIONS = ("--mode", "flight-recorder")
    test_truncate = None

    def assert_others_exact(self, harmed=True):
        """In the last snapshot: the newest events of who is in no compartment of the spoiler's, without a gap."""
        self.assertEqual(self.host.unit_property("tracingd.service", "MainPID"), self.pid)
        self.assertEqual(self.get("alice", "kept", "ConsumerRestarts"), 0)
        self.neighbour.emit(10)
        for user, emitter in (("alice", self.contained), ("bob", self.other)):
            emitter.emit(NEWEST)
            counts = json.loads(self.tracectl(user, "snapshot", "last", "--json=short").stdout)
            events = self.events(f"{self.output(user, 'kept')}/last", lost=None)
            found = self.counters(events, emitter)
            self.assertEqual(found[-NEWEST:], list(range(emitter.emitted - NEWEST, emitter.emitted)), user)
            # A processor's ring reaches back as far as it has room: from where all do nothing is missing.
            oldest = max(self.oldest(events, emitter).values())
            self.assertEqual([n for n in found if n >= oldest], list(range(oldest, emitter.emitted)), user)
            if user == "alice":
                self.assertGreater(counts["lost_garbage"], 0, counts)
            else:
                self.assertEqual(counts["lost_garbage"], 0, counts)

    @staticmethod
    def oldest(events, emitter):
        """Of each processor the first event that its ring has."""
        found = {}
        for line in events:
            match = re.search(rf"cpu_id = (\d+) .*writer = {emitter.writer}, counter = (\d+)", line)
            if match:
                cpu, counter = int(match[1]), int(match[2])
                found[cpu] = min(counter, found.get(cpu, counter))
        return found

    def read_until(self, process, last):
        """Snapshots while the spoiler goes on, each readable from end to end."""
        if process is self.spoiler and last == "done":
            name = f"during-{self.number}"
            self.number += 1
            self.tracectl("alice", "snapshot", name)
            self.events(f"{self.output('alice', 'kept')}/{name}", lost=None)
            self.host.run(["rm", "-r", f"{self.output('alice', 'kept')}/{name}"])
        return super().read_until(process, last)

    number = 0


if __name__ == "__main__":
    unittest.main(verbosity=2)
