# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that people trace, each with what it needs in a folder of its own: what the comparisons with strace run."""

import os
import shutil
import subprocess

LONG_AGO = 1_000_000_000  # a time of files that git need not look at again
GIT = ["git", "-c", "user.name=nobody", "-c", "user.email=nobody@example.com"]


class Program:
    """prepare() before the first run, and again() before each: every run then does the same."""

    def __init__(self, folder, size):
        self.folder, self.size = folder, size
        self.env = dict(os.environ, HOME=folder, LC_ALL="C.UTF-8", GIT_CONFIG_NOSYSTEM="1")
        os.mkdir(folder)
        self.prepare()

    def prepare(self):
        pass

    def again(self):
        pass

    def run(self, command, **options):
        return subprocess.run(command, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, check=True, **options)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as f:
            f.write(text)


class GitStatus(Program):
    """In a repository of so many files, in folders of ten."""
    name, command = "git status", ["git", "status", "--short"]

    def prepare(self):
        for i in range(self.size):
            path = os.path.join(self.folder, f"folder-{i // 10}")
            os.makedirs(path, exist_ok=True)
            self.write(os.path.join(path, f"file-{i}"), f"{i}\n")
            os.utime(os.path.join(path, f"file-{i}"), (LONG_AGO, LONG_AGO))
        for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "files"]):
            self.run([*GIT, *arguments])


class Python(Program):
    """Imports so many modules of its library, and prints."""
    name = "python3 -c"
    modules = ["json", "argparse", "email.message", "http.client", "xml.dom.minidom", "asyncio", "unittest", "sqlite3",
               "logging", "tarfile"]

    def prepare(self):
        self.command = ["/usr/bin/python3", "-c", f"import {', '.join(self.modules[:self.size])}\nprint(sum(range(10)))"]
        self.run(self.command, stdout=subprocess.DEVNULL)


class Sqlite(Program):
    """So many transactions on a file."""
    name = "sqlite3 on a file"

    def prepare(self):
        self.write("commands", "pragma synchronous = off;\ncreate table t (a integer primary key, b text);\n" +
                   "insert into t (b) values ('some text');\n" * self.size + "select count(*) from t;\n")
        self.command = ["sqlite3", "file.db", ".read commands"]

    def again(self):
        if os.path.exists(os.path.join(self.folder, "file.db")):
            os.unlink(os.path.join(self.folder, "file.db"))


class Make(Program):
    """Of a tree of so many C files."""
    name, command = "make of a small tree", ["make", "--silent"]

    def prepare(self):
        names = [f"part-{i}" for i in range(self.size)]
        for i, name in enumerate(names):
            self.write(f"{name}.c", f"#include <stdio.h>\nint part_{i}(void) {{ return puts(\"{name}\"); }}\n")
        self.write("main.c", "int main(void) { return 0; }\n")
        objects = " ".join(f"{name}.o" for name in ["main", *names])
        self.write("Makefile", f"program: {objects}\n\t$(CC) -o $@ $^\n")

    def again(self):
        for name in os.listdir(self.folder):
            if name.endswith(".o") or name == "program":
                os.unlink(os.path.join(self.folder, name))


def available(sizes):
    """(kind, size) of those that are installed."""
    for kind in (GitStatus, Python, Sqlite, Make):
        if all(shutil.which(need) for need in {Make: ["make", "cc"]}.get(kind, [kind.name.split()[0]])):
            yield kind, sizes[kind]
