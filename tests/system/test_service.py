# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sessions of ordinary users over the system bus: exact counts, units of their own, nothing for anybody else."""

import os
import re
import unittest

import system
from service import NAME, ROOT, SOURCE, ServiceTest

SESSION = NAME + ".Session"
MANAGER = NAME + ".Manager"


class Service(ServiceTest):
    def test_programs_before_and_after(self):
        """One program waits before there is a daemon, one starts while it is recorded."""
        self.host.systemctl("stop", "tracingd.service")
        early = self.emitter("alice", 1)
        self.assertEqual(self.host.unit_property("tracingd.service", "ActiveState"), "inactive")
        self.tracectl("alice", "create", "orders")
        self.tracectl("alice", "enable-event", "test:*")
        self.tracectl("alice", "start")
        late = self.emitter("alice", 2)
        # They share rings, which hold all of it also while the consumer has no CPU.
        early.ask(40_000)
        late.ask(20_000)
        early.wait()
        late.wait()
        stopped = self.tracectl("alice", "stop")
        self.assertIn("60,000 events, 0 lost", stopped.stdout + stopped.stderr)
        viewed = self.tracectl("alice", "view", "orders").stdout.splitlines()
        for program, n in ((early, 40_000), (late, 20_000)):
            self.assertEqual(sum(f" {program.pid}/{program.pid} " in line for line in viewed), n)
        self.assertEqual(len(viewed), 60_000)
        self.assert_counted(self.events(self.output("alice", "orders")), [early, late])

    def begin(self, user, session, n=1000):
        """An active session with n events so far."""
        emitter = self.emitter(user, 7)
        self.tracectl(user, "create", session)
        self.tracectl(user, "enable-event", "-s", session, "test:*")
        self.tracectl(user, "start", session)
        emitter.emit(n)
        return emitter

    def test_consumer_unit(self):
        self.begin("alice", "hidden")
        unit = self.get("alice", "hidden", "ConsumerUnit")
        self.assertEqual(self.show(unit + ".service", "User", "Slice", "Transient", "ActiveState", "SubState"),
                         {"User": "1001", "Slice": "tracectl.slice", "Transient": "yes", "ActiveState": "active",
                          "SubState": "running"})
        self.assertEqual(self.show(unit + ".socket", "ActiveState", "Slice", "Transient"),
                         {"ActiveState": "active", "Slice": "tracectl.slice", "Transient": "yes"})
        # Anybody sees units.
        listed = self.host.run(["systemctl", "list-units", "--all", "--full"], user="bob").stdout
        self.assertIn(unit, listed)
        self.assertNotIn("hidden", listed)
        self.assertIn("Transient: yes", self.host.systemctl("status", unit + ".service"))
        self.tracectl("alice", "destroy", "hidden")
        for suffix in (".socket", ".service"):
            system.wait_until(lambda s=suffix: self.host.unit_property(unit + s, "LoadState") == "not-found",
                              "the end of " + unit + suffix)

    def test_security_of_units(self):
        """tracingd, and consumers of each kind of output; what theirs do not have is explained where it is put together.
        (test_install looks at the units that are files, test_kernel_own at the reader of the kernel.)"""
        self.begin("alice", "tight")
        self.tracectl("alice", "create", "elsewhere", "-o", "/home/alice/elsewhere")
        self.tracectl("root", "apply", "-", input="[Session]\nName=named\nDirectory=/var/tmp/named\n[Channel c]\n"
                      "Event=test:*\n")
        for user, session in (("alice", "elsewhere"), ("root", "named")):
            self.tracectl(user, "start", session)
        units = [self.get(user, session, "ConsumerUnit") + ".service"
                 for user, session in (("alice", "tight"), ("alice", "elsewhere"), ("root", "named"))]
        with open(os.path.join(SOURCE, "service", "unit", "properties.c"), encoding="utf-8") as f:
            explained = set(re.findall(r"^ \* +(\w+)= ", f.read(), re.MULTILINE))
        for name in ("tracingd.service", *units):
            with self.subTest(name):
                done = self.host.run(["systemd-analyze", "--no-pager", "security", "--threshold=10", "--json=short", name],
                                     check=False)
                missing = system.missing_directives(done.stdout)
                self.assertEqual(done.returncode, 0, missing)
                if name in units:
                    self.assertEqual(missing - explained, set())

    def test_another_user_is_refused(self):
        self.begin("alice", "private")
        output = self.output("alice", "private")
        for verb in ("stop", "start", "destroy", "clear", "rotate", "dump"):
            with self.subTest(verb):
                self.assertNotIn("no session", self.refused("bob", verb, "alice/private"))
                # The same words for what is not there.
                self.assertEqual(self.refused("bob", verb, "alice/private"),
                                 self.refused("bob", verb, "alice/nothing").replace("nothing", "private"))
        self.assertEqual(self.refused("bob", "list", "alice/private"),
                         self.refused("bob", "list", "alice/nothing").replace("nothing", "private"))
        self.refused("bob", "view", "alice/private")
        self.assertIn("Permission denied",
                      self.host.run(["cat", output + "/user/1001/x"], user="bob", check=False).stderr)
        self.assertEqual(self.get("alice", "private", "State"), "active")
        self.assertEqual(self.tracectl("bob", "list", "--json=short").stdout.strip(), "[]")
        for tree in (["busctl", "tree", NAME], ["busctl", "call", NAME, ROOT, "org.freedesktop.DBus.ObjectManager",
                                                "GetManagedObjects"]):
            self.assertNotIn("private", self.host.run(tree, user="bob").stdout)
        self.assertNotIn("private", self.host.run(["ls", "-R", "/var/lib/tracectl", "/run/tracectl"], user="bob",
                                                  check=False).stdout)
        # What alice may do and bob not, root may.
        self.assertIn("private", self.tracectl("root", "list", "--all").stdout)
        self.tracectl("root", "stop", "alice/private")
        self.assertEqual(self.get("alice", "private", "State"), "stopped")

    def test_another_user_hears_nothing(self):
        """Signals go to those who may know."""
        follower = self.follow("bob")
        self.tracectl("bob", "create", "mine")
        self.begin("alice", "secret")
        self.tracectl("alice", "destroy", "secret")
        self.tracectl("bob", "create", "last")
        heard = self.read_until(follower, "added Session /session/_31002/last")
        self.assertTrue(any("/mine" in line for line in heard), heard)
        self.assertFalse([line for line in heard if "secret" in line or "_31001" in line], heard)

    def test_two_users_at_once(self):
        emitters = {user: self.begin(user, "same", 0) for user in ("alice", "bob")}
        for user, n in (("alice", 3000), ("bob", 5000)):
            emitters[user].ask(n)
        for user, emitter in emitters.items():
            emitter.wait()
            self.tracectl(user, "stop", "same")
            self.assert_counted(self.events(self.output(user, "same")), [emitter])

    def test_output_by_directory(self):
        """By a path that the consumer opens, and by a directory that the client has opened."""
        for session, place in (("first", "/home/alice/traces"), ("second", "/home/alice/opened")):
            emitter = self.emitter("alice", 3)
            if session == "first":
                path = self.path("alice", session)
                self.busctl("alice", "call", NAME, ROOT, MANAGER, "CreateSession", "sa{sv}", session, "1", "directory",
                            "s", place)
                self.busctl("alice", "call", NAME, path, SESSION, "EnableEvent", "sssa{sv}", "user", "", "test:*", "0")
            else:
                self.tracectl("alice", "create", session, "-o", place)
                self.tracectl("alice", "enable-event", "-s", session, "test:none,test:*")
            self.tracectl("alice", "start", session)
            emitter.emit(1000)
            self.tracectl("alice", "stop", session)
            self.assertEqual(self.output("alice", session), place)
            self.assert_counted(self.events(place), [emitter])
            self.assertEqual(self.host.run(["stat", "-c", "%U %a", place + "/user"]).stdout, "alice 700\n")

    def test_output_that_is_refused(self):
        """tracingd opens nothing with its own rights."""
        for place in ("/etc/tracectl-stolen", "/root/trace", "/home/bob/trace"):
            self.busctl("alice", "call", NAME, ROOT, MANAGER, "CreateSession", "sa{sv}", "thief", "1", "directory",
                        "s", place)
            self.assertIn(place, self.refused("alice", "start", "thief"))
            self.assertEqual(self.get("alice", "thief", "State"), "configured")
            self.assertNotEqual(self.host.run(["ls", "-d", place], check=False).returncode, 0)
            self.tracectl("alice", "destroy", "thief")

    def test_contexts(self):
        self.tracectl("alice", "create", "contexts")
        self.tracectl("alice", "add-context", "vpid", "vtid", "procname", "ip")
        self.tracectl("alice", "enable-event", "test:*")
        self.tracectl("alice", "start")
        emitter = self.emitter("alice", 4)
        emitter.emit(500)
        self.tracectl("alice", "stop")
        events = self.events(self.output("alice", "contexts"))
        self.assert_counted(events, [emitter])
        for line in events:
            self.assertRegex(line, rf'vpid = {emitter.pid}, .*vtid = {emitter.pid}, .*procname = "emit", .*ip = 0x')
        self.assertIn("procname", self.tracectl("alice", "view", "contexts").stdout)

    def test_clear_and_rotate(self):
        emitter = self.begin("alice", "turns", 100)
        self.tracectl("alice", "clear", "turns")
        emitter.emit(200)
        chunk = self.tracectl("alice", "rotate", "turns").stdout.strip()
        emitter.emit(300)
        self.tracectl("alice", "stop", "turns")
        self.assertEqual(len(self.events(chunk)), 200)
        self.assertEqual(len(self.events(self.output("alice", "turns") + "/user")), 300)
        self.assertEqual(self.get("alice", "turns", "EventsRecorded"), 500)

    def test_channels_and_events(self):
        emitter = self.emitter("alice", 5)
        self.tracectl("alice", "create", "rules")
        self.tracectl("alice", "enable-channel", "main", "--subbuf-size", "64K", "--subbuf-count", "4")
        self.tracectl("alice", "enable-event", "-c", "main", "test:tick")
        self.tracectl("alice", "start")
        for n, off, on in ((100, ("disable-event", "test:tick"), ("enable-event", "-c", "main", "test:tick")),
                           (200, ("disable-channel", "main"), ("enable-channel", "main")),
                           (300, ("remove-event", "test:tick"), ("enable-event", "-c", "main", "test:tick"))):
            emitter.emit(n)
            self.tracectl("alice", *off)
            emitter.emit(10_000)
            self.tracectl("alice", *on)
        self.tracectl("alice", "stop")
        self.assertEqual(len(self.events(self.output("alice", "rules"))), 600)

    def test_snapshot(self):
        emitter = self.emitter("alice", 6)
        self.tracectl("alice", "create", "--mode", "flight-recorder", "flight")
        self.tracectl("alice", "enable-event", "test:*")
        self.tracectl("alice", "start")
        emitter.emit(1000)
        self.tracectl("alice", "snapshot", "before")
        self.assertEqual(len(self.events(self.output("alice", "flight") + "/before")), 1000)
        emitter.emit(10)
        self.tracectl("alice", "snapshot", "after")
        self.assertEqual(len(self.events(self.output("alice", "flight") + "/after")), 1010)


if __name__ == "__main__":
    unittest.main()
