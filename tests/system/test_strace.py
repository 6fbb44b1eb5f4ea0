# SPDX-License-Identifier: LGPL-2.1-or-later
"""record --libc has every call of the traced set that strace sees a program make. strace -k shows the stack of each
system call, and so who asked for it: the program itself, by a function of the C library, or that library or the loader
for themselves, which nobody can see who stands before the functions that the program calls."""

import collections
import os
import re
import shutil
import subprocess
import unittest

import real_programs
import system
from real_programs import GitStatus, Make, Python, Sqlite

LIBRARIES = re.compile(r"/(libc\.so|ld-linux)")
FRAME = re.compile(r"\((\w+)\+0x")
CALL = re.compile(r"(\d+) +(?:<\.\.\. )?(\w+)(?:\(| resumed>)")
# Functions that a program calls, without their variants, by the event that they are.
DIRECT = {name: name for name in ("open", "openat", "close", "read", "readv", "write", "writev", "pread", "pwrite",
                                  "connect", "accept", "send", "sendto", "sendmsg", "recv", "recvfrom", "recvmsg")}
DIRECT.update(creat="open", accept4="accept", wait4="waitpid", waitpid="waitpid")
# The system calls that each event may be, where no stack says more.
SYSTEM_CALLS = {"open": {"openat", "open"}, "fopen": {"openat"}, "pread": {"pread64"}, "pwrite": {"pwrite64"},
                "fclose": {"close"}, "waitpid": {"wait4"}, "accept": {"accept", "accept4"}, "send": {"sendto"},
                "recv": {"recvfrom"}}
TRACED = set(DIRECT) | {"execve", "vfork", "clone", "clone3"} | set().union(*SYSTEM_CALLS.values())
EXPECTED = {GitStatus: {"open", "read", "close", "fopen", "fclose"}, Python: {"open", "read", "close", "fopen", "write"},
            Sqlite: {"open", "close", "pread", "pwrite"}, Make: {"open", "close", "read", "fopen", "fclose"}}
SIZES = {GitStatus: 20, Python: 1, Sqlite: 30, Make: 0}


def event_of(frames):
    """The event that a system call with this stack must be, or None where the program did not ask for it so."""
    inner = []
    for frame in frames:
        if not LIBRARIES.search(frame):
            break
        match = FRAME.search(frame)
        inner.append(match[1].removeprefix("__").removesuffix("64") if match else "")
    if len(inner) == len(frames) or not inner or "/ld-linux" in frames[0]:
        return None
    if len(inner) == 1:
        return DIRECT.get(inner[0])
    if inner[-1] == "_IO_fclose":
        return "fclose" if inner[0].startswith("close") else None
    # A file that the C library opens for itself, it opens by a function that is no cancellation point.
    return "fopen" if len(inner) > 2 and inner[:2] == ["open", "_IO_file_open"] else None


class Borrowers:
    """Children of vfork() and posix_spawn(): until they execute a program, they have their parent's memory, and nothing
    that they do is recorded."""

    def __init__(self):
        self.seen, self.waiting, self.borrowing = set(), set(), set()

    def has(self, pid, name, line):
        """Follows one line, in order; whether it is of such a child."""
        if pid not in self.seen and self.waiting:
            self.borrowing.add(pid)
        self.seen.add(pid)
        if name == "vfork" or (name in ("clone", "clone3") and "CLONE_VFORK" in line):
            self.waiting.add(pid)
        if pid in self.waiting and ("resumed>" in line or "<unfinished" not in line):
            self.waiting.discard(pid)
        was = pid in self.borrowing
        if name == "execve" and line.endswith(" = 0\n"):
            self.borrowing.discard(pid)
        return was


def strace_calls(path):
    """(calls of programs by event, system calls whose stack could not be followed by name)."""
    known, unknown, borrowers = collections.Counter(), collections.Counter(), Borrowers()

    def count(name, frames):
        if name and frames:
            known[event_of(frames)] += 1
        elif name:
            unknown[name] += 1

    name, frames = None, []
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            if line.startswith(" > "):
                frames.append(line)
                continue
            count(name, frames)
            match, name, frames = CALL.match(line), None, []
            # A stack comes with the end of its call.
            if match and not borrowers.has(match[1], match[2], line) and "<unfinished ...>" not in line:
                name = match[2]
    count(name, frames)
    del known[None]
    return known, unknown


def follows_stacks():
    """Whether strace may trace here, and can follow stacks."""
    if not shutil.which("strace"):
        return False
    done = subprocess.run(["strace", "-k", "-f", "true"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          check=False)
    return done.returncode == 0 and "libc.so" in done.stderr


@system.needs_plain_build
@unittest.skipUnless(follows_stacks(), "needs strace with stacks (-k), and the right to use it")
class Strace(system.SystemTest):
    def compare(self, kind):
        program = kind(os.path.join(self.cwd, "program"), SIZES[kind])
        program.env.update({name: self.env[name] for name in ("XDG_RUNTIME_DIR", "PATH")})
        peer, trace = os.path.join(self.cwd, "strace"), os.path.join(self.cwd, "trace")
        program.again()
        program.run(["strace", "-f", "-k", "-e", "trace=" + ",".join("?" + name for name in sorted(TRACED)), "-o", peer,
                     *program.command], stdout=subprocess.DEVNULL)
        program.again()
        recorded = program.run([system.TRACECTL, "record", "--libc", "-o", trace, "--", *program.command],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.assertEqual(self.counts(recorded.stderr)[1], 0)
        ours = collections.Counter(re.findall(r" libc:(\w+): ", "\n".join(self.events("trace"))))
        known, unknown = strace_calls(peer)
        self.assertLessEqual(EXPECTED[kind], set(known), known)
        for event, n in known.items():
            with self.subTest(event=event):
                self.assertGreaterEqual(ours[event], n)
                possible = sum(unknown[name] for name in SYSTEM_CALLS.get(event, {event}))
                self.assertLessEqual(ours[event], n + possible, "more calls than there were")


def needs(kind):
    return unittest.skipUnless((kind, SIZES[kind]) in real_programs.available(SIZES), f"needs {kind.name}")


class Programs(Strace):
    @needs(GitStatus)
    def test_git_status(self):
        self.compare(GitStatus)

    @needs(Python)
    def test_python(self):
        self.compare(Python)

    @needs(Sqlite)
    def test_sqlite(self):
        self.compare(Sqlite)

    @needs(Make)
    def test_make(self):
        self.compare(Make)


if __name__ == "__main__":
    unittest.main()
