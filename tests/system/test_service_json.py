# SPDX-License-Identifier: LGPL-2.1-or-later
"""What docs/json.md promises of the verbs of the service, against what they print: every member, and its type."""

import json
import os
import unittest

import test_json
from service import ServiceTest

TYPES = {"string": str, "number": (int, float), "boolean": bool, "object": dict, "array": list, "null": type(None)}
PROFILE = "[Session]\nName=recorder\nMode=flight-recorder\n[Channel c]\nEvent=test:*\n"


def types(table):
    """Of each member its type. A row of several members has one for each, or one for all."""
    found = {}
    for name, (kinds, *_) in table.items():
        found.setdefault(kinds, []).append(name)
    return {name: each for kinds, names in found.items()
            for name, each in zip(names, kinds.split(", ") if "," in kinds else [kinds] * len(names))}


def walk(value, path, described):
    """Of what is described one by one: the path of each member, and its value."""
    inner = f"{path}." if path else ""
    if isinstance(value, list) and any(name.startswith(f"{path}[]") for name in described):
        for item in value:
            yield from walk(item, f"{path}[]", described)
    elif isinstance(value, dict) and any(name.startswith(inner) for name in described):
        for name, item in value.items():
            yield from walk(item, inner + name, described)
    else:
        yield path, value


class ServiceJson(ServiceTest):
    def check(self, *args, described_as=None, without=(), input=""):
        """What a command prints, which the table of that name describes."""
        table = types(test_json.TABLES[f"tracectl {described_as or args[0] + ' --json'}"])
        done = self.tracectl("alice", *args, "--json=short", input=input)
        self.assertEqual((done.stdout.count("\n"), done.stderr), (1, ""))
        value = json.loads(done.stdout)
        seen = set()
        for path, item in walk(value, "", table):
            with self.subTest(args=args, member=path):
                self.assertIn(path, table)
                kinds = tuple(TYPES[kind] for kind in table[path].split(" or "))
                self.assertIsInstance(item, kinds)
                # Python's booleans are numbers, and JSON's are not.
                self.assertEqual(isinstance(item, bool), table[path] == "boolean")
            seen.add(path)
        self.assertEqual(set(table) - seen, set(without), args)
        return value

    def test_of_the_service(self):
        self.check("status")
        self.tracectl("alice", "create", "orders")
        status = self.check("status")
        self.assertEqual((status["current_session"], status["sessions"]), ("orders", 1))
        self.assertIs(status["current_session_exists"], True)
        limits = {row["name"]: row for row in self.check("limits")}
        self.assertEqual(limits["sessions"]["used"], 1)
        self.assertEqual([name for name, row in limits.items() if "most" not in row], ["applications_refused"])
        self.assertEqual(limits["sessions"]["most"], status["limits"]["sessions"])
        version = self.check("version")["version"]
        self.assertEqual(self.tracectl("alice", "version").stdout, f"tracectl {version}\n")

    def test_of_a_session(self):
        emitter = self.emitter("alice", 1)
        self.assertEqual(self.check("create", "orders")["session"], "orders")
        self.check("enable-channel", "main", "--subbuf-size", "64K")
        self.assertEqual(self.check("add-context", "-c", "main", "vpid")["contexts"], ["vpid"])
        rule = ["test:*", "-c", "main"]
        only = ["--filter", "writer == 1", "--exclude", "test:x", "--loglevel", "info", "--pid", str(emitter.pid)]
        self.assertEqual(self.check("enable-event", *rule, *only)["patterns"], ["test:*"])
        for verb in ("disable-event", "enable-event"):
            self.check(verb, *rule, described_as="enable-event --json")
        self.assertEqual(self.nothing_to_add("set-session", "orders"), "orders")
        self.assertEqual(self.check("start")["pending"], 0)
        emitter.emit(5)
        session = self.check("list", "orders", described_as="list --json SESSION")
        self.assertEqual(session["events"][0]["target"], {"pid": emitter.pid})
        self.check("list")
        self.check("rotate")
        self.check("dump")
        stopped = self.check("stop")
        self.assertEqual((stopped["events"], stopped["applications"]), (5, 1))
        self.assertEqual(self.nothing_to_add("clear"), "orders")
        self.check("remove-event", *rule, described_as="enable-event --json")
        self.check("disable-channel", "main", described_as="enable-channel --json")
        self.assertEqual(self.check("destroy", "orders"), {"destroyed": ["orders"]})

    def nothing_to_add(self, verb, *args):
        found = json.loads(self.tracectl("alice", verb, *args, "--json=short").stdout)
        self.assertEqual(set(found), {"session"})
        return found["session"]

    def test_of_programs(self):
        emitter = self.emitter("alice", 1)
        applications = self.check("list", "--applications", described_as="list --json --applications")
        self.assertIn(emitter.pid, [application["pid"] for application in applications])
        events = self.check("list", "--events", described_as="list --json --events")
        self.assertIn("test:tick", [event["name"] for event in events])
        probes = self.check("list", "--userspace-probe", "/usr/bin/python3",
                            described_as="list --json --userspace-probe PATH")
        self.assertIn(("python", "audit"), [(probe["provider"], probe["name"]) for probe in probes])

    def test_of_a_profile(self):
        made = self.check("apply", "-", input=PROFILE)
        self.assertTrue(made["changed"])
        self.assertEqual(made["after"]["Channel c.Event"], ["test:*"])
        self.assertFalse(self.check("apply", "-", input=PROFILE)["changed"])
        self.tracectl("alice", "start", "recorder")
        emitter = self.emitter("alice", 1)
        emitter.emit(3)
        snapshot = self.check("snapshot", "-s", "recorder", described_as="stop --json")
        self.assertEqual(len(self.events(snapshot["output"])), 3)

    @unittest.skipUnless(os.path.exists("/usr/bin/gjs"), "needs gjs")
    def test_from_gjs(self):
        """The same from the bus, in another language."""
        example = ["gjs", "/usr/share/doc/tracectl/examples/list-sessions.js"]
        self.assertEqual(self.host.run(example, user="alice").stdout, "")
        emitter = self.emitter("alice", 1)
        self.tracectl("alice", "create", "orders")
        self.tracectl("alice", "enable-event", "test:*")
        self.tracectl("alice", "start")
        emitter.emit(5)
        self.tracectl("alice", "stop")
        self.assertEqual(self.host.run(example, user="alice").stdout, "orders stopped 5\n")


if __name__ == "__main__":
    unittest.main()
