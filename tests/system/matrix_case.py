# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the matrix share: sessions of alice's, and how a row is tried by a caller."""

import os

import matrix
from service import NAME, ROOT, SOURCE, Emitter, ServiceTest

PASSWORD = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
UNKNOWN = "org.freedesktop.DBus.Error.UnknownObject"
LIMITS = "org.freedesktop.DBus.Error.LimitsExceeded"
REFUSED = (PASSWORD, DENIED, UNKNOWN, LIMITS)
EVERYTHING = frozenset(["trace-own", "list-others", "control-others", "read-others", "trace-others", "kernel-system",
                        "kernel-own", "kernel-probe", "record-user-memory", "exceed-limits"])
OWN = frozenset(["trace-own"])
NOTHING = frozenset()
# Rows that need more than OWN of alice.
REFUSED_TO_OWNER = 11
# Calls of one user that may wait for polkit at the same time (INQUIRIES_PER_UID).
WAITING_MAX = 16
# Numbers that change by themselves while a session records.
RESTLESS = ("EventsRecorded", "EventsDiscarded", "Bytes")
SESSIONS = ("idle", "busy", "flight")


def portions(items):
    """Such as may wait together."""
    return [items[i:i + WAITING_MAX] for i in range(0, len(items), WAITING_MAX)]


def lets(allowed, needs):
    """Whether who has these actions has each of those; "a|b" is either."""
    return all(allowed.intersection(need.split("|")) for need in needs)


class MatrixTest(ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(os.path.join(SOURCE, "tests", "system", "bus-caller.py"), encoding="utf-8") as f:
            cls.host.write("/usr/local/bin/bus-caller", f.read(), 0o755)
        cls.host.run(["mkdir", "-p", "/etc/tracectl"])
        cls.host.write("/etc/tracectl/tracingd.conf", f"[Limits]\nRules={matrix.RULES_MAX}\n")
        cls.host.systemctl("try-reload-or-restart", "tracingd.service")
        cls.actions = matrix.documented()
        # Who is there all the time, to make and to look.
        cls.application = Emitter(cls.host, "alice", 1)
        cls.root, cls.alice = matrix.Caller(cls.host, "root"), matrix.Caller(cls.host, "alice")
        for someone in (cls.application, cls.root, cls.alice):
            cls.addClassCleanup(cls._end, someone.process)

    def setUp(self):
        super().setUp()
        for name in SESSIONS:
            self.make(name)
        listed = self.root.call(ROOT, f"{NAME}.Manager", "ListApplications", "a{sv}", [matrix.ALL])
        self.application_path = listed["reply"][1][0][4]
        self.there = self.objects()

    def destroy_all(self):
        for session in self.root.call(ROOT, f"{NAME}.Manager", "ListSessions", "a{sv}", [matrix.ALL])["reply"][0]:
            self.root.call(session[-1], f"{NAME}.Session", "Destroy", "a{sv}", [{}])

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

    def put_back(self):
        """After a call that was allowed."""
        after = self.objects()
        if after == self.there:
            return
        for path in sorted(after):
            if f"{NAME}.Session" not in after[path]:
                continue
            session = {key: value for key, value in after.items() if key.startswith(path)}
            if session != {key: value for key, value in self.there.items() if key.startswith(path)}:
                self.assertIsNone(self.root.call(path, f"{NAME}.Session", "Destroy", "a{sv}", [{}])["error"])
        there = self.objects()
        for name in SESSIONS:
            if f"{matrix.ALICE}/{name}" not in there:
                self.make(name)
        self.there = self.objects()

    def event_of(self, name):
        return next(path for path in self.there if path.startswith(f"{matrix.ALICE}/{name}/event/"))

    def concrete(self, row):
        """What to call: (path, interface, member, signature, arguments)."""
        path = self.event_of("idle") if row.path is matrix.EVENT else \
            self.application_path if row.path is matrix.APPLICATION else ROOT + row.path
        arguments = [self.event_of(row.path.split("/")[-1]) if argument is matrix.EVENT else argument
                     for argument in row.arguments]
        arguments = [{key: [kind, self.application.pid] if value is matrix.PID else [kind, value]
                      for key, (kind, value) in argument.items()} if isinstance(argument, dict) else argument
                     for argument in arguments]
        return path, matrix.full_interface(row.method), row.method.split(".")[1], row.signature, arguments

    # What is expected

    def needs(self, row, user):
        """Everything that must be allowed to this user, in the order in which it is asked for."""
        own, others = self.actions[row.method]
        is_own = row.whose == "self" or row.whose == "alice" and user == "alice"
        action = own if is_own else others
        return [wanted for wanted in (action, *row.needs) if wanted]

    @staticmethod
    def refusal(row, allowed, error):
        """With which error: that of what nobody has for another's application, the limit's own, or as polkit has it."""
        if row.path is matrix.APPLICATION:
            return UNKNOWN
        return LIMITS if "exceed-limits" in row.needs and lets(allowed, ["trace-own"]) else error

    def assert_refused(self, caller, rows, allowed, error):
        """Nothing has changed after that."""
        for some in portions(rows):
            numbers = [caller.begin(*self.concrete(row)) for row in some]
            for row, number in zip(some, numbers, strict=True):
                with self.subTest(method=row.method, path=row.path, arguments=row.arguments):
                    reply = caller.finish(number)
                    self.assertEqual(reply["error"], self.refusal(row, allowed, error), reply)
            self.assertEqual(self.objects(), self.there, [row.method for row in some])

    def assert_allowed(self, caller, row):
        with self.subTest(method=row.method, path=row.path, arguments=row.arguments):
            reply = caller.call(*self.concrete(row))
            if row.kernel:
                self.assertNotIn(reply["error"], REFUSED, reply)
            else:
                self.assertIsNone(reply["error"], reply["message"])
            self.put_back()

    def try_all(self, caller, allowed, error, but=()):
        """Returns how many are refused. allowed: the actions; but: methods for which others are not allowed
        nevertheless."""
        refused = []
        for row in matrix.ROWS:
            needs = self.needs(row, caller.user)
            if row.method in but:
                needs = [f"{action}, by {row.method}" if action.endswith("-others") else action for action in needs]
            if lets(allowed, needs):
                self.assert_allowed(caller, row)
            else:
                refused.append(row)
        self.assert_refused(caller, refused, allowed, error)
        return len(refused)

    def install_rules(self, text):
        path = "/etc/polkit-1/rules.d/50-test.rules"
        self.host.write(path, text)
        self.addCleanup(self.host.systemctl, "restart", "polkit.service")
        self.addCleanup(self.host.run, ["rm", "-f", path])
        self.host.systemctl("restart", "polkit.service")
