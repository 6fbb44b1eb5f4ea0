# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every method by every kind of caller: who is let at it, and that nothing has changed where he is not."""

import os
import signal
import unittest

import matrix
import service
import system
from service import NAME, ROOT, SOURCE, ServiceTest

ACTION = "org.tracectl.tracing1."
PASSWORD = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
UNKNOWN = "org.freedesktop.DBus.Error.UnknownObject"
REFUSED = (PASSWORD, DENIED, UNKNOWN)
EVERYTHING = frozenset(["trace-own", "list-others", "control-others", "read-others", "trace-others", "kernel-system",
                        "kernel-probe"])
OWN = frozenset(["trace-own"])
# Calls of one user that may wait for polkit at the same time (INQUIRIES_PER_UID).
WAITING_MAX = 16
# Numbers that change by themselves while a session records.
RESTLESS = ("EventsRecorded", "EventsDiscarded", "Bytes")

ACTIVE_RULE = """
polkit.addRule(function(action, subject) {
    if (/^org\\.tracectl\\.tracing1\\..*-others$/.test(action.id) && subject.user != "alice" && subject.local &&
        subject.active)
        return polkit.Result.YES;
});
"""
ACTIVATION = "/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service"
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


class Matrix(ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(os.path.join(SOURCE, "tests", "system", "bus-caller.py"), encoding="utf-8") as f:
            cls.host.write("/usr/local/bin/bus-caller", f.read(), 0o755)
        cls.actions = matrix.documented()

    def setUp(self):
        super().setUp()
        self.application = self.emitter("alice", 1)
        self.root, self.alice = matrix.Caller(self, "root"), matrix.Caller(self, "alice")
        for name in ("idle", "busy", "flight"):
            self.make(name)
        listed = self.root.call(ROOT, f"{NAME}.Manager", "ListApplications", "a{sv}",
                                [{"all": ["b", True]}])
        self.application_path = listed["reply"][1][0][4]

    # What there is

    def make(self, name):
        """One of alice's sessions: idle is not started, busy records, flight holds the newest."""
        path = f"{matrix.ALICE}/{name}"
        mode = {"mode": ["s", "flight-recorder"]} if name == "flight" else {}
        calls = [(ROOT, "Manager", "CreateSession", "sa{sv}", [name, mode]),
                 (path, "Session", "EnableChannel", "ssa{sv}", ["user", "c", {}]),
                 (path, "Session", "EnableEvent", "sssa{sv}", ["user", "c", "shop:paid", {}])]
        if name != "idle":
            calls.append((path, "Session", "Start", "a{sv}", [{}]))
        for path, interface, *call in calls:
            reply = self.alice.call(path, f"{NAME}.{interface}", *call)
            self.assertIsNone(reply["error"], reply["message"])

    def objects(self):
        """path -> interfaces -> properties, of everything that there is."""
        found = self.root.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")["reply"][0]
        for interfaces in found.values():
            for properties in interfaces.values():
                for name in RESTLESS:
                    properties.pop(name, None)
        return found

    def put_back(self, before):
        """After a call that was allowed."""
        after = self.objects()
        if after == before:
            return
        for path in sorted(after):
            if f"{NAME}.Session" not in after[path]:
                continue
            session = {key: value for key, value in after.items() if key.startswith(path)}
            if session != {key: value for key, value in before.items() if key.startswith(path)}:
                self.assertIsNone(self.root.call(path, f"{NAME}.Session", "Destroy", "a{sv}", [{}])["error"])
        there = self.objects()
        for name in ("idle", "busy", "flight"):
            if f"{matrix.ALICE}/{name}" not in there:
                self.make(name)

    def event_of(self, name):
        return next(path for path in self.objects() if path.startswith(f"{matrix.ALICE}/{name}/event/"))

    def concrete(self, row):
        """What to call: (path, interface, member, signature, arguments)."""
        path = self.event_of("idle") if row.path is matrix.EVENT else \
            self.application_path if row.path is matrix.APPLICATION else ROOT + row.path
        arguments = [self.event_of(row.path.split("/")[-1]) if argument is matrix.EVENT else argument
                     for argument in row.arguments]
        return path, matrix.full_interface(row.method), row.method.split(".")[1], row.signature, arguments

    # What is expected

    def needs(self, row, user):
        """Everything that must be allowed to this user."""
        own, others = self.actions[row.method]
        is_own = row.whose == "self" or row.whose == "alice" and user == "alice"
        action = own if is_own else others
        return [wanted for wanted in (action, *row.needs) if wanted]

    def assert_refused(self, caller, row, error, call=None):
        before = self.objects()
        reply = call() if call else caller.call(*self.concrete(row))
        self.assertEqual(reply["error"], UNKNOWN if row.path is matrix.APPLICATION else error, reply)
        self.assertEqual(self.objects(), before)
        return reply

    def assert_allowed(self, caller, row):
        before = self.objects()
        reply = caller.call(*self.concrete(row))
        if row.kernel:
            self.assertNotIn(reply["error"], REFUSED, reply)
        else:
            self.assertIsNone(reply["error"], reply["message"])
        self.put_back(before)

    def try_all(self, caller, allowed, error, but=()):
        """allowed: the actions; but: methods for which others are not allowed nevertheless."""
        refused = 0
        for row in matrix.ROWS:
            with self.subTest(method=row.method, path=row.path, arguments=row.arguments):
                needs = self.needs(row, caller.user)
                if row.method in but:
                    needs = [f"{action}, by {row.method}" if action.endswith("-others") else action for action in needs]
                if allowed.issuperset(needs):
                    self.assert_allowed(caller, row)
                else:
                    self.assert_refused(caller, row, error)
                    refused += 1
        return refused

    def install_rules(self, text):
        path = "/etc/polkit-1/rules.d/50-test.rules"
        self.host.write(path, text)
        self.addCleanup(self.host.systemctl, "restart", "polkit.service")
        self.addCleanup(self.host.run, ["rm", "-f", path])
        self.host.systemctl("restart", "polkit.service")

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
        n = 0
        for path, interfaces in self.objects().items():
            for interface in (name for name in interfaces if name.startswith(NAME)):
                text = self.root.call(path, "org.freedesktop.DBus.Introspectable", "Introspect")["reply"][0]
                for _, kind, name, member in matrix.members(text):
                    if kind != "property":
                        continue
                    with self.subTest(path=path, property=name):
                        self.try_property(alice, bob, path, interface, name, member.get("type"))
                        n += 1
        self.assertGreater(n, 50)

    def try_property(self, alice, bob, path, interface, name, kind):
        properties = "org.freedesktop.DBus.Properties"
        value = {"s": "x", "b": True, "as": ["x"], "a{sv}": {}, "o": "/"}.get(kind, 1)
        before = self.objects()
        is_application = path == self.application_path
        self.assertIsNone(alice.call(path, properties, "Get", "ss", [interface, name])["error"])
        reply = bob.call(path, properties, "Get", "ss", [interface, name])
        self.assertEqual(reply["error"], UNKNOWN if is_application else PASSWORD, reply)
        for caller in (alice, bob, self.root):
            reply = caller.call(path, properties, "Set", "ssv", [interface, name, [kind, value]])
            self.assertEqual(reply["error"], DENIED, reply)
        self.assertEqual(self.objects(), before)

    # The columns

    def test_owner(self):
        self.assertEqual(self.try_all(matrix.Caller(self, "alice"), OWN, PASSWORD), 8)

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
        self.assertEqual(refused, 9)

    def test_local_sessions(self):
        """A rule for whoever sits in front of the machine; he who has switched to another's session is not let."""
        active, inactive = matrix.Caller(self, "bob"), matrix.Caller(self, "carol")
        login = self.start(["/usr/bin/python3", "-c", LOGIN, "1002", str(active.pid), "1003", str(inactive.pid)])
        self.assertEqual(service.read_line(login).split(), ["c1", "c2"])
        self.install_rules(ACTIVE_RULE)
        refused = self.try_all(active, EVERYTHING - {"kernel-system", "kernel-probe"}, PASSWORD)
        self.assertEqual(refused, 3)
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

    # polkit

    def test_polkit_is_absent(self):
        self.host.run(f"systemctl stop polkit && mv {ACTIVATION} /root/ && systemctl reload dbus")
        self.addCleanup(self.host.run, f"mv /root/{os.path.basename(ACTIVATION)} {ACTIVATION} && systemctl reload dbus")
        self.assertEqual(self.try_all(matrix.Caller(self, "alice"), OWN, DENIED), 8)
        self.assertGreater(self.try_all(matrix.Caller(self, "bob", password=True), OWN, DENIED), 30)
        self.assertEqual(self.try_all(self.root, EVERYTHING, None), 0)

    def polkit(self, sig):
        os.kill(self.polkitd, sig)

    def stop_polkit(self):
        """From now on it answers nothing."""
        pid = self.host.unit_property("polkit.service", "MainPID")
        self.polkitd = next(int(process) for process in system.children(self.host.init)
                            if self.inner_pid(process) == pid)
        self.addCleanup(self.continue_polkit)
        self.polkit(signal.SIGSTOP)
        system.wait_until(lambda: system.state(self.polkitd) == "T", "polkit to be stopped")

    def continue_polkit(self):
        if system.is_running(self.polkitd):
            self.polkit(signal.SIGCONT)

    @staticmethod
    def inner_pid(pid):
        with open(f"/proc/{pid}/status", encoding="utf-8") as f:
            return next(line for line in f if line.startswith("NSpid:")).split()[-1]

    def asked_rows(self, user):
        """Those for which polkit is asked, in portions that may wait together."""
        rows = [row for row in matrix.ROWS if self.needs(row, user)]
        return [rows[i:i + WAITING_MAX] for i in range(0, len(rows), WAITING_MAX)]

    def ask_all(self, caller, rows):
        """Calls that polkit is asked about and does not answer. Meanwhile others are answered."""
        before = self.objects()
        numbers = [caller.begin(*self.concrete(row)) for row in rows]
        for _ in range(3):
            self.assertEqual(self.objects(), before)
        carol = matrix.Caller(self, "carol")
        for path, interface, member, *arguments in (
                (ROOT, "org.freedesktop.DBus.Properties", "GetAll", "s", [f"{NAME}.Manager"]),
                (ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")):
            self.assertIsNone(carol.call(path, interface, member, *arguments)["error"])
        self.assertIsNone(self.root.call(f"{matrix.ALICE}/idle", f"{NAME}.Session", "Dump")["error"])
        return before, numbers

    def test_polkit_stops_and_goes_on(self):
        """It takes its time in the middle of a question; the answer counts then."""
        caller = matrix.Caller(self, "bob")
        caller.call(ROOT, f"{NAME}.Manager", "ListSessions", "a{sv}", [{}])
        for rows in self.asked_rows("bob"):
            self.stop_polkit()
            before, numbers = self.ask_all(caller, rows)
            self.polkit(signal.SIGCONT)
            replies = [caller.finish(number) for number in numbers]
            for row, reply in zip(rows, replies, strict=True):
                with self.subTest(method=row.method, arguments=row.arguments):
                    refused = UNKNOWN if row.path is matrix.APPLICATION else PASSWORD
                    self.assertEqual(reply["error"], None if OWN.issuperset(self.needs(row, "bob")) else refused)
            self.put_back(before)

    def test_polkit_dies(self):
        """In the middle of a question, which it never answers: a denial, also of what is one's own."""
        for user in ("bob", "alice"):
            caller = matrix.Caller(self, user)
            caller.call(ROOT, f"{NAME}.Manager", "ListSessions", "a{sv}", [{}])
            for rows in self.asked_rows(user):
                self.stop_polkit()
                before, numbers = self.ask_all(caller, rows)
                self.polkit(signal.SIGKILL)
                replies = [caller.finish(number) for number in numbers]
                self.assertEqual([reply["error"] for reply in replies],
                                 [UNKNOWN if row.path is matrix.APPLICATION else DENIED for row in rows], replies)
                self.assertEqual(self.objects(), before)
                caller.call(ROOT, f"{NAME}.Manager", "ListSessions", "a{sv}", [{}])

    def test_caller_is_gone(self):
        """In the middle of a question, which is answered with yes after that: nothing is done on nobody's behalf."""
        for rows in self.asked_rows("alice"):
            caller = matrix.Caller(self, "alice")
            caller.call(ROOT, f"{NAME}.Manager", "ListSessions", "a{sv}", [{}])
            self.stop_polkit()
            before, _ = self.ask_all(caller, rows)
            caller.hang_up()
            self.polkit(signal.SIGCONT)
            # polkit and the bus keep the order: what is answered to her now was asked after all that.
            later = matrix.Caller(self, "alice")
            self.assertIsNone(later.call(ROOT, f"{NAME}.Manager", "ListSessions", "a{sv}", [{}])["error"])
            self.assertEqual(self.objects(), before)

    @unittest.skipUnless(os.environ.get("TRACECTL_TORTURE"), "long: polkit is given 25 seconds for each portion")
    def test_polkit_never_answers(self):
        for user in ("bob", "alice"):
            caller = matrix.Caller(self, user)
            caller.call(ROOT, f"{NAME}.Manager", "ListSessions", "a{sv}", [{}])
            for rows in self.asked_rows(user):
                self.stop_polkit()
                before, numbers = self.ask_all(caller, rows)
                replies = [caller.finish(number) for number in numbers]
                self.assertEqual([reply["error"] for reply in replies],
                                 [UNKNOWN if row.path is matrix.APPLICATION else DENIED for row in rows], replies)
                self.assertEqual(self.objects(), before)
                self.polkit(signal.SIGCONT)


if __name__ == "__main__":
    unittest.main()
