# SPDX-License-Identifier: LGPL-2.1-or-later
"""record --libc: programs behave as without it, and what they did is in the trace."""

import os
import re
import shutil
import subprocess
import unittest

import system

LIBRARY = os.path.join(system.BUILD, "tracer", "libc-preload", "libtracectl-libc.so")
PROGRAMS = os.path.join(system.BUILD, "tests", "programs")
CALLS = os.path.join(PROGRAMS, "libc-calls")
GROUPS = ["files", "io", "sockets", "memory", "mutex", "cancellation", "longjmp", "signals", "vfork", "exec", "spawn",
          "stacks", "exit"]


@system.needs_plain_build
class LibcTest(system.SystemTest):
    def folder(self, name):
        path = os.path.join(self.cwd, name)
        os.mkdir(path)
        return path

    def run_plain(self, command, preload=None, **options):
        env = dict(self.env)
        if preload:
            env["LD_PRELOAD"] = preload
        return subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=system.PATIENCE, check=False, **options)

    def record_libc(self, trace, command, *options, lossy=False, **more):
        """Records command; its own result, and what was recorded is there. Nothing is lost, or (lossy) counted."""
        result = self.record("--libc", *options, "-o", os.path.join(self.cwd, trace), "--", *command, **more)
        result.stderr, _, last = result.stderr.rpartition("tracectl: ")
        events, lost = self.counts("tracectl: " + last)
        self.assertEqual(len(self.events(trace, lost)), events)
        if not lossy:
            self.assertEqual(lost, 0)
        return result

    def assert_same(self, expected, actual):
        self.assertEqual((actual.returncode, actual.stdout, actual.stderr),
                         (expected.returncode, expected.stdout, expected.stderr))

    def calls(self, trace, name, lost=0):
        """The fields of all events of one name, as dictionaries of text."""
        found = []
        for line in self.events(trace, lost):
            match = re.search(rf" libc:{name}: .*\{{ (.*) \}}$", line)
            if match:
                found.append(dict(re.findall(r'(\w+) = ("[^"]*"|[^,]+)', match.group(1))))
        return found

    def compare(self, name, make_command, prepare=None, lossy=False):
        """A command has the same outcome plain, with the library loaded, and recorded; each in a new folder."""
        outcome = []
        for way in ("plain", "loaded", "recorded"):
            folder = self.folder(f"{name}-{way}")
            if prepare:
                prepare(folder)
            command = make_command(folder)
            if way == "recorded":
                result = self.record_libc(f"{name}-trace", command, lossy=lossy, cwd=folder)
            else:
                result = self.run_plain(command, LIBRARY if way == "loaded" else None, cwd=folder)
            result.stdout = result.stdout.replace(folder, "FOLDER")
            result.stderr = result.stderr.replace(folder, "FOLDER")
            outcome.append(result)
        self.assert_same(outcome[0], outcome[1])
        self.assert_same(outcome[0], outcome[2])
        return outcome[0]


class TransparencyTest(LibcTest):
    def test_calls(self):
        for group in GROUPS:
            with self.subTest(group=group):
                # That one calls as fast as it can, which no buffer is large enough for on a busy machine.
                result = self.compare(group, lambda folder, g=group: [CALLS, folder, g], lossy=group == "signals")
                self.assertEqual(result.returncode, 42, result.stderr)

    def test_own_allocator(self):
        result = self.compare("own", lambda folder: [os.path.join(PROGRAMS, "libc-allocator")])
        self.assertEqual((result.returncode, result.stdout), (0, "foreign 0\n"))

    def test_preloaded_allocator(self):
        """Memory comes from the allocator that the user asked for, not from the C library's."""
        allocator = os.path.join(PROGRAMS, "liblibc-allocator.so")
        result = self.run_plain([CALLS, self.cwd, "signals"], LIBRARY + ":" + allocator)
        self.assertEqual((result.returncode, result.stderr), (42, ""))
        self.assertEqual(result.stdout.splitlines()[-1], "the library's allocator, used 1, foreign 0")

    def test_late_destructor(self):
        """Calls after all our destructors are recorded, and crash nobody."""
        result = self.record("--libc", "--overwrite", "-e", "libc:f*", "-o", "late", "--",
                             os.path.join(PROGRAMS, "libc-late"))
        self.assertEqual(result.returncode, 42, result.stderr)
        self.assertEqual([call["path"] for call in self.calls("late", "fopen", lost=None)], ['"/dev/null"'])


class RealProgramsTest(LibcTest):
    def test_python(self):
        result = self.compare("python", lambda folder: ["/usr/bin/python3", "-c", "print(sum(range(10)))"])
        self.assertEqual(result.stdout, "45\n")
        paths = [call["path"] for call in self.calls("python-trace", "open")]
        self.assertTrue(any("encodings" in path for path in paths), paths)
        self.assertEqual(sum(int(call["ret"]) for call in self.calls("python-trace", "write")), len("45\n"))

    def test_python_threads_and_children(self):
        script = ("import threading, subprocess, os\n"
                  "def work():\n"
                  "    for i in range(300): bytes(5000)\n"
                  "threads = [threading.Thread(target=work) for _ in range(6)]\n"
                  "[t.start() for t in threads]; [t.join() for t in threads]\n"
                  "print(subprocess.run(['echo', 'child'], capture_output=True).stdout)\n"
                  "pid = os.fork()\n"
                  "if pid == 0: os._exit(3)\n"
                  "print(os.waitpid(pid, 0)[1])\n")
        self.compare("threads", lambda folder: ["/usr/bin/python3", "-c", script])

    def test_git(self):
        if not shutil.which("git"):
            self.skipTest("no git")

        def prepare(folder):
            identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
            env = dict(self.env, GIT_AUTHOR_DATE="2020-01-01T00:00:00Z", GIT_COMMITTER_DATE="2020-01-01T00:00:00Z")
            for command in (["init", "-q", "."], ["commit", "-q", "--allow-empty", "-m", "first"]):
                subprocess.run(["git", *identity, *command], cwd=folder, env=env, check=True)
            with open(os.path.join(folder, "new"), "w", encoding="ascii") as f:
                f.write("x\n")

        self.compare("git", lambda folder: ["sh", "-c", "git status; git log --stat; git diff --no-index . /nowhere"],
                     prepare)
        paths = [call["path"] for call in self.calls("git-trace", "open")]
        self.assertTrue(any(path.endswith('HEAD"') for path in paths), paths)

    def test_sqlite(self):
        if not shutil.which("sqlite3"):
            self.skipTest("no sqlite3")
        statements = "create table t(a); insert into t values(1),(2); select sum(a) from t; drop table u;"
        self.compare("sqlite", lambda folder: ["sqlite3", "base", statements])
        self.assertTrue(self.calls("sqlite-trace", "pwrite"))

    def test_sort(self):
        def prepare(folder):
            with open(os.path.join(folder, "numbers"), "w", encoding="ascii") as f:
                f.writelines(f"{i * 7919 % 100003}\n" for i in range(100000))

        self.compare("sort", lambda folder: ["sort", "--parallel=4", "-S1M", "-n", "numbers"], prepare)

    def test_shell_pipeline(self):
        script = "for i in 1 2 3; do (echo $i | sed s/1/x/) | tr 2 y; done; ls /proc/self/missing; exit 7"
        result = self.compare("shell", lambda folder: ["bash", "-c", script])
        self.assertEqual(result.returncode, 7)
        self.assertTrue(self.calls("shell-trace", "fork"))
        self.assertIn('"/usr/bin/sed"', [call["path"] for call in self.calls("shell-trace", "execve")])

    def test_make_and_compiler(self):
        def prepare(folder):
            with open(os.path.join(folder, "hello.c"), "w", encoding="ascii") as f:
                f.write('#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n')
            with open(os.path.join(folder, "Makefile"), "w", encoding="ascii") as f:
                f.write("all: one two\n\t./one | cat\none two: hello.c\n\t$(CC) -o $@ hello.c\n")

        self.compare("make", lambda folder: ["make", "-s", "-j2"], prepare)

    def test_perl(self):
        script = 'open(F, "<", "/etc/passwd") or die; print scalar <F>; print `echo child`; exit 9'
        self.compare("perl", lambda folder: ["perl", "-e", script])


class EventsTest(LibcTest):
    def record_group(self, group, *events):
        folder = self.folder("work")
        options = [option for event in events for option in ("-e", event)]
        return self.record_libc("trace", [CALLS, folder, group], *options)

    def test_files(self):
        self.record_group("files")
        opened = self.calls("trace", "open")
        self.assertEqual([(call["path"], call["flags"], call["error"]) for call in opened[:3]],
                         [('"missing"', "0x0", "2"), ('"(unreadable)"', "0x0", "14"),
                          ('"(unreadable)"', "0x10040", "22")])
        self.assertEqual(opened[3]["mode"], str(0o640))
        self.assertEqual([call["error"] for call in self.calls("trace", "close")[:2]], ["0", "9"])
        self.assertEqual([call["error"] for call in self.calls("trace", "fclose")], ["0", "28"])
        self.assertTrue(all(0 < int(call["duration"]) < 10**10 for call in opened))

    def test_only_what_was_asked_for(self):
        self.record_group("files", "libc:openat")
        self.assertEqual([(call["dirfd"], call["path"], call["error"]) for call in self.calls("trace", "openat")],
                         [("-100", '"(unreadable)"', "14"), ("-3", '"relative"', "9")])
        self.assertEqual(len(self.events("trace")), 2)

    def test_sockets(self):
        self.record_group("sockets")
        connected = [call["address"] for call in self.calls("trace", "connect")]
        self.assertRegex(connected[0], r'"127\.0\.0\.1:\d+"')
        self.assertEqual(connected[3:], ['"(unreadable)"', '"(unreadable)"', '"unix:absent"', '"unix:socket"'])
        accepted = [call["address"] for call in self.calls("trace", "accept")]
        self.assertEqual((accepted[0], accepted[1], accepted[3]), ('"(none)"', '"family:2"', '"(none)"'))
        self.assertRegex(accepted[2], r'"127\.0\.0\.1:\d+"')
        self.assertEqual([call["error"] for call in self.calls("trace", "sendto")], ["2", "0", "14"])

    def test_mutex_waits(self):
        """Free mutexes are no events; 80000 times one was taken."""
        self.record_group("mutex")
        self.assertEqual([call["error"] for call in self.calls("trace", "pthread_mutex_lock")[:1]], ["35"])
        self.assertEqual([call["error"] for call in self.calls("trace", "pthread_mutex_timedlock")], ["110"])
        self.assertEqual([call["error"] for call in self.calls("trace", "pthread_cond_timedwait")], ["110"])

    def test_processes(self):
        self.record_group("exit")
        self.assertEqual([call["status"] for call in self.calls("trace", "exit")], ["3"])
        self.assertEqual([call["status"] for call in self.calls("trace", "_exit")], ["4", "5"])
        forks = self.calls("trace", "fork")
        self.assertEqual(len([call for call in forks if call["ret"] == "0"]), 3)
        self.assertEqual(sorted(call["ret"] for call in forks if call["ret"] != "0"),
                         sorted(call["ret"] for call in self.calls("trace", "waitpid")))

    def test_exec_failed(self):
        self.record_group("exec", "libc:execve_failed")
        self.assertEqual([call["error"] for call in self.calls("trace", "execve_failed")],
                         ["14", "2", "2", "2", "2"])

    def test_contents_are_not_recorded(self):
        self.record_group("io")
        for root, _, files in os.walk(os.path.join(self.cwd, "trace")):
            for name in files:
                with open(os.path.join(root, name), "rb") as f:
                    self.assertNotIn(b"012345", f.read())


if __name__ == "__main__":
    unittest.main()
