#!/usr/bin/gjs
// SPDX-License-Identifier: LGPL-2.1-or-later
// Prints your sessions of the system's tracing service and, of each, how many events it has recorded:
// the D-Bus interface from GJS.

const {Gio, GLib} = imports.gi;

const SERVICE = 'org.tracectl.Tracing1';
const bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, null);

function call(path, iface, method, args, type) {
    return bus.call_sync(SERVICE, path, iface, method, args, new GLib.VariantType(type),
        Gio.DBusCallFlags.NONE, -1, null).recursiveUnpack();
}

const [sessions] = call('/org/tracectl/Tracing1', `${SERVICE}.Manager`, 'ListSessions',
    new GLib.Variant('(a{sv})', [{}]), '(a(ussso))');
for (const [, name, state, , path] of sessions) {
    const [n] = call(path, 'org.freedesktop.DBus.Properties', 'Get',
        new GLib.Variant('(ss)', [`${SERVICE}.Session`, 'EventsRecorded']), '(v)');
    print(`${name} ${state} ${n}`);
}
