# SPDX-License-Identifier: LGPL-2.1-or-later
"""A steady program (tests/programs/steady.c) and what it says of itself, which outlives it."""

import mmap
import os
import signal
import struct

import system

# Other tests on this machine have the same kernel: it knows this one's processes by their name.
STEADY = f"/usr/local/bin/steady{os.getpid()}"
HEADER = struct.Struct("=IIIIII")    # struct page
SLOT = struct.Struct("=QQIIIIQQ")    # struct slot
THREADS_MAX = 16
PAUSED_OFF, PAUSED_ON, STARTING, RUNNING = range(1, 5)
RATE = 4


class Thread:
    """What one thread has emitted: its events 0 to done - 1, and perhaps that of number done; calls alike."""

    def __init__(self, writer, slot, heard):
        self.writer = writer
        self.heard = heard  # tracingd had been told that there is somebody: what is lost is counted
        (self.begun, self.done, self.state, self.cpu, self.bursts, self.missed,
         self.calls_begun, self.calls_done) = slot


class Program:
    def __init__(self, test, folder, user, writer, threads, calls):
        self._path = f"{folder}/steady-{writer}"
        self._writer, self._n = writer, threads
        test.host.run(f"truncate -s {HEADER.size + THREADS_MAX * SLOT.size} {self._path}", user=user)
        with open(test.host.file(self._path), "r+b") as f:
            self._page = mmap.mmap(f.fileno(), 0)
        self._set(0, 1)
        self._set(1, RATE)
        self._set(4, RATE if calls else 0)
        self.process = test.start([STEADY, self._path, str(writer), str(threads)], user=user)
        self._heard = None
        test.addCleanup(self.end)

    def _set(self, word, value):
        struct.pack_into("=I", self._page, 4 * word, value)

    def _get(self, word):
        return struct.unpack_from("=I", self._page, 4 * word)[0]

    def threads(self):
        return [Thread(self._writer + i, SLOT.unpack_from(self._page, HEADER.size + i * SLOT.size), self._heard is not False)
                for i in range(self._n)]

    def has_rings(self):
        """Before, it waits or counts: tracingd has not had the time for it."""
        with open(f"/proc/{self.process.outer_pid}/maps", encoding="utf-8") as f:
            return "/memfd:tracectl-ring" in f.read()

    def wait_for(self, states, what):
        """Until each thread is in one of the states."""
        system.wait_until(lambda: all(thread.state in states for thread in self.threads()), f"{self._path}: {what}")

    def pause(self):
        self._set(0, 0)
        self.wait_for((PAUSED_OFF, PAUSED_ON), "a pause")

    def go_on(self):
        self._set(0, 1)

    def burst(self, n):
        """As many events as fast as it can; a program that is stopped makes them later."""
        self._set(3, n)
        self._set(2, self._get(2) + 1)

    def emit_more(self):
        """Returns when each thread has emitted some, all of them recorded or counted."""
        self.wait_for((RUNNING,), "events that somebody records")
        before = [thread.done for thread in self.threads()]
        system.wait_until(lambda: all(thread.done >= n + 2 * RATE for thread, n in zip(self.threads(), before)),
                          f"more events of {self._path}")

    def end(self):
        """Kills it, and waits: what threads() says is final then."""
        if self._heard is None:
            self._heard = self.has_rings()
        self.process.kill()
        system.wait_until(self._has_ended, f"the end of {self._path}")

    def _has_ended(self):
        # What has entered the host stops itself whenever it sees its command stopped.
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGCONT)
        return self.process.poll() is not None
