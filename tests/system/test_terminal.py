# SPDX-License-Identifier: LGPL-2.1-or-later
"""On a terminal: Ctrl-C and Ctrl-\\ go to the command, Ctrl-Z stops and fg continues as for any program."""

import os
import pty
import re
import select
import signal
import time
import unittest

from system import PATIENCE, SHOP, SystemTest, TRACECTL, child_named, children, state, wait_until

# Works until it is told to stop, and then still has something to do.
WORKER = f"""\
trap 'echo caught INT; {SHOP} 4 1; exit 130' INT
trap 'echo caught QUIT; exit 131' QUIT
echo work"ing"
while :; do read line; echo "line $line"; done
"""


class Terminal:
    """A shell with job control on a terminal of its own."""

    def __init__(self, test):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(test.cwd)
            env = dict(test.env, PS1="", TERM="dumb", HISTFILE="")
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], env)
        self.type("stty -echo -onlcr; PS1=\n")
        self.type('echo re"ady"\n')
        self.expect("ready\n")

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern):
        """Reads until the pattern has come; what was read up to its end is gone."""
        deadline = time.monotonic() + PATIENCE
        while not (match := re.search(pattern, self.seen)):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"{pattern!r} has not come: {self.seen!r}")
            self.seen += os.read(self.fd, 65536).decode(errors="replace").replace("\r\n", "\n")
        self.seen = self.seen[match.end():]
        return match

    def close(self):
        os.close(self.fd)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class OnTerminal(SystemTest):
    def setUp(self):
        super().setUp()
        self.write_file("worker", WORKER)
        self.terminal = Terminal(self)
        self.addCleanup(self.terminal.close)

    def start_recording(self):
        self.terminal.type(f"{TRACECTL} record -o trace -- sh worker\n")
        self.terminal.expect("working\n")
        self.tracectl_pid = wait_until(
            lambda: next((p for p, name in children(self.terminal.pid).items() if name == "tracectl"), None), "tracectl")
        self.command = child_named(self.tracectl_pid, "sh")
        self.wait_for_reading()

    def wait_for_reading(self):
        """A signal just before the shell reads would set its trap off only after the next line."""
        wait_until(lambda: state(self.command) == "S", "the command waiting for input")

    def expect_status(self, status):
        self.terminal.type('echo "status $?"\n')
        self.terminal.expect(f"status {status}\n")

    def test_interrupt(self):
        self.start_recording()
        self.terminal.type("\x03")
        self.terminal.expect("caught INT\n")
        self.terminal.expect(r"tracectl: 9 events, 0 lost")
        self.expect_status(130)
        self.assertEqual(len(self.events("trace")), 9)

    def test_quit(self):
        self.start_recording()
        self.terminal.type("\x1c")
        self.terminal.expect("caught QUIT\n")
        self.terminal.expect("tracectl: Nothing was recorded")
        self.expect_status(131)
        self.assertEqual(os.listdir(self.runtime), [])

    def test_interrupt_of_a_command_that_does_not_catch_it(self):
        self.terminal.type(f"{TRACECTL} record -o trace -- sh -c 'echo work\"ing\"; exec cat'\n")
        self.terminal.expect("working\n")
        self.terminal.type("\x03")
        self.terminal.expect("tracectl: Nothing was recorded")
        self.expect_status(130)

    def test_live_where_nothing_else_is_said(self):
        """The events are printed where strace would; not with a place for them, nor where stderr goes elsewhere."""
        self.terminal.type(f"{TRACECTL} record -- {SHOP} 3 1\n")
        self.terminal.expect(r"shop:order_received +id=3 .*\n")
        self.terminal.expect(r"tracectl: 7 events, 0 lost")
        for options, end in (("-o trace", ""), ("--no-live", ""), ("-c", ""), ("--overwrite", ""), ("", "2>file")):
            with self.subTest(options=options, end=end):
                self.terminal.type(f'{TRACECTL} record {options} -- {SHOP} 3 1 {end}; echo "end"ed\n')
                said = ""
                while "ended\n" not in said:
                    said += self.terminal.expect(r"[^\n]*\n").group()
                self.assertIn("3 orders", said)
                self.assertNotIn("id=3 cents", said)

    def test_stop_and_continue(self):
        self.start_recording()
        self.terminal.type("first\n")
        self.terminal.expect("line first\n")
        self.wait_for_reading()
        self.terminal.type("\x1a")
        self.terminal.expect("Stopped")
        wait_until(lambda: state(self.tracectl_pid) == "T" and state(self.command) == "T", "both stopped")
        self.terminal.type("fg\n")
        self.terminal.type("second\n")
        self.terminal.expect("line second\n")
        self.wait_for_reading()
        self.terminal.type("\x03")
        self.terminal.expect("9 events, 0 lost")
        self.expect_status(130)

    def test_the_terminal_goes_away(self):
        self.start_recording()
        tracingd = next(p for p, name in children(self.tracectl_pid).items() if name == "tracingd")
        os.kill(self.terminal.pid, signal.SIGHUP)  # an interactive bash passes it on to its jobs
        wait_until(lambda: not os.path.exists(f"/proc/{self.tracectl_pid}"), "the end of tracectl")
        self.assertFalse(os.path.exists(f"/proc/{tracingd}"))
        self.assertEqual(os.listdir(self.runtime), [])


if __name__ == "__main__":
    unittest.main()
