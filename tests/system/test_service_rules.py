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

# Two threads with a value of their own; the program's name says which contexts it has.
CONTEXTS = r"""
#include <pthread.h>
#include <string.h>
#include <tracectl/tracepoint.h>

#define LONG "a name of more than the sixty-three bytes that there are for a value"

static __thread int64_t depth;

#ifdef DEPTH
static int64_t get_depth(void) { return depth; }
static uint64_t get_large(void) { return 18446744073709551615u; }
static void get_who(char *text, size_t size) {
        tracectl_trace(test, asked); /* lost, and counted */
        strncpy(text, depth < 0 ? "below" : LONG, size);
}
tracectl_context_i64(test, depth, get_depth);
tracectl_context_u64(test, large, get_large);
tracectl_context_f64(test, half, []() -> double { return 0.5; });
tracectl_context_str(test, who, get_who);
#else
static void get_depth(char *text, size_t size) { *text = 'd'; }
tracectl_context_str(test, depth, get_depth);
#endif

static void *run(void *value) {
        depth = *(int64_t *) value;
        tracectl_trace(test, went, tp_i64(depth, depth), tp_str(text, "t"));
        return NULL;
}

int main(void) {
        int64_t values[] = { -7, 7 };
        pthread_t thread;

        pthread_create(&thread, NULL, run, &values[0]);
        pthread_join(thread, NULL);
        run(&values[1]);
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

    def make_programs_with_contexts(self):
        self.host.write("/root/contexts.cc", CONTEXTS)
        for name, options in (("typed", "-DDEPTH"), ("other", "")):
            self.host.run(f"c++ -std=c++17 -O2 {options} /root/contexts.cc -o /usr/local/bin/{name} -pthread "
                          "$(pkg-config --cflags --libs tracectl-tracepoint)")

    def test_contexts_of_the_program(self):
        """Its own values; text without a value where it has none of that name; of the type that it says."""
        self.make_programs_with_contexts()
        names = [f"app:test:{name}" for name in ("depth", "large", "half", "missing", "who")]
        names += ["app:a_b:c", "app:a:b_c"]  # which readers would give one name
        self.tracectl("alice", "create", "values")
        self.tracectl("alice", "add-context", "vpid", *names)
        self.tracectl("alice", "enable-event", "test:*")
        listed = json.loads(self.tracectl("alice", "list", "values", "--json").stdout)
        self.assertEqual(listed["channels"][0]["contexts"], ["vpid", *names])
        self.assertIn("".join(f"Context={name}\n" for name in ["vpid", *names]),
                      self.tracectl("alice", "dump", "values").stdout)
        self.tracectl("alice", "start")
        for name in ("typed", "other"):
            self.host.run([name], user="root")
            self.host.run([name], user="alice")
        self.tracectl("alice", "stop", "values")
        events = self.events(self.output("alice", "values"), lost=None)
        same = 'app_a_b_c = "", app_a_b_c_2 = ""'
        long = "a name of more than the sixty-three bytes that there are for a "
        self.assertEqual(len(events), 4)
        for line, depth, who in ((events[0], -7, "below"), (events[1], 7, long)):
            self.assertIn(f"app_test_depth = {depth}, app_test_large = 18446744073709551615, app_test_half = 0.5, "
                          f'app_test_missing = "", app_test_who = "{who}", {same} }}, {{ depth = {depth}, text = "t" }}', line)
        for line, depth in ((events[2], -7), (events[3], 7)):
            self.assertIn('app_test_depth = "d", app_test_large = "", app_test_half = "", app_test_missing = "", '
                          f'app_test_who = "", {same} }}, {{ depth = {depth}, text = "t" }}', line)
        self.assertEqual(self.get("alice", "values", "EventsDiscarded"), 2)
        shown = self.tracectl("alice", "view", "values").stdout
        self.assertEqual(shown.count(" app_test_depth=-7 "), 1)
        for text, n in (("$app.test:depth == -7", 1), ('$app.test:who == "below"', 1), ('$app.test:depth == "d"', 2),
                        ("$app.test:half > 0.25 && depth > 0", 1),
                        ("$app.test:missing == 0", 0), ("$app.test:nowhere == 0 || depth", 0)):
            found = self.tracectl("alice", "view", "values", "--filter", text).stdout
            self.assertEqual(found.count(" test:went "), n, text)
        self.assertIn("session", self.refused("alice", "add-context", "app:test:late"))
        self.tracectl("alice", "create", "refused")
        self.assertIn("app:PROVIDER:NAME", self.refused("alice", "add-context", "app:test"))
        for i in range(8):
            self.tracectl("alice", "add-context", f"app:test:c{i}")
        self.assertIn("too many contexts", self.refused("alice", "add-context", "app:test:c8"))

    def test_filters_on_contexts_of_the_program(self):
        """Also where they are not recorded; by the type that each program says; never where it has none of that name."""
        self.make_programs_with_contexts()
        def typed(*depths):
            return [("typed", n) for n in depths]

        def other(*depths):
            return [("other", n) for n in depths]

        numbers = "$app.test:depth < 0 && $app.test:large == 18446744073709551615 && $app.test:half > 0.25"
        for filters, expected in (
                ((numbers,), typed(-7)),
                (('$app.test:who == "a name*"',), typed(7)),
                (('$app.test:depth == "d" && depth > 0',), other(7)),
                (("$app.test:missing != 0 || depth == 7", "$app.test:half > 1 || $app.test:depth == 7"), typed(7)),
                (("$app.test:large && depth > 0", '$app.test:depth == "d"'), typed(7) + other(-7, 7)),
                # One rule without a filter is enough.
                ((numbers, None), typed(-7, 7) + other(-7, 7))):
            with self.subTest(filters=filters):
                self.tracectl("alice", "create", "filtered")
                self.tracectl("alice", "add-context", "procname")
                for text in filters:
                    self.tracectl("alice", "enable-event", "test:went", *(["--filter", text] if text else []))
                self.tracectl("alice", "start")
                for name in ("typed", "other"):
                    self.host.run([name], user="alice")
                found = [(re.search('procname = "([a-z]+)', line)[1], int(re.search(r"\{ depth = (-?\d+)", line)[1]))
                         for line in self.stopped("filtered")]
                self.assertEqual(sorted(found), sorted(expected))
                self.tracectl("alice", "destroy", "filtered")
        self.tracectl("alice", "create", "refused")
        for text in ("$app.test", "$app.test: == 1", "$app.:x == 1"):
            self.assertIn("$app.PROVIDER:NAME", self.refused("alice", "enable-event", "test:*", "--filter", text))

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
