# SPDX-License-Identifier: LGPL-2.1-or-later
"""Recordings for other programs: Perfetto's format field by field, the rules of the Trace Event Format, and folded
stacks as flame graph tools read them."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import time
import unittest

import small_trace
from system import PATIENCE, SHOP, SystemTest, TRACECTL, needs_plain_build, wait_until

FOLDER = os.path.dirname(os.path.abspath(__file__))
START = small_trace.START


class ExportTest(SystemTest):
    def small(self, events, **more):
        folder = os.path.join(self.cwd, "small")
        small_trace.write(folder, events, **more)
        return folder

    def made(self, *arguments):
        result = self.tracectl(*arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def standard(self):
        return self.small([
            (1000, "w:job_begin", 7, 8, "first"), (2000, "w:step_entry", 7, 8, b"\xff<b>\x01"),
            (5000, "w:step_exit", 7, 8, ""), (6000, "w:point", 7, 8, "\u00e9"), (7000, "w:step_entry", 7, 8, "lost"),
            (9000, "w:job_end", 7, 8, "last"), (9500, "w:job_end", 7, 9, "alone"), (9900, "w:job_start", 7, 9, "open")])


@unittest.skipUnless(shutil.which("protoc"), "there is no protoc")
class Perfetto(ExportTest):
    def decode(self, folder, *options):
        path = os.path.join(self.cwd, "trace")
        self.made("export", *options, "-O", path, folder)
        with open(path, "rb") as f:
            result = subprocess.run(["protoc", f"-I{FOLDER}", "--decode=Trace", "perfetto.proto"], stdin=f, check=False,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def packets(self, folder, *options):
        """What protoc shows, without its line breaks: a packet a string. None has a field that the schema does not."""
        text = self.decode(folder, *options)
        self.assertNotRegex(text, r"(?m)^\s*\d+\s*[:{]")
        return [" ".join(packet.split()) for packet in re.findall(r"(?ms)^packet \{\n(.*?)^\}\n", text)]

    def test_every_field(self):
        self.maxDiff = None

        def event(time, kind, track, *more):
            return " ".join([f"timestamp: {START + time}", "trusted_packet_sequence_id: 1", "track_event {", *more,
                             f"type: {kind}", f"track_uuid: {2 << 32 | track}"])

        def fields(tid, number, text):
            return " ".join(f"debug_annotations {{ {kind}: {value} name: \"{name}\" }}" for kind, value, name in (
                ("int_value", 7, "vpid"), ("int_value", tid, "vtid"), ("string_value", '"small"', "procname"),
                ("uint_value", number, "n"), ("string_value", f'"{text}"', "text")))

        def named(name):
            return f'categories: "w" name: "w:{name}" }} timestamp_clock_id: 1'

        end = "} timestamp_clock_id: 1"
        thread = ('trusted_packet_sequence_id: 1 track_descriptor {{ uuid: {uuid} '
                  'thread {{ pid: 7 tid: {tid} thread_name: "small" }} parent_uuid: {parent} }}')
        self.assertEqual(self.packets(self.standard()), [
            f"clock_snapshot {{ clocks {{ clock_id: 1 timestamp: {START + 1000} }} clocks {{ clock_id: 3 timestamp: 1000 }} "
            "primary_trace_clock: REALTIME } trusted_packet_sequence_id: 1 sequence_flags: 1",
            f'trusted_packet_sequence_id: 1 track_descriptor {{ uuid: {1 << 32 | 7} '
            'process { pid: 7 process_name: "small" } }',
            thread.format(uuid=2 << 32, tid=8, parent=1 << 32 | 7),
            event(1000, "TYPE_SLICE_BEGIN", 0, fields(8, 0, "first")) + " " + named("job"),
            event(2000, "TYPE_SLICE_BEGIN", 0, fields(8, 1, "\\357\\277\\275<b>\\001")) + " " + named("step"),
            event(5000, "TYPE_SLICE_END", 0, fields(8, 2, "")) + " " + end,
            event(6000, "TYPE_INSTANT", 0, fields(8, 3, "\\303\\251")) + " " + named("point"),
            event(7000, "TYPE_SLICE_BEGIN", 0, fields(8, 4, "lost")) + " " + named("step"),
            event(9000, "TYPE_SLICE_END", 0) + " " + end,
            event(9000, "TYPE_SLICE_END", 0, fields(8, 5, "last")) + " " + end,
            thread.format(uuid=2 << 32 | 1, tid=9, parent=1 << 32 | 7),
            event(9500, "TYPE_INSTANT", 1, fields(9, 6, "alone")) + " " + named("job_end"),
            event(9900, "TYPE_SLICE_BEGIN", 1, fields(9, 7, "open")) + " " + named("job"),
        ])

    def test_of_a_program(self):
        self.assertEqual(self.record("-o", "shop", "--", SHOP, "100").returncode, 0)
        packets = self.packets("shop")
        n = len(self.made("view", "-o", "json", "shop").splitlines())
        self.assertEqual(len([packet for packet in packets if "type: TYPE_INSTANT" in packet]), n)
        self.assertEqual(len([packet for packet in packets if "thread {" in packet]),
                         len(json.loads(self.made("summary", "--json", "--by", "thread", "shop"))["threads"]))

    def test_selection(self):
        self.assertEqual(self.record("-o", "shop", "--", SHOP, "100").returncode, 0)
        lines = self.made("view", "--event=shop:order_paid", "--filter=cents > 5000", "shop").splitlines()
        packets = self.packets("shop", "--event=shop:order_paid", "--filter=cents > 5000")
        self.assertGreater(len(lines), 0)
        self.assertEqual(len([packet for packet in packets if "type: TYPE_INSTANT" in packet]), len(lines))

    @needs_plain_build
    def test_calls_are_slices(self):
        self.assertEqual(self.record("--libc", "-e", "libc:open*", "-o", "cat", "--", "/bin/cat", "/dev/null").returncode, 0)
        packets = self.packets("cat")
        begins = [packet for packet in packets if "TYPE_SLICE_BEGIN" in packet]
        ends = [packet for packet in packets if "TYPE_SLICE_END" in packet]
        self.assertEqual(len(begins), len(ends))
        self.assertGreater(len(begins), 0)
        for begin, end, event in zip(begins, ends, map(json.loads, self.made("view", "-o", "json", "cat").splitlines())):
            time = int(event["timestamp"])
            self.assertIn(f"timestamp: {time} ", end)
            self.assertIn(f"timestamp: {time - event['fields']['duration']} ", begin)

    def test_empty(self):
        self.assertEqual(self.packets(self.small([])), [])


class Chrome(ExportTest):
    """The rules of the Trace Event Format (Google's document "Trace Event Format"), one assertion each."""

    def check(self, text):
        trace = json.loads(text)
        self.assertIsInstance(trace["traceEvents"], list)
        self.assertIn(trace["displayTimeUnit"], ("ms", "ns"))
        stacks, last = {}, {}
        for event in trace["traceEvents"]:
            self.assertIsInstance(event["name"], str)
            self.assertIn(event["ph"], "BEXiM")
            for name in ("pid", "tid"):
                self.assertIsInstance(event[name], int)
            self.assertIsInstance(event["args"], dict)
            if event["ph"] == "M":
                self.assertIn(event["name"], ("process_name", "thread_name"))
                self.assertIsInstance(event["args"]["name"], str)
                continue
            self.assertIsInstance(event["cat"], str)
            self.assertIsInstance(event["ts"], float)
            self.assertEqual(round(event["ts"] * 1000), int(f"{event['ts']:.3f}".replace(".", "")))
            stack = stacks.setdefault((event["pid"], event["tid"]), [])
            if event["ph"] == "X":
                self.assertGreaterEqual(event["dur"], 0)
                continue
            # B and E: in the order of time in their thread, nested, and balanced.
            self.assertGreaterEqual(event["ts"], last.get((event["pid"], event["tid"]), 0))
            last[event["pid"], event["tid"]] = event["ts"]
            if event["ph"] == "B":
                stack.append(event["name"])
            elif event["ph"] == "E":
                self.assertEqual(stack.pop(), event["name"])
            else:
                self.assertIn(event["s"], "gpt")
        self.assertEqual([stack for stack in stacks.values() if stack], [])
        return trace

    def test_small(self):
        trace = self.check(self.made("export", "--format=chrome", self.standard()))
        self.assertEqual([event["ph"] for event in trace["traceEvents"]],
                         list("MMBBEiBEE") + list("MMiBE"))
        self.assertEqual(trace["traceEvents"][0]["args"], {"name": "small"})

    def test_of_programs(self):
        self.assertEqual(self.record("-o", "shop", "--", SHOP, "1000", "4").returncode, 0)
        self.check(self.made("export", "-f", "chrome", "shop"))

    @needs_plain_build
    def test_of_calls(self):
        self.assertEqual(self.record("--libc", "-o", "ls", "--", "/bin/ls", "/").returncode, 0)
        trace = self.check(self.made("view", "-o", "chrome", "ls"))
        self.assertGreater(len([event for event in trace["traceEvents"] if event["ph"] == "X"]), 3)


class Folded(ExportTest):
    """A line as flamegraph.pl and others take it apart: frames between semicolons, a space, a whole number."""

    LINE = re.compile(r"^([^;\n]+(?:;[^;\n]+)*) (\d+)$")

    def test_lines(self):
        found = {}
        for line in self.made("view", "-o", "folded", self.standard()).splitlines():
            match = self.LINE.match(line)
            self.assertTrue(match, line)
            found[match.group(1)] = int(match.group(2))
        self.assertEqual(found, {"small 7;thread 8;w:job": 3, "small 7;thread 8;w:job;w:step": 5})

    def test_self_times_make_up_the_whole(self):
        events, total = [], 0
        for n in range(50):
            events += [(n * 100_000, "w:a_begin", 1, 1, ""), (n * 100_000 + 10_000, "w:b_begin", 1, 1, ""),
                       (n * 100_000 + 40_000, "w:b_end", 1, 1, ""), (n * 100_000 + 90_000, "w:a_end", 1, 1, "")]
            total += 90
        lines = self.made("view", "-o", "folded", self.small(events)).splitlines()
        self.assertEqual(sum(int(self.LINE.match(line).group(2)) for line in lines), total)

    @unittest.skipUnless(shutil.which("flamegraph.pl"), "needs flamegraph.pl of https://github.com/brendangregg/FlameGraph")
    def test_a_flame_graph(self):
        """Each frame of the picture, with the time of it and of what it called."""
        folded = self.made("view", "-o", "folded", self.standard())
        drawn = subprocess.run(["flamegraph.pl", "--countname=us"], input=folded, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, check=True)
        self.assertEqual(drawn.stderr, "")
        self.assertEqual(set(re.findall(r"<title>(.*) \((\d+) us, ", drawn.stdout)),
                         {("all", "8"), ("small 7", "8"), ("thread 8", "8"), ("w:job", "8"), ("w:step", "5")})


class OnTerminal(ExportTest):
    def on_terminal(self, *arguments, **options):
        """stdout and stderr on a terminal: the exit status and what it shows."""
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        process = subprocess.Popen([TRACECTL, *arguments], cwd=self.cwd, env=self.env, stdin=subprocess.DEVNULL,
                                   stderr=slave, **{"stdout": slave, **options})
        os.close(slave)
        self.addCleanup(process.kill)
        return process, master

    @staticmethod
    def read(master):
        shown = b""
        try:
            while data := os.read(master, 65536):
                shown += data
        except OSError:
            pass
        return shown.decode()

    def test_bytes_are_refused(self):
        folder = self.standard()
        for arguments in (("export", folder), ("view", "-o", "html", folder), ("view", "-o", "perfetto", folder)):
            process, master = self.on_terminal(*arguments)
            self.assertIn("is nothing for a terminal. Write it to a file: -O FILE", self.read(master))
            self.assertEqual(process.wait(PATIENCE), 2)

    def test_interrupted(self):
        """A signal leaves what was there before, and nothing beside it."""
        self.assertEqual(self.record("--size", "64M", "-o", "many", "--", SHOP, "300000").returncode, 0)
        out = os.path.join(self.cwd, "out")
        os.mkdir(out)
        for arguments in (("export", "-O", "out/x", "many"), ("view", "-o", "json", "-O", "out/x", "many"),
                          ("view", "-o", "html", "-O", "out/x", "many")):
            with open(os.path.join(out, "x"), "w", encoding="ascii") as f:
                f.write("before")
            process = self.start(*arguments)

            def has_begun(pid=process.pid):
                with open(f"/proc/{pid}/io", encoding="ascii") as f:
                    return int(re.search(r"wchar: (\d+)", f.read()).group(1)) > 100000

            wait_until(has_begun, "the beginning of the file")
            process.send_signal(signal.SIGINT)
            self.finish(process)
            self.assertEqual(process.returncode, -signal.SIGINT, arguments)
            self.assertEqual(os.listdir(out), ["x"])
            with open(os.path.join(out, "x"), encoding="ascii") as f:
                self.assertEqual(f.read(), "before")

    def test_progress(self):
        """What takes long says on a terminal how far it is; interrupted, it takes that back and prints nothing."""
        self.assertEqual(self.record("--size", "256M", "-o", "many", "--", SHOP, "3000000").returncode, 0)
        for arguments in (("summary", "many"), ("view", "-o", "json", "-O", "out", "many"),
                          ("export", "-O", "out", "many")):
            process, master = self.on_terminal(*arguments, stdout=subprocess.PIPE)
            began = time.monotonic()

            def has_begun(pid=process.pid):
                with open(f"/proc/{pid}/io", encoding="ascii") as f:
                    return int(re.search(r"rchar: (\d+)", f.read()).group(1)) > 1 << 20

            wait_until(has_begun, "the beginning of the work")
            # A second of it, of which most is not spent on work.
            process.send_signal(signal.SIGSTOP)
            wait_until(lambda since=began: time.monotonic() > since + 1.1, "a second")
            process.send_signal(signal.SIGCONT)
            shown = os.read(master, 65536)
            process.send_signal(signal.SIGINT)
            shown = shown.decode() + self.read(master)
            self.assertRegex(shown, r"\A(\r\x1b\[K[\d,]+ events)+\r\x1b\[K\Z", arguments)
            self.assertEqual((process.communicate()[0], process.returncode), (b"", -signal.SIGINT), arguments)


if __name__ == "__main__":
    unittest.main()
