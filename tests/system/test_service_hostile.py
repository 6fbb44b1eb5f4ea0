# SPDX-License-Identifier: LGPL-2.1-or-later
"""An ordinary user who means ill: random calls, full limits. Nobody else notices."""

import json
import os
import time
import unittest
import xml.etree.ElementTree as ET

import matrix
from service import NAME, ROOT, SOURCE, ServiceTest, read_line

TORTURE = bool(os.environ.get("TRACECTL_TORTURE"))
MEASURED = 1000 if TORTURE else 60
# Seconds.
P99_MAX = 0.05
# Of a Ping of a service that is at rest: a command is three times as many messages through the bus.
FLOOR_MAX = 0.025
IDLE = "org.freedesktop.systemd1"
CALLS = 20_000 if TORTURE else 600
LIMITS = "org.freedesktop.DBus.Error.LimitsExceeded"
LARGE = {LIMITS, *(f"{NAME}.Error.{name}" for name in ("InvalidName", "InvalidOption", "InvalidPattern", "InvalidProfile",
                                                       "NoSuchSession", "Output", "UnknownOption"))}
RULES_MAX = 1024


class Hostile(ServiceTest):
    def setUp(self):
        super().setUp()
        self.emitter_of_alice = self.emitter("alice", 1)
        self.tracectl("alice", "create", "kept")
        self.tracectl("alice", "enable-event", "test:*")
        self.tracectl("alice", "start")
        self.pid = self.host.unit_property("tracingd.service", "MainPID")

    def assert_unharmed(self):
        """What belongs to somebody else is as it was, and so is tracingd."""
        self.assertEqual(self.host.unit_property("tracingd.service", "MainPID"), self.pid)
        self.emitter_of_alice.emit(1000)
        self.tracectl("alice", "stop", "kept")
        self.assert_counted(self.events(self.output("alice", "kept")), [self.emitter_of_alice])

    def test_random_calls(self):
        with open(os.path.join(SOURCE, "tests", "system", "random-caller.py"), encoding="utf-8") as f:
            self.host.write("/root/random-caller.py", f.read(), 0o755)
        self.host.run(["cp", "/root/random-caller.py", "/usr/local/bin/random-caller"])
        self.tracectl("bob", "create", "mine")
        self.tracectl("bob", "enable-event", "test:*")
        self.emitter("bob", 2)
        done = self.host.run(["random-caller", "7", str(CALLS)], user="bob", timeout=3600)
        found = json.loads(done.stdout)
        self.assertEqual(found["odd"], 0, done.stderr)
        self.assertGreater(found["answered"], 0)
        self.assertGreater(found["refused"], 0)
        for kind in ("method", "property"):
            self.assertLessEqual(self.described(kind), set(found["methods" if kind == "method" else "properties"]))
        self.assert_unharmed()

    @staticmethod
    def described(kind):
        """The methods or properties that the service's description has."""
        tree = ET.parse(os.path.join(SOURCE, "dbus", "org.tracectl.Tracing1.xml"))
        return {f"{interface.get('name')}.{member.get('name')}"
                for interface in tree.iter("interface") for member in interface.findall(kind)}

    def test_limits(self):
        """Everything that bob may have, taken; alice has hers."""
        done = self.host.run(["/usr/bin/python3", "-c", FILL], user="bob")
        self.assertRegex(done.stdout, r"^\d+ sessions, then org.freedesktop.DBus.Error.LimitsExceeded: .*\d+.*\n$")
        self.tracectl("alice", "create", "another")
        self.assert_unharmed()

    def test_too_large(self):
        """What is too long, too many or too deep is refused by name, in a sentence that is not as long."""
        self.tracectl("bob", "create", "mine")
        caller, mine = self.caller("bob"), self.path("bob", "mine")
        for interface, member, signature, *arguments in too_large():
            with self.subTest(member=member, arguments=repr(arguments)[:80]):
                reply = caller.call(ROOT if interface == "Manager" else mine, f"{NAME}.{interface}", member, signature,
                                    arguments)
                self.assertIn(reply["error"], LARGE, reply["message"][:400])
                self.assertLess(len(reply["message"]), 400)
        # A thousand of the first kind: polkit is asked about each.
        for member, signature, *arguments in (("EnableEvent", "sssa{sv}", "user", "", "{}:*", {}),
                                              ("EnableChannel", "ssa{sv}", "user", "{}", {}))[not TORTURE:]:
            n = self.enable_until_refused(caller, mine, (member, signature, arguments))
            print(f"{n} times {member}")
            self.assertGreater(n, 8)
        self.assert_unharmed()

    def enable_until_refused(self, caller, path, call):
        """How many a session may have."""
        member, signature, arguments = call
        for n in range(RULES_MAX + 1):
            named = [text.format(f"a{n}") if isinstance(text, str) else text for text in arguments]
            reply = caller.call(path, f"{NAME}.Session", member, signature, named)
            if reply["error"]:
                self.assertRegex(reply["message"],
                                 rf"{LIMITS}: Session 'mine' has \d+ .*, which is the most that it can have; use .*")
                return n
        raise AssertionError(f"{member} has no end")

    def test_others_are_answered(self):
        """While bob calls from 20 connections without a pause or a look at replies, what is large and what is dear."""
        caller = self.caller("alice")
        self.measure(caller, "alone")
        p99 = self.besiege(caller, 20)
        self.assert_unharmed()
        if not TORTURE:
            return
        floor = p99.pop("pings")
        if floor > FLOOR_MAX:
            self.skipTest(f"the bus itself is late, whatever a service does: a Ping takes {floor * 1000:.0f} ms")
        for what, seconds in p99.items():
            self.assertLess(seconds, P99_MAX, what)

    def test_all_connections(self):
        """The same from all that the bus lets bob have: the bus itself is late then, but everybody is answered."""
        self.besiege(self.caller("alice"), 5000)
        self.assert_unharmed()

    def caller(self, user):
        with open(os.path.join(SOURCE, "tests", "system", "bus-caller.py"), encoding="utf-8") as f:
            self.host.write("/usr/local/bin/bus-caller", f.read(), 0o755)
        return matrix.Caller(self, user)

    def besiege(self, caller, connections):
        """What measure() says meanwhile; not one of the calls may fail."""
        hammer = self.start(["/usr/bin/python3", "-c", HAMMER, str(connections), self.path("bob", "mine"),
                             self.path("alice", "kept")], user="bob")
        there = read_line(hammer)
        self.assertRegex(there, r"^there \d\d+\n$")
        p99 = self.measure(caller, "besieged by " + there.split()[1])
        hammer.stdin.close()
        sent = int(read_line(hammer))
        print(f"{sent} calls")
        self.assertGreater(sent, MEASURED)
        return p99

    def measure(self, caller, what):
        """The time within which 99 of 100 calls are answered, in seconds, of those that polkit is asked about, of others,
        and of another service's that does nothing."""
        path = self.path("alice", "other")
        calls = (("commands", ROOT, f"{NAME}.Manager", "CreateSession", "sa{sv}", ["other", {}]),
                 ("properties", path, "org.freedesktop.DBus.Properties", "Get", "ss", [f"{NAME}.Session", "State"]),
                 ("commands", path, f"{NAME}.Session", "EnableEvent", "sssa{sv}", ["user", "", "a:*", {}]),
                 ("pings", "/", "org.freedesktop.DBus.Peer", "Ping", "", [], IDLE),
                 ("properties", ROOT, "org.freedesktop.DBus.Properties", "Get", "ss", [f"{NAME}.Manager", "Version"]),
                 ("commands", ROOT, f"{NAME}.Manager", "ListSessions", "a{sv}", [{}]),
                 ("commands", path, f"{NAME}.Session", "Destroy", "a{sv}", [{}]))
        took = {"commands": [], "properties": [], "pings": []}
        for i in range(MEASURED // len(calls) * len(calls)):
            kind, *call = calls[i % len(calls)]
            begin = time.monotonic()
            reply = caller.call(*call)
            took[kind].append(time.monotonic() - begin)
            self.assertIsNone(reply["error"], reply["message"])
        p99 = {}
        for kind, times in took.items():
            times.sort()
            p99[kind] = times[len(times) * 99 // 100]
            print(f"{what}: {len(times)} {kind}, median {times[len(times) // 2] * 1000:.1f} ms, "
                  f"p99 {p99[kind] * 1000:.1f} ms, longest {times[-1] * 1000:.1f} ms")
        return p99


def too_large():
    """(interface, member, signature, *arguments)"""
    long = "x" * 200_000
    yield "Manager", "CreateSession", "sa{sv}", long, {}
    yield "Manager", "CreateSession", "sa{sv}", "other", {"directory": ["s", "/" + long]}
    yield "Manager", "GetSession", "us", 1002, long
    for text in ("[Channel c]\n" * 25_000, "[Channel c]\n" + "Event=a:*\n" * 30_000, "#" * 300_000):
        yield "Manager", "ApplyProfile", "sa{sv}", "[Session]\nName=p\n" + text, {}
    yield "Session", "EnableChannel", "ssa{sv}", "user", long, {}
    yield "Session", "AddContext", "sssa{sv}", "user", "", long, {}
    yield "Session", "Snapshot", "a{sv}", {"name": ["s", long]}
    yield "Session", "EnableEvent", "sssa{sv}", "user", "", long, {}
    for text in ("(" * 100_000 + "1", "!" * 100_000 + "1", "1 && " * 20_000 + "1", f"x == '{long}'",
                 "(" * 511 + "1" + ")" * 511, "!" * 1000 + "(1", "-~" * 500 + "$ctx.vpid"):
        yield "Session", "EnableEvent", "sssa{sv}", "user", "", "a:*", {"filter": ["s", text]}
    for options in ({"exclude": ["as", ["b:c"] * 10_000]}, {f"k{i}": ["u", 1] for i in range(5000)}):
        yield "Session", "EnableEvent", "sssa{sv}", "user", "", "a:*", options


# Connections that call and never read, so many or as many as the bus lets one have: NUMBER OWN-SESSION ANOTHERS-SESSION
HAMMER = """
import os, random, select, socket, sys
from gi.repository import Gio, GLib
number, own, others = int(sys.argv[1]), *sys.argv[2:]
dice, flags = random.Random(5), Gio.DBusCapabilityFlags.NONE
MANAGER, SESSION, ROOT = "org.tracectl.Tracing1.Manager", "org.tracectl.Tracing1.Session", "/org/tracectl/Tracing1"

def blob(name, path, interface, member, serial, signature=None, *arguments):
    message = Gio.DBusMessage.new_method_call(name, path, interface, member)
    message.set_serial(serial)
    if signature:
        message.set_body(GLib.Variant(signature, arguments))
    return bytes(message.to_blob(flags))

def call(serial, *arguments):
    return blob("org.tracectl.Tracing1", *arguments[:3], serial, *arguments[3:])

def rule(serial, pattern, **options):
    return call(serial, own, SESSION, "EnableEvent", "(sssa{sv})", "user", "", pattern, options)

kinds = (
    lambda n: call(n, ROOT, MANAGER, "CreateSession", "(sa{sv})", dice.choice(["mine", f"s{n}"]), {}),
    lambda n: rule(n, f"a{n}:*"),
    lambda n: rule(n, "x" * (1 << 20)),
    lambda n: rule(n, "a:*", filter=GLib.Variant("s", "(" * 100000 + "1")),
    lambda n: rule(n, "a:*", filter=GLib.Variant("s", "!" * 100000 + "1")),
    lambda n: call(n, ROOT, MANAGER, "ApplyProfile", "(sa{sv})", "[Session]\\nName=p\\n" + "[Channel c]\\n" * 50000, {}),
    lambda n: call(n, others, SESSION, "Start", "(a{sv})", {}),
    lambda n: call(n, ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"),
    lambda n: call(n, ROOT, MANAGER, "ListApplications", "(a{sv})", {}),
    lambda n: call(n, own, SESSION, "Start", "(a{sv})", {}),
    lambda n: call(n, own, SESSION, "Destroy", "(a{sv})", {}),
)

def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect("/run/dbus/system_bus_socket")
    s.sendall(b"\\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\\r\\n")
    if not s.recv(100).startswith(b"OK"):
        raise OSError
    s.sendall(b"BEGIN\\r\\n" + blob("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "Hello", 1))
    s.recv(1)
    s.setblocking(False)
    return s

connections = []
try:
    while len(connections) < number:
        connections.append(connect())
except OSError:
    pass
print("there", len(connections), flush=True)
waiting, n, sent = {s: b"" for s in connections}, 1, 0
while not select.select([sys.stdin], [], [], 0)[0]:
    for s in list(waiting):
        try:
            if not waiting[s]:
                n += 1
                sent += 1
                waiting[s] = dice.choice(kinds)(n)
            waiting[s] = waiting[s][s.send(waiting[s]):]
        except BlockingIOError:
            pass
        except OSError: # the bus has enough of this one
            del waiting[s]
            try:
                waiting[connect()] = b""
            except OSError:
                pass
print(sent, flush=True)
"""

FILL = """
from gi.repository import Gio, GLib
bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
n = 0
try:
    while True:
        bus.call_sync("org.tracectl.Tracing1", "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager",
                      "CreateSession", GLib.Variant("(sa{sv})", (f"s{n}", {})), None, 0, -1, None)
        n += 1
except GLib.Error as error:
    print(f"{n} sessions, then {Gio.DBusError.get_remote_error(error)}: {error.message}")
"""

if __name__ == "__main__":
    unittest.main()
