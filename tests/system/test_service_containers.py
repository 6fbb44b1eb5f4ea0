# SPDX-License-Identifier: LGPL-2.1-or-later
"""Applications that see the machine from a user namespace: recorded as whom they are outside of it."""

import unittest

from service import EMIT, ServiceTest

# Root of the machine has a number in none of them. In the last, root of the namespace around it has one: then it cannot
# be told whose the page is.
NAMESPACES = {
    "as root": ["unshare", "--user", "--map-root-user"],
    "as herself": ["unshare", "--user", "--map-user=1001"],
    "as nobody": ["unshare", "--user"],
    "in a mount namespace": ["unshare", "--user", "--map-root-user", "--mount"],
    "in one more": ["unshare", "--user", "--map-root-user", "unshare", "--user", "--map-root-user"],
}


class Containers(ServiceTest):
    def count(self, start, n):
        """Records alice's test:tick of a program in each namespace; start says when the session begins."""
        self.tracectl("alice", "create", "contained")
        self.tracectl("alice", "enable-event", "test:*")
        if start == "before":
            self.tracectl("alice", "start")
        pids = {}
        for writer, (name, command) in enumerate(NAMESPACES.items()):
            process = self.start([*command, EMIT, "asked", str(writer), "0"], user="alice", bufsize=0, text=False)
            self.assertEqual(process.stdout.readline().split()[0], b"ready")
            pids[name] = process
        if start == "after":
            self.tracectl("alice", "start")
        for process in pids.values():
            process.stdin.write(f"{n}\n".encode())
            self.assertEqual(process.stdout.readline().split(), [b"emitted", str(n).encode()])
        self.tracectl("alice", "stop")
        events = self.tracectl("alice", "view", "contained").stdout.splitlines()
        return [sum(f"writer={writer} " in line for line in events) for writer in range(len(NAMESPACES))]

    def test_recorded(self):
        for start in ("before", "after"):
            with self.subTest(session=start):
                self.assertEqual(self.count(start, 1000), [1000, 1000, 1000, 1000, 0])
                self.tracectl("alice", "destroy", "contained")


if __name__ == "__main__":
    unittest.main()
