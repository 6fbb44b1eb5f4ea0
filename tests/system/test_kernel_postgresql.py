# SPDX-License-Identifier: LGPL-2.1-or-later
"""A PostgreSQL that runs, traced by the SDT probes that Debian builds into it, while a client runs queries."""

import glob
import os
import re
import subprocess
import tempfile
import unittest

import host
import test_kernel_probes as probes
from service import ServiceTest

PACKAGES = ("postgresql-15", "postgresql-client-15")
BIN = "/usr/lib/postgresql/15/bin"
N = 500 if os.environ.get("TRACECTL_TORTURE") else 40


def fetch_packages(machine):
    """Debian's packages into a test host alone, where this machine does not have them. Why not, or None."""
    if os.path.exists(f"{BIN}/postgres") and os.path.exists(f"{BIN}/psql"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["apt-get", "install", "--download-only", "--yes", "--no-install-recommends", "-o",
                               f"Dir::Cache::archives={folder}", *PACKAGES], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            return f"apt-get cannot fetch {' and '.join(PACKAGES)}"
        for path in glob.glob(f"{folder}/*.deb"):
            subprocess.run(["dpkg-deb", "--extract", path, machine.file("/")], check=True)
    machine.run(["ldconfig"])
    return None


if __name__ == "__main__":
    probes.test_kernel.with_tracefs()


@host.needs_host
@unittest.skipUnless(os.path.exists(f"{probes.TRACEFS}/uprobe_events"), "needs tracefs with probes of programs")
class PostgresqlTest(ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        why = fetch_packages(cls.host)
        if why:
            raise unittest.SkipTest(why)
        cls.host.run(f"{BIN}/initdb --auth=trust --no-sync -D data >log", user="alice")
        cls.server("start -l log -o '-c listen_addresses= -c fsync=off -c unix_socket_directories=/home/alice'")
        cls.addClassCleanup(cls.server, "stop -m immediate")

    @classmethod
    def server(cls, command):
        # With its files: its processes are to hold none of the test's pipes.
        cls.host.run(f"{BIN}/pg_ctl -D data -w {command} >>log 2>&1 </dev/null", user="alice")

    def sql(self, text):
        return self.host.run(["psql", "-h", "/home/alice", "-d", "postgres", "-Atq"], user="alice", input=text).stdout

    def enable(self, user, session, probe, *args):
        self.tracectl(user, "enable-event", "--kernel", "-s", session, "--userspace-probe",
                      f"sdt:{BIN}/postgres:postgresql:{probe}", *args)

    def recorded(self, user):
        """What was begun and done, in order: (start or done, the rest of the line)."""
        found = [re.search(r" postgresql:query__(start|done): .*(arg1 = .*) \}", line)
                 for line in self.events(self.output(user, "queries"))]
        # babeltrace2 writes ' as \\'.
        return [(match.group(1), match.group(2).replace("\\'", "'")) for match in found]

    def test_queries_with_their_text(self):
        self.tracectl("root", "create", "queries")
        for probe in "query__start", "query__done":
            self.enable("root", "queries", probe, "--strings", "1")
        self.tracectl("root", "start", "queries")
        # A statement may be a whole message, as with psql -c; here each line is one.
        queries = ["create table t (n int, name text)"]
        queries += [f"insert into t values ({i}, 'name {i}')" for i in range(N)]
        queries += ["select count(*) from t", "select sum(n) from t where name like 'name 1%'"]
        said = self.sql("".join(f"{query};\n" for query in queries))
        self.assertEqual(said.split()[0], str(N))
        # One that fails is begun, and not done.
        self.assertIn("does not exist", self.host.run(
            ["psql", "-h", "/home/alice", "-d", "postgres", "-c", "select * from nosuch"], user="alice", check=False).stderr)
        self.tracectl("root", "stop", "queries")
        expected = []
        for query in queries:
            expected += [("start", f'arg1 = "{query};"'), ("done", f'arg1 = "{query};"')]
        expected.append(("start", 'arg1 = "select * from nosuch"'))
        self.assertEqual(self.recorded("root"), expected)

    def test_without_the_right_to_memory(self):
        """Each query is seen, its text is not."""
        probes.ProbesTest.allow(self, "alice", "kernel-probe")
        self.tracectl("alice", "create", "queries")
        self.assertIn("record-user-memory", self.refused(
            "alice", "enable-event", "--kernel", "-s", "queries", "--userspace-probe",
            f"sdt:{BIN}/postgres:postgresql:query__start", "--strings", "1"))
        for probe in "query__start", "query__done":
            self.enable("alice", "queries", probe)
        self.tracectl("alice", "start", "queries")
        self.sql("".join(f"select {i} as secret;\n" for i in range(N)))
        self.tracectl("alice", "stop", "queries")
        found = self.recorded("alice")
        self.assertEqual([what for what, _ in found], N * ["start", "done"])
        self.assertTrue(all(re.fullmatch(r"arg1 = \d+", text) for _, text in found), found)


if __name__ == "__main__":
    unittest.main()
