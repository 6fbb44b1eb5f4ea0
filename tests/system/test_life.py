# SPDX-License-Identifier: LGPL-2.1-or-later
"""A process's life, from its constructors to its destructors, and its children's; every type of field from C++."""

import json
import os
import re
import socket
import threading
import unittest

from system import BUILD, SystemTest

PROGRAMS = os.path.join(BUILD, "tests", "programs")
LIFE = os.path.join(PROGRAMS, "life")
PLUGIN = os.path.join(PROGRAMS, "libplugin.so")
FIELDS = os.path.join(PROGRAMS, "fields")
THROWS = os.path.join(PROGRAMS, "throws")


class Life(SystemTest):
    def names(self, *args):
        result = self.record("-o", "trace", "--", LIFE, *args)
        self.assertEqual((result.returncode, result.stdout, len(result.stderr.splitlines())), (0, "", 1), result.stderr)
        return [re.search(r" (\w+:\w+): ", event)[1] for event in self.events("trace")]

    def test_from_constructor_to_destructor(self):
        names = [name for name in self.names() if name != "life:thread"]
        self.assertEqual(names, ["life:constructor", "life:main", "life:signal_handler", "life:fork_child",
                                 "life:after_vfork", "tracectl:tracef", "life:main_is_enabled", "life:atexit_handler",
                                 "life:destructor"])

    def test_libraries_come_and_go(self):
        names = self.names("x", PLUGIN)
        self.assertEqual([name for name in names if name.startswith("plugin:")],
                         ["plugin:constructor", "plugin:hello"] * 3)
        self.assertIn("life:after_dlclose", names)
        self.assertIn("life:destructor", names)

    def test_program_that_closes_every_descriptor(self):
        names = self.names("close-fds")
        for name in ("life:closed_fds", "life:fork_child", "life:atexit_handler"):
            self.assertIn(name, names)

    def test_main_thread_leaves_first(self):
        self.assertIn("life:thread", self.names("pthread-exit"))

    def test_no_daemon_no_difference(self):
        for socket in (None, "/nonexistent/register", os.path.join(self.runtime, "none"), "relative", "x" * 200, ""):
            env = dict(self.env)
            if socket is not None:
                env["TRACECTL_SOCKET"] = socket
            with self.subTest(socket=socket):
                result = self.run_program([LIFE, "close-fds"], env)
                self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_nobody_wants_to_trace(self):
        """With the page of a daemon that waits, a program lives as without it; so it does where nobody listens."""
        os.mkdir(os.path.join(self.runtime, "tracectl"))
        page = os.path.join(self.runtime, "tracectl", "wait")
        for text in ("TRACECTL0000", "TRACECTL1000", "TRACECTL", "nonsense"):
            with open(page, "w", encoding="ascii") as f:
                f.write(text)
            for args in (["close-fds"], ["pthread-exit"], ["x", PLUGIN]):
                with self.subTest(page=text, args=args):
                    result = self.run_program([LIFE, *args], self.env)
                    self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def check_server(self, answer):
        """Runs the program in front of a socket of the test's own; answer(connection) plays tracingd."""
        path = os.path.join(self.runtime, "register")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
            server.bind(path)
            server.listen(16)
            thread = threading.Thread(target=self.serve, args=(server, answer))
            thread.start()
            try:
                result = self.run_program([LIFE, "close-fds"], dict(self.env, TRACECTL_SOCKET=path))
            finally:
                server.shutdown(socket.SHUT_RDWR)
                thread.join()
        os.unlink(path)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    @staticmethod
    def serve(server, answer):
        connections = []
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                break
            connections.append(connection)
            try:
                answer(connection)
            except OSError:
                pass
        for connection in connections:
            connection.close()

    def test_odd_daemons(self):
        empty = os.open("/dev/null", os.O_RDONLY)
        self.addCleanup(os.close, empty)
        ready = b"READY=1\nAPPLICATION=1\nGENERATION=1\n"
        answers = {
            "silent": lambda connection: None,
            "hangs up": lambda connection: connection.close(),
            "garbage": lambda connection: connection.send(os.urandom(4000)),
            "too large": lambda connection: connection.send(b"x" * 10000),
            "ready without a view": lambda connection: connection.send(ready),
            "a view that is none": lambda connection: socket.send_fds(connection, [ready], [empty]),
            "many descriptors": lambda connection: socket.send_fds(connection, [ready], [empty] * 200),
            "needs for ever": lambda connection: [connection.send(b"NEED=events\n") for _ in range(5)],
        }
        for name, answer in answers.items():
            with self.subTest(daemon=name):
                self.check_server(answer)

    def test_nobody_accepts(self):
        path = os.path.join(self.runtime, "register")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
            server.bind(path)
            server.listen(0)
            for _ in range(3):  # the third finds the backlog full
                result = self.run_program([LIFE], dict(self.env, TRACECTL_SOCKET=path))
                self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_without_restartable_sequences(self):
        env = dict(self.env, GLIBC_TUNABLES="glibc.pthread.rseq=0")
        result = self.record("-o", "trace", "--", LIFE, env=env)
        self.assertEqual(result.returncode, 0)
        names = [re.search(r" (\w+:\w+): ", event)[1] for event in self.events("trace")]
        for name in ("life:constructor", "life:signal_handler", "life:fork_child", "life:destructor"):
            self.assertIn(name, names)
        sets = sorted(os.listdir(os.path.join(self.cwd, "trace", "user", str(os.getuid()))))
        self.assertTrue(any(name.startswith("process-") for name in sets), sets)


class Both(SystemTest):
    @unittest.skipUnless(os.path.exists(os.path.join(PROGRAMS, "both")), "needs liblttng-ust-dev")
    def test_beside_lttng(self):
        result = self.record("-o", "trace", "--", os.path.join(PROGRAMS, "both"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([re.search(r" (\w+:\w+): ", event)[1] for event in self.events("trace")],
                         ["both:first", "tracectl:tracef"])


class Fields(SystemTest):
    def test_every_type(self):
        result = self.record("-o", "trace", "--", FIELDS)
        self.assertEqual(self.counts(result.stderr), (10, 0))
        events = [re.sub(r"^.*?fields:(\w+): \{ cpu_id = \d+ \}, ", r"\1 ", event) for event in self.events("trace")]
        self.assertEqual(events, [
            "scalars { i8 = -128, u8 = 255, i16 = -32768, u16 = 65535, i32 = -2147483648, u32 = 4294967295, "
            "i64 = -9223372036854775808, u64 = 18446744073709551615, hex64 = 0xABCDEF, f32 = 1.5, f64 = -2.25, "
            "yes = 1, no = 0 }",
            'dynamic { str = "hello", null = "(null)", _text_length = 6, text = "h\u00e9llo", _bytes_length = 3, '
            "bytes = [ [0] = 0x0, [1] = 0x1, [2] = 0xFF ], _i16_length = 3, i16 = [ [0] = -1, [1] = 2, [2] = -3 ], "
            "_u32_length = 2, u32 = [ [0] = 1, [1] = 4000000000 ], _empty_length = 0, empty = [ ], last = 9 }",
            "none { }",
            "from_inline { n = 7 }",
            "from_template { size = 4, value = 1 }",
            "from_template { size = 8, value = 2 }",
            "from_lambda { k = 3 }",
            "from_method { self = 0xFEEDFACECAFEBEEF }",
            "from_destructor { }",
            'caught { what = "x" }',
        ])


class Exceptions(SystemTest):
    def test_thrown_through_tracepoints(self):
        """Each thread's events are those that its exceptions pass by, in their order; it ends as it does untraced."""
        plain = self.run_program([THROWS], self.env)
        self.assertEqual((plain.returncode, plain.stdout, plain.stderr), (0, "", ""))
        result = self.record("-o", "trace", "--", THROWS)
        self.assertEqual((result.returncode, result.stdout, len(result.stderr.splitlines())), (0, "", 1), result.stderr)
        by_thread = {}
        for line in self.tracectl("view", "-o", "json", "trace").stdout.splitlines():
            event = json.loads(line)
            number = event["fields"].get("level", event["fields"].get("number", ""))
            by_thread.setdefault(event["tid"], []).append(event["event"].removeprefix("throws:") + str(number))
        levels = range(6)
        turn = [*(f"enter{i}" for i in levels), *(f"unwound{i}" for i in reversed(levels)), "caught", "unwound100",
                "no_value7"]
        self.assertEqual(sorted(by_thread.values()),
                         sorted([*[turn * 100] * 4, ["enter5", "unwound5"], ["passed"], ["unwound200"]]))


if __name__ == "__main__":
    unittest.main()
