# SPDX-License-Identifier: LGPL-2.1-or-later
"""Probes that sessions set in programs, in the machine's own tracefs; what is not ours there is left alone."""

import fcntl
import json
import os
import re
import struct
import unittest

import host
import system
import test_kernel

TRACEFS = test_kernel.TRACEFS
PYTHON = "/usr/bin/python3.11"
F_OFD_GETLK = 36

# An SDT probe at two places whose arguments have other types, with a semaphore that says whether it is wanted.
TWICE = r"""
#include <stdio.h>
#include <stdlib.h>

unsigned short semaphore __attribute__((section(".probes")));

#define NOTE(arguments) \
        ".pushsection .note.stapsdt,\"?\",\"note\"\n.balign 4\n.4byte 992f-991f, 994f-993f, 3\n" \
        "991: .asciz \"stapsdt\"\n992: .balign 4\n993: .8byte 990b\n.8byte _.stapsdt.base\n.8byte semaphore\n" \
        ".asciz \"twice\"\n.asciz \"step\"\n.asciz \"" arguments "\"\n994: .balign 4\n.popsection\n" \
        ".ifndef _.stapsdt.base\n.pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n" \
        ".weak _.stapsdt.base\n.hidden _.stapsdt.base\n_.stapsdt.base: .space 1\n.size _.stapsdt.base, 1\n" \
        ".popsection\n.endif\n"

__attribute__((noinline)) void step(long n) {
        long big = n * 1000000000000;
        int small = (int) -n;
        const char *text = n % 2 ? "odd" : "even";

        register const char *t __asm__("r12") = text;
        __asm__ volatile("990: nop\n" NOTE("-8@%%rbx 8@%%r12 4@$7") :: "b"(big), "r"(t) : "memory");
        __asm__ volatile("990: nop\n" NOTE("-4@%%ebx") :: "b"(small) : "memory");
}

int main(int argc, char *argv[]) {
        for (int i = 1; i <= atoi(argv[1]); i++)
                step(i);
        printf("%u\n", *(volatile unsigned short *) &semaphore);
        return 0;
}
"""


def write_probe(line):
    fd = os.open(f"{TRACEFS}/uprobe_events", os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, line.encode())
    finally:
        os.close(fd)


def probe_lines():
    """What every tracing user of this machine has set."""
    with open(f"{TRACEFS}/uprobe_events", encoding="utf-8") as f:
        return f.read().splitlines()


def others_lines():
    """Without what is some tracingd's."""
    return [line for line in probe_lines() if not line.startswith("p:tracectl_")]


def has_group(group):
    return any(line.startswith(f"p:{group}/") for line in probe_lines())


def remove_group(group):
    if has_group(group):
        write_probe(f"-:{group}/one\n")


def place_of(service):
    """Where a service locks a file of tracefs as long as it lives."""
    return int(service, 16) >> 2


if __name__ == "__main__":
    test_kernel.with_tracefs()


@host.needs_host
@unittest.skipUnless(os.path.exists(f"{TRACEFS}/uprobe_events"), "needs tracefs with probes of programs")
class ProbesTest(test_kernel.TracefsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.write("/root/twice.c", TWICE)
        cls.host.run("cc -D_GNU_SOURCE -O2 /root/twice.c -o /usr/local/bin/twice")

    def ours(self):
        return self.traces.probes("uprobe_events")

    def enable(self, user, session, *args):
        return self.tracectl(user, "enable-event", "--kernel", "-s", session, *args)

    def allow(self, user, *actions):
        """By a rule of the administrator's."""
        names = ", ".join(f"'org.tracectl.tracing1.{action}'" for action in actions)
        path = "/etc/polkit-1/rules.d/10-probes.rules"
        self.host.write(path, f"""polkit.addRule(function(action, subject) {{
            if (subject.user == '{user}' && [{names}].indexOf(action.id) >= 0)
                return polkit.Result.YES;
        }});\n""")
        self.addCleanup(self.host.run, ["rm", "-f", path])
        self.addCleanup(self.host.systemctl, "try-restart", "polkit.service")
        self.host.systemctl("try-restart", "polkit.service")

    def record(self, user, session, command):
        self.tracectl(user, "start", session)
        done = self.host.run(command)
        self.tracectl(user, "stop", session)
        return done

    @unittest.skipUnless(os.path.exists(PYTHON), "needs python3.11")
    def test_audit_and_imports_of_python(self):
        """Probes with a semaphore: without it Python does not even get to them."""
        others = others_lines()
        self.tracectl("root", "create", "py")
        self.enable("root", "py", "--userspace-probe", f"sdt:{PYTHON}:python:audit", "--strings", "1")
        self.enable("root", "py", "--userspace-probe", f"sdt:{PYTHON}:python:import__find__load__done", "--strings", "1",
                    "imports:end")
        self.assertEqual(len(self.ours()), 2)
        code = "import sys\nfor i in range(50): sys.audit(f'test.event{i}')\nimport colorsys"
        self.record("root", "py", [PYTHON, "-I", "-c", code])
        lines = self.events(self.output("root", "py"))
        self.assertEqual([name for line in lines for name in re.findall(r'python:audit: .*arg1 = "(test[^"]*)"', line)],
                         [f"test.event{i}" for i in range(50)])
        # Strings are behind the other fields.
        imports = [line for line in lines if "imports:end:" in line and 'arg2 = 1, arg1 = "colorsys"' in line]
        self.assertEqual(len(imports), 1)
        self.tracectl("root", "destroy", "py")
        self.wait_for_none()
        self.assertEqual(others_lines(), others)

    def test_all_places_and_the_semaphore(self):
        """Two places of other types are two events of the same name."""
        self.tracectl("root", "create", "places")
        self.enable("root", "places", "--userspace-probe", "sdt:/usr/local/bin/twice:twice:step", "--strings", "2")
        self.assertEqual(self.host.run(["twice", "1"]).stdout, "0\n")
        done = self.record("root", "places", ["twice", "4"])
        self.assertEqual(done.stdout, "2\n")
        found = [re.search(r"twice:step:.*(arg1 = .*) }", line).group(1) for line in self.events(self.output("root", "places"))]
        expected = []
        for i in range(1, 5):
            text = "odd" if i % 2 else "even"
            expected += [f'arg1 = {i}000000000000, arg3 = 7, arg2 = "{text}"', f"arg1 = {-i}"]
        self.assertEqual([line.replace(" ", "") for line in found], [line.replace(" ", "") for line in expected])

    def test_begin_of_a_function(self):
        self.tracectl("root", "create", "begin")
        self.enable("root", "begin", "--userspace-probe", "/usr/local/bin/twice:step")
        self.record("root", "begin", ["twice", "5"])
        self.assertEqual(len([line for line in self.events(self.output("root", "begin")) if " step:" in line]), 5)

    def test_filter_of_arguments(self):
        self.tracectl("root", "create", "some")
        self.enable("root", "some", "--userspace-probe", "sdt:/usr/local/bin/twice:twice:step", "--filter", "arg1 < -2")
        self.record("root", "some", ["twice", "4"])
        self.assertEqual(len(self.events(self.output("root", "some"))), 2)
        said = self.refused("root", "enable-event", "--kernel", "-s", "some", "--userspace-probe",
                            "sdt:/usr/local/bin/twice:twice:step", "--filter", "nosuch == 1")
        self.assertIn("Field not found", said)

    def test_what_is_refused(self):
        self.tracectl("root", "create", "no")
        enable = ("enable-event", "--kernel", "-s", "no", "--userspace-probe")
        self.assertIn("has no SDT probe 'python:nosuch'",
                      self.refused("root", *enable, "sdt:/usr/local/bin/twice:python:nosuch"))
        self.assertIn("has no function 'nosuch'", self.refused("root", *enable, "/usr/local/bin/twice:nosuch"))
        self.assertIn("it is no ELF file", self.refused("root", *enable, "/etc/passwd:main"))
        self.assertIn("Failed to open '/no/such'", self.refused("root", *enable, "/no/such:main"))
        self.assertIn("no place for a probe", self.refused("root", *enable, "main", status=2))
        self.assertIn("are no strings", self.refused("root", *enable, "/usr/local/bin/twice:step", "--strings", "1"))
        if not os.path.exists(f"{TRACEFS}/kprobe_events"):
            for option in "--probe", "--function":
                self.assertIn("CONFIG_KPROBE_EVENTS",
                              self.refused("root", "enable-event", "--kernel", "-s", "no", option, "do_exit"))
        self.assertEqual(self.ours(), [])

    def test_rights(self):
        """A probe, memory of programs, and the program itself: each is asked for."""
        self.tracectl("alice", "create", "hers")
        enable = ("enable-event", "--kernel", "-s", "hers", "--userspace-probe", "sdt:/usr/local/bin/twice:twice:step")
        self.assertIn("kernel-probe", self.refused("alice", *enable))
        self.allow("alice", "kernel-probe")
        self.assertIn("record-user-memory", self.refused("alice", *enable, "--strings", "2"))
        self.assertEqual(self.ours(), [])
        self.tracectl("alice", *enable)
        self.assertEqual(len(self.ours()), 2)
        path = f"/org/tracectl/Tracing1/session/{self.uid_of('alice')}/hers"
        done = self.busctl("alice", "call", "org.tracectl.Tracing1", path, "org.tracectl.Tracing1.Session", "EnableEvent",
                           "sssa{sv}", "kernel", "", "x:y", "2", "kind", "s", "userspace-probe", "probe", "s",
                           "/usr/local/bin/twice:step", check=False)
        self.assertIn("opens no programs on your behalf", done.stderr)
        # A file that she may not read she cannot pass.
        self.host.run("cp /usr/local/bin/twice /root/hidden && chmod 0700 /root/hidden")
        said = self.refused("alice", "enable-event", "--kernel", "-s", "hers", "--userspace-probe", "/root/hidden:step")
        self.assertIn("Failed to open", said)

    def uid_of(self, user):
        return self.host.run(["id", "-u", user]).stdout.strip()

    def test_rings_of_the_kernel_are_charged(self):
        """To their owner, as those of programs are; given back with the session."""
        self.allow("alice", "kernel-system")

        def ring_memory():
            limits = json.loads(self.tracectl("alice", "limits", "--json=short").stdout)
            (limit,) = [limit for limit in limits if limit["name"] == "ring_memory"]
            return limit

        before = ring_memory()
        enable = ("enable-channel", "--kernel", "--subbuf-size", "64K")
        self.tracectl("alice", "create", "rings")
        self.tracectl("alice", *enable, "-s", "rings", "--subbuf-count", "16", "small")
        small = ring_memory()["used"] - before["used"]
        self.assertGreater(small, 0)
        self.assertEqual(small % (1 << 20), 0)
        # The largest ones that the machine allows until there is no room; none is made before the session is started.
        count = 4096
        while small * count // 16 > os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 16:
            count //= 2
        large = small * count // 16
        for i in range(before["most"] // large + 1):
            if i % 28 == 0:
                self.tracectl("alice", "create", f"rings{i}")
                session = f"rings{i}"
            done = self.tracectl("alice", *enable, "-s", session, "--subbuf-count", str(count), f"large{i}", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("bytes of ring buffers", done.stderr)
        self.destroy_all()
        self.assertEqual(ring_memory(), before)

    def test_root_without_a_file(self):
        self.tracectl("root", "create", "rooted")
        done = self.busctl("root", "call", "org.tracectl.Tracing1", "/org/tracectl/Tracing1/session/0/rooted",
                           "org.tracectl.Tracing1.Session", "EnableEvent", "sssa{sv}", "kernel", "", "x:y", "2", "kind", "s",
                           "userspace-probe", "probe", "s", "/usr/local/bin/twice:step", check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.ours()), 1)

    def test_killed_tracingd(self):
        """Its session's probes go on; those of no session go, and nobody else's."""
        self.tracectl("root", "create", "kept")
        self.enable("root", "kept", "--userspace-probe", "/usr/local/bin/twice:step")
        other = "p:probes_of_others/one /usr/bin/true:0x2000"
        lost = f"p:tracectl_{self.traces.id()}_0_4000000/p0000000000000000_0_x /usr/bin/true:0x2000"
        for line in other, lost:
            write_probe(line)
        self.addCleanup(write_probe, "-:probes_of_others/one")
        self.tracectl("root", "start", "kept")
        self.host.run(["twice", "3"])
        self.host.systemctl("kill", "--kill-whom=main", "--signal=KILL", "tracingd.service")
        system.wait_until(lambda: self.tracectl("root", "status", check=False).returncode == 0, "the next tracingd")
        system.wait_until(lambda: len(self.ours()) == 1, "what is lost to go")
        self.host.run(["twice", "4"])
        self.tracectl("root", "stop", "kept")
        self.assertEqual(len(self.events(self.output("root", "kept"))), 7)
        self.tracectl("root", "destroy", "kept")
        self.wait_for_none()
        self.assertIn("p:probes_of_others/one", "\n".join(probe_lines()))

    def test_probes_of_services_that_are_gone(self):
        """They go with the next tracingd of whatever container; those of a service that gives a sign of life stay."""
        self.host.systemctl("stop", "tracingd.service")
        unique = os.urandom(7).hex()
        gone, living = f"00{unique}", f"01{unique}"
        groups = [f"tracectl_{gone}_0_1", f"tracectl_{living}_0_1", f"tracectl_{unique}_0_1", f"tracectl_{unique}00_0"]
        for group in groups:
            write_probe(f"p:{group}/one /usr/bin/true:0x2000\n")
            self.addCleanup(remove_group, group)
        with open(f"{TRACEFS}/README", encoding="utf-8") as f:
            fcntl.lockf(f, fcntl.LOCK_SH, 1, place_of(living))
            self.tracectl("root", "create", "keeps")
            self.enable("root", "keeps", "--userspace-probe", "/usr/local/bin/twice:step")
            system.wait_until(lambda: not has_group(groups[0]), "the probe to go")
            self.assertEqual([group for group in groups if has_group(group)], groups[1:])
            own = self.traces.id()
            asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, place_of(own), 1, 0)
            self.assertEqual(struct.unpack("hhqqi4x", fcntl.fcntl(f, F_OFD_GETLK, asked))[0], fcntl.F_RDLCK)
        self.tracectl("root", "destroy", "keeps")

    def test_all_events_are_not_others_probes(self):
        """-a is what the kernel has; probes that sessions have set are theirs."""
        self.tracectl("root", "create", "probed")
        self.enable("root", "probed", "--userspace-probe", "/usr/local/bin/twice:step")
        self.tracectl("root", "create", "whole")
        name = system.unique("twice")
        self.host.run(f"cp /usr/local/bin/twice /usr/local/bin/{name}")
        self.enable("root", "whole", "--syscall", "-a", "--filter", f'$ctx.procname == "{name}"')
        self.record("root", "whole", [name, "1"])
        names = {re.search(r" (\w[\w:]*): \{", line).group(1) for line in self.events(self.output("root", "whole"))}
        self.assertIn("syscall_entry_write", names)
        self.assertNotIn("step", names)
        self.assertNotIn("tracectl_", self.tracectl("root", "list", "--kernel", "--no-legend", "*step*").stdout)

    def test_list_of_a_program(self):
        lines = self.tracectl("alice", "list", "--userspace-probe", "/usr/local/bin/twice", "--no-legend").stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines], 2 * ["twice:step"])
        self.assertIn("arg1:s64 arg2:u64 arg3:u32", lines[0])
        listed = json.loads(self.tracectl("alice", "list", "--userspace-probe", "/usr/local/bin/twice", "--json=short").stdout)
        self.assertEqual([probe["arguments"] for probe in listed], ["arg1:s64 arg2:u64 arg3:u32", "arg1:s32"])
        if os.path.exists(PYTHON):
            found = json.loads(self.tracectl("alice", "list", "--userspace-probe", PYTHON, "--json=short").stdout)
            self.assertEqual(len({(probe["provider"], probe["name"]) for probe in found}), 8)
        self.assertIn("is no ELF file", self.refused("alice", "list", "--userspace-probe", "/etc/passwd"))


if __name__ == "__main__":
    unittest.main()
