# SPDX-License-Identifier: LGPL-2.1-or-later
"""What surrounds the service fails: the bus, systemd, the disk. What is recorded stays, what is lost is counted."""

import unittest

import system
from service import ServiceTest


class Faults(ServiceTest):
    def begin(self, session, *options):
        emitter = self.emitter("alice", 1)
        self.tracectl("alice", "create", session, *options)
        self.tracectl("alice", "enable-event", "-s", session, "test:*")
        self.tracectl("alice", "start", session)
        emitter.emit(1000)
        return emitter

    def test_bus_and_systemd_restart(self):
        emitter = self.begin("steady")
        self.host.systemctl("restart", "dbus.service")
        emitter.emit(1000)
        system.wait_until(lambda: self.tracectl("alice", "list", "steady", check=False).returncode == 0,
                          "the service on the new bus")
        self.host.systemctl("daemon-reexec")
        emitter.emit(1000)
        unit = self.get("alice", "steady", "ConsumerUnit")
        self.host.systemctl("kill", "--signal=KILL", unit + ".service")
        emitter.emit(1000)
        self.tracectl("alice", "stop", "steady")
        self.assert_counted(self.events(self.output("alice", "steady")), [emitter])

    def test_disk_full(self):
        self.host.run("mkdir /home/alice/small && mount -t tmpfs -o size=1M,uid=1001,mode=700 tmpfs /home/alice/small")
        emitter = self.begin("full", "-o", "/home/alice/small/trace")
        emitter.emit(200_000)
        self.assertIn("No space left on device", self.tracectl("alice", "stop", "full").stderr)
        events = self.events("/home/alice/small/trace", lost=None)
        self.assertEqual(self.get("alice", "full", "EventsRecorded"), len(events))
        self.assertEqual(self.get("alice", "full", "EventsDiscarded"), emitter.emitted - len(events))

    def test_user_without_an_entry(self):
        """The system bus hangs up on a uid that has no name."""
        done = self.host.run(["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups", "tracectl", "list"],
                             check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Atracectl: [^\n]*bus [^\n]*\n\Z")


if __name__ == "__main__":
    unittest.main()
