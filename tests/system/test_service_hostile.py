# SPDX-License-Identifier: LGPL-2.1-or-later
"""An ordinary user who means ill: random calls, full limits. Nobody else notices."""

import json
import os
import unittest
import xml.etree.ElementTree as ET

from service import SOURCE, ServiceTest

CALLS = 20_000 if os.environ.get("TRACECTL_TORTURE") else 600


class Hostile(ServiceTest):
    def setUp(self):
        super().setUp()
        self.emitter_of_alice = self.emitter("alice", 1)
        self.tracectl("alice", "create", "kept")
        self.tracectl("alice", "enable-event", "test:*")
        self.tracectl("alice", "start")
        self.pid = self.host.unit_property("tracingd.service", "MainPID")

    def assert_unharmed(self):
        """What belongs to somebody else is as it was, and so is tracingd."""
        self.assertEqual(self.host.unit_property("tracingd.service", "MainPID"), self.pid)
        self.emitter_of_alice.emit(1000)
        self.tracectl("alice", "stop", "kept")
        self.assert_counted(self.events(self.output("alice", "kept")), [self.emitter_of_alice])

    def test_random_calls(self):
        with open(os.path.join(SOURCE, "tests", "system", "random-caller.py"), encoding="utf-8") as f:
            self.host.write("/root/random-caller.py", f.read(), 0o755)
        self.host.run(["cp", "/root/random-caller.py", "/usr/local/bin/random-caller"])
        self.tracectl("bob", "create", "mine")
        self.tracectl("bob", "enable-event", "test:*")
        self.emitter("bob", 2)
        done = self.host.run(["random-caller", "7", str(CALLS)], user="bob", timeout=3600)
        found = json.loads(done.stdout)
        self.assertEqual(found["odd"], 0, done.stderr)
        self.assertGreater(found["answered"], 0)
        self.assertGreater(found["refused"], 0)
        for kind in ("method", "property"):
            self.assertLessEqual(self.described(kind), set(found["methods" if kind == "method" else "properties"]))
        self.assert_unharmed()

    @staticmethod
    def described(kind):
        """The methods or properties that the service's description has."""
        tree = ET.parse(os.path.join(SOURCE, "dbus", "org.tracectl.Tracing1.xml"))
        return {f"{interface.get('name')}.{member.get('name')}"
                for interface in tree.iter("interface") for member in interface.findall(kind)}

    def test_limits(self):
        """Everything that bob may have, taken; alice has hers."""
        done = self.host.run(["/usr/bin/python3", "-c", FILL], user="bob")
        self.assertRegex(done.stdout, r"^\d+ sessions, then org.freedesktop.DBus.Error.LimitsExceeded: .*\d+.*\n$")
        self.tracectl("alice", "create", "another")
        self.assert_unharmed()


FILL = """
from gi.repository import Gio, GLib
bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
n = 0
try:
    while True:
        bus.call_sync("org.tracectl.Tracing1", "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager",
                      "CreateSession", GLib.Variant("(sa{sv})", (f"s{n}", {})), None, 0, -1, None)
        n += 1
except GLib.Error as error:
    print(f"{n} sessions, then {Gio.DBusError.get_remote_error(error)}: {error.message}")
"""

if __name__ == "__main__":
    unittest.main()
