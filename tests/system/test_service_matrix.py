# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every method by every kind of caller: who is let at it, and that nothing has changed where he is not."""

import os
import unittest

import matrix
import service
from matrix_case import DENIED, EVERYTHING, OWN, PASSWORD, REFUSED_TO_OWNER, UNKNOWN, MatrixTest, portions
from service import NAME, ROOT, SOURCE

SOME_RULE = """
polkit.addRule(function(action, subject) {
    if (/(kernel-own|kernel-probe|exceed-limits)$/.test(action.id) && subject.user == "alice")
        return polkit.Result.YES;
});
"""
ACTIVE_RULE = """
polkit.addRule(function(action, subject) {
    if (/^org\\.tracectl\\.tracing1\\..*-others$/.test(action.id) && subject.user != "alice" && subject.local &&
        subject.active)
        return polkit.Result.YES;
});
"""
LOGIN = """
import sys
from gi.repository import Gio, GLib
bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
sessions, fds = [], []
for uid, pid in zip(sys.argv[1::2], sys.argv[2::2]):
    arguments = GLib.Variant("(uusssssussbssa(sv))", (int(uid), int(pid), "test", "tty", "user", "", "seat0", 0, "", "",
                                                       False, "", "", []))
    reply, fd = bus.call_with_unix_fd_list_sync("org.freedesktop.login1", "/org/freedesktop/login1",
                                                "org.freedesktop.login1.Manager", "CreateSession", arguments, None, 0,
                                                60000, None, None)
    sessions.append(reply.unpack()[0])
    fds.append(fd)
bus.call_sync("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "ActivateSession",
              GLib.Variant("(s)", (sessions[0],)), None, 0, 60000, None)
print(*sessions, flush=True)
sys.stdin.read()
"""


class Matrix(MatrixTest):
    # The rows

    def test_rows_are_complete(self):
        """Whatever the service has, by its own introspection data, is called here and stands in docs/security.md."""
        known = {row.method for row in matrix.ROWS} | {"Properties.Get", "Properties.Set"}
        self.assertEqual(known, set(self.actions))
        found = set()
        paths = [ROOT, f"{matrix.ALICE}/idle", f"{matrix.ALICE}/idle/channel/user/c", self.event_of("idle"),
                 self.application_path]
        for path in paths:
            text = self.root.call(path, "org.freedesktop.DBus.Introspectable", "Introspect")["reply"][0]
            for interface, kind, name, member in matrix.members(text):
                if kind == "method":
                    found.add(f"{interface}.{name}")
                else:
                    self.assertEqual(member.get("access"), "read", f"{interface}.{name}: who may set it?")
        self.assertEqual(found, known)

    def test_properties(self):
        """Each property of each object, read and set, by its owner and by somebody else."""
        alice, bob = matrix.Caller(self, "alice"), matrix.Caller(self, "bob")
        found = []
        for path, interfaces in self.there.items():
            for interface in (name for name in interfaces if name.startswith(NAME)):
                text = self.root.call(path, "org.freedesktop.DBus.Introspectable", "Introspect")["reply"][0]
                found += [(path, interface, name, member.get("type"))
                          for _, kind, name, member in matrix.members(text) if kind == "property"]
        self.assertGreater(len(found), 50)
        for some in portions(found):
            calls = [self.begin_property(alice, bob, *one) for one in some]
            for one, expected in zip(some, calls, strict=True):
                with self.subTest(property=one):
                    self.assertEqual([caller.finish(number)["error"] for caller, number, _ in expected],
                                     [error for _, _, error in expected])
            self.assertEqual(self.objects(), self.there, some)

    def begin_property(self, alice, bob, path, interface, name, kind):
        """Calls, each with its error."""
        properties = "org.freedesktop.DBus.Properties"
        value = {"s": "x", "b": True, "as": ["x"], "a{sv}": {}, "o": "/"}.get(kind, 1)
        get = (path, properties, "Get", "ss", [interface, name])
        unseen = UNKNOWN if path == self.application_path else PASSWORD
        calls = [(alice, alice.begin(*get), None), (bob, bob.begin(*get), unseen)]
        for caller in (alice, bob, self.root):
            set_it = (path, properties, "Set", "ssv", [interface, name, [kind, value]])
            calls.append((caller, caller.begin(*set_it), DENIED))
        return calls

    # The columns

    def test_owner(self):
        self.assertEqual(self.try_all(matrix.Caller(self, "alice"), OWN, PASSWORD), REFUSED_TO_OWNER)

    def test_owner_with_some_rights(self):
        """Of her own processes in the kernel, probes without the strings in them, more than the limits."""
        self.install_rules(SOME_RULE)
        refused = self.try_all(matrix.Caller(self, "alice"), OWN | {"kernel-own", "kernel-probe", "exceed-limits"},
                               PASSWORD)
        self.assertEqual(refused, 7)

    def test_root(self):
        self.assertEqual(self.try_all(self.root, EVERYTHING, None), 0)

    def test_other_user(self):
        self.assertGreater(self.try_all(matrix.Caller(self, "bob"), OWN, PASSWORD), 30)

    def test_other_user_without_an_agent(self):
        """A password would be asked for, and there is nobody to do that."""
        self.assertGreater(self.try_all(matrix.Caller(self, "bob", password=True), OWN, DENIED), 30)

    def test_other_user_says_no(self):
        """He is asked for a password, and closes the window."""
        caller = matrix.Caller(self, "bob", password=True)
        caller.become_agent()
        self.assertGreater(self.try_all(caller, OWN, DENIED), 30)

    def test_member_of_a_group_with_a_rule(self):
        self.host.run("groupadd -f operator && usermod -a -G operator carol")
        with open(os.path.join(SOURCE, "polkit", "50-tracectl-operators.rules.example"), encoding="utf-8") as f:
            self.install_rules(f.read())
        refused = self.try_all(matrix.Caller(self, "carol"), OWN | {"list-others", "control-others"}, PASSWORD,
                               but=("Session.EnableEvent", "Session.AddContext"))
        self.assertEqual(refused, 12)

    def test_local_sessions(self):
        """A rule for whoever sits in front of the machine; he who has switched to another's session is not let."""
        active, inactive = matrix.Caller(self, "bob"), matrix.Caller(self, "carol")
        login = self.start(["/usr/bin/python3", "-c", LOGIN, "1002", str(active.pid), "1003", str(inactive.pid)])
        self.assertEqual(service.read_line(login).split(), ["c1", "c2"])
        self.install_rules(ACTIVE_RULE)
        refused = self.try_all(active, {name for name in EVERYTHING if name.endswith(("-others", "-own"))} -
                               {"kernel-own"}, PASSWORD)
        self.assertEqual(refused, 6)
        self.assertGreater(self.try_all(inactive, OWN, PASSWORD), 30)

    def test_refusals_say_nothing(self):
        """The same words, to the byte, of what exists and of what does not."""
        caller = matrix.Caller(self, "bob")
        for row in matrix.ROWS:
            path, *rest = self.concrete(row)
            if "/session/" not in path:
                continue
            with self.subTest(method=row.method, path=path):
                there = caller.call(path, *rest)
                missing = caller.call(path.replace("/idle", "/none").replace("/busy", "/none"), *rest)
                nobody = caller.call(path.replace("_31001", "_34001"), *rest)
                self.assertEqual((there["error"], there["message"]), (missing["error"], missing["message"]))
                self.assertEqual((there["error"], there["message"].replace("1001", "4001")),
                                 (nobody["error"], nobody["message"]))
        for uid, name in ((1001, "none"), (4001, "idle")):
            there, missing = (caller.call(ROOT, f"{NAME}.Manager", "GetSession", "us", pair)
                              for pair in ([1001, "idle"], [uid, name]))
            self.assertEqual((there["error"], there["message"].replace("1001", str(uid))),
                             (missing["error"], missing["message"]))


if __name__ == "__main__":
    unittest.main()
