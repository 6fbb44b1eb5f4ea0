# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every method of the service as a row: what it is called with, and what its caller must be allowed for it.

What each method asks for stands in docs/security.md, and is read from there.
"""

import collections
import json
import os
import re
import xml.etree.ElementTree as ET

from service import NAME, ROOT, SOURCE, read_line

ALICE = f"{ROOT}/session/_31001"
FREEDESKTOP = "org.freedesktop.DBus."
EVENT = object()  # stands for the path of the session's event rule
APPLICATION = object()  # stands for the path of alice's application
PID = object()  # stands for its number
RULES_MAX = 20  # that a user may have here

# method: as in docs/security.md. whose: what is it done to, the caller's own ("self"), alice's, or everybody's ("all").
# needs: what must be allowed besides, in the order in which it is asked for; "a|b": a, or else b. path: below ROOT; kernel: whoever is allowed may still find no kernel to trace.
Row = collections.namedtuple("Row", "method path whose signature arguments needs kernel",
                             defaults=("", "self", "", (), (), False))


def manager(member, whose, signature, *arguments, **options):
    return Row(f"Manager.{member}", "", whose, signature, arguments, **options)


def session(name, member, signature="a{sv}", *arguments, **options):
    return Row(f"Session.{member}", f"/session/_31001/{name}", "alice", signature,
               arguments if arguments or signature != "a{sv}" else ({},), **options)


def generic(interface, member, signature="", *arguments):
    """A method that all objects have, of each object of alice's."""
    paths = ["/session/_31001/idle", "/session/_31001/idle/channel/user/c", EVENT, APPLICATION]
    return [Row(f"{interface}.{member}", path, "alice", signature, arguments) for path in paths]


ALL = {"all": ["b", True]}
PROBE = {"kind": ["s", "probe"], "probe": ["s", "vfs_read"]}
# The kind "h" is a file that the caller opens.
STRINGS = {"kind": ["s", "userspace-probe"], "probe": ["s", "sdt:/bin/true:true:said"], "strings": ["s", "1"],
           "file": ["h", "/bin/true"]}
FAMILY = {"target-pid": ["u", PID], "target-children": ["b", True]}
PROFILE = "[Session]\nName=applied\n[Channel c]\nEvent=shop:*\n"
ROWS = [
    manager("CreateSession", "self", "sa{sv}", "new", {}),
    manager("GetSession", "alice", "us", 1001, "idle"),
    manager("ListSessions", "self", "a{sv}", {}),
    manager("ListSessions", "all", "a{sv}", ALL),
    manager("ListSessions", "alice", "a{sv}", {"uid": ["u", 1001]}),
    manager("ListApplications", "self", "a{sv}", {}),
    manager("ListApplications", "all", "a{sv}", ALL),
    manager("ListEvents", "self", "ssa{sv}", "user", "*", {}),
    manager("ListEvents", "all", "ssa{sv}", "user", "*", ALL),
    manager("ApplyProfile", "self", "sa{sv}", PROFILE, {}),
    manager("ApplyProfile", "self", "sa{sv}", PROFILE + "Event=bank:* uid=4001\n", {},
            needs=("trace-others",)),
    manager("ApplyProfile", "self", "sa{sv}", PROFILE + "".join(f"Event=many:{i}\n" for i in range(RULES_MAX)), {},
            needs=("exceed-limits",)),
    session("idle", "Start"),
    session("busy", "Stop"),
    session("idle", "Destroy"),
    session("flight", "Snapshot"),
    session("busy", "Clear"),
    session("busy", "Rotate"),
    session("busy", "OpenStream"),
    session("idle", "Dump", ""),
    session("idle", "EnableChannel", "ssa{sv}", "user", "d", {}),
    session("idle", "EnableChannel", "ssa{sv}", "kernel", "k", {}, needs=("kernel-system|kernel-own",),
            kernel=True),
    session("idle", "DisableChannel", "ssa{sv}", "user", "c", {}),
    session("idle", "AddContext", "sssa{sv}", "user", "c", "vpid", {}),
    session("idle", "EnableEvent", "sssa{sv}", "user", "c", "shop:*", {}),
    session("idle", "EnableEvent", "sssa{sv}", "user", "c", "shop:*", {"target-uid": ["u", 4001]},
            needs=("trace-others",)),
    session("idle", "EnableEvent", "sssa{sv}", "kernel", "k", "sched_switch", {}, needs=("kernel-system",), kernel=True),
    session("idle", "EnableEvent", "sssa{sv}", "kernel", "k", "sched_switch", FAMILY,
            needs=("kernel-system|kernel-own",), kernel=True),
    session("idle", "EnableEvent", "sssa{sv}", "kernel", "k", "said", STRINGS,
            needs=("kernel-probe", "record-user-memory"), kernel=True),
    session("idle", "EnableEvent", "sssa{sv}", "kernel", "k", "reads", PROBE, needs=("kernel-probe",), kernel=True),
    session("idle", "DisableEvent", "oa{sv}", EVENT, {}),
    session("idle", "RemoveEvent", "oa{sv}", EVENT, {}),
    *generic("Introspectable", "Introspect"),
    *generic("Properties", "GetAll", "s", ""),
    *generic("Peer", "Ping"),
    *generic("Peer", "GetMachineId"),
    Row("ObjectManager.GetManagedObjects", "", "self"),
]


def documented():
    """Of docs/security.md: method -> (what is asked for one's own, what for somebody else's), None for nothing."""
    with open(os.path.join(SOURCE, "docs", "security.md"), encoding="utf-8") as f:
        lines = re.findall(r"^\| `(\w+\.\w+)` \| (\S+) \| (\S+) \|", f.read(), re.MULTILINE)

    def action(text):
        return None if text == "nothing" else text.strip("`")

    return {method: (action(own), action(others)) for method, own, others in lines}


def members(text):
    """Of introspection data: the methods and the properties, each with the interface it is of."""
    found = []
    for interface in ET.fromstring(text).findall("interface"):
        name = interface.get("name").removeprefix(NAME + ".").removeprefix(FREEDESKTOP)
        found += [(name, kind, member.get("name"), member) for kind in ("method", "property")
                  for member in interface.findall(kind)]
    return found


def full_interface(method):
    name = method.split(".")[0]
    ours = ("Manager", "Session", "Channel", "Event", "Application")
    return f"{NAME}.{name}" if name in ours else FREEDESKTOP + name


class Caller:
    """Somebody on the bus, who calls when he is told to (bus-caller.py)."""

    def __init__(self, test, user, password=False):
        self.user = user
        self.password = password
        self.process = test.start(["bus-caller"], user=user, bufsize=0, text=False)
        self.pid = self._next()["ready"]
        self._number = 0
        self._replies = {}

    def _next(self):
        line = read_line(self.process)
        if not line:
            raise AssertionError(f"{self.user}'s calls end: {self.process.stderr.read().decode()}")
        return json.loads(line)

    def become_agent(self):
        self._send({"agent": True})
        assert self._next() == {"agent": "ready"}

    def _send(self, request):
        self.process.stdin.write((json.dumps(request) + "\n").encode())

    def begin(self, path, interface, member, signature="", arguments=(), name=NAME):
        """Calls; the reply is for finish()."""
        self._number += 1
        self._send({"id": self._number, "path": path, "interface": interface, "member": member, "signature": signature,
                    "arguments": list(arguments), "password": self.password, "name": name})
        return self._number

    def finish(self, number):
        while number not in self._replies:
            reply = self._next()
            self._replies[reply["id"]] = reply
        return self._replies.pop(number)

    def call(self, *args):
        return self.finish(self.begin(*args))

    def hang_up(self):
        """Gone, whatever it waits for."""
        self.process.kill()
        self.process.wait()
