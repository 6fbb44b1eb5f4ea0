# SPDX-License-Identifier: LGPL-2.1-or-later
"""What administrators let users have: tracingd.conf, reloaded and wrong, and who may exceed it."""

import json
import unittest

import system
from service import NAME, ROOT, ServiceTest

CONF = "/etc/tracectl/tracingd.conf"
DROP_IN = "/etc/tracectl/tracingd.conf.d/50-test.conf"
RULE = """
polkit.addRule(function(action, subject) {
    if (action.id == "org.tracectl.tracing1.exceed-limits" && subject.user == "bob" &&
        action.lookup("session") == "big")
        return polkit.Result.YES;
});
"""
LIMITS = "org.freedesktop.DBus.Error.LimitsExceeded"


class Limits(ServiceTest):
    def setUp(self):
        super().setUp()
        self.host.run(["mkdir", "-p", "/etc/tracectl/tracingd.conf.d"])
        self.addCleanup(self.host.systemctl, "reload-or-restart", "tracingd.service")
        self.addCleanup(self.host.run, ["rm", "-rf", CONF, DROP_IN])

    def configure(self, text, path=CONF):
        self.host.write(path, text, 0o644)
        self.host.systemctl("reload-or-restart", "tracingd.service")

    def limit(self, user, name):
        done = self.busctl(user, "--json=short", "get-property", NAME, ROOT, f"{NAME}.Manager", "Limits")
        return json.loads(done.stdout)["data"][name]

    def create(self, user, name):
        """The service's own words, or None where it has made the session."""
        done = self.host.run(["gdbus", "call", "--system", "--dest", NAME, "--object-path", ROOT,
                              "--method", f"{NAME}.Manager.CreateSession", name, "{}"], user=user, check=False)
        return done.stderr if done.returncode else None

    def test_one_users_limits(self):
        """What is used up by one user, all others have."""
        self.configure("[Limits]\nSessions=3\n\n[User alice]\nSessions=2\nRules=2\n")
        self.assertEqual([self.limit(user, "sessions") for user in ("alice", "bob", "root")], [2, 3, 256])
        self.assertIsNone(self.create("alice", "one"))
        self.assertIsNone(self.create("alice", "two"))
        refusal = self.create("alice", "three")
        self.assertIn(LIMITS, refusal)
        self.assertIn("user 1001 has 2 sessions of 2 that a user can have; destroy one first", refusal)
        self.assertEqual(self.limit("alice", "sessions-used"), 2)
        for name in ("one", "two", "three"):
            self.assertIsNone(self.create("bob", name))
        # A rule that is refused leaves no channel behind.
        self.tracectl("alice", "enable-event", "-s", "one", "a:*")
        self.tracectl("alice", "enable-event", "-s", "one", "b:*")
        self.assertIn("2 event rules of 2", self.refused("alice", "enable-event", "-s", "two", "c:*"))
        self.assertEqual(self.limit("alice", "channels-used"), 1)
        # And one of alice's programs is as well off as ever.
        emitter = self.emitter("bob", 1)
        self.tracectl("bob", "enable-event", "-s", "one", "test:*")
        self.tracectl("bob", "start", "one")
        emitter.emit(1000)
        self.tracectl("bob", "stop", "one")
        self.assert_counted(self.events(self.output("bob", "one")), [emitter])

    def test_reload(self):
        """At once, without a session that notices; also where there are more by now than there may be."""
        self.assertIsNone(self.create("alice", "one"))
        self.assertIsNone(self.create("alice", "two"))
        pid = self.show("tracingd.service", "MainPID")
        self.configure("[Limits]\nSessions=5\n")
        self.configure("[User alice]\nSessions=1\n", DROP_IN)
        self.assertEqual(self.show("tracingd.service", "MainPID"), pid)
        self.assertEqual((self.limit("alice", "sessions"), self.limit("alice", "sessions-used")), (1, 2))
        self.assertEqual(self.limit("bob", "sessions"), 5)
        self.assertIn(LIMITS, self.create("alice", "three"))
        # Nor does a restart take from her what she has.
        self.host.systemctl("restart", "tracingd.service")
        self.assertEqual((self.limit("alice", "sessions"), self.limit("alice", "sessions-used")), (1, 2))
        self.assertEqual(self.get("alice", "one", "State"), "configured")
        self.host.run(["rm", DROP_IN])
        self.host.systemctl("reload", "tracingd.service")
        self.assertEqual(self.limit("alice", "sessions"), 5)

    def test_bad_lines(self):
        """They are told of with their place, and the others count."""
        self.configure("[Limits]\nSessions=4\nSesions=5\nChannels=lots\n")
        self.assertEqual((self.limit("alice", "sessions"), self.limit("alice", "channels")), (4, 1024))

        def told():
            text = self.host.journal("--unit=tracingd.service", "--output=cat")
            return [line for line in text.splitlines() if CONF in line]
        system.wait_until(lambda: len(told()) == 2, "two warnings")
        self.assertIn(f"{CONF}, line 3: Unknown key 'Sesions'", told()[0])
        self.assertIn(f"{CONF}, line 4: Channels=lots is not possible; write a number", told()[1])

    def test_exceed(self):
        """Whom polkit lets, and for what it lets him."""
        self.host.write("/etc/polkit-1/rules.d/50-test.rules", RULE)
        self.addCleanup(self.host.systemctl, "restart", "polkit.service")
        self.addCleanup(self.host.run, ["rm", "-f", "/etc/polkit-1/rules.d/50-test.rules"])
        self.host.systemctl("restart", "polkit.service")
        self.configure("[Limits]\nSessions=1\nChannels=1\nRules=1\n")
        for user in ("alice", "bob"):
            self.assertIsNone(self.create(user, "first"))
        self.assertIn(LIMITS, self.create("alice", "big"))
        self.assertIn(LIMITS, self.create("bob", "other"))
        self.assertIsNone(self.create("bob", "big"))
        self.assertEqual((self.limit("bob", "sessions"), self.limit("bob", "sessions-used")), (1, 2))
        for pattern in ("a:*", "b:*"):
            self.tracectl("bob", "enable-event", "-s", "big", pattern)
        self.tracectl("bob", "enable-channel", "-s", "big", "more")
        self.assertIn("channels", self.refused("bob", "enable-channel", "-s", "first", "more"))
        self.assertEqual((self.limit("bob", "channels-used"), self.limit("bob", "rules-used")), (2, 2))
        self.tracectl("bob", "destroy", "big")
        self.tracectl("bob", "apply", "-", input="[Session]\nName=big\n[Channel c]\nEvent=a:*\nEvent=b:*\n")
        self.assertEqual((self.limit("bob", "sessions-used"), self.limit("bob", "rules-used")), (2, 2))
        # What was allowed lasts as long as it is there, over a restart.
        self.host.systemctl("restart", "tracingd.service")
        self.assertEqual((self.limit("bob", "sessions-used"), self.limit("bob", "rules-used")), (2, 2))
        self.tracectl("bob", "destroy", "big")
        self.assertIn(LIMITS, self.create("bob", "other"))


if __name__ == "__main__":
    unittest.main()
