# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing runs until someone asks: tracingd leaves when it has nothing to do, and waiting costs nothing."""

import os
import time
import unittest

import system
from service import ServiceTest

IDLE_SECONDS = 1


class Idle(ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.run(["mkdir", "-p", "/etc/systemd/system/tracingd.service.d"])
        cls.host.write("/etc/systemd/system/tracingd.service.d/idle.conf",
                       f"[Service]\nExecStart=\nExecStart=/usr/libexec/tracectl/tracingd --idle={IDLE_SECONDS}\n")
        cls.host.systemctl("daemon-reload")
        cls.host.systemctl("stop", "tracingd.service")

    def wait_idle(self):
        system.wait_until(lambda: self.host.unit_property("tracingd.service", "ActiveState") == "inactive",
                          "the end of an idle tracingd")
        self.assertEqual(self.host.unit_property("tracingd.service", "Result"), "success")

    def test_exit_and_return(self):
        """A call to a service that has left brings it back. How fast is said; the long form, alone, insists on it."""
        times = []
        for _ in range(10):
            self.assertEqual(self.host.unit_property("tracingd.service", "ActiveState"), "inactive")
            # Timed inside: entering the host takes its time, too.
            done = self.host.run(["python3", "-c", CALL], user="alice")
            times.append(float(done.stdout))
            self.wait_idle()
        print(f"calls to a service that has left: {sorted(round(t * 1000) for t in times)} ms", flush=True)
        if os.environ.get("TRACECTL_TORTURE"):
            self.assertLess(sorted(times)[len(times) // 2], 0.1)

    def test_session_keeps_it(self):
        self.tracectl("alice", "create", "kept")
        pid = self.host.unit_property("tracingd.service", "MainPID")
        time.sleep(2 * IDLE_SECONDS)  # that nothing happens can only be seen by waiting
        self.assertEqual(self.host.unit_property("tracingd.service", "MainPID"), pid)
        self.tracectl("alice", "destroy", "kept")
        self.wait_idle()

    def test_waiting_costs_nothing(self):
        """Programs that wait are not run at all; they are found when somebody asks for them."""
        emitters = [self.emitter("alice", i) for i in range(20)]
        self.wait_idle()
        before = [emitter.cpu_time for emitter in emitters]
        time.sleep(2)
        after = [emitter.cpu_time for emitter in emitters]
        self.assertEqual(after, before)
        listed = self.tracectl("alice", "list", "--applications", "--no-legend").stdout
        for emitter in emitters:
            self.assertIn(f" {emitter.pid} ", f" {' '.join(listed.split())} ")
        self.wait_idle()
        # Hung up on, they wait again.
        before = system.wait_until(lambda: self.quiet(emitters), "quiet programs")
        self.assertEqual([emitter.cpu_time for emitter in emitters], before)

    @staticmethod
    def quiet(emitters):
        first = [emitter.cpu_time for emitter in emitters]
        time.sleep(1)
        return first if [emitter.cpu_time for emitter in emitters] == first else None


CALL = """
import time
from gi.repository import Gio, GLib
bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
begin = time.monotonic()
bus.call_sync("org.tracectl.Tracing1", "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager", "ListSessions",
              GLib.Variant("(a{sv})", ({},)), None, 0, -1, None)
print(time.monotonic() - begin)
"""

if __name__ == "__main__":
    unittest.main()
