# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is installed, where, and whether it works: in a folder, and with `make install` on a machine of the test's own.

The test host has the files where `make install` puts them on a real machine, but here alone the very command is run.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

import system
from host import Host, HostTest, installed_tree, needs_host, needs_user_manager, needs_usr_prefix

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
BUS_NAME = "org.tracectl.Tracing1"
MANAGER = (BUS_NAME, "/org/tracectl/Tracing1", BUS_NAME + ".Manager")
UNITS = ("tracectl-control.socket", "tracectl-session@.service", "tracectl.slice", "tracingd.service",
         "tracingd.socket")
SOCKETS = ("tracingd.socket", "tracectl-control.socket")
WAIT_PAGE = b"TRACECTL0000"


def expected_files(libdir, systemunitdir):
    yield "usr/bin/tracectl"
    yield from ("usr/libexec/tracectl/" + name for name in ("tracectl-consumer", "tracingd"))
    yield from ("usr/include/tracectl/" + name for name in ("tracectl.h", "tracectl-read.h", "tracepoint.h"))
    yield f"{libdir}/libtracectl-libc.so"
    for library in ("tracectl", "tracectl-read", "tracectl-tracepoint"):
        yield from (f"{libdir}/lib{library}.so{version}" for version in ("", ".0", ".0.1.0"))
        yield f"{libdir}/pkgconfig/{library}.pc"
    yield f"{libdir}/libtracectl-tracepoint.a"
    yield from (f"{systemunitdir}/{unit}" for unit in UNITS)
    yield from (f"usr/lib/systemd/user/{unit}" for unit in UNITS)
    yield "usr/lib/systemd/catalog/tracectl.catalog"
    yield from ("usr/lib/sysusers.d/tracectl.conf", "usr/lib/tmpfiles.d/tracectl.conf",
                "usr/share/user-tmpfiles.d/tracectl.conf")
    yield f"usr/share/dbus-1/interfaces/{BUS_NAME}.xml"
    yield f"usr/share/dbus-1/services/{BUS_NAME}.service"
    yield f"usr/share/dbus-1/system-services/{BUS_NAME}.service"
    yield f"usr/share/dbus-1/system.d/{BUS_NAME}.conf"
    yield "usr/share/polkit-1/actions/org.tracectl.tracing1.policy"
    yield "usr/share/bash-completion/completions/tracectl"
    yield "usr/share/zsh/vendor-completions/_tracectl"
    for page in os.listdir(os.path.join(TOP, "docs/man")):
        yield f"usr/share/man/man{page[-1]}/{page}"
    yield "usr/share/man/man5/org.tracectl.Tracing1.5"
    yield "usr/share/doc/tracectl/json.md"
    yield "usr/share/doc/tracectl/examples/follow-glib.c"
    yield "usr/share/doc/tracectl/security.md"
    yield "usr/share/doc/tracectl/examples/follow-sessions.py"
    yield "usr/share/doc/tracectl/examples/list-sessions.js"
    yield "usr/share/doc/tracectl/examples/shop.c"
    for example in os.listdir(os.path.join(TOP, "polkit")):
        if example.endswith(".example"):
            yield f"usr/share/doc/tracectl/examples/{example}"


def files_below(top):
    for folder, _, files in os.walk(top):
        for name in files:
            yield os.path.relpath(os.path.join(folder, name), top)


@needs_usr_prefix
class Folder(system.NamesSkips):
    """Installed below $DESTDIR, as a package is made."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        _, cls.tree = installed_tree()
        with open(os.path.join(system.BUILD, "meson-info", "intro-buildoptions.json"), encoding="utf-8") as f:
            cls.libdir = "usr/" + next(option["value"] for option in json.load(f) if option["name"] == "libdir")
        cls.systemunitdir = "usr/lib/systemd/system"
        if os.path.isdir(os.path.join(cls.tree, "lib")):  # pkg-config's systemd has it there on Debian
            cls.systemunitdir = "lib/systemd/system"

    def path(self, *names):
        return os.path.join(self.tree, *names)

    def test_exactly_these_files(self):
        self.assertEqual(sorted(files_below(self.tree)), sorted(expected_files(self.libdir, self.systemunitdir)))

    def test_no_unit_names_what_is_not_there(self):
        for folder in (self.systemunitdir, "usr/lib/systemd/user"):
            for unit in UNITS:
                with open(self.path(folder, unit), encoding="utf-8") as f:
                    text = f.read()
                self.assertNotIn("@bindir@", text)
                self.assertNotIn("@libexecdir@", text)
                for page, section in re.findall(r"man:(\S+)\((\d)\)", text):
                    self.assertTrue(os.path.exists(self.path(f"usr/share/man/man{section}/{page}.{section}")), page)
                for program in re.findall(r"^Exec\w+=(/\S+)", text, re.MULTILINE):
                    self.assertTrue(os.access(self.path(program.lstrip("/")), os.X_OK), f"{unit}: {program}")

    def test_services_are_hardened(self):
        """--threshold is in tenths, and its excess an error. What is missing the unit explains."""
        for unit in (name for name in UNITS if name.endswith(".service")):
            with self.subTest(unit):
                path = self.path(self.systemunitdir, unit)
                done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", "--json=short",
                                       "--threshold=10", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      text=True, check=False)
                missing = system.missing_directives(done.stdout)
                self.assertEqual(done.returncode, 0, missing)
                with open(path, encoding="utf-8") as f:
                    explained = set(re.findall(r"^# +(\w+)= ", f.read(), re.MULTILINE))
                self.assertEqual(missing - explained, set())

    def test_bus_policy(self):
        policy = xml.etree.ElementTree.parse(self.path(f"usr/share/dbus-1/system.d/{BUS_NAME}.conf")).getroot()
        owners = [rule.get("user") for rule in policy for allow in rule if allow.get("own") == BUS_NAME]
        self.assertEqual(owners, ["root"])
        interface = xml.etree.ElementTree.parse(self.path(f"usr/share/dbus-1/interfaces/{BUS_NAME}.xml")).getroot()
        # The policy refuses all writing, so no property may want it.
        self.assertNotIn("write", "".join(prop.get("access") for prop in interface.iter("property")))

    def test_polkit_policy(self):
        policy = xml.etree.ElementTree.parse(self.path("usr/share/polkit-1/actions/org.tracectl.tracing1.policy"))
        names = [action.get("id") for action in policy.getroot().iter("action")]
        self.assertIn("org.tracectl.tracing1.trace-own", names)

    @unittest.skipUnless(shutil.which("pkg-config"), "needs pkg-config")
    def test_programs_find_the_libraries(self):
        folder = self.path(self.libdir, "pkgconfig")
        env = dict(os.environ, PKG_CONFIG_LIBDIR=folder, PKG_CONFIG_SYSROOT_DIR=self.tree)
        for library, header in (("tracectl", "tracectl.h"), ("tracectl-read", "tracectl-read.h"),
                                ("tracectl-tracepoint", "tracepoint.h")):
            flags = subprocess.run(["pkg-config", "--cflags", "--libs", library], env=env, stdout=subprocess.PIPE,
                                   text=True, check=True).stdout.split()
            with tempfile.TemporaryDirectory() as scratch:
                source = os.path.join(scratch, "a.c")
                with open(source, "w", encoding="utf-8") as f:
                    f.write(f"#include <tracectl/{header}>\nint main(void) {{ return 0; }}\n")
                flags += ["-I" + self.path("usr/include"), "-L" + self.path(self.libdir)]
                subprocess.run(["cc", "-o", os.path.join(scratch, "a"), source, *flags], check=True)

    def test_wait_page_is_that_of_the_protocol(self):
        with open(os.path.join(TOP, "protocol/wait.h"), encoding="utf-8") as f:
            self.assertIn(f'the text "{WAIT_PAGE.decode()}"', f.read())
        for path in ("usr/lib/tmpfiles.d/tracectl.conf", "usr/share/user-tmpfiles.d/tracectl.conf"):
            with open(self.path(path), encoding="utf-8") as f:
                page = next(line for line in f if "/tracectl/wait" in line).split()
            self.assertEqual((page[0], page[-1]), ("f", WAIT_PAGE.decode()))


class Booted(HostTest):
    """A machine that has it, before anybody has asked for anything."""

    def test_units_are_good(self):
        self.host.run(["systemd-analyze", "verify", "--man=no", *(unit.replace("@", "@x") for unit in UNITS)])

    @needs_user_manager
    def test_user_units_are_good(self):
        self.host.run(["systemd-analyze", "--user", "verify", "--man=no", *(unit.replace("@", "@x") for unit in UNITS)],
                      user="alice", user_manager=True)

    def stat(self, path, user="root"):
        return self.host.run(["stat", "-c", "%A %U", path], user=user).stdout.strip()

    def test_page_and_sockets_are_there_before_any_daemon(self):
        self.assertEqual(self.stat("/run/tracectl"), "drwxr-xr-x root")
        self.assertEqual(self.stat("/run/tracectl/consumer"), "drwx------ root")
        self.assertEqual(self.stat("/run/tracectl/register"), "srw-rw-rw- root")
        self.assertEqual(self.stat("/run/tracectl/control"), "srw------- root")
        self.assertEqual(self.stat("/run/tracectl/wait", user="alice"), "-rw-r--r-- root")
        with open(self.host.file("/run/tracectl/wait"), "rb") as f:
            self.assertEqual(f.read(), WAIT_PAGE)

    @needs_user_manager
    def test_a_user_has_page_and_sockets_before_any_daemon(self):
        self.host.user_manager("bob")
        for name, mode in (("", "drwx------"), ("consumer", "drwx------"), ("register", "srw-------"),
                           ("control", "srw-------"), ("wait", "-rw-------")):
            self.assertEqual(self.stat(f"/run/user/1002/tracectl/{name}", user="bob"), f"{mode} bob", name)
        with open(self.host.file("/run/user/1002/tracectl/wait"), "rb") as f:
            self.assertEqual(f.read(), WAIT_PAGE)
        self.assertEqual(self.host.unit_property("tracingd.service", "ActiveState", user="bob"), "inactive")

    def test_page_is_never_replaced(self):
        """Applications have it mapped."""
        path = self.host.file("/run/tracectl/wait")
        before = os.stat(path)
        with open(path, "r+b") as f:
            f.write(b"TRACECTL\1\0\0\0")
        self.host.run(["systemd-tmpfiles", "--create", "tracectl.conf"])
        self.host.run(["systemd-tmpfiles", "--clean", "--remove", "tracectl.conf"])
        after = os.stat(path)
        self.assertEqual((before.st_dev, before.st_ino), (after.st_dev, after.st_ino))
        with open(path, "r+b") as f:
            self.assertEqual(f.read(), b"TRACECTL\1\0\0\0")
            f.seek(0)
            f.write(WAIT_PAGE)

    def test_only_root_may_own_the_name(self):
        took = self.host.run(["busctl", "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName",
                              "su", BUS_NAME, "0"], user="alice", check=False)
        self.assertNotEqual(took.returncode, 0)
        self.assertIn("Access denied", took.stderr)

    def test_polkit_has_the_actions(self):
        # pkaction asks polkit, which has read the policy.
        known = self.host.run(["pkaction", "--verbose", "--action-id", "org.tracectl.tracing1.trace-own"]).stdout
        self.assertRegex(known, r"implicit any: +yes")


@needs_host
class Boot(system.NamesSkips):
    """Sessions that begin with the machine; here without what makes them, which has tests of its own."""

    PRETEND = "[Service]\nExecStart=\nExecStart=test -S /run/tracectl/control -a -S /run/tracectl/register\nExecStop=\n"

    def test_session_begins_before_other_units(self):
        machine = Host(boot=False)
        self.addCleanup(machine.close)
        os.mkdir(machine.file("/etc/systemd/system/sysinit.target.wants"))
        os.symlink("/lib/systemd/system/tracectl-session@.service",
                   machine.file("/etc/systemd/system/sysinit.target.wants/tracectl-session@early.service"))
        os.mkdir(machine.file("/etc/systemd/system/tracectl-session@.service.d"))
        machine.write("/etc/systemd/system/tracectl-session@.service.d/pretend.conf", self.PRETEND)
        machine.boot()
        self.assertNotIn("ordering cycle", machine.journal())
        self.assertEqual(machine.unit_property("tracectl-session@early.service", "ActiveState"), "active")
        begins = int(machine.unit_property("tracectl-session@early.service", "ActiveEnterTimestampMonotonic"))
        self.assertLessEqual(begins, int(machine.unit_property("sysinit.target", "ActiveEnterTimestampMonotonic")))
        self.assertEqual(machine.unit_property("dbus.service", "ActiveState"), "active")
        self.assertLess(begins, int(machine.unit_property("dbus.socket", "ActiveEnterTimestampMonotonic")))

    def test_session_ends_before_the_service(self):
        """At shutdown the way to the service is there until the last session has used it."""
        machine = Host(boot=False)
        self.addCleanup(machine.close)
        os.mkdir(machine.file("/etc/systemd/system/tracectl-session@.service.d"))
        machine.write("/etc/systemd/system/tracectl-session@.service.d/pretend.conf", self.PRETEND +
                      "ProtectHome=no\nReadWritePaths=/home\n"
                      "ExecStop=sh -c 'test -S /run/tracectl/control && systemctl is-active tracingd.service "
                      "&& touch /home/in-order'\n")
        machine.boot()
        machine.systemctl("start", "tracectl-session@late.service", "tracingd.service")
        machine.reboot()
        self.assertTrue(os.path.exists(machine.file("/home/in-order")))


@needs_host
class MakeInstall(system.NamesSkips):
    """`make install` as root on a machine that runs, and `make uninstall`."""

    def machine(self):
        machine = Host(installed=False, boot=False)
        self.addCleanup(machine.close)
        machine.bind(TOP)
        if not system.BUILD.startswith(TOP + "/"):
            machine.bind(system.BUILD)
        return machine

    @staticmethod
    def make(machine, target, *args):
        env = {"PATH": os.environ["PATH"]}  # where meson is
        return machine.run(["make", "--no-print-directory", target, f"BUILD={system.BUILD}", *args], cwd=TOP, env=env,
                           timeout=10 * system.PATIENCE).stdout

    def test_leaves_a_working_service(self):
        machine = self.machine()
        machine.boot()
        self.make(machine, "install")
        for unit in SOCKETS:
            self.assertEqual(machine.unit_property(unit, "ActiveState"), "active")
            self.assertEqual(machine.systemctl("is-enabled", unit), "enabled\n")
            self.assertEqual(machine.run(["systemctl", "--global", "is-enabled", unit]).stdout, "enabled\n")
        self.assertEqual(machine.run(["cat", "/run/tracectl/wait"], user="alice").stdout, WAIT_PAGE.decode())
        self.assertEqual(machine.run(["getent", "passwd", "tracectl"]).stdout.split(":")[0], "tracectl")
        version = machine.run(["busctl", "get-property", *MANAGER, "Version"], user="alice").stdout
        self.assertRegex(version, r'^s "\d+\.\d+\.\d+"\n$')
        self.assertEqual(machine.unit_property("tracingd.service", "ActiveState"), "active")
        pid = machine.unit_property("tracingd.service", "MainPID")
        machine.systemctl("reload", "tracingd.service")
        self.assertEqual(machine.unit_property("tracingd.service", "MainPID"), pid)

        machine.reboot()
        version = machine.run(["busctl", "get-property", *MANAGER, "Version"], user="alice").stdout
        self.assertRegex(version, r'^s "\d+\.\d+\.\d+"\n$')

    @needs_user_manager
    def test_leaves_a_working_service_for_each_user(self):
        machine = self.machine()
        machine.boot()
        machine.user_manager("bob")
        said = self.make(machine, "install")
        self.assertIn("systemctl --user daemon-reload && systemctl --user start", said)
        machine.systemctl("daemon-reload", user="bob")
        machine.systemctl("start", *SOCKETS, user="bob")
        for user in ("alice", "bob"):
            version = machine.run(["busctl", "--user", "get-property", *MANAGER, "Version"], user=user,
                                  user_manager=True).stdout
            self.assertRegex(version, r'^s "\d+\.\d+\.\d+"\n$')

    def test_again_and_back(self):
        machine = self.machine()
        machine.boot()
        before = set(self.own_files(machine))
        self.make(machine, "install")
        machine.systemctl("start", "tracingd.service")
        self.assertIn("the tracingd that is running stays until it is idle", self.make(machine, "install"))
        self.assertEqual(machine.unit_property("tracingd.service", "ActiveState"), "active")
        self.assertGreater(len(set(self.own_files(machine)) - before), 30)
        self.make(machine, "install", "DESTDIR=/tmp/package")  # of no interest to what follows
        self.make(machine, "uninstall")
        self.assertEqual(set(self.own_files(machine)) - before, set())
        self.assertEqual(machine.systemctl("list-unit-files", "--no-legend", "tracing*", "tracectl*", check=False), "")
        again = machine.run(["make", "uninstall", f"BUILD={system.BUILD}"], cwd=TOP, check=False)
        self.assertIn("Nothing was installed from", again.stderr)
        # Applications that run have it mapped.
        self.assertEqual(machine.run(["cat", "/run/tracectl/wait"]).stdout, WAIT_PAGE.decode())

    @staticmethod
    def own_files(machine):
        return machine.run("find /usr /etc ! -type d -iname '*trac*' \\( -ipath '*tracectl*' -o -ipath '*tracingd*' \\)",
                           ).stdout.splitlines()

    def test_a_machine_whose_bus_is_not_there(self):
        machine = self.machine()
        for unit in ("dbus.socket", "dbus.service"):
            os.symlink("/dev/null", machine.file(f"/etc/systemd/system/{unit}"))
        machine.boot(bus=False)
        self.assertIn("the system bus is not running: without it only root reaches the service",
                      self.make(machine, "install"))
        self.assertEqual(machine.unit_property("tracectl-control.socket", "ActiveState"), "active")

    def test_where_systemd_does_not_run(self):
        """As when an image is made: everything is enabled, nothing started."""
        machine = self.machine()
        machine.boot()
        done = machine.run("mount -t tmpfs tmpfs /run/systemd && exec make --no-print-directory install "
                           f"BUILD={system.BUILD}", cwd=TOP, env={"PATH": os.environ["PATH"]})
        self.assertIn("systemd is not running here: the service is there after the next boot", done.stdout)
        machine.run(["umount", "/run/systemd"])
        machine.reboot()
        for unit in SOCKETS:
            self.assertEqual(machine.unit_property(unit, "ActiveState"), "active")


@needs_host
class Script(HostTest):
    """What after-install says where there is nothing to do for it."""

    installed = False

    def script(self, prefix):
        with open(os.path.join(TOP, "units/after-install.in"), encoding="utf-8") as f:
            self.host.write("/tmp/after-install", f.read().replace("@prefix@", prefix), 0o755)

    def test_another_prefix(self):
        self.script("/usr/local")
        self.assertIn("configure the build with -Dprefix=/usr", self.host.run(["/tmp/after-install"]).stdout)

    def test_a_users_own(self):
        self.script("/home/alice/own")
        self.assertEqual(self.host.run(["/tmp/after-install"], user="alice").stdout, "")

    def test_no_systemd(self):
        self.script("/usr")
        said = self.host.run("mkdir /tmp/bin && ln -s $(command -v id) /tmp/bin && "
                             "printf '#!/bin/sh\\n' >/tmp/bin/ldconfig && chmod +x /tmp/bin/ldconfig && "
                             "PATH=/tmp/bin /bin/sh /tmp/after-install").stdout
        self.assertIn("there is no systemd here", said)


if __name__ == "__main__":
    unittest.main()
