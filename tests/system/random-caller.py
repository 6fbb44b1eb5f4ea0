#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls every method of the service with random arguments: random-caller.py SEED CALLS

Prints a line of JSON: how many calls were answered, refused by name, and answered in no way that a service should.
"""

import json
import random
import sys
import xml.etree.ElementTree as ET

from gi.repository import Gio, GLib

NAME = "org.tracectl.Tracing1"
ROOT = "/org/tracectl/Tracing1"
WORDS = ["", "x", "user", "kernel", "channel0", "*", "a:b", "test:*", "../../etc/passwd", "a/b", "\x1b[2J", "%s%n%s",
         "é\u202e", "x" * 300, "x" * 70000, "-1", "0", "record", "overwrite", "vpid", "[Session]\nName=x\n",
         "[Channel c]\nEvent=a:b\n", "[", "[Session]\nStart=yes\nMode=", "/", "//", "/tmp", "/root/x", "a\nb", "\t"]
KEYS = ["directory", "mode", "if-exists", "name", "subbuf-size", "subbuf-count", "dry-run", "start", "uid", "all", "pid",
        "output-fd", "persistent", "colour", "", "x" * 300]


class Caller:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
        self.methods = []
        self.paths = [ROOT, ROOT + "/session/_30/x", ROOT + "/session/_31001/kept", ROOT + "/session/_31002/mine",
                      ROOT + "/session/_31002/mine/channel/user/channel0", ROOT + "/session/_31002/mine/event/_31",
                      ROOT + "/application/_31", ROOT + "/application/self", "/", ROOT + "/session"]
        for path in ("Manager", "Session"):
            self.learn(ROOT if path == "Manager" else ROOT + "/session/_31002/mine")

    def learn(self, path):
        text = self.bus.call_sync(NAME, path, "org.freedesktop.DBus.Introspectable", "Introspect", None, None, 0, -1,
                                  None).unpack()[0]
        for interface in ET.fromstring(text).findall("interface"):
            for method in interface.findall("method"):
                types = [arg.get("type") for arg in method.findall("arg") if arg.get("direction", "in") == "in"]
                self.methods.append((interface.get("name"), method.get("name"), types))

    def basic(self, kind):
        if kind == "s":
            return self.random.choice(WORDS)
        if kind == "o":
            return self.random.choice(self.paths)
        if kind == "b":
            return self.random.random() < 0.5
        bits = {"u": 32, "t": 64}[kind]
        return self.random.choice([0, 1, 1000, 1001, 1002, 4096, 2 ** (bits - 1), 2 ** bits - 1])

    def value(self, kind):
        if kind == "a{sv}":
            return {self.random.choice(KEYS): self.variant() for _ in range(self.random.choice([0, 0, 1, 2, 5]))}
        if kind == "v":
            return self.variant()
        return self.basic(kind)

    def variant(self):
        kind = self.random.choice("sobut")
        return GLib.Variant(kind, self.basic(kind))

    def call(self):
        interface, method, types = self.random.choice(self.methods)
        if self.random.random() < 0.1:  # of another form
            types = [self.random.choice(["s", "u", "a{sv}", "o", "b"]) for _ in range(self.random.randrange(4))]
        arguments = GLib.Variant(f"({''.join(types)})", tuple(self.value(kind) for kind in types))
        path = self.random.choice(self.paths) if self.random.random() < 0.7 else ROOT
        try:
            self.bus.call_sync(NAME, path, interface, method, arguments, None, 0, 30000, None)
            return "answered"
        except GLib.Error as error:
            name = Gio.DBusError.get_remote_error(error) or ""
            if name in ("org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.Failed", ""):
                print(f"{path} {interface}.{method}{arguments.print_(False)[:300]}: {error.message}", file=sys.stderr)
                return "odd"
            return "refused"


def main():
    caller = Caller(int(sys.argv[1]))
    found = {"answered": 0, "refused": 0, "odd": 0}
    for _ in range(int(sys.argv[2])):
        found[caller.call()] += 1
    print(json.dumps(found))


if __name__ == "__main__":
    main()
