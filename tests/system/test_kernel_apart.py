# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kernel's tracing beside others and without them: no tracefs, a second service, everything killed, no rights."""

import os
import unittest

import host
import system
import test_kernel as kernel
import test_kernel_probes as probes
from service import NAME, ROOT

KILLS = 30 if os.environ.get("TRACECTL_TORTURE") else 2

# tracefs as it is not to be had: how it is made so, how that is undone, and what is said.
UNAVAILABLE = {
    "not mounted": (
        f"umount {kernel.TRACEFS}",
        f"mount -t tracefs -o nosuid,noexec,nodev tracefs {kernel.TRACEFS}",
        "no tracefs is mounted on /sys/kernel/tracing"),
    "read-only in a container": (
        f"mount -o remount,bind,ro {kernel.TRACEFS}",
        f"mount -o remount,bind,rw {kernel.TRACEFS}",
        "/sys/kernel/tracing is mounted read-only, as it is in a container"),
    "another's": (
        f"mount -t tmpfs -o mode=700,uid=1001 tmpfs {kernel.TRACEFS}",
        f"umount {kernel.TRACEFS}",
        "/sys/kernel/tracing cannot be used: Permission denied"),
    "locked down": (
        f"mount -t tmpfs -o mode=700,uid=1001 tmpfs {kernel.TRACEFS} && "
        "mount -t tmpfs tmpfs /sys/kernel/security && "
        "echo 'none integrity [confidentiality]' >/sys/kernel/security/lockdown",
        f"umount /sys/kernel/security && umount {kernel.TRACEFS}",
        "the kernel is locked down (confidentiality)"),
}


if __name__ == "__main__":
    kernel.with_tracefs()


@host.needs_host
@unittest.skipUnless(os.path.exists(f"{kernel.TRACEFS}/uprobe_events"), "needs tracefs with probes of programs")
class ApartTest(kernel.TracefsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.furnish(cls.host)

    @classmethod
    def furnish(cls, machine):
        machine.write("/root/twice.c", probes.TWICE)
        machine.run("cc -D_GNU_SOURCE -O2 /root/twice.c -o /usr/local/bin/twice")
        kernel.install_pairs(machine, kernel.OURS)

    def check_without_kernel(self, reason):
        said = self.busctl("root", "get-property", NAME, ROOT, NAME + ".Manager", "KernelDomain").stdout
        self.assertIn(reason, said)
        self.tracectl("alice", "create", "programs")
        self.tracectl("alice", "enable-event", "-s", "programs", "test:*")
        self.tracectl("root", "create", "kernel")
        for command in (["enable-event", "--kernel", "-s", "kernel", "sched_switch"], ["list", "--kernel"]):
            self.assertIn(f"The kernel cannot be traced: {reason}.", self.refused("root", *command))
        said = self.refused("root", "record", "--kernel", "-o", "/root/none", "--", "true", status=125)
        self.assertIn(f"The kernel cannot be traced: {reason}.", said)
        emitter = self.emitter("alice", 1)
        self.tracectl("alice", "start", "programs")
        emitter.emit(1000)
        self.tracectl("alice", "stop", "programs")
        self.assert_counted(self.events(self.output("alice", "programs")), [emitter])
        self.destroy_all()

    def test_without_tracefs(self):
        """Programs are traced as ever, and it is said why the kernel is not."""
        for name, (make, undo, reason) in UNAVAILABLE.items():
            with self.subTest(name):
                self.host.systemctl("stop", "tracingd.service")
                self.host.run(make)
                try:
                    self.check_without_kernel(reason)
                finally:
                    self.host.systemctl("stop", "tracingd.service")
                    self.host.run(undo)
        self.tracectl("root", "list", "--kernel", "sched:sched_switch")

    def begin(self):
        """A session with an instance and a probe."""
        self.tracectl("root", "create", "lost")
        self.tracectl("root", "enable-event", "--kernel", "-s", "lost", "--syscall", "getpgid", "--filter",
                      f'$ctx.procname == "{kernel.OURS}"')
        self.tracectl("root", "enable-event", "--kernel", "-s", "lost", "--userspace-probe",
                      "/usr/local/bin/twice:step")
        # The channels of programs and of the kernel that nobody has named have one name.
        self.tracectl("root", "enable-event", "-s", "lost", "none:*")
        self.tracectl("root", "start", "lost")
        found = self.traces.found()
        self.assertEqual(len(found), 2, found)
        return found

    def kill_everything(self):
        # The manager sends it to each process of each unit before it sees that the first has ended.
        self.host.systemctl("kill", "--signal=KILL", "tracingd.service", "tracectl-consumer-*.service")

    def test_everything_is_killed(self):
        """And with it what systemd keeps for the next one: that removes what is left."""
        before = kernel.top_level()
        folder = "/run/systemd/system/tracingd.service.d"
        self.host.run(["mkdir", "-p", folder])
        self.host.write(f"{folder}/once.conf", "[Service]\nRestart=no\n")
        self.host.systemctl("daemon-reload")
        self.addCleanup(self.host.run, f"rm -r {folder}; systemctl daemon-reload; systemctl reset-failed")
        for _ in range(KILLS):
            left = self.begin()
            self.kill_everything()
            system.wait_until(lambda: self.host.unit_property("tracingd.service", "ActiveState") == "failed", "its end")
            self.host.systemctl("stop", "tracectl.slice")
            self.assertEqual(self.traces.found(), left)
            self.host.systemctl("reset-failed")
            self.tracectl("root", "status")
            self.traces.wait_for_none()
            self.destroy_all()
        self.assertEqual(kernel.top_level(), before)

    def test_everything_is_killed_and_goes_on(self):
        """The session is taken up again; when it is destroyed, nothing is left."""
        before = kernel.top_level()
        for _ in range(KILLS):
            had = self.begin()
            self.host.run([kernel.OURS, "10"])
            self.kill_everything()
            system.wait_until(lambda: self.tracectl("root", "status", check=False).returncode == 0, "the next tracingd")
            self.host.run([kernel.OURS, "10"])
            self.assertEqual(self.traces.found(), had)
            self.tracectl("root", "stop", "lost")
            self.assertEqual(len(self.events(self.output("root", "lost"))), 40)
            self.tracectl("root", "destroy", "lost")
            self.traces.wait_for_none()
            # So many in half a minute are more than systemd starts a service again for, and what it keeps goes then.
            self.host.systemctl("reset-failed", "tracingd.service")
        self.assertEqual(kernel.top_level(), before)

    def test_two_machines_at_once(self):
        """Of one kernel: each has its own, whatever happens to the other's service."""
        with host.Host() as other:
            self.furnish(other)
            mine = self.begin()
            other.show_machine_proc()
            kernel.install_pairs(other, "theirs")
            theirs = other.start(["tracectl", "record", "--kernel", "--syscall", "getpgid", "-o", "/root/theirs", "--",
                                  "sh", "-c", "theirs 200; echo half; read line; theirs 300"])
            self.assertEqual(theirs.stdout.readline(), "half\n")
            self.host.run([kernel.OURS, "50"])
            others = kernel.Traces(other)
            self.assertEqual(len(others.found()), 1)
            # Each of them cleans up what it has lost: nothing of the other's.
            self.host.systemctl("kill", "--kill-whom=main", "--signal=KILL", "tracingd.service")
            other.systemctl("kill", "--kill-whom=main", "--signal=KILL", "tracingd.service")
            for machine in self.host, other:
                system.wait_until(lambda: machine.run(["tracectl", "status"], check=False).returncode == 0,
                                  "the next tracingd")
            self.host.run([kernel.OURS, "50"])
            self.assertEqual(self.traces.found(), mine)
            self.assertEqual(len(others.found()), 1)
            said, complained = theirs.communicate("on\n", timeout=system.PATIENCE)
            self.assertEqual((theirs.returncode, said), (0, ""), complained)
            others.wait_for_none()
            self.assertEqual(self.traces.found(), mine)
            self.tracectl("root", "stop", "lost")
            self.assertEqual(len(self.events(self.output("root", "lost"))), 200)
            # The exact number of its own, and nothing of what the session here has recorded.
            calls = other.run(["tracectl", "view", "/root/theirs"]).stdout.splitlines()
            self.assertEqual([sum(f"syscall_{what}_getpgid" in line for line in calls) for what in ("entry", "exit")],
                             [500, 500])
            self.assertEqual(len(calls), 1000)


if __name__ == "__main__":
    unittest.main()
