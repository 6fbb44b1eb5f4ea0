# SPDX-License-Identifier: LGPL-2.1-or-later
"""One program of many is stopped (SIGSTOP) while rules change: who waits is told so in time, nobody else waits, and it
does what it was told as soon as it continues."""

import json
import os
import re
import signal
import time
import unittest

import system
from service import NAME, ServiceTest

N = 4
MANY = 100
POLL = ("7", "271", "73")  # poll and ppoll on x86-64, ppoll on arm64
BOUND = 30  # seconds for what takes half a second or two, on a busy machine


class Stopped(ServiceTest):
    def setUp(self):
        super().setUp()
        self.emitters = [self.emitter("alice", n) for n in range(N)]
        self.event = None
        self.stopped, self.others = self.emitters[0], self.emitters[1:]
        self.tracectl("alice", "create", "kept")

    def call(self, method, *args):
        begin = time.monotonic()
        done = self.busctl("alice", "--json=short", "call", NAME, self.path("alice", "kept"), NAME + ".Session", method,
                           *args)
        self.assertLess(time.monotonic() - begin, BOUND)
        return json.loads(done.stdout)["data"] if done.stdout.strip() else None

    def enable(self):
        """How many have not said that they do it."""
        self.event, _, pending = self.call("EnableEvent", "sssa{sv}", "user", "", "test:*", "0")
        return pending

    def stop(self):
        return self.call("Stop", "a{sv}", "0")[0]["pending"]["data"]

    def suspend(self):
        """Returns when no thread of it runs."""
        pid = self.stopped.process.outer_pid
        self.stopped.process.send_signal(signal.SIGSTOP)
        system.wait_until(lambda: all(system.state(f"{pid}/task/{task}") == "T"
                                      for task in os.listdir(f"/proc/{pid}/task")), "the stop of the program")

    @staticmethod
    def has_rings(emitter):
        with open(f"/proc/{emitter.process.outer_pid}/maps", encoding="utf-8") as f:
            return "memfd:tracectl-ring" in f.read()

    @staticmethod
    def is_waiting(emitter):
        """Whether the library's thread waits for messages, having done what all before said."""
        folder = f"/proc/{emitter.process.outer_pid}/task"
        for task in os.listdir(folder):
            with open(f"{folder}/{task}/comm", encoding="utf-8") as f:
                if f.read() != "tracectl\n":
                    continue
            with open(f"{folder}/{task}/syscall", encoding="utf-8") as f:
                return f.read().split()[0] in POLL
        raise AssertionError("the library has no thread")

    def await_rings(self, emitter, rings):
        system.wait_until(lambda: self.has_rings(emitter) == rings and self.is_waiting(emitter),
                          "what the program was told")

    def resume(self, rings):
        """Returns when the program has rings, or none, as it was told to. Nobody tells it anything again."""
        self.assertEqual(self.has_rings(self.stopped), not rings)
        self.stopped.process.send_signal(signal.SIGCONT)
        self.await_rings(self.stopped, rings)

    @staticmethod
    def emit(emitters, n):
        for emitter in emitters:
            emitter.emit(n)

    def recorded(self):
        """How many events of each program."""
        found = {}
        for line in self.events(self.output("alice", "kept")):
            writer = int(re.search(r"writer = (\d+)", line)[1])
            found[writer] = found.get(writer, 0) + 1
        return found

    def test_enable(self):
        self.call("Start", "a{sv}", "0")
        self.suspend()
        self.assertEqual(self.enable(), 1)
        late = self.emitter("alice", N)
        self.emit([*self.others, late], 100)
        self.resume(True)
        self.emit([self.stopped], 100)
        self.assertEqual(self.enable(), 0)
        self.assertEqual(self.stop(), 0)
        self.assert_counted(self.events(self.output("alice", "kept")), [*self.emitters, late])

    def change(self, method, *args):
        """One of the methods that reply with a generation and with how many have not said that they do it."""
        return self.call(method, *args)[-1]

    def changes(self):
        """Everything that takes the events away, with what brings them back, where that is not enable()."""
        channel = ("ssa{sv}", "user", "channel0", "0")
        rule = ("oa{sv}", self.event, "0")
        return ((("DisableEvent", *rule), None), (("DisableChannel", *channel), ("EnableChannel", *channel)),
                (("RemoveEvent", *rule), None))

    def test_start(self):
        self.assertEqual(self.enable(), 0)
        self.suspend()
        self.assertEqual(self.change("Start", "a{sv}", "0"), 1)
        self.emit(self.others, 100)
        self.resume(True)
        self.emit([self.stopped], 100)
        self.assertEqual(self.stop(), 0)
        self.assert_counted(self.events(self.output("alice", "kept")), self.emitters)

    def test_changes(self):
        """Of rules and channels, while one of many is stopped."""
        self.enable()
        self.assertEqual(self.change("Start", "a{sv}", "0"), 0)
        for off, on in self.changes():
            self.emit(self.emitters, 100)
            self.suspend()
            self.assertEqual(self.change(*off), 1, off)
            self.emit(self.others, 10)
            self.resume(False)
            self.emit([self.stopped], 10)
            self.suspend()
            self.assertEqual(self.change(*on) if on else self.enable(), 1)
            self.emit(self.others, 1)
            self.resume(True)
            self.emit([self.stopped], 1)
            self.assertEqual(self.enable(), 0)
        self.assertEqual(self.stop(), 0)
        self.assertEqual(self.recorded(), dict.fromkeys(range(N), 303))

    def test_changes_of_many(self):
        """In force in each of 100 programs when they are answered."""
        flock = self.emitter("alice", MANY, how="flock")
        self.call("Start", "a{sv}", "0")
        system.wait_until(lambda: self.enable() == 0, "the registration of the programs")
        for off, on in self.changes():
            flock.emit(3)
            self.assertEqual(self.change(*off), 0, off)
            flock.emit(50)
            self.assertEqual(self.change(*on) if on else self.enable(), 0)
            flock.emit(2)
        self.assertEqual(self.stop(), 0)
        flock.emit(7)
        self.assertEqual(self.recorded(), dict.fromkeys(range(MANY), 15))

    def test_stop(self):
        """And meanwhile, another user's changes are in force when they are answered."""
        program_of_bob = self.emitter("bob", N)
        for command in (["create", "other"], ["start"]):
            self.tracectl("bob", *command)
        self.enable()
        self.call("Start", "a{sv}", "0")
        self.emit(self.emitters, 100)
        self.suspend()
        stop = self.start(["busctl", "--json=short", "call", NAME, self.path("alice", "kept"), NAME + ".Session", "Stop",
                           "a{sv}", "0"], user="alice")
        self.tracectl("bob", "enable-event", "test:*")
        program_of_bob.emit(100)
        self.assertIsNone(stop.poll(), "bob has waited for alice's program")
        answer, _ = stop.communicate(timeout=BOUND)
        self.assertEqual(json.loads(answer)["data"][0]["pending"]["data"], 1)
        self.emit(self.others, 10)
        self.resume(False)
        self.emit([self.stopped], 10)
        self.assertEqual(self.recorded(), dict.fromkeys(range(N), 100))
        self.tracectl("bob", "stop")
        self.assert_counted(self.events(self.output("bob", "other")), [program_of_bob])


if __name__ == "__main__":
    unittest.main()
