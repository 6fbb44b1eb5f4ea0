# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real recordings under random schedules of faults; whatever happens, recorded + discarded = emitted.

TRACECTL_TORTURE=1 makes the long form. One schedule again, as root, from the top of the tree:

    TRACECTL_BUILD=$PWD/build PYTHONPATH=tests/system /usr/bin/python3 tests/faults/test_faults.py --seed 7
"""

import argparse
import os
import sys
import time
import unittest

import host
import test_kernel as kernel
from schedule import KERNEL, LATER, LATEST, Schedule
from program import STEADY
from service import ServiceTest
from world import DISK_SIZE, HOMES, World

TORTURE = os.environ.get("TRACECTL_TORTURE") == "1"
SEEDS = range(LATER, LATER + 1000) if TORTURE else (3, 5, LATEST)
KERNEL_SEEDS = range(KERNEL, KERNEL + 150) if TORTURE else (KERNEL + 1, KERNEL + 4)
# In which something was found once.
FAILED_ONCE = [
    2,   # the opener was killed, and the drainer went on without files
    11,  # a chunk after a loss told of it again, without a number
    10,
    31,  # two packets of one time: babeltrace2 took them the wrong way round
    33,
    20406,  # a program was killed before tracingd knew of it: what it had emitted is counted by nobody
    1235,  # two tracingds died before a stopped consumer had answered the first: the session failed
]
KERNEL_FAILED_ONCE = [
    30012,  # a sub-buffer read event by event made packets of one time, which babeltrace2 took the wrong way round
    31119,  # a chunk begun on a full disk: the kernel's metadata was never written
]


class Faults(ServiceTest):
    seeds = None
    show = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.install_program(cls.host, "steady", STEADY)
        for user, home in HOMES.items():
            disk = home + "/disk"
            cls.host.run(f"mkdir {disk} && mount -t tmpfs -o size={DISK_SIZE},uid={host.USERS.get(user, 0)},mode=700 "
                         f"tmpfs {disk}")

    def check(self, seed):
        schedule = Schedule(seed)
        begin = time.monotonic()
        try:
            world = World(self, schedule)
            for step in schedule.steps:
                world.do(*step)
            wrong = world.finish()
        except AssertionError as error:
            raise AssertionError(f"{schedule}\n{error}\n{self.host.journal('-u', 'tracingd', '-n', '30')}") from error
        if wrong:
            raise AssertionError("\n".join([str(schedule), *wrong[:20], f"({len(wrong)} violations)"]))
        if self.show:
            print(f"{schedule}: {time.monotonic() - begin:.1f} s", flush=True)

    def clean(self):
        """Nothing of one schedule is there when the next one begins."""
        self.doCleanups()
        self.destroy_all()
        for home in HOMES.values():
            self.host.run(f"mount -o remount,rw {home}/disk && rm -rf {home}/disk/* {home}/steady-*")

    def check_all(self, seeds):
        failures = []
        for seed in seeds:
            try:
                self.check(seed)
            except AssertionError as error:
                failures.append(str(error))
                print(error, flush=True)
            self.clean()
        if failures:
            self.fail("\n\n".join(failures))

    def test_schedules(self):
        self.check_all(self.seeds or SEEDS)

    @unittest.skipUnless(os.path.isdir(f"{kernel.TRACEFS}/instances"), "needs tracefs")
    def test_kernel(self):
        self.check_all([*KERNEL_SEEDS, *KERNEL_FAILED_ONCE])

    def test_failed_once(self):
        self.check_all(FAILED_ONCE)


def main():
    parser = argparse.ArgumentParser(description="Records under faults, and checks what was recorded.")
    parser.add_argument("--seed", type=int, help="the schedule to try")
    parser.add_argument("--count", type=int, default=1, help="how many, from that one on")
    options, rest = parser.parse_known_args()
    if options.seed is None:
        unittest.main(argv=[sys.argv[0], *rest])
    Faults.seeds, Faults.show = range(options.seed, options.seed + options.count), True
    unittest.main(argv=[sys.argv[0], "Faults.test_schedules", *rest])


if __name__ == "__main__":
    kernel.with_tracefs()
    main()
