#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Follows all sessions that the caller may see, from the service's signals alone: follow-sessions.py [--user]

Prints a line for each session, channel and event rule that comes or goes, and for each property that changes. It calls
the service once, for what is there already, and never asks again.
"""

import sys

from gi.repository import Gio, GLib

NAME = "org.tracectl.Tracing1"
ROOT = "/org/tracectl/Tracing1"


def say(*words):
    print(*words, flush=True)


def values(proxy):
    return {name: proxy.get_cached_property(name).unpack() for name in sorted(proxy.get_cached_property_names())}


def describe(proxy):
    kind = proxy.get_interface_name().removeprefix(NAME + ".")
    return f"{kind} {proxy.get_object_path().removeprefix(ROOT)}"


def on_added(_manager, item):
    for proxy in item.get_interfaces():
        if proxy.get_interface_name().startswith(NAME):
            known = values(proxy)
            shown = " ".join(f"{name}={known[name]}" for name in ("State", "Pattern", "Pid") if name in known)
            say("added", describe(proxy), shown)


def on_removed(_manager, item):
    for proxy in item.get_interfaces():
        if proxy.get_interface_name().startswith(NAME):
            say("removed", describe(proxy))


def on_changed(_manager, _item, proxy, changed, invalidated):
    for name, value in sorted(changed.unpack().items()):
        say("changed", describe(proxy), f"{name}={value}")
    for name in invalidated:
        say("changed", describe(proxy), name)


def main():
    bus = Gio.BusType.SESSION if "--user" in sys.argv[1:] else Gio.BusType.SYSTEM
    manager = Gio.DBusObjectManagerClient.new_for_bus_sync(
        bus, Gio.DBusObjectManagerClientFlags.NONE, NAME, ROOT, None, None, None)
    manager.connect("object-added", on_added)
    manager.connect("object-removed", on_removed)
    manager.connect("interface-proxy-properties-changed", on_changed)
    for item in manager.get_objects():
        on_added(manager, item)
    say("following")
    try:
        GLib.MainLoop().run()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
