# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library for 32-bit programs and for arm64, under this machine's tracingd: the same formats, the form of the ring
without restartable sequences. Each is built by itself (library_only) where there is a compiler for it."""

import collections
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from system import PATIENCE, TRACECTL, SystemTest, needs_plain_build

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLOCK = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
QEMU = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]

I386 = """[binaries]
c = ['cc', '-m32', '-idirafter', '/usr/include/x86_64-linux-gnu']
ar = 'ar'
objcopy = 'objcopy'
[host_machine]
system = 'linux'
cpu_family = 'x86'
cpu = 'i686'
endian = 'little'
"""

AARCH64 = """[binaries]
c = 'aarch64-linux-gnu-gcc'
ar = 'aarch64-linux-gnu-ar'
objcopy = 'aarch64-linux-gnu-objcopy'
[properties]
needs_exe_wrapper = true
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
"""


def can_compile(*command):
    with tempfile.TemporaryDirectory() as folder:
        try:
            return subprocess.run([*command, "-x", "c", "-", "-o", os.path.join(folder, "program")], check=False,
                                  input=b"#include <asm/unistd.h>\n#include <stdio.h>\nint main(void) { return 0; }",
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
        except OSError:  # nowhere, or in a folder of $PATH that is another user's
            return False


class Machine:
    """A build of the library for one kind of machine, and its programs in front of tracingd."""

    cross = ""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="tracectl-machine-")
        cls.addClassCleanup(folder.cleanup)
        cls.build = os.path.join(folder.name, "build")
        path = os.path.join(folder.name, "cross")
        with open(path, "w", encoding="ascii") as f:
            f.write(cls.cross)
        for command in (["meson", "setup", "-Dlibrary_only=true", "-Dwerror=true", "--cross-file", path, cls.build, TOP],
                        ["ninja", "-C", cls.build]):
            result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                                    timeout=4 * PATIENCE)
            if result.returncode != 0:
                raise AssertionError(result.stdout)

    def run_on_machine(self, *command):
        """Records a program of the build; the end of tracectl."""
        return self.record("-o", "trace", "--", *command)

    def program(self, name):
        return os.path.join(self.build, "tests", "programs", name)

    def check(self, name, *args):
        """Records a program, which must end well and say nothing; its events, each with how often it happened."""
        result = self.run_on_machine(self.program(name), *args)
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (0, 1), result.stderr)
        self.assertEqual(self.counts(result.stderr)[1], 0)
        events = collections.Counter(re.search(r" (\w+:\w+): ", event)[1] for event in self.events("trace"))
        sets = os.listdir(os.path.join(self.cwd, "trace", "user", str(os.getuid())))
        self.assertTrue(any(entry.startswith("process-") for entry in sets), sets)
        shutil.rmtree(os.path.join(self.cwd, "trace"))
        return events

    def test_threads(self):
        self.assertEqual(self.check("kinds", "small-stacks"),
                         {"kinds:begin": 1, "kinds:small_stack": 8, "tracectl:tracef": 8})
        self.assertEqual(self.check("kinds", "thread-ends"), {"kinds:begin": 1, "kinds:last_of_thread": 1})

    def test_threads_that_end(self):
        self.assertEqual(self.check("kinds", "threads-come"),
                         {"kinds:begin": 1, "kinds:comes": 200, "kinds:goes": 200})

    def test_many_events(self):
        self.assertEqual(self.check("emit", "threads", "2", "2000"), {"test:tick": 4000})


@needs_plain_build
@unittest.skipUnless(can_compile("cc", "-m32", "-idirafter", "/usr/include/x86_64-linux-gnu"),
                     "needs a compiler for 32-bit programs (gcc-multilib, or libc6-dev-i386 and lib32gcc-VERSION-dev)")
class Words32(Machine, SystemTest):
    cross = I386

    def test_life(self):
        events = self.check("life", "x", self.program("libplugin.so"))
        for name in ("life:constructor", "life:signal_handler", "life:fork_child", "life:after_vfork",
                     "life:after_dlclose", "life:destructor"):
            self.assertEqual(events[name], 1, name)
        self.assertEqual((events["plugin:hello"], events["life:vfork_child"]), (3, 0))

    def test_kinds(self):
        self.assertEqual(self.check("kinds", "spawn"), {"kinds:begin": 3})
        self.assertEqual(self.check("kinds", "daemon"), {"kinds:begin": 1, "kinds:daemon": 1})
        self.assertEqual(self.check("kinds", "vfork"), {"kinds:begin": 2, "kinds:after_vfork": 1})
        self.assertEqual(self.check("kinds", "clone"), {"kinds:begin": 2, "kinds:after_clone": 1})
        for kind in ("no-rseq", "no-membarrier"):
            self.assertEqual(self.check("kinds", kind), {"kinds:begin": 2, "kinds:small_stack": 8, "tracectl:tracef": 8})


@needs_plain_build
@unittest.skipUnless(can_compile("aarch64-linux-gnu-gcc") and shutil.which(QEMU[0]),
                     "needs gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user")
@unittest.skipUnless(os.getuid() == 0, "needs root, to give tracingd a clock that both processors have")
class Arm64(Machine, SystemTest):
    cross = AARCH64

    def run_on_machine(self, *command):
        clock = self.write_file("clock", "hpet\n")
        script = f'mount --bind "$0" {CLOCK} && exec "$@"'
        return subprocess.run(["unshare", "-m", "sh", "-c", script, clock, TRACECTL, "record", "-o", "trace", "--",
                               *QEMU, *command], cwd=self.cwd, env=self.env, stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)

    def test_static(self):
        self.assertEqual(self.check("kinds-static", "thread-ends"), {"kinds:begin": 1, "kinds:last_of_thread": 1})

    def test_clock_that_it_has_not(self):
        """With this machine's own counter as the clock nothing can be recorded; the program lives as without."""
        with open(CLOCK, encoding="ascii") as f:
            if f.read() != "tsc\n":
                self.skipTest("this machine's clock is not its processors' counter")
        result = self.record("-o", "trace", "--", *QEMU, self.program("kinds"), "exit")
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertNotIn("were no records", result.stderr)


if __name__ == "__main__":
    unittest.main()
