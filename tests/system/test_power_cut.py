# SPDX-License-Identifier: LGPL-2.1-or-later
"""A sync interval and a power cut: QEMU is killed, and its disk has all that is older than the interval.

The guest is a kernel of this machine's distribution and, as its first process, a shell of this machine's files. It
says on its serial line how many events have been emitted, and when.
"""

import os
import random
import re
import shutil
import subprocess
import unittest

import guest
import system

COMMITTED = os.path.join(system.BUILD, "tests", "programs", "committed")
CONSUMER = os.path.join(system.BUILD, "consumer", "tracectl-consumer")
MODULES = ["virtio_pci", "virtio_blk", "ext4", "crc32c_generic"]
TOOLS = ["sh", "mount", "insmod", "od", "sleep"]
SYNC = 2  # seconds
RATE = 5000  # events a second
ROUNDS = int(os.environ.get("TRACECTL_POWER_CUTS", "10"))

INIT = """#!{sh}
export PATH={path} HOME=/run LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
for module in {modules}; do insmod /modules/$module.ko; done
mount -t ext4 /dev/vda /disk || echo "NO DISK"
{tracectl} record {options} -o /disk/trace -- {committed} /run/n {rate} &
while sleep 0.02; do
    test -s /run/n || continue
    n=$(od -A n -t u8 /run/n)
    read -r up rest < /proc/uptime
    echo "COMMITTED $n AT $up"
done
"""


class PowerCut(system.SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reason = guest.why_not("mke2fs", "e2fsck", "debugfs")

    def setUp(self):
        if self.reason:
            self.skipTest(self.reason)
        super().setUp()
        self.random = random.Random(os.environ.get("TRACECTL_SEED"))

    def make_initramfs(self, options):
        archive = guest.Archive()
        tools = [shutil.which(tool) for tool in TOOLS]
        for path in (*tools, system.TRACECTL, CONSUMER, COMMITTED, os.path.join(system.BUILD, "service", "tracingd")):
            archive.add_program(path)
        # By which programs find each other in a build folder.
        archive.add(os.path.join(system.BUILD, "common", "libcommon.a"), 0o100644)
        for name in ("proc", "sys", "dev", "run", "tmp", "disk"):
            archive.add(name, 0o40755)
        modules = archive.add_modules(MODULES)
        archive.add("init", 0o100755, INIT.format(
            path=":".join(sorted({os.path.dirname(tool) for tool in tools})), options=options, committed=COMMITTED,
            tracectl=system.TRACECTL, sh=tools[0], rate=RATE, modules=" ".join(modules)).encode())
        path = os.path.join(self.cwd, "initramfs")
        archive.write(path)
        return path

    def make_disk(self):
        path = os.path.join(self.cwd, "disk")
        with open(path, "wb") as f:
            f.truncate(1 << 30)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-F", path], check=True)
        return path

    def run_until_cut(self, initramfs, disk, seconds):
        """[(uptime, events)] as the guest has said them, until that long after the first."""
        command = guest.command(initramfs, 768, "-drive", f"file={disk},format=raw,if=virtio,cache=writeback")
        said, others = [], []
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace") as qemu:
            try:
                for line in qemu.stdout:
                    match = re.search(r"COMMITTED\s+(\d+) AT ([\d.]+)", line)
                    if match:
                        said.append((float(match[2]), int(match[1])))
                    else:
                        others.append(line)
                    if said and said[-1][0] >= said[0][0] + seconds:
                        break
            finally:
                qemu.kill()
        self.assertTrue(said and said[-1][0] >= said[0][0] + seconds, "".join(others))
        return said

    def read_disk(self, disk):
        """The trace directory, as the file system has it when its journal has been replayed."""
        checked = subprocess.run(["e2fsck", "-f", "-y", disk], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 text=True, check=False)
        self.assertIn(checked.returncode, (0, 1), checked.stdout)
        shutil.rmtree(os.path.join(self.cwd, "trace"), ignore_errors=True)
        subprocess.run(["debugfs", "-R", f"rdump /trace {self.cwd}", disk], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True)
        return os.path.join(self.cwd, "trace")

    def counters(self, trace):
        read = subprocess.run(["babeltrace2", trace], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False)
        self.assertEqual((read.returncode, read.stderr), (0, ""))
        return [int(n) for n in re.findall(r"counter = (\d+)", read.stdout)]

    def cut(self, initramfs, seconds):
        said = self.run_until_cut(initramfs, disk := self.make_disk(), seconds)
        # Whatever was emitted before this was older than the interval when the power went.
        old = max(n for up, n in said if up <= said[-1][0] - SYNC)
        trace = self.read_disk(disk)
        recovered = subprocess.run([CONSUMER, "--recover", trace], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True, check=False)
        self.assertEqual(recovered.returncode, 0, recovered.stdout)
        counters = self.counters(trace)
        print(f"{seconds:.2f} s: {said[-1][1]} events, {old} of them older than {SYNC} s; {len(counters)} recovered",
              flush=True)
        self.assertGreater(old, 0)
        # A slow guest's program goes on without its rings when they are not there in time.
        first = counters[0]
        self.assertLess(first, old / 2)
        self.assertEqual(counters[:old - first], list(range(first, old)))
        # What is younger is there or not, of each CPU up to some event, and nothing twice.
        self.assertEqual(counters, sorted(set(counters)))
        self.assertFalse(os.path.exists(os.path.join(trace, "rings")))

    def test_power_cut(self):
        initramfs = self.make_initramfs(f"--persistent --sync {SYNC}s")
        for i in range(ROUNDS):
            with self.subTest(i):
                self.cut(initramfs, self.random.uniform(SYNC + 0.5, 4 * SYNC))


if __name__ == "__main__":
    unittest.main()
