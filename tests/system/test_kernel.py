# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sessions that record the kernel, of the installed service, in the machine's own tracefs.

All that is made there has an id of the test host's own in its name; what is everybody's is read alone.
"""

import errno
import glob
import os
import re
import sys
import unittest

import host
import system
from service import NAME, ROOT, ServiceTest

TRACEFS = "/sys/kernel/tracing"
PRINTS = "bpf_trace:bpf_trace_printk"
TOP_LEVEL = ("buffer_size_kb", "current_tracer", "set_event", "set_event_pid", "trace_clock", "trace_options",
             "tracing_on", "tracing_cpumask", "dynamic_events")

OURS = system.unique("pairs")
AFTERWARDS = system.unique("later")

# Records an event, makes a system call that nobody else makes with these arguments, and records another one.
PAIRS = r"""
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <tracectl/tracepoint.h>

int main(int argc, char *argv[]) {
        for (int i = 0; i < atoi(argv[1]); i++) {
                tracectl_trace(pair, before, tp_u32(i, i));
                syscall(SYS_getpgid, 0);
                tracectl_trace(pair, after, tp_u32(i, i));
        }
        return 0;
}
"""


# Passes an open file with a rule that sets no probe.
FILE = r"""
import os
from gi.repository import Gio, GLib
bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
files = Gio.UnixFDList.new_from_array([os.open("/bin/sh", os.O_RDONLY)])
options = {"file": GLib.Variant("h", 0)}
bus.call_with_unix_fd_list_sync("org.tracectl.Tracing1", "/org/tracectl/Tracing1/session/_30/no",
                                "org.tracectl.Tracing1.Session", "EnableEvent",
                                GLib.Variant("(sssa{sv})", ("kernel", "", "sched_switch", options)), None, 0, -1,
                                files)
"""


# A kernel before 6.8 has sub-buffers of a page.
SUBBUF_SIZE = [("buffer_subbuf_size_kb", 64)] if os.path.exists(f"{TRACEFS}/buffer_subbuf_size_kb") else []


def with_tracefs():
    """Begins anew in a mount namespace of its own with tracefs, where this machine has not mounted it."""
    if os.geteuid() != 0 or os.path.isdir(f"{TRACEFS}/instances") or "TRACECTL_TEST_TRACEFS" in os.environ:
        return
    os.environ["TRACECTL_TEST_TRACEFS"] = "tried"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                          f'mount -t tracefs none {TRACEFS} 2>/dev/null; exec "$@"', "sh", sys.executable, *sys.argv])


def top_level():
    """What this machine's other users of tracefs have set; but for the probes of tests on other hosts.

    Of a size not for when it counts: before 6.7 the kernel notes for all instances at once that somebody has set one.
    """
    tests = re.compile(r"[a-z]\d*:(tracectl_[0-9a-f]+_|probes_of_others/)")
    settings = {}
    for name in TOP_LEVEL:
        with open(os.path.join(TRACEFS, name), encoding="utf-8") as f:
            settings[name] = "".join(re.sub(r" \(expanded: \d+\)", "", line) for line in f if not tests.match(line))
    return settings


if __name__ == "__main__":
    with_tracefs()


def install_pairs(machine, name):
    machine.write("/root/pairs.c", PAIRS)
    machine.run(f"ldconfig && cc -D_GNU_SOURCE -O2 /root/pairs.c -o /usr/local/bin/{name} -pthread "
                "$(pkg-config --cflags --libs tracectl-tracepoint)")


class Traces:
    """What the service of a host has in the machine's tracefs."""

    def __init__(self, machine):
        self.machine = machine

    def id(self):
        """What is in the names of this host's, and of no other's; nothing before its first session of the kernel."""
        path = "/run/tracectl/kernel-id"
        return self.machine.read(path) if os.path.exists(self.machine.file(path)) else None

    def instances(self):
        names = (os.path.basename(path) for path in glob.glob(f"{TRACEFS}/instances/tracectl-*"))
        return sorted(name for name in names if name.startswith(f"tracectl-{self.id()}-"))

    def probes(self, kind):
        """The lines of "uprobe_events" or "kprobe_events", where this kernel has them."""
        if not os.path.exists(f"{TRACEFS}/{kind}"):
            return []
        with open(f"{TRACEFS}/{kind}", encoding="utf-8") as f:
            return [line for line in f.read().splitlines() if f":tracectl_{self.id()}_" in line]

    def found(self):
        return self.instances() + self.probes("uprobe_events") + self.probes("kprobe_events")

    def wait_for_none(self):
        system.wait_until(lambda: not self.found(), "the instances and probes to go")


class TracefsTest(ServiceTest):
    """Each test begins without anything of this host's in tracefs: of a destroyed session it goes after the answer."""

    def setUp(self):
        self.traces = Traces(self.host)
        self.addCleanup(self.traces.wait_for_none)
        super().setUp()

    def instances(self):
        return self.traces.instances()

    def wait_for_none(self):
        self.traces.wait_for_none()


@host.needs_host
@unittest.skipUnless(os.path.isdir(f"{TRACEFS}/instances"), "needs tracefs")
class KernelTest(TracefsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        install_pairs(cls.host, OURS)

    @staticmethod
    def remove_folder(path):
        if os.path.isdir(path):
            os.rmdir(path)

    def session(self, name, *rules):
        self.tracectl("root", "create", name)
        for rule in rules:
            self.tracectl("root", "enable-event", "--kernel", "-s", name, *rule)

    def test_system_calls_and_events_around_them(self):
        before = top_level()
        self.session("both", ["--syscall", "getpgid", "--filter", f'$ctx.procname == "{OURS}"'])
        self.tracectl("root", "enable-event", "-s", "both", "pair:*")
        self.tracectl("root", "start", "both")
        self.assertEqual(len(self.instances()), 1)
        self.host.run([f"/usr/local/bin/{OURS}", "1000"])
        self.tracectl("root", "stop", "both")
        output = self.output("root", "both")
        lines = self.events(output)
        # The filter is for entries and exits alike: COMM is the kernel's.
        names = [re.search(r"(pair:before|syscall_entry_getpgid|syscall_exit_getpgid|pair:after):", line).group(1)
                 for line in lines]
        self.assertEqual(names, 1000 * ["pair:before", "syscall_entry_getpgid", "syscall_exit_getpgid", "pair:after"])
        viewed = self.tracectl("root", "view", "both").stdout.splitlines()
        self.assertEqual([re.search(r"before|entry|exit|after", line).group() for line in viewed],
                         1000 * ["before", "entry", "exit", "after"])
        self.tracectl("root", "destroy", "both")
        self.wait_for_none()
        self.assertEqual(top_level(), before)

    def test_a_command_and_its_children(self):
        """From its first system call on; and of nobody else, though bob's program makes the same calls all the time."""
        self.host.show_machine_proc()
        busy = self.start(["sh", "-c", f"echo runs; while :; do {OURS} 50; done"], user="bob")
        busy.stdout.readline()
        done = self.tracectl("root", "record", "--kernel", "--syscall", "getpgid", "--syscall", "execve", "-e",
                             "sched_process_*", "-o", "/root/tree", "--", "sh", "-c",
                             f"{OURS} 30 & {OURS} 20; wait; exit 3", check=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        lines = self.events("/root/tree")
        self.assertEqual(sum("syscall_entry_getpgid:" in line for line in lines), 50)
        self.assertEqual(sum("syscall_exit_getpgid:" in line for line in lines), 50)
        # The shell itself, and what it runs twice.
        execs = [re.search(r'filename = "([^"]+)"', line).group(1) for line in lines if "sched_process_exec:" in line]
        self.assertEqual(sorted(execs), ["/usr/bin/sh"] + 2 * [f"/usr/local/bin/{OURS}"], execs)
        first = next(line for line in lines if "sched_process_exec:" in line)
        # Asked of the system calls alone: a task is freed in a callback, whoever runs on that CPU just then.
        calls = [line for line in lines[:lines.index(first)] if "syscall_" in line]
        self.assertIn("syscall_entry_execve:", calls[-1])
        self.assertIsNone(busy.poll())
        # The session goes when tracectl has hung up, which nobody waits for.
        system.wait_until(lambda: self.tracectl("root", "list", "--no-legend").stdout == "", "the session to go")
        # For the next command there is one instance, which records nothing.
        self.host.systemctl("stop", "tracingd.service")
        self.assertEqual(self.instances(), [])

    def units(self):
        return self.host.systemctl("list-units", "--plain", "--no-legend", "tracectl-consumer-*.service").split()[:1]

    def record_calls(self, name):
        """The session's instance and unit, while it records."""
        process = self.start(["tracectl", "record", "--kernel", "--syscall", "*", "-o", name, "--", "sh", "-c",
                              f"{OURS} 100; echo half; read line"])
        line = process.stdout.readline()
        self.assertEqual(line, "half\n", line or process.stderr.read())
        during = self.instances(), self.units()
        _, said = process.communicate("on\n", timeout=system.PATIENCE)
        self.assertEqual(process.returncode, 0, said)
        calls = [line for line in self.events(name) if "_getpgid:" in line]
        self.assertEqual(len(calls), 200)
        return during

    def wait_for_spare(self, before):
        system.wait_until(lambda: self.instances() and self.instances() != before[0], "the next instance")
        system.wait_until(lambda: self.units() and self.units() != before[1], "the next consumer")
        return self.instances(), self.units()

    @staticmethod
    def enabled(name):
        """Of one that has gone meanwhile nothing is."""
        try:
            with open(f"{TRACEFS}/instances/{name}/set_event", encoding="utf-8") as f:
                return f.read().split()
        except OSError:
            return []

    def is_at_rest(self, name):
        """It is off, and has no event but the one that names come by, for which the kernel would let others wait."""
        system.wait_until(lambda: self.enabled(name) == [PRINTS], "what is ready")
        for file, expected in (("tracing_on", "0\n"), ("set_event", f"{PRINTS}\n")):
            with open(f"{TRACEFS}/instances/{name}/{file}", encoding="utf-8") as f:
                self.assertEqual(f.read(), expected)

    def test_one_command_after_another(self):
        """What takes the kernel and systemd longest is ready for the second, and costs nothing meanwhile."""
        self.host.show_machine_proc()
        # One that has begun without that does not see it.
        self.host.systemctl("stop", "tracingd.service")
        before = top_level()
        first = self.record_calls("/root/first")
        ready = self.wait_for_spare(first)
        self.is_at_rest(ready[0][0])
        second = self.record_calls("/root/second")
        self.assertEqual(second, ready)
        # Another form is no spare's; what is ready goes, with the service, too.
        self.wait_for_spare(second)
        self.host.run(f"cp /usr/local/bin/{OURS} /usr/local/bin/{AFTERWARDS}")
        self.session("other", ["--syscall", "getpgid", "--filter", f'$ctx.procname == "{AFTERWARDS}"'])
        self.tracectl("root", "start", "other")
        self.host.run([f"/usr/local/bin/{AFTERWARDS}", "10"])
        self.tracectl("root", "stop", "other")
        self.assertEqual(len(self.events(self.output("root", "other"))), 20)
        self.tracectl("root", "destroy", "other")
        self.host.systemctl("stop", "tracingd.service")
        self.assertEqual(self.instances(), [])
        system.wait_until(lambda: not self.units(), "the units to go")
        self.assertEqual(top_level(), before)

    def test_another_command_without_names(self):
        """The event that they come by, which is ready where the last one had it, is not there."""
        self.host.show_machine_proc()
        self.host.systemctl("stop", "tracingd.service")
        before = top_level()
        self.tracectl("root", "record", "--syscalls", "-o", "/root/names", "--", "true")
        self.assertIn("/bin/true", "".join(line for line in self.events("/root/names") if "bpf_trace_printk:" in line))
        system.wait_until(lambda: [self.enabled(name) for name in self.instances()] == [[PRINTS]], "what is ready")
        ready = self.instances()
        process = self.start(["tracectl", "record", "--kernel", "-e", "sched_process_exec", "-o", "/root/no-names", "--",
                              "sh", "-c", "echo half; read line"])
        self.assertEqual(process.stdout.readline(), "half\n")
        self.assertEqual(self.instances(), ready)
        self.assertEqual(self.enabled(ready[0]), ["sched:sched_process_exec"])
        _, said = process.communicate("on\n", timeout=system.PATIENCE)
        self.assertEqual(process.returncode, 0, said)
        self.host.systemctl("stop", "tracingd.service")
        self.assertEqual(top_level(), before)

    def test_a_process_that_runs_and_its_threads(self):
        self.host.show_machine_proc()
        emitter = self.emitter("alice", 1)
        self.session("running", ["--syscall", "read", "--pid", str(emitter.process.inner_pid), "--children"])
        self.tracectl("root", "start", "running")
        (name,) = self.instances()
        with open(f"{TRACEFS}/instances/{name}/set_event_pid", encoding="utf-8") as f:
            self.assertEqual(sorted(map(int, f.read().split())),
                             sorted(int(tid) for tid in os.listdir(f"/proc/{emitter.process.outer_pid}/task")))
        said = self.refused("root", "enable-event", "--kernel", "-s", "running", "sched_switch")
        self.assertIn("all events of a channel of the kernel are of the same", said)
        emitter.emit(5)
        self.tracectl("root", "stop", "running")
        lines = self.events(self.output("root", "running"))
        self.assertGreater(len(lines), 0)
        self.assertTrue(all("_read" in line for line in lines), lines)

    def test_a_process_that_is_gone(self):
        self.host.show_machine_proc()
        emitter = self.emitter("alice", 1)
        self.session("gone", ["sched_switch", "--pid", str(emitter.process.inner_pid), "--children"])
        emitter.process.stdin.close()
        emitter.process.wait()
        said = self.refused("root", "start", "gone")
        self.assertIn(f"There is no process {emitter.process.inner_pid} any more", said)
        for name in self.instances():
            try:
                with open(f"{TRACEFS}/instances/{name}/set_event", encoding="utf-8") as f:
                    self.assertEqual(f.read(), "")
            except OSError as e:  # it is about to go
                self.assertIn(e.errno, (errno.ENOENT, errno.ENODEV))

    def test_a_start_that_is_refused_by_its_consumer(self):
        """By then the kernel's part is prepared, and goes; the next start makes it again, and records."""
        self.host.show_machine_proc()
        self.host.run("mkdir -p /root/full && touch /root/full/file")
        self.busctl("root", "call", NAME, ROOT, f"{NAME}.Manager", "CreateSession", "sa{sv}", "again", "1", "directory", "s",
                    "/root/full")
        self.tracectl("root", "enable-event", "--kernel", "-s", "again", "--syscall", "*", "--pid", "1", "--children")
        self.assertIn("is not empty", self.refused("root", "start", "again"))
        self.host.run("rm /root/full/file")
        self.tracectl("root", "start", "again")
        (name,) = self.instances()
        # The kernel makes sizes larger as it likes.
        for file, least in (("tracing_on", 1), ("buffer_size_kb", 4096), *SUBBUF_SIZE):
            with open(f"{TRACEFS}/instances/{name}/{file}", encoding="utf-8") as f:
                self.assertGreaterEqual(int(f.read().split()[0]), least, file)
        with open(f"{TRACEFS}/instances/{name}/set_event", encoding="utf-8") as f:
            self.assertEqual(len(f.read().split()), len(glob.glob(f"{TRACEFS}/events/syscalls/*/enable")))
        self.host.systemctl("status", "--no-pager")
        self.tracectl("root", "stop", "again")
        self.assertGreater(len(self.events("/root/full")), 0)
        self.tracectl("root", "destroy", "again")
        self.wait_for_none()

    def test_in_a_container(self):
        """Whose processes have other numbers in the kernel: those would be somebody else's."""
        self.host.run("! mountpoint -q /run/tracectl/proc || umount /run/tracectl/proc")
        self.host.systemctl("stop", "tracingd.service")
        self.session("numbers", ["sched_switch", "--pid", "1", "--children"])
        self.assertIn("mount the machine's own proc file system at /run/tracectl/proc",
                      self.refused("root", "start", "numbers"))

    def test_what_record_refuses(self):
        self.assertIn("add --kernel", self.refused("root", "record", "--syscall", "open", "--", "true", status=2))
        said = self.refused("root", "record", "--kernel", "--libc", "--", "true", status=2)
        self.assertIn("--libc is not for events of the kernel", said)
        said = self.refused("root", "record", "--kernel", "-e", "no_such_event", "-o", "/root/none", "--", "true",
                            status=125)
        self.assertIn("has no event 'no_such_event'", said)
        self.assertFalse(os.path.exists(self.host.file("/root/none")))
        said = self.refused("alice", "record", "--kernel", "-o", "/home/alice/none", "--", "true", status=125)
        self.assertIn("kernel-own", said)
        self.assertEqual(self.tracectl("root", "list", "--all", "--no-legend").stdout, "")

    def test_stop_takes_the_events_away(self):
        self.session("off", ["sched_switch", "sched:sched_wakeup"])
        self.tracectl("root", "start", "off")
        (name,) = self.instances()
        with open(f"{TRACEFS}/instances/{name}/set_event", encoding="utf-8") as f:
            self.assertEqual(sorted(f.read().split()), ["sched:sched_switch", "sched:sched_wakeup"])
        self.tracectl("root", "disable-event", "--kernel", "-s", "off", "sched_switch")
        self.tracectl("root", "enable-event", "--kernel", "-s", "off", "sched_waking", "--filter", "prio < 100")
        with open(f"{TRACEFS}/instances/{name}/set_event", encoding="utf-8") as f:
            self.assertEqual(sorted(f.read().split()), ["sched:sched_wakeup", "sched:sched_waking"])
        self.tracectl("root", "stop", "off")
        with open(f"{TRACEFS}/instances/{name}/set_event", encoding="utf-8") as f:
            self.assertEqual(f.read(), "")
        self.tracectl("root", "start", "off")
        with open(f"{TRACEFS}/instances/{name}/set_event", encoding="utf-8") as f:
            self.assertEqual(len(f.read().split()), 2)
        self.tracectl("root", "destroy", "off")
        self.wait_for_none()

    def test_channel_of_its_own_size(self):
        self.tracectl("root", "create", "sizes")
        self.tracectl("root", "enable-channel", "--kernel", "-s", "sizes", "--subbuf-size", "16K", "--subbuf-count",
                      "8", "--overwrite", "small")
        self.tracectl("root", "enable-event", "--kernel", "-s", "sizes", "-c", "small", "sched_switch")
        self.tracectl("root", "start", "sizes")
        (name,) = self.instances()
        with open(f"{TRACEFS}/instances/{name}/options/overwrite", encoding="utf-8") as f:
            self.assertEqual(f.read(), "1\n")
        for file, _ in SUBBUF_SIZE:
            with open(f"{TRACEFS}/instances/{name}/{file}", encoding="utf-8") as f:
                self.assertEqual(f.read(), "16\n")
        self.tracectl("root", "destroy", "sizes")
        self.wait_for_none()

    def test_what_is_refused(self):
        self.tracectl("root", "create", "no")
        enable = ("enable-event", "--kernel", "-s", "no")
        self.assertIn("has no event 'no_such_event'", self.refused("root", *enable, "no_such_event"))
        self.assertIn("has no system call 'opn'", self.refused("root", *enable, "--syscall", "opn"))
        said = self.refused("root", *enable, "sched_switch", "--filter", "nosuch == 1")
        self.assertIn("Field not found", said)
        self.assertIn("at character", said)
        self.assertIn("no log levels", self.refused("root", *enable, "sched_switch", "--loglevel", "info"))
        self.assertIn("for all processes", self.refused("root", *enable, "sched_switch", "--uid", "1001"))
        self.assertIn("add target-children", self.refused("root", *enable, "sched_switch", "--pid", "1"))
        self.assertIn("'sched_switch' sets no probe; leave 'file' away",
                      self.host.run(["python3", "-c", FILE], check=False).stderr)
        self.assertEqual(self.instances(), [])

    def test_nobody_else_may(self):
        self.tracectl("alice", "create", "hers")
        said = self.refused("alice", "enable-event", "--kernel", "-s", "hers", "sched_switch")
        self.assertIn("kernel-system", said)
        self.assertIn("kernel-own", self.refused("alice", "enable-channel", "--kernel", "-s", "hers", "c"))
        self.assertEqual(self.instances(), [])

    def test_list(self):
        lines = self.tracectl("root", "list", "--kernel", "--no-legend", "sched:sched_swit*").stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines], ["sched:sched_switch"])
        self.assertIn("prev_comm:char[16]", lines[0])
        self.assertIn("next_prio:int", lines[0])
        self.assertGreater(len(self.tracectl("root", "list", "--kernel", "--no-legend").stdout.splitlines()), 500)
        done = self.busctl("root", "get-property", NAME, ROOT, NAME + ".Manager", "KernelDomain")
        self.assertEqual(done.stdout.strip(), 's "available"')

    def test_tracingd_that_is_killed_takes_it_up_again(self):
        self.session("kept", ["--syscall", "getpgid", "--filter", f'$ctx.procname == "{OURS}"'])
        self.tracectl("root", "start", "kept")
        instances = self.instances()
        self.host.run([f"/usr/local/bin/{OURS}", "10"])
        self.host.systemctl("kill", "--kill-whom=main", "--signal=KILL", "tracingd.service")
        self.host.run([f"/usr/local/bin/{OURS}", "10"])
        system.wait_until(lambda: self.tracectl("root", "status", check=False).returncode == 0, "the next tracingd")
        self.host.run([f"/usr/local/bin/{OURS}", "10"])
        self.assertEqual(self.instances(), instances)
        self.tracectl("root", "stop", "kept")
        self.assertEqual(len(self.events(self.output("root", "kept"))), 60)
        self.tracectl("root", "destroy", "kept")
        self.wait_for_none()

    def test_leftovers_go(self):
        """Whatever was killed: the next tracingd removes what has its own id, and what no living service can have."""
        before = top_level()
        self.session("lost", ["sched_switch"])
        self.tracectl("root", "start", "lost")
        (name,) = self.instances()
        self.tracectl("root", "destroy", "lost")
        self.wait_for_none()
        self.host.systemctl("stop", "tracingd.service")
        unique = os.urandom(7).hex()
        young, used, old = (f"tracectl-{n:02x}{unique}-0-1" for n in range(3))
        others = (f"tracectl-{unique}-0-1", f"tracectl-{unique}00-0", f"tracectl-{unique}00-0-1x")
        os.mkdir(f"{TRACEFS}/instances/{name}")
        for other in (young, used, old, *others):
            os.mkdir(f"{TRACEFS}/instances/{other}")
            self.addCleanup(self.remove_folder, f"{TRACEFS}/instances/{other}")
        with open(f"{TRACEFS}/instances/{used}/per_cpu/cpu0/stats", encoding="utf-8"):
            # Not before: the next tracingd of any host may be beginning now.
            for other in (used, old, *others):
                os.utime(f"{TRACEFS}/instances/{other}", (1, 1))
            self.tracectl("root", "status")
            self.wait_for_none()
            system.wait_until(lambda: not os.path.isdir(f"{TRACEFS}/instances/{old}"), "the abandoned instance to go")
            for other in (young, used, *others):
                self.assertTrue(os.path.isdir(f"{TRACEFS}/instances/{other}"), other)
        self.assertEqual(top_level(), before)

    def test_no_process_has_a_capability(self):
        """Neither tracingd nor the consumer of what the kernel records, which it does meanwhile."""
        self.session("without", ["--syscall", "getpgid", "--filter", f'$ctx.procname == "{OURS}"'])
        self.tracectl("root", "start", "without")
        self.host.run([f"/usr/local/bin/{OURS}", "10"])
        units = ["tracingd.service"] + [line.split()[0] for line in self.host.systemctl(
            "list-units", "--plain", "--no-legend", "tracectl-consumer-*.service").splitlines()]
        self.assertEqual(len(units), 2)
        pids = [pid for unit in units for pid in self.host.read(
            f"/sys/fs/cgroup/{self.show(unit, 'ControlGroup')['ControlGroup']}/cgroup.procs").split()]
        self.assertGreaterEqual(len(pids), 3)
        for pid in pids:
            with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                status = f.read()
            self.assertEqual(re.findall(r"^Cap(\w+):\t(\w+)$", status, re.MULTILINE),
                             [(name, 16 * "0") for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")], status)
            self.assertRegex(status, r"NoNewPrivs:\t1\n")
        self.tracectl("root", "stop", "without")
        self.assertEqual(len(self.events(self.output("root", "without"))), 20)


if __name__ == "__main__":
    unittest.main()
