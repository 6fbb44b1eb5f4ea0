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

# How large a world is: applications (at most two), workers, changes by clients, one after the other; then restarts of
# tracingd, stops (SIGSTOP) and deaths of applications; messages that a socket to an application holds.
SIZES = {"APPS": 1, "WORKERS": 1, "CHANGES": 2, "RESTARTS": 0, "STOPS": 0, "DEATHS": 0, "ROOM": 1}

# What is tried exhaustively.
WORLDS = {
    "two workers, an application that is stopped": {"WORKERS": 2, "STOPS": 1, "CHANGES": 1},
    "a process that dies, and one that is given its numbers": {"DEATHS": 1},
    "a larger socket": {"ROOM": 2, "STOPS": 1},
    "two applications": {"APPS": 2, "CHANGES": 1},
    "a restart of tracingd": {"RESTARTS": 1},
}
LARGE_WORLDS = {
    "two workers, two changes, an application that is stopped": {"WORKERS": 2, "STOPS": 1},
    "three changes": {"CHANGES": 3, "STOPS": 1},
    "two restarts": {"RESTARTS": 2, "CHANGES": 1},
    "a restart while a process dies": {"RESTARTS": 1, "DEATHS": 1, "CHANGES": 1},
    "a restart with two workers": {"RESTARTS": 1, "WORKERS": 2, "CHANGES": 1},
}

# What is left out, and the smallest world in which that shows; each is part of one of WORLDS.
MISTAKES = {
    # W2 before W1, M2 before M1
    "READ_BEFORE_INSERT": {"CHANGES": 1},
    "WALK_BEFORE_PUBLISH": {"CHANGES": 1},
    # APPLICATION_PUSH is cleared after the model was read
    "CLEAR_AFTER_READ": {"CHANGES": 1},
    # an acknowledgement counts for the newest view that was sent
    "ANY_ACK_COUNTS": {},
    # an application does not wait for its threads
    "ACK_BEFORE_LEFT": {},
    # the main loop is woken before there is something to count
    "NOTIFY_BEFORE_APPLY": {},
    # it counts before it lets others wake it again; it lets them before it has taken their last wake-up
    "LOOK_BEFORE_TOLD": {"CHANGES": 1},
    "TOLD_BEFORE_READ": {"CHANGES": 1},
    # a client is told what is not stored yet
    "ANSWER_BEFORE_STORE": {"RESTARTS": 1, "CHANGES": 1},
    # after a restart: who has not come back is not waited for; who comes back leaves the roll before he can be found;
    # the registry is counted before those that are to come back
    "NO_ROLL": {"RESTARTS": 1},
    "ROLL_BEFORE_INSERT": {"RESTARTS": 1},
    "ROLL_COUNTED_LAST": {"RESTARTS": 1},
}


@unittest.skipUnless(shutil.which("spin"), "spin is not installed")
class Model(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tracectl-model-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def verify(self, size, mistakes=(), optimize="-O2"):
        """The number of states that were seen and of errors (0 or 1); 100,000 steps are deep enough, or it says so."""
        macros = [f"-D{name}={value}" for name, value in {**SIZES, **size}.items()] + [f"-D{name}" for name in mistakes]
        subprocess.run(["spin", "-a", *macros, MODEL], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*CC, optimize, "-w", "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=2048", "-DMEMLIM=4000", "-o",
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
        for name, size in worlds.items():
            with self.subTest(world=name):
                states, errors = self.verify(size)
                print(f"{name}: {states} states", file=sys.stderr)
                self.assertEqual(errors, 0)
                self.assertGreater(states, 50000)

    def test_worlds(self):
        self.try_worlds(WORLDS)

    @unittest.skipUnless(os.environ.get("TRACECTL_TORTURE"), "long: TRACECTL_TORTURE=1")
    def test_large_worlds(self):
        self.try_worlds(LARGE_WORLDS)

    def test_mistakes(self):
        for mistake, size in MISTAKES.items():
            with self.subTest(mistake=mistake):
                self.assertEqual(self.verify(size, [mistake], optimize="-O0")[1], 1)

    def test_every_mistake_is_tried(self):
        with open(MODEL, encoding="utf-8") as f:
            self.assertEqual(set(re.findall(r"#ifn?def ([A-Z_]+)", f.read())), set(MISTAKES))


if __name__ == "__main__":
    unittest.main(verbosity=2)
