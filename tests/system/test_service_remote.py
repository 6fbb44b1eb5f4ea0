# SPDX-License-Identifier: LGPL-2.1-or-later
"""tracectl -H: the service of another host over ssh, which is here the same machine's, on its loopback.

Needs sshd. The network is one of the test host's own, so the port is nobody else's.
"""

import json
import shutil
import unittest

import host
from service import EMIT, ServiceTest

PORT = "2222"
SSHD = shutil.which("sshd", path=host.PATH)
CONFIG = f"""\
Host *
Port {PORT}
StrictHostKeyChecking no
UserKnownHostsFile /dev/null
LogLevel ERROR
BatchMode yes
"""


@unittest.skipUnless(SSHD, "needs sshd")
class Remote(ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.run("mkdir -p /run/sshd && ssh-keygen -q -t ed25519 -N '' -f /root/host_key")
        cls.host.run("umask 077 && mkdir .ssh && ssh-keygen -q -t ed25519 -N '' -f .ssh/id_ed25519 && "
                     f"cp .ssh/id_ed25519.pub .ssh/authorized_keys && printf '{CONFIG}' >.ssh/config", user="alice")
        cls.host.run("umask 077 && mkdir .ssh && cat >.ssh/authorized_keys", user="bob",
                     input=cls.host.read("/home/alice/.ssh/id_ed25519.pub"))

    def setUp(self):
        super().setUp()
        server = self.start([SSHD, "-D", "-e", "-f", "/dev/null", "-p", PORT, "-h", "/root/host_key",
                             "-o", "ListenAddress=127.0.0.1", "-o", "UsePAM=no", "-o", "PidFile=none"])
        self.assertIn("Server listening on 127.0.0.1", server.stderr.readline())

    def far(self, *args, **options):
        return self.tracectl("alice", *args, "--host=127.0.0.1", **options)

    def test_a_session_from_its_beginning_to_its_end(self):
        emitter = self.emitter("alice", 1)
        self.far("create", "orders", "-o", "/home/alice/trace")
        self.far("enable-event", "test:*")
        self.far("start", "orders")
        emitter.emit(3000)
        # -H in front of the verb is the same.
        self.tracectl("alice", "-H", "127.0.0.1", "stop", "orders")
        self.assert_counted(self.events("/home/alice/trace"), [emitter])
        listed = json.loads(self.far("list", "--json=short").stdout)
        self.assertEqual([(row["name"], row["owner"]) for row in listed], [("orders", host.USERS["alice"])])
        # Users are numbers there.
        self.assertEqual(self.far("list", "--no-legend").stdout.split(),
                         ["orders", str(host.USERS["alice"]), "stopped", "record"])
        self.far("destroy", "orders")
        self.assertEqual(json.loads(self.far("list", "--json=short").stdout), [])

    def test_sessions_are_those_of_the_user_there(self):
        self.tracectl("alice", "create", "here")
        self.tracectl("bob", "create", "there")
        over = ["-H", f"bob@127.0.0.1:{PORT}"]
        self.tracectl("alice", *over, "dump", "there")
        self.assertEqual(self.refused("alice", *over, "dump", "here"),
                         "tracectl: Failed to open the session: You have no session 'here' there. Did you mean 'there'?\n")

    def test_no_session_is_the_current_one_there(self):
        self.tracectl("alice", "create", "current")
        self.far("create", "other")
        self.assertIn("There are 2 sessions", self.refused("alice", "dump", "--host=127.0.0.1"))
        self.tracectl("alice", "dump")
        self.assertIsNone(json.loads(self.far("status", "--json=short").stdout)["current_session"])

    def test_limits(self):
        limits = {row["name"]: row for row in json.loads(self.far("limits", "--json=short").stdout)}
        self.assertEqual(limits["sessions"]["used"], 0)
        self.assertGreater(limits["sessions"]["most"], 0)

    def test_top_runs_there(self):
        """The words of the command line arrive as they are; the port is that of the host's name."""
        self.tracectl("alice", "create", "there")
        self.tracectl("alice", "start", "there")
        self.assertEqual(self.far("top", "-n", "1", "there").stdout.count("there: 0 events"), 1)
        done = self.tracectl("alice", f"-Halice@127.0.0.1:{PORT}", "top", "it's; echo no", check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("it's; echo no", done.stderr)

    def test_traces_that_are_there(self):
        """Recorded, counted, printed and exported there; what is printed comes here, byte by byte."""
        emitter = [EMIT, "threads", "1", "100"]
        done = self.tracectl("alice", "record", "-H", "127.0.0.1", "-o", "there.trace", "--", *emitter)
        self.assertEqual(done.stdout, "emitted 100\n")
        self.assertIn("tracectl: 100 events, 0 lost", done.stderr)
        self.assertEqual(len(self.events("/home/alice/there.trace")), 100)
        far, here = (["view", "--event", "test:*", "--filter", "counter < 3 && writer == 0", "there.trace"]
                     for _ in range(2))
        self.assertEqual(self.far(*far).stdout, self.tracectl("alice", *here).stdout)
        self.assertEqual(self.far(*far).stdout.count("\n"), 3)
        self.assertEqual(json.loads(self.far("summary", "--json", "there.trace").stdout)["count"], 100)
        self.host.run("tracectl export -H 127.0.0.1 there.trace >far.perfetto && "
                      "tracectl export there.trace >here.perfetto && cmp far.perfetto here.perfetto", user="alice")
        # The status is the one there.
        self.assertEqual(self.far("view", "no such trace", check=False).returncode, 1)
        self.assertEqual(self.tracectl("alice", "record", "-H", "127.0.0.1", "sh", "-c", "exit 7",
                                       check=False).returncode, 7)
        self.assertIn("--user and --host", self.refused("alice", "view", "--user", "-H", "127.0.0.1", status=2))

    def test_a_host_that_is_not_there(self):
        done = self.tracectl("alice", "list", "-H", "127.0.0.1:1", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("tracectl: Failed to list the sessions: The connection over ssh has ended", done.stderr)


if __name__ == "__main__":
    unittest.main()
