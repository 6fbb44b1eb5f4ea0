# SPDX-License-Identifier: LGPL-2.1-or-later
"""A consumer's processes: its owner cannot look into the one that has the rings, and who has taken that over is stuck."""

import errno
import json
import os
import platform
import unittest

import service

LOOK = """
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
pid, found = int(sys.argv[1]), {}

def attempt(name, action):
    try:
        action()
        found[name] = "done"
    except PermissionError:
        found[name] = "refused"
    except OSError as error:
        found[name] = error.strerror or str(error.errno)

def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")

pidfd = os.pidfd_open(pid)
attempt("attach", lambda: call(101, 16, pid, 0, 0))
attempt("seize", lambda: call(101, 0x4206, pid, 0, 0))
attempt("getfd", lambda: call(438, pidfd, 0, 0))
for name in ("fd", "map_files"):
    attempt(name, lambda: os.listdir(f"/proc/{pid}/{name}"))
for name in ("mem", "maps", "environ", "auxv", "stack", "pagemap"):
    attempt(name, lambda: open(f"/proc/{pid}/{name}", "rb").read(1))
for name in ("cwd", "root", "exe"):
    attempt(name, lambda: os.readlink(f"/proc/{pid}/{name}"))
print(json.dumps(found))
"""


@unittest.skipUnless(platform.machine() == "x86_64", "injects system calls by the numbers and registers of x86-64")
class TakeOver(service.ServiceTest):
    def setUp(self):
        super().setUp()
        with open(os.path.join(service.SOURCE, "tests", "system", "inject.py"), encoding="utf-8") as f:
            self.host.write("/root/inject.py", f.read())
        self.program = self.emitter("alice", 1)
        self.tracectl("alice", "create", "hers")
        self.tracectl("alice", "enable-event", "test:*")
        self.tracectl("alice", "start")
        self.program.emit(10)
        unit = self.get("alice", "hers", "ConsumerUnit")
        self.drainer = int(self.host.unit_property(f"{unit}.service", "MainPID"))

    def look(self, user, pid):
        return json.loads(self.host.run(["/usr/bin/python3", "-c", LOOK, str(pid)], user=user).stdout)

    def inject(self, pid, *calls):
        return json.loads(self.host.run(["/usr/bin/python3", "/root/inject.py", str(pid), *calls]).stdout)

    def assert_records(self):
        self.program.emit(100)
        self.tracectl("alice", "stop", "hers")
        self.assert_counted(self.events(self.output("alice", "hers")), [self.program])

    def test_owner_looks(self):
        """What he may do with a program of his own he may not with the drainer, though it runs as him."""
        with open(self.host.file(f"/proc/{self.drainer}/status"), encoding="utf-8") as f:
            self.assertIn("Uid:\t1001\t1001\t", f.read())
        own = self.look("alice", self.start(["sleep", "1000"], user="alice").inner_pid)
        self.assertEqual({own[name] for name in ("attach", "getfd", "fd", "mem", "maps", "exe")} & {"refused"}, set())
        found = self.look("alice", self.drainer)
        self.assertEqual({name: what for name, what in found.items() if what != "refused"}, {})
        self.assert_records()

    def test_from_inside(self):
        """Whoever runs code in it can open, connect, execute and trace nothing."""
        # In a process that has no such filter these fail for other reasons, or do not.
        free = self.inject(self.start(["sleep", "1000"], user="alice").inner_pid, "getpid", "openat", "memfd_create")
        self.assertEqual(free, {"getpid": 0, "openat": errno.EFAULT, "memfd_create": errno.EFAULT})
        found = self.inject(self.drainer)
        self.assertEqual(found.pop("clock_gettime"), errno.EFAULT)
        self.assertEqual({name: code for name, code in found.items() if code != errno.EPERM}, {})
        self.assert_records()


if __name__ == "__main__":
    unittest.main()
