# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether a trace is what was emitted: each event once, whole and in its order, or counted where it would have been.

Of the kernel each call makes two events, which are counted for each processor by themselves.
"""

import collections
import re
import subprocess

EVENT = re.compile(r"test:tock: \{ cpu_id = (\d+) \}, "
                   r'\{ writer = (\d+), counter = (\d+), mix = (\d+), text = "([a-z]+)" \}\Z')
CALL = re.compile(r" syscall_(entry|exit)_getpgid: \{ cpu_id = (\d+) \}, \{ tid = (\d+) \}, \{ (?:pid|ret) = (-?\d+) \}\Z")
CALL_BITS = 24
THREAD = re.compile(r" tracectl:thread: ")
DISCARDED = re.compile(r'WARNING: Tracer discarded (\d+) events? .* within stream "[^"]*?/(kernel|user)/[^"]*_(\d+)"')
TEXT = "abcdefghijklmnopqrstuvwxyz"
MASK = (1 << 64) - 1


def mix(writer, counter):
    """As in steady.c."""
    x = ((writer << 40) ^ counter) & MASK
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9 & MASK
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb & MASK
    return x ^ (x >> 31)


class Trace:
    """What babeltrace2 finds in a folder. Violations are sentences in wrong."""

    def __init__(self, folder):
        self.wrong = []
        self.discarded = 0
        self.calls_discarded = collections.Counter()   # of those, by CPU
        self.counters = collections.defaultdict(list)  # by writer, in the order of the trace
        self.recorded = collections.Counter()          # by CPU
        self.calls = collections.defaultdict(list)     # as counters
        self.calls_recorded = collections.Counter()    # by CPU; entries and exits
        self._inside = collections.defaultdict(bool)   # by tid: its call has not returned
        done = subprocess.run(["babeltrace2", "--no-delta", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=300, check=False)
        if done.returncode != 0:
            self.wrong.append(f"babeltrace2 cannot read the trace: {done.stderr}")
        for line in done.stderr.splitlines():
            said = DISCARDED.search(line)
            if said:
                self.discarded += int(said[1])
                if said[2] == "kernel":
                    self.calls_discarded[int(said[3])] += int(said[1])
            else:
                self.wrong.append(f"babeltrace2 says: {line}")
        for line in done.stdout.splitlines():
            if not THREAD.search(line):
                self._take(line)

    def _take_call(self, line, call):
        kind, cpu, tid, value = call[1], int(call[2]), int(call[3]), int(call[4])
        self.calls_recorded[cpu] += 1
        if self._inside[tid] == (kind == "entry") and not self.calls_discarded[cpu]:
            self.wrong.append(f"not after its other half: {line}")
        self._inside[tid] = kind == "entry"
        if kind == "entry":
            self._follow(self.calls[value >> CALL_BITS], value & ((1 << CALL_BITS) - 1), line)

    def _follow(self, counters, counter, line):
        if counters and counters[-1] >= counter:
            self.wrong.append(f"twice, or not in its order, after {counters[-1]}: {line}")
        counters.append(counter)

    def _take(self, line):
        call = CALL.search(line)
        if call:
            self._take_call(line, call)
            return
        event = EVENT.search(line)
        if not event:
            self.wrong.append(f"no event of ours: {line}")
            return
        cpu, writer, counter, number = (int(text) for text in event.groups()[:4])
        if number != mix(writer, counter) or event[5] != TEXT[counter % 26:]:
            self.wrong.append(f"spoiled: {line}")
        self._follow(self.counters[writer], counter, line)
        self.recorded[cpu] += 1


class Account:
    """What threads have emitted since `since`: {writer: (events, calls) of it that were cleared}."""

    def __init__(self, threads, since):
        self.threads = threads
        self._since = since
        # By CPU.
        self.least, self.most = collections.Counter(), collections.Counter()
        self.calls_least, self.calls_most = collections.Counter(), collections.Counter()
        for thread in threads:
            events, calls = self._before(thread.writer)
            # Killed before its turn had come it has told nobody what it had emitted.
            self.least[thread.cpu] += thread.done - events if thread.heard else 0
            self.most[thread.cpu] += thread.begun - events
            self.calls_least[thread.cpu] += 2 * (thread.calls_done - calls)
            self.calls_most[thread.cpu] += 2 * (thread.calls_begun - calls)

    def _before(self, writer):
        return self._since.get(writer, (0, 0))

    def compare(self, trace, said_recorded, said_discarded):
        """Sentences on how a trace, and what the session says of it, differ from this."""
        wrong = trace.wrong + self._compare_writers(trace) + self._compare_calls(trace)
        recorded, calls = sum(trace.recorded.values()), sum(trace.calls_recorded.values())
        if recorded + calls != said_recorded:
            wrong.append(f"the session says {said_recorded} recorded, the trace has {recorded} and {calls} of calls")
        if trace.discarded != said_discarded:
            wrong.append(f"the session says {said_discarded} discarded, the trace {trace.discarded}")
        discarded = said_discarded - sum(trace.calls_discarded.values())
        least, most = sum(self.least.values()), sum(self.most.values())
        if not least <= recorded + discarded <= most:
            wrong.append(f"{recorded} recorded + {discarded} discarded is not {least} to {most} emitted")
            wrong += [f"writer {t.writer}: {len(trace.counters[t.writer])} of {t.done - self._before(t.writer)[0]}"
                      for t in self.threads]
        if not discarded:
            wrong += [f"CPU {cpu}: {trace.recorded[cpu]} recorded of {self.least[cpu]} to {self.most[cpu]}"
                      for cpu in self.most if not self.least[cpu] <= trace.recorded[cpu] <= self.most[cpu]]
        return wrong

    def _compare_writers(self, trace):
        wrong = [f"writer {t.writer}: {t.missed} events were off" for t in self.threads if t.missed]
        known = {thread.writer: thread for thread in self.threads}
        for kind, found in enumerate((trace.counters, trace.calls)):
            for writer, counters in found.items():
                thread = known.get(writer)
                begun = 0 if not thread else (thread.begun, thread.calls_begun)[kind]
                if counters and (counters[-1] >= begun or counters[0] < self._before(writer)[kind]):
                    wrong.append(f"writer {writer}: {('events', 'calls')[kind]} {counters[0]} to {counters[-1]}, which it "
                                 "has not emitted")
        return wrong

    def _compare_calls(self, trace):
        """A thread makes them on one processor from its first to its last."""
        return [f"CPU {cpu} of the kernel: {trace.calls_recorded[cpu]} recorded + {trace.calls_discarded[cpu]} discarded is "
                f"not {self.calls_least[cpu]} to {self.calls_most[cpu]} made"
                for cpu in {*self.calls_most, *trace.calls_recorded, *trace.calls_discarded}
                if not self.calls_least[cpu] <= trace.calls_recorded[cpu] + trace.calls_discarded[cpu] <= self.calls_most[cpu]]
