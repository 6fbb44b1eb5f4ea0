#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls the service for a test, as the user that runs this: a line of JSON for each call comes in, and one for each
reply goes out, in the order of the replies.

    {"id": 1, "path": ..., "interface": ..., "member": ..., "signature": "sa{sv}", "arguments": [...], "password": true}
        and "name", where it is another service's
    {"id": 1, "error": null or a name, "message": ..., "reply": ...}
    {"agent": true}     makes this process one whose user says no when he is asked for a password: {"agent": "ready"}

In arguments, a variant is ["u", 1]; ["h", "/path"] is a file, which this process opens.
"""

import json
import os
import sys

from gi.repository import Gio, GLib

NAME = "org.tracectl.Tracing1"
PATIENCE = 60 * 1000  # ms
AGENT_PATH = "/agent"
AGENT = Gio.DBusNodeInfo.new_for_xml("""
<node><interface name="org.freedesktop.PolicyKit1.AuthenticationAgent">
  <method name="BeginAuthentication">
    <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
    <arg type="a{ss}" direction="in"/><arg type="s" direction="in"/><arg type="a(sa{sv})" direction="in"/>
  </method>
  <method name="CancelAuthentication"><arg type="s" direction="in"/></method>
</interface></node>""").interfaces[0]


def say(**message):
    print(json.dumps(message), flush=True)


def variant(kind, value, files):
    if kind == "a{sv}":
        return GLib.Variant(kind, {key: variant(*pair, files) for key, pair in value.items()})
    if kind == "h":
        with open(value, "rb") as f:
            return GLib.Variant(kind, files.append(f.fileno()))
    return GLib.Variant(kind, GLib.Variant(*value) if kind == "v" else value)


def split(signature):
    """One for each argument; there are none but basic types and a{sv}."""
    kinds = []
    while signature:
        kind = "a{sv}" if signature.startswith("a{sv}") else signature[0]
        kinds.append(kind)
        signature = signature[len(kind):]
    return kinds


def on_reply(bus, result, number):
    try:
        reply = bus.call_with_unix_fd_list_finish(result)[0]
        say(id=number, error=None, message="", reply=reply.unpack())
    except GLib.Error as error:
        name = Gio.DBusError.get_remote_error(error) or f"local: {error.message}"
        Gio.DBusError.strip_remote_error(error)
        say(id=number, error=name, message=error.message, reply=None)


def call(bus, request):
    kinds = split(request["signature"])
    files = Gio.UnixFDList()
    arguments = GLib.Variant.new_tuple(*(variant(*pair, files) for pair in zip(kinds, request["arguments"], strict=True)))
    flags = Gio.DBusCallFlags.NONE
    if request.get("password"):
        flags |= Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION
    bus.call_with_unix_fd_list(request.get("name", NAME), request["path"], request["interface"], request["member"], arguments, None, flags,
                               PATIENCE, files, None, on_reply, request["id"])


def on_asked(_bus, _sender, _path, _interface, member, _parameters, invocation):
    if member == "BeginAuthentication":
        invocation.return_dbus_error("org.freedesktop.PolicyKit1.Error.Cancelled", "Not now.")
    else:
        invocation.return_value(None)


def become_agent(bus):
    with open("/proc/self/stat", encoding="utf-8") as f:
        start = int(f.read().rsplit(")", 1)[1].split()[19])
    bus.register_object(AGENT_PATH, AGENT, on_asked, None, None)
    subject = ("unix-process", {"pid": GLib.Variant("u", os.getpid()), "start-time": GLib.Variant("t", start),
                                "uid": GLib.Variant("i", os.getuid())})
    bus.call_sync("org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
                  "org.freedesktop.PolicyKit1.Authority", "RegisterAuthenticationAgent",
                  GLib.Variant("((sa{sv})ss)", (subject, "C", AGENT_PATH)), None, 0, PATIENCE, None)
    say(agent="ready")


def on_request(channel, _condition, bus, loop):
    line = channel.readline()
    if not line:
        loop.quit()
        return False
    request = json.loads(line)
    if "agent" in request:
        become_agent(bus)
    else:
        call(bus, request)
    return True


def main():
    bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
    loop = GLib.MainLoop()
    # Unbuffered: what is not read yet must be seen by poll().
    channel = os.fdopen(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
    GLib.io_add_watch(channel.fileno(), GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP,
                      lambda _fd, condition: on_request(channel, condition, bus, loop))
    say(ready=os.getpid(), name=bus.get_unique_name())
    loop.run()


if __name__ == "__main__":
    main()
