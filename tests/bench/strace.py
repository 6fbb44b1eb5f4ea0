# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures what tracing real programs costs, beside strace in the same run: each is run plain, under strace -f, and
recorded, in turn. Prints the table of README.md. TRACECTL_BENCH_SECONDS says how long to go on, 30 if nothing does;
arguments, which of the programs, by their names in the table."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import real_programs
from real_programs import GitStatus, Make, Python, Sqlite

BUILD = os.environ["TRACECTL_BUILD"]
TRACECTL = os.path.join(BUILD, "client", "tracectl")
ELAPSED = os.path.join(BUILD, "tests", "bench", "bench-elapsed")
SECONDS = float(os.environ.get("TRACECTL_BENCH_SECONDS", "30"))
ROUNDS_MAX, ROUNDS_MIN = 15, 3
PAUSE = 0.4  # before each recording: nobody types the next command while the kernel still removes the last one's rings
SIZES = {GitStatus: 5000, Python: 10, Sqlite: 2000, Make: 5}
TREE = 5000
PEER = "strace -f"
OPTION = os.environ.get("TRACECTL_BENCH_RECORD", "--libc")  # kernel.py: --syscalls
RECORD = f"record {OPTION}"


class Nothing(real_programs.Program):
    """A program that does nothing: what is left is what starting and ending takes."""
    name, command = "true", ["true"]


class PythonTree(real_programs.Program):
    """Looks at so many files, as one that searches or backs them up."""
    name = "python3 -c, a tree of files"

    def prepare(self):
        GitStatus.prepare(self)
        self.command = ["/usr/bin/python3", "-c", "import os\nprint(sum(len(open(os.path.join(d, f)).read()) "
                        "for d, _, names in os.walk('.') if '.git' not in d for f in names))"]


class Ls(real_programs.Program):
    """This one and the short pipeline are those that test_kernel_strace.py compares."""
    name, command = "ls -l /usr/bin", ["ls", "-l", "/usr/bin"]


class Pipeline(real_programs.Program):
    """What is left of it is its processes."""
    name = "a short pipeline"
    command = ["sh", "-c", "ls /usr/bin | sort -r | tail -n 3; cat /no/such/file 2>/dev/null; exit 0"]


class PipelineTree(PythonTree):
    """As people count words: some processes, of which one opens all files."""
    name = "a pipeline over a tree of files"

    def prepare(self):
        super().prepare()
        self.command = ["sh", "-c", "find . -name 'file-*' | xargs cat | cut -c 1-2 | sort | uniq -c | sort -rn | head"]


class Threads(PythonTree):
    """Four threads that share the files of a tree."""
    name = "python3 with 4 threads, a tree of files"

    def prepare(self):
        super().prepare()
        self.command = ["/usr/bin/python3", "-c", "import glob\nfrom concurrent.futures import ThreadPoolExecutor\n"
                        "with ThreadPoolExecutor(4) as pool:\n"
                        "        print(sum(pool.map(lambda name: len(open(name).read()), glob.glob('*/file-*'))))"]


MORE = (PythonTree, Threads, Ls, Pipeline, PipelineTree)


def ways(folder):
    """What stands before the command, by name."""
    return {"plain": [], PEER: ["strace", "-f", "-o", os.path.join(folder, "strace")],
            RECORD: [TRACECTL, "record", OPTION, "-o", os.path.join(folder, "trace"), "--"]}


def milliseconds(program, before, folder):
    """Of one run, in all and of the command alone; nothing may be lost, or the comparison is none."""
    program.again()
    alone = os.path.join(folder, "elapsed")
    start = time.monotonic()
    done = program.run([*before, ELAPSED, alone, *program.command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                       text=True)
    took = time.monotonic() - start
    if " lost" in done.stderr and ", 0 lost" not in done.stderr:
        sys.exit(f"bench: {program.name}: {done.stderr}")
    with open(alone, encoding="ascii") as f:
        return took * 1000, float(f.read()) / 1000


def measure(program, folder, budget):
    """For each way the milliseconds of each round."""
    taken, end = {way: [] for way in ways(folder)}, time.monotonic() + budget
    while len(taken["plain"]) < ROUNDS_MIN or (len(taken["plain"]) < ROUNDS_MAX and time.monotonic() < end):
        for way, before in ways(folder).items():
            shutil.rmtree(os.path.join(folder, "trace"), ignore_errors=True)
            if way == RECORD:
                time.sleep(PAUSE)
            taken[way].append(milliseconds(program, before, folder))
    return taken


def cells(taken):
    """Of the times of each way: the plain one, by how much the two others are slower, and the third's share of that."""
    plain, peer, ours = [(statistics.median(t), min(t)) for t in taken]
    more = [[a - b for a, b in zip(way, plain)] for way in (peer, ours)]
    share = [b / a if a > 0 else float("nan") for a, b in zip(*more)]
    return [*(f"{a:.1f} ({b:.1f})" for a, b in (plain, *more)), f"{share[0]:.2f} ({share[1]:.2f})"]


def main():
    if not shutil.which("strace"):
        print("strace is not installed: nothing is compared")
        return
    with tempfile.TemporaryDirectory() as folder:
        kinds = [(Nothing, 0), *real_programs.available(SIZES)]
        kinds[3:3] = [(kind, TREE) for kind in MORE]
        kinds = [(kind, size) for kind, size in kinds if not sys.argv[1:] or kind.name in sys.argv[1:]]
        programs = [kind(os.path.join(folder, f"program-{i}"), size) for i, (kind, size) in enumerate(kinds)]
        print("\nSlower than plain by so many ms; medians (minima in brackets) of interleaved rounds: in all, with the "
              "start and the end\nof the tracer, and the command alone, from its fork to its end\n")
        share = "of strace's"
        print(f"| command | plain | `{PEER}` | `tracectl {RECORD}` | {share} | alone: `{PEER}` | `{RECORD}` | {share} |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
        for program in programs:
            taken = measure(program, folder, SECONDS / len(programs))
            plain, *whole = cells([times[0] for times in taken[way]] for way in taken)
            alone = cells([times[1] for times in taken[way]] for way in taken)[1:]
            print(f"| {program.name} | {' | '.join([plain, *whole, *alone])} |", flush=True)


if __name__ == "__main__":
    main()
