# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is recorded is printed while it happens: every event once, in the order of time."""

import os
import subprocess
import tempfile
import unittest

import system


class Live(unittest.TestCase):
    def test_record(self):
        """record --live prints what view prints afterwards."""
        with tempfile.TemporaryDirectory() as folder:
            trace = os.path.join(folder, "trace")
            done = subprocess.run([system.TRACECTL, "record", "--live", "-o", trace, "--", system.SHOP, "20000"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True,
                                  timeout=system.PATIENCE)
            shown = subprocess.run([system.TRACECTL, "view", "--no-pager", trace], stdout=subprocess.PIPE, text=True,
                                   check=True, timeout=system.PATIENCE).stdout.splitlines()
        self.assertGreater(len(shown), 20000)
        self.assertEqual([line for line in done.stderr.splitlines() if not line.startswith("tracectl: ")], shown)


if __name__ == "__main__":
    unittest.main()
