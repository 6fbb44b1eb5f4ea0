# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests of this folder on a machine with another kernel: one that has kprobes, and whose processors may be taken away.

The guest's root is this machine's, read-only through virtiofs, with what is changed in memory; so a test starts there as
it does here, and boots its own systemd in it.
"""

import os
import re
import shutil
import subprocess
import sys
import unittest

import guest
import system

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VIRTIOFSD = "/usr/lib/qemu/virtiofsd"
MODULES = ["virtio_pci", "fuse", "virtiofs", "overlay"]
TOOLS = ["sh", "mount", "insmod", "mkdir", "cat", "switch_root"]
MEMORY = 4096  # MB
# Without hardware to help, all takes ten times as long.
PATIENCE = 900
INIT = """#!{sh}
export PATH={path} LC_ALL=C
mount -t proc proc /proc
for module in {modules}; do insmod /modules/$module.ko; done
mkdir /lower /upper /machine
mount -t virtiofs -o ro root /lower
mount -t tmpfs -o mode=755 tmpfs /upper
mkdir /upper/new /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/new,workdir=/upper/work overlay /machine
exec switch_root /machine {sh} -c "$(cat /script)"
"""
# The archive is gone by then.
SCRIPT = """
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tracefs tracefs /sys/kernel/tracing
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root
export TRACECTL_OWN_MACHINE=1 TRACECTL_PATIENCE=600
export TRACECTL_BUILD='{build}' PYTHONPATH='{path}' PYTHONDONTWRITEBYTECODE=1
ip link set lo up
'{python}' '{test}' -v 2>&1
echo "GUEST: $?"
echo o >/proc/sysrq-trigger
while :; do :; done
"""


def why_not():
    if os.geteuid() != 0:
        return "needs root"
    if not os.access(VIRTIOFSD, os.X_OK):
        return f"{VIRTIOFSD} is missing (qemu-system-common)"
    return guest.why_not("switch_root")


class GuestTest(system.SystemTest):
    def setUp(self):
        reason = why_not()
        if reason:
            self.skipTest(reason)
        super().setUp()

    def make_initramfs(self, test):
        archive = guest.Archive()
        tools = [shutil.which(tool) for tool in TOOLS]
        for path in tools:
            archive.add_program(path)
        for name in ("proc", "dev", "sys"):
            archive.add(name, 0o40755)
        modules = archive.add_modules(MODULES)
        archive.add("init", 0o100755, INIT.format(
            sh=tools[0], path=":".join(sorted({os.path.dirname(tool) for tool in tools})),
            modules=" ".join(modules)).encode())
        archive.add("script", 0o100644, SCRIPT.format(
            build=system.BUILD, python=sys.executable, test=os.path.join(TESTS, test),
            path=":".join(os.path.join(TESTS, folder) for folder in ("system", "faults"))).encode())
        path = os.path.join(self.cwd, "initramfs")
        archive.write(path)
        return path

    def share_root(self):
        """The path of the socket at which the guest gets it."""
        path = os.path.join(self.cwd, "root.socket")
        process = subprocess.Popen([VIRTIOFSD, f"--socket-path={path}", "-o", "source=/", "-o", "sandbox=chroot",
                                    "-o", "cache=always"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        system.wait_until(lambda: os.path.exists(path), "virtiofsd's socket")
        return path

    def run_in_guest(self, test):
        """What a file of tests says there; all of those that are not skipped must pass, and there must be some."""
        command = guest.command(
            self.make_initramfs(test), MEMORY,
            "-object", f"memory-backend-memfd,id=memory,size={MEMORY}M,share=on", "-numa", "node,memdev=memory",
            "-chardev", f"socket,id=root,path={self.share_root()}", "-device", "vhost-user-fs-pci,chardev=root,tag=root")
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=PATIENCE, check=False)
        said = done.stdout.replace("\r", "")
        self.assertRegex(said, r"(?m)^GUEST: 0$")
        summary = re.search(r"(?m)^Ran (\d+) tests? in .*\n\n(OK.*)$", said)
        skipped = re.search(r"skipped=(\d+)", summary[2])
        self.assertGreater(int(summary[1]), int(skipped[1]) if skipped else 0, said)
        print(f"{test}: {' '.join(summary[0].split())}", flush=True)

    def test_kernel(self):
        self.run_in_guest("system/test_kernel.py")

    def test_kernel_apart(self):
        self.run_in_guest("system/test_kernel_apart.py")

    def test_kernel_own(self):
        self.run_in_guest("system/test_kernel_own.py")

    def test_kernel_strace(self):
        self.run_in_guest("system/test_kernel_strace.py")

    def test_probes_of_programs(self):
        self.run_in_guest("system/test_kernel_probes.py")

    def test_probes_of_the_kernel(self):
        self.run_in_guest("system/test_kernel_kprobes.py")

    def test_machine(self):
        self.run_in_guest("faults/test_machine.py")


if __name__ == "__main__":
    unittest.main()
