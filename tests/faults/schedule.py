# SPDX-License-Identifier: LGPL-2.1-or-later
"""What happens in a recording, by a number: which session, which faults, in which order, how far apart.

The same number always gives the same schedule. That faults then hit the same instruction is not promised: processes
and disks have times of their own.
"""

import random

# What each does is in world.py. Weights: what is most likely to find something, comes most often.
FAULTS = {
    "kill-tracingd": 6, "restart-tracingd": 2, "hang-tracingd": 2,
    "kill-consumer": 6, "kill-opener": 3, "hang-consumer": 2,
    "kill-program": 4, "hang-program": 2,
    "reexec-systemd": 1, "restart-bus": 1,
    "fill-disk": 3, "free-disk": 2, "burst": 3,
    "restart-session": 3,
}
# What was added later, so that earlier seeds stay what they were: those from LATER on have these, too.
LATER = 1000
LATER_FAULTS = {"terminate-consumer": 2, "restart-polkit": 1, "lock-disk": 2}
LATEST = 10_000
LATEST_FAULTS = {"terminate-tracingd": 3}
# From here on the session records the kernel, too.
KERNEL = 30_000
# A session has one of these: what was cleared since the last rotation would have to be known to the event.
REARRANGING = {"rotate": "rotate", "clear": "clear"}


class Schedule:
    def __init__(self, seed):
        choice = random.Random(seed)
        self.seed = seed
        self.programs = choice.choice([1, 2, 3])
        self.threads = choice.choice([1, 2, 3])
        # (size, count) of sub-buffers, or the default.
        self.ring = choice.choice([None, None, ("4K", 4), ("16K", 2), ("64K", 4)])
        self.kernel = seed >= KERNEL
        self.kernel_ring = choice.choice([None, ("4K", 4), ("16K", 8)]) if self.kernel else None
        rearranging = choice.choice(sorted(REARRANGING))
        faults = {**FAULTS, **(LATER_FAULTS if seed >= LATER else {}),
                  **(LATEST_FAULTS if seed >= LATEST else {}), rearranging: 4}
        names, weights = list(faults), list(faults.values())
        self.steps = []
        for _ in range(choice.randrange(3, 9)):
            fault, = choice.choices(names, weights)
            # Mostly while the last one is still being got over.
            pause = choice.choice([0, choice.uniform(0, 0.005), choice.uniform(0, 0.05), choice.uniform(0, 0.3)])
            self.steps.append((fault, round(pause, 4), choice.randrange(1 << 30)))

    @staticmethod
    def _describe(ring):
        return "default rings" if not ring else "rings of {1} x {0}".format(*ring)

    def __str__(self):
        ring = self._describe(self.ring)
        if self.kernel:
            ring += " and the kernel's " + self._describe(self.kernel_ring)
        steps = ", ".join(f"{fault} +{pause * 1000:g} ms" for fault, pause, _ in self.steps)
        return f"seed {self.seed}: {self.programs} programs of {self.threads} threads, {ring}: {steps}"
