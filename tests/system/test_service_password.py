# SPDX-License-Identifier: LGPL-2.1-or-later
"""Passwords on a terminal: polkit's text agent asks for them when a command needs one, and not before."""

import os
import pty
import re
import select
import termios
import time
import unittest

import host
import system

WORD = "correct-horse"


class Command:
    """A command on a terminal of its own, as a user in the host."""

    def __init__(self, test, user, *args):
        self.fd, inner = pty.openpty()
        test.addCleanup(os.close, self.fd)
        # The host has no name for a terminal that the test has made; it is inherited, and opened as /dev/tty.
        self.process = test.start(["setsid", "--ctty", "--wait", "tracectl", *args], user=user, stdin=inner,
                                  stdout=inner, stderr=inner)
        os.close(inner)
        self.seen = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def type_unseen(self, text):
        """What is typed before the agent has switched the echo off is thrown away when it does."""
        system.wait_until(lambda: not termios.tcgetattr(self.fd)[3] & termios.ECHO, "a terminal without echo")
        self.type(text)

    def read(self, until):
        """What comes up to this pattern, or to the end of the terminal."""
        deadline = time.monotonic() + system.PATIENCE
        while not (match := re.search(until, self.seen)):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"{until!r} has not come: {self.seen!r}")
            try:
                self.seen += os.read(self.fd, 65536).decode(errors="replace").replace("\r\n", "\n")
            except OSError:  # EIO: nobody has it open any more
                text, self.seen = self.seen, ""
                return text, False
        text, self.seen = self.seen[:match.end()], self.seen[match.end():]
        return text, True

    def answer(self, password):
        """Answers every question; how many there were, and all that was shown."""
        asked, shown = 0, ""
        while True:
            text, more = self.read(r"Password: ?")
            shown += text
            if not more:
                return asked, shown, self.process.wait()
            asked += 1
            self.type_unseen(password + "\n")


class Passwords(host.HostTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The administrators whom polkit knows are root alone, who has this password.
        cls.host.write("/etc/polkit-1/rules.d/10-test.rules",
                       'polkit.addAdminRule(function() { return ["unix-user:root"]; });\n', 0o644)
        cls.host.run(["chpasswd"], input=f"root:{WORD}\n")

    def setUp(self):
        super().setUp()
        self.host.run(["tracectl", "create", "hers"], user="alice")
        self.addCleanup(self.host.run, ["tracectl", "destroy", "alice/hers"], check=False)

    def agents(self):
        return self.host.run(["pgrep", "-c", "pkttyagent"], check=False).stdout.strip()

    def channels(self):
        return self.host.run(["tracectl", "dump", "alice/hers"]).stdout.count("[Channel ")

    def test_right_password(self):
        command = Command(self, "bob", "enable-channel", "-s", "alice/hers", "c")
        asked, shown, status = command.answer(WORD)
        self.assertEqual(status, 0, shown)
        self.assertGreaterEqual(asked, 1)
        self.assertIn("org.tracectl.tracing1.control-others", shown)
        self.assertIn("Authentication is required to control the tracing sessions of other users", shown)
        self.assertEqual(self.channels(), 1)
        self.assertEqual(self.agents(), "0")

    def test_wrong_password(self):
        command = Command(self, "bob", "enable-channel", "-s", "alice/hers", "c")
        asked, shown, status = command.answer("wrong")
        self.assertEqual(status, 1, shown)
        self.assertGreaterEqual(asked, 1)
        self.assertIn("tracectl: Failed to ", shown)
        self.assertEqual(self.channels(), 0)
        self.assertEqual(self.agents(), "0")

    def end_polkit(self):
        """One whose agent goes while it asks may lock itself up for good (see docs/testing.md); the bus starts another."""
        self.host.systemctl("kill", "--signal=KILL", "polkit.service")
        system.wait_until(lambda: self.host.unit_property("polkit.service", "ActiveState") in ("failed", "inactive"),
                          "the end of polkit")

    def test_interrupt(self):
        self.addCleanup(self.end_polkit)
        command = Command(self, "bob", "enable-channel", "-s", "alice/hers", "c")
        self.assertTrue(command.read(r"Password: ?")[1])
        command.type("\x03")
        self.assertEqual(command.answer(WORD)[0], 0)
        self.assertNotEqual(command.process.wait(), 0)
        system.wait_until(lambda: self.agents() == "0", "the end of the agent")
        self.assertEqual(self.channels(), 0)

    def test_nobody_is_asked(self):
        for arguments in (["--no-ask-password"], ["--no-ask-password", "-q"]):
            command = Command(self, "bob", "enable-channel", *arguments, "-s", "alice/hers", "c")
            asked, shown, status = command.answer(WORD)
            self.assertEqual((asked, status), (0, 1), shown)
            self.assertIn("needs a password", shown)
        # Without a terminal there is nobody to ask, and no agent is started for that.
        done = self.host.run(["tracectl", "enable-channel", "-s", "alice/hers", "c"], user="bob", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("needs a password", done.stderr)
        self.assertEqual(self.channels(), 0)

    def test_not_before_it_is_needed(self):
        """What is one's own starts no agent: there is one program less to run."""
        self.host.run("mv /usr/bin/pkttyagent /usr/bin/pkttyagent.kept; "
                      "printf '#!/bin/sh\\ntouch /tmp/asked\\n' >/usr/bin/pkttyagent; chmod 755 /usr/bin/pkttyagent")
        self.addCleanup(self.host.run, "mv /usr/bin/pkttyagent.kept /usr/bin/pkttyagent; rm -f /tmp/asked")
        asked, shown, status = Command(self, "alice", "enable-channel", "-s", "hers", "c").answer(WORD)
        self.assertEqual((asked, status), (0, 0), shown)
        self.assertFalse(os.path.exists(self.host.file("/tmp/asked")))
        asked, shown, status = Command(self, "bob", "enable-channel", "-s", "alice/hers", "d").answer(WORD)
        self.assertEqual((asked, status), (0, 1), shown)
        self.assertTrue(os.path.exists(self.host.file("/tmp/asked")))

    def test_kernel(self):
        """record --kernel asks before the command runs, and for no more than it needs: the kernel in one's own processes."""
        command = Command(self, "bob", "record", "--kernel", "--no-ask-password", "--", "touch", "/home/bob/ran")
        asked, shown, status = command.answer(WORD)
        self.assertEqual((asked, status != 0), (0, True), shown)
        self.assertFalse(os.path.exists(self.host.file("/home/bob/ran")))
        command = Command(self, "bob", "record", "--kernel", "--", "touch", "/home/bob/ran")
        text, asked = command.read(r"Password: ?")
        self.assertTrue(asked, text)
        self.assertIn("org.tracectl.tracing1.kernel-own", text)
        self.assertFalse(os.path.exists(self.host.file("/home/bob/ran")))


if __name__ == "__main__":
    unittest.main()
