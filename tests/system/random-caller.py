#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls all that the service's introspection data tells of with random arguments: random-caller.py SEED CALLS

First each method and property of each interface where it is known to be, then what chance says. Prints a line of
JSON: how many calls were answered, refused by name, and answered in no way that a service should; and what was called.
"""

import json
import random
import sys
import xml.etree.ElementTree as ET

from gi.repository import Gio, GLib

NAME = "org.tracectl.Tracing1"
ROOT = "/org/tracectl/Tracing1"
PROPERTIES = "org.freedesktop.DBus.Properties"
WORDS = ["", "x", "user", "kernel", "channel0", "*", "a:b", "test:*", "../../etc/passwd", "a/b", "\x1b[2J", "%s%n%s",
         "é\u202e", "x" * 300, "x" * 70000, "-1", "0", "record", "overwrite", "vpid", "[Session]\nName=x\n",
         "[Channel c]\nEvent=a:b\n", "[", "[Session]\nStart=yes\nMode=", "/", "//", "/tmp", "/root/x", "a\nb", "\t"]
KEYS = ["directory", "mode", "if-exists", "name", "subbuf-size", "subbuf-count", "ordered-clock",
        "dry-run", "start", "uid", "all", "pid", "output-fd", "bind", "persistent", "colour", "", "x" * 300]


class Caller:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
        self.methods = {}  # (interface, name): types
        self.properties = []  # (interface, name)
        self.homes = {}  # (interface, name): an object that has it
        self.paths = [ROOT, ROOT + "/session/_30/x", ROOT + "/session/_31001/kept", ROOT + "/session/_31002/mine",
                      ROOT + "/session/_31002/mine/channel/user/channel0", ROOT + "/session/_31002/mine/event/_31",
                      ROOT + "/application/_31", ROOT + "/application/self", "/", ROOT + "/session"]
        for path in (*self.paths, *self.managed()):
            self.learn(path)

    def managed(self):
        """Objects of every kind that there is."""
        objects = self.bus.call_sync(NAME, ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", None, None, 0,
                                     -1, None).unpack()[0]
        return list(objects)[:20]

    def learn(self, path):
        """What an object says of itself; one that is not there says nothing."""
        try:
            text = self.bus.call_sync(NAME, path, "org.freedesktop.DBus.Introspectable", "Introspect", None, None, 0, -1,
                                      None).unpack()[0]
        except GLib.Error:
            return
        for interface in ET.fromstring(text).findall("interface"):
            for method in interface.findall("method"):
                types = [arg.get("type") for arg in method.findall("arg") if arg.get("direction", "in") == "in"]
                self.methods[interface.get("name"), method.get("name")] = types
                self.homes[interface.get("name"), method.get("name")] = path
            for found in interface.findall("property"):
                self.properties.append((interface.get("name"), found.get("name")))
                self.homes[interface.get("name"), found.get("name")] = path
        if path not in self.paths:
            self.paths.append(path)

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
        if kind == "as":
            return [self.basic("s") for _ in range(self.random.choice([0, 1, 3, 100]))]
        return self.basic(kind)

    def variant(self):
        kind = self.random.choice(["s", "o", "b", "u", "t", "as", "a{sv}", "v"])
        if kind != "v":
            return GLib.Variant(kind, self.value(kind))
        deep = GLib.Variant("u", 7)
        for _ in range(self.random.choice([1, 3, 30])):
            deep = GLib.Variant("v", deep)
        return deep

    def call(self, path, interface, method, types):
        """How it was answered."""
        arguments = GLib.Variant(f"({''.join(types)})", tuple(self.value(kind) for kind in types))
        return self.send(path, interface, method, arguments)

    def send(self, path, interface, method, arguments):
        try:
            self.bus.call_sync(NAME, path, interface, method, arguments, None, 0, 30000, None)
            # No property can be set.
            if method != "Set":
                return "answered"
            error = "it was set"
        except GLib.Error as refusal:
            name, error = Gio.DBusError.get_remote_error(refusal) or "", refusal.message
            if name not in ("org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.Failed", ""):
                return "refused"
        print(f"{path} {interface}.{method}{arguments.print_(False)[:300]}: {error}", file=sys.stderr)
        return "odd"

    def call_any(self):
        (interface, method), types = self.random.choice(list(self.methods.items()))
        if self.random.random() < 0.1:  # of another form
            types = [self.random.choice(["s", "u", "a{sv}", "o", "b", "v", "as"]) for _ in range(self.random.randrange(4))]
        path = self.random.choice(self.paths) if self.random.random() < 0.7 else ROOT
        return self.call(path, interface, method, types)

    def touch_any(self):
        return self.touch(self.random.choice(self.paths), *self.random.choice(self.properties))

    def touch(self, path, interface, name):
        """Reads a property, or sets it."""
        if self.random.random() < 0.1:
            interface, name = self.basic("s"), self.basic("s")
        if self.random.random() < 0.5:
            return self.send(path, PROPERTIES, "Get", GLib.Variant("(ss)", (interface, name)))
        return self.send(path, PROPERTIES, "Set", GLib.Variant("(ssv)", (interface, name, self.variant())))

    def each(self):
        """Everything once, but for what would take away what the others are of."""
        for (interface, method), types in self.methods.items():
            if method not in ("Destroy", "RemoveEvent"):
                yield self.call(self.homes[interface, method], interface, method, types)
        for interface, name in sorted(set(self.properties)):
            yield self.set_as_it_is(self.homes[interface, name], interface, name)

    def set_as_it_is(self, path, interface, name):
        """Reads a property, and sets it to a value that it can have: what it has, or anything where it cannot be read."""
        try:
            value = self.bus.call_sync(NAME, path, PROPERTIES, "Get", GLib.Variant("(ss)", (interface, name)), None, 0, -1,
                                       None).get_child_value(0).get_variant()
        except GLib.Error:
            value = self.variant()
        return self.send(path, PROPERTIES, "Set", GLib.Variant("(ssv)", (interface, name, value)))


def main():
    caller = Caller(int(sys.argv[1]))
    found = {"answered": 0, "refused": 0, "odd": 0}
    for how in caller.each():
        found[how] += 1
    for _ in range(int(sys.argv[2])):
        found[caller.call_any() if caller.random.random() < 0.8 else caller.touch_any()] += 1
    found["methods"] = sorted(".".join(method) for method in caller.methods)
    found["properties"] = sorted({".".join(name) for name in caller.properties})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
