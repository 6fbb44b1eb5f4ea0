#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether the service answers this user the same of another's session that exists and of ones that do not.

Comes in: {"there": a session's path, "others": paths of the same length, "nodes": {what follows such a path:
introspection data}}. Every method and every property that these tell of, and some that nobody has, is tried at each
node, also where the node has no such interface; and each reply is compared, as bytes, with the same of the other paths.
Goes out: {"errors": {name: replies}, "methods": [...], "different": [[call, its replies], ...]}.
"""

import collections
import json
import re
import sys
import xml.etree.ElementTree as ET

from gi.repository import Gio, GLib

NAME = "org.tracectl.Tracing1"
FREEDESKTOP = "org.freedesktop.DBus."
PATIENCE = 60 * 1000  # ms
VALUES = {"s": "x", "u": 1, "b": True, "a{sv}": {}, "t": 1, "as": ["x"]}
STRANGE = (("Session", "Nothing", "()", ()), ("Session", "Start", "(as)", (["x"],)), ("Session", "Start", "()", ()),
           ("Nothing", "Start", "(a{sv})", ({},)))


class Comparison:
    def __init__(self, there, others, nodes):
        self.bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
        self.paths = [there, *others]
        self.nodes = nodes
        self.methods, self.properties = {}, set()
        for text in nodes.values():
            self.learn(text)
        self.errors, self.different = collections.Counter(), []

    def learn(self, text):
        for interface in ET.fromstring(text).findall("interface"):
            name = interface.get("name")
            for method in interface.findall("method"):
                self.methods[name, method.get("name")] = [arg.get("type") for arg in method.findall("arg")
                                                          if arg.get("direction", "in") == "in"]
            self.properties.update((name, found.get("name")) for found in interface.findall("property"))

    def calls(self, path):
        """Without those of properties: (interface, member, signature, arguments) at this path."""
        for (interface, member), types in self.methods.items():
            if not interface.startswith(FREEDESKTOP + "Properties"):
                arguments = tuple(path if kind == "o" else VALUES[kind] for kind in types)
                yield interface, member, f"({''.join(types)})", arguments
        for interface, *call in STRANGE:
            yield f"{NAME}.{interface}", *call
        yield None, "Start", "(a{sv})", ({},)
        yield FREEDESKTOP + "ObjectManager", "GetManagedObjects", "()", ()

    def of_properties(self):
        properties = FREEDESKTOP + "Properties"
        for name in sorted({name for name, _ in self.properties} | {"", "x.y", properties}):
            yield properties, "GetAll", "(s)", (name,)
        for name, member in [*sorted(self.properties), (f"{NAME}.Session", "Nothing"), ("x.y", "State"), ("", "State")]:
            yield properties, "Get", "(ss)", (name, member)
            yield properties, "Set", "(ssv)", (name, member, GLib.Variant("s", "x"))

    def reply(self, path, call, password):
        """As bytes, but for the numbers that a connection gives its messages."""
        interface, member, signature, arguments = call
        message = Gio.DBusMessage.new_method_call(NAME, path, interface, member)
        message.set_body(GLib.Variant(signature, arguments))
        if password:
            message.set_flags(Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION)
        reply, _ = self.bus.send_message_with_reply_sync(message, Gio.DBusSendMessageFlags.NONE, PATIENCE, None)
        self.errors[reply.get_error_name()] += 1
        same = reply.copy()
        same.set_serial(1)
        same.set_reply_serial(1)
        return bytes(same.to_blob(Gio.DBusCapabilityFlags.UNIX_FD_PASSING))

    def as_there(self, reply, path):
        """A path that the caller has said himself may be said to him, and whose it is."""
        for own, there in zip(path.split("/"), self.paths[0].split("/"), strict=True):
            if own == there:
                continue
            reply = reply.replace(own.encode(), there.encode())
            if own.startswith("_3"):
                reply = re.sub(rb"\b" + own[2:].encode() + rb"\b", there[2:].encode(), reply)
        return reply

    def compare(self, suffix, make_call, password):
        replies = [self.as_there(self.reply(path + suffix, make_call(path + suffix), password), path)
                   for path in self.paths]
        if any(reply != replies[0] for reply in replies):
            self.different.append([f"{suffix} {make_call('')} {password}", [repr(reply) for reply in replies]])

    def compare_all(self):
        for suffix, text in self.nodes.items():
            for password in (False, True):
                for i, _ in enumerate(self.calls("")):
                    self.compare(suffix, lambda path, i=i: list(self.calls(path))[i], password)
            if "<interface" in text:
                for call in self.of_properties():
                    self.compare(suffix, lambda _path, call=call: call, False)
        return {"errors": self.errors, "methods": [".".join(method) for method in self.methods],
                "different": self.different}


if __name__ == "__main__":
    print(json.dumps(Comparison(**json.loads(sys.stdin.read())).compare_all()))
