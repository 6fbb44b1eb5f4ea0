#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sums up what meson's test runner has logged: report.py testlog.json

Names what did not pass, and what test programs skipped within themselves; ends
with "N passed, N failed[, N skipped]", and with status 1 where anything failed
or nothing passed.
"""

import json
import re
import sys

GOOD = {"OK", "EXPECTEDFAIL"}
SKIPPED_WITHIN = re.compile(r"^ok \d+ (\S+) # SKIP (.*)$", re.MULTILINE)


def main(path):
    results = {}
    try:
        with open(path, encoding="utf-8") as log:
            for line in log:
                test = json.loads(line)
                results.setdefault(test["result"], []).append(test["name"])
                for name, reason in SKIPPED_WITHIN.findall(test.get("stdout") or ""):
                    print(f"skipped: {test['name']}: {name} ({reason})")
    except OSError as error:
        print(f"No test has run: {error}", file=sys.stderr)
    skipped = sorted(results.pop("SKIP", []))
    passed = sum(len(results.pop(good, [])) for good in sorted(GOOD))
    failed = sorted((name, result) for result, names in results.items() for name in names)
    for name in skipped:
        print(f"skipped: {name}")
    for name, result in failed:
        print(f"failed: {name} ({result.lower()})")
    line = f"{passed} passed, {len(failed)} failed"
    if skipped:
        line += f", {len(skipped)} skipped"
    print(line)
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
