# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is recorded is seen while it happens; who does not look, or looks too slowly, costs the recording nothing."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import unittest

import service
import system
from service import ServiceTest


HEAD = r"\d\d:\d\d:\d\d "  # what a picture of `top` begins with

# When it is told to: 100 spans, some longer than others.
SPANS = r"""
#include <stdio.h>
#include <unistd.h>
#include <tracectl/tracepoint.h>

int main(void) {
        puts("ready");
        fflush(stdout);
        getchar();
        for (int i = 1; i <= 100; i++) {
                tracectl_trace(job, work_begin, tp_i32(n, i));
                usleep(20 * (unsigned) i);
                tracectl_trace(job, work_end, tp_i32(n, i));
        }
        getchar();
        return 0;
}
"""


class Screen:
    """A terminal of 24 lines and 80 columns with `tracectl top` on it."""

    def __init__(self, test, user, *args):
        self.fd, terminal = pty.openpty()
        test.addCleanup(os.close, self.fd)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.text = ""
        self.process = test.start(["tracectl", "top", *args], user=user, env={"TERM": "xterm"}, stdin=terminal,
                                  stdout=terminal, stderr=terminal)
        os.close(terminal)

    def expect(self, pattern):
        """Reads until it is there; how many seconds that took."""
        began = time.monotonic()
        while not re.search(pattern, self.text):
            if not select.select([self.fd], [], [], system.PATIENCE)[0]:
                raise AssertionError(f"no {pattern!r} in {self.text!r}")
            try:
                self.text += os.read(self.fd, 65536).decode()
            except OSError as error:  # everybody has closed it
                raise AssertionError(f"it ended without {pattern!r}: {self.text!r}") from error
        return time.monotonic() - began

    def finish(self):
        """Waits for the end, reading on, for nobody ends whose terminal is full."""
        try:
            while select.select([self.fd], [], [], system.PATIENCE)[0]:
                self.text += os.read(self.fd, 65536).decode()
        except OSError:
            pass
        return self.process.wait(system.PATIENCE)


class Live(ServiceTest):
    def begin(self, session, user="alice"):
        emitter = self.emitter(user, 1)
        self.tracectl(user, "create", session)
        self.tracectl(user, "enable-event", "-s", session, "test:*")
        self.tracectl(user, "start", session)
        return emitter

    def view(self, user, session, *options):
        """view --follow, when its stream is open."""
        before = self.used(user)
        viewer = self.start(["tracectl", "view", "--follow", *options, session], user=user, bufsize=0, text=False)
        system.wait_until(lambda: self.used(user) == before + 1, "an open stream")
        return viewer

    def used(self, user):
        """How many streams the user has open."""
        done = self.busctl(user, "get-property", "org.tracectl.Tracing1", "/org/tracectl/Tracing1",
                           "org.tracectl.Tracing1.Manager", "Limits")
        words = done.stdout.replace('"', "").split()
        return int(words[words.index("live-streams-used") + 1])

    @staticmethod
    def lines(process, n):
        """The next n lines, and how many seconds they took."""
        began, text = time.monotonic(), b""
        while text.count(b"\n") < n:
            if not select.select([process.stdout], [], [], system.PATIENCE)[0]:
                raise AssertionError(f"only {text.count(bytes([10]))} lines of {n}")
            piece = os.read(process.stdout.fileno(), 1 << 20)
            if not piece:
                raise AssertionError(f"it ended behind {text!r}: {process.stderr.read()}")
            text += piece
        return text.decode().splitlines(), time.monotonic() - began

    def test_follow(self):
        """Every event is shown once, in the order of time, and within a second (of five times the best, for the machine
        has other things to do); the end of the session is the end."""
        emitter, seconds = self.begin("seen"), []
        viewer = self.view("alice", "seen")
        for _ in range(5):
            began = time.monotonic()
            emitter.emit(3)
            lines, _ = self.lines(viewer, 3)
            seconds.append(time.monotonic() - began)
            self.assertEqual(len(lines), 3)
            self.assertTrue(all("test:tick" in line for line in lines), lines)
        self.assertLess(min(seconds), 1)
        emitter.emit(20000)
        lines, _ = self.lines(viewer, 20000)
        self.assertEqual(len(lines), 20000)
        times = [line.split()[0] for line in lines]
        self.assertEqual(times, sorted(times))
        # Two of one nanosecond as well: a clock may move in larger steps than events are apart.
        counters = [int(re.search(r" counter=(\d+) ", line).group(1)) for line in lines]
        self.assertEqual(counters, list(range(counters[0], counters[0] + 20000)))
        self.tracectl("alice", "destroy", "seen")
        viewer.finish()
        self.assertEqual(viewer.returncode, 0)

    def test_emit(self):
        """An event from a script is recorded as a program's is, of those whose sessions have it."""
        self.tracectl("alice", "create", "scripts")
        self.tracectl("alice", "enable-event", "-s", "scripts", "shop:*")
        self.tracectl("alice", "start", "scripts")
        viewer = self.view("alice", "scripts")
        for n in range(3):
            self.assertEqual(self.tracectl("alice", "emit", "shop:closed", f"id={n}").stderr, "")
            (line,), _ = self.lines(viewer, 1)
            self.assertRegex(line, rf"shop:closed +id={n}$")
        self.assertIn("Nobody recorded 'shop:closed'", self.tracectl("bob", "emit", "shop:closed").stderr)
        self.assertIn("Nobody recorded 'other:closed'", self.tracectl("alice", "emit", "other:closed").stderr)
        self.tracectl("alice", "stop", "scripts")
        self.assertIn("Nobody recorded 'shop:closed'", self.tracectl("alice", "emit", "shop:closed").stderr)
        self.assertEqual(self.get("alice", "scripts", "EventsRecorded"), 3)

    def test_stalled(self):
        """One who never reads: the recording is complete, and nothing is discarded."""
        emitter = self.begin("stalled")
        viewer = self.view("alice", "stalled")
        viewer.send_signal(signal.SIGSTOP)
        # nsenter stops with its child, and cannot be waited for then.
        self.addCleanup(os.kill, viewer.pid, signal.SIGCONT)
        for n in range(1, 21):
            emitter.emit(10_000)
            system.wait_until(lambda n=n: self.get("alice", "stalled", "EventsRecorded") == n * 10_000,
                              "everything recorded, and nothing discarded")
        self.tracectl("alice", "stop", "stalled")
        self.assertEqual(self.get("alice", "stalled", "EventsDiscarded"), 0)
        self.assert_counted(self.events(self.output("alice", "stalled")), [emitter])

    def stalled(self, session, command):
        """A command that follows a new session: stopped until it has missed events, and ended by the session's end.
        What it wrote to stdout and stderr, and how many events there were."""
        emitter = self.begin(session)
        before = self.used("alice")
        reader = self.start(["sh", "-c", f"exec tracectl {command} {session} >/home/alice/{session}"], user="alice")
        system.wait_until(lambda: self.used("alice") == before + 1, "an open stream")
        self.addCleanup(reader.send_signal, signal.SIGCONT)
        reader.send_signal(signal.SIGSTOP)
        # Twice what waits for one who does not read.
        for n in range(1, 9):
            emitter.emit(50_000)
            system.wait_until(lambda n=n: self.get("alice", session, "EventsRecorded") == n * 50_000, "all of them")
        reader.send_signal(signal.SIGCONT)
        emitter.emit(1)
        self.tracectl("alice", "destroy", session)
        _, errors = reader.communicate(timeout=system.PATIENCE)
        return self.host.read(f"/home/alice/{session}"), errors, emitter.emitted

    def test_view_says_what_it_missed(self):
        text, errors, emitted = self.stalled("missed", "view --follow")
        lost = re.fullmatch(r"tracectl: (\d+) events came faster than they were shown; the trace has them\n", errors)
        self.assertTrue(lost, errors)
        self.assertGreater(int(lost[1]), 0)
        self.assertEqual(text.count("\n") + int(lost[1]), emitted)

    def test_top_says_what_it_missed(self):
        text, errors, emitted = self.stalled("uncounted", "top --batch --by event")
        self.assertEqual(errors, "tracectl: Session 'uncounted' has ended, or its consumer has.\n")
        counted = re.findall(r"uncounted: ([\d,]+) events, .* 0 discarded, ([\d,]+) not counted\n", text)
        self.assertTrue(counted, text)
        shown, lost = (int(n.replace(",", "")) for n in counted[-1])
        self.assertGreater(lost, 0)
        self.assertEqual(shown + lost, emitted)

    def test_who_may(self):
        """Nobody sees what another user records."""
        self.begin("private")
        self.refused("bob", "view", "--follow", "alice/private")
        self.refused("bob", "top", "--batch", "alice/private")

    def screen(self, *args):
        """`top` of alice's, when its stream is open."""
        system.wait_until(lambda: self.used("alice") == 0, "the last stream's end")
        screen = Screen(self, "alice", *args)
        system.wait_until(lambda: self.used("alice") == 1, "an open stream")
        return screen

    def test_top_shows_an_event_within_a_second(self):
        """Of three times the best, for the machine has other things to do; 'q' ends it and leaves the terminal as it was."""
        emitter, seconds = self.begin("busy"), []
        while not seconds or (min(seconds) >= 1 and len(seconds) < 3):
            screen = self.screen("busy")
            screen.expect("busy: 0 events")
            emitter.emit(1)
            seconds.append(screen.expect("test:tick"))
            os.write(screen.fd, b"q")
            self.assertEqual(screen.finish(), 0)
            self.assertIn("\x1b[?1049l", screen.text)
        self.assertLess(min(seconds), 1)

    def test_top_ends_by_signal_and_with_the_session(self):
        self.begin("ending")
        screen = self.screen("ending")
        screen.expect("ending: 0 events")
        screen.process.send_signal(signal.SIGINT)
        self.assertEqual(screen.finish(), 0)
        screen = self.screen("ending")
        screen.expect("ending: 0 events")
        self.tracectl("alice", "destroy", "ending")
        self.assertEqual(screen.finish(), 0)
        self.assertIn("Session 'ending' has ended", screen.text)

    def top(self, session, *options):
        """`top` of alice's without a screen, when its stream is open."""
        before = self.used("alice")
        top = self.start(["tracectl", "top", *options, session], user="alice")
        system.wait_until(lambda: self.used("alice") == before + 1, "an open stream")
        return top

    def test_top_counts_everything(self):
        """The last picture has every event."""
        emitter = self.begin("counted")
        top = self.top("counted", "--by", "event", "--by", "process")
        emitter.emit(4321)
        self.tracectl("alice", "stop", "counted")
        self.tracectl("alice", "destroy", "counted")
        text, errors = top.communicate(timeout=system.PATIENCE)
        self.assertEqual((top.returncode, errors), (0, "tracectl: Session 'counted' has ended, or its consumer has.\n"))
        last = self.split(text)[-1]
        self.assertRegex(last, r"^\d\d:\d\d:\d\d counted: 4,321 events, [\d,]+ a second, 0 discarded\n")
        self.assertRegex(last, r"(?m)^test:tick +4321 +100\.0% +\d+\.\d$")
        self.assertRegex(last, rf"(?m)^{emitter.pid}( \S+)? +1 +4321 ")
        self.assertNotIn("THREAD ", last)

    @staticmethod
    def split(text):
        """The pictures that follow each other there, each from its first line."""
        return re.split(rf"(?m)^(?={HEAD})", text)[1:]

    def pictures(self, top, enough):
        """Until one has in it what is enough; it is whole when the next one begins."""
        text = ""
        while not any(re.search(enough, picture) for picture in self.split(text)[:-1]):
            line = service.read_line(top)
            if not line:
                raise AssertionError(f"it ended without {enough!r}: {text}")
            text += line
        return self.split(text)[:-1]

    def test_top_shows_rates_of_intervals(self):
        """Of at least a second each: together they are at most all events, and nothing where nothing happened."""
        emitter = self.begin("rates")
        top = self.top("rates", "--by", "event")
        self.pictures(top, "rates: 0 events")
        emitter.emit(4321)
        found = self.pictures(top, r"rates: 4,321 events, 0 a second")
        row = re.compile(r"(?m)^test:tick +(\d+) +100\.0% +(\d+\.\d)$")
        rows = [row.search(picture).groups() for picture in found if "test:tick" in picture]
        self.assertEqual(rows[-1], ("4321", "0.0"))
        rates = [float(rate) for _, rate in rows]
        self.assertLessEqual(sum(rates), 4321 + len(rates))
        self.assertGreater(sum(rates), 4321 / system.PATIENCE)
        heads = [int(n.replace(",", "")) for n in re.findall(r"events, ([\d,]+) a second", "".join(found))]
        self.assertTrue(all(abs(a - b) <= 1 for a, b in zip(heads[-len(rates):], rates)), (heads, rates))

    def row(self, picture, headers, first):
        """The cells of a line, by the headers of its table."""
        line = next(line for line in picture.splitlines() if line.split()[:len(headers)] == headers)
        names = re.split("  +", line.strip())
        rows = picture[picture.index(line) + len(line):].split("\n\n")[0]
        cells = re.split("  +", re.search(rf"(?m)^{first}.*", rows)[0].strip())
        self.assertEqual(len(cells), len(names), (names, cells))
        return dict(zip(names, cells))

    def assert_duration(self, cell, at_least, at_most):
        """Nanoseconds between which it is: 1/64 beside them by the histogram, and rounded as it is shown."""
        number, unit = cell.split()
        ns = float(number) * {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[unit]
        self.assertGreaterEqual(ns, at_least * 63 / 64 - 10)
        self.assertLessEqual(ns, at_most * 65 / 64 + 10)

    def test_top_shows_durations(self):
        """By spans, and of each process and thread, what the trace has."""
        self.host.write("/root/spans.c", SPANS)
        self.host.run("cc -O2 /root/spans.c -o /usr/local/bin/spans $(pkg-config --cflags --libs tracectl-tracepoint)")
        self.tracectl("alice", "create", "spans")
        self.tracectl("alice", "enable-event", "-s", "spans", "job:*")
        self.tracectl("alice", "start", "spans")
        top = self.top("spans")
        program = self.start(["/usr/local/bin/spans"], user="alice")
        self.assertEqual(service.read_line(program), "ready\n")
        program.stdin.write("\n")
        program.stdin.flush()
        picture = self.pictures(top, "spans: 200 events")[-1]
        self.tracectl("alice", "stop", "spans")
        times = [int(re.search(r"\[(\d+)\.(\d{9})\]", line).expand(r"\1\2")) for line in
                 self.events(self.output("alice", "spans"), options=["--clock-seconds"])]
        took = sorted(b - a for a, b in zip(times[::2], times[1::2]))
        self.assertEqual(len(took), 100)
        spans = self.row(picture, ["DURATION", "OF"], "job:work ")
        self.assertEqual(spans["COUNT"], "100")
        for name, at_least, at_most in (("TOTAL", sum(took), sum(took)), ("MEAN", sum(took) / 100, sum(took) / 100),
                                        ("P50", took[48], took[50]), ("P99", took[97], took[99]),
                                        ("MAX", took[99], took[99])):
            self.assert_duration(spans[name], at_least, at_most)
        for headers in (["PROCESS", "THREADS"], ["THREAD", "COUNT"]):
            row = self.row(picture, headers, r"\d+")
            self.assertEqual((row["COUNT"], row["SHARE"]), ("200", "100.0%"))
            self.assertEqual((row["SPAN P50"], row["SPAN P99"]), (spans["P50"], spans["P99"]))
        for event in ("job:work_begin", "job:work_end"):
            row = self.row(picture, ["EVENT", "COUNT"], event + " ")
            self.assertEqual((row["COUNT"], row["SHARE"]), ("100", "50.0%"))

    def test_closed(self):
        """A stream whose reader was killed does not count for the limit of its user."""
        self.begin("many")
        viewers = [self.view("alice", "many") for _ in range(3)]
        for viewer in viewers:
            viewer.send_signal(signal.SIGKILL)
        system.wait_until(lambda: self.used("alice") == 0, "the streams' end")

    def test_consumer_dies(self):
        """The stream ends, and says so by ending; a new one can be opened."""
        emitter = self.begin("dying")
        viewer = self.view("alice", "dying")
        unit = self.get("alice", "dying", "ConsumerUnit")
        self.host.run(["systemctl", "kill", "--signal=KILL", unit + ".service"], check=False)
        viewer.finish()
        self.assertEqual(viewer.returncode, 0)
        again = self.view("alice", "dying")
        emitter.emit(2)
        self.assertEqual(len(self.lines(again, 2)[0]), 2)

    def test_top_for_some_seconds(self):
        self.begin("short")
        done = self.tracectl("alice", "top", "-n", "2", "short")
        self.assertEqual(done.stdout.count("short: 0 events"), 2)
        self.assertIn("Did you mean 'process'?", self.refused("alice", "top", "--by", "proces", status=2))
        self.assertIn("no number of seconds", self.refused("alice", "top", "-n", "0", status=2))


if __name__ == "__main__":
    unittest.main()
