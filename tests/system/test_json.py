# SPDX-License-Identifier: LGPL-2.1-or-later
"""What docs/json.md promises of JSON, against JSON: every member that is there is described, and of its type."""

import json
import os
import re
import unittest

import small_trace
from system import SHOP, SystemTest

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))


def tables():
    """Of each command whose output is described: member -> the cells behind it."""
    with open(os.path.join(TOP, "docs/json.md"), encoding="utf-8") as f:
        text = f.read()
    found = {}
    for match in re.finditer(r"^\| member .*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in match[1].splitlines()]
        command = re.findall(r"^`(tracectl [^`]+)`", text[:match.start()], re.MULTILINE)[-1]
        if command not in found:
            found[command] = {name: cells for first, *cells in rows for name in re.findall(r"`([\w.\[\]]+)`", first)}
    return found


TABLES = tables()
VIEW, SUMMARY, CALIBRATE, MONITOR = (TABLES[f"tracectl {verb}"] for verb in (
    "view -o json", "summary --json", "calibrate --json", "monitor --json=short"))
TYPES = {"boolean": bool, "string": str, "number": (int, float), "object": dict}


class Json(SystemTest):
    def check_members(self, found, described, optional):
        self.assertEqual(set(found) - set(described), set())
        self.assertEqual({name for name in set(described) - set(found) if not optional(name)}, set())

    def spans(self):
        """A trace with something that begins and ends."""
        small_trace.write(os.path.join(self.cwd, "spans"), [(1000, "shop:cook_begin", 7, 7, "soup"),
                                                            (3000, "shop:cook_end", 7, 7, "soup"),
                                                            (4000, "shop:cook_begin", 7, 7, "cake")])

    def close(self):
        """A trace of two processors, whose clocks may differ by more than what is between two events."""
        for cpu in (0, 1):
            folder = os.path.join(self.cwd, "close", str(cpu))
            small_trace.write(folder, [(1000 + 5 * cpu, "shop:cook_begin", 7, 7, "soup")], cpu=cpu)
            metadata = os.path.join(folder, "metadata")
            with open(metadata, encoding="utf-8") as f:
                text = f.read()
            with open(metadata, "w", encoding="utf-8") as f:
                f.write(text.replace("absolute = true;", "precision = 20; absolute = true;"))

    def test_view(self):
        self.record("-o", "trace", "--", SHOP, "100", "2")
        self.spans()
        self.close()
        seen = set()
        for args in (("trace",), ("--durations", "spans"), ("--uncertain", "close")):
            done = self.tracectl("view", "-o", "json", *args)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertTrue(done.stdout.isascii())
            for line in done.stdout.splitlines():
                event = json.loads(line)
                seen |= set(event)
                self.check_members(event, VIEW, lambda name: name == "duration" or "not there" in VIEW[name][1])
                for name, value in event.items():
                    self.assertIsInstance(value, TYPES[VIEW[name][0]], name)
                self.assertRegex(event["time"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z\Z")
                self.assertEqual(event["time"][-10:-1], event["timestamp"][-9:])
        # Two events of different processors can be too close to tell, or not.
        self.assertEqual(seen - {"uncertain"}, set(VIEW) - {"uncertain"})

    def test_summary(self):
        self.record("-o", "trace", "--", SHOP, "100", "2")
        self.spans()
        for trace in ("trace", "spans"):
            done = self.tracectl("summary", "--json", trace)
            found = json.loads(done.stdout)
            self.check_members(found, SUMMARY, lambda name: "`--by FIELD`" in SUMMARY[name][0] or "not there" in SUMMARY[name][0])
            self.assertEqual("durations" in found, trace == "spans")
            self.assertIsInstance(found["first"], str)
            self.check_rows(found)
            self.assertEqual(len(found["spans"]), trace == "spans")
        found = json.loads(self.tracectl("summary", "--json", "--by", "cents", "trace").stdout)
        self.assertTrue(found["values"])
        self.assertTrue(all(isinstance(row["value"], str) for row in found["values"]))
        self.assertEqual(set(found) - set(SUMMARY), set())
        self.check_rows(found)

    def check_rows(self, found):
        """Arrays have the members that the table lists for them, and the largest first."""
        for name, value in found.items():
            if isinstance(value, list):
                members = re.findall(r"`(\w+)`", SUMMARY[name][0].split("array of")[1])
                for row in value:
                    self.check_members(row, members, lambda member: member in ("process", "cpu", "durations"))
                sizes = [row["total" if name == "spans" else "count"] for row in value]
                self.assertEqual(sizes, sorted(sizes, reverse=True), name)

    def test_calibrate(self):
        found = json.loads(self.tracectl("calibrate", "--json").stdout)
        self.check_members(found, CALIBRATE, lambda name: False)


if __name__ == "__main__":
    unittest.main()
