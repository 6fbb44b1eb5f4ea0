# SPDX-License-Identifier: LGPL-2.1-or-later
"""A consumer's unit dies and comes back; one that cannot live ends in a state with a reason."""

import os
import random
import re
import signal
import time
import unittest

import system
from service import EMIT, ServiceTest

TORTURE = os.environ.get("TRACECTL_TORTURE") == "1"
KILLS = 200 if TORTURE else 15
# At a pace: so many recordings, so many kills in each.
PACED = (10, 10) if TORTURE else (1, 3)
RATE = 100_000
EVENT_SIZE = 28
RINGS = 7 << 19  # what those of one CPU hold by default, at least


class Consumer(ServiceTest):
    def begin(self, session, *options):
        emitter = self.emitter("alice", 1)
        self.tracectl("alice", "create", session, *options)
        self.tracectl("alice", "enable-event", "-s", session, "test:*")
        self.tracectl("alice", "start", session)
        return emitter, self.get("alice", session, "ConsumerUnit")

    def main_pid(self, unit):
        return int(self.host.unit_property(unit + ".service", "MainPID"))

    def kill(self, unit):
        """As the out-of-memory killer does it. Returns when another one is there."""
        pid = self.await_main_pid(unit + ".service")
        self.host.run(["kill", "-KILL", str(pid)], check=False)
        system.wait_until(lambda: self.main_pid(unit) not in (0, pid), "another consumer")

    def counted(self, session):
        return sum(self.get("alice", session, name) for name in ("EventsRecorded", "EventsDiscarded"))

    def test_killed_again_and_again(self):
        """While a program emits: every event that is recorded is in the trace once, the others are counted."""
        random.seed(3)
        emitter, unit = self.begin("killed")
        for i in range(KILLS):
            before = self.counted("killed")
            emitter.ask(random.randrange(1, 60_000))
            self.kill(unit)
            emitter.wait()
            # Where eight in a row are killed before they have taken the session, it fails.
            if i % 4 == 3:
                system.wait_until(lambda n=before: self.counted("killed") > n, "one that has begun")
        emitter.emit(1000)
        said = self.tracectl("alice", "stop", "killed")
        events = self.events(self.output("alice", "killed"), lost=None)
        lost = self.get("alice", "killed", "EventsDiscarded")
        self.assertEqual(len(events) + lost, emitter.emitted, said.stdout + said.stderr)
        self.assertEqual(self.get("alice", "killed", "EventsRecorded"), len(events))
        self.assertEqual(len(set(events)), len(events))
        # One that is killed before tracingd has noticed it has not begun again.
        self.assertGreater(self.get("alice", "killed", "ConsumerRestarts"), 0)
        self.assertEqual(self.get("alice", "killed", "State"), "stopped")

    def paced(self, session, kills, *options):
        """While a program emits at a pace: (emitted, seconds without a consumer)."""
        self.tracectl("alice", "create", session)
        self.tracectl("alice", "enable-channel", "-s", session, "main", *options)
        self.tracectl("alice", "enable-event", "-s", session, "-c", "main", "test:*")
        self.tracectl("alice", "start", session)
        unit = self.get("alice", session, "ConsumerUnit")
        program = self.start([EMIT, "paced", str(RATE), str(RATE * system.PATIENCE)], user="alice")
        without = []
        for _ in range(kills):
            before = self.get("alice", session, "EventsRecorded")
            system.wait_until(lambda: self.get("alice", session, "EventsRecorded") > before, "a consumer at work")
            recorded, begin = self.get("alice", session, "EventsRecorded"), time.monotonic()
            self.kill(unit)
            system.wait_until(lambda: self.get("alice", session, "EventsRecorded") > recorded + RATE // 100,
                              "another consumer at work")
            without.append(time.monotonic() - begin)
        program.send_signal(signal.SIGTERM)
        emitted = int(program.finish()[0].split()[1])
        self.tracectl("alice", "stop", session)
        return emitted, without

    def check_paced(self, session, emitted):
        """Each event once in babeltrace2's eyes, or counted. Returns how many were lost."""
        events = self.events(self.output("alice", session), lost=None)
        lost = self.get("alice", session, "EventsDiscarded")
        counters = [int(re.search(r"counter = (\d+)", line)[1]) for line in events]
        self.assertEqual(counters, sorted(set(counters)))
        self.assertEqual((len(counters) + lost, self.get("alice", session, "EventsRecorded")), (emitted, len(counters)))
        self.tracectl("alice", "destroy", session)
        return lost

    def test_killed_at_a_pace(self):
        """Default rings hold what is emitted until the next consumer is there: nothing is lost."""
        outages, losses, total = [], [], 0
        for i in range(PACED[0]):
            emitted, without = self.paced(f"paced{i}", PACED[1])
            lost = self.check_paced(f"paced{i}", emitted)
            outages += without
            losses.append(lost)
            total += emitted
            # On a machine that has so much to do that they cannot hold it, it is counted.
            if max(without) * RATE * EVENT_SIZE < RINGS:
                self.assertEqual(lost, 0)
        print(f"{len(outages)} kills, {total} events, lost: {sum(losses)}; without a consumer for"
              f" {min(outages):.2f} to {max(outages):.2f} s", flush=True)

    def test_killed_without_room(self):
        """Rings that hold some milliseconds: what is lost is counted, exactly."""
        emitted, _ = self.paced("narrow", PACED[1], "--subbuf-size", "4K", "--subbuf-count", "4")
        self.assertGreater(self.check_paced("narrow", emitted), RATE // 100)

    def test_killed_at_its_start(self):
        """Each new one is killed as soon as it can be seen; when that ends, everything is there."""
        emitter, unit = self.begin("early")
        emitter.emit(500)
        for _ in range(5):
            self.host.run(["systemctl", "kill", "--signal=KILL", unit + ".service"], check=False)
        self.assertEqual(self.host.unit_property(unit + ".socket", "ActiveState"), "active")
        emitter.emit(500)
        self.tracectl("alice", "stop", "early")
        self.assert_counted(self.events(self.output("alice", "early")), [emitter])

    def test_killed_while_stopping(self):
        emitter, unit = self.begin("stopping")
        emitter.emit(100_000)
        stop = self.start(["tracectl", "stop", "stopping"], user="alice")
        self.host.run(["systemctl", "kill", "--signal=KILL", unit + ".service"], check=False)
        _, said = stop.finish()
        self.assertEqual(stop.returncode, 0, said)
        self.assert_counted(self.events(self.output("alice", "stopping")), [emitter])

    @unittest.skipUnless(os.environ.get("TRACECTL_TORTURE"), "takes the ten seconds that a client is made to wait")
    def test_hangs_while_stopping(self):
        """Another one takes its place, and writes the rest, after the client was told that it is being written."""
        emitter, unit = self.begin("hangs")
        emitter.emit(1000)
        pid = system.wait_until(lambda: self.main_pid(unit), "a consumer")
        self.host.run(["systemctl", "kill", "--signal=STOP", unit + ".service"])
        emitter.emit(1000)
        self.tracectl("alice", "stop", "hangs")
        system.wait_until(lambda: self.get("alice", "hangs", "State") == "stopped", "the end of a Stop")
        self.assertNotEqual(self.main_pid(unit), pid)
        self.assert_counted(self.events(self.output("alice", "hangs")), [emitter])
        self.assertIn("another one takes its place", self.host.journal("-u", "tracingd"))

    @unittest.skipUnless(os.environ.get("TRACECTL_TORTURE"), "takes the ten seconds that a client is made to wait")
    def test_hangs_while_destroyed(self):
        """Destroy returns, and the journal says what was given up: to see the end of the trace."""
        emitter, unit = self.begin("given")
        emitter.emit(1000)
        output = self.output("alice", "given")
        self.host.run(["systemctl", "kill", "--signal=STOP", unit + ".service"])
        emitter.emit(1000)
        self.tracectl("alice", "destroy", "given")
        self.assertIn("session given: its consumer has not ended after 10 s; it is left to write the rest by itself",
                      self.host.journal("-u", "tracingd"))
        self.host.run(["systemctl", "kill", "--signal=CONT", unit + ".service"])
        system.wait_until(lambda: self.host.unit_property(unit + ".service", "LoadState") == "not-found", "its end")
        self.assert_counted(self.events(output), [emitter])

    def test_stopped_by_hand(self):
        """An administrator restarts the unit."""
        emitter, unit = self.begin("restarted")
        emitter.emit(1000)
        self.host.systemctl("restart", unit + ".service")
        emitter.emit(1000)
        self.tracectl("alice", "stop", "restarted")
        self.assert_counted(self.events(self.output("alice", "restarted")), [emitter])

    def test_broken(self):
        """It cannot live: the session says so, its socket stays until the session goes."""
        consumer = "/usr/libexec/tracectl/tracectl-consumer"
        emitter, unit = self.begin("broken")
        emitter.emit(1000)
        self.host.run(["mv", consumer, consumer + ".good"])
        self.addCleanup(self.host.run, ["mv", consumer + ".good", consumer])
        self.host.write(consumer, "#!/bin/sh\nexit 7\n", 0o755)
        self.host.run(["systemctl", "kill", "--signal=KILL", unit + ".service"])
        system.wait_until(lambda: self.get("alice", "broken", "State") == "failed", "state failed")
        self.assertIn("7", self.get("alice", "broken", "Reason"))
        self.assertEqual(self.host.unit_property(unit + ".socket", "ActiveState"), "active")
        self.assertIn("failed", self.refused("alice", "stop", "broken"))
        emitter.emit(1000)
        self.assertIn("7", self.tracectl("alice", "list", "broken").stdout)
        self.tracectl("alice", "destroy", "broken")
        system.wait_until(lambda: self.host.unit_property(unit + ".socket", "LoadState") == "not-found", "its end")
        self.assertIn("7", self.failed_start())

    def failed_start(self):
        """A session whose consumer never lives: what Start says."""
        self.tracectl("alice", "create", "never")
        self.tracectl("alice", "enable-event", "-s", "never", "test:*")
        said = self.refused("alice", "start", "never")
        self.assertEqual(self.get("alice", "never", "State"), "failed")
        return said

    def test_daemon_is_killed(self):
        """Its consumer is taken over by the next one, with its units."""
        _, unit = self.begin("orphan")
        pid = self.host.unit_property("tracingd.service", "MainPID")
        self.host.run(["kill", "-KILL", pid])
        system.wait_until(lambda: self.host.unit_property("tracingd.service", "MainPID") not in (pid, "0"),
                          "another tracingd")
        self.assertEqual(self.get("alice", "orphan", "ConsumerUnit"), unit)
        self.tracectl("alice", "destroy", "orphan")
        system.wait_until(lambda: self.host.unit_property(unit + ".socket", "LoadState") == "not-found",
                          "the end of the consumer")

    def test_terminated(self):
        """A clean stop of tracingd writes everything."""
        emitter, unit = self.begin("terminated")
        emitter.emit(1000)
        output = self.output("alice", "terminated")
        self.host.systemctl("stop", "tracingd.service")
        system.wait_until(lambda: self.host.unit_property(unit + ".socket", "LoadState") == "not-found",
                          "the end of the consumer")
        self.assert_counted(self.events(output), [emitter])


if __name__ == "__main__":
    unittest.main()
