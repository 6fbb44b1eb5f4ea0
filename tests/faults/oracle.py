# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether a trace is what was emitted: each event once, whole and in its order, or counted where it would have been."""

import collections
import re
import subprocess

EVENT = re.compile(r"test:tock: \{ cpu_id = (\d+) \}, "
                   r'\{ writer = (\d+), counter = (\d+), mix = (\d+), text = "([a-z]+)" \}\Z')
THREAD = re.compile(r" tracectl:thread: ")
DISCARDED = re.compile(r"WARNING: Tracer discarded (\d+) events? ")
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
        self.counters = collections.defaultdict(list)  # by writer, in the order of the trace
        self.recorded = collections.Counter()          # by CPU
        done = subprocess.run(["babeltrace2", "--no-delta", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=300, check=False)
        if done.returncode != 0:
            self.wrong.append(f"babeltrace2 cannot read the trace: {done.stderr}")
        for line in done.stderr.splitlines():
            said = DISCARDED.search(line)
            if said:
                self.discarded += int(said[1])
            else:
                self.wrong.append(f"babeltrace2 says: {line}")
        for line in done.stdout.splitlines():
            if not THREAD.search(line):
                self._take(line)

    def _take(self, line):
        event = EVENT.search(line)
        if not event:
            self.wrong.append(f"no event of ours: {line}")
            return
        cpu, writer, counter, number = (int(text) for text in event.groups()[:4])
        if number != mix(writer, counter) or event[5] != TEXT[counter % 26:]:
            self.wrong.append(f"spoiled: {line}")
        if self.counters[writer] and self.counters[writer][-1] >= counter:
            self.wrong.append(f"twice, or not in its order, after {self.counters[writer][-1]}: {line}")
        self.counters[writer].append(counter)
        self.recorded[cpu] += 1


class Account:
    """What threads have emitted since `since`: {writer: events of it that were cleared}."""

    def __init__(self, threads, since):
        self.threads = threads
        self.least, self.most = collections.Counter(), collections.Counter()  # by CPU
        for thread in threads:
            before = since.get(thread.writer, 0)
            self.least[thread.cpu] += thread.done - before
            self.most[thread.cpu] += thread.begun - before
        self._since = since

    def compare(self, trace, said_recorded, said_discarded):
        """Sentences on how a trace, and what the session says of it, differ from this."""
        wrong = list(trace.wrong)
        known = {thread.writer: thread for thread in self.threads}
        for writer, counters in trace.counters.items():
            thread = known.get(writer)
            if not thread or counters[-1] >= thread.begun or counters[0] < self._since.get(writer, 0):
                wrong.append(f"writer {writer}: events {counters[0]} to {counters[-1]}, which it has not emitted")
        wrong += [f"writer {t.writer}: {t.missed} events were off" for t in self.threads if t.missed]
        recorded = sum(trace.recorded.values())
        if recorded != said_recorded:
            wrong.append(f"the session says {said_recorded} recorded, the trace has {recorded}")
        if trace.discarded != said_discarded:
            wrong.append(f"the session says {said_discarded} discarded, the trace {trace.discarded}")
        least, most = sum(self.least.values()), sum(self.most.values())
        if not least <= recorded + said_discarded <= most:
            wrong.append(f"{recorded} recorded + {said_discarded} discarded is not {least} to {most} emitted")
        if not said_discarded:
            wrong += [f"CPU {cpu}: {trace.recorded[cpu]} recorded of {self.least[cpu]} to {self.most[cpu]}"
                      for cpu in self.most if not self.least[cpu] <= trace.recorded[cpu] <= self.most[cpu]]
        return wrong
