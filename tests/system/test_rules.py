# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which events of a program are recorded: filters, log levels, exclusions."""

import os
import re
import unittest

from system import SHOP, SystemTest

ORDERS = 1000
CUSTOMERS = ("ada", "blaise", "grace", "konrad")


def cents(order):
    return order * 7919 % 10000


def refused(order):
    return cents(order) % 10 == 3


class Rules(SystemTest):
    def assert_recorded(self, expected, *options):
        """Exactly these: pairs of the event's name and the order."""
        self.trace = getattr(self, "trace", 0) + 1
        name = f"trace{self.trace}"
        result = self.record(*options, "-o", name, "--", SHOP, str(ORDERS), "4")
        self.assertEqual(result.stdout, "1000 orders: 900 paid, 100 refused\n")
        self.assertEqual(self.counts(result.stderr), (len(expected), 0))
        seen = [(re.search(r" shop:order_(\w+): ", event)[1], int(re.search(r"\bid = (\d+)", event)[1]))
                for event in self.events(name)]
        self.assertEqual(sorted(seen), sorted(expected))

    def test_filters(self):
        last = range(991, ORDERS + 1)
        of_last = [("received", i) for i in last] + [("refused" if refused(i) else "paid", i) for i in last]
        # An event that has no such field is not recorded.
        self.assert_recorded(of_last, "--filter", "id > 990")
        self.assert_recorded([event for event in of_last if event[0] == "paid"], "-e", "shop:order_p*", "--filter",
                             "!(id <= 990)")
        self.assert_recorded([("paid", i) for i in range(1, ORDERS + 1)
                              if not refused(i) and CUSTOMERS[i % 4].startswith("gra") and cents(i) > 5000],
                             "--filter", "customer == 'gra*' && cents > 5000")
        self.assert_recorded([("refused", i) for i in range(1, ORDERS + 1) if refused(i) and i & 1],
                             "--filter", 'reason != "" && id & 1')

    def test_filters_by_contexts(self):
        """Of what is not recorded otherwise."""
        everything = [("refused", i) for i in range(1, ORDERS + 1) if refused(i)]
        for expression, expected in (('$ctx.procname == "shop"', everything), ('$ctx.procname != "sh*"', []),
                                     ("$ctx.vpid > 1 && $ctx.vpid == $ctx.pid", everything),
                                     ("$ctx.tid == $ctx.vtid && $ctx.uid != 4294967295", everything),
                                     (f"$ctx.uid == {os.geteuid()} && $ctx.gid == {os.getegid()}", everything),
                                     ("$ctx.ip > 4096", everything),
                                     # Nobody knows of control groups where their tree is not there.
                                     ('$ctx.cgroup == "/*"', everything if os.path.ismount("/sys/fs/cgroup") else [])):
            with self.subTest(expression):
                if expected:
                    self.assert_recorded(expected, "-e", "shop:order_refused", "--filter", expression)
                    continue
                result = self.record("-e", "shop:order_refused", "--filter", expression, "--", SHOP)
                self.assertIn("Nothing was recorded", self.last_line(result.stderr))

    def test_log_levels_and_exclusions(self):
        of_refused = [("refused", i) for i in range(1, ORDERS + 1) if refused(i)]
        of_paid = [("paid", i) for i in range(1, ORDERS + 1) if not refused(i)]
        self.assert_recorded(of_refused, "--loglevel", "warning")
        self.assert_recorded(of_refused, "--loglevel-only=warn")
        self.assert_recorded(of_paid, "-e", "shop:*", "--loglevel-only", "info", "--exclude", "shop:order_rec*")
        self.assert_recorded(of_paid[-1:], "--exclude", "*:order_re*", "--filter", f"id == {of_paid[-1][1]}")

    def test_refused(self):
        for options, sentence in ((("--filter", "id > )"), "The filter is wrong at character 6, ')': "),
                                  (("--filter", ""), "The filter '' is wrong at its end: "),
                                  (("--loglevel", "loud"), "Unknown log level 'loud'; known are: emergency, "),
                                  (("--loglevel", "info", "--loglevel-only", "info"), "say either loglevel or ")):
            with self.subTest(options):
                result = self.record(*options, "--", SHOP)
                self.assertEqual((result.returncode, result.stdout), (125, ""))
                self.assertIn("Failed to enable the events: ", result.stderr)
                self.assertIn(sentence, result.stderr)
                self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
