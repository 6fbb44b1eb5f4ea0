# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can only be done to a machine of the test's own: its processors taken away and given back, its clock set.

tests/system/test_guest.py boots one. Elsewhere these skip themselves.
"""

import os
import re
import subprocess
import time
import unittest

import host
import test_kernel as kernel
from oracle import Trace
from program import STEADY, Program
from service import ServiceTest

CPU = "/sys/devices/system/cpu/cpu1/online"
HOUR = 3600


@host.needs_host
@unittest.skipUnless(os.environ.get("TRACECTL_OWN_MACHINE") == "1", "needs a machine of its own")
class MachineTest(ServiceTest):
    last_writer = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.install_program(cls.host, "steady", STEADY)

    def setUp(self):
        super().setUp()
        self.programs = []

    def begin(self, session):
        self.tracectl("root", "create", session, "-o", f"/root/{session}")
        self.tracectl("root", "enable-event", "-s", session, "test:*")
        self.tracectl("root", "enable-event", "--kernel", "-s", session, "--syscall", "getpgid", "--filter",
                      f'$ctx.procname == "{os.path.basename(STEADY)}"')
        self.tracectl("root", "start", session)
        self.add_program()

    def add_program(self):
        self.programs.append(Program(self, "/root", "root", MachineTest.last_writer, 2, True))
        MachineTest.last_writer += 2
        self.go_on()

    def go_on(self):
        for program in self.programs:
            program.emit_more()

    def check_all_is_there(self, session):
        """Each event and each call once, whole and in its order, or counted."""
        for program in self.programs:
            program.pause()
        self.tracectl("root", "stop", session)
        for program in self.programs:
            program.end()
        threads = [thread for program in self.programs for thread in program.threads()]
        trace = Trace(self.host.file(f"/root/{session}"))
        self.assertEqual(trace.wrong, [])
        calls, calls_lost = sum(trace.calls_recorded.values()), sum(trace.calls_discarded.values())
        self.assertEqual(sum(trace.recorded.values()) + trace.discarded - calls_lost, sum(thread.done for thread in threads))
        self.assertEqual(calls + calls_lost, 2 * sum(thread.calls_done for thread in threads))
        self.assertEqual(self.get("root", session, "EventsRecorded"), sum(trace.recorded.values()) + calls)
        return trace

    def set_cpu(self, online):
        with open(CPU, "w", encoding="ascii") as f:
            f.write(online)

    def test_processors_go_and_come(self):
        self.addCleanup(self.set_cpu, "1")
        self.begin("come")
        for _ in range(5):
            for online in "0", "1":
                self.set_cpu(online)
                self.go_on()
        trace = self.check_all_is_there("come")
        self.assertEqual(set(trace.recorded), {0, 1})

    def test_a_processor_that_comes_later(self):
        """There was none when the session and its first program began."""
        self.addCleanup(self.set_cpu, "1")
        self.set_cpu("0")
        self.begin("later")
        self.set_cpu("1")
        self.add_program()
        trace = self.check_all_is_there("later")
        self.assertEqual(set(trace.recorded), {0, 1})
        self.assertEqual(set(trace.calls_recorded), {0, 1})

    def move_clock(self, seconds):
        time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)

    def test_the_clock_is_set(self):
        """The trace's own goes on."""
        began = time.monotonic()
        self.begin("set")
        for hours in 1, -2, 1:
            self.move_clock(hours * HOUR)
            self.go_on()
        self.check_all_is_there("set")
        took = time.monotonic() - began
        said = subprocess.run(["babeltrace2", "--clock-seconds", "--no-delta", self.host.file("/root/set")],
                              stdout=subprocess.PIPE, text=True, check=True).stdout
        times = [float(text) for text in re.findall(r"(?m)^\[(\d+\.\d+)\]", said)]
        self.assertEqual(times, sorted(times))
        self.assertLess(times[-1] - times[0], took + 1)


if __name__ == "__main__":
    kernel.with_tracefs()
    unittest.main()
