# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every method while polkit is absent, stops, dies, or never answers, and with a caller who does not wait for it."""

import os
import signal
import unittest

import matrix
import system
from matrix_case import DENIED, EVERYTHING, NOTHING, OWN, PASSWORD, REFUSED_TO_OWNER, MatrixTest, lets, portions
from service import NAME, ROOT

ACTIVATION = "/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service"


class MatrixPolkit(MatrixTest):
    def test_polkit_is_absent(self):
        self.host.run(f"systemctl stop polkit && mv {ACTIVATION} /root/ && systemctl reload dbus")
        self.addCleanup(self.host.run, f"mv /root/{os.path.basename(ACTIVATION)} {ACTIVATION} && systemctl reload dbus")
        self.assertEqual(self.try_all(matrix.Caller(self, "alice"), OWN, DENIED), REFUSED_TO_OWNER)
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
        return portions([row for row in matrix.ROWS if self.needs(row, user)])

    def ask_all(self, caller, rows):
        """Calls that polkit is asked about and does not answer. Meanwhile others are answered."""
        numbers = [caller.begin(*self.concrete(row)) for row in rows]
        # Of one user polkit is asked a few things at a time. This has its turn behind them all, and needs no answer.
        self.assertIsNone(caller.call(ROOT, "org.freedesktop.DBus.Peer", "Ping")["error"])
        for _ in range(3):
            self.assertEqual(self.objects(), self.there)
        carol = matrix.Caller(self, "carol")
        for path, interface, member, *arguments in (
                (ROOT, "org.freedesktop.DBus.Properties", "GetAll", "s", [f"{NAME}.Manager"]),
                (ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")):
            self.assertIsNone(carol.call(path, interface, member, *arguments)["error"])
        self.assertIsNone(self.root.call(f"{matrix.ALICE}/idle", f"{NAME}.Session", "Dump")["error"])
        return numbers

    def test_polkit_stops_and_goes_on(self):
        """It takes its time in the middle of a question; the answer counts then."""
        caller = matrix.Caller(self, "bob")
        caller.call(ROOT, f"{NAME}.Manager", "ListSessions", "a{sv}", [{}])
        for rows in self.asked_rows("bob"):
            self.stop_polkit()
            numbers = self.ask_all(caller, rows)
            self.polkit(signal.SIGCONT)
            replies = [caller.finish(number) for number in numbers]
            for row, reply in zip(rows, replies, strict=True):
                with self.subTest(method=row.method, arguments=row.arguments):
                    self.assertEqual(reply["error"], None if lets(OWN, self.needs(row, "bob")) else
                                     self.refusal(row, OWN, PASSWORD), reply)
            self.put_back()

    def test_polkit_dies(self):
        """In the middle of a question, which it never answers: a denial, also of what is one's own."""
        for user in ("bob", "alice"):
            caller = matrix.Caller(self, user)
            caller.call(ROOT, f"{NAME}.Manager", "ListSessions", "a{sv}", [{}])
            for rows in self.asked_rows(user):
                self.stop_polkit()
                numbers = self.ask_all(caller, rows)
                self.polkit(signal.SIGKILL)
                replies = [caller.finish(number) for number in numbers]
                self.assertEqual([reply["error"] for reply in replies],
                                 [self.refusal(row, NOTHING, DENIED) for row in rows], replies)
                self.assertEqual(self.objects(), self.there)
                caller.call(ROOT, f"{NAME}.Manager", "ListSessions", "a{sv}", [{}])

    def test_caller_is_gone(self):
        """In the middle of a question, which is answered with yes after that: nothing is done on nobody's behalf."""
        for rows in self.asked_rows("alice"):
            caller = matrix.Caller(self, "alice")
            caller.call(ROOT, f"{NAME}.Manager", "ListSessions", "a{sv}", [{}])
            self.stop_polkit()
            self.ask_all(caller, rows)
            caller.hang_up()
            self.polkit(signal.SIGCONT)
            # polkit and the bus keep the order: what is answered to her now was asked after all that.
            later = matrix.Caller(self, "alice")
            self.assertIsNone(later.call(ROOT, f"{NAME}.Manager", "ListSessions", "a{sv}", [{}])["error"])
            self.assertEqual(self.objects(), self.there)

    @unittest.skipUnless(os.environ.get("TRACECTL_TORTURE"), "long: polkit is given 25 seconds for each portion")
    def test_polkit_never_answers(self):
        for user in ("bob", "alice"):
            caller = matrix.Caller(self, user)
            caller.call(ROOT, f"{NAME}.Manager", "ListSessions", "a{sv}", [{}])
            for rows in self.asked_rows(user):
                self.stop_polkit()
                numbers = self.ask_all(caller, rows)
                replies = [caller.finish(number) for number in numbers]
                self.assertEqual([reply["error"] for reply in replies],
                                 [self.refusal(row, NOTHING, DENIED) for row in rows], replies)
                self.assertEqual(self.objects(), self.there)
                self.polkit(signal.SIGCONT)


if __name__ == "__main__":
    unittest.main()
