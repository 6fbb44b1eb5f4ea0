# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs in libtracectl(3) are compiled and linked as they stand, and use every function that is exported; what the
libraries export is what their headers declare, with a version."""

import os
import re
import subprocess
import unittest

import system

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
LIBRARY = os.path.join(system.BUILD, "client/libtracectl/libtracectl.so")
READER = os.path.join(system.BUILD, "client/libtracectl-read/libtracectl-read.so")
TRACER = os.path.join(system.BUILD, "tracer/libtracectl-tracepoint.so")
# Put in front of the C library's, for programs that ask for those.
OF_THE_C_LIBRARY = {"clone", "seteuid", "setns", "setresuid", "setreuid", "setuid", "unshare", "vfork"}


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
                               "-I.", "-xnone", LIBRARY, "-lsystemd", "-o", "program"], input=text, text=True,
                              cwd=self.cwd, stderr=subprocess.PIPE, check=False)

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

    def test_every_option_is_explained(self):
        """The members of each structure, and the constants of each enumeration, under its name."""
        header = re.sub(r"/\*.*?\*/", "", read("client/libtracectl/tracectl.h"), flags=re.DOTALL)
        sections = dict(re.findall(r"^\.SS (?:struct|enum) (\w+)\n(.*?)(?=^\.S[SH] )", self.page, re.MULTILINE | re.DOTALL))
        found = re.findall(r"^(struct|enum) (\w+) \{(.*?)^\};", header, re.MULTILINE | re.DOTALL)
        self.assertGreater(len(found), 8)
        self.assertEqual(set(sections), {name for _, name, _ in found})
        for kind, name, body in found:
            members = re.findall(r"(\w+);" if kind == "struct" else r"(\w+),", body)
            explained = re.findall(r"^\.TP\n\.[IB] (\w+)\n[^.\n]", sections[name], re.MULTILINE)
            self.assertEqual(explained, [member for member in members if member != "size"], name)


@unittest.skipIf(system.SANITIZED, "a sanitizer adds symbols of its own")
class Symbols(system.NamesSkips):
    @staticmethod
    def exported(library):
        """Symbol -> its version, None without one. Versions themselves are left out."""
        done = subprocess.run(["nm", "-D", "--defined-only", library], stdout=subprocess.PIPE, text=True, check=True)
        symbols = (line.split()[1:] for line in done.stdout.splitlines())
        names = (name.partition("@@") for kind, name in symbols if kind != "A")
        return {name: version or None for name, _, version in names}

    @staticmethod
    def declared(header, prefix):
        """Functions of a header: at the beginning of a line, behind their type."""
        return set(re.findall(rf"^[A-Za-z][\w ]*[ *]({prefix}\w+)\(", read(header), re.MULTILINE))

    def test_control(self):
        declared = self.declared("client/libtracectl/tracectl.h", "tracectl_")
        self.assertEqual(self.exported(LIBRARY), dict.fromkeys(declared, "TRACECTL_0.1"))

    def test_reader(self):
        declared = self.declared("client/libtracectl-read/tracectl-read.h", "tracectl_")
        self.assertEqual(self.exported(READER), dict.fromkeys(declared, "LIBTRACECTL_READ_0"))

    def test_tracepoints(self):
        found = self.exported(TRACER)
        declared = self.declared("tracer/include/tracectl/tracepoint.h", "tracectl_(?:object|record)_")
        self.assertEqual({name for name, version in found.items() if version == "TRACECTL_0"},
                         declared | {"tracectl_vfork"})
        self.assertEqual({name for name, version in found.items() if version is None} - OF_THE_C_LIBRARY, set())

    @unittest.skipIf(os.uname().machine != "x86_64", "the C library's functions are called there")
    def test_tracepoints_look_no_system_call_up(self):
        """What tracer/calls.c has, nobody else's is called for: each costs every program a look-up at its start."""
        ours = set(re.findall(r"^[a-z][\w ]*[ *](\w+)\([^;]*\) \{$", read("tracer/calls.c"), re.MULTILINE)) - {"result"}
        self.assertGreater(len(ours), 20)
        done = subprocess.run(["nm", "-D", "--undefined-only", TRACER], stdout=subprocess.PIPE, text=True, check=True)
        wanted = {line.split()[-1].partition("@")[0].removesuffix("64") for line in done.stdout.splitlines()}
        self.assertIn("pthread_create", wanted)
        self.assertEqual(wanted & ours, set())


if __name__ == "__main__":
    unittest.main()
