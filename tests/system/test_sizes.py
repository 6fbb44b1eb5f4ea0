# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events of up to 16 MiB in the smallest and the largest sub-buffers: there whole, or counted as lost."""

import json
import os
import subprocess
import unittest

import system

KINDS = os.path.join(system.BUILD, "tests", "programs", "kinds")
SESSION = os.path.join(system.BUILD, "tests", "bench", "bench-session")
LENGTHS = [100, 4000, 5000, 1 << 20, (16 << 20) - 100, 16 << 20]  # of kinds-process.c, each twice

PROFILE = """[Session]
Name=bench
Mode=record
Directory={directory}

[Channel texts]
Domain=user
SubBufferSize={size}
SubBufferCount={count}
Event=kinds:*
"""


class Sizes(system.SystemTest):
    def check_size(self, size, count, fits):
        """Which lengths there are, and how many events are lost. Returns the trace."""
        directory = os.path.join(self.cwd, size)
        profile = self.write_file("profile", PROFILE.format(directory=directory, size=size, count=count))
        result = subprocess.run([SESSION, profile, KINDS, "texts"], cwd=self.cwd, env=self.env, check=False,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                timeout=system.PATIENCE)
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)
        expected = sorted(fits * 2)
        n, lost, _ = (int(number) for number in result.stderr.split())
        self.assertEqual((n, lost), (1 + len(expected), 2 * len(LENGTHS) - len(expected)))
        (trace,) = os.scandir(directory)
        view = self.tracectl("view", "-o", "json", trace.path)
        self.assertEqual(view.returncode, 0, view.stderr[-1000:])
        texts = [json.loads(line)["fields"] for line in view.stdout.splitlines()[1:]]
        self.assertTrue(all(text["text"] == "x" * text["length"] for text in texts))
        self.assertEqual([text["length"] for text in texts], expected, view.stderr)
        return trace.path

    def test_smallest(self):
        """Where the program changes over to a CPU by an event that is lost there, babeltrace2 cannot know of that."""
        self.assertEqual(len(self.events(self.check_size("4K", 256, LENGTHS[:2]), lost=None)), 5)

    def test_largest(self):
        """Not by babeltrace2, which takes minutes for such a text."""
        self.check_size("16M", 8, LENGTHS[:5])


if __name__ == "__main__":
    unittest.main()
