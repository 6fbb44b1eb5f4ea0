# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service by D-Bus alone: the README's example, a client that only listens, and bad calls."""

import os
import re
import unittest

from service import NAME, ROOT, SOURCE, ServiceTest

MANAGER = NAME + ".Manager"
SESSION = NAME + ".Session"
ERROR = NAME + ".Error."


class Bus(ServiceTest):
    def test_readme(self):
        """The README's part on the service, word for word, as an ordinary user."""
        with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as f:
            steps = re.findall(r"^```bash\n(.*?)^```$", f.read(), re.MULTILINE | re.DOTALL)
        self.assertGreater(len(steps), 1)
        marked = "".join(f"echo step {i}\n{step}" for i, step in enumerate(steps, 1))
        done = self.host.run(["bash", "-eu", "-c", marked], user="carol", cwd="/home/carol")
        shown = re.split(r"^step \d+\n", done.stdout, flags=re.MULTILINE)[1:]
        self.assertEqual(len(shown), len(steps))
        for step, text in zip(steps, shown):
            if "view" in step:
                self.assertRegex(text, r"shop:order_\w+ ", step)
            if "busctl" in step:
                self.assertIn("t 2000", text, step)
        for line in done.stderr.splitlines():
            self.assertRegex(line, r"^tracectl: [\d,]+ events, 0 lost")

    def test_follow(self):
        """A session's whole life from signals alone, by an example that is installed."""
        follower = self.follow("alice")
        emitter = self.emitter("alice", 1)
        path = self.path("alice", "life").removeprefix(ROOT)
        self.tracectl("alice", "create", "life")
        self.tracectl("alice", "enable-channel", "main")
        self.tracectl("alice", "enable-event", "-c", "main", "test:*")
        self.tracectl("alice", "start")
        emitter.emit(10)
        self.tracectl("alice", "disable-event", "test:*")
        self.tracectl("alice", "stop")
        self.tracectl("alice", "destroy", "life")
        heard = self.read_until(follower, f"removed Session {path}")
        wanted = [f"added Session {path} State=configured", f"added Channel {path}/channel/user/main",
                  f"added Event {path}/event/_31 Pattern=test:*", f"changed Session {path} State=active",
                  f"changed Event {path}/event/_31 Enabled=False", f"changed Session {path} State=stopped",
                  f"removed Event {path}/event/_31", f"removed Channel {path}/channel/user/main",
                  f"removed Session {path}"]
        self.assertEqual([line for line in heard if line in wanted], wanted, heard)

    def fails(self, error, text, *args, path=ROOT, interface=MANAGER, user="alice"):
        """A call that is answered by this error and a sentence that contains text."""
        done = self.host.run(["gdbus", "call", "--system", "--dest", NAME, "--object-path", path, "--method",
                              f"{interface}.{args[0]}", *args[1:]], user=user, check=False)
        self.assertNotEqual(done.returncode, 0, args)
        self.assertIn(error, done.stderr, args)
        self.assertIn(text, done.stderr, args)
        self.assertRegex(done.stderr.strip(), r"[.?]\)?$", "a sentence")

    def test_bad_calls(self):
        path = self.path("alice", "good")
        self.tracectl("alice", "create", "good")
        before = self.tracectl("alice", "list", "good", "--json=short").stdout
        session = {"path": path, "interface": SESSION}
        for name, shown in (("a/b", "a/b"), ("", "''"), ("../x", "../x"), ("a\\nb", "\\x0a"), ("x" * 300, "xxx"),
                            ("-x", "-x"), ("\\u001b[2J", "\\x1b")):
            self.fails(ERROR + "InvalidName", shown, "CreateSession", f'"{name}"', "{}")
        self.fails(ERROR + "UnknownOption", "colour", "CreateSession", '"s"', '{"colour": <"red">}')
        self.fails(ERROR + "InvalidOption", "mode", "CreateSession", '"s"', '{"mode": <uint32 7>}')
        self.fails(ERROR + "InvalidOption", "sideways", "CreateSession", '"s"', '{"mode": <"sideways">}')
        self.fails(ERROR + "Output", "relative", "CreateSession", '"s"', '{"directory": <"relative/path">}')
        self.fails(ERROR + "SessionExists", "good", "CreateSession", '"good"', "{}")
        self.fails(ERROR + "SessionExists", "good", "CreateSession", '"good"',
                   '{"if-exists": <"keep">, "bind": <"client">}')
        self.fails(ERROR + "NoSuchSession", "missing", "GetSession", "1001", '"missing"')
        self.fails(ERROR + "UnknownDomain", "mars", "EnableChannel", '"mars"', '"c"', "{}", **session)
        self.fails(ERROR + "InvalidName", "a/b", "EnableChannel", '"user"', '"a/b"', "{}", **session)
        self.fails(ERROR + "InvalidOption", "subbuf-size", "EnableChannel", '"user"', '"c"',
                   '{"subbuf-size": <uint64 1>}', **session)
        self.fails(ERROR + "NoSuchChannel", "nowhere", "EnableEvent", '"user"', '"nowhere"', '"a:b"', "{}", **session)
        self.fails(ERROR + "InvalidPattern", "a b", "EnableEvent", '"user"', '""', '"a b"', "{}", **session)
        self.fails(ERROR + "NoSuchEvent", "/x/y", "DisableEvent", '"/x/y"', "{}", **session)
        self.fails(ERROR + "NotActive", "good", "Stop", "{}", **session)
        self.fails(ERROR, "mood", "AddContext", '"user"', '""', '"mood"', "{}", **session)
        self.assertEqual(self.tracectl("alice", "list", "good", "--json=short").stdout, before)
        self.tracectl("alice", "enable-event", "-s", "good", "test:*")
        self.tracectl("alice", "start", "good")
        self.fails(ERROR + "AlreadyActive", "good", "Start", "{}", **session)
        self.fails(ERROR, "good", "AddContext", '"user"', '""', '"vpid"', "{}", **session)

    def test_wrong_types(self):
        """What D-Bus itself refuses, by objects and members that are not there."""
        for args, error in (((ROOT, MANAGER, "CreateSession", "u", "7"), "nvalid"),
                            ((ROOT, MANAGER, "Dance"), "nknown method"),
                            ((ROOT + "/nothing", MANAGER, "CreateSession", "sa{sv}", "x", "0"), "nknown"),
                            ((self.path("alice", "gone"), SESSION, "Start", "a{sv}", "0"), "nknown")):
            done = self.busctl("alice", "call", NAME, *args, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(error, done.stderr)

    def test_caller_leaves(self):
        """Somebody who asks to start and stop and does not wait: it is done, or not, but never half."""
        emitter = self.emitter("alice", 1)
        self.tracectl("alice", "create", "left")
        self.tracectl("alice", "enable-event", "test:*")
        for method in ("Start", "Stop") * 5:
            self.host.run(["python3", "-c", LEAVE, self.path("alice", "left"), method], user="alice")
        self.assertIn(self.get("alice", "left", "State"), ("configured", "active", "stopping", "stopped"))
        if self.get("alice", "left", "State") != "active":
            self.tracectl("alice", "start", "left")
        emitter.emit(100)
        self.tracectl("alice", "stop", "left")
        self.assert_counted(self.events(self.output("alice", "left")), [emitter])


LEAVE = """
import os, sys
from gi.repository import Gio, GLib
bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
bus.call("org.tracectl.Tracing1", sys.argv[1], "org.tracectl.Tracing1.Session", sys.argv[2],
         GLib.Variant("(a{sv})", ({},)), None, 0, -1, None, None)
bus.flush_sync()
os._exit(0)
"""

if __name__ == "__main__":
    unittest.main()
