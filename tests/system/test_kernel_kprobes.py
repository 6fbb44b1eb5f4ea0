# SPDX-License-Identifier: LGPL-2.1-or-later
"""Probes at places in the kernel, where it has them: `--probe` and `--function`. Elsewhere tests skip themselves."""

import os
import unittest

import host
import system
import test_kernel as kernel
from test_kernel import TRACEFS

# What stat(1) asks the kernel once for each file.
PLACE = "vfs_statx"
OWN = '$ctx.procname == "stat"'


if __name__ == "__main__":
    kernel.with_tracefs()


@host.needs_host
@unittest.skipUnless(os.path.exists(f"{TRACEFS}/kprobe_events"), "this kernel has no kprobes (CONFIG_KPROBE_EVENTS)")
class KprobesTest(kernel.TracefsTest):
    def ours(self):
        return self.traces.probes("kprobe_events")

    def create(self, session, *args):
        self.tracectl("root", "create", session)
        self.tracectl("root", "enable-event", "--kernel", "-s", session, *args)

    def record(self, session, n):
        """The names of what a program did that asks for n files."""
        self.tracectl("root", "start", session)
        self.host.run(["stat", "--format=", *n * ["/etc/passwd"]])
        self.tracectl("root", "stop", session)
        return [self.name_of(line) for line in self.events(self.output("root", session))]

    @staticmethod
    def name_of(line):
        return line.split(": {", 1)[0].split(" ")[-1]

    def test_place(self):
        self.create("place", "--probe", PLACE, "--filter", OWN, "asked")
        self.assertEqual(len(self.ours()), 1)
        found = self.record("place", 7)
        self.assertEqual(set(found), {"asked"})
        self.assertGreaterEqual(len(found), 7)
        self.tracectl("root", "destroy", "place")
        self.wait_for_none()

    def test_function(self):
        self.create("function", "--function", PLACE, "--filter", OWN, "statx")
        self.assertEqual(len(self.ours()), 2)
        found = self.record("function", 7)
        self.assertEqual(found, ["statx_entry", "statx_return"] * (len(found) // 2))
        self.assertGreaterEqual(len(found), 14)

    def test_default_name_and_offset(self):
        self.create("named", "--probe", PLACE)
        self.tracectl("root", "enable-event", "--kernel", "-s", "named", "--probe", f"{PLACE}+0", "--filter", OWN, "again")
        self.tracectl("root", "start", "named")
        self.host.run(["stat", "/etc/passwd"])
        self.tracectl("root", "stop", "named")
        names = {self.name_of(line) for line in self.events(self.output("root", "named"))}
        self.assertEqual(names, {PLACE, "again"})

    def test_what_is_refused(self):
        self.tracectl("root", "create", "no")
        for place in "no_such_function", f"{PLACE}+1", f"{PLACE}+9999999":
            self.assertIn(place.split("+")[0], self.refused("root", "enable-event", "--kernel", "-s", "no", "--probe", place))
        self.refused("root", "enable-event", "--kernel", "-s", "no", "--function", "no_such_function")
        self.tracectl("alice", "create", "hers")
        self.assertIn("kernel-probe", self.refused("alice", "enable-event", "--kernel", "-s", "hers", "--probe", PLACE))
        self.assertEqual(self.ours(), [])

    def test_killed_tracingd(self):
        """Its session's probe goes on."""
        self.create("kept", "--probe", PLACE, "--filter", OWN)
        self.tracectl("root", "start", "kept")
        self.host.run(["stat", "/etc/passwd"])
        self.host.systemctl("kill", "--kill-whom=main", "--signal=KILL", "tracingd.service")
        system.wait_until(lambda: self.tracectl("root", "status", check=False).returncode == 0, "the next tracingd")
        self.host.run(["stat", "/etc/passwd"])
        self.assertEqual(len(self.ours()), 1)
        self.tracectl("root", "stop", "kept")
        pids = {line.split("vpid = ")[1].split(",")[0] if "vpid = " in line else line.split("tid = ")[1].split(" ")[0]
                for line in self.events(self.output("root", "kept"))}
        self.assertEqual(len(pids), 2)


if __name__ == "__main__":
    unittest.main()
