# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the journal is told of who was let at what, and what a user is told of who traces him."""

import json
import unittest

import system
from service import NAME, ROOT, ServiceTest

OWN = "da9aab5c034345f092fb75fe5250ee3f"
OTHERS = "6855291d743049248863bbeb9782e359"
REFUSED = "9e00ee21e0bb48b4a73797f0bb7b355c"
SUPPRESSED = "3d80321c61184df0807348ac2a0eda1f"
BURST = 100
RULE = """
polkit.addRule(function(action, subject) {
    if (action.id == "org.tracectl.tracing1.trace-others" && subject.user == "bob")
        return polkit.Result.YES;
});
"""


class Audit(ServiceTest):
    def records(self, message_id, verb, **fields):
        """The records of one kind about a method, oldest first, whose fields are these."""
        text = self.host.journal("--output=json", f"MESSAGE_ID={message_id}", f"TRACECTL_VERB={verb}")
        found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return [record for record in found
                if all(record.get(f"TRACECTL_{name.upper()}") == value for name, value in fields.items())]

    def record(self, message_id, verb, **fields):
        """There is one, and one only, such record."""
        system.wait_until(lambda: self.records(message_id, verb, **fields), f"a record of {verb}: {fields}")
        found = self.records(message_id, verb, **fields)
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_own(self):
        self.tracectl("alice", "create", "hers")
        record = self.record(OWN, "CreateSession", session="hers")
        self.assertEqual((record["TRACECTL_CALLER_UID"], record["TRACECTL_OWNER_UID"], record["TRACECTL_RESULT"],
                          record["TRACECTL_ACTION"]), ("1001", "1001", "allowed", "org.tracectl.tracing1.trace-own"))
        self.assertEqual(record["_SYSTEMD_UNIT"], "tracingd.service")

    def test_refused(self):
        self.tracectl("alice", "create", "wanted")
        caller = self.start(["busctl", "--allow-interactive-authorization=no", "call", NAME,
                             self.path("alice", "wanted"), f"{NAME}.Session", "Destroy", "a{sv}", "0"], user="bob")
        pid = caller.inner_pid
        self.assertNotEqual(caller.wait(), 0)
        record = self.record(REFUSED, "Destroy", session="wanted")
        self.assertEqual((record["TRACECTL_CALLER_UID"], record["TRACECTL_OWNER_UID"], record["TRACECTL_RESULT"],
                          record["TRACECTL_ACTION"], record["TRACECTL_CALLER_PID"]),
                         ("1002", "1001", "needs-password", "org.tracectl.tracing1.control-others", str(pid)))
        self.assertEqual(self.records(OTHERS, "Destroy", session="wanted"), [])
        # The same of one that does not exist: the journal is for the administrator.
        self.busctl("bob", "--allow-interactive-authorization=no", "call", NAME, self.path("alice", "missing"),
                    f"{NAME}.Session", "Destroy", "a{sv}", "0", check=False)
        self.record(REFUSED, "Destroy", session="missing")

    def test_root(self):
        """Root is not asked about, and is told of; also where he comes by the control socket."""
        self.tracectl("alice", "create", "looked-after")
        self.tracectl("root", "enable-event", "-s", "alice/looked-after", "test:*")
        record = self.record(OTHERS, "EnableEvent", session="looked-after")
        self.assertEqual((record["TRACECTL_CALLER_UID"], record["TRACECTL_OWNER_UID"], record["TRACECTL_PATTERN"],
                          record["TRACECTL_RESULT"]), ("0", "1001", "test:*", "allowed"))
        self.host.run(["python3", "-c", PEER], check=True)
        record = self.record(OTHERS, "Destroy", session="looked-after")
        self.assertEqual((record["TRACECTL_CALLER_UID"], record["TRACECTL_ACTION"]), ("0", "root"))
        # To look at it is no news.
        self.assertEqual(self.records(OTHERS, "ListSessions"), [])

    def test_who_is_traced(self):
        """A rule that reaches alice's programs: the journal has it, and she sees who does it."""
        self.host.write("/etc/polkit-1/rules.d/50-test.rules", RULE)
        self.addCleanup(self.host.systemctl, "restart", "polkit.service")
        self.addCleanup(self.host.run, ["rm", "-f", "/etc/polkit-1/rules.d/50-test.rules"])
        self.host.systemctl("restart", "polkit.service")
        emitter = self.emitter("alice", 1)
        self.tracectl("bob", "create", "spy")
        self.tracectl("bob", "enable-event", "--uid", "alice", "test:*")
        self.tracectl("bob", "start")
        record = self.record(OTHERS, "EnableEvent", session="spy", action="org.tracectl.tracing1.trace-others")
        self.assertEqual((record["TRACECTL_CALLER_UID"], record["TRACECTL_OWNER_UID"]), ("1002", "1001"))
        listed = self.busctl("alice", "call", NAME, ROOT, f"{NAME}.Manager", "ListApplications", "a{sv}", "0").stdout
        self.assertIn(f" {emitter.pid} 1001 ", listed)
        path = listed.split('"')[-2]
        shown = self.busctl("alice", "get-property", NAME, path, f"{NAME}.Application", "Sessions").stdout
        self.assertEqual(shown, 'as 1 "1002/spy"\n')

    def test_catalog(self):
        self.tracectl("alice", "create", "explained")
        self.busctl("bob", "--allow-interactive-authorization=no", "call", NAME, self.path("alice", "explained"),
                    f"{NAME}.Session", "Clear", "a{sv}", "0", check=False)
        self.record(REFUSED, "Clear", session="explained")
        text = self.host.journal("--catalog", "--output=short", f"MESSAGE_ID={REFUSED}", "TRACECTL_VERB=Clear")
        self.assertIn("Subject: User 1002 was refused the tracing", text)
        for message_id in (OWN, OTHERS, REFUSED, SUPPRESSED):
            known = self.host.run(["journalctl", "--dump-catalog", message_id]).stdout
            self.assertIn("Defined-By: tracectl", known)

    def test_flood(self):
        """Whoever calls without a pause fills no journal, and hides nothing of what others do."""
        self.tracectl("alice", "create", "besieged")
        done = self.host.run(["/usr/bin/python3", "-c", FLOOD, self.path("alice", "besieged")], user="carol")
        self.assertEqual(done.stdout, "600\n")
        self.busctl("bob", "--allow-interactive-authorization=no", "call", NAME, self.path("alice", "besieged"),
                    f"{NAME}.Session", "Rotate", "a{sv}", "0", check=False)
        self.record(REFUSED, "Rotate", session="besieged", caller_uid="1002")
        # What is left is written when tracingd ends.
        self.host.systemctl("restart", "tracingd.service")
        written = self.records(REFUSED, "Stop", session="besieged")
        text = self.host.journal("--output=json", f"MESSAGE_ID={SUPPRESSED}", "TRACECTL_CALLER_UID=1003")
        suppressed = sum(int(json.loads(line)["TRACECTL_SUPPRESSED"]) for line in text.splitlines())
        self.assertEqual(len(written) + suppressed, 600)
        # It may have taken more than one window.
        self.assertLessEqual(len(written), 3 * BURST)


PEER = """
from gi.repository import Gio, GLib
peer = Gio.DBusConnection.new_for_address_sync("unix:path=/run/tracectl/control",
                                               Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)
peer.call_sync(None, "/org/tracectl/Tracing1/session/_31001/looked_2dafter", "org.tracectl.Tracing1.Session",
               "Destroy", GLib.Variant("(a{sv})", ({},)), None, 0, -1, None)
"""

FLOOD = """
import sys
from gi.repository import Gio, GLib
bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
refused = 0
for _ in range(600):
    try:
        bus.call_sync("org.tracectl.Tracing1", sys.argv[1], "org.tracectl.Tracing1.Session", "Stop",
                      GLib.Variant("(a{sv})", ({},)), None, 0, -1, None)
    except GLib.Error:
        refused += 1
print(refused)
"""

if __name__ == "__main__":
    unittest.main()
