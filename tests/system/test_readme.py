# SPDX-License-Identifier: LGPL-2.1-or-later
"""The README's tour runs word for word."""

import os
import re
import subprocess
import unittest

from system import BUILD, SystemTest, needs_plain_build

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@needs_plain_build
class Readme(SystemTest):
    def test_tour(self):
        with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as f:
            steps = re.findall(r"^```sh\n(.*?)^```$", f.read(), re.MULTILINE | re.DOTALL)
        self.assertGreater(len(steps), 5)
        for name, target in (("build", BUILD), ("docs", os.path.join(SOURCE, "docs")),
                             ("tracer", os.path.join(SOURCE, "tracer"))):
            os.symlink(target, os.path.join(self.cwd, name))
        # In one shell, as somebody who follows it would.
        marked = "".join(f"echo step {i}\n{step}" for i, step in enumerate(steps, 1))
        result = subprocess.run(["bash", "-eu", "-c", marked], cwd=self.cwd, env=self.env, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, timeout=120, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        shown = re.split(r"^step \d+\n", result.stdout, flags=re.MULTILINE)[1:]
        self.assertEqual(len(shown), len(steps))
        for step, text in zip(steps, shown):
            if "tracectl view" in step or "babeltrace2" in step:
                self.assertRegex(text, r"\w+:\w+:? ", step)
        for line in result.stderr.splitlines():
            self.assertRegex(line, r"^tracectl: [\d,]+ events, 0 lost", "every recording is complete")


if __name__ == "__main__":
    unittest.main()
