# SPDX-License-Identifier: LGPL-2.1-or-later
"""All interleavings of registry.pml, with spin; and that it notices each ordering that is missing."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "registry.pml")
CC = shlex.split(os.environ.get("CC", "cc"))

# What is tried exhaustively, and how much memory (MB) it may take.
WORLDS = {
    "two workers, an application that is stopped": ("-DWORKERS=2 -DSTOPS=1", 2000),
    "a process that dies, and one that is given its numbers": ("-DDEATHS=1", 2000),
    "a larger socket": ("-DROOM=2 -DSTOPS=1", 2000),
    "two applications": ("-DAPPS=2 -DCHANGES=1", 2000),
    "a restart of tracingd": ("-DRESTARTS=1", 2000),
}
LARGE_WORLDS = {
    "two workers, an application that is stopped, one that dies": ("-DWORKERS=2 -DSTOPS=1 -DDEATHS=1", 4000),
    "three changes": ("-DWORKERS=2 -DCHANGES=3 -DSTOPS=1", 4000),
    "two restarts": ("-DRESTARTS=2 -DCHANGES=1", 4000),
    "a restart while a process dies": ("-DRESTARTS=1 -DDEATHS=1 -DCHANGES=1", 4000),
    "a restart with two workers": ("-DRESTARTS=1 -DWORKERS=2 -DCHANGES=1", 4000),
}

# What is left out, and the smallest world in which that shows.
MISTAKES = {
    "READ_BEFORE_INSERT": "-DCHANGES=1",
    "WALK_BEFORE_PUBLISH": "-DCHANGES=1",
    "CLEAR_AFTER_READ": "-DCHANGES=1",
    "ANY_ACK_COUNTS": "",
    "ACK_BEFORE_LEFT": "",
    "NOTIFY_BEFORE_APPLY": "-DCHANGES=1",
    "ANSWER_BEFORE_STORE": "-DRESTARTS=1 -DCHANGES=1",
    "NO_ROLL": "-DRESTARTS=1",
    "ROLL_BEFORE_INSERT": "-DRESTARTS=1",
    "ROLL_COUNTED_LAST": "-DRESTARTS=1",
}


@unittest.skipUnless(shutil.which("spin"), "spin is not installed")
class Model(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tracectl-model-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def verify(self, macros, memory=2000, optimize="-O2"):
        """The number of states that were seen and of errors (0 or 1); 100,000 steps are deep enough, or it says so."""
        subprocess.run(["spin", "-a", *macros.split(), MODEL], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*CC, optimize, "-w", "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=2048", f"-DMEMLIM={memory}", "-o",
                        "pan", "pan.c"], cwd=self.folder, check=True)
        # -E: at the end everybody waits, and that is as it should be.
        out = subprocess.run(["./pan", "-E", "-m100000"], cwd=self.folder, check=False, capture_output=True,
                             text=True).stdout
        found = re.search(r"errors: (\d+)\s+(\S+) states, stored", out)
        self.assertTrue(found, out)
        self.assertNotIn("max search depth too small", out)
        self.assertNotIn("Search not completed" if found[1] == "0" else "out of memory", out)
        return int(float(found[2])), int(found[1])

    def try_worlds(self, worlds):
        for name, (macros, memory) in worlds.items():
            with self.subTest(world=name):
                states, errors = self.verify(macros, memory)
                print(f"{name}: {states} states", file=sys.stderr)
                self.assertEqual(errors, 0)
                self.assertGreater(states, 50000)

    def test_worlds(self):
        self.try_worlds(WORLDS)

    @unittest.skipUnless(os.environ.get("TRACECTL_TORTURE"), "long: TRACECTL_TORTURE=1")
    def test_large_worlds(self):
        self.try_worlds(LARGE_WORLDS)

    def test_mistakes(self):
        """Each in a world that is part of one of WORLDS, where nothing is found without the mistake."""
        for mistake, macros in MISTAKES.items():
            with self.subTest(mistake=mistake):
                self.assertEqual(self.verify(f"{macros} -D{mistake}", optimize="-O0")[1], 1)

    def test_every_mistake_is_described(self):
        with open(MODEL, encoding="utf-8") as f:
            text = f.read()
        described = re.findall(r"^ \*   ([A-Z_]+) ", text, re.M)
        used = set(re.findall(r"#ifn?def ([A-Z_]+)", text)) - {"APPS", "WORKERS", "CHANGES", "RESTARTS", "STOPS",
                                                               "DEATHS", "ROOM"}
        self.assertEqual(sorted(described), sorted(MISTAKES))
        self.assertEqual(sorted(used), sorted(MISTAKES))


if __name__ == "__main__":
    unittest.main(verbosity=2)
