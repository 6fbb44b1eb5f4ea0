# SPDX-License-Identifier: LGPL-2.1-or-later
"""
An upgrade and a downgrade while programs record: every program is replaced by one of the next version, whose formats
all have a higher minor number and something that this version does not know (protocol/later.h), and by this one again.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import unittest

import host
import system
import test_kernel as kernel
import test_kernel_own as own
from service import NAME, ROOT, SOURCE, read_line
from test_service_restart import TORTURE, RestartTest

if __name__ == "__main__":
    kernel.with_tracefs()

LATER = os.path.join(system.BUILD, "later")
LIBRARY = "libtracectl-tracepoint.so.0"
EARLIER_CLIENT = "/usr/local/bin/tracectl-earlier"


def run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}")


def build_later():
    """The next version's programs. Two tests at once build them one after the other."""
    with open(os.path.join(system.BUILD, "later.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(LATER, "build.ninja")):
            run("meson", "setup", "-Dlater=true", "-Db_lundef=false", f"-Db_sanitize={system.SANITIZE}", LATER,
                SOURCE)
        library = os.path.basename(os.path.realpath(os.path.join(system.BUILD, "tracer", LIBRARY)))
        run("ninja", "-C", LATER, "service/tracingd", "consumer/tracectl-consumer", "tracer/" + library, "client/tracectl")


@host.needs_host
@unittest.skipUnless(TORTURE, "it builds everything a second time: TRACECTL_TORTURE=1")
class UpgradeTest(RestartTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        build_later()
        found = cls.host.run("realpath $(ldconfig -p | grep -m 1 -o '/.*/" + LIBRARY + "')").stdout.strip()
        cls.places = {"service/tracingd": "/usr/libexec/tracectl/tracingd",
                      "consumer/tracectl-consumer": "/usr/libexec/tracectl/tracectl-consumer",
                      "tracer/" + LIBRARY: os.path.join(os.path.dirname(found), LIBRARY), "client/tracectl": "/usr/bin/tracectl"}
        shutil.copy(cls.earlier(cls.places["client/tracectl"]), cls.host.file(EARLIER_CLIENT))

    @staticmethod
    def earlier(path):
        return host.installed_tree()[1] + path

    def setUp(self):
        super().setUp()
        self.addCleanup(self.downgrade)

    def replace(self, new, path):
        """As packages do it: those that run keep the file that they have."""
        real = os.path.join(os.path.dirname(path), os.path.basename(os.path.realpath(self.earlier(path))))
        shutil.copy(new, self.host.file(real + ".new"))
        os.rename(self.host.file(real + ".new"), self.host.file(real))

    def upgrade(self):
        for name, path in self.places.items():
            self.replace(os.path.join(LATER, name), path)

    def downgrade(self):
        for path in self.places.values():
            self.replace(self.earlier(path), path)

    def replace_consumer(self, session, user="alice"):
        """It is killed, and its successor is of the version that is installed."""
        unit = self.get(user, session, "ConsumerUnit") + ".service"
        before = self.await_main_pid(unit)
        self.host.run(["kill", "-KILL", str(before)], check=False)
        system.wait_until(lambda: self.await_main_pid(unit) != before, "another consumer")

    def each_way(self, sessions, record, user="alice"):
        """record() is called with programs of every pair of versions. sessions: those whose consumers are replaced."""
        record()
        for change, consumers_first in ((self.upgrade, False), (self.downgrade, True), (self.upgrade, True),
                                        (self.downgrade, False)):
            change()
            for what in (True, False):
                if what == consumers_first:
                    for session in sessions:
                        self.replace_consumer(session, user)
                else:
                    self.restart()
                record()


class Upgrade(UpgradeTest):
    def record_some(self, emitters):
        for emitter in emitters:
            emitter.emit(1000)

    def abis(self):
        """Of alice's applications, in the order of their coming."""
        paths = sorted(path for _, path in self.applications())
        return [self.busctl("alice", "get-property", NAME, path, NAME + ".Application", "Abi").stdout.split('"')[1]
                for path in paths]

    def assert_followed(self, program, session, emitter):
        """A client of one version reads along with a consumer of another."""
        limits = "get-property", NAME, ROOT, NAME + ".Manager", "Limits"
        used = self.busctl("alice", *limits).stdout
        follower = self.start([program, "view", "--follow", session], user="alice", bufsize=0, text=False)
        system.wait_until(lambda: self.busctl("alice", *limits).stdout != used, "an open stream")
        emitter.emit(3)
        for _ in range(3):
            self.assertIn("test:tick", read_line(follower).decode())
        follower.terminate()
        follower.communicate(timeout=system.PATIENCE)
        system.wait_until(lambda: self.busctl("alice", *limits).stdout == used, "the end of the stream")

    def begin_all(self):
        self.begin("steady")
        self.tracectl("alice", "create", "chosen")
        self.tracectl("alice", "enable-channel", "-s", "chosen", "--ordered-clock", "main")
        self.tracectl("alice", "add-context", "-s", "chosen", "-c", "main", "procname", "vpid")
        self.tracectl("alice", "enable-event", "-s", "chosen", "-c", "main", "test:*", "--filter", "counter >= 0")
        self.tracectl("alice", "start", "chosen")

    def test_there_and_back(self):
        emitters = [self.emitter("alice", 1)]
        self.begin_all()
        before = self.everything()
        self.record_some(emitters)

        self.upgrade()
        self.restart()
        self.assertEqual(self.everything(), before)
        self.record_some(emitters)
        emitters.append(self.emitter("alice", 2))
        self.assertEqual(self.abis(), ["1.1", "1.2"])
        # The consumers are of the earlier version still.
        self.tracectl("alice", "rotate", "steady")
        self.record_some(emitters)
        self.assert_followed("tracectl", "steady", emitters[0])
        for session in ("steady", "chosen"):
            self.replace_consumer(session)
        self.record_some(emitters)
        self.assert_followed(EARLIER_CLIENT, "steady", emitters[0])
        self.assert_followed("tracectl", "steady", emitters[1])
        self.restart()
        self.record_some(emitters)

        self.downgrade()
        # Now the consumers before tracingd.
        for session in ("steady", "chosen"):
            self.replace_consumer(session)
        self.record_some(emitters)
        self.tracectl("alice", "rotate", "chosen")
        before = self.everything()
        self.restart()
        self.assertEqual(self.everything(), before)
        emitters.append(self.emitter("alice", 3))
        self.assertEqual(self.abis(), ["1.1", "1.2", "1.1"])
        self.record_some(emitters)
        for session in ("steady", "chosen"):
            self.replace_consumer(session)
            self.record_some(emitters)
        for session in ("steady", "chosen"):
            self.tracectl("alice", "stop", session)
            self.assertEqual(self.get("alice", session, "EventsDiscarded"), 0)
            self.assertEqual(self.get("alice", session, "EventsRecorded"), sum(e.emitted for e in emitters))
            self.assert_counted(self.events(self.output("alice", session)), emitters)
            shown = self.tracectl("alice", "view", self.output("alice", session)).stdout
            self.assertEqual(shown.count(" test:tick "), sum(e.emitted for e in emitters))

    def counters(self, path):
        return [int(re.search(r"counter = (\d+)", line).group(1)) for line in self.events(path)]

    def test_rings_in_files(self):
        """And what is left of them when everything is killed is recovered by either version's tracectl."""
        for turn, program in enumerate(("tracectl", EARLIER_CLIENT)):
            trace = f"/home/alice/files-{turn}"
            emitter = self.emitter("alice", turn)
            self.begin("files", "--persistent", "-o", trace)
            self.each_way(["files"], lambda e=emitter: e.emit(1000))
            if program == EARLIER_CLIENT:
                # The other way round: rings that the later version described.
                self.upgrade()
                self.restart()
                self.replace_consumer("files")
                emitter.emit(1000)
                self.emitter("alice", turn).emit(0)
            self.assertEqual(self.get("alice", "files", "EventsDiscarded"), 0)
            self.host.power_cut()
            if program == "tracectl":
                self.upgrade()
            self.host.boot()
            with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
                self.host.run(["sh", "-c", "cat >/run/boot-id"], input=f.read())
            self.host.run([program, "recover", trace], user="alice")
            self.assertEqual(self.counters(trace), list(range(emitter.emitted)))
            self.downgrade()
            self.restart()

    def test_overwrite(self):
        """The newest events of rings that overwrite, whoever takes them out."""
        emitter = self.emitter("alice", 1)
        self.tracectl("alice", "create", "newest", "--mode=flight-recorder")
        self.tracectl("alice", "enable-channel", "-s", "newest", "main", "--subbuf-size", "16K", "--subbuf-count", "2")
        self.tracectl("alice", "enable-event", "-s", "newest", "-c", "main", "test:*")
        self.tracectl("alice", "start", "newest")
        output, turn = self.output("alice", "newest"), 0

        def emit_and_look():
            nonlocal turn
            turn += 1
            emitter.emit(10_000)
            self.tracectl("alice", "snapshot", "-s", "newest", f"turn-{turn}")
            (found,) = [path for path in self.host.run(["find", output, "-name", f"*turn-{turn}"]).stdout.split()]
            counters = self.counters(found)
            self.assertGreater(len(counters), 100)
            self.assertLess(len(counters), 10_000)
            newest = max(counters)
            self.assertEqual(newest, emitter.emitted - 1)

        self.each_way(["newest"], emit_and_look)

    def test_record(self):
        """A recording of a program that runs goes on, whose client is of the earlier version, and of the later one."""
        for turn in range(2):
            emitter = self.emitter("alice", turn)
            if turn:
                self.upgrade()
                self.restart()
            trace = f"/home/alice/recording-{turn}"
            client = self.start(f"exec tracectl record -o {trace} -p {emitter.pid} 2>&1", user="alice", bufsize=0, text=False)
            self.assertIn(b"Recording into", read_line(client))
            (session,) = self.tracectl("alice", "list", "--no-legend").stdout.split()[:1]
            self.each_way([session], lambda e=emitter: e.emit(1000))
            os.kill(client.outer_pid, signal.SIGINT)
            self.assertIn(f"{emitter.emitted:,} events, 0 lost", read_line(client).decode())
            self.assertEqual(self.counters(trace), list(range(emitter.emitted)))

    @unittest.skipUnless(os.path.isdir(f"{kernel.TRACEFS}/instances"), "needs tracefs")
    def test_kernel(self):
        """A ring of the kernel's is emptied by consumers of either version, beside those of a program."""
        kernel.install_pairs(self.host, kernel.OURS)
        self.tracectl("root", "create", "kernel")
        self.tracectl("root", "enable-event", "--kernel", "-s", "kernel", "--syscall", "getpgid", "--filter",
                      f'$ctx.procname == "{kernel.OURS}"')
        self.tracectl("root", "enable-event", "-s", "kernel", "pair:*")
        self.tracectl("root", "start", "kernel")
        turns = 0

        def call():
            nonlocal turns
            turns += 1
            self.host.run([kernel.OURS, "100"])

        self.each_way(["kernel"], call, user="root")
        self.tracectl("root", "stop", "kernel")
        self.assertEqual(self.get("root", "kernel", "EventsDiscarded"), 0)
        lines = self.events(self.output("root", "kernel"))
        for name in ("pair:before", "syscall_entry_getpgid", "syscall_exit_getpgid", "pair:after"):
            self.assertEqual(sum(f" {name}: " in line for line in lines), 100 * turns, name)
        shown = self.tracectl("root", "view", self.output("root", "kernel")).stdout
        self.assertEqual(shown.count("pair:after"), 100 * turns)

    @unittest.skipUnless(os.path.isdir(f"{kernel.TRACEFS}/instances"), "needs tracefs")
    def test_kernel_of_a_user(self):
        """Such a session ends with a tracingd that is replaced, and says so; what it has had is there, and another one
        can be made."""
        kernel.install_pairs(self.host, kernel.OURS)
        self.host.write("/etc/polkit-1/rules.d/50-own.rules", own.RULE)
        self.host.systemctl("restart", "polkit.service")
        # A tracingd sees what was there when it began.
        self.host.systemctl("stop", "tracingd.service")
        self.host.show_machine_proc()
        for change in (self.upgrade, self.downgrade):
            command = ["sh", "-c", f"{kernel.OURS} 10; read line; {kernel.OURS} 10"]
            client = self.start(["tracectl", "record", "--kernel", "--syscall", "getpgid", "-o", f"/home/alice/{change.__name__}",
                                 "--", *command], user="alice")
            system.wait_until(lambda: "active" in self.tracectl("alice", "list", "--no-legend").stdout, "a session")
            (session,) = self.tracectl("alice", "list", "--no-legend").stdout.split()[:1]
            system.wait_until(lambda s=session: self.get("alice", s, "EventsRecorded") >= 20, "its first half")
            self.replace_consumer(session)
            change()
            self.restart()
            client.communicate("\n", timeout=system.PATIENCE)
            lines = self.events(f"/home/alice/{change.__name__}", lost=None)
            self.assertEqual(sum("syscall_entry_getpgid: " in line for line in lines), 10)


if __name__ == "__main__":
    unittest.main()
