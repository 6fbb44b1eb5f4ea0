# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes org.tracectl.Tracing1(5) of the interface's XML: bus-page.py XML PAGE.

Members come in their order, each with the comment in front of it, so the page
cannot say anything else than the source of truth.
"""

import re
import sys
import xml.etree.ElementTree

HEAD = r""".\" SPDX-License-Identifier: LGPL-2.1-or-later
.TH ORG.TRACECTL.TRACING1 5 "" "tracectl" "File formats and interfaces"
.SH NAME
org.tracectl.Tracing1 \- the D\-Bus interface of the tracing service
.SH DESCRIPTION
.BR tracingd (8)
offers it on the system bus and, as a user's own, on the user's bus, under the name
.BR org.tracectl.Tracing1 .
Everything that
.BR tracectl (1)
does with sessions it does by these calls; C programs have
.BR libtracectl (3)
for them.
.PP
Types are those of D\-Bus. Options are a dictionary from names to values, and may be left out one by one; one that is not
known is refused. Who may do what is decided by polkit, see
.BR pkaction (1).
Words with a hyphen in dictionaries have an underscore in
.BR libtracectl (3)
and JSON.
"""

TAIL = r"""
.SH ERRORS
.B org.tracectl.Tracing1.Error.\c
and a name that says what is wrong, such as
.BR NoSuchSession ,
with a sentence for people; limits, time, memory and rights have the errors of
.BR org.freedesktop.DBus.Error .
.SH EXAMPLES
In a shell:
.PP
.EX
busctl call org.tracectl.Tracing1 /org/tracectl/Tracing1 org.tracectl.Tracing1.Manager \e
        CreateSession 'sa{sv}' orders 0
busctl introspect org.tracectl.Tracing1 /org/tracectl/Tracing1
.EE
.PP
In Python:
.PP
.EX
from gi.repository import Gio, GLib

manager = Gio.DBusProxy.new_for_bus_sync(
    Gio.BusType.SYSTEM, Gio.DBusProxyFlags.NONE, None, "org.tracectl.Tracing1",
    "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager", None)
for owner, name, state, mode, path in manager.ListSessions("(a{sv})", {"all": GLib.Variant("b", True)}):
    print(owner, name, state)
.EE
.PP
In GJS:
.PP
.EX
const { Gio, GLib } = imports.gi;

const reply = Gio.DBus.system.call_sync(
    'org.tracectl.Tracing1', '/org/tracectl/Tracing1', 'org.tracectl.Tracing1.Manager',
    'ListSessions', new GLib.Variant('(a{sv})', [{}]), null, Gio.DBusCallFlags.NONE, \-1, null);
for (const [owner, name, state] of reply.deepUnpack()[0])
    print(owner, name, state);
.EE
.SH SEE ALSO
.BR tracectl (1),
.BR libtracectl (3),
.BR tracectl\-profile (5),
.BR tracingd (8),
.BR busctl (1)
"""


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def sentence(comment):
    return "\n".join(line.strip() for line in comment.strip().splitlines())


def signature(member):
    if member.tag == "property":
        return f"{member.get('type')} {member.get('name')}"
    arguments = {"in": [], "out": []}
    for arg in member.iter("arg"):
        arguments[arg.get("direction", "out")].append(f"{arg.get('type')} {arg.get('name')}")
    text = f"{member.get('name')}({', '.join(arguments['in'])})"
    return text + (f" -> {', '.join(arguments['out'])}" if arguments["out"] else "")


def interface(element, place):
    yield f".SH {escape(element.get('name'))}\n"
    if place:
        yield f"Objects: {escape(place)}\n"
    comment = ""
    for member in element:
        if not isinstance(member.tag, str):
            comment = sentence(member.text)
        elif member.tag in ("method", "signal", "property"):
            yield f".TP\n.B {escape(signature(member))}\n({member.tag})\n{escape(comment)}\n".replace("\n\n", "\n")
            comment = ""


def page(path):
    builder = xml.etree.ElementTree.TreeBuilder(insert_comments=True)
    root = xml.etree.ElementTree.parse(path, xml.etree.ElementTree.XMLParser(target=builder)).getroot()
    yield HEAD
    place = ""
    for element in root:
        if not isinstance(element.tag, str):
            place = sentence(element.text)
        elif element.tag == "interface":
            yield from interface(element, place)
            place = ""
    yield TAIL.lstrip("\n")


if __name__ == "__main__":
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.writelines(page(sys.argv[1]))
