# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which thread an event is by is not in the event: a record says so where a ring's writer changes. In programs with
more threads than CPUs, a sort of our own and sqlite3, that is always the right thread, and the records are few."""

import os
import re
import shutil
import subprocess
import unittest

import system

SORT = os.path.join(system.BUILD, "tests", "programs", "parallel-sort")
LIBC = os.path.join(system.BUILD, "tracer", "libc-preload", "libtracectl-libc.so")
SESSION = os.path.join(system.BUILD, "tests", "bench", "bench-session")
THREAD_RECORD_MAX = 21  # bytes, with an extended header; mostly 12

PROFILE = """[Session]
Name=bench
Mode=record
Directory={directory}

[Channel calls]
Domain=user
SubBufferSize=4M
SubBufferCount=8
Mode=discard
{context}
Event=libc:*
"""

SORT_SQL = """pragma threads=4; pragma temp_store=file; pragma cache_size=200;
create table t(a, b);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 60000)
insert into t select x, (x * 7919) % 100003 from c;
create index one on t(b); create index two on t(b, a); select count(*), sum(b) from t;"""

THREAD = re.compile(r" tracectl:thread: \{ cpu_id = (\d+) \}, \{ pid = (\d+), tid = (\d+) \}")
EVENT = re.compile(r" (?:sort|libc):\w+: \{ cpu_id = (\d+) \}, (?:\{ vtid = (\d+) \}, )?(?:\{ tid = (\d+), "
                   r"counter = (\d+))?")


class Attribution(system.SystemTest):
    def read(self, trace):
        """Checks who wrote each event: (events by thread, thread records, bytes of all streams)."""
        now, by_thread, last, records = {}, {}, {}, 0
        folder = os.path.join(trace, "user", str(os.getuid()), "shared")
        text = subprocess.run(["babeltrace2", "--no-delta", folder], stdout=subprocess.PIPE, text=True,
                              timeout=system.PATIENCE, check=True).stdout
        for line in text.splitlines():
            thread = THREAD.search(line)
            if thread:
                now[thread[1]] = thread[3]
                records += 1
                continue
            event = EVENT.search(line)
            self.assertTrue(event, line)
            cpu, vtid, tid, counter = event.groups()
            self.assertEqual(now[cpu], vtid or tid or now[cpu], line)
            if counter:
                self.assertEqual(last.get(tid, 0) + 1, int(counter), line)
                last[tid] = int(counter)
            by_thread[now[cpu]] = by_thread.get(now[cpu], 0) + 1
        size = sum(entry.stat().st_size for entry in os.scandir(folder)
                   if entry.is_file() and entry.name != "metadata")
        return by_thread, records, size

    def check_few(self, name, by_thread, records, size):
        share = records * THREAD_RECORD_MAX / size
        print(f"# {name}: {sum(by_thread.values())} events by {len(by_thread)} threads, {records} thread records, at "
              f"most {100 * share:.3f} % of {size} bytes", flush=True)
        self.assertLess(share, 0.05)

    def test_parallel_sort(self):
        result = self.record("--size", "128M", "-o", "trace", "--", SORT, "8", "40")
        self.assertEqual(result.returncode, 0, result.stderr)
        by_thread, records, size = self.read(os.path.join(self.cwd, "trace"))
        emitted = int(result.stdout.split()[1])
        self.assertEqual(self.counts(result.stderr), (emitted, 0))
        self.assertEqual((sum(by_thread.values()), len(by_thread)), (emitted, 8))
        self.check_few("parallel sort", by_thread, records, size)

    def record_sqlite(self, name, context):
        folder = os.path.join(self.cwd, name)
        os.mkdir(folder)
        profile = self.write_file(f"{name}.profile", PROFILE.format(directory=os.path.join(folder, "trace"),
                                                                    context=context))
        result = subprocess.run([SESSION, profile, "env", "LD_PRELOAD=" + LIBC, "sqlite3", "base", SORT_SQL],
                                cwd=folder, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, timeout=system.PATIENCE, check=False)
        self.assertEqual((result.returncode, result.stdout.splitlines()[0]), (0, "4"), result.stderr)
        events, lost, _ = (int(number) for number in result.stderr.split())
        (trace,) = os.scandir(os.path.join(folder, "trace"))
        found = self.read(trace.path)
        self.assertEqual((sum(found[0].values()), lost), (events, 0))
        self.assertGreater(len(found[0]), 4)
        return found

    @system.needs_plain_build
    def test_sqlite(self):
        if not shutil.which("sqlite3"):
            self.skipTest("no sqlite3")
        self.record_sqlite("checked", "Context=vtid")
        self.check_few("sqlite3", *self.record_sqlite("counted", ""))


if __name__ == "__main__":
    unittest.main()
