# SPDX-License-Identifier: LGPL-2.1-or-later
"""tracingd goes and comes back: killed, restarted, over and over. Sessions, objects and consumers stay, nothing is lost."""

import json
import unittest

import system
from service import NAME, ROOT, ServiceTest

UNIT = "tracingd.service"


class RestartTest(ServiceTest):
    user_manager = None # whose tracingd; None: the system's

    def main_pid(self):
        return int(self.show(UNIT, "MainPID")["MainPID"])

    def kill(self):
        """Returns when another one serves."""
        before = self.main_pid()
        self.host.systemctl("kill", "--signal=KILL", "--kill-whom=main", UNIT)
        self.await_another(before)

    def restart(self):
        before = self.main_pid()
        self.host.systemctl("restart", UNIT)
        self.await_another(before)

    def await_another(self, before):
        system.wait_until(lambda: self.main_pid() not in (0, before) and
                          self.show(UNIT, "ActiveState")["ActiveState"] == "active", "another tracingd")

    def begin(self, session, *options, user="alice"):
        self.tracectl(user, "create", session, *options)
        self.tracectl(user, "enable-event", "-s", session, "test:*")
        self.tracectl(user, "start", session)

    def everything(self, user="alice"):
        """What clients see of a user's sessions: objects with their properties, and profiles."""
        done = self.busctl(user, "--json=short", "call", NAME, ROOT, "org.freedesktop.DBus.ObjectManager",
                           "GetManagedObjects")
        objects = json.loads(done.stdout)["data"][0]
        for interfaces in objects.values():
            for properties in interfaces.values():
                for name in ("EventsRecorded", "EventsDiscarded", "Bytes", "Clients"):
                    properties.pop(name, None)
        sessions = {path: value for path, value in objects.items() if "/session/" in path}
        dumps = {path: self.busctl(user, "call", NAME, path, NAME + ".Session", "Dump").stdout
                 for path, interfaces in sessions.items() if NAME + ".Session" in interfaces}
        return sessions, dumps


class Restart(RestartTest):
    def test_kill(self):
        emitter = self.emitter("alice", 1)
        self.begin("steady")
        emitter.emit(1000)
        before, consumer = self.everything(), self.get("alice", "steady", "ConsumerUnit")
        pid = self.show(consumer + ".service", "MainPID")
        self.kill()
        emitter.emit(1000)
        self.assertEqual(self.everything(), before)
        self.assertEqual(self.show(consumer + ".service", "MainPID"), pid)
        emitter.emit(1000)
        self.tracectl("alice", "stop", "steady")
        self.assert_counted(self.events(self.output("alice", "steady")), [emitter])
        self.assertEqual(self.get("alice", "steady", "EventsRecorded"), emitter.emitted)
        self.assertEqual(self.get("alice", "steady", "EventsDiscarded"), 0)

    def test_restart(self):
        emitter = self.emitter("alice", 1)
        self.begin("steady")
        emitter.emit(1000)
        before = self.everything()
        self.restart()
        emitter.emit(1000)
        self.assertEqual(self.everything(), before)
        self.tracectl("alice", "stop", "steady")
        self.assert_counted(self.events(self.output("alice", "steady")), [emitter])


if __name__ == "__main__":
    unittest.main()
