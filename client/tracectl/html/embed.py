# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page as a C header: what comes before the data, and what behind it.

Usage: embed.py OUTPUT PAGE STYLE SCRIPT...

The policy of the page names its style and its script by their hashes, so that nothing else is ever run.
"""

import base64
import hashlib
import sys


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def source(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def array(name, text):
    rows = []
    data = text.encode()
    for i in range(0, len(data), 20):
        rows.append("        " + ", ".join(str(byte) for byte in data[i:i + 20]) + ",")
    return f"static const char {name}[] = {{\n" + "\n".join(rows) + "\n};\n"


def main():
    output, page, style, *scripts = sys.argv[1:]
    css = "\n" + read(style)
    # "use strict" holds for the whole script when it is its first statement; the others' are without effect.
    js = "\n" + "\n".join(read(script) for script in scripts)
    assert "</" not in js and "</" not in css
    policy = (f"default-src 'none'; script-src {source(js)}; style-src {source(css)}; "
              "base-uri 'none'; form-action 'none'")
    text = read(page).replace("@POLICY@", policy).replace("@STYLE@", css).replace("@SCRIPT@", js)
    head, tail = text.split("@DATA@")
    with open(output, "w", encoding="ascii") as f:
        f.write("/* Made by embed.py. */\n" + array("timeline_head", head) + array("timeline_tail", tail))


main()
