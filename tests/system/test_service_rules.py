# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules with options in sessions of the service, and contexts that only the service knows."""

import json
import re
import unittest

from service import EMIT, ServiceTest

FILTER = 'counter >= 100 && !($ctx.procname == "x ;*")'

# Becomes another user, and emits until one of its events could be recorded: it registers anew in its own time.
BECOME = r"""
#include <stdlib.h>
#include <unistd.h>
#include <tracectl/tracepoint.h>

int main(int argc, char *argv[]) {
        if (setgid(atoi(argv[2])) < 0 || setuid(atoi(argv[1])) < 0)
                return 1;
        for (int i = 0; i < 20000 && !tracectl_trace_enabled(test, became); i++)
                usleep(1000);
        tracectl_trace(test, became, tp_u32(uid, getuid()));
        return 0;
}
"""


class Rules(ServiceTest):
    def test_with_and_without_a_filter(self):
        """The event is recorded once, where one of the rules lets it pass."""
        self.tracectl("alice", "create", "rules")
        self.tracectl("alice", "enable-event", "test:*", "--filter", FILTER)
        self.tracectl("alice", "enable-event", "test:tick", "--filter", "counter < 10")
        self.tracectl("alice", "start")
        emitter = self.emitter("alice", 1)
        emitter.emit(1000)
        counters = [int(re.search(r"counter = (\d+)", event)[1]) for event in self.stopped("rules")]
        self.assertEqual(counters, [*range(10), *range(100, 1000)])
        self.tracectl("alice", "enable-event", "test:tick")
        self.tracectl("alice", "start")
        emitter.emit(500)
        self.assertEqual(len(self.stopped("rules")), 910 + 500)

    def stopped(self, session):
        self.tracectl("alice", "stop", session)
        return self.events(self.output("alice", session))

    def test_profile(self):
        """What is dumped makes the same session again."""
        self.tracectl("alice", "create", "first")
        self.tracectl("alice", "enable-event", "test:*", "--filter", FILTER, "--loglevel", "info", "--exclude", "a:b")
        self.tracectl("alice", "enable-event", "test:*", "--loglevel-only", "debug")
        text = self.tracectl("alice", "dump", "first").stdout
        self.assertIn(f"Event=test:* loglevel>=info exclude=a:b filter={FILTER}\n", text)
        self.assertIn("Event=test:* loglevel=debug\n", text)
        again = self.tracectl("alice", "apply", "-", input=text.replace("Name=first", "Name=second"))
        self.assertEqual(again.returncode, 0)
        self.assertEqual(self.tracectl("alice", "dump", "second").stdout, text.replace("Name=first", "Name=second"))
        events = [[(rule["pattern"], rule["filter"], rule["log_level"], rule["log_level_only"], rule["exclude"])
                   for rule in json.loads(self.tracectl("alice", "list", session, "--json").stdout)["events"]]
                  for session in ("first", "second")]
        self.assertEqual(events[0], events[1])
        self.assertIn(("test:*", FILTER, "info", "", ["a:b"]), events[0])

    def test_contexts(self):
        self.tracectl("alice", "create", "contexts")
        self.tracectl("alice", "add-context", "vpid", "pid", "tid", "uid", "gid", "cgroup")
        self.tracectl("alice", "enable-event", "test:*")
        self.tracectl("alice", "start")
        emitter = self.emitter("alice", 4)
        cgroup = self.host.run(["cat", f"/proc/{emitter.pid}/cgroup"]).stdout.strip().rsplit("0::", 1)[-1]
        group = self.host.run(["id", "-g", "alice"]).stdout.strip()
        emitter.emit(500)
        events = self.stopped("contexts")
        self.assert_counted(events, [emitter])
        for line in events:
            self.assertIn(f'pid = {emitter.pid}, tid = {emitter.pid}, uid = 1001, gid = {group}, cgroup = "{cgroup}"',
                          line)

    def test_contexts_of_another_user(self):
        """After setuid() they are the new user's."""
        self.host.write("/root/become.c", BECOME)
        self.host.run("cc -O2 /root/become.c -o /root/become $(pkg-config --cflags --libs tracectl-tracepoint)")
        self.tracectl("alice", "create", "became")
        self.tracectl("alice", "add-context", "uid", "gid")
        self.tracectl("alice", "enable-event", "test:*")
        self.tracectl("alice", "start")
        self.host.run(["/root/become", "1001", "100"])
        (event,) = self.stopped("became")
        self.assertIn("{ uid = 1001, gid = 100 }, { uid = 1001 }", event)

    def test_contexts_of_a_container(self):
        """Where a process has other numbers, what it cannot know of itself is the service's, or unknown."""
        self.tracectl("alice", "create", "container")
        self.tracectl("alice", "add-context", "vpid", "pid", "tid", "uid")
        self.tracectl("alice", "enable-event", "test:*")
        self.tracectl("alice", "start")
        for arguments in (("threads", "2", "10"), ("paced", "1000", "10")):
            self.host.run(["unshare", "--pid", "--fork", "setpriv", "--reuid=alice", "--regid=alice", "--clear-groups",
                           EMIT, *arguments])
        events = self.stopped("container")
        self.assertEqual(len(events), 30)
        for line in events:
            vpid, pid, tid, uid = map(int, re.search(r"vpid = (\d+), pid = (\d+), tid = (\d+), uid = (\d+)",
                                                     line).groups())
            first_thread = " tid = 1 }" in line
            self.assertEqual((vpid, uid, tid), (1, 1001, pid if first_thread else 0), line)
            self.assertGreater(pid, 1)
        self.assertEqual(sum(" tid = 1 }" in line for line in events), 10)


if __name__ == "__main__":
    unittest.main()
