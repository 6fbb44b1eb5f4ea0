# SPDX-License-Identifier: LGPL-2.1-or-later
"""tracingd is killed in front of many applications that record into ten sessions: all come back with their numbers, and
nothing is lost. In the long form ten thousand, and how long it took."""

import json
import mmap
import os
import struct
import time
import unittest

import system
from service import NAME, ROOT, ServiceTest

TORTURE = os.environ.get("TRACECTL_TORTURE") == "1"
PROGRAMS = 10_000 if TORTURE else 100
SESSIONS = 10
SECONDS = 5 if TORTURE else 1  # in which each program emits once
PROGRAM = "/usr/local/bin/crowd"
EVENTS, END = 1, 2  # enum wanted of tests/programs/crowd.c
READY, ENDED = 1, 2


class Page:
    """What the programs account to: struct page of tests/programs/crowd.c."""

    HEADER, ACCOUNT = struct.Struct("=I12x"), struct.Struct("=IIII")

    def __init__(self, path):
        with open(path, "w+b") as f:
            f.truncate(self.HEADER.size + PROGRAMS * self.ACCOUNT.size)
            self.memory = mmap.mmap(f.fileno(), 0)

    def want(self, what):
        self.HEADER.pack_into(self.memory, 0, what)

    def accounts(self):
        """(emitted, missed, state) of each."""
        return [a[:3] for a in self.ACCOUNT.iter_unpack(self.memory[self.HEADER.size:])]

    def await_states(self, state):
        system.wait_until(lambda: all(a[2] == state for a in self.accounts()), f"state {state} of all programs")

    def await_events(self):
        """One more of each."""
        before = [a[0] for a in self.accounts()]
        system.wait_until(lambda: all(a[0] > b for a, b in zip(self.accounts(), before)), "an event of all programs")


class Resume(ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.install_program(cls.host, "crowd", PROGRAM)

    def applications(self):
        """Their objects, that of who started them too, or None where some are still awaited, or nobody serves."""
        done = self.busctl("root", "--json=short", "call", NAME, ROOT, NAME + ".Manager", "ListApplications", "a{sv}",
                           "0", check=False)
        if done.returncode != 0:
            return None
        settled, applications = json.loads(done.stdout)["data"]
        return sorted((a[0], a[-1]) for a in applications) if settled else None

    def await_applications(self):
        """Asks for their number, since a list of ten thousand takes tracingd a while."""
        system.wait_until(lambda: self.property("Applications").stdout.split() == ["u", str(PROGRAMS + 1)],
                          "all applications")

    def property(self, name):
        return self.busctl("root", "get-property", NAME, ROOT, NAME + ".Manager", name, check=False)

    def begin(self):
        for i in range(SESSIONS):
            self.tracectl("root", "create", f"many{i}")
            self.tracectl("root", "enable-event", "-s", f"many{i}", "test:crowd")
            self.tracectl("root", "start", f"many{i}")

    def kill(self):
        """How long nobody answered, in seconds."""
        self.host.systemctl("kill", "--signal=KILL", "--kill-whom=main", "tracingd.service")
        begin = time.monotonic()
        system.wait_until(lambda: self.property("Version").returncode == 0, "an answer")
        return time.monotonic() - begin

    def test_killed(self):
        page = Page(self.host.file("/root/crowd.page"))
        self.start([PROGRAM, "/root/crowd.page", str(PROGRAMS), str(SECONDS)])
        page.await_states(READY)
        self.begin()
        self.await_applications()
        before = self.applications()
        page.want(EVENTS)
        page.await_events()
        begin = time.monotonic()
        served = self.kill()
        self.await_applications()
        resumed = time.monotonic() - begin
        self.assertEqual(self.applications(), before)
        page.await_events()
        page.want(END)
        page.await_states(ENDED)
        emitted, missed = (sum(a[i] for a in page.accounts()) for i in (0, 1))
        print(f"{PROGRAMS} applications, {SESSIONS} sessions: served after {served:.2f} s, all back after "
              f"{resumed:.2f} s, {emitted} events emitted")
        self.assertEqual(missed, 0, f"of {emitted}")
        for i in range(SESSIONS):
            self.tracectl("root", "stop", f"many{i}")
            counts = [self.get("root", f"many{i}", "Events" + what) for what in ("Recorded", "Discarded")]
            self.assertEqual(counts, [emitted, 0], f"many{i}")


if __name__ == "__main__":
    unittest.main()
