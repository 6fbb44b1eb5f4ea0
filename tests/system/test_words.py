# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every wrong word is answered with the right one that is nearest: verbs, options, values, names of events, fields and
sessions."""

import os
import re
import unittest

import system
from service import ServiceTest
from test_help import options, printed, verbs


def mistyped(word):
    """With two letters in the middle swapped, or one more where they are the same."""
    i = len(word) // 2
    wrong = word[:i - 1] + word[i] + word[i - 1] + word[i + 1:]
    return wrong if wrong != word else word[:i] + word[i] + word[i:]


class Words(system.SystemTest):
    def refused(self, *args):
        done = self.tracectl(*args)
        self.assertEqual((done.returncode, done.stdout), (2, ""), args)
        return done.stderr

    def test_verbs(self):
        for verb in verbs():
            self.assertIn(f"Did you mean '{verb}'?", self.refused(mistyped(verb)))

    def test_options(self):
        n = 0
        for verb in verbs():
            for option in {name for name in options(printed(verb, "--help")) if name.startswith("--")}:
                wrong = "--" + mistyped(option[2:])
                self.assertRegex(self.refused(verb, wrong), rf"'{wrong}'\. Did you mean '{option}'\? See: tracectl {verb} --help")
                n += 1
        self.assertGreater(n, 100)

    def test_values(self):
        """Words that an option takes."""
        for args, right in ((("view", "-o", "jsn"), "json"), (("export", "--format", "perfeto"), "perfetto"),
                            (("top", "--by", "thraed"), "thread"),
                            (("emit", "a:b", "id:i46=7"), "i64")):
            self.assertIn(f"Did you mean '{right}'?", self.refused(*args))


class Recording(system.SystemTest):
    """What a recording does not have. That is no failure: another recording may have it."""

    def setUp(self):
        super().setUp()
        self.assertEqual(self.record("-o", "trace", "--", system.SHOP, "20").returncode, 0)

    def said(self, verb, *args):
        done = self.tracectl(verb, *args, "trace")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def test_events(self):
        for verb in ("view", "summary"):
            for wrong, right in (("shop:order_piad", "shop:order_paid"), ("shp:order_paid", "shop:order_paid"),
                                 ("shpo:*", "shop:*"), ("shpo:order_*", "shop:order_*")):
                self.assertEqual(self.said(verb, "-e" if verb == "view" else "--event", wrong),
                                 f"tracectl: This recording has no event '{wrong}'. Did you mean '{right}'?\n")
            for right in ("shop:order_paid", "shop:*", "*paid", "*"):
                self.assertEqual(self.said(verb, "--event", right), "")
        self.assertEqual(self.said("view", "-e", "nothing:alike"), "tracectl: This recording has no event "
                         "'nothing:alike'. Those that it has: tracectl summary\n")

    def test_fields(self):
        self.assertEqual(self.said("view", "--filter", "cetns > 5 && id > 0"),
                         "tracectl: No event of this recording has a field 'cetns'. Did you mean 'cents'?\n")
        self.assertEqual(self.said("summary", "--filter", 'custmer == "a"'),
                         "tracectl: No event of this recording has a field 'custmer'. Did you mean 'customer'?\n")
        self.assertEqual(self.said("summary", "--by", "cetns"),
                         "tracectl: No event of this recording has a field 'cetns'. Did you mean 'cents'?\n")
        self.assertEqual(self.said("summary", "--by", "proces"),
                         "tracectl: No event of this recording has a field 'proces'. Did you mean 'process'?\n")
        self.assertEqual(self.said("view", "--filter", "zzzzzz"),
                         "tracectl: No event of this recording has a field 'zzzzzz'.\n")
        self.assertEqual(self.said("view", "--filter", 'cents > 0 && $ctx.vpid > 0'), "")

    def test_directories(self):
        """Without a service there are still directories."""
        self.env["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent"
        for wrong, right in (("trcae", " Did you mean the directory 'trace'?"), ("nothing-like-it", "")):
            for verb in ("view", "summary", "export"):
                done = self.tracectl(verb, wrong)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertEqual(done.stderr, f"tracectl: There is no directory '{wrong}', and no tracing service to ask for "
                                 f"a session of that name (No such file or directory).{right}\n")
        done = self.tracectl("view", "")
        self.assertEqual((done.returncode, done.stderr), (2, "tracectl: The name of a recording is empty. Name its "
                                                          "directory, or a session.\n"))

    def test_all_of_them(self):
        done = self.tracectl("export", "--event", "shop:order_piad", "-O", "out", "trace")
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn("Did you mean 'shop:order_paid'?", done.stderr)
        self.assertTrue(os.path.exists(os.path.join(self.cwd, "out")))


class Command(system.SystemTest):
    """What a command that was recorded does not have."""

    def said(self, *args):
        done = self.record(*args, "--", system.SHOP, "20")
        self.assertEqual(done.returncode, 0)
        *hints, last = done.stderr.splitlines()
        self.assertRegex(last, r"\Atracectl: ([\d,]+ events?,|Nothing was recorded)")
        return hints

    def test_events(self):
        for wrong, right in (("shop:piad", "shop:order_paid"), ("shpo:*", "shop:*")):
            self.assertEqual(self.said("-e", wrong),
                             [f"tracectl: The command has no event '{wrong}'. Did you mean '{right}'?"])
        self.assertEqual(self.said("-e", "shop:*", "-e", "other:closed"), [])
        self.assertEqual(self.said(), [])

    def test_fields(self):
        wrong = ["tracectl: No event 'shop:*' of the command has a field 'cetns'. Did you mean 'cents'?"]
        self.assertEqual(self.said("-e", "shop:*", "--filter", "cetns > 5 && cetns < 9"), wrong)
        self.assertEqual(self.said("-e", "shop:*:cetns > 5"), wrong)
        self.assertEqual(self.said("-e", "shop:*:cents > 5 && $ctx.vpid > 0"), [])


class Sessions(ServiceTest):
    def test_sessions(self):
        self.tracectl("alice", "create", "orders")
        self.tracectl("bob", "create", "ordesr")
        for args in (("start", "ordres"), ("destroy", "ordres"), ("enable-event", "-s", "ordres", "a:b"),
                     ("view", "ordres"), ("list", "ordres"), ("set-session", "ordres")):
            self.assertRegex(self.refused("alice", *args), r"Did you mean 'orders'\?", args)
        self.assertIn("Did you mean 'alice/orders'?", self.refused("root", "stop", "alice/ordres"))
        self.assertNotIn("Did you mean", self.refused("alice", "start", "something"))

    def test_events(self):
        self.emitter("alice", 1)
        self.tracectl("alice", "create", "s")
        said = self.tracectl("alice", "enable-event", "test:tikc").stderr
        self.assertEqual(said, "tracectl: No running program has an event 'test:tikc'. Did you mean 'test:tick'?\n")
        for pattern in ("test:tick", "test:*", "other:closed"):
            self.assertEqual(self.tracectl("alice", "enable-event", pattern).stderr, "")
        self.assertEqual(self.tracectl("alice", "enable-event", "--quiet", "test:tikc").stderr, "")
        said = self.tracectl("alice", "enable-event", "test:*", "--filter", "conuter > 5 && writer == 1").stderr
        self.assertEqual(said, "tracectl: No event 'test:*' of a running program has a field 'conuter'. "
                               "Did you mean 'counter'?\n")
        self.assertEqual(self.tracectl("alice", "enable-event", "other:*", "--filter", "conuter > 5").stderr, "")


if __name__ == "__main__":
    unittest.main()
