# SPDX-License-Identifier: LGPL-2.1-or-later
"""Of a session of somebody else's a user without rights learns not even whether it exists, whatever he tries."""

import json
import os
import unittest

import matrix
from matrix_case import DENIED, PASSWORD
from service import NAME, ROOT, SOURCE, ServiceTest

INTROSPECT = "org.freedesktop.DBus.Introspectable"
# Of one length, so that the sizes within replies are the same: alice's, and two that nobody has.
THERE, ABSENT, NOBODYS = (f"{ROOT}/session/{last}" for last in ("_31001/exists", "_31001/absent", "_34001/exists"))
VERBS = (("start",), ("stop",), ("destroy",), ("clear",), ("rotate",), ("dump",), ("snapshot",), ("list",), ("view",),
         ("view", "--follow"), ("enable-event", "a:*", "--session"), ("disable-event", "a:*", "--session"),
         ("enable-channel", "c", "--session"), ("add-context", "vpid", "--session"))


class SameReplies(ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in ("bus-caller", "compare-replies"):
            with open(os.path.join(SOURCE, "tests", "system", name + ".py"), encoding="utf-8") as f:
                cls.host.write(f"/usr/local/bin/{name}", f.read(), 0o755)

    def setUp(self):
        super().setUp()
        self.emitter("alice", 1)
        self.tracectl("alice", "create", "exists")
        self.tracectl("alice", "enable-channel", "c")
        self.tracectl("alice", "enable-event", "--channel", "c", "test:*")
        self.tracectl("alice", "start")
        self.root, self.bob = matrix.Caller(self, "root"), matrix.Caller(self, "bob")
        objects = self.root.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")["reply"][0]
        self.event = next(path for path in objects if path.startswith(f"{THERE}/event/")).removeprefix(THERE)
        self.application = next(path for path in objects if path.startswith(f"{ROOT}/application/"))

    def introspect(self, path):
        return self.root.call(path, INTROSPECT, "Introspect")["reply"][0]

    def compare(self, there, others, nodes):
        """What is the same to bob, whatever he calls."""
        done = self.host.run(["compare-replies"], user="bob", timeout=300, input=json.dumps(
            {"there": there, "others": others, "nodes": nodes}))
        found = json.loads(done.stdout)
        print(found["errors"])
        self.assertEqual(found["different"], [])
        return found

    def test_calls(self):
        """Each method and property of each object of a session, also in a form that they do not have."""
        nodes = {suffix: self.introspect(THERE + suffix) for suffix in ("", "/channel/user/c", self.event)}
        nodes |= {suffix: "<node/>" for suffix in ("/channel", "/channel/user", "/event", "/event/_30", "/x")}
        found = self.compare(THERE, [ABSENT, NOBODYS], nodes)
        self.assertLessEqual({f"{NAME}.Session.Destroy", f"{NAME}.Session.OpenStream", f"{INTROSPECT}.Introspect",
                              "org.freedesktop.DBus.Properties.Set"}, set(found["methods"]))
        # Peer's are answered; nothing is refused for another reason.
        self.assertEqual(set(found["errors"]), {"null", PASSWORD, DENIED})
        self.assertGreater(sum(found["errors"].values()), 1500)
        self.assertEqual(self.get("alice", "exists", "State"), "active")

    def test_users(self):
        """Nor whether somebody has any session."""
        self.compare(f"{ROOT}/session/_31001", [f"{ROOT}/session/_34001"], {"": self.introspect(THERE)})
        interface = f"{NAME}.Manager"
        for member, signature, *before in (("ListSessions", "a{sv}"), ("ListApplications", "a{sv}"),
                                           ("ListEvents", "ssa{sv}", "user", "*")):
            with self.subTest(member):
                first, second = (self.bob.call(ROOT, interface, member, signature, [*before, {"uid": ["u", uid]}])
                                 for uid in (1001, 4001))
                self.assertIsNotNone(first["error"])
                self.assertEqual((first["error"], first["message"].replace("1001", "4001")),
                                 (second["error"], second["message"]))

    def test_applications(self):
        there = self.application
        digit = "7" if there[-1] != "7" else "8"
        self.compare(there, [there[:-1] + digit], {"": self.introspect(there)})

    def test_paths_in_arguments(self):
        """Others' event rules named to one's own session, and to one that is not."""
        self.tracectl("bob", "create", "mine")
        for session in (self.path("bob", "mine"), ABSENT):
            for member in ("RemoveEvent", "DisableEvent"):
                replies = [self.bob.call(session, f"{NAME}.Session", member, "oa{sv}", [path + self.event, {}])
                           for path in (THERE, ABSENT, NOBODYS)]
                with self.subTest(session=session, member=member):
                    self.assertIsNotNone(replies[0]["error"])
                    said = {(reply["error"], reply["message"].replace("absent", "exists").replace("4001", "1001"))
                            for reply in replies}
                    self.assertEqual(len(said), 1, said)

    def test_commands(self):
        for verb in VERBS:
            there, absent = (self.refused("bob", *verb, f"alice/{name}") for name in ("exists", "absent"))
            with self.subTest(verb):
                self.assertEqual(there, absent.replace("absent", "exists"))

    def test_control_socket(self):
        """Which asks nobody anything, and is root's."""
        for user in ("bob", "tracectl"):
            done = self.host.run(["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "busctl",
                                  "--address=unix:path=/run/tracectl/control", "call", "", THERE, f"{NAME}.Session",
                                  "Dump"], check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("Permission denied", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
