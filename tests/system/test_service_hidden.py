# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that are more than who started them, or do not want to be looked into, register nothing."""

import json
import unittest

import service

HIDE = """
#include <sys/prctl.h>
static void hide(void) { prctl(PR_SET_DUMPABLE, 0); }
/* Before the libraries' own constructors. */
__attribute__((section(".preinit_array"), used)) static void (*const first)(void) = hide;
"""


class Hidden(service.ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        emit = service.EMIT
        cls.host.write("/root/hide.h", HIDE)
        cls.host.run(f"cp {emit} {emit}-setuid && chown carol {emit}-setuid && chmod 4755 {emit}-setuid && "
                     f"cp {emit} {emit}-setgid && chgrp carol {emit}-setgid && chmod 2755 {emit}-setgid && "
                     f"cp {emit} {emit}-capable && setcap cap_net_raw=ep {emit}-capable && "
                     f"cp {emit} {emit}-unreadable && chmod 711 {emit}-unreadable && "
                     f"cc -D_GNU_SOURCE -O2 -include /root/hide.h /root/emit.c -o {emit}-hides -pthread "
                     "$(pkg-config --cflags --libs tracectl-tracepoint)")

    def registered(self):
        text = self.tracectl("root", "list", "--applications", "--all", "--json=short").stdout
        return [application["pid"] for application in json.loads(text)]

    def status(self, emitter, name):
        text = self.host.read(f"/proc/{emitter.pid}/status")
        return next(line.split()[1:] for line in text.splitlines() if line.startswith(name + ":"))

    def try_program(self, kind, before):
        """before: the program is there before anybody wants to trace, and else comes later."""
        program = f"{service.EMIT}-{kind}"
        hidden = self.emitter("alice", 2, program=program) if before else None
        self.tracectl("alice", "create", "all")
        self.tracectl("alice", "enable-event", "test:*")
        self.tracectl("alice", "start")
        hidden = hidden or self.emitter("alice", 2, program=program)
        plain = self.emitter("alice", 1)
        # It has come later than the other one, and the list waits for all that were woken.
        self.assertEqual(self.registered(), [plain.pid])
        for emitter in (hidden, plain):
            emitter.emit(100)
        self.tracectl("alice", "stop", "all")
        self.assert_counted(self.events(self.output("alice", "all")), [plain])
        self.tracectl("alice", "destroy", "all")
        self.end(plain)
        return hidden

    def test_setuid(self):
        for before in (True, False):
            emitter = self.try_program("setuid", before)
            self.assertEqual(self.status(emitter, "Uid")[:2], ["1001", "1003"])
            self.end(emitter)

    def test_setgid(self):
        for before in (True, False):
            emitter = self.try_program("setgid", before)
            self.assertEqual(self.status(emitter, "Gid")[:2], ["1001", "1003"])
            self.end(emitter)

    def test_file_capabilities(self):
        for before in (True, False):
            emitter = self.try_program("capable", before)
            self.assertEqual(self.status(emitter, "CapEff"), ["0000000000002000"])
            self.end(emitter)

    def test_not_readable(self):
        """The kernel lets nobody look into a process whose program's file he cannot read."""
        for before in (True, False):
            self.end(self.try_program("unreadable", before))

    def test_not_dumpable(self):
        """By its own wish."""
        for before in (True, False):
            self.end(self.try_program("hides", before))

    @staticmethod
    def end(emitter):
        emitter.process.kill()
        emitter.process.wait()


if __name__ == "__main__":
    unittest.main()
