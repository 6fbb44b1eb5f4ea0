# SPDX-License-Identifier: LGPL-2.1-or-later
"""tracectl monitor, and the program that follows from GLib's main loop: what happens in the service, as it happens."""

import json
import os
import signal
import unittest

import host
import test_json
import test_library_page
from service import ServiceTest, read_line

EXAMPLE = "/usr/share/doc/tracectl/examples/follow-glib.c"


class Monitor(ServiceTest):
    def monitor(self, user, *args):
        """A monitor that follows, and the objects that it has printed before it did."""
        process = self.start(["tracectl", "monitor", "--json=short", *args], user=user, bufsize=0, text=False)
        return process, self.read(process, "following")

    @staticmethod
    def read(process, change, kind=None, **values):
        """Objects up to the first with this change, and, in it, these values."""
        found = []
        while True:
            line = read_line(process).decode()
            if not line:
                raise AssertionError(f"no {change} in {found}: {process.stderr.read().decode()}")
            found.append(json.loads(line))
            last = found[-1]
            if not {"time", "change", "kind", "path"} <= set(last) <= set(test_json.MONITOR):
                raise AssertionError(f"docs/json.md does not describe {last}")
            if (last["change"] == change and kind in (None, last["kind"]) and
                    values.items() <= last.get("values", {}).items()):
                return found

    def test_a_session_from_its_beginning_to_its_end(self):
        process, before = self.monitor("alice")
        self.assertEqual([(one["change"], one["kind"]) for one in before], [("following", "service")])
        self.tracectl("alice", "create", "orders")
        added = self.read(process, "added", "session")[-1]
        self.assertEqual((added["session"], added["owner"], added["values"]["state"]),
                         ("orders", host.USERS["alice"], "configured"))
        self.assertRegex(added["time"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")
        self.tracectl("alice", "enable-event", "test:*")
        rule = self.read(process, "added", "event")[-1]
        self.assertEqual((rule["session"], rule["values"]["pattern"]), ("orders", "test:*"))
        self.tracectl("alice", "start")
        self.read(process, "changed", "session", state="active")
        self.tracectl("alice", "disable-event", "test:*")
        self.assertEqual(self.read(process, "changed", "event", enabled=False)[-1]["path"], rule["path"])
        self.tracectl("alice", "stop")
        self.read(process, "changed", "session", state="stopped")
        self.tracectl("alice", "destroy", "orders")
        kinds = {one["kind"] for one in self.read(process, "removed", "session")}
        self.assertLessEqual({"channel", "event", "session"}, kinds)
        self.end(process, signal.SIGINT)

    def end(self, process, number):
        """What ends it is no failure, and leaves nothing on stderr."""
        os.kill(process.outer_pid, number)
        self.assertEqual(process.wait(10), 0)
        self.assertEqual(process.stderr.read(), b"")

    def test_only_one_session_and_not_of_others(self):
        process, _ = self.monitor("alice", "orders")
        self.tracectl("alice", "create", "cellar")
        self.tracectl("bob", "create", "orders")
        self.tracectl("alice", "create", "orders")
        found = self.read(process, "added", "session")
        self.assertEqual([(one["session"], one["owner"]) for one in found], [("orders", host.USERS["alice"])])
        self.end(process, signal.SIGTERM)

    def test_what_is_there(self):
        self.tracectl("alice", "create", "orders")
        self.tracectl("alice", "enable-event", "test:*")
        _, before = self.monitor("alice", "--all")
        self.assertEqual([one["kind"] for one in before], ["session", "channel", "event", "service"])
        self.assertEqual({one["change"] for one in before[:-1]}, {"added"})

    def test_programs(self):
        process, _ = self.monitor("alice", "--applications")
        emitter = self.emitter("alice", 1)
        emitter.emit(1)
        # It registers when somebody asks for programs, or records them.
        self.tracectl("alice", "list", "--applications")
        added = self.read(process, "added", "application")[-1]
        self.assertEqual((added["values"]["pid"], added["values"]["name"]), (emitter.pid, "emit"))
        self.assertNotIn("session", added)
        emitter.process.stdin.close()
        self.assertEqual(self.read(process, "removed", "application")[-1]["path"], added["path"])

    def test_the_service_goes_and_comes(self):
        """Killed, it is started again, and what it knows is told again."""
        self.tracectl("alice", "create", "orders")
        process, before = self.monitor("alice")
        self.assertEqual(len(before), 1)
        self.host.systemctl("kill", "--signal=KILL", "tracingd")
        self.read(process, "lost")
        self.tracectl("alice", "list")
        found = self.read(process, "following")
        self.assertEqual([one["session"] for one in found if one["kind"] == "session"], ["orders"])
        self.tracectl("alice", "destroy", "orders")
        self.read(process, "removed", "session")

    def test_text(self):
        process = self.start(["tracectl", "monitor", "-n", "2"], user="alice", bufsize=0, text=False)
        self.assertRegex(read_line(process).decode(), r"\A\d\d:\d\d:\d\d\.\d{6}  following  service *\n\Z")
        self.tracectl("alice", "create", "orders")
        self.assertRegex(read_line(process).decode(), r"  added      (session|channel) +orders\S* .*\n\Z")
        self.assertEqual(process.wait(10), 0)

    def test_nobody_reads(self):
        """As in a pipe to head, when that has seen enough."""
        process, _ = self.monitor("alice")
        process.stdout.close()
        self.assertEqual(process.wait(10), 0)

    def test_refused(self):
        self.assertIn("no number of lines", self.refused("alice", "monitor", "-n", "0", status=2))
        self.host.systemctl("stop", "tracingd.socket", "tracingd.service")
        self.host.systemctl("mask", "--runtime", "tracingd.service")
        try:
            self.assertIn("Failed to follow the service: The tracing service", self.refused("alice", "monitor"))
        finally:
            self.host.systemctl("unmask", "--runtime", "tracingd.service")
            self.host.systemctl("start", "tracingd.socket")

    def test_glib(self):
        self.host.run(f"cc -Wall -Wextra -Werror -Wno-unused-parameter {EXAMPLE} -o /usr/local/bin/follow-glib "
                      "$(pkg-config --cflags --libs tracectl glib-2.0 gio-unix-2.0) && ldconfig")
        process = self.start(["follow-glib"], user="alice", bufsize=0, text=False)
        self.assertEqual(self.read_until(process, "following")[-1].split()[:2], ["following", "service"])
        self.tracectl("alice", "create", "orders")
        self.assertIn("session", self.read_until(process, "added session")[-1])
        self.tracectl("alice", "destroy", "orders")
        self.read_until(process, "removed session")
        self.end(process, signal.SIGTERM)

    def test_sd_event(self):
        """The program of libtracectl(3) that stops a session while its loop waits for other things as well."""
        (program,) = (text for text in test_library_page.programs(test_library_page.read("docs/man/libtracectl.3"))
                      if "sd_event_loop(" in text)
        self.host.write("/root/stop.c", program)
        self.host.run("cc -Wall -Wextra -Werror -Wno-unused-parameter /root/stop.c -o /usr/local/bin/stop-orders "
                      "$(pkg-config --cflags --libs tracectl libsystemd) && ldconfig")
        emitter = self.emitter("alice", 1)
        self.assertIn("There is no session 'orders'", self.host.run(["stop-orders"], user="alice", check=False).stderr)
        self.tracectl("alice", "create", "orders")
        self.tracectl("alice", "enable-event", "test:*")
        self.tracectl("alice", "start")
        emitter.emit(123)
        self.assertEqual(self.host.run(["stop-orders"], user="alice").stdout, "123 events\n")
        self.assertEqual(self.get("alice", "orders", "State"), "stopped")


if __name__ == "__main__":
    unittest.main()
