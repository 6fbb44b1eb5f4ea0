# SPDX-License-Identifier: LGPL-2.1-or-later
"""
An upgrade and a downgrade while programs record: every program is replaced by one of the next version, whose formats
all have a higher minor number and something that this version does not know (protocol/later.h), and by this one again.
"""

import fcntl
import os
import shutil
import subprocess
import unittest

import host
import system
from service import NAME, ROOT, SOURCE, read_line
from test_service_restart import TORTURE, RestartTest

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
            run("meson", "setup", "-Dlater=true", "-Db_lundef=false",
                f"-Db_sanitize={os.environ.get('TRACECTL_SANITIZE') or 'none'}", LATER, SOURCE)
        library = os.path.basename(os.path.realpath(os.path.join(system.BUILD, "tracer", LIBRARY)))
        run("ninja", "-C", LATER, "service/tracingd", "consumer/tracectl-consumer", "tracer/" + library, "client/tracectl")


@host.needs_host
@unittest.skipUnless(TORTURE, "it builds everything a second time: TRACECTL_TORTURE=1")
class Upgrade(RestartTest):
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

    def replace_consumer(self, session):
        """It is killed, and its successor is of the version that is installed."""
        unit = self.get("alice", session, "ConsumerUnit") + ".service"
        before = self.show(unit, "MainPID")["MainPID"]
        self.host.run(["kill", "-KILL", before])
        system.wait_until(lambda: self.show(unit, "MainPID")["MainPID"] not in ("0", before), "another consumer")

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
        self.tracectl("alice", "enable-channel", "-s", "chosen", "main")
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
        self.assertEqual(self.abis(), ["1.0", "1.1"])
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
        self.assertEqual(self.abis(), ["1.0", "1.1", "1.0"])
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


if __name__ == "__main__":
    unittest.main()
