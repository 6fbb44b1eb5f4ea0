# SPDX-License-Identifier: LGPL-2.1-or-later
"""A recording, what can be done to it, and what must be so when all is well again."""

import errno
import json
import os
import random
import signal
import time

import system
from oracle import Account, Trace
from program import PAUSED_OFF, PAUSED_ON, STEADY, Program
from service import NAME, ROOT

# Of whom the session and the programs are, and where; root's may record the kernel.
HOMES = {"alice": "/home/alice", "root": "/root"}
DISK_SIZE = "48M"
BURST = 5_000
UNIT = "tracingd.service"


class World:
    """A session of its own and its programs, in the host of a test."""

    def __init__(self, test, schedule):
        self.test, self.host = test, test.host
        self.session = f"s{schedule.seed}"
        self.threads = schedule.threads
        self.kernel = schedule.kernel
        self.user = "root" if self.kernel else "alice"
        self.disk = HOMES[self.user] + "/disk"
        self.programs, self.gone = [], []
        self.hung = []     # pids that are stopped
        self.locked = False  # the disk is read-only, perhaps
        self.asked = []    # commands that nobody has waited for
        self.since = {}    # as Account has it
        self.last_writer = 0
        self.output = f"{self.disk}/{self.session}"
        self.filler = self.host.file(f"{self.disk}/filler")
        self.host.systemctl("reset-failed", check=False)
        self.command("create", self.session, "-o", self.output)
        channel = ["-c", "ring"] if schedule.ring else []
        if schedule.ring:
            self.command("enable-channel", "-s", self.session, "--subbuf-size", schedule.ring[0], "--subbuf-count",
                         str(schedule.ring[1]), "ring")
        self.command("enable-event", "-s", self.session, *channel, "test:*")
        if self.kernel:
            self.enable_kernel(schedule.kernel_ring)
        self.command("start", self.session)
        for _ in range(schedule.programs):
            self.add_program()

    def command(self, *args, **options):
        return self.host.run(["tracectl", *args], user=self.user, **options)

    def enable_kernel(self, ring):
        channel = ["-c", "calls"] if ring else []
        if ring:
            self.command("enable-channel", "--kernel", "-s", self.session, "--subbuf-size", ring[0], "--subbuf-count",
                         str(ring[1]), "calls")
        self.command("enable-event", "--kernel", "-s", self.session, *channel, "--syscall", "getpgid", "--filter",
                     f'$ctx.procname == "{os.path.basename(STEADY)}"')

    def add_program(self):
        self.programs.append(Program(self.test, HOMES[self.user], self.user, self.last_writer, self.threads, self.kernel))
        self.last_writer += self.threads

    # Processes, as the test sees them: children of the host's PID 1.

    def _find(self, name):
        return next((pid for pid, comm in system.children(self.host.init).items() if comm == name[:15]), None)

    def _tracingd(self):
        return self._find("tracingd")

    def _consumer(self):
        return self._find("tracectl-consumer")

    def _opener(self):
        return next(iter(system.children(self._consumer() or 0)), None)

    def _signal(self, pid, sig):
        """Not to one that has gone meanwhile."""
        try:
            if pid:
                os.kill(pid, sig)
        except ProcessLookupError:
            pass

    def _hang(self, pid):
        self._signal(pid, signal.SIGSTOP)
        self.hung.append(pid)

    def _wake_all(self):
        while self.hung:
            self._signal(self.hung.pop(), signal.SIGCONT)

    # The faults.

    def do(self, fault, pause, seed):
        """Does it, and is back after a pause. What the last one has stopped goes on then."""
        before = list(self.hung)
        getattr(self, "_do_" + fault.replace("-", "_"))(random.Random(seed))
        time.sleep(pause)
        for pid in before:
            if pid in self.hung:
                self.hung.remove(pid)
                self._signal(pid, signal.SIGCONT)

    def _do_kill_tracingd(self, _):
        self._signal(self._tracingd(), signal.SIGKILL)

    def _do_terminate_tracingd(self, _):
        self._signal(self._tracingd(), signal.SIGTERM)

    def _do_restart_tracingd(self, _):
        self.host.systemctl("restart", "--no-block", UNIT)

    def _do_hang_tracingd(self, _):
        self._hang(self._tracingd())

    def _do_kill_consumer(self, _):
        self._signal(self._consumer(), signal.SIGKILL)

    def _do_terminate_consumer(self, _):
        self._signal(self._consumer(), signal.SIGTERM)

    def _do_kill_opener(self, _):
        self._signal(self._opener(), signal.SIGKILL)

    def _do_hang_consumer(self, _):
        consumer = self._consumer()
        if consumer:
            for pid in (consumer, *system.children(consumer)):
                self._hang(pid)

    def _do_kill_program(self, choice):
        program = self.programs.pop(choice.randrange(len(self.programs)))
        program.end()
        self.gone += program.threads()
        self.add_program()

    def _do_hang_program(self, choice):
        self._hang(choice.choice(self.programs).process.outer_pid)

    def _do_reexec_systemd(self, _):
        self.host.systemctl("daemon-reexec", check=False)

    def _do_restart_bus(self, _):
        self.host.systemctl("restart", "dbus.service", check=False)

    def _do_restart_polkit(self, _):
        self.host.systemctl("restart", "polkit.service", check=False)

    def _do_lock_disk(self, _):
        """Read-only, as a kernel makes it that has found an error there; that one does not ask who has it open."""
        opener = self._opener()
        self._do_kill_consumer(None)
        self._signal(opener, signal.SIGKILL)
        self.locked = True
        self.host.run(["mount", "-o", "remount,ro", self.disk], check=False)

    def _unlock_disk(self):
        if self.locked:
            self.host.run(["mount", "-o", "remount,rw", self.disk])
            self.locked = False

    def _do_fill_disk(self, _):
        """To the last page."""
        self._unlock_disk()
        with open(self.filler, "ab") as f:
            step = 1 << 20
            while step >= 4096:
                try:
                    os.posix_fallocate(f.fileno(), os.fstat(f.fileno()).st_size, step)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    step //= 2

    def _do_free_disk(self, _):
        self._unlock_disk()
        try:
            os.unlink(self.filler)
        except FileNotFoundError:
            pass

    def _do_burst(self, _):
        for program in self.programs:
            program.burst(BURST)

    def _do_rotate(self, _):
        self.asked.append(self.test.start(["tracectl", "rotate", self.session], user=self.user))

    def _do_restart_session(self, choice):
        """Stop and Start, perhaps with a fault in each: what is emitted in between is nobody's."""
        self._pause_all()
        for command, state, seen in (("stop", "stopped", PAUSED_OFF), ("start", "active", PAUSED_ON)):
            self._ask_until(command, choice, lambda wanted=state: self.state() == wanted)
            for program in self.programs:
                program.wait_for((seen,), f"the news of {command}")
        self._go_on_all()

    def _do_clear(self, choice):
        """What is emitted meanwhile would be on either side of it."""
        self._pause_all()
        # What is still in the rings is cleared as well.
        done = []
        self._ask_until("clear", choice, lambda: done, done)
        self.since = {thread.writer: (thread.begun, thread.calls_begun) for thread in self.all_threads()}
        self._go_on_all()

    def _ask_until(self, command, choice, is_done, done=None):
        """Asks for something while something breaks, and again, as a client would, until it is done."""
        deadline = time.monotonic() + system.PATIENCE
        while not is_done():
            if time.monotonic() > deadline:
                raise AssertionError(f"{command} is not done in {system.PATIENCE} s; the session is {self.state()}")
            asked = self.test.start(["tracectl", command, self.session], user=self.user)
            time.sleep(choice.uniform(0, 0.03))
            fault = choice.choice([self._do_kill_tracingd, self._do_kill_consumer, None, None])
            if fault:
                fault(choice)
            asked.finish()
            if asked.returncode == 0 and done is not None:
                done.append(True)
            self.settle()

    def _pause_all(self):
        """When all are recorded: what is stopped or cleared before one is registered, it cannot be told of."""
        self.settle()
        for program in self.programs:
            system.wait_until(program.has_rings, "a program's turn")
            program.pause()

    def _go_on_all(self):
        for program in self.programs:
            program.go_on()

    def all_threads(self):
        return self.gone + [thread for program in self.programs for thread in program.threads()]

    # When nothing is broken any more.

    def get(self, *names):
        """Properties of the session; None while nobody answers."""
        path = self.test.path(self.user, self.session)
        done = self.host.run(["busctl", "--json=short", "call", NAME, path, "org.freedesktop.DBus.Properties", "GetAll",
                              "s", NAME + ".Session"], user=self.user, check=False)
        if done.returncode != 0:
            return None
        properties = json.loads(done.stdout)["data"][0]
        return [properties[name]["data"] for name in names]

    def state(self):
        found = self.get("State")
        return found and found[0]

    def settle(self, *_):
        """Everything lives and there is room: returns when the session goes on by itself, and all that was asked ended."""
        self._wake_all()
        self._do_free_disk(None)
        for process in self.asked:
            process.finish()
        self.asked.clear()
        system.wait_until(lambda: self.state() in ("active", "stopped", "failed") and self._consumer(), "a settled session")
        if self.state() == "failed":
            raise AssertionError(f"the session has failed: {self.get('Reason')}")

    def finish(self):
        """Ends the recording; sentences on what is wrong with it."""
        self.settle()
        for program in self.programs:
            program.emit_more()
        self._pause_all()
        self.command("stop", self.session)
        for program in self.programs:
            program.end()
        recorded, discarded = self.get("EventsRecorded", "EventsDiscarded")
        trace = Trace(self.host.file(self.output))
        wrong = Account(self.all_threads(), self.since).compare(trace, recorded, discarded)
        self.command("destroy", self.session)
        return wrong
