# SPDX-License-Identifier: LGPL-2.1-or-later
"""The shape of the source tree: who may include whom, licences, sizes.

    common < protocol < tracer, consumer, service, client

A folder includes its own headers and those of folders before it; the control library's and the reader's public
headers are the client's own. The service's model knows no bus.
"""

import os
import re
import sys
import unittest

TOP = os.path.abspath(sys.argv.pop(1))

MAY_INCLUDE = {
    "common": {"common"},
    "protocol": {"common", "protocol"},
    "tracer": {"common", "protocol", "tracer"},
    "consumer": {"common", "protocol", "consumer"},
    "service": {"common", "protocol", "service"},
    "client": {"common", "protocol", "client"},
}
PUBLIC_OF_TRACER = "tracectl/tracepoint.h"
GENERATED = {"config.h"}
FILES = ("Makefile", "README.md", "meson.build")
OTHER_FOLDERS = (".ci", "dbus", "docs", "polkit", "tests", "units")
LINES_MAX = 600


def sources():
    """Every file of the tree, but for what a user may have put beside it: path below the top."""
    yield from FILES
    for top in (*MAY_INCLUDE, *OTHER_FOLDERS):
        for folder, folders, files in os.walk(os.path.join(TOP, top)):
            folders[:] = [name for name in folders if name != "__pycache__"]
            for name in files:
                yield os.path.relpath(os.path.join(folder, name), TOP)


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def includes(path):
    return re.findall(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', read(path), re.MULTILINE)


def folder_of(path, header):
    """The top folder of an included header of ours, or None for one of the system's."""
    beside = os.path.join(os.path.dirname(path), header)
    if os.path.exists(os.path.join(TOP, beside)):
        return os.path.normpath(beside).split(os.sep)[0]
    first = header.split("/")[0]
    if first in MAY_INCLUDE and os.path.exists(os.path.join(TOP, header)):
        return first
    if header == PUBLIC_OF_TRACER:
        return "tracer"
    return None


class Structure(unittest.TestCase):
    def test_dependencies_go_one_way(self):
        for path in sources():
            folder = path.split(os.sep)[0]
            if folder not in MAY_INCLUDE or not path.endswith((".c", ".h")):
                continue
            for header in includes(path):
                other = folder_of(path, header)
                if other and header not in GENERATED:
                    # What every program may use, one of the client's may.
                    allowed = MAY_INCLUDE[folder] | ({"tracer"} if header == PUBLIC_OF_TRACER else set())
                    self.assertIn(other, allowed, f"{path} includes {header}")

    def test_model_knows_no_bus(self):
        for path in sources():
            if path.startswith("service/model/") and path.endswith((".c", ".h")):
                for header in includes(path):
                    self.assertNotIn("sd-bus", header, path)
                    self.assertFalse(header.startswith("service/bus/"), f"{path} includes {header}")

    def test_every_file_names_its_licence(self):
        for path in sources():
            if path.startswith("tests/fuzz/corpus/"):
                continue  # inputs, to the byte
            self.assertIn("SPDX-License-Identifier: LGPL-2.1-or-later", read(path)[:600], path)

    def test_files_do_one_thing(self):
        for path in sources():
            if path.endswith((".c", ".h", ".py", ".cpp", ".S")):
                self.assertLessEqual(len(read(path).splitlines()), LINES_MAX, path)


if __name__ == "__main__":
    unittest.main()
