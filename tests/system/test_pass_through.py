# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a command does and what is done to it is as without tracectl."""

import os
import resource
import signal
import subprocess
import unittest

from system import PYTHON, SystemTest, TRACECTL, child_named, wait_until, needs_plain_build

# What a process is to its surroundings, one line each.
LOOK = r"""
import os, sys
for fd in sorted(int(name) for name in os.listdir("/proc/self/fd")):
    try:
        print("fd", fd, os.readlink(f"/proc/self/fd/{fd}"))
    except FileNotFoundError:
        pass
for line in open("/proc/self/status"):
    if line.startswith(("SigBlk", "SigIgn", "SigCgt", "Umask", "NoNewPrivs", "Seccomp")):
        print(line.strip())
print(os.getpgrp(), os.getsid(0), os.getcwd(), sys.argv, os.sched_getaffinity(0), os.getpriority(0, 0))
print(open("/proc/self/limits").read())
"""


class PassThrough(SystemTest):
    def test_exit_status(self):
        for status in (0, 1, 2, 42, 125, 126, 127, 255):
            self.assertEqual(self.record("--", "sh", "-c", f"exit {status}").returncode, status)

    def test_death_by_signal(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGINT, signal.SIGPIPE, signal.SIGABRT):
            result = self.record("--", "sh", "-c", f"kill -{int(number)} $$")
            self.assertEqual(result.returncode, -number)
            self.last_line(result.stderr)

    def test_no_core_file_of_tracectl(self):
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        self.record("--", "sh", "-c", "ulimit -c 0; kill -QUIT $$",
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)))
        self.assert_nothing_left()

    def test_streams(self):
        result = self.record("--", "sh", "-c", "cat; echo to stderr >&2", stdin=None, input="to stdin\n")
        self.assertEqual(result.stdout, "to stdin\n")
        self.assertEqual(result.stderr.splitlines()[0], "to stderr")
        self.assertEqual(len(result.stderr.splitlines()), 2)

    def test_environment(self):
        names = subprocess.run(["env"], env=self.env, stdout=subprocess.PIPE, text=True, check=True).stdout
        recorded = self.record("--", "env").stdout
        more = set(recorded.splitlines()) - set(names.splitlines())
        self.assertEqual([line.split("=")[0] for line in more], ["TRACECTL_SOCKET"])
        self.assertEqual(set(names.splitlines()) - set(recorded.splitlines()), set())

    @needs_plain_build
    def test_preload_comes_before_the_others(self):
        self.env["LD_PRELOAD"] = "libm.so.6"
        result = self.record("--libc", "-o", "trace", "--", "env")
        line = next(line for line in result.stdout.splitlines() if line.startswith("LD_PRELOAD="))
        self.assertRegex(line, r"^LD_PRELOAD=/.*/libtracectl-libc\.so:libm\.so\.6$")

    def look(self, *before, **options):
        options = {"cwd": self.cwd, "env": self.env, "stdin": subprocess.DEVNULL, "start_new_session": True, **options}
        result = subprocess.run([*before, PYTHON, "-c", LOOK, "an argument", ""], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, check=True, timeout=60, **options)
        lines = result.stdout.splitlines()
        # Numbers of pipes and processes differ from run to run.
        return [line.split("[")[0] if line.startswith("fd") and "[" in line else line for line in lines
                if "/proc/" not in line]

    def compare(self, **options):
        direct = self.look(**options)
        recorded = self.look(TRACECTL, "record", "--", **options)
        for i, line in enumerate(direct):
            # The group and the session are those of whoever was started first: itself, or tracectl.
            if self.cwd in line:
                group, sid = recorded[i].split()[:2]
                self.assertEqual(group, sid)
                self.assertEqual(recorded[i].split()[2:], line.split()[2:])
            else:
                self.assertEqual(recorded[i], line)
        self.assertEqual(len(recorded), len(direct))

    def test_surroundings(self):
        self.compare()

    def test_inherited_descriptor(self):
        with open("/dev/null", "rb") as f:
            os.set_inheritable(f.fileno(), True)
            self.compare(pass_fds=[f.fileno()])

    def test_ignored_and_blocked_signals(self):
        def prepare():
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM])

        self.compare(preexec_fn=prepare, restore_signals=False)

    def test_closed_standard_streams(self):
        self.write_file("look", 'ls /proc/self/fd >out 2>err\n')
        def close():
            for fd in (0, 1, 2):
                os.close(fd)

        subprocess.run([TRACECTL, "record", "--", "sh", "look"], cwd=self.cwd, env=self.env, preexec_fn=close,
                       check=True, timeout=60)
        with open(os.path.join(self.cwd, "out"), encoding="ascii") as f:
            recorded = f.read()
        subprocess.run(["sh", "look"], cwd=self.cwd, env=self.env, preexec_fn=close, check=True, timeout=60)
        with open(os.path.join(self.cwd, "out"), encoding="ascii") as f:
            self.assertEqual(recorded, f.read())

    def test_nobody_keeps_the_output_pipe_open(self):
        # A shell's $(...) ends when the last writer does.
        result = subprocess.run(["sh", "-c", 'x=$("$0" record -- echo hello 2>&1); echo "$x"', TRACECTL], cwd=self.cwd,
                                env=self.env, stdout=subprocess.PIPE, text=True, check=True, timeout=60)
        self.assertEqual(result.stdout.splitlines()[0], "hello")

    def test_stderr_that_nobody_reads(self):
        read, write = os.pipe()
        os.close(read)
        result = subprocess.run([TRACECTL, "record", "--", "sh", "-c", "exit 7"], cwd=self.cwd, env=self.env,
                                stderr=write, check=False, timeout=60)
        os.close(write)
        self.assertEqual(result.returncode, 7)
        self.assert_nothing_left()

    def test_script_without_interpreter_line(self):
        self.write_file("script", "echo run by a shell\n")
        self.assertEqual(self.record("--", "./script").stdout, "run by a shell\n")

    def test_signals_to_tracectl_reach_the_command(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            process = self.start("record", "--", "sh", "-c",
                                 f"trap 'echo got; exit 9' {number.name[3:]}; echo ready; read x")
            self.assertEqual(process.stdout.readline(), "ready\n")
            process.send_signal(number)
            self.assertEqual(process.stdout.readline(), "got\n")
            _, err = self.finish(process)
            self.assertEqual(process.returncode, 9)
            self.last_line(err)

    def test_interrupt_to_tracectl_alone_does_not_end_it(self):
        process = self.start("record", "--", "sh", "-c", "echo ready; read x; exit 4")
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGQUIT)
        process.stdin.write("\n")
        _, err = self.finish(process)
        self.assertEqual(process.returncode, 4)
        self.last_line(err)

    def test_nohup(self):
        process = self.start("record", "--", "sh", "-c", "echo ready; read x; exit 5",
                             preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.send_signal(signal.SIGHUP)
        process.stdin.write("\n")
        self.finish(process)
        self.assertEqual(process.returncode, 5)

    def test_service_is_out_of_reach_of_the_terminal(self):
        process = self.start("record", "--", "sh", "-c", "echo ready; read x")
        self.assertEqual(process.stdout.readline(), "ready\n")
        tracingd = child_named(process.pid, "tracingd")
        consumer = child_named(tracingd, "tracectl-consumer")
        wait_until(lambda: os.getsid(tracingd) == tracingd, "a session of tracingd's own")
        self.assertNotEqual(os.getsid(consumer), os.getsid(process.pid))
        self.assertEqual(os.getpgid(process.pid), os.getpgid(child_named(process.pid, "sh")))
        process.stdin.write("\n")
        self.finish(process)


if __name__ == "__main__":
    unittest.main()
