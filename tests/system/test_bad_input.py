# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bad input gets one sentence that names the thing, and changes nothing."""

import os
import unittest

from system import SHOP, SystemTest

# arguments, exit status, what the sentence names
TABLE = [
    (["recrod"], 2, "Did you mean 'record'"),
    (["record", "--evnet", "x:y", "--", "true"], 2, "'--evnet'"),
    (["record", "-Q", "--", "true"], 2, "'-Q'"),
    (["record", "-e"], 2, "'-e' needs an argument"),
    (["record"], 2, "no command"),
    (["record", "--"], 2, "no command"),
    (["record", "-e", "shop", "--", "true"], 2, "'shop:*'"),
    (["record", "-e", "", "--", "true"], 2, "is empty"),
    (["record", "-e", "shop:", "--", "true"], 2, "'shop:'"),
    (["record", "-e", ":paid", "--", "true"], 2, "':paid'"),
    (["record", "-e", "shop:pa?d", "--", "true"], 2, "'shop:pa?d'"),
    (["record", "-e", "a:b,c:d", "--", "true"], 2, "one -e for each"),
    (["record", "-e", "a:\x1b[31m", "--", "true"], 2, "'a:?[31m'"),
    (["record", "--size", "lots", "--", "true"], 2, "'lots'"),
    (["record", "--size", "1", "--", "true"], 2, "'1'"),
    (["record", "--size", "99999999999T", "--", "true"], 2, "99999999999T"),
    (["record", "-o", "", "--", "true"], 2, "name is empty"),
    (["record", "--", "no-such-program"], 127, "'no-such-program'"),
    (["record", "--", "./no-such-program"], 127, "'./no-such-program'"),
    (["record", "--", ""], 127, "''"),
    (["record", "--", "./plain"], 126, "'./plain'"),
    (["record", "--", "./folder"], 126, "directory"),
    (["record", "--", "/dev/null"], 126, "'/dev/null'"),
    (["record", "--", "./interpreter"], 127, "interpreter"),
    (["record", "-o", "folder", "--", "true"], 125, "'folder' exists already"),
    (["record", "-o", "plain", "--", "true"], 125, "'plain' exists already"),
    (["record", "-o", "a/b/c", "--", "true"], 125, "'a/b/c'"),
    (["record", "-o", "plain/c", "--", "true"], 125, "'plain/c'"),
    (["record", "-o", "/sys/trace", "--", "true"], 125, "'/sys/trace'"),
]


class BadInput(SystemTest):
    def setUp(self):
        super().setUp()
        self.write_file("plain", "text\n", 0o644)
        self.write_file("interpreter", "#!/no/such/interpreter\n")
        os.mkdir(os.path.join(self.cwd, "folder"))

    def test_one_sentence_and_no_change(self):
        for args, status, names in TABLE:
            with self.subTest(args=args):
                result = self.tracectl(*args)
                self.assertEqual((result.returncode, result.stdout), (status, ""))
                self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
                self.assertIn(names, result.stderr)
                self.assertNotIn("\x1b", result.stderr)
                self.assert_nothing_left("plain", "interpreter", "folder")

    def test_the_command_does_not_run(self):
        result = self.record("-e", "shop", "--", "touch", "ran")
        self.assertEqual(result.returncode, 2)
        result = self.record("-o", "folder", "--", "touch", "ran")
        self.assertEqual(result.returncode, 125)
        self.assert_nothing_left("plain", "interpreter", "folder")

    def test_default_directory_where_one_cannot_write(self):
        result = self.record("--", SHOP, cwd="/sys")
        self.assertEqual((result.returncode, result.stdout), (125, ""))
        self.assertRegex(result.stderr, r"^tracectl: Output directory 'shop-\d{8}-\d{6}' cannot be created: .*-o\.\n$")
        self.assert_nothing_left("plain", "interpreter", "folder")

    def test_a_runtime_directory_that_is_no_use(self):
        for path in ("relative", "/no/such", "/sys", "/" + "x" * 90):
            self.env["XDG_RUNTIME_DIR"] = path
            result = self.record("-o", "trace", "--", SHOP)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(len(self.events("trace")), 25)
            os.rename(os.path.join(self.cwd, "trace"), os.path.join(self.runtime, os.path.basename(path)))


if __name__ == "__main__":
    unittest.main()
