# SPDX-License-Identifier: LGPL-2.1-or-later
"""tracectl record --syscalls beside strace -f, of the same runs: each thread's calls, in order, with their results."""

import collections
import errno
import os
import re
import shutil
import unittest

import host
import test_kernel as kernel
import test_kernel_own
from service import ServiceTest

# What the kernel calls them, where strace has the older name.
NAMES = {"newstat": "stat", "newfstat": "fstat", "newlstat": "lstat", "newuname": "uname", "sendfile64": "sendfile",
         "umount": "umount2"}
RESTARTS = {512: "ERESTARTSYS", 513: "ERESTARTNOINTR", 514: "ERESTARTNOHAND", 516: "ERESTART_RESTARTBLOCK"}

COMMANDS = {
    "ls": ["ls", "-l", "/usr/bin"],
    "git status": ["git", "-C", "/root/repository", "status"],
    "python3 -c": ["/usr/bin/python3", "-c", "import json, argparse; print(sum(range(10)))"],
    "a shell pipeline": ["sh", "-c", "ls /usr/bin | sort -r | tail -n 3; cat /no/such/file; exit 0"],
    "a threaded program": ["/usr/local/bin/family", "100"],
}


def result(text):
    """strace's, as a number, or as what it says of one that it was not told, or that the kernel keeps to itself."""
    if text.startswith("?"):
        return text[1:].split()[0] if len(text) > 1 else "none"
    failed = re.match(r"-1 (E\w+)", text)
    return failed.group(1) if failed else int(text.split()[0], 0)


# Calls that this test knows the names of: what is between quotes in strace's line is what the kernel was given.
NAMED = ("open", "openat", "execve", "access", "faccessat2", "newfstatat", "stat", "lstat", "readlink", "statx", "unlink",
         "chdir", "mkdir", "rename", "getxattr", "lgetxattr")


def unescaped(text):
    """Of strace's or tracectl's quotes. Both escape what is not printable; such names are not among the commands'."""
    return text.replace('\\"', '"')


def names_by_strace(text):
    """{thread: [(call, names)]} of the calls above that were not cut off by another thread's."""
    names = collections.defaultdict(list)
    for line in text.splitlines():
        call = re.match(r"(\d+) +(\w+)\((.*)$", line)
        if call and call.group(2) in NAMED:
            arguments = call.group(3)
            if call.group(2) == "execve":
                arguments = arguments.split(", [")[0]
            elif call.group(2) == "readlink":
                arguments = arguments.rsplit(", ", 2)[0]
            found = re.findall(r'"((?:[^"\\]|\\.)*)"', arguments)
            names[call.group(1)].append((call.group(2), [unescaped(name) for name in found[:2]]))
    return names


# Calls of whose arguments strace writes no more than tracectl does, but for what memory has.
NAMED_ARGUMENTS = ("open", "openat", "access", "faccessat2", "newfstatat", "mmap", "mprotect", "lseek", "ioctl", "fcntl",
                   "arch_prctl", "prlimit64", "getrandom", "futex", "rt_sigprocmask", "rt_sigaction", "kill", "tgkill", "clone",
                   "socket", "connect", "pipe2", "dup3", "fadvise64", "madvise", "unlinkat", "getrusage", "clock_gettime")


def constants(arguments):
    """The names of constants among them, in any order; not those of what pointers point to."""
    for what in (r'"(?:[^"\\]|\\.)*"', r"/\*.*?\*/", r"<[^<>]*>", r"\{.*\}", r"~?\[[^\[\]]*\]"):
        arguments = re.sub(what, "", arguments)
    # Signal 29 has two names. Of the others there are no flags.
    names = re.findall(r"\b_*[A-Z][A-Z0-9_]+\b", arguments.replace("SIGPOLL", "SIGIO"))
    return tuple(sorted(set(names) - {"NULL", "O_LARGEFILE", "FUTEX_BITSET_MATCH_ANY"}))


def by_strace(text):
    """{thread: [(name, result)]}."""
    calls, open_ones = collections.defaultdict(list), {}
    for line in text.splitlines():
        tid, rest = line.split(None, 1)
        begun = re.match(r"(\w+)\(.* <unfinished \.\.\.>$", rest)
        resumed = re.match(r"<\.\.\. (\w+) resumed>.* = (.*)$", rest)
        whole = re.match(r"(\w+)\(.*\) += (.*)$", rest)
        if begun:
            open_ones[tid] = begun.group(1)
        elif resumed or whole:
            name, said = (resumed or whole).groups()
            open_ones.pop(tid, None)
            calls[tid].append((name, result(said) if name != "rt_sigreturn" else "none"))
        elif not rest.startswith(("+++", "---")):
            raise AssertionError(f"strace says {line}")
    # Those in which somebody else has ended the program.
    for tid, name in open_ones.items():
        calls[tid].append((name, "none"))
    return calls


if __name__ == "__main__":
    kernel.with_tracefs()


@host.needs_host
@unittest.skipUnless(os.path.isdir(f"{kernel.TRACEFS}/instances"), "needs tracefs")
@unittest.skipUnless(shutil.which("strace"), "needs strace")
class StraceTest(ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.show_machine_proc()
        cls.host.write("/root/family.c", test_kernel_own.FAMILY)
        cls.host.run("cc -D_GNU_SOURCE -O2 /root/family.c -o /usr/local/bin/family -pthread; git init -q repository; "
                     "cd repository; for i in 1 2 3 4 5 6 7 8 9; do echo $i >file-$i; done; git add .; "
                     "git -c user.name=nobody -c user.email=nobody@example.com commit -q -m files; echo 0 >file-3")

    def recorded(self, path):
        """{thread: [(name, result)]} of a trace."""
        calls, open_ones = collections.defaultdict(list), {}
        for line in self.events(path):
            if " bpf_trace_printk:" in line:
                continue
            what, name, tid = re.search(r"syscall_(entry|exit)_(\w+):.*?\{ tid = (\d+) \}", line).groups()
            name = NAMES.get(name, name)
            if what == "entry":
                # The kernel tells no end of it: the thread is where the signal came, perhaps in another call.
                if open_ones.get(tid) == "rt_sigreturn":
                    calls[tid].append((open_ones.pop(tid), "none"))
                self.assertNotIn(tid, open_ones, line)
                open_ones[tid] = name
            elif open_ones.pop(tid, None):
                # The first of a thread is the end of what it was made by: its beginning was another's.
                calls[tid].append((name, self.said(int(re.search(r"ret = (-?\d+)", line).group(1)))))
        for tid, name in open_ones.items():
            calls[tid].append((name, "none"))
        return calls

    def recorded_names(self, folder):
        """{thread: [(call, names)]} as tracectl view shows them: before the end of their call, or before execve."""
        names, open_ones = collections.defaultdict(list), collections.defaultdict(list)
        for line in self.tracectl("root", "view", folder).stdout.splitlines():
            found = re.search(r'bpf_trace_printk +tid=(\d+) bpf_string="tracectl(\d |[+=])(.*)"$', line)
            if found:
                if found.group(2) not in "+=":
                    open_ones[found.group(1)].append(unescaped(found.group(3)))
                continue
            what, name, tid = re.search(r"syscall_(entry|exit)_(\w+) +tid=(\d+)", line).groups()
            name = NAMES.get(name, name)
            if name in NAMED and (what == "entry") == (name == "execve"):
                names[tid].append((name, open_ones.pop(tid, [])))
            elif what == "exit":
                open_ones.pop(tid, None)
        return names

    @staticmethod
    def said(number):
        if -number in RESTARTS:
            return RESTARTS[-number]
        if -4096 < number < 0:
            # Python has another name for the same number.
            return "EOPNOTSUPP" if -number == errno.EOPNOTSUPP else errno.errorcode[-number]
        return number

    def test_the_same_calls_and_results(self):
        for name, command in COMMANDS.items():
            with self.subTest(name):
                folder = f"/root/{name.replace(' ', '-')}"
                done = self.tracectl("root", "record", "--syscalls", "--size", "64M", "-o", folder, "--", "strace", "-f",
                                     "-o", f"{folder}.strace", *command)
                self.assertIn(" 0 lost", done.stderr)
                theirs = by_strace(self.host.read(f"{folder}.strace"))
                ours = self.recorded(folder)
                ours = [self.of_the_program(calls) for calls in ours.values() if not self.is_of_strace(calls)]
                self.assertGreater(sum(map(len, theirs.values())), 50)
                # Not as assertEqual() does it, which takes minutes to describe what differs.
                more, fewer = ([calls for calls in some if calls not in others]
                               for some, others in ((ours, theirs.values()), (theirs.values(), ours)))
                self.assertFalse(more or fewer, name)
                self.assertEqual(len(ours), len(theirs))
                self.check_names(folder)
                self.check_calls(folder)
                self.check_constants(folder)

    def check_constants(self, folder):
        """Flags, commands and signals have the names that strace has for them."""
        ours, theirs = collections.Counter(), collections.Counter()
        whole = re.compile(r"(\w+)\((.*)\) +=")
        for line in self.host.read(f"{folder}.strace").splitlines():
            call = whole.match(line.split(None, 1)[1])
            if call and call.group(1) in NAMED_ARGUMENTS:
                theirs[call.group(1), constants(call.group(2))] += 1
        for line in self.tracectl("root", "view", "--calls", folder).stdout.splitlines():
            call = whole.match(line.split(None, 2)[2])
            if call and call.group(2) != "...":
                ours[NAMES.get(call.group(1), call.group(1)), constants(call.group(2))] += 1
        self.assertGreater(len(theirs), 10)
        # strace itself was recorded, too.
        self.assertFalse(theirs - ours, folder)

    def check_calls(self, folder):
        """A line a call: as many ends as there are, with the results and names that the events have."""
        lines = [line.split(None, 2) for line in self.tracectl("root", "view", "--calls", folder).stdout.splitlines()]
        calls, named = collections.defaultdict(list), collections.Counter()
        for _, thread, text in lines:
            found = re.fullmatch(r"(\w+)\((.*)\) = (-1 E\w+|-?\d+|0x[0-9a-f]+|\? <unfinished>|\?)(?:<(?![\d.]+[mun]?s>$).*?>)?"
                                 r"( <[\d.]+[mun]?s>)?", text)
            self.assertTrue(found, text)
            name, arguments, said, duration = found.groups()
            # What a thread was made by has begun in another; all others have both.
            self.assertEqual(bool(duration), arguments != "..." and not said.startswith("?"), text)
            if arguments != "...":
                name = NAMES.get(name, name)
                names = re.findall(r'="((?:[^"\\]|\\.)*)"', arguments)
                if name in NAMED and names:
                    named[name, *map(unescaped, names)] += 1
                calls[thread.split("/")[1]].append((name, "none" if said.startswith("?") else
                                                    result(said) if name != "rt_sigreturn" else "none"))
        # Those without an end come when that is known, which is later than where they are among the thread's events.
        ours = self.recorded(folder)
        self.assertEqual({tid: collections.Counter(some) for tid, some in calls.items()},
                         {tid: collections.Counter(some) for tid, some in ours.items() if some})
        theirs = collections.Counter((name, *names) for some in self.recorded_names(folder).values()
                                     for name, names in some if names)
        self.assertTrue(named == theirs, f"{named - theirs}, {theirs - named}")

    def check_names(self, folder):
        """Each thread of the program's, found among the recorded ones by the names alone."""
        theirs = names_by_strace(self.host.read(f"{folder}.strace"))
        ours = list(self.recorded_names(folder).values())
        self.assertGreater(sum(len(names) for calls in theirs.values() for _, names in calls), 5)
        for calls in theirs.values():
            # strace's child has looked for the program itself.
            self.assertTrue(any(some[-len(calls):] == calls for some in ours if len(some) >= len(calls)),
                            f"{folder}: {calls[:40]}\n{[some[:40] for some in ours]}")

    @staticmethod
    def is_of_strace(calls):
        """strace itself, and a child with which it tries what ptrace can do, and which it may kill before its pause."""
        names = [name for name, _ in calls]
        return "ptrace" in names or names in (["set_robust_list"], ["set_robust_list", "pause"])

    @staticmethod
    def of_the_program(calls):
        """Without what strace's child does before it becomes the command: strace stops it, and lets it go on."""
        names = [name for name, _ in calls]
        before = names[:names.index("execve")] if "execve" in names else []
        return calls[len(before):] if "kill" in before else calls


if __name__ == "__main__":
    unittest.main()
