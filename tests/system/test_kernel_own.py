# SPDX-License-Identifier: LGPL-2.1-or-later
"""Users who may trace what the kernel does for their own processes, and for nobody else's, in the machine's tracefs."""

import ctypes
import errno
import json
import os
import platform
import re
import subprocess
import time
import unittest

import host
import system
import test_kernel as kernel
import test_service_takeover as takeover
from service import SOURCE

RULE = """
polkit.addRule(function(action, subject) {
        if (action.id == "org.tracectl.tracing1.kernel-own" && subject.user == "alice")
                return polkit.Result.YES;
});
"""

# Makes N times a system call of its own: itself, its second thread, and its child.
FAMILY = r"""
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int n;

static void *call(void *unused) {
        for (int i = 0; i < n; i++)
                syscall(SYS_getpgid, 0);
        return NULL;
}

int main(int argc, char *argv[]) {
        pthread_t thread;
        pid_t child;

        n = atoi(argv[1]);
        child = fork();
        if (child != 0) {
                pthread_create(&thread, NULL, call, NULL);
                pthread_join(thread, NULL);
        }
        call(NULL);
        if (child > 0)
                waitpid(child, NULL, 0);
        return 0;
}
"""

# For each line that it reads: a number, so many calls of its own; else a program that it executes in its place.
STEPS = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
        char line[256];

        setvbuf(stdin, NULL, _IONBF, 0);
        while (fgets(line, sizeof(line), stdin)) {
                line[strcspn(line, "\n")] = 0;
                if (*line == '/') {
                        execl(line, line, "40", NULL);
                        return 1;
                }
                for (int n = atoi(line); n > 0; n--)
                        syscall(SYS_getpgid, 0);
                printf("done\n");
                fflush(stdout);
        }
        return 0;
}
"""

# As somebody who may do what the session's owner may: what can be had from the consumers' processes?
THIEF = r"""
import ctypes, json, os
libc = ctypes.CDLL(None, use_errno=True)
found = {}
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        with open(f"/proc/{pid}/comm") as f:
            if f.read().strip() != "tracectl-consum":
                continue
    except OSError:
        continue
    got = {"uid": os.stat(f"/proc/{pid}/status").st_uid, "ptrace": False, "list": None, "files": []}
    try:
        got["list"] = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        pass
    pidfd = os.pidfd_open(int(pid))
    for fd in range(256):
        new = libc.syscall(438, pidfd, fd, 0)
        if new >= 0:
            got["files"].append(os.readlink(f"/proc/self/fd/{new}"))
            os.close(new)
    if libc.ptrace(0x4206, int(pid), 0, 0) == 0:
        got["ptrace"] = True
    found[pid] = got
print(json.dumps(found))
"""

CLONE3 = 435


class CloneArgs(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in (
        "flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls", "set_tid",
        "set_tid_size", "cgroup")]


def fork_as(pid):
    """As os.fork(), but the child has this number, which the kernel has given to another process before."""
    numbers = (ctypes.c_int * 1)(pid)
    args = CloneArgs(exit_signal=17, set_tid=ctypes.addressof(numbers), set_tid_size=1)
    libc = ctypes.CDLL(None, use_errno=True)
    child = libc.syscall(CLONE3, ctypes.byref(args), ctypes.sizeof(args))
    if child < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return child


if __name__ == "__main__":
    kernel.with_tracefs()


@host.needs_host
@unittest.skipUnless(os.path.isdir(f"{kernel.TRACEFS}/instances"), "needs tracefs")
class OwnTest(kernel.TracefsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.show_machine_proc()
        cls.host.write("/etc/polkit-1/rules.d/50-own.rules", RULE)
        cls.host.systemctl("restart", "polkit.service")
        cls.host.write("/root/family.c", FAMILY)
        cls.host.write("/root/steps.c", STEPS)
        cls.host.write("/usr/local/bin/thief.py", THIEF)
        cls.host.run("cc -D_GNU_SOURCE -O2 /root/family.c -o /usr/local/bin/family -pthread && "
                     "cc -D_GNU_SOURCE -O2 /root/steps.c -o /usr/local/bin/steps && "
                     "cp /usr/local/bin/family /usr/local/bin/bobs-family && "
                     "cd /usr/local/bin && cp family risen-family && cp steps risen-steps && cp /usr/bin/id risen-id && "
                     "chown bob risen-* && chmod 4755 risen-*")

    def instance(self):
        """The one that this host has."""
        (name,) = self.instances()
        return f"{kernel.TRACEFS}/instances/{name}"

    def steps(self):
        process = self.start(["/usr/local/bin/steps"], user="alice")
        self.ask(process, "0")
        return process

    def ask(self, process, line):
        process.stdin.write(f"{line}\n")
        self.assertEqual(process.stdout.readline(), "done\n")

    def session(self, process, *rules, start=True):
        """alice's session of one of her processes with its children."""
        self.tracectl("alice", "create", "own")
        for rule in rules:
            self.tracectl("alice", "enable-event", "--kernel", "-s", "own", *rule, "--pid", str(process.inner_pid),
                          "--children")
        if start:
            self.tracectl("alice", "start", "own")

    def raw(self, folder):
        """All bytes of a trace."""
        data = b""
        for path, _, names in os.walk(self.host.file(folder)):
            for name in names:
                with open(os.path.join(path, name), "rb") as f:
                    data += f.read()
        return data

    def readers(self):
        """The units of those who read the kernel for others: the service's user's."""
        uid = self.host.run(["id", "-u", "tracectl"]).stdout.strip()
        return [line.split()[0] for line in self.host.systemctl(
            "list-units", "--plain", "--no-legend", f"tracectl-consumer-{uid}-*.service").splitlines()]

    def test_a_command_with_its_threads_and_children(self):
        busy = self.start(["taskset", "-c", "0", "sh", "-c",
                           "echo runs; while :; do /usr/local/bin/bobs-family 50; done"], user="bob")
        busy.stdout.readline()
        done = self.tracectl("alice", "record", "--kernel", "--syscall", "getpgid", "--syscall", "execve", "-e",
                             "sched_*", "-e", "page_fault_user", "-o", "/home/alice/tree", "--", "taskset", "-c", "0",
                             "sh", "-c", "/usr/local/bin/family 20000; /usr/local/bin/family 20; exit 3", check=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        lines = self.events("/home/alice/tree")
        self.assertEqual(sum("syscall_entry_getpgid:" in line for line in lines), 60060)
        self.assertEqual(sum("syscall_exit_getpgid:" in line for line in lines), 60060)
        self.assertIsNone(busy.poll())
        # From one of hers to somebody, and back: hers has its name, and the other side has none, and no number.
        switches = [re.search(r'prev_comm = "([^"]*)", prev_tid = (\d+), prev_prio = (-?\d+), prev_state = (\d+), '
                              r'next_comm = "([^"]*)", next_tid = (\d+), next_prio = (-?\d+)', line).groups()
                    for line in lines if "sched_switch:" in line]
        self.assertGreater(len(switches), 10)
        for switch in switches:
            for name, tid in (switch[0:2], switch[4:6]):
                self.assertIn(name, ("-",) if tid == "0" else ("tracectl", "taskset", "sh", "family"), switch)
        self.assertTrue(any(switch[1] == "0" for switch in switches))
        hers = {tid for switch in switches for tid in (switch[1], switch[5])} - {"0"}
        for line in lines:
            self.assertIn(re.search(r"\{ tid = (\d+) \}", line).group(1), hers | {"0"}, line)
        self.assertFalse(b"bobs-family" in self.raw("/home/alice/tree"))
        self.wait_for_none()
        self.assertEqual(self.readers(), [])

    def test_a_program_of_another_user_in_the_tree(self):
        """Which the process becomes that is traced: from there on nothing is seen, and what is not seen is counted."""
        self.assertEqual(self.host.run(["/usr/local/bin/risen-id", "-u"], user="alice").stdout, "1002\n")
        process = self.steps()
        self.session(process, ["--syscall", "getpgid"], ["--syscall", "write"])
        self.ask(process, "30")
        process.stdin.write("/usr/local/bin/risen-steps\n")
        # It is looked at again meanwhile.
        for _ in range(40):
            self.ask(process, "2")
            self.get("alice", "own", "EventsDiscarded")
        done = self.tracectl("alice", "stop", "own")
        lines = self.events(self.output("alice", "own"), lost=None)
        self.assertEqual(sum("syscall_entry_getpgid:" in line for line in lines), 30)
        # What it executes is hers to know.
        self.assertIn('filename = "/usr/local/bin/risen-steps"', lines[-1])
        counts = self.get("alice", "own", "EventsDiscarded")
        self.assertGreaterEqual(counts, 160, done.stdout)

    def test_the_command_of_record_gets_no_other_rights(self):
        done = self.tracectl("alice", "record", "--kernel", "--syscall", "getpgid", "-o", "/home/alice/bound", "--",
                             "sh", "-c", "/usr/local/bin/risen-id -u; /usr/local/bin/risen-family 10")
        self.assertEqual(done.stdout, "1001\n")
        lines = self.events("/home/alice/bound")
        self.assertEqual(sum("syscall_entry_getpgid:" in line for line in lines), 30)

    def test_record_of_a_process_that_runs(self):
        process = self.steps()
        record = self.start(["tracectl", "record", "--kernel", "--syscall", "getpgid", "-o", "/home/alice/running",
                             "-p", str(process.inner_pid)], user="alice")
        self.assertIn("Recording into", record.stderr.readline())
        self.ask(process, "50")
        process.stdin.close()
        self.assertEqual(process.wait(), 0)
        self.assertEqual(record.wait(), 0)
        lines = self.events("/home/alice/running")
        self.assertEqual(sum("syscall_entry_getpgid:" in line for line in lines), 50)
        self.assertEqual(sum("syscall_exit_getpgid:" in line for line in lines), 50)

    def test_a_program_of_her_own_in_the_tree(self):
        """Which has no more rights: it is looked at, and is hers again."""
        process = self.steps()
        self.session(process, ["--syscall", "getpgid"])
        process.stdin.write("/usr/local/bin/steps\n")

        def is_seen():
            self.ask(process, "1")
            return self.get("alice", "own", "EventsRecorded") > 3

        system.wait_until(is_seen, "her program's calls")
        self.tracectl("alice", "stop", "own")

    def test_the_number_of_a_process_is_given_again(self):
        """To somebody else, when hers has ended: neither what he does nor his name is seen."""
        process = self.start(["setpriv", "--no-new-privs", "sh", "-c", 'while read line; do sh -c "$line"; echo done; done'], user="alice")
        self.ask(process, ":")
        self.session(process, ["--syscall", "getpgid"], ["sched_*"], ["signal_*"])
        self.ask(process, "sleep 1000 >/dev/null 2>&1 <&1 & :")
        system.wait_until(lambda: self.followed("sleep"), "the command to begin")
        (number,) = self.followed("sleep")
        os.kill(number, 15)
        system.wait_until(lambda: not os.path.exists(f"/proc/{number}"), "the number to be free")
        child = fork_as(number)
        if child == 0:
            self.be_bob()
        try:
            self.ask(process, "taskset -c 0 /usr/local/bin/family 20000")
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)
        self.assertEqual(child, number)
        self.tracectl("alice", "stop", "own")
        output = self.output("alice", "own")
        lines = self.events(output)
        self.assertEqual(sum("syscall_entry_getpgid:" in line for line in lines), 60000)
        ends = [k for k, line in enumerate(lines) if "sched_process_exit:" in line and f" tid = {number}," in line]
        self.assertEqual(len(ends), 1)
        # On the way out it leaves the processor, for the last time.
        later = [line for line in lines[ends[0] + 1:] if re.search(rf"tid = {number}\b", line)]
        self.assertLessEqual(len(later), 4, later)
        self.assertFalse(b"bobs-secret" in self.raw(output))

    def followed(self, name):
        """The threads of that name that the kernel follows."""
        with open(f"{self.instance()}/set_event_pid", encoding="utf-8") as f:
            return [int(tid) for tid in f.read().split() if self.comm(tid) == name]

    @staticmethod
    def comm(tid):
        try:
            with open(f"/proc/{tid}/comm", encoding="utf-8") as f:
                return f.read().strip()
        except FileNotFoundError:
            return None

    @staticmethod
    def be_bob():
        """In a child: runs on the processor of alice's until it is ended."""
        try:
            os.setresgid(1002, 1002, 1002)
            os.setresuid(1002, 1002, 1002)
            os.sched_setaffinity(0, {0})
            ctypes.CDLL(None).prctl(15, b"bobs-secret", 0, 0, 0)
            end = time.monotonic() + 60
            while time.monotonic() < end:
                os.getpgid(0)
        finally:
            os._exit(1)

    def test_nothing_is_to_be_had_from_its_processes(self):
        process = self.steps()
        self.session(process, ["--syscall", "getpgid"])
        self.ask(process, "5")
        found = json.loads(self.host.run(["/usr/bin/python3", "/usr/local/bin/thief.py"], user="alice").stdout)
        reader = int(self.host.run(["id", "-u", "tracectl"]).stdout)
        # Her consumer's two, and the reader; whose files are root's is one that nobody may look at.
        self.assertEqual(len(found), 3, found)
        open_to_her = [got for got in found.values() if got["uid"] == 1001]
        self.assertLessEqual(len(open_to_her), 1)
        for got in found.values():
            if got["uid"] != 1001:
                self.assertEqual((got["ptrace"], got["list"], got["files"]), (False, None, []), found)
            for path in (got["list"] or []) + got["files"]:
                self.assertNotIn("trace_pipe", path)
                self.assertNotIn("stats", path)
                self.assertNotIn("tracing", path)
        (unit,) = self.readers()
        shown = self.show(unit, "User", "MainPID", "CapabilityBoundingSet", "NoNewPrivileges")
        self.assertEqual(shown["User"], str(reader))
        status = self.host.run(["cat", f"/proc/{shown['MainPID']}/status"]).stdout
        for name in ("CapEff", "CapPrm", "CapBnd"):
            self.assertRegex(status, rf"{name}:\s0000000000000000\n")
        self.assertRegex(status, r"Seccomp:\s2\n")
        limits = self.host.run(["cat", f"/proc/{shown['MainPID']}/limits"]).stdout
        self.assertRegex(limits, r"Max core file size +0 +0 ")
        self.host.run(["systemd-analyze", "--no-pager", "security", "--threshold=10", unit])
        daemon = self.show("tracingd.service", "MainPID")["MainPID"]
        self.assertRegex(self.host.run(["cat", f"/proc/{daemon}/status"]).stdout, r"CapEff:\s0000000000000000\n")

    @unittest.skipUnless(platform.machine() == "x86_64", "injects system calls by the numbers and registers of x86-64")
    def test_the_reader_is_taken_over(self):
        """Neither she nor another process of the service's user can look into it, and code that runs in it can do
        nothing with what is not hers."""
        with open(os.path.join(SOURCE, "tests", "system", "inject.py"), encoding="utf-8") as f:
            self.host.write("/root/inject.py", f.read())
        process = self.steps()
        self.session(process, ["--syscall", "getpgid"])
        self.ask(process, "10")
        (unit,) = self.readers()
        pid = self.show(unit, "MainPID")["MainPID"]
        self.assertEqual(self.host.run(["pgrep", "--parent", pid], check=False).stdout, "")
        for user in ("alice", "bob", "tracectl"):
            found = json.loads(self.host.run(["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
                                              "/usr/bin/python3", "-c", takeover.LOOK, pid]).stdout)
            self.assertEqual({name: what for name, what in found.items() if what != "refused"}, {}, user)
        found = json.loads(self.host.run(["/usr/bin/python3", "/root/inject.py", pid]).stdout)
        self.assertEqual(found.pop("clock_gettime"), errno.EFAULT)
        self.assertEqual({name: code for name, code in found.items() if code != errno.EPERM}, {})
        self.ask(process, "10")
        self.tracectl("alice", "stop", "own")
        lines = self.events(self.output("alice", "own"))
        self.assertEqual(sum("syscall_entry_getpgid:" in line for line in lines), 20)

    def test_what_is_refused(self):
        process, bobs = self.steps(), self.start(["/usr/local/bin/steps"], user="bob")
        pid = ("--pid", str(process.inner_pid), "--children")
        self.tracectl("alice", "create", "own")
        enable = ("enable-event", "--kernel", "-s", "own")
        self.assertIn("kernel-system", self.refused("alice", *enable, "sched_switch"))
        said = self.refused("alice", *enable, "irq_handler_entry", *pid)
        self.assertIn("no event of your own processes alone", said)
        self.assertIn("system calls, page_fault_user", said)
        said = self.refused("alice", *enable, "sched_switch", *pid, "--filter", "next_prio > 0")
        self.assertIn("could tell of other users' processes", said)
        said = self.refused("alice", *enable, "sched_switch", "--pid", str(bobs.inner_pid), "--children")
        self.assertIn("is not a process of user 1001", said)
        self.tracectl("alice", "enable-channel", "--kernel", "-s", "own", "--overwrite", "ring")
        said = self.refused("alice", *enable, "-c", "ring", "sched_switch", *pid)
        self.assertIn("in channels that discard", said)
        self.tracectl("alice", *enable, "sched_switch", *pid)
        self.assertIn("kernel's events of other processes", self.refused("root", "enable-event", "--kernel", "-s",
                                                                         "1001/own", "irq_handler_entry"))
        said = self.refused("bob", "record", "--kernel", "-o", "/home/bob/none", "--", "true", status=125)
        self.assertIn("kernel-own", said)

    def test_what_was_started_for_the_system_is_not_for_her(self):
        """The consumer has the kernel's own pipes then: later rules cannot take them away from it."""
        process = self.steps()
        self.tracectl("alice", "create", "own")
        self.tracectl("root", "enable-event", "--kernel", "-s", "1001/own", "sched_switch")
        self.tracectl("alice", "start", "own")
        self.tracectl("root", "disable-event", "--kernel", "-s", "1001/own", "--remove", "sched_switch", check=False)
        said = self.refused("alice", "enable-event", "--kernel", "-s", "own", "--syscall", "getpgid", "--pid",
                            str(process.inner_pid), "--children")
        self.assertRegex(said, "was started with other events of the kernel|kernel's events of other processes")

    def test_a_restart_of_tracingd_ends_it(self):
        process = self.steps()
        self.session(process, ["--syscall", "getpgid"])
        instance = self.instance()
        self.ask(process, "10")
        self.host.systemctl("restart", "tracingd.service")
        system.wait_until(lambda: self.get("alice", "own", "State") == "failed", "the session to fail")
        self.assertIn("tracingd was restarted", self.refused("alice", "start", "own"))

        def is_off():
            with open(f"{instance}/set_event", encoding="utf-8") as f:
                return f.read() == ""

        system.wait_until(is_off, "the events to be off")
        self.assertEqual(len(self.events(self.output("alice", "own"), lost=None)), 20)
        self.tracectl("alice", "destroy", "own")
        self.wait_for_none()

    def test_the_reader_is_killed(self):
        process = self.steps()
        self.session(process, ["--syscall", "getpgid"])
        (unit,) = self.readers()
        self.host.systemctl("kill", "--signal=KILL", unit)
        system.wait_until(lambda: self.get("alice", "own", "State") == "failed", "the session to fail")
        self.assertIn("the unit that reads the kernel's events for it has ended", self.refused("alice", "start", "own"))
        self.tracectl("alice", "destroy", "own")
        self.wait_for_none()
        system.wait_until(lambda: self.readers() == [], "the reader's unit to go")

    def journal(self, action):
        """Results of that question about rules that somebody wanted."""
        text = self.host.journal("--output=json", f"TRACECTL_ACTION=org.tracectl.tracing1.{action}",
                                 "TRACECTL_VERB=EnableEvent")
        return [json.loads(line)["TRACECTL_RESULT"] for line in text.splitlines() if line.startswith("{")]

    def test_what_the_journal_is_told(self):
        """Who may not trace the whole machine was not refused anything, where he asks for his own processes."""
        process = self.steps()
        before = {action: len(self.journal(action)) for action in ("kernel-own", "kernel-system")}
        self.session(process, ["--syscall", "getpgid"], start=False)
        self.tracectl("bob", "create", "his")
        self.assertIn("kernel-own", self.refused("bob", "enable-event", "--kernel", "-s", "his", "--syscall", "getpgid",
                                                 "--pid", str(process.inner_pid), "--children"))
        system.wait_until(lambda: len(set(self.journal("kernel-own")[before["kernel-own"]:])) == 2,
                          "alice's and bob's answers")
        self.assertEqual(len(self.journal("kernel-system")), before["kernel-system"])
        self.refused("alice", "enable-event", "--kernel", "-s", "own", "sched_switch")
        system.wait_until(lambda: len(self.journal("kernel-system")) > before["kernel-system"],
                          "the record of what was refused")

    def test_what_was_recorded_before_is_in_the_chunk(self):
        """Also what the reader still has: it is asked for that first."""
        process = self.steps()
        self.session(process, ["--syscall", "getpgid"])
        (unit,) = self.readers()
        self.host.systemctl("kill", "--signal=STOP", unit)
        self.ask(process, "1000")
        rotate = self.start(["tracectl", "rotate", "own"], user="alice")
        try:
            rotate.wait(timeout=1)
        except subprocess.TimeoutExpired:
            pass
        self.host.systemctl("kill", "--signal=CONT", unit)
        self.assertEqual(rotate.wait(), 0)
        output = self.output("alice", "own")
        self.assertEqual(len(self.events(f"{output}/chunk-1")), 2000)
        self.ask(process, "500")
        self.tracectl("alice", "stop", "own")
        lines = [line for line in self.events(output) if "getpgid" in line]
        self.assertEqual(len(lines), 3000)


if __name__ == "__main__":
    unittest.main()
