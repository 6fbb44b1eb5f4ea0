# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whom the rules of the service's sessions reach: these and nobody else, with every event of theirs."""

import json
import os
import re
import unittest

import host
from service import EMIT, NAME, ROOT, ServiceTest

EARLY = r"""
#include <stdlib.h>
#include <unistd.h>
#include <tracectl/tracepoint.h>

/* Before main(), and again at its end. */
__attribute__((constructor)) static void emit(void) {
        tracectl_trace(test, tick, tp_u64(writer, atoi(getenv("WRITER"))), tp_u64(counter, 0));
}

int main(void) {
        tracectl_trace(test, tick, tp_u64(writer, atoi(getenv("WRITER"))), tp_u64(counter, 1));
        return 0;
}
"""

RULE = """
polkit.addRule(function(action, subject) {
    if (action.id == "org.tracectl.tracing1.trace-others" && subject.user == "alice" &&
        action.lookup("verb") == "VERB" && action.lookup("session") == "targets" &&
        action.lookup("target-uid") == "UID" && action.lookup("target-unit") == UNIT)
        return polkit.Result.YES;
});
"""


class Targets(ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.write("/root/early.c", EARLY)
        cls.host.run("cc -O2 /root/early.c -o /usr/local/bin/early "
                     "$(pkg-config --cflags --libs tracectl-tracepoint) && ln /usr/local/bin/emit /usr/local/bin/till")

    def begin(self, user, *targets):
        self.tracectl(user, "create", "targets")
        for target in targets:
            self.tracectl(user, "enable-event", "-s", "targets", "test:*", *target)
        self.tracectl(user, "start", "targets")

    def writers(self, user):
        """The events of each writer, after the session was stopped."""
        self.tracectl(user, "stop", "targets")
        found = {}
        for line in self.events(self.output(user, "targets")):
            writer = int(re.search(r"writer = (\d+)", line)[1])
            found[writer] = found.get(writer, 0) + 1
        return found

    def allow(self, verb, uid, unit="undefined"):
        self.host.write("/etc/polkit-1/rules.d/50-targets.rules",
                        RULE.replace("VERB", verb).replace("UID", uid).replace("UNIT", unit))
        self.addCleanup(self.host.systemctl, "restart", "polkit.service")
        self.addCleanup(self.host.run, ["rm", "-f", "/etc/polkit-1/rules.d/50-targets.rules"])
        self.host.systemctl("restart", "polkit.service")

    def test_pid(self):
        one, other = self.emitter("alice", 1), self.emitter("alice", 2)
        self.begin("alice", ["--pid", str(one.pid)])
        for emitter in (one, other):
            emitter.emit(1000)
        self.assertEqual(self.writers("alice"), {1: 1000})
        self.tracectl("alice", "enable-event", "test:tick", "--pid", str(other.pid))
        self.tracectl("alice", "remove-event", "test:*")
        self.tracectl("alice", "start")
        for emitter in (one, other):
            emitter.emit(500)
        self.assertEqual(self.writers("alice"), {1: 1000, 2: 500})

    def test_pid_again(self):
        """Another process that is given the number is not the one that was meant."""
        emitter = self.emitter("alice", 1)
        self.begin("alice", ["--pid", str(emitter.pid), "--children"])
        emitter.emit(10)
        emitter.process.stdin.close()
        emitter.process.wait()
        run = "setpriv --reuid=alice --regid=alice --clear-groups env WRITER=2 early & echo $!; wait"
        for _ in range(200):
            done = self.host.run(f"echo {emitter.pid - 1} >/proc/sys/kernel/ns_last_pid && {{ {run}; }}", check=False)
            if done.returncode != 0:
                self.skipTest("numbers of processes cannot be chosen here")
            if int(done.stdout) == emitter.pid:
                break
        else:
            self.skipTest("the number is always given to others here")
        self.assertEqual(self.writers("alice"), {1: 10})

    def test_children(self):
        """Every event of a child, from the first on, also when its parent records nothing itself."""
        parent = self.start("echo $$; read go; sh -c 'WRITER=1 early; echo done'; sh -c 'WRITER=2 exec early'; read end",
                            user="alice")
        pid = int(parent.stdout.readline())
        self.begin("alice", ["--pid", str(pid), "--children"])
        self.host.run(["early"], user="alice", env={"WRITER": "3"})
        parent.communicate("go\nend\n")
        self.assertEqual(self.writers("alice"), {1: 2, 2: 2})

    def test_forked_children(self):
        """An application's children of fork()."""
        parent = self.start(f"echo $$; read go; exec {EMIT} processes 8 50", user="alice")
        pid = int(parent.stdout.readline())
        self.begin("alice", ["--pid", str(pid), "--children"])
        parent.communicate("go\n")
        self.assertEqual(self.writers("alice"), dict.fromkeys(range(8), 50))

    def test_another_user(self):
        """A process that becomes another user's is out of reach of the rule that names it, as are its children."""
        process = self.start("echo $$; read go; WRITER=1 early; export WRITER=2; "
                             "setpriv --reuid=bob --regid=bob --clear-groups early; "
                             "exec setpriv --reuid=bob --regid=bob --clear-groups early")
        self.begin("root", ["--pid", process.stdout.readline().strip(), "--children"])
        process.communicate("go\n")
        self.assertEqual(self.writers("root"), {1: 2})

    def test_executable(self):
        self.begin("alice", ["--exe", "till"], ["--exe", "/usr/*/early"])
        for i, program in enumerate((EMIT, "/usr/local/bin/till")):
            self.host.run(f"echo 100 | {program} asked {i} 0", user="alice")
        self.host.run(["early"], user="alice", env={"WRITER": "2"})
        self.assertEqual(self.writers("alice"), {1: 100, 2: 2})

    def test_unit(self):
        """A unit of the system that starts after the rule, and has another user."""
        for name, writer in (("shop", 1), ("other", 2)):
            self.host.write(f"/run/systemd/system/{name}.service",
                            f"[Service]\nType=oneshot\nUser=bob\nEnvironment=WRITER={writer}\n"
                            "ExecStart=/usr/local/bin/early\n")
        self.host.systemctl("daemon-reload")
        self.begin("root", ["--unit", "shop"])
        self.host.run(["early"], user="bob", env={"WRITER": "3"})
        for name in ("shop", "other", "shop"):
            self.host.systemctl("start", name)
        self.assertEqual(self.writers("root"), {1: 4})

    def test_others_unit(self):
        """Somebody who may trace one unit, whoever runs in it, by a rule or by a profile."""
        self.host.write("/run/systemd/system/shop.service",
                        "[Service]\nType=oneshot\nUser=bob\nEnvironment=WRITER=1\nExecStart=/usr/local/bin/early\n")
        self.host.systemctl("daemon-reload")
        self.allow("EnableEvent", "all", '"shop.service"')
        self.begin("alice", ["--unit", "shop"])
        self.assertIn("password", self.refused("alice", "enable-event", "test:*", "--unit", "other"))
        self.host.systemctl("start", "shop")
        text = self.tracectl("alice", "dump", "targets").stdout.replace("Start=yes", "Start=no")
        self.assertEqual(self.writers("alice"), {1: 2})
        self.tracectl("alice", "destroy", "targets")
        self.assertIn("password", self.refused("alice", "apply", "-", input=text))
        self.allow("ApplyProfile", "all", '"shop.service"')
        self.tracectl("alice", "apply", "-", input=text)
        self.tracectl("alice", "start", "targets")
        self.host.systemctl("start", "shop")
        self.assertEqual(self.writers("alice"), {1: 2})

    def test_restart(self):
        """The process that a rule names is known to the next tracingd, too, and so is its neighbour."""
        one, other = self.emitter("alice", 1), self.emitter("alice", 2)
        self.begin("alice", ["--pid", str(one.pid)])
        one.emit(10)
        self.host.systemctl("kill", "--signal=KILL", "tracingd.service")
        for emitter in (one, other):
            emitter.emit(10)
        self.tracectl("alice", "enable-event", "test:*", "--exe", "nothing")
        for emitter in (one, other):
            emitter.emit(10)
        self.assertEqual(self.writers("alice"), {1: 30})

    def test_users_unit(self):
        """A unit of a user's own manager, for himself."""
        self.host.run(["mkdir", "-p", "/home/alice/.config/systemd/user"], user="alice")
        self.host.write("/home/alice/.config/systemd/user/till.service",
                        "[Service]\nType=oneshot\nEnvironment=WRITER=1\nExecStart=/usr/local/bin/early\n")
        self.begin("alice", ["--unit", "till", "--uid", "alice"])
        self.host.systemctl("daemon-reload", user="alice")
        self.host.systemctl("start", "till", user="alice")
        self.host.run(["early"], user="alice", env={"WRITER": "2"})
        self.assertEqual(self.writers("alice"), {1: 2})

    def test_others_are_refused(self):
        other = self.emitter("bob", 1)
        self.begin("alice")
        for target in (["--uid", "bob"], ["--uid", "root"], ["--unit", "shop"], ["--pid", str(other.pid)]):
            self.assertIn("password", self.refused("alice", "enable-event", "test:*", *target))
        self.tracectl("alice", "enable-event", "test:*")
        own = self.emitter("alice", 2)
        for emitter in (other, own):
            emitter.emit(10)
        self.assertEqual(self.writers("alice"), {2: 10})

    def test_others(self):
        """With the right to it: the traced user sees who traces, the session's owner gets the trace."""
        self.allow("EnableEvent", "1002")
        other, own, third = self.emitter("bob", 1), self.emitter("alice", 2), self.emitter("carol", 3)
        self.begin("alice", ["--uid", "bob"])
        self.assertIn("password", self.refused("alice", "enable-event", "test:*", "--uid", "carol"))
        for emitter in (other, own, third):
            emitter.emit(1000)
        sessions = self.busctl("bob", "get-property", NAME, self.application("bob", other.pid), f"{NAME}.Application",
                               "Sessions").stdout
        self.assertEqual(sessions, 'as 1 "1001/targets"\n')
        self.assertEqual(self.writers("alice"), {1: 1000})
        path = self.host.file(self.output("alice", "targets"))
        self.assertEqual(os.listdir(os.path.join(path, "user")), ["1002"])
        self.assertEqual(os.stat(path).st_uid, host.USERS["alice"])
        # A process of theirs, and after the end nothing.
        self.tracectl("alice", "remove-event", "test:*")
        self.tracectl("alice", "enable-event", "test:*", "--pid", str(other.pid))
        self.tracectl("alice", "start")
        other.emit(10)
        own.emit(10)
        self.assertEqual(self.writers("alice"), {1: 1010})
        other.emit(10)
        self.assertEqual(len(self.events(self.output("alice", "targets"))), 1010)

    def application(self, user, pid):
        text = self.tracectl(user, "list", "--applications", "--json=short").stdout
        (path,) = (a["path"] for a in json.loads(text) if a["pid"] == pid)
        self.assertTrue(path.startswith(ROOT))
        return path

    def test_root_reaches_its_own(self):
        own, other = self.emitter("root", 1), self.emitter("bob", 2)
        self.begin("root", [])
        own.emit(100)
        other.emit(100)
        self.assertEqual(self.writers("root"), {1: 100})

    def test_profile(self):
        """What is dumped makes the same session again, where it may."""
        self.begin("root", ["--exe", "till", "--uid", "bob"], ["--unit", "shop", "--filter", "counter > 7"],
                   ["--pid", "1"])
        text = self.tracectl("root", "dump", "targets").stdout
        self.assertIn("\nEvent=test:* uid=1002 executable=till\n", text)
        self.assertIn("\nEvent=test:* unit=shop.service filter=counter > 7\n", text)
        self.assertIn("\n# Events of process 1 are left out.\n", text)
        rules = json.loads(self.tracectl("root", "list", "targets", "--json").stdout)["events"]
        self.assertCountEqual([rule["target"] for rule in rules],
                              [{"uid": 1002, "executable": "till"}, {"unit": "shop.service"}, {"pid": 1}])
        self.assertIn("uid=1002 executable=till", self.tracectl("root", "list", "targets").stdout)
        self.assertIn("password", self.refused("alice", "apply", "-", input=text))
        self.tracectl("root", "apply", "-", input=text.replace("Name=targets", "Name=again"))
        again = self.tracectl("root", "dump", "again").stdout
        self.assertEqual(again, text.replace("Name=targets", "Name=again").replace(
            "# Events of process 1 are left out.\n", ""))


if __name__ == "__main__":
    unittest.main()
