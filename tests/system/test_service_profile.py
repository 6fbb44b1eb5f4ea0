# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sessions from files: applied again and again, and at boot, before there is a bus."""

import json
import os
import unittest

import system
from service import EMIT, NAME, ROOT, ServiceTest

PROFILE = """\
[Session]
Start=yes

[Channel main]
SubBufferSize=64K
SubBufferCount=4
Event=test:*
Event=shop:order_paid
"""


class Profile(ServiceTest):
    def apply(self, *args, user="alice", text=None):
        done = self.tracectl(user, "apply", "--json=short", *args, input=text or "")
        return json.loads(done.stdout)

    def test_apply(self):
        self.host.write("/home/alice/web.conf", PROFILE)
        self.host.run(["chown", "alice", "/home/alice/web.conf"])
        foreseen = self.apply("--dry-run", "web.conf")
        self.assertIs(foreseen["changed"], True)
        self.assertEqual(self.tracectl("alice", "list", "--json=short").stdout.strip(), "[]")
        first = self.apply("web.conf")
        self.assertEqual(first, foreseen)
        self.assertEqual(first["before"], {})
        self.assertEqual(self.get("alice", "web", "State"), "active")
        self.assertEqual(self.get("alice", "web", "Origin"), "profile web")

        # Unchanged: nothing happens.
        emitter = self.emitter("alice", 1)
        emitter.emit(100)
        before = self.tracectl("alice", "list", "web", "--json=short").stdout
        self.assertEqual(self.apply("web.conf"), {"changed": False, "before": {}, "after": {}})
        self.assertEqual(self.apply("--dry-run", "web.conf"), {"changed": False, "before": {}, "after": {}})
        self.assertEqual(self.tracectl("alice", "list", "web", "--json=short").stdout, before)

        # Changed: exactly the difference.
        self.host.write("/home/alice/web.conf", PROFILE.replace("order_paid", "order_refused"))
        foreseen = self.apply("--dry-run", "web.conf")
        second = self.apply("web.conf")
        self.assertEqual(second, foreseen)
        self.assertEqual(second, {"changed": True,
                                  "before": {"Channel main.Event": ["test:*", "shop:order_paid"]},
                                  "after": {"Channel main.Event": ["test:*", "shop:order_refused"]}})
        emitter.emit(100)
        self.assertEqual(self.apply("web.conf")["changed"], False)
        self.tracectl("alice", "stop", "web")
        self.assert_counted(self.events(self.output("alice", "web")), [emitter])

    def test_dump(self):
        """What a session is, as a profile that makes the same."""
        self.tracectl("alice", "create", "made")
        self.tracectl("alice", "enable-channel", "big", "--subbuf-size", "1M", "--subbuf-count", "2", "--overwrite")
        self.tracectl("alice", "add-context", "-c", "big", "procname")
        self.tracectl("alice", "enable-event", "-c", "big", "test:*")
        text = self.tracectl("alice", "dump", "made").stdout
        self.assertEqual(self.apply("-", text=text), {"changed": False, "before": {}, "after": {}})
        self.tracectl("alice", "destroy", "made")
        self.assertIs(self.apply("-", text=text)["changed"], True)
        self.assertEqual(self.tracectl("alice", "dump", "made").stdout, text)

    def test_directory(self):
        """Each trace has a folder of its own in it, however often the profile is applied; a restart goes on in its own."""
        text = "[Session]\nName=dir\nDirectory=/home/alice/there\nStart=yes\n\n[Channel main]\nEvent=test:*\n"
        emitter = self.emitter("alice", 1)
        outputs = []
        for turn in range(3):
            self.apply("-", text=text)
            # It has been started: what it is compared with is what the profile said.
            self.assertEqual(self.apply("-", text=text), {"changed": False, "before": {}, "after": {}})
            outputs.append(self.output("alice", "dir"))
            emitter.emit(100)
            if turn == 1:
                unit = self.get("alice", "dir", "ConsumerUnit")
                self.host.run(["systemctl", "kill", "--signal=KILL", unit + ".service"])
                self.host.run(["systemctl", "kill", "--signal=KILL", "tracingd.service"])
                system.wait_until(lambda: self.tracectl("alice", "list", "dir", check=False).returncode == 0,
                                  "the next tracingd")
                self.assertEqual(self.output("alice", "dir"), outputs[1])
                emitter.emit(100)
            self.assertIn("Directory=/home/alice/there\n", self.tracectl("alice", "dump", "dir").stdout)
            self.tracectl("alice", "stop", "dir")
            self.tracectl("alice", "destroy", "dir")
        self.assertEqual([len(self.events(output)) for output in outputs], [100, 200, 100])
        self.assertEqual(len(set(outputs)), 3)
        for output in outputs:
            self.assertRegex(output, r"\A/home/alice/there/dir-\d{8}-\d{6}(-\d{6})?\Z")
        self.assertEqual(len(os.listdir(self.host.file("/home/alice/there"))), 3)

    def test_directory_that_is_taken(self):
        """A trace does not go where another one is, of which each file would be in its way."""
        self.host.run("mkdir taken && touch taken/file", user="alice")
        create = ["busctl", "call", NAME, ROOT, NAME + ".Manager", "CreateSession", "sa{sv}", "taken", "1", "directory", "s",
                  "/home/alice/taken"]
        self.host.run(create, user="alice")
        self.tracectl("alice", "enable-event", "-s", "taken", "test:*")
        said = self.refused("alice", "start", "taken")
        self.assertIn("'/home/alice/taken' is not empty; choose another directory", said)
        self.host.run("rm taken/file", user="alice")
        self.tracectl("alice", "start", "taken")
        self.assertEqual(self.output("alice", "taken"), "/home/alice/taken")

    def test_refused(self):
        for text, word in (("[Session]\nModus=record\n", "Modus"), ("[Session]\nName=a/b\n", "a/b"),
                           ("[Channel x]\nSubBufferSize=17Q\n", "17Q"), ("nonsense\n", "line 1")):
            self.host.write("/home/alice/bad.conf", text)
            self.assertIn(word, self.refused("alice", "apply", "bad.conf"))
            self.assertEqual(self.tracectl("alice", "list", "--json=short").stdout.strip(), "[]")

    def test_profile_needs_to_be_ones_own(self):
        """Files of the machine are for root to apply."""
        self.host.run(["mkdir", "-p", "/etc/tracectl/sessions.d"])
        self.host.write("/etc/tracectl/sessions.d/machine.conf", PROFILE, 0o600)
        self.refused("alice", "apply", "--profile", "machine")


class Boot(ServiceTest):
    def test_early_boot(self):
        """Events of a service that has ended before the bus begins are in the trace."""
        self.host.run(["mkdir", "-p", "/etc/tracectl/sessions.d"])
        self.host.write("/etc/tracectl/sessions.d/early.conf",
                        "[Session]\nStart=yes\n\n[Channel main]\nEvent=test:*\n")
        self.host.write("/etc/systemd/system/early-emit.service",
                        "[Unit]\nDefaultDependencies=no\nAfter=tracectl-session@early.service\n"
                        "Before=sysinit.target dbus.socket dbus.service\n\n"
                        f"[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart={EMIT} threads 2 1000\n\n"
                        "[Install]\nWantedBy=sysinit.target\n")
        self.host.systemctl("enable", "early-emit.service", "tracectl-session@early.service")
        self.host.reboot()
        done = int(self.host.unit_property("early-emit.service", "ExecMainExitTimestampMonotonic"))
        bus = int(self.host.unit_property("dbus.socket", "ActiveEnterTimestampMonotonic"))
        self.assertLess(done, bus)
        self.assertEqual(self.get("root", "early", "Origin"), "profile early")
        self.assertEqual(self.get("root", "early", "State"), "active")
        self.host.run([EMIT, "threads", "1", "500"])
        output = self.output("root", "early")
        self.tracectl("root", "stop", "early")
        self.assertEqual(len(self.events(output)), 2500)
        self.host.systemctl("stop", "tracectl-session@early.service")
        self.assertEqual(self.tracectl("root", "list", "--json=short").stdout.strip(), "[]")

    def test_shutdown(self):
        """A boot's trace is complete when the machine is switched off."""
        self.host.run(["mkdir", "-p", "/etc/tracectl/sessions.d"])
        self.host.write("/etc/tracectl/sessions.d/whole.conf",
                        "[Session]\nStart=yes\n\n[Channel main]\nEvent=test:*\n")
        self.host.systemctl("enable", "--now", "tracectl-session@whole.service")
        self.host.run([EMIT, "threads", "2", "1000"])
        output = self.output("root", "whole")
        self.host.reboot()
        self.assertEqual(len(self.events(output)), 2000)
        self.assertNotEqual(self.output("root", "whole"), output)
        self.host.systemctl("disable", "--now", "tracectl-session@whole.service")

    def test_directory_at_each_boot(self):
        """A profile that is started at each boot makes a trace at each, where its Directory= says."""
        self.host.run(["mkdir", "-p", "/etc/tracectl/sessions.d"])
        self.host.write("/etc/tracectl/sessions.d/each.conf",
                        "[Session]\nDirectory=/var/log/each\nStart=yes\n\n[Channel main]\nEvent=test:*\n")
        self.host.systemctl("enable", "tracectl-session@each.service")
        outputs = []
        for boot in range(2):
            self.host.reboot()
            self.assertEqual(self.get("root", "each", "State"), "active")
            outputs.append(self.output("root", "each"))
            self.host.run([EMIT, "threads", "1", str(100 + boot)])
        self.host.systemctl("disable", "--now", "tracectl-session@each.service")
        self.assertEqual(sorted(outputs), sorted(f"/var/log/each/{name}"
                                                 for name in os.listdir(self.host.file("/var/log/each"))))
        self.assertEqual([len(self.events(output)) for output in outputs], [100, 101])


if __name__ == "__main__":
    unittest.main()
