# SPDX-License-Identifier: LGPL-2.1-or-later
"""tracingd goes and comes back: killed, restarted, over and over. Sessions, objects and consumers stay, nothing is lost."""

import collections
import json
import os
import random
import re
import signal
import time
import unittest

import host
import system
from service import NAME, ROOT, ServiceTest

UNIT = "tracingd.service"
TORTURE = os.environ.get("TRACECTL_TORTURE") == "1"
SEED = int(os.environ.get("TRACECTL_SEED", "1"))


# Speaks the handshake itself: registers at each line that it reads, as who it was, with a hash of the view that it has in
# force, or for "wrong" with another one; and prints how many descriptors came with READY, and whether that named the view.
COMES_BACK = """
import array, fcntl, os, socket, struct, sys

def fnv(data, hash=0xcbf29ce484222325):
    for byte in data:
        hash = (hash ^ byte) * 0x100000001b3 % 2**64
    return hash

def message(text, fds=()):
    s.sendmsg([text.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])

def receive():
    text, fds, _, _ = socket.recv_fds(s, 4096, 64)
    return dict(line.split("=", 1) for line in text.decode().split()), fds

entry = struct.pack("=BB", 6, 0) + b"test\\0emit\\0"
entry = struct.pack("=I", len(entry) + 4) + entry
definitions = struct.pack("=IHHIIQ", 0x53464554, 1, 0, 24, 1, 24 + len(entry)) + entry
again = ""
for line in sys.stdin:
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect("/run/tracectl/register")
    message(f"REGISTER=1\\nABI=1.0\\nNAME=back\\nEVENTS={fnv(definitions):x}\\n" +
            (f"RESUME={number}\\nVIEW={hash ^ (line == 'wrong' + chr(10)):x}\\n" if again else ""))
    answer, fds = receive()
    if "NEED" in answer:
        fd = os.memfd_create("definitions", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.write(fd, definitions)
        fcntl.fcntl(fd, 1033, 1 | 2 | 4 | 8) # F_ADD_SEALS: all
        message(f"EVENTS={fnv(definitions):x}\\n", [fd])
        answer, fds = receive()
    if fds:
        view = os.pread(fds[0], 1 << 20, 0) # struct view_header: the generation is at 40
        hash = fnv(view[48:], fnv(view[:40]))
    message(f"APPLIED={answer['GENERATION']}\\n")
    same = not again or number == answer["APPLICATION"]
    number, again = answer["APPLICATION"], True
    print(len(fds), "VIEW" in answer, same, flush=True)
    for fd in fds:
        os.close(fd)
"""


class RestartTest(ServiceTest):
    def main_pid(self, user=None):
        return int(self.show(UNIT, "MainPID", user=user)["MainPID"])

    def kill(self, user=None):
        """Returns when another one serves."""
        before = self.main_pid(user)
        self.host.systemctl("kill", "--signal=KILL", "--kill-whom=main", UNIT, user=user)
        self.await_another(before, user)

    def restart(self, user=None):
        before = self.main_pid(user)
        self.host.systemctl("restart", UNIT, user=user)
        self.await_another(before, user)

    def await_another(self, before, user=None):
        system.wait_until(lambda: self.main_pid(user) not in (0, before) and
                          self.show(UNIT, "ActiveState", user=user)["ActiveState"] == "active", "another tracingd")

    def forget_starts(self, n):
        """systemd gives up on a service that it starts more than 50 times in half a minute; a test may want more."""
        if n % 25 == 24:
            self.host.systemctl("reset-failed", UNIT)

    def await_end(self, unit, user=None):
        system.wait_until(lambda: self.host.unit_property(unit + ".socket", "LoadState", user=user) == "not-found",
                          "the end of the consumer")

    def list(self, user="alice"):
        """Whether all are there, for which the call waits half a second, and the objects of a user's applications."""
        done = self.busctl(user, "--json=short", "call", NAME, ROOT, NAME + ".Manager", "ListApplications", "a{sv}", "0")
        settled, applications = json.loads(done.stdout)["data"]
        return settled, sorted((a[0], a[-1]) for a in applications)

    def applications(self, user="alice"):
        settled, applications = self.list(user)
        self.assertTrue(settled)
        return applications

    def assert_conserved(self, session, emitters, user="alice"):
        """What was recorded and what was lost is what was emitted; each once."""
        events = self.events(self.output(user, session), lost=None)
        lost = self.get(user, session, "EventsDiscarded")
        numbers = collections.Counter(re.search(r"writer = (\d+), counter = (\d+)", line).groups() for line in events)
        twice = [line for line in events if numbers[re.search(r"writer = (\d+), counter = (\d+)", line).groups()] > 1]
        self.assertEqual(twice[:20], [], f"{len(twice)} events that are there more than once")
        emitted = {e.writer: e.emitted for e in emitters}
        recorded = collections.Counter(int(writer) for writer, _ in numbers)
        self.assertEqual(len(events) + lost, sum(emitted.values()), f"{recorded} recorded, {lost} lost of {emitted}")
        self.assertEqual(self.get(user, session, "EventsRecorded"), len(events))
        return lost

    def begin(self, session, *options, user="alice"):
        self.tracectl(user, "create", session, *options)
        self.tracectl(user, "enable-event", "-s", session, "test:*")
        self.tracectl(user, "start", session)

    def everything(self, user="alice"):
        """What clients see of a user's sessions: objects with their properties, and profiles."""
        done = self.busctl(user, "--json=short", "call", NAME, ROOT, "org.freedesktop.DBus.ObjectManager",
                           "GetManagedObjects")
        objects = json.loads(done.stdout)["data"][0]
        for interfaces in objects.values():
            for properties in interfaces.values():
                for name in ("EventsRecorded", "EventsDiscarded", "Bytes", "Clients"):
                    properties.pop(name, None)
        sessions = {path: value for path, value in objects.items() if "/session/" in path}
        dumps = {path: self.busctl(user, "call", NAME, path, NAME + ".Session", "Dump").stdout
                 for path, interfaces in sessions.items() if NAME + ".Session" in interfaces}
        return sessions, dumps


class Restart(RestartTest):
    def test_kill(self):
        emitter = self.emitter("alice", 1)
        self.begin("steady")
        emitter.emit(1000)
        before, consumer = self.everything(), self.get("alice", "steady", "ConsumerUnit")
        pid = self.show(consumer + ".service", "MainPID")
        self.kill()
        emitter.emit(1000)
        self.assertEqual(self.everything(), before)
        self.assertEqual(self.show(consumer + ".service", "MainPID"), pid)
        emitter.emit(1000)
        self.tracectl("alice", "stop", "steady")
        self.assert_counted(self.events(self.output("alice", "steady")), [emitter])
        self.assertEqual(self.get("alice", "steady", "EventsRecorded"), emitter.emitted)
        self.assertEqual(self.get("alice", "steady", "EventsDiscarded"), 0)

    def test_restart(self):
        emitter = self.emitter("alice", 1)
        self.begin("steady")
        emitter.emit(1000)
        before = self.everything()
        self.restart()
        emitter.emit(1000)
        self.assertEqual(self.everything(), before)
        self.tracectl("alice", "stop", "steady")
        self.assert_counted(self.events(self.output("alice", "steady")), [emitter])

    def test_application_keeps_its_number(self):
        emitters = [self.emitter("alice", n) for n in range(5)]
        self.begin("numbers")
        before = self.applications()
        self.assertEqual(len(before), 5)
        self.kill()
        self.assertEqual(self.applications(), before)
        emitters.append(self.emitter("alice", 9))
        after = self.applications()
        self.assertEqual(len(set(path for _, path in after)), 6)
        self.assertLessEqual(set(before), set(after))
        self.restart()
        self.assertEqual(self.applications(), after)
        for emitter in emitters:
            emitter.emit(100)
        self.tracectl("alice", "stop", "numbers")
        self.assert_counted(self.events(self.output("alice", "numbers")), emitters)

    def test_kept_view(self):
        """Who has the right view in force is sent its hash alone; who has another one, that view."""
        self.begin("kept")
        program = self.start(["/usr/bin/python3", "-c", COMES_BACK], user="alice")

        def ask(line):
            program.stdin.write(line + "\n")
            program.stdin.flush()
            return program.stdout.readline().strip()

        self.assertEqual(ask("first"), "3 False True")
        for line, answer in (("right", "0 True True"), ("wrong", "3 False True"), ("right", "0 True True")):
            self.kill()
            self.assertEqual(ask(line), answer)
            # It counts as having it.
            self.assertEqual(self.list()[0], True)
        self.kill()
        self.tracectl("alice", "enable-event", "-s", "kept", "--loglevel", "debug", "other:*")
        self.tracectl("alice", "disable-event", "-s", "kept", "test:*")
        self.assertEqual(ask("right"), "1 False True")

    def test_late_ones_keep_their_numbers(self):
        """Nobody gives an application up while others still come back: two come late, one after the other."""
        emitters = [self.emitter("alice", n) for n in range(3)]
        self.begin("late")
        before = self.applications()
        for emitter in emitters[1:]:
            emitter.process.send_signal(signal.SIGSTOP)
        self.kill()
        for emitter in emitters[1:]:
            end = time.monotonic() + 3
            while time.monotonic() < end:
                self.assertFalse(self.list()[0])
            emitter.process.send_signal(signal.SIGCONT)
            system.wait_until(lambda e=emitter: e.pid in [pid for pid, _ in self.list()[1]], "the one that continues")
        self.assertEqual(self.applications(), before)

    def test_rules_afterwards(self):
        """Rules that come after the restart work, beside those from before, whose classes keep their numbers."""
        emitter = self.emitter("alice", 1)
        self.tracectl("alice", "create", "rules")
        self.tracectl("alice", "start", "rules")
        emitter.emit(100)
        self.kill()
        self.tracectl("alice", "enable-event", "-s", "rules", "test:*")
        emitter.emitted = 0
        emitter.emit(0)
        counted = self.emitter("alice", 2)
        counted.emit(1000)
        self.kill()
        another = self.emitter("alice", 3)
        another.emit(1000)
        counted.emit(1000)
        self.tracectl("alice", "stop", "rules")
        self.assert_counted(self.events(self.output("alice", "rules")), [counted, another])

    def test_rings_of_a_process(self):
        """Without restartable sequences a process has rings for itself, which it gets anew."""
        emitter = self.emitter("alice", 1, env={"GLIBC_TUNABLES": "glibc.pthread.rseq=0"})
        self.begin("alone")
        emitter.emit(1000)
        for _ in range(3):
            emitter.ask(100_000)
            self.kill()
            emitter.wait()
            self.applications()
            emitter.emit(1000)
        self.tracectl("alice", "stop", "alone")
        self.assertIn("process-", self.host.run(["ls", self.output("alice", "alone") + "/user/1001"]).stdout)
        self.assert_conserved("alone", [emitter])

    def stored(self):
        return int(self.show(UNIT, "NFileDescriptorStore")["NFileDescriptorStore"])

    def bound_store(self, n):
        """Beyond which systemd keeps no more descriptors; None: as it was."""
        folder = f"/run/systemd/system/{UNIT}.d"
        if n is None:
            self.host.run(["rm", "-rf", folder])
        else:
            self.host.run(["mkdir", "-p", folder])
            self.host.write(f"{folder}/store.conf", f"[Service]\nFileDescriptorStoreMax={n}\n")
        self.host.systemctl("daemon-reload")

    def test_rings_that_are_not_kept(self):
        """The store is full when an application comes: it gets other rings after a restart, and nothing is lost."""
        self.begin("crowded")
        n = self.stored()
        self.addCleanup(self.bound_store, None)
        self.bound_store(n)
        emitter = self.emitter("alice", 1)
        emitter.emit(1000)
        self.assertEqual(self.stored(), n)
        self.bound_store(None)
        self.kill()
        self.applications()
        emitter.emit(1000)
        self.tracectl("alice", "stop", "crowded")
        self.assertEqual(self.assert_conserved("crowded", [emitter]), 0)

    def test_every_state(self):
        emitter = self.emitter("alice", 1)
        self.tracectl("alice", "create", "configured")
        self.tracectl("alice", "enable-channel", "-s", "configured", "--overwrite", "--ordered-clock", "ring")
        self.tracectl("alice", "add-context", "-s", "configured", "vpid")
        self.tracectl("alice", "enable-event", "-s", "configured", "-c", "ring", "test:*")
        self.tracectl("alice", "disable-event", "-s", "configured", "-c", "ring", "test:*")
        self.begin("stopped")
        self.begin("active", "-o", "/home/alice/active")
        emitter.emit(1000)
        self.tracectl("alice", "stop", "stopped")
        self.tracectl("alice", "rotate", "active")
        self.begin("failed")
        unit = self.get("alice", "failed", "ConsumerUnit")
        self.host.systemctl("stop", unit + ".socket", unit + ".service")
        system.wait_until(lambda: self.get("alice", "failed", "State") == "failed", "the failure")
        before, counts = self.everything(), self.get("alice", "stopped", "EventsRecorded")
        for again in (self.kill, self.restart, self.kill):
            again()
            self.assertEqual(self.everything(), before)
        self.assertEqual(self.get("alice", "stopped", "EventsRecorded"), counts)
        emitter.emit(1000)
        self.tracectl("alice", "rotate", "active")
        self.tracectl("alice", "start", "stopped")
        emitter.emit(1000)
        for session in ("active", "stopped"):
            self.tracectl("alice", "stop", session)
        events = self.events("/home/alice/active")
        self.assert_counted(events, [emitter])
        self.assertTrue(os.path.isdir(self.host.file("/home/alice/active/chunk-2")))
        self.assertEqual(self.get("alice", "stopped", "EventsRecorded"), 2000)
        for session in ("configured", "stopped", "active", "failed"):
            self.tracectl("alice", "destroy", session)

    def test_consumer_dies_meanwhile(self):
        """Both at once, and the consumer alone while there is no tracingd."""
        emitter = self.emitter("alice", 1)
        self.begin("both")
        unit = self.get("alice", "both", "ConsumerUnit")
        for _ in range(3):
            emitter.emit(1000)
            before = self.main_pid()
            pid = self.await_main_pid(unit + ".service")
            self.host.run(["kill", "-KILL", str(before), str(pid)], check=False)
            emitter.emit(1000)
            self.await_another(before)
        self.assertEqual(self.get("alice", "both", "State"), "active")
        emitter.emit(1000)
        self.tracectl("alice", "stop", "both")
        self.assert_counted(self.events(self.output("alice", "both")), [emitter])

    def test_stopped_for_good(self):
        """systemd lets go of everything: the consumer writes what there is and ends; the next tracingd removes its units."""
        emitter = self.emitter("alice", 1)
        self.begin("end")
        emitter.emit(1000)
        unit, output = self.get("alice", "end", "ConsumerUnit"), self.output("alice", "end")
        self.host.systemctl("stop", "tracingd.socket", "tracectl-control.socket", UNIT)
        system.wait_until(lambda: self.host.unit_property(unit + ".service", "ActiveState") == "inactive",
                          "the end of the consumer")
        self.assert_counted(self.events(output), [emitter])
        self.host.systemctl("start", "tracingd.socket", "tracectl-control.socket")
        self.assertEqual(self.tracectl("alice", "list", "--json=short").stdout.strip(), "[]")
        self.await_end(unit)

    def test_terminated(self):
        """By somebody else than systemd: as if it had been killed. When systemd stops it, it has not failed."""
        emitter = self.emitter("alice", 1)
        self.begin("terminated")
        emitter.emit(1000)
        everything = self.everything()
        for name in ("TERM", "INT"):
            before = self.main_pid()
            self.host.run(["kill", "-" + name, str(before)])
            emitter.emit(1000)
            self.await_another(before)
            self.assertEqual(self.everything(), everything)
            emitter.emit(1000)
        self.tracectl("alice", "stop", "terminated")
        self.assert_counted(self.events(self.output("alice", "terminated")), [emitter])
        self.host.systemctl("stop", "tracingd.socket", "tracectl-control.socket", UNIT)
        self.assertEqual(self.show(UNIT, "ActiveState", "Result"), {"ActiveState": "inactive", "Result": "success"})
        self.host.systemctl("start", "tracingd.socket", "tracectl-control.socket")

    def test_store_is_emptied(self):
        """Nothing of sessions that are over stays with systemd."""
        emitter = self.emitter("alice", 1)
        self.begin("first")
        emitter.emit(10)
        self.kill()
        self.tracectl("alice", "destroy", "first")
        idle = system.wait_until(lambda: self.stored() <= 2 and self.stored(), "an empty store")
        self.begin("second")
        emitter.emit(10)
        self.assertLessEqual(self.stored(), idle + 4)
        self.tracectl("alice", "destroy", "second")
        system.wait_until(lambda: self.stored() == idle, "an empty store")

    def stored(self):
        return int(self.show(UNIT, "NFileDescriptorStore")["NFileDescriptorStore"])

    def test_crash_loop(self):
        """Again before it has found its feet: whatever moment it is killed in."""
        emitter = self.emitter("alice", 1)
        self.begin("loop")
        emitter.emit(1000)
        before = self.everything()
        emitter.ask(200_000)
        for n in range(200 if TORTURE else 8):
            self.forget_starts(n)
            self.host.systemctl("kill", "--signal=KILL", "--kill-whom=main", UNIT, check=False)
            system.wait_until(self.main_pid, "another tracingd")
        emitter.wait()
        system.wait_until(lambda: self.show(UNIT, "ActiveState")["ActiveState"] == "active", "a tracingd that lives")
        self.assertEqual(self.everything(), before)
        self.tracectl("alice", "stop", "loop")
        self.assert_conserved("loop", [emitter])

    def test_random(self):
        """Killed at random moments of whatever clients ask, while programs emit. TRACECTL_SEED= says which moments."""
        choice = random.Random(SEED)
        emitters = [self.emitter("alice", n) for n in range(2)]
        self.begin("steady")
        for n in range(100 if TORTURE else 6):
            self.forget_starts(n)
            for emitter in emitters:
                emitter.ask(choice.randrange(1, 50_000))
            before = self.main_pid()
            command = choice.choice([["create", "other"], ["enable-event", "-s", "other", "test:*"], ["start", "other"],
                                     ["stop", "other"], ["rotate", "steady"], ["destroy", "other"], ["list"]])
            asked = self.start(["tracectl", *command], user="alice")
            time.sleep(choice.random() * 0.03)
            self.host.run(["kill", "-KILL", str(before)], check=False)
            asked.communicate(timeout=system.PATIENCE)
            self.await_another(before)
            for emitter in emitters:
                emitter.wait()
        self.assertEqual(self.get("alice", "steady", "State"), "active")
        self.tracectl("alice", "stop", "steady")
        self.assert_conserved("steady", emitters)

    def test_hangs(self):
        """systemd's watchdog ends one that does not answer."""
        emitter = self.emitter("alice", 1)
        self.begin("watched")
        emitter.emit(1000)
        before = self.main_pid()
        self.host.run(["kill", "-STOP", str(before)])
        emitter.emit(1000)
        # What the watchdog does, when its three minutes are over.
        self.host.systemctl("kill", "--signal=ABRT", "--kill-whom=main", UNIT)
        self.host.run(["kill", "-CONT", str(before)], check=False)
        self.await_another(before)
        emitter.emit(1000)
        self.tracectl("alice", "stop", "watched")
        self.assert_counted(self.events(self.output("alice", "watched")), [emitter])


@host.needs_user_manager
class User(RestartTest):
    def test_restart(self):
        login = self.host.user_manager("bob")
        emitter = self.emitter("bob", 1, env=login)
        for command in (["create", "--user", "own", "-o", "/home/bob/trace"], ["enable-event", "--user", "test:*"],
                        ["start", "--user"]):
            self.tracectl("bob", *command, env=login)
        emitter.emit(1000)
        self.kill("bob")
        emitter.emit(1000)
        self.restart("bob")
        emitter.emit(1000)
        self.tracectl("bob", "stop", "--user", env=login)
        self.assert_counted(self.events("/home/bob/trace"), [emitter])
        self.tracectl("bob", "destroy", "--user", "own", env=login)


if __name__ == "__main__":
    unittest.main()
