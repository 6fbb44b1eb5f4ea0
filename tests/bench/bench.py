# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures what an event costs its program, recorded by tracectl and, where lttng-tools is there, by LTTng at the same
time, both into overwrite rings. Prints ns an event, minimum and median of the rounds, and the ratios."""

import os
import shutil
import subprocess
import tempfile

BUILD = os.environ["TRACECTL_BUILD"]


class Lttng:
    """A session daemon of its own with a snapshot session (overwrite rings), for as long as it is needed."""

    def __init__(self, folder):
        self.env = dict(os.environ, LTTNG_HOME=folder, HOME=folder)
        self.daemon = None

    def __enter__(self):
        if not shutil.which("lttng-sessiond") or not shutil.which("lttng"):
            return self
        pid_file = os.path.join(self.env["HOME"], "pid")
        subprocess.run(["lttng-sessiond", "--daemonize", "--no-kernel", "--pidfile", pid_file], env=self.env,
                       check=True)
        with open(pid_file, encoding="ascii") as f:
            self.daemon = int(f.read())
        for command in (["create", "bench", "--snapshot"], ["enable-event", "--userspace", "bench:*"], ["start"]):
            subprocess.run(["lttng", *command], env=self.env, check=True, stdout=subprocess.DEVNULL)
        return self

    def __exit__(self, *unused):
        if self.daemon:
            subprocess.run(["lttng", "destroy", "bench"], env=self.env, check=False, stdout=subprocess.DEVNULL)
            os.kill(self.daemon, 15)


def main():
    with tempfile.TemporaryDirectory() as folder, Lttng(folder) as lttng:
        result = subprocess.run(
            [os.path.join(BUILD, "client", "tracectl"), "record", "--overwrite", "-e", "bench:*", "-o",
             os.path.join(folder, "trace"), "--", os.path.join(BUILD, "tests", "bench", "bench-tracer")],
            env=lttng.env, stdout=subprocess.PIPE, text=True, check=True)
    cost = {name: (float(low), float(median)) for name, low, median in map(str.split, result.stdout.splitlines())}
    print(f"{'ns an event':<18}{'minimum':>9}{'median':>9}")
    for name, (low, median) in cost.items():
        print(f"{name:<18}{low:>9.2f}{median:>9.2f}")
    pairs = [("u64", "clock-and-store"), ("lttng-u64", "u64"), ("lttng-string-32", "string-32")]
    for over, under in pairs:
        if over in cost and under in cost:
            print(f"{over} / {under}: {cost[over][1] / cost[under][1]:.2f} (medians)")


if __name__ == "__main__":
    main()
