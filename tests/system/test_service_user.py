# SPDX-License-Identifier: LGPL-2.1-or-later
"""A daemon of the user's own beside the system's, and programs that both of them record."""

import unittest

import host
import system
from service import ServiceTest


@host.needs_user_manager
class User(ServiceTest):
    def test_one_program_in_two_sessions(self):
        """Started before either daemon was."""
        login = self.host.user_manager("alice")
        self.host.systemctl("stop", "tracingd.service")
        for user in (None, "alice"):
            self.assertEqual(self.host.unit_property("tracingd.service", "ActiveState", user=user), "inactive")
        emitter = self.emitter("alice", 1, env=login)
        self.assertEqual(self.host.unit_property("tracingd.service", "ActiveState"), "inactive")

        for options in ([], ["--user"]):
            for command in (["create", "both"], ["enable-event", "test:*"], ["start"]):
                self.tracectl("alice", *command[:1], *options, *command[1:], env=login)
        emitter.emit(5000)
        self.tracectl("alice", "stop", "--user", "both", env=login)
        emitter.emit(2000)
        self.tracectl("alice", "stop", "both", env=login)
        shown = self.tracectl("alice", "view", "--user", "both", env=login).stdout.splitlines()
        self.assertEqual(len(shown), 5000)
        self.assert_counted(self.events(self.output("alice", "both")), [emitter])

    def test_consumer_of_the_user_manager(self):
        login = self.host.user_manager("bob")
        emitter = self.emitter("bob", 2, env=login)
        self.tracectl("bob", "create", "--user", "own", "-o", "/home/bob/trace", env=login)
        self.tracectl("bob", "enable-event", "--user", "test:*", env=login)
        self.tracectl("bob", "start", "--user", env=login)
        emitter.emit(1000)
        units = self.host.systemctl("list-units", "--no-legend", "tracectl-consumer-*", user="bob").split()
        unit = next(name for name in units if name.endswith(".service"))
        self.assertEqual(self.host.unit_property(unit, "Slice", user="bob"), "tracectl.slice")
        self.host.systemctl("kill", "--signal=KILL", unit, user="bob")
        emitter.emit(1000)
        self.tracectl("bob", "stop", "--user", env=login)
        self.assert_counted(self.events("/home/bob/trace"), [emitter])
        self.tracectl("bob", "destroy", "--user", "own", env=login)
        system.wait_until(lambda: self.host.unit_property(unit, "LoadState", user="bob") == "not-found", "its end")


if __name__ == "__main__":
    unittest.main()
