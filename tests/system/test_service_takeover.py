# SPDX-License-Identifier: LGPL-2.1-or-later
"""A consumer's processes: its owner cannot look into the one that has the rings, and who has taken that over is stuck."""

import errno
import json
import os
import platform
import signal
import unittest

import service
import system

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
buffer = ctypes.create_string_buffer(1)
here, there = (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 1), (ctypes.c_uint64 * 2)(4096, 1)
for name, number in (("readv", 310), ("writev", 311)):
    attempt(name, lambda: call(number, pid, ctypes.byref(here), 1, ctypes.byref(there), 1, ctypes.c_long(0)))
for name in ("fd", "map_files", "fdinfo", f"task/{pid}/fd"):
    attempt(name, lambda: os.listdir(f"/proc/{pid}/{name}"))
for name in ("mem", "maps", "environ", "auxv", "stack", "pagemap", "syscall", "io"):
    attempt(name, lambda: open(f"/proc/{pid}/{name}", "rb").read(1))
attempt("coredump_filter", lambda: open(f"/proc/{pid}/coredump_filter", "r+b").close())
for name in ("cwd", "root", "exe"):
    attempt(name, lambda: os.readlink(f"/proc/{pid}/{name}"))
print(json.dumps(found))
"""


# As the owner of a process: its open files, taken by pidfd_getfd(2), and of sockets of messages whose the other end is.
TAKE = """
import ctypes, json, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
pidfd, found = os.pidfd_open(int(sys.argv[1])), []
for number in range(256):
    fd = libc.syscall(438, pidfd, number, 0)
    if fd < 0:
        continue
    what = os.readlink(f"/proc/self/fd/{fd}").split(":")[0]
    if what == "socket":
        s = socket.socket(fileno=fd)
        if s.type == socket.SOCK_SEQPACKET:
            pid, uid, _ = struct.unpack("3i", s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            what = f"messages of {uid}"
    found.append(what)
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
        self.unit = self.get("alice", "hers", "ConsumerUnit") + ".service"
        self.drainer = self.main_pid()
        self.opener = int(self.host.run(["pgrep", "--parent", str(self.drainer)]).stdout)

    def main_pid(self):
        return int(self.host.unit_property(self.unit, "MainPID"))

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
        shown = ("attach", "getfd", "readv", "writev", "fd", "mem", "maps", "exe", "coredump_filter")
        self.assertEqual({own[name] for name in shown} & {"refused"}, set())
        found = self.look("alice", self.drainer)
        self.assertEqual({name: what for name, what in found.items() if what != "refused"}, {})
        self.assert_records()

    def test_opener(self):
        """Which she can look into: it has the trace's folder, the way to the drainer, and nothing of others' or of
        tracingd's."""
        found = json.loads(self.host.run(["/usr/bin/python3", "-c", TAKE, str(self.opener)], user="alice").stdout)
        self.assertEqual(sorted(what for what in found if what not in ("/dev/null", "socket")),
                         [self.output("alice", "hers"), "messages of 1001"])
        self.assert_records()

    def test_no_core_file(self):
        """Nobody makes them write what they have in memory to a file."""
        for pid in (self.drainer, self.opener):
            limits = self.host.read(f"/proc/{pid}/limits")
            self.assertRegex(limits, r"Max core file size +0 +0 ")
            done = self.host.run(["prlimit", f"--pid={pid}", "--core=1000000:1000000"], user="alice", check=False)
            self.assertIn("not permitted", done.stderr)
        self.host.run(["kill", "-SEGV", str(self.drainer)], user="alice")
        system.wait_until(lambda: self.main_pid() not in (0, self.drainer), "another drainer")
        told = self.host.journal("--unit", self.unit)
        self.assertIn("code=killed, status=11/SEGV", told)
        self.assertNotIn("code=dumped", told)
        self.assert_records()

    def test_from_inside(self):
        """Whoever runs code in it can open, connect, execute and trace nothing: of all calls he has those it needs."""
        # In a process that has no such filter these fail for other reasons, or do not.
        free = self.inject(self.start(["sleep", "1000"], user="alice").inner_pid, "getpid", "openat", "memfd_create")
        self.assertEqual(free, {"getpid": 0, "openat": errno.EFAULT, "memfd_create": errno.EFAULT})
        found = self.inject(self.drainer)
        self.assertGreater(len(found), 450)
        self.assertEqual(found.pop("clock_gettime"), errno.EFAULT)
        self.assertEqual({name: code for name, code in found.items() if code != errno.EPERM}, {})
        self.assert_records()

    def test_calls_of_other_programs(self):
        """The kernel has the same calls by other numbers for programs of other kinds: who tries that is ended."""
        self.assertEqual(self.inject(self.start(["sleep", "1000"], user="alice").inner_pid, "compat"),
                         {"errno": errno.EFAULT})
        for kind in ("compat", "x32"):
            drainer = self.main_pid()
            self.assertEqual(self.inject(drainer, kind), {"signal": signal.SIGSYS}, kind)
            system.wait_until(lambda before=drainer: self.main_pid() != before and self.is_confined(self.main_pid()),
                              "another drainer")
        self.assert_records()

    def is_confined(self, pid):
        """And has begun to wait."""
        status = self.host.run(["cat", f"/proc/{pid}/status"], check=False).stdout
        return "Seccomp:\t2\n" in status and "State:\tS" in status


if __name__ == "__main__":
    unittest.main()
