# SPDX-License-Identifier: LGPL-2.1-or-later
"""Crowds of connections that never do what applications do: others are served, and nothing of them stays."""

import json
import os
import signal
import time
import unittest

import system
from service import ServiceTest

CROWD = 10_000 if os.environ.get("TRACECTL_TORTURE") else 300
REFUSED = 100  # connections beyond what bob may have
CONF = "/etc/tracectl/tracingd.conf"
BOUND = 15  # seconds for what takes milliseconds, on a busy machine

# Connects argv[1] times, in turn as each kind of argv[2]; says so, and keeps all of it until it is killed.
PLAY = """
import array, fcntl, os, resource, socket, struct, sys

def definitions():
    entry = struct.pack("=BB", 6, 0) + b"mute\\0tick\\0"
    entry = struct.pack("=I", len(entry) + 4) + entry
    data = struct.pack("=IHHIIQ", 0x53464554, 1, 0, 24, 1, 24 + len(entry)) + entry
    hash = 0xcbf29ce484222325
    for byte in data:
        hash = (hash ^ byte) * 0x100000001b3 % 2**64
    fd = os.memfd_create("definitions", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    fcntl.fcntl(fd, 1033, 1 | 2 | 4 | 8) # F_ADD_SEALS: all
    return fd, hash

def message(s, text, fd=None):
    ancillary = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
    s.sendmsg([text.encode()], ancillary)

def register(s, hash):
    message(s, f"REGISTER=1\\nABI=1.0\\nNAME=mute\\nEVENTS={hash:x}\\n")

def play(s, kind, fd, hash):
    if kind == "half":
        register(s, hash + 1) # and sends no definitions
    elif kind == "eager":
        for _ in range(16):
            register(s, hash) # fifteen times too often
    elif kind == "mute":
        register(s, hash)
        if b"NEED" in s.recv(4096):
            message(s, f"EVENTS={hash:x}\\n", fd)
            s.recv(4096)

resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
fd, hash = definitions()
n, kinds, kept = int(sys.argv[1]), sys.argv[2].split(","), []
for i in range(n):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(20)
    s.connect("/run/tracectl/register")
    try:
        play(s, kinds[i % len(kinds)], fd, hash)
    except OSError:
        pass # tracingd has hung up on it
    kept.append(s)
print("there", len(kept), flush=True)
sys.stdin.read()
"""


class Crowd(ServiceTest):
    def setUp(self):
        super().setUp()
        self.emitter_of_alice = self.emitter("alice", 1)
        self.tracectl("alice", "create", "kept")
        self.tracectl("alice", "enable-event", "test:tick")
        self.tracectl("alice", "start")
        self.pid = self.host.unit_property("tracingd.service", "MainPID")
        self.descriptors_before = self.descriptors()

    def descriptors(self):
        return int(self.host.run(f"ls /proc/{self.pid}/fd | wc -l").stdout)

    def registered(self, name):
        text = self.tracectl("root", "list", "--applications", "--all", "--json=short").stdout
        return sum(application["name"] == name for application in json.loads(text))

    def applications(self, user):
        """How many he has, may have, and was refused."""
        limits = {row["name"]: row for row in json.loads(self.tracectl(user, "limits", "--json=short").stdout)}
        row = limits["applications"]
        return row["used"], row["most"], limits["applications_refused"]["used"]

    def allow(self, user, applications):
        """As many as that, whatever share a user has of the descriptors that tracingd is given here."""
        self.addCleanup(self.host.systemctl, "reload-or-restart", "tracingd.service")
        self.addCleanup(self.host.run, ["rm", "-f", CONF])
        self.host.run(["mkdir", "-p", os.path.dirname(CONF)])
        self.host.write(CONF, f"[User {user}]\nApplications={applications}\n", 0o644)
        self.host.systemctl("reload", "tracingd.service")

    def crowd(self, user, kinds, n=CROWD):
        process = self.start(["/usr/bin/python3", "-u", "-c", PLAY, str(n), kinds], user=user, bufsize=0, text=False)
        begin = time.monotonic()
        line = process.stdout.readline()
        self.assertEqual(line, f"there {n}\n".encode(), process.stderr.read() if not line else "")
        print(f"{n} connections ({kinds}) after {time.monotonic() - begin:.2f} s")
        return process

    def timed(self, what, user, *args):
        begin = time.monotonic()
        self.tracectl(user, *args)
        took = time.monotonic() - begin
        print(f"{what}: {took * 1000:.0f} ms")
        self.assertLess(took, BOUND)

    def assert_served(self):
        """A change of alice's is in force when it is answered, a new program of hers is recorded, nothing is lost."""
        self.timed("alice enables", "alice", "enable-event", "test:*")
        late = self.emitter("alice", 2)
        late.emit(1000)
        self.emitter_of_alice.emit(1000)
        self.timed("alice lists", "alice", "list", "--json=short")
        self.timed("alice stops", "alice", "stop", "kept")
        self.assertEqual(self.host.unit_property("tracingd.service", "MainPID"), self.pid)
        self.assert_counted(self.events(self.output("alice", "kept")), [self.emitter_of_alice, late])

    def assert_nothing_stays(self, process):
        process.send_signal(signal.SIGKILL)
        # A few more: a new program's connection, definitions that are kept.
        system.wait_until(lambda: self.descriptors() <= self.descriptors_before + 8, "the crowd's end")

    def test_silent(self):
        """Some say nothing, some begin and do not go on, some do not stop beginning; none ever reads."""
        process = self.crowd("bob", "silent,half,eager")
        self.assert_served()
        self.assert_nothing_stays(process)

    def test_mute(self):
        """Registered, and silent ever after: who waits for them is told so after a bounded wait; nobody else waits.

        As many as bob may have are all registered and stay so; those beyond it are refused, and each is counted.
        """
        self.allow("bob", CROWD)
        process = self.crowd("bob", "mute", CROWD + REFUSED)
        self.assertEqual(self.applications("bob"), (CROWD, CROWD, REFUSED))
        self.assertEqual(self.registered("mute"), CROWD)
        self.tracectl("bob", "create", "mine")
        self.tracectl("bob", "start")
        self.timed("bob enables", "bob", "enable-event", "mute:*")
        self.assert_served()
        self.assertEqual(self.registered("mute"), CROWD)
        self.assertEqual(self.applications("bob"), (CROWD, CROWD, REFUSED))
        self.timed("bob destroys", "bob", "destroy", "mine")
        self.assert_nothing_stays(process)


if __name__ == "__main__":
    unittest.main(verbosity=2)
