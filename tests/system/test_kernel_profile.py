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

    def leave_tracefs_to_systemd(self):
        """As on a real machine, and so late that all else of early boot would be done."""
        mount = "/etc/systemd/system/sys-kernel-tracing.mount"
        self.addCleanup(self.host.reboot)
        self.addCleanup(self.host.run, ["ln", "-sf", "/dev/null", mount])
        self.addCleanup(self.host.run, "systemctl disable early-call.service tracectl-session@both.service; "
                        "rm -r /etc/tracefs-later /etc/systemd/system/late.service /etc/systemd/system/early-call.service "
                        "/etc/tracectl/sessions.d/both.conf")
        self.host.write("/etc/tracefs-later", "")
        self.host.write("/etc/systemd/system/late.service",
                        "[Unit]\nDefaultDependencies=no\n\n[Service]\nType=oneshot\nExecStart=sleep 1\n")
        self.host.run(["rm", mount])
        self.host.write(mount, "[Unit]\nDefaultDependencies=no\nBefore=sysinit.target\nRequires=late.service\n"
                               "After=late.service\n\n"
                               f"[Mount]\nWhat=tracefs\nWhere={kernel.TRACEFS}\nType=tracefs\n"
                               "Options=nosuid,noexec,nodev\n")

    def test_early_boot(self):
        """A session that begins before the bus has the calls of a service that has ended before the bus begins."""
        self.leave_tracefs_to_systemd()
        self.host.run(["mkdir", "-p", "/etc/tracectl/sessions.d"])
        self.host.write("/etc/tracectl/sessions.d/both.conf", PROFILE)
        self.host.write("/etc/systemd/system/early-call.service",
                        "[Unit]\nDefaultDependencies=no\nAfter=tracectl-session@both.service\n"
                        "Before=sysinit.target dbus.socket dbus.service\n\n"
                        f"[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/local/bin/{kernel.OURS} 100\n\n"
                        "[Install]\nWantedBy=sysinit.target\n")
        self.host.systemctl("enable", "early-call.service", "tracectl-session@both.service")
        self.host.reboot()
        done = int(self.host.unit_property("early-call.service", "ExecMainExitTimestampMonotonic"))
        mounted = int(self.host.unit_property("sys-kernel-tracing.mount", "ActiveEnterTimestampMonotonic"))
        self.assertLess(mounted, done)
        self.assertLess(done, int(self.host.unit_property("dbus.socket", "ActiveEnterTimestampMonotonic")))
        self.assertEqual(self.get("root", "both", "State"), "active")
        self.host.run([f"/usr/local/bin/{kernel.OURS}", "10"])
        self.tracectl("root", "stop", "both")
        self.assertEqual(self.count("pair:", "syscall_entry_getpgid", "syscall_exit_getpgid", "sched_process_exec"),
                         [220, 110, 110, 2])


if __name__ == "__main__":
    unittest.main()
