# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures what tracing costs a program: ours and, where lttng-tools is there, LTTng's at the same time, in one
process with interleaved rounds (tracer.c), with overwrite rings and with rings that a consumer drains. Prints tables in
the form of docs/performance.md, which they are for. Takes less than a minute."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile

BUILD = os.path.join(os.environ["TRACECTL_BUILD"], "tests", "bench")
SUBBUFS, SUBBUF_SIZE = 8, "512K"
NEVER = 1 << 40  # no event has such a number
FLOOR = "clock-and-store"
SNAPSHOT_PAIRS = ORDERED_PAIRS = 3

PROFILE = """[Session]
Name=bench
Mode={mode}
Directory={directory}

[Channel plain]
Domain=user
SubBufferSize={size}
SubBufferCount={count}
Mode={ring}
OrderedClock={clock}
Event=bench:number
Event=bench:text
Event=bench:passes filter=number < {never}
Event=bench:fails filter=number > {never}

[Channel context]
Domain=user
SubBufferSize={size}
SubBufferCount={count}
Mode={ring}
OrderedClock={clock}
Context=vpid
Context=vtid
Event=bench:context
"""


class Lttng:
    """The peer with the same session, by a session daemon of its own. Does nothing where it is not installed."""

    def __init__(self, folder, overwrite):
        self.env = dict(os.environ, LTTNG_HOME=folder, HOME=folder)
        self.trace = os.path.join(folder, "lttng-trace")
        self.overwrite = overwrite
        self.daemon = None

    def lttng(self, *arguments):
        subprocess.run(["lttng", *arguments], env=self.env, check=True, stdout=subprocess.DEVNULL)

    def __enter__(self):
        if not shutil.which("lttng-sessiond") or not shutil.which("lttng"):
            return self
        pid_file = os.path.join(self.env["HOME"], "pid")
        subprocess.run(["lttng-sessiond", "--daemonize", "--no-kernel", "--pidfile", pid_file], env=self.env,
                       check=True)
        with open(pid_file, encoding="ascii") as f:
            self.daemon = int(f.read())
        self.lttng("create", "bench", *(["--snapshot"] if self.overwrite else ["--output", self.trace]))
        for channel in ("plain", "context"):
            self.lttng("enable-channel", "-u", channel, "--subbuf-size", SUBBUF_SIZE, "--num-subbuf", str(SUBBUFS),
                       "--overwrite" if self.overwrite else "--discard")
        self.lttng("add-context", "-u", "-c", "context", "-t", "vpid", "-t", "vtid")
        self.lttng("enable-event", "-u", "-c", "plain", "bench:number,bench:text")
        self.lttng("enable-event", "-u", "-c", "plain", "bench:passes", "--filter", f"number < {NEVER}")
        self.lttng("enable-event", "-u", "-c", "plain", "bench:fails", "--filter", f"number > {NEVER}")
        self.lttng("enable-event", "-u", "-c", "context", "bench:context")
        self.lttng("start")
        return self

    def __exit__(self, *unused):
        if self.daemon:
            subprocess.run(["lttng", "destroy", "bench"], env=self.env, check=False, stdout=subprocess.DEVNULL)
            os.kill(self.daemon, 15)


class Ours:
    """Our session, which bench-session makes for one command."""

    def __init__(self, folder, overwrite, ordered=False):
        self.profile = os.path.join(folder, "profile")
        with open(self.profile, "w", encoding="ascii") as f:
            f.write(PROFILE.format(mode="flight-recorder" if overwrite else "record", size=SUBBUF_SIZE, count=SUBBUFS,
                                   ring="overwrite" if overwrite else "discard", never=NEVER,
                                   clock="yes" if ordered else "no", directory=os.path.join(folder, "trace")))

    def run(self, *command, env, snapshots=False):
        """The command's lines, split, and the session's counts: events, lost, bytes."""
        result = subprocess.run(
            [os.path.join(BUILD, "bench-session"), *(["--snapshots"] if snapshots else []), self.profile,
             os.path.join(BUILD, command[0]), *command[1:]],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if result.returncode != 0:
            sys.exit(f"bench: {command[0]} under bench-session has failed:\n{result.stderr}")
        return [line.split() for line in result.stdout.splitlines()], \
            [int(n) for n in result.stderr.splitlines()[-1].split()]


def table(title, columns, rows):
    """As docs/performance.md has it."""
    widths = [max(len(str(row[i])) for row in [columns, *rows]) for i in range(len(columns))]

    def line(row):
        return "| " + " | ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w)
                                 for i, (c, w) in enumerate(zip(row, widths))) + " |"

    print(f"\n{title}\n\n{line(columns)}")
    print("| " + " | ".join(("-" * w) if i == 0 else ("-" * (w - 1) + ":") for i, w in enumerate(widths)) + " |")
    for row in rows:
        print(line(row))


def ratio(over, under):
    return f"{over / under:.2f}" if over is not None and under else ""


def print_costs(title, lines, metric):
    """Minimum and median of a metric, beside the floor's and the peer's in the same run."""
    found = {name: (float(low), float(median)) for m, name, low, median, *_ in lines if m == metric}
    rows = []
    for name, (low, median) in found.items():
        floor, peer = found.get(FLOOR), found.get("lttng-" + name)
        rows.append((name, f"{low:.2f}", f"{median:.2f}", ratio(low, floor and floor[0]),
                     ratio(median, floor and floor[1]), ratio(peer and peer[1], median)))
    table(title, ("", "minimum", "median", "min / floor", "median / floor", "lttng-ust / ours"), rows)


def print_singles(title, lines, metric):
    found = {line[1]: [float(n) for n in line[2:5]] for line in lines if line[0] == metric}
    if FLOOR not in found:
        return
    rows = [(name, *(f"{n:.0f}" for n in times), ratio(times[2], found[FLOOR][2])) for name, times in found.items()]
    table(title, ("ns, a call between two fenced clock reads", "p50", "p99", "p99.9", "p99.9 / floor"), rows)


def print_tails(title, lines):
    rows = [(name, floor, *quartiles) for metric, name, floor, *quartiles in lines if metric == "tail"
            and floor.startswith(FLOOR) and floor != name]
    table(title, ("p99.9 / the floor's, by rounds", "floor", "quartile", "median", "quartile"), rows)


def measure_mode(overwrite):
    mode = "overwrite" if overwrite else "discard, with a consumer that drains"
    with tempfile.TemporaryDirectory() as folder, Lttng(folder, overwrite) as lttng:
        ours = Ours(folder, overwrite)
        lines, counts = ours.run("bench-tracer", env=lttng.env)
    print_costs(f"ns an event, one thread, {mode}", lines, "loop")
    for n in (1, 2, 8):
        print_costs(f"ns of CPU time an event, {n} thread{'s' if n > 1 else ''}, {mode}", lines, f"cpu-{n}")
        if n <= 2:
            print_costs(f"the same, rounds that nobody disturbed, {mode}", lines, f"calm-{n}")
    one, many = ({name: float(low) for m, name, low, *_ in lines if m == f"cpu-{n}"} for n in (1, 8))
    print(f"\nCPU time an event, 8 threads / 1: {ratio(many.get('u64'), one.get('u64'))} (minima; lttng-ust "
          f"{ratio(many.get('lttng-u64'), one.get('lttng-u64'))})")
    print_costs(f"ns an event, its memory and code not in the caches, {mode}", lines, "cold")
    print_singles(f"single calls, {mode}", lines, "one")
    print_singles(f"single calls, {mode}, rounds that nobody disturbed", lines, "one-calm")
    print_tails(f"single calls, {mode}", lines)
    print(f"\nEvents that found their ring full: {counts[1]}")


def measure_ordered():
    """Channels with an ordered clock, beside those without one."""
    costs = {True: {}, False: {}}
    for ordered in (False, True) * ORDERED_PAIRS:
        with tempfile.TemporaryDirectory() as folder:
            lines, _ = Ours(folder, False, ordered).run("bench-tracer", "loop", env=os.environ)
        for _, name, low, median, *_ in lines:
            costs[ordered].setdefault(name, []).append((float(low), float(median)))
    rows = [(name, *(f"{min(cost[i] for cost in costs[ordered][name]):.2f}" for ordered in (False, True) for i in (0, 1)))
            for name in costs[False] if not name.startswith("lttng-")]
    table("ns an event, one thread, with a clock as it is and with an ordered one",
          ("", "minimum", "median", "ordered: minimum", "median"), rows)


def folder_size(folder):
    return sum(os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(folder)
               for name in names if name != "metadata" and not name.endswith(".idx"))


def measure_bytes():
    with tempfile.TemporaryDirectory() as folder, Lttng(folder, False) as lttng:
        lines, counts = Ours(folder, False).run("bench-tracer", "bytes", env=lttng.env)
        rows = [("tracectl", f"{counts[2] / counts[0]:.2f}")]
        if lttng.daemon:
            lttng.lttng("stop")
            rows.append(("lttng-ust", f"{folder_size(lttng.trace) / float(lines[0][2]):.2f}"))
    table("bytes of an event with a u64, with its share of packets and thread records", ("", "bytes"), rows)


def print_starts(title, lines):
    rows = [(name.removeprefix("bench-"), low, median, more) for _, name, low, median, more in lines]
    table(title, ("", "minimum", "median", "more than empty"), rows)


def measure_starts():
    libraries = {"-one-more": os.path.join(BUILD, "libbench-one-more.so"),
                 "-tracectl": os.path.join(os.environ["TRACECTL_BUILD"], "tracer", "libtracectl-tracepoint.so.0")}
    programs = {end: os.path.join(BUILD, "bench-empty" + end) for end in ("", "-one-more", "-tracectl", "-lttng")}
    programs = [f"{libraries[end]}={path}" if end in libraries else path for end, path in programs.items()
                if os.path.exists(path)]
    # In memory, as the folder of a user's that it stands for.
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        os.mkdir(os.path.join(folder, "tracectl"))
        with open(os.path.join(folder, "tracectl", "wait"), "wb") as f:
            f.write(b"TRACECTL0000")
        pages = 1 + os.path.exists("/run/tracectl/wait")
        env = dict(os.environ, XDG_RUNTIME_DIR=folder, LTTNG_HOME=folder)
        result = subprocess.run([os.path.join(BUILD, "bench-start"), *programs], env=env, stdout=subprocess.PIPE,
                                text=True, check=True)
        print_starts(f"µs to start and end a process, no daemon, wait pages: {pages}",
                     [line.split() for line in result.stdout.splitlines()])
    with tempfile.TemporaryDirectory() as folder, Lttng(folder, False) as lttng:
        lines, _ = Ours(folder, False).run("bench-start", *programs, env=lttng.env)
        print_starts("µs to start and end a process, with a session", lines)


def measure_snapshots():
    """What snapshots cost the writers, which they do not stop: two threads, with and without."""
    costs = {True: [], False: []}
    for _ in range(SNAPSHOT_PAIRS):
        for snapshots, found in costs.items():
            with tempfile.TemporaryDirectory() as folder:
                lines, _ = Ours(folder, True).run("bench-tracer", "cpu-2", env=os.environ, snapshots=snapshots)
            found += [(float(low), float(median)) for metric, name, low, median, *_ in lines
                      if metric == "cpu-2" and name == "u64"]
    rows = [(name, *(f"{min(c[i] for c in costs[on]):.2f}" for i in (0, 1)))
            for name, on in (("without", False), ("while snapshots are written", True))]
    rows.append(("ratio", *(ratio(min(c[i] for c in costs[True]), min(c[i] for c in costs[False])) for i in (0, 1))))
    table("ns of CPU time an event, 2 threads into overwrite rings", ("", "minimum", "median"), rows)


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        return next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), platform.machine())


def main():
    print(f"Machine: {processor()}, {os.cpu_count()} CPUs, Linux {platform.release()}, load {os.getloadavg()[0]:.1f}")
    for overwrite in (True, False):
        measure_mode(overwrite)
    measure_ordered()
    measure_bytes()
    measure_starts()
    measure_snapshots()


if __name__ == "__main__":
    main()
