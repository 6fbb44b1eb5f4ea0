# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the installed service share: users' commands, programs that emit on request, exact counts."""

import json
import os
import re
import select
import subprocess

import host
import system

NAME = "org.tracectl.Tracing1"
ROOT = "/org/tracectl/Tracing1"
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EMIT = "/usr/local/bin/emit"
FOLLOW = "/usr/share/doc/tracectl/examples/follow-sessions.py"


def read_line(process):
    """The next line that a program prints, "" at its end; it must not take for ever."""
    if not select.select([process.stdout], [], [], system.PATIENCE)[0]:
        raise AssertionError(f"{process.args[-3:]} says nothing")
    return process.stdout.readline()


class Emitter:
    """A program with tracepoints (test:tick) that runs until the test ends it, and emits when it is asked to."""

    def __init__(self, test, user, writer, program=EMIT, how="asked", **options):
        self.writer = writer
        self.process = test.start([program, how, str(writer), "0"], user=user, bufsize=0, text=False, **options)
        self.pid = int(self._line("ready"))
        self.emitted = 0

    def _line(self, word):
        line = read_line(self.process).decode().split()
        if len(line) != 2 or line[0] != word:
            raise AssertionError(f"the emitter says {line}: {self.process.stderr.read()}")
        return line[1]

    def emit(self, n):
        self.ask(n)
        self.wait()

    def ask(self, n):
        self.process.stdin.write(f"{n}\n".encode())

    def wait(self):
        self.emitted += int(self._line("emitted"))

    @property
    def cpu_time(self):
        """Clock ticks of user and system time so far, and how often its threads have been switched to."""
        folder = f"/proc/{self.process.outer_pid}"
        with open(f"{folder}/stat", encoding="utf-8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        switches = 0
        for task in os.listdir(f"{folder}/task"):
            with open(f"{folder}/task/{task}/status", encoding="utf-8") as f:
                switches += sum(int(n) for n in re.findall(r"ctxt_switches:\s+(\d+)", f.read()))
        return int(fields[11]) + int(fields[12]), switches


class ServiceTest(host.HostTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.install_program(cls.host, "emit", EMIT)

    @staticmethod
    def install_program(machine, name, path):
        """One of tests/programs, built as anybody would build it: with what is installed."""
        with open(os.path.join(SOURCE, "tests", "programs", name + ".c"), encoding="utf-8") as f:
            machine.write(f"/root/{name}.c", f.read())
        machine.run(f"ldconfig && cc -D_GNU_SOURCE -O2 /root/{name}.c -o {path} -pthread "
                    "$(pkg-config --cflags --libs tracectl-tracepoint)")

    def setUp(self):
        super().setUp()
        self.addCleanup(self.destroy_all)

    def destroy_all(self):
        listed = self.tracectl("root", "list", "--all", "--json=short", check=False).stdout
        for session in json.loads(listed or "[]"):
            self.tracectl("root", "destroy", f"{session['owner']}/{session['name']}", check=False)

    def tracectl(self, user, *args, **options):
        return self.host.run(["tracectl", *args], user=user, **options)

    def refused(self, user, *args, status=1, **options):
        """A command that must fail, with one sentence, which is returned."""
        done = self.tracectl(user, *args, check=False, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"\Atracectl: [^\n]+\n\Z")
        return done.stderr

    def emitter(self, user, writer, **options):
        return Emitter(self, user, writer, **options)

    def follow(self, user):
        """The example that follows sessions by their signals, when it does."""
        follower = self.start(["/usr/bin/python3", "-u", FOLLOW], user=user, bufsize=0, text=False)
        self.assertEqual(self.read_until(follower, "following"), ["following"])
        return follower

    @staticmethod
    def read_until(process, last):
        """The lines of an unbuffered process up to one that begins with last."""
        lines = []
        while not lines or not lines[-1].startswith(last):
            line = read_line(process).decode()
            if not line:
                raise AssertionError(f"no '{last}' in {lines}: {process.stderr.read().decode()}")
            lines.append(line.strip())
        return lines

    def busctl(self, user, *args, check=True, **options):
        return self.host.run(["busctl", "--no-pager", *args], user=user, check=check, **options)

    def path(self, user, session):
        """The object of a session."""
        escaped = re.sub("[^A-Za-z0-9]", lambda c: f"_{ord(c[0]):02x}", session)
        return f"{ROOT}/session/_3{host.USERS.get(user, 0)}/{escaped}"

    def get(self, user, session, name):
        """A property of a session, as its owner sees it."""
        done = self.busctl(user, "get-property", NAME, self.path(user, session), NAME + ".Session", name)
        kind, value = done.stdout.strip().split(" ", 1)
        return value.strip('"') if kind == "s" else int(value)

    def show(self, unit, *names, user=None):
        """Properties of a unit."""
        options = [f"--property={name}" for name in names]
        text = self.host.systemctl("show", *options, unit, user=user)
        return dict(line.split("=", 1) for line in text.splitlines())

    def await_main_pid(self, unit):
        """That of a unit which may just be being started again: 0 would be everybody to kill(1)."""
        return system.wait_until(lambda: int(self.show(unit, "MainPID")["MainPID"]), f"a process of {unit}")

    def output(self, user, session):
        return self.get(user, session, "Output")

    def events(self, path, lost=0, options=()):
        """The events of a trace as babeltrace2 has them, from outside. lost: None where some may have been."""
        done = subprocess.run(["babeltrace2", "--no-delta", *options, self.host.file(path)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=system.PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        if lost is not None:
            self.assertEqual(done.stderr, "")
        return [line for line in done.stdout.splitlines() if not re.search(" (tracectl:thread|lttng_statedump_\\w+): ", line)]

    def assert_counted(self, events, emitters):
        """Every event of every emitter once, in its order, and no other."""
        found = {}
        for line in events:
            writer, counter = re.search(r"writer = (\d+), counter = (\d+)", line).groups()
            found.setdefault(int(writer), []).append(int(counter))
        self.assertEqual({writer: len(counters) for writer, counters in found.items()},
                         {emitter.writer: emitter.emitted for emitter in emitters if emitter.emitted})
        for counters in found.values():
            self.assertEqual(sorted(counters), list(range(len(counters))))
