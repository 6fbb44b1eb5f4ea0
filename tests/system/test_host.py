# SPDX-License-Identifier: LGPL-2.1-or-later
"""The machine that other tests boot: what host.py promises."""

import os
import signal
import subprocess
import sys
import threading
import time
import unittest

import host
import system
from host import Host, HostTest, needs_host, needs_user_manager

BOOT_BY_ANOTHER = """
import sys
import host
h = host.Host(installed=False)
print(h.init, h._launcher.pid, h._folder, h._cgroup, flush=True)
sys.stdin.read()
"""


class Shared(HostTest):
    installed = False

    def test_runs_systemd(self):
        self.assertEqual(self.host.run("cat /proc/1/comm").stdout, "systemd\n")
        self.assertEqual(self.host.systemctl("is-system-running"), "running\n")
        self.assertEqual(self.host.systemctl("--failed", "--no-legend"), "")

    def test_users(self):
        for user, uid in host.USERS.items():
            said = self.host.run('id -u; id -un; id -gn; pwd; touch "$HOME/file" && stat -c %U "$HOME/file"', user=user)
            self.assertEqual(said.stdout, f"{uid}\n{user}\n{user}\n/home/{user}\n{user}\n")
        denied = self.host.run("ls /home/bob", user="alice", check=False)
        self.assertNotEqual(denied.returncode, 0)
        # No capability is left to somebody who is not root.
        self.assertIn("CapEff:\t0000000000000000", self.host.run("cat /proc/self/status", user="alice").stdout)

    def test_clean_environment(self):
        said = self.host.run(["env"], user="alice", env={"LD_PRELOAD": "", "EXTRA": "a b"}).stdout
        names = sorted(line.split("=")[0] for line in said.splitlines())
        self.assertEqual(names, ["EXTRA", "HOME", "LC_ALL", "LD_PRELOAD", "LOGNAME", "PATH", "SHELL", "USER"])

    def test_input_status_and_folder(self):
        self.assertEqual(self.host.run(["cat"], input="text").stdout, "text")
        self.assertEqual(self.host.run("exit 3", check=False).returncode, 3)
        with self.assertRaisesRegex(AssertionError, "root: exit 3: status 3"):
            self.host.run("exit 3")
        self.assertEqual(self.host.run(["pwd"], cwd="/tmp").stdout, "/tmp\n")

    def test_bus_and_polkit(self):
        names = self.host.run(["busctl", "list", "--acquired"], user="alice").stdout
        self.assertIn("org.freedesktop.systemd1", names)
        refused = self.host.run(["busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                 "org.freedesktop.systemd1.Manager", "StopUnit", "ss", "dbus.service", "fail"],
                                user="alice", check=False)
        self.assertIn("nteractive authentication required", refused.stderr)
        self.assertEqual(self.host.unit_property("polkit.service", "ActiveState"), "active")

    @needs_user_manager
    def test_user_manager(self):
        said = self.host.run(["systemctl", "--user", "is-system-running"], user="alice", user_manager=True)
        self.assertEqual(said.stdout, "running\n")
        self.assertEqual(self.host.unit_property("dbus.socket", "ActiveState", user="alice"), "active")
        self.assertEqual(self.host.run(["stat", "-c", "%U %a", "/run/user/1001"]).stdout, "alice 700\n")

    def test_files_from_outside(self):
        self.host.write("/tmp/from-outside", "text\n", 0o600)
        self.assertEqual(self.host.run("cat /tmp/from-outside; stat -c %a /tmp/from-outside").stdout, "text\n600\n")
        self.host.run("echo inside >/run/from-inside")
        self.assertEqual(self.host.read("/run/from-inside"), "inside\n")

    def test_build_tree(self):
        self.assertEqual(self.host.run(["test", "-e", self.host.build("build.ninja")], user="bob").returncode, 0)
        self.assertNotEqual(self.host.run("touch /build/file", check=False).returncode, 0)

    def test_background_process(self):
        process = self.start("echo $$; exec sleep infinity", user="bob")
        self.assertEqual(int(process.stdout.readline()), process.inner_pid)
        with open(f"/proc/{process.outer_pid}/status", encoding="utf-8") as f:
            self.assertIn("Uid:\t1002\t1002\t1002\t1002", f.read())
        process.terminate()
        self.assertEqual(process.wait(system.PATIENCE), -signal.SIGTERM)

    def test_journal_and_properties(self):
        self.host.run(["systemd-run", "--quiet", "--wait", "--unit=speaks", "echo", "said this"])
        self.assertIn("said this", self.host.journal("--unit", "speaks"))
        self.assertEqual(self.host.unit_property("host.target", "ActiveState"), "active")


@needs_host
class Own(system.NamesSkips):
    """Tests that boot hosts of their own."""

    def test_time_to_boot(self):
        begin = time.monotonic()
        with Host(installed=False):
            print(f"# booted in {time.monotonic() - begin:.2f} s")

    def test_nothing_is_left(self):
        with Host(installed=False) as machine:
            init, launcher, folder, cgroup = self._traces(machine)
            process = machine.start(["sleep", "infinity"], user="alice")
            sleeper = process.outer_pid
            machine.run("touch /etc/made-inside")
        process.communicate()
        self._assert_gone((init, launcher, sleeper), (folder, cgroup, "/etc/made-inside"))

    def test_nothing_is_left_by_a_test_that_is_killed(self):
        env = dict(os.environ, PYTHONPATH=os.path.dirname(os.path.abspath(host.__file__)))
        with subprocess.Popen([sys.executable, "-c", BOOT_BY_ANOTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True, env=env) as other:
            init, launcher, folder, cgroup = other.stdout.readline().split()
            other.kill()
        self._assert_gone((int(init), int(launcher)), (cgroup,))
        # Nobody was left to remove the empty folder.
        self.assertEqual(os.listdir(folder), [])
        os.rmdir(folder)

    @staticmethod
    def _traces(machine):
        # pylint: disable=protected-access
        return machine.init, machine._launcher.pid, machine._folder, machine._cgroup

    def _assert_gone(self, pids, paths):
        for pid in pids:
            system.wait_until(lambda pid=pid: not system.is_running(pid), f"the end of {pid}")
        for path in paths:
            system.wait_until(lambda path=path: not os.path.exists(path), f"the end of {path}")
        with open("/proc/self/mounts", encoding="utf-8") as f:
            self.assertNotIn("tracectl-host-", f.read())

    def test_reboot_keeps_the_files(self):
        for clean in (True, False):
            with self.subTest(clean=clean), Host(installed=False) as machine:
                machine.run("echo kept >/home/alice/file; echo gone >/run/file")
                first = machine.init, machine.read("/proc/sys/kernel/random/boot_id")
                machine.reboot(clean=clean)
                self.assertNotEqual((machine.init, machine.read("/proc/sys/kernel/random/boot_id")), first)
                self.assertEqual(machine.run("cat /home/alice/file; ls /run/file", check=False).stdout, "kept\n")

    def test_a_clean_reboot_stops_units_and_a_power_cut_does_not(self):
        unit = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=true\nExecStop=touch /home/stopped\n"
        for clean in (True, False):
            with self.subTest(clean=clean), Host(installed=False) as machine:
                machine.write("/etc/systemd/system/tells.service", unit)
                machine.systemctl("daemon-reload")
                machine.systemctl("start", "tells.service")
                machine.reboot(clean=clean)
                self.assertEqual(os.path.exists(machine.file("/home/stopped")), clean)

    def test_several_at_once_know_nothing_of_each_other(self):
        machines = []

        def boot():
            machines.append(Host(installed=False))

        threads = [threading.Thread(target=boot) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        try:
            self.assertEqual(len(machines), 3)
            machines[0].run("echo one >/etc/only-here; systemd-run --quiet --unit=only-here sleep infinity")
            for other in machines[1:]:
                self.assertFalse(os.path.exists(other.file("/etc/only-here")))
                self.assertEqual(other.unit_property("only-here.service", "LoadState"), "not-found")
                self.assertNotIn("only-here", other.run(["systemd-cgls"]).stdout)
            self.assertFalse(os.path.exists("/etc/only-here"))
        finally:
            for machine in machines:
                machine.close()

    def test_a_host_that_does_not_boot_says_so(self):
        machine = Host(installed=False, boot=False)
        self.addCleanup(machine.close)
        machine.write("/etc/systemd/system/fails.service", "[Service]\nType=oneshot\nExecStart=false\n")
        os.mkdir(machine.file("/etc/systemd/system/host.target.wants"))
        os.symlink("../fails.service", machine.file("/etc/systemd/system/host.target.wants/fails.service"))
        with self.assertRaisesRegex(AssertionError, "the host is degraded:\n.*fails.service"):
            machine.boot()


if __name__ == "__main__":
    unittest.main()
