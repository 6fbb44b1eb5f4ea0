# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sessions from files that record the kernel."""

import json
import os
import unittest

import host
import test_kernel as kernel
from service import ServiceTest

PROFILE = f"""\
[Session]
Name=both
Start=yes

[Channel main]
Event=pair:*

[Channel main]
Domain=kernel
SubBufferSize=4K
SubBufferCount=16
Event=kernel syscall getpgid filter=$ctx.procname == "{kernel.OURS}"
Event=sched_process_exec filter=$ctx.procname == "{kernel.OURS}"
"""
WITHOUT = PROFILE.replace(f'Event=sched_process_exec filter=$ctx.procname == "{kernel.OURS}"\n', "")


if __name__ == "__main__":
    kernel.with_tracefs()


@host.needs_host
@unittest.skipUnless(os.path.isdir(f"{kernel.TRACEFS}/instances"), "needs tracefs")
class KernelProfile(ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        kernel.install_pairs(cls.host, kernel.OURS)

    def apply(self, text, *args):
        self.host.write("/root/both.conf", text)
        return json.loads(self.tracectl("root", "apply", "--json=short", *args, "/root/both.conf").stdout)

    def count(self, *names):
        """How many of each the session's trace has."""
        lines = self.events(self.output("root", "both"))
        self.assertEqual([line for line in lines if not any(name in line for name in names)], [])
        return [sum(name in line for line in lines) for name in names]

    def test_both_domains(self):
        foreseen = self.apply(PROFILE, "--dry-run")
        self.assertEqual(self.tracectl("root", "list", "--json=short").stdout.strip(), "[]")
        first = self.apply(PROFILE)
        self.assertEqual(first, foreseen)
        self.assertEqual(first["after"]["Channel main.Event"], ["pair:*"])
        self.assertEqual(first["after"]["Kernel channel main.SubBufferSize"], "4K")
        self.assertIn(f'kernel event sched_process_exec filter=$ctx.procname == "{kernel.OURS}"',
                      first["after"]["Kernel channel main.Event"])
        self.assertFalse(self.apply(PROFILE)["changed"])
        self.host.run([f"/usr/local/bin/{kernel.OURS}", "10"])
        second = self.apply(WITHOUT)
        self.assertEqual(list(second["after"]), ["Kernel channel main.Event"])
        self.host.run([f"/usr/local/bin/{kernel.OURS}", "10"])
        self.tracectl("root", "stop", "both")
        self.assertEqual(self.count("pair:", "syscall_entry_getpgid", "syscall_exit_getpgid", "sched_process_exec"),
                         [40, 20, 20, 1])

    def test_what_is_dumped_is_what_was_applied(self):
        self.apply(PROFILE)
        text = self.tracectl("root", "dump", "both").stdout
        self.assertIn("[Channel main]\nDomain=kernel\n", text)
        self.assertFalse(self.apply(text)["changed"])
        self.tracectl("root", "destroy", "both")
        self.apply(text)
        self.assertEqual(self.tracectl("root", "dump", "both").stdout, text)
        self.host.run([f"/usr/local/bin/{kernel.OURS}", "5"])
        self.tracectl("root", "stop", "both")
        self.assertEqual(self.count("pair:", "syscall_entry_getpgid", "syscall_exit_getpgid", "sched_process_exec"),
                         [10, 5, 5, 1])

    def test_a_process_and_a_probe_are_left_out(self):
        self.host.show_machine_proc()
        self.tracectl("root", "create", "both")
        self.tracectl("root", "enable-event", "--kernel", "-s", "both", "--syscall", "read", "--pid", "1", "--children")
        text = self.tracectl("root", "dump", "both").stdout
        self.assertIn("# Events of process 1 are left out.", text)
        self.assertTrue(self.apply(text)["changed"])
        self.assertNotIn("left out", self.tracectl("root", "dump", "both").stdout)

    def test_whole_or_not_at_all(self):
        for right, wrong, said in (("sched_process_exec", "sched_process_exec_", "has no event 'sched_process_exec_'"),
                                   ("getpgid filter=", "getpgid filter=nosuch < 1000 && ", "Field not found")):
            self.host.write("/root/wrong.conf", PROFILE.replace(right, wrong))
            self.assertIn(said, self.refused("root", "apply", "/root/wrong.conf"))
            self.assertEqual(self.tracectl("root", "list", "--json=short").stdout.strip(), "[]")
        self.apply(PROFILE)
        before = self.tracectl("root", "dump", "both").stdout
        self.assertIn("Field not found", self.refused("root", "apply", "/root/wrong.conf"))
        self.assertEqual(self.tracectl("root", "dump", "both").stdout, before)
        self.host.write("/root/other.conf", PROFILE.replace("SubBufferCount=16", "SubBufferCount=32"))
        self.assertIn("cannot be changed", self.refused("root", "apply", "/root/other.conf"))
        self.tracectl("root", "destroy", "both")

    def test_who_may(self):
        self.host.write("/home/alice/both.conf", PROFILE)
        self.assertIn("kernel-system", self.refused("alice", "apply", "/home/alice/both.conf"))
        self.assertEqual(self.tracectl("root", "list", "--all", "--json=short").stdout.strip(), "[]")

    def test_at_boot(self):
        self.host.run(["mkdir", "-p", "/etc/tracectl/sessions.d"])
        self.host.write("/etc/tracectl/sessions.d/both.conf", PROFILE)
        self.addCleanup(self.host.run, ["rm", "/etc/tracectl/sessions.d/both.conf"])
        self.host.systemctl("start", "tracectl-session@both.service")
        self.addCleanup(self.host.systemctl, "stop", "tracectl-session@both.service")
        self.assertEqual(self.get("root", "both", "State"), "active")
        self.host.run([f"/usr/local/bin/{kernel.OURS}", "5"])
        self.tracectl("root", "stop", "both")
        self.assertEqual(self.count("pair:", "syscall_entry_getpgid", "syscall_exit_getpgid", "sched_process_exec"),
                         [10, 5, 5, 1])


if __name__ == "__main__":
    unittest.main()
