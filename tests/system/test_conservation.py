# SPDX-License-Identifier: LGPL-2.1-or-later
"""recorded + discarded = emitted, exactly, with babeltrace2 as the counter, and every event by the thread that wrote it.

TRACECTL_TORTURE=1 makes the long form: more kills.
"""

import os
import re
import subprocess
import unittest

from system import BUILD, PATIENCE, SystemTest

EMIT = os.path.join(BUILD, "tests", "programs", "emit")
LONG = bool(os.environ.get("TRACECTL_TORTURE"))

EVENT = re.compile(r"test:tick: \{ cpu_id = (\d+) \}, \{ writer = (\d+), counter = (\d+), pid = (\d+), tid = (\d+) \}")
THREAD = re.compile(r"tracectl:thread: \{ cpu_id = (\d+) \}, \{ pid = (\d+), tid = (\d+) \}")
DISCARDED = re.compile(r"WARNING: Tracer discarded (\d+) events? ")


class Conservation(SystemTest):
    def read(self, trace):
        """Reads a trace of emit's: (recorded, discarded, events by writer). Checks who wrote each event, and that
        each writer's events are in the order of their counters, none twice."""
        folder = os.path.join(self.cwd, trace, "user", str(os.getuid()), "shared")
        errors = os.path.join(self.cwd, "errors")
        threads, last, by_writer, recorded = {}, {}, {}, 0
        with open(errors, "w", encoding="utf-8") as stderr:
            reader = subprocess.Popen(["babeltrace2", "--no-delta", folder], stdout=subprocess.PIPE, stderr=stderr,
                                      text=True)
            for line in reader.stdout:
                event = EVENT.search(line)
                if not event:
                    thread = THREAD.search(line)
                    self.assertTrue(thread, line)
                    threads[thread[1]] = thread[2], thread[3]
                    continue
                cpu, writer, counter, pid, tid = event.groups()
                self.assertEqual(threads[cpu], (pid, tid), line)
                self.assertLess(last.get(writer, -1), int(counter), line)
                last[writer] = int(counter)
                by_writer[writer] = by_writer.get(writer, 0) + 1
                recorded += 1
            reader.stdout.close()
            self.assertEqual(reader.wait(timeout=PATIENCE), 0)
        with open(errors, encoding="utf-8") as stderr:
            lines = stderr.read().splitlines()
        self.assertEqual([line for line in lines if not DISCARDED.search(line)], [])
        return recorded, sum(int(DISCARDED.search(line)[1]) for line in lines), by_writer

    def emit(self, *args, options=()):
        result = subprocess.run([os.path.join(BUILD, "client", "tracectl"), "record", *options, "-o", "trace", "--",
                                 EMIT, *args], cwd=self.cwd, env=self.env, stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=900, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def check_exact(self, *args, writers):
        result = self.emit(*args)
        emitted = int(result.stdout.split()[1])
        said = self.counts(result.stderr)
        self.assertEqual(sum(said), emitted)
        recorded, discarded, by_writer = self.read("trace")
        self.assertEqual((recorded, discarded), said)
        self.assertEqual(len(by_writer), writers)
        return recorded, discarded

    def test_four_threads(self):
        self.check_exact("threads", "4", "1000000", writers=4)

    def test_four_processes(self):
        self.check_exact("processes", "4", "1000000", writers=4)

    def test_paced_events_are_all_there(self):
        self.assertEqual(self.check_exact("paced", "100000", "500000", writers=1), (500000, 0))

    def test_killed_writers(self):
        kills = 10000 if LONG else 300
        result = self.emit("kill", str(kills), "6")
        begun, done = (int(number) for number in result.stdout.split()[1::2])
        said = self.counts(result.stderr)
        self.assertLessEqual(begun - done, kills + 6)
        self.assertLessEqual(done, sum(said))
        self.assertLessEqual(sum(said), begun)
        recorded, discarded, by_writer = self.read("trace")
        self.assertEqual((recorded, discarded), said)
        self.assertGreater(len(by_writer), kills // 4)

    def test_overwrite_keeps_the_newest(self):
        result = self.emit("threads", "1", "1000000", options=("--overwrite", "--size", "256K"))
        self.assertIn("overwritten", self.last_line(result.stderr))
        folder = os.path.join(self.cwd, "trace", "user", str(os.getuid()), "shared")
        text = subprocess.run(["babeltrace2", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=PATIENCE, check=True).stdout
        counters = sorted(int(event[3]) for event in EVENT.finditer(text))
        self.assertEqual(counters[-1], 999999)
        # Whatever ring the newest events are in, it holds them without a gap.
        newest = counters[-5000:]
        self.assertEqual(newest, list(range(newest[0], 1000000)))


if __name__ == "__main__":
    unittest.main()
