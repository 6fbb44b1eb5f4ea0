# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processes of every kind: each behaves as without tracing, and is recorded where it can be. Dynamic and static."""

import os
import re
import shutil
import unittest

from system import BUILD, SANITIZED, SystemTest, needs_plain_build

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = os.path.join(BUILD, "tests", "programs")
KINDS = os.path.join(PROGRAMS, "kinds")
STATIC = os.path.join(PROGRAMS, "kinds-static")
LIFE = os.path.join(PROGRAMS, "life")
LIBRARY = os.path.join(BUILD, "tracer")

# kind: its exit status (negative: a signal), the events after kinds:begin
KIND_EVENTS = {
    "plain": (0, []),
    "small-stacks": (0, ["kinds:small_stack", "tracectl:tracef"] * 8),
    "thread-ends": (0, ["kinds:last_of_thread"]),
    "spawn": (0, ["kinds:begin"] * 2),
    "daemon": (0, ["kinds:daemon"]),
    "exit": (3, []),
    "killed": (-9, []),
    "crashed": (-11, ["kinds:crash"]),
    "stepped": (0, ["kinds:stepped"]),
    "threads-come": (0, ["kinds:comes", "kinds:goes"] * 200),
    "vfork": (0, ["kinds:begin", "kinds:after_vfork"]),
    "clone": (0, ["kinds:begin", "kinds:after_clone"]),
    "unshare": (0, ["kinds:apart"]),
    "no-rseq": (0, ["kinds:begin", *["kinds:small_stack", "tracectl:tracef"] * 8]),
    "no-membarrier": (0, ["kinds:begin", *["kinds:small_stack", "tracectl:tracef"] * 8]),
}


class Kinds(SystemTest):
    def names(self, trace="trace", lost=0):
        return [re.search(r" (\w+:\w+): ", event)[1] for event in self.events(trace, lost)]

    def check_kind(self, program, kind, status, names, children=True):
        plain = self.run_program([program, kind], self.env)
        self.assertEqual((plain.returncode, plain.stdout, plain.stderr), (status, "", ""))
        result = self.record("-o", "trace", "--", program, kind)
        self.assertEqual((result.returncode, result.stdout, len(result.stderr.splitlines())), (status, "", 1),
                         result.stderr)
        if children:
            self.assertEqual(sorted(self.names()), sorted(["kinds:begin", *names]))
        shutil.rmtree(os.path.join(self.cwd, "trace"))

    def test_kinds(self):
        for kind, (status, names) in KIND_EVENTS.items():
            with self.subTest(kind=kind):
                self.check_kind(KINDS, kind, status, names)

    @needs_plain_build
    def test_static_kinds(self):
        for kind, (status, names) in KIND_EVENTS.items():
            with self.subTest(kind=kind):
                self.check_kind(STATIC, kind, status, names)

    def test_form_of_rings(self):
        """Who is refused rseq has rings of his own, with a lock; who is refused membarrier need not."""
        for kind, own in (("no-rseq", True), ("no-membarrier", False)):
            with self.subTest(kind=kind):
                self.assertEqual(self.record("-o", kind, "--", KINDS, kind).returncode, 0)
                sets = os.listdir(os.path.join(self.cwd, kind, "user", str(os.getuid())))
                self.assertEqual(any(name.startswith("process-") for name in sets), own, sets)

    @unittest.skipUnless(os.getuid() == 0, "needs root")
    def test_server(self):
        """Workers that give up root have nothing left of root's rings, and cannot reach the tracingd of this recording."""
        self.check_kind(KINDS, "server", 0, ["kinds:worker_of_root"] * 4 + ["kinds:server"])

    @needs_plain_build
    @unittest.skipUnless(os.getuid() == 0, "needs root")
    def test_other_root(self):
        """What is recorded goes on being recorded; a child that cannot find the daemon is none of its programs."""
        result = self.record("-o", "trace", "--", STATIC, "chroot")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.names(), ["kinds:begin", "kinds:below_root"])

    @unittest.skipIf(SANITIZED, "a sanitizer's run-time has files of its own")
    def test_three_files(self):
        for program in (KINDS, STATIC):
            result = self.record("-o", "trace", "--", program, "no-files")
            self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)
            shutil.rmtree(os.path.join(self.cwd, "trace"), ignore_errors=True)

    @needs_plain_build
    def test_archive_is_not_for_libraries(self):
        source = self.write_file("library.c", "#include <tracectl/tracepoint.h>\n"
                                 "void f(void); void f(void) { tracectl_trace(a, b); }\n")
        result = self.run_program(["cc", "-shared", "-fPIC", "-I", os.path.join(TOP, "tracer", "include"), source,
                                   os.path.join(LIBRARY, "libtracectl-tracepoint.a"), "-o", "library.so"], self.env)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("link_shared_libraries_with_libtracectl_tracepoint_so", result.stderr)

    @needs_plain_build
    @unittest.skipUnless(shutil.which("gdb"), "needs gdb")
    def test_single_steps(self):
        """A debugger aborts every restartable sequence: after some attempts the event is lost, the program goes on."""
        commands = ["set debuginfod enabled off", "set startup-with-shell off", "break step", "run", "delete",
                    "set scheduler-locking on", "stepi 30000"]
        result = self.record("-o", "trace", "--", "gdb", "-q", "-batch", "-nx",
                             *(word for command in commands for word in ("-ex", command)), "--args", KINDS, "stepped")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("exited", result.stdout)
        self.assertEqual(self.counts(result.stderr.splitlines()[-1]), (1, 1))
        self.assertEqual(self.names(lost=1), ["kinds:begin"])

    @needs_plain_build
    @unittest.skipUnless(shutil.which("valgrind"), "needs valgrind")
    def test_valgrind(self):
        """Clean, and recorded in the form without restartable sequences."""
        for program, args in ((KINDS, ["small-stacks"]), (KINDS, ["spawn"]), (LIFE, [])):
            with self.subTest(program=program, args=args):
                result = self.record("-o", "trace", "--", "valgrind", "-q", "--error-exitcode=9", program, *args)
                if "debuginfo reader" in result.stderr:
                    self.skipTest("this valgrind cannot read what this compiler says of the program")
                self.assertEqual((result.returncode, len(result.stderr.splitlines())), (0, 1), result.stderr)
                self.assertIn("life:destructor" if program == LIFE else "kinds:begin", self.names())
                shutil.rmtree(os.path.join(self.cwd, "trace"))

    def build_sanitized(self, kind):
        program = os.path.join(self.cwd, "kinds")
        return program, self.run_program(
            ["cc", "-g", f"-fsanitize={kind}", "-D_GNU_SOURCE", "-I", os.path.join(TOP, "tracer", "include"),
             *(os.path.join(TOP, "tests", "programs", name) for name in ("kinds.c", "kinds-process.c")),
             "-L", LIBRARY, "-ltracectl-tracepoint",
             f"-Wl,-rpath,{LIBRARY}", "-pthread", "-o", program], self.env)

    @needs_plain_build
    def test_sanitized_programs(self):
        """Programs built with a sanitizer, with the library as it is. (The leak checker speaks of each thread that a
        child of fork() does not have.)"""
        self.env["ASAN_OPTIONS"] = "detect_leaks=0"
        for sanitizer in ("address", "thread", "undefined"):
            program, built = self.build_sanitized(sanitizer)
            if built.returncode != 0:
                self.skipTest(f"cannot build with -fsanitize={sanitizer}")
            for kind in ("small-stacks", "thread-ends", "spawn", "daemon"):
                with self.subTest(sanitizer=sanitizer, kind=kind):
                    shutil.rmtree(os.path.join(self.cwd, "trace"), ignore_errors=True)
                    # That of threads allows children of fork() no thread, so they are not recorded.
                    children = sanitizer != "thread" or kind != "daemon"
                    self.check_kind(program, kind, *KIND_EVENTS[kind], children)


if __name__ == "__main__":
    unittest.main()
