# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs in libtracectl(3) are compiled and linked as they stand, and use every function that is exported."""

import os
import re
import subprocess
import unittest

import system

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
LIBRARY = os.path.join(system.BUILD, "client/libtracectl/libtracectl.so")


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def programs(page):
    for text in re.findall(r"^\.EX\n(.*?)^\.EE\n", page, re.MULTILINE | re.DOTALL):
        yield text.replace("\\-", "-").replace("\\e", "\\")


class LibraryPage(system.SystemTest):
    def setUp(self):
        super().setUp()
        os.mkdir(os.path.join(self.cwd, "tracectl"))
        os.symlink(os.path.join(TOP, "client/libtracectl/tracectl.h"), os.path.join(self.cwd, "tracectl/tracectl.h"))
        self.page = read("docs/man/libtracectl.3")

    def compile(self, text):
        return subprocess.run(["cc", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-xc", "-",
                               "-I.", "-xnone", LIBRARY, "-o", "program"], input=text, text=True, cwd=self.cwd,
                              stderr=subprocess.PIPE, check=False)

    def test_every_program_compiles(self):
        found = list(programs(self.page))
        self.assertGreater(len(found), 3)
        for text in found:
            done = self.compile(text)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_what_is_wrong_is_seen(self):
        self.assertNotEqual(self.compile("#include <tracectl/tracectl.h>\nint main(void) { return tracectl_x(); }\n")
                            .returncode, 0)

    def test_every_function_is_in_one(self):
        exported = re.findall(r"^ +(tracectl_\w+);", read("client/libtracectl/libtracectl.map"), re.MULTILINE)
        self.assertGreater(len(exported), 40)
        used = "".join(programs(self.page))
        self.assertEqual([name for name in exported if name + "(" not in used], [])


if __name__ == "__main__":
    unittest.main()
