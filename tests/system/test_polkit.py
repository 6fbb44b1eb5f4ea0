# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real polkit: who may do what to whose sessions, and what somebody learns who may not."""

import os
import re
import unittest

import host

NAME = "org.tracectl.Tracing1"
ROOT = "/org/tracectl/Tracing1"
RULES = "/etc/polkit-1/rules.d"
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ALICE = f"{ROOT}/session/_31001"

# Calls once while the process that has connected is there, and once when it has ended; prints what comes back.
HEIR = """
import os, select, socket
from gi.repository import Gio, GLib
flags = Gio.DBusCapabilityFlags.NONE

def blob(name, path, interface, member, serial, signature=None, *arguments):
    message = Gio.DBusMessage.new_method_call(name, path, interface, member)
    message.set_serial(serial)
    if signature:
        message.set_body(GLib.Variant(signature, arguments))
    return bytes(message.to_blob(flags))

def call(serial, member, signature, *arguments):
    s.sendall(blob("org.tracectl.Tracing1", "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager", member, serial,
                   signature, *arguments))
    received = b""
    while True:
        received += s.recv(65536)
        while len(received) >= 16 and len(received) >= (size := Gio.DBusMessage.bytes_needed(received)):
            message = Gio.DBusMessage.new_from_blob(received[:size], flags)
            received = received[size:]
            if message.get_reply_serial() == serial and message.get_sender() != "org.freedesktop.DBus":
                print(message.get_error_name() or "reply", flush=True)
                return

s = socket.socket(socket.AF_UNIX)
s.connect("/run/dbus/system_bus_socket")
s.sendall(b"\\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\\r\\n")
assert s.recv(100).startswith(b"OK")
s.sendall(b"BEGIN\\r\\n" + blob("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "Hello", 1))
call(2, "ListSessions", "(a{sv})", {})
parent = os.pidfd_open(os.getpid())
if os.fork():
    os._exit(0)
select.select([parent], [], [])
call(3, "CreateSession", "(sa{sv})", "heir", {})
"""


class Polkit(host.HostTest):
    def call(self, user, path, interface, *args, check=False):
        """What busctl said: the reply, or the error."""
        done = self.host.run(["busctl", "--allow-interactive-authorization=no", "call", NAME, path, interface, *args],
                             user=user, check=check)
        return done.stderr if done.returncode else done.stdout

    def manager(self, user, *args, **options):
        return self.call(user, ROOT, f"{NAME}.Manager", *args, **options)

    def session(self, user, name, *args, **options):
        return self.call(user, f"{ALICE}/{name}", f"{NAME}.Session", *args, **options)

    def refusal(self, user, path, method, *args):
        """The service's own words, for which busctl has others. args: as text of GVariants."""
        done = self.host.run(["gdbus", "call", "--system", "--dest", NAME, "--object-path", path,
                              "--method", f"{NAME}.{method}", *args], user=user, check=False)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn("org.freedesktop.DBus.Error.AccessDenied", done.stderr)
        return done.stderr

    def setUp(self):
        super().setUp()
        self.manager("alice", "CreateSession", "sa{sv}", "one", "0", check=True)
        self.addCleanup(self.session, "root", "one", "Destroy", "a{sv}", "0", check=True)

    def install_rule(self, text):
        self.host.write(f"{RULES}/50-test.rules", text)
        self.addCleanup(self.restart)
        self.addCleanup(self.host.run, ["rm", "-f", f"{RULES}/50-test.rules"])
        self.restart()

    def install_example(self, name, **instead):
        """A sample as it is installed, with other words in it as an administrator would write them."""
        text = self.host.read(f"/usr/share/doc/tracectl/examples/{name}")
        for old, new in instead.items():
            self.assertIn(f'"{old}"', text)
            text = text.replace(f'"{old}"', f'"{new}"')
        self.install_rule(text)

    def restart(self):
        """polkit notices new rules by itself, some time later."""
        self.host.systemctl("restart", "polkit.service")

    def state(self):
        return self.host.run(["busctl", "get-property", NAME, f"{ALICE}/one", f"{NAME}.Session", "State"]).stdout

    def test_actions(self):
        with open(os.path.join(SOURCE, "polkit", "org.tracectl.tracing1.policy"), encoding="utf-8") as f:
            ours = re.findall(r'<action id="([^"]+)"', f.read())
        known = self.host.run(["pkaction"]).stdout.split()
        self.assertEqual(sorted(ours), [action for action in known if action.startswith("org.tracectl.")])

    def test_others_learn_nothing(self):
        for args in (("Start", "a{sv}", "0"), ("Destroy", "a{sv}", "0"), ("Snapshot", "a{sv}", "0"), ("Dump",),
                     ("EnableEvent", "sssa{sv}", "user", "", "a:*", "0")):
            there = self.session("bob", "one", *args)
            self.assertIn("needs a password", there)
            self.assertEqual(there, self.session("bob", "none", *args))
        there = self.call("bob", f"{ALICE}/one", "org.freedesktop.DBus.Properties", "GetAll", "s", "")
        self.assertIn("needs a password", there)
        self.assertEqual(there, self.call("bob", f"{ALICE}/none", "org.freedesktop.DBus.Properties", "GetAll", "s", ""))
        self.assertEqual(self.manager("bob", "GetSession", "us", "1001", "one"),
                         self.manager("bob", "GetSession", "us", "1001", "none"))
        self.assertNotIn("one", self.manager("bob", "ListSessions", "a{sv}", "0", check=True))
        self.assertNotIn("1001", self.call("bob", ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"))
        self.assertEqual(self.state(), 's "configured"\n')

    def test_process_has_ended(self):
        """Who made the connection has gone, and its child calls by it: rules know its user all the same."""
        self.install_rule("""
            polkit.addRule(function(action, subject) {
                if (action.id == "org.tracectl.tracing1.trace-own" && action.lookup("verb") == "CreateSession")
                    return subject.user == "bob" && !subject.active ? polkit.Result.YES : polkit.Result.NO;
            });
            """)
        for user, answer in (("bob", "reply"), ("carol", "org.freedesktop.DBus.Error.AccessDenied")):
            done = self.host.run(["/usr/bin/python3", "-c", HEIR], user=user)
            self.assertEqual(done.stdout.splitlines(), ["reply", answer], done.stderr)

    def test_rule_sees_the_details(self):
        self.install_rule("""
            polkit.addRule(function(action, subject) {
                if (action.id == "org.tracectl.tracing1.control-others" && subject.user == "bob" &&
                    action.lookup("verb") == "EnableEvent" && action.lookup("session") == "one" &&
                    action.lookup("owner") == "1001" && action.lookup("domain") == "user" &&
                    action.lookup("pattern") == "shop:*")
                    return polkit.Result.YES;
            });
            """)
        self.assertIn("event", self.session("bob", "one", "EnableEvent", "sssa{sv}", "user", "", "shop:*", "0"))
        self.assertIn("password", self.session("bob", "one", "EnableEvent", "sssa{sv}", "user", "", "bank:*", "0"))
        self.assertIn("password", self.session("carol", "one", "EnableEvent", "sssa{sv}", "user", "", "shop:*", "0"))

    def test_operators(self):
        self.host.run("groupadd -f operator && usermod -a -G operator carol")
        self.install_example("50-tracectl-operators.rules.example")
        self.session("carol", "one", "EnableChannel", "ssa{sv}", "user", "c", "0", check=True)
        self.assertIn("operator", self.host.run(["id", "carol"]).stdout)
        self.call("carol", f"{ALICE}/one", "org.freedesktop.DBus.Properties", "GetAll", "s", "", check=True)
        self.assertIn("password", self.session("carol", "one", "Snapshot", "a{sv}", "0"))
        self.assertIn("password", self.session("carol", "one", "EnableEvent", "sssa{sv}", "user", "", "a:*", "0"))
        self.assertIn("password", self.session("bob", "one", "EnableChannel", "ssa{sv}", "user", "d", "0"))

    def enable(self, user, pattern, *options):
        """In a session of his own; options: as busctl has them."""
        return self.call(user, f"{ROOT}/session/_3{host.USERS[user]}/own", f"{NAME}.Session", "EnableEvent",
                         "sssa{sv}", "user", "", pattern, str(len(options) // 3), *options)

    def test_kernel_for_a_group(self):
        self.host.run("groupadd -f operator && usermod -a -G operator carol")
        self.install_example("50-tracectl-kernel.rules.example")
        for user in ("bob", "carol"):
            self.manager(user, "CreateSession", "sa{sv}", "own", "0", check=True)
            self.addCleanup(self.call, "root", f"{ROOT}/session/_3{host.USERS[user]}/own", f"{NAME}.Session", "Destroy",
                            "a{sv}", "0", check=True)

        def kernel(user, *options):
            return self.call(user, f"{ROOT}/session/_3{host.USERS[user]}/own", f"{NAME}.Session", "EnableEvent",
                             "sssa{sv}", "kernel", "", "sched_switch", str(len(options) // 3), *options)

        self.assertNotIn("password", kernel("carol"))
        self.assertIn("password", kernel("bob"))
        self.assertIn("password", kernel("carol", "kind", "s", "probe", "probe", "s", "vfs_read"))
        self.assertIn("password", self.session("carol", "one", "Dump"))

    def test_one_service_for_a_user(self):
        self.install_example("50-tracectl-one-service.rules.example", webmaster="bob")
        for user in ("bob", "carol"):
            self.manager(user, "CreateSession", "sa{sv}", "own", "0", check=True)
            self.addCleanup(self.call, "root", f"{ROOT}/session/_3{host.USERS[user]}/own", f"{NAME}.Session", "Destroy",
                            "a{sv}", "0", check=True)
        self.assertIn("event", self.enable("bob", "a:*", "target-unit", "s", "shop.service"))
        self.assertIn("password", self.enable("bob", "b:*", "target-unit", "s", "bank.service"))
        self.assertIn("password", self.enable("bob", "b:*", "target-uid", "u", "1001"))
        self.assertIn("password", self.enable("carol", "a:*", "target-unit", "s", "shop.service"))

    def test_root_only(self):
        self.install_example("50-tracectl-root-only.rules.example")
        self.assertIn("refused to you", self.refusal("alice", ROOT, "Manager.CreateSession", "two", "{}"))
        self.assertIn("refused to you", self.refusal("alice", f"{ALICE}/one", "Session.Start", "{}"))
        there = self.refusal("bob", f"{ALICE}/one", "Session.Start", "{}")
        self.assertEqual(there, self.refusal("bob", f"{ALICE}/none", "Session.Start", "{}"))
        self.session("root", "one", "EnableChannel", "ssa{sv}", "user", "c", "0", check=True)

    def test_polkit_fails(self):
        """It is installed and cannot be asked: nobody but root may do anything."""
        self.host.systemctl("mask", "--runtime", "--now", "polkit.service")
        self.addCleanup(self.host.systemctl, "unmask", "--runtime", "polkit.service")
        self.assertIn("polkit did not say", self.refusal("alice", ROOT, "Manager.CreateSession", "two", "{}"))
        self.assertIn("polkit did not say", self.refusal("bob", f"{ALICE}/one", "Session.Start", "{}"))
        self.session("root", "one", "EnableChannel", "ssa{sv}", "user", "c", "0", check=True)

    def test_polkit_is_not_installed(self):
        """What is one's own is allowed, and all else denied."""
        service = "/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service"
        self.host.run(f"systemctl stop polkit && mv {service} /root/ && systemctl reload dbus")
        self.addCleanup(self.host.run, f"mv /root/{os.path.basename(service)} {service} && systemctl reload dbus")
        self.session("alice", "one", "EnableChannel", "ssa{sv}", "user", "c", "0", check=True)
        self.assertIn("Without polkit", self.refusal("bob", f"{ALICE}/one", "Session.Start", "{}"))


if __name__ == "__main__":
    unittest.main()
