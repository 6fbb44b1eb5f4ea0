# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the command records of itself: an event from a script, and what events cost."""

import json
import os
import socket
import unittest

from system import TRACECTL, SystemTest


class Emit(SystemTest):
    def recorded(self, *args):
        """The events of a script around one `emit`, each as the object of view's JSON."""
        result = self.record("-e", "shop:*", "-o", "trace", "--", TRACECTL, "emit", *args)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("Nobody", result.stderr)
        self.assertEqual(self.counts(result.stderr), (1, 0))
        (line,) = self.tracectl("view", "-o", "json", "trace").stdout.splitlines()
        return json.loads(line)

    def test_types_are_guessed(self):
        event = self.recorded("shop:closed", "id=7", "below=-3", "x=1.5", "far=1e300", "name=ada", "empty=", "dash=-",
                              "word=inf", "long=9223372036854775808", "equals=a=b", "letters=é \x1b[31m", "1d=2")
        self.assertEqual(event["event"], "shop:closed")
        self.assertEqual(event["loglevel"], 6)
        self.assertEqual(list(event["fields"].items()),
                         [("id", 7), ("below", -3), ("x", 1.5), ("far", 1e300), ("name", "ada"), ("empty", ""),
                          ("dash", "-"), ("word", "inf"), ("long", 9223372036854775808.0), ("equals", "a=b"),
                          ("letters", "é \x1b[31m"), ("1d", 2)])

    def test_types_are_told(self):
        event = self.recorded("shop:closed", "code:string=007", "n:u64=18446744073709551615", "mask:hex64=0xff",
                              "same:hex64=255", "low:i64=-9223372036854775808", "d:f64=7")
        self.assertEqual(list(event["fields"].items()),
                         [("code", "007"), ("n", "18446744073709551615"), ("mask", 255), ("same", 255),
                          ("low", "-9223372036854775808"), ("d", 7.0)])
        self.assertIn("mask=0xff", self.tracectl("view", "trace").stdout)

    def test_as_many_fields_as_there_may_be(self):
        event = self.recorded("shop:closed", *(f"f{i}={i}" for i in range(32)))
        self.assertEqual(event["fields"], {f"f{i}": i for i in range(32)})

    def test_a_script_of_them(self):
        result = self.record("-o", "trace", "--", "/bin/sh", "-c",
                             f'for i in 1 2 3 4 5 6 7 8; do "{TRACECTL}" emit shop:step i=$i || exit; done')
        self.assertEqual((result.returncode, self.counts(result.stderr)), (0, (8, 0)))
        lines = self.tracectl("view", "-o", "json", "trace").stdout.splitlines()
        self.assertEqual([json.loads(line)["fields"]["i"] for line in lines], list(range(1, 9)))

    def test_a_filter_looks_at_its_fields(self):
        result = self.record("-e", "shop:*", "--filter", 'id > 5 && name == "ada"', "-o", "trace", "--", "/bin/sh", "-c",
                             f'for i in 4 6; do "{TRACECTL}" emit shop:step id=$i name=ada; done; '
                             f'"{TRACECTL}" emit shop:step id=7 name=bob')
        self.assertEqual(self.counts(result.stderr), (1, 0))

    def test_nobody_records_it(self):
        said = "tracectl: Nobody recorded 'shop:closed'. To have it recorded: tracectl enable-event --help\n"
        result = self.record("-e", "other:*", "-o", "trace", "--", TRACECTL, "emit", "shop:closed")
        self.assertTrue(result.stderr.startswith(said), result.stderr)
        env = dict(self.env, TRACECTL_SOCKET=os.path.join(self.cwd, "none"))
        result = self.tracectl("emit", "shop:closed", "id=7", env=env)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", said))
        result = self.tracectl("emit", "-q", "shop:closed", env=env)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_a_service_that_does_not_answer_is_not_waited_for(self):
        """A script goes on. (The bound is that of every system test: what it would take for ever.)"""
        path = os.path.join(self.cwd, "socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(path)
            listener.listen()
            result = self.tracectl("emit", "shop:closed", env=dict(self.env, TRACECTL_SOCKET=path))
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stderr, "tracectl: 'shop:closed' was not recorded: tracingd does not answer. See: systemctl "
                                        "status tracingd\n")

    def test_refused(self):
        for args, said in (
            ((), "'emit' needs the name of an event. See: tracectl emit --help"),
            (("closed",), "'closed' is no name of an event. It is PROVIDER:NAME, each of at most 255 letters, digits "
                          "and '_', as in shop:closed"),
            (("shop:clo sed",), "'shop:clo sed' is no name of an event."),
            (("shop:closed", "7"), "'7' is no field. It is NAME=VALUE or NAME:TYPE=VALUE, the name of at most 255 "
                                   "letters, digits and '_', as in id=7"),
            (("shop:closed", "=7"), "'=7' is no field."),
            (("shop:closed", "i-d=7"), "'i-d=7' is no field."),
            (("shop:closed", "n" * 256 + "=7"), "'" + "n" * 256 + "=7' is no field."),
            (("shop:closed", "id=7", "id=8"), "There are two fields 'id'. Give them different names."),
            (("shop:closed", "id:i46=7"), "Unknown type of a field 'i46'. Did you mean 'i64'?"),
            (("shop:closed", "id:i64=9223372036854775808"), "'9223372036854775808' in 'id:i64=9223372036854775808' is "
                                                            "no value of the type i64."),
            (("shop:closed", "id:u64=-1"), "'-1' in 'id:u64=-1' is no value of the type u64."),
            (("shop:closed", "id:u64=0x10"), "'0x10' in 'id:u64=0x10' is no value of the type u64."),
            (("shop:closed", "id:hex64=fg"), "'fg' in 'id:hex64=fg' is no value of the type hex64."),
            (("shop:closed", "id:f64="), "'' in 'id:f64=' is no value of the type f64."),
            (("shop:closed", *(f"f{i}={i}" for i in range(33))), "An event has at most 32 fields, and 'f32' is one "
                                                                 "more."),
            (("--quite", "shop:closed"), "Unknown option '--quite'. Did you mean '--quiet'? See: tracectl emit --help"),
        ):
            with self.subTest(args=args):
                result = self.tracectl("emit", *args)
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertTrue(result.stderr.startswith("tracectl: " + said), result.stderr)


class Calibrate(SystemTest):
    def test_figures(self):
        folder = os.path.join(self.cwd, "tmp")
        os.mkdir(folder)
        result = self.tracectl("calibrate", "--json", env=dict(self.env, TMPDIR=folder))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        found = json.loads(result.stdout)
        self.assertIn(found.pop("clock"), ("time stamp counter", "CLOCK_MONOTONIC"))
        self.assertGreater(found.pop("frequency"), 1000000)
        self.assertEqual(sorted(found), ["clock_ns", "off_ns", "recorded_number_ns", "recorded_string_ns"])
        for name, figure in found.items():
            self.assertGreater(figure, 0, name)
        # Not a benchmark: an event that is recorded reads the clock and does more; one that is off does not.
        self.assertLess(found["off_ns"], found["recorded_number_ns"])
        self.assertEqual(os.listdir(folder), [])
        self.assert_nothing_left("tmp")

    def test_no_place(self):
        result = self.tracectl("calibrate", env=dict(self.env, TMPDIR=os.path.join(self.cwd, "none")))
        self.assertEqual((result.returncode, result.stdout, result.stderr),
                         (1, "", "tracectl: Failed to make a directory in $TMPDIR, or /tmp: No such file or "
                                 "directory\n"))

    def test_text(self):
        result = self.tracectl("calibrate")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"\AClock: the [A-Za-z_ ]+, [\d,]+ ticks a second; to read it takes [\d.]+ ns\n"
                                        r"(.{40} [\d.]+ ns\n){3}\Z")

    def test_refused(self):
        result = self.tracectl("calibrate", "now")
        self.assertEqual(result.returncode, 2)
        self.assertIn("'now'", result.stderr)


if __name__ == "__main__":
    unittest.main()
