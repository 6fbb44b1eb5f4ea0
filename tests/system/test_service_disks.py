# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real file systems that end: full, over a quota, broken, read-only. What the session says, and who is hurt: nobody."""

import fcntl
import os
import shutil
import struct
import unittest

import system
from test_service_space import SpaceTest

MIB = 1 << 20
SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
SHUTDOWN_NOLOGFLUSH = 2
FULL, QUOTA, BROKEN = "No space left on device", "Disk quota exceeded", "Input/output error"


class Disks(SpaceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.run("mknod /dev/loop-control c 10 237; for i in $(seq 0 31); do mknod /dev/loop$i b 7 $i; done")

    def disk(self, kind, size=300 * MIB, options=""):
        """A folder of alice's on a file system of its own, in a file."""
        if kind != "tmpfs" and not (shutil.which("mkfs." + kind) and os.path.exists("/dev/loop-control")):
            self.skipTest(f"needs mkfs.{kind} and loop devices")
        image, folder = f"/root/{self.id()}.{kind}", f"/home/alice/{kind}-{self.id().rpartition('.')[2]}"
        self.host.run(["mkdir", folder])
        if kind == "tmpfs":
            self.host.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder])
        else:
            self.host.run(f"truncate -s {size} {image} && mkfs.{kind} -q {options} {image}")
            mounted = self.host.run(f"mount -o loop {image} {folder}", check=False)
            if mounted.returncode != 0:
                self.skipTest("this kernel does not mount it: " + mounted.stderr)
        self.addCleanup(self.host.run, ["umount", "--lazy", folder])
        self.host.run(["chown", "alice", folder])
        return folder

    def fill(self, folder):
        self.host.run(["dd", "if=/dev/zero", f"of={folder}/filler", "bs=64k"], check=False)
        # What is left are pieces smaller than that.
        self.host.run(["dd", "if=/dev/zero", f"of={folder}/rest", "bs=4k"], check=False)

    def free(self, folder):
        self.host.run(["rm", "-f", folder + "/filler", folder + "/rest"])
        self.host.run(["sync", "-f", folder])

    def assert_goes_on(self, emitter, session, folder, problem, make_room):
        """The disk has no more room: the session says so until there is; programs go on, all is counted."""
        emitter.emit(100_000)
        self.wait_for(session, "OutputError", problem)
        self.assertEqual(self.get("alice", session, "State"), "active")
        make_room()
        emitter.emit(1000)
        self.wait_for(session, "OutputError", "")
        emitter.emit(1000)
        self.tracectl("alice", "stop", session)
        found = self.assert_exact(session, emitter, folder + "/trace")
        self.assertEqual(found[-1000:], list(range(emitter.emitted - 1000, emitter.emitted)))
        self.assertLess(len(found), emitter.emitted)
        self.tracectl("alice", "destroy", session)
        self.assertIsNone(emitter.process.poll())

    def test_rings_in_files_of_a_full_disk(self):
        """They were allocated at once: no store to them fails, which would kill the program."""
        for kind in ("tmpfs", "ext4", "xfs"):
            with self.subTest(kind):
                folder = self.disk(kind)
                emitter = self.begin("full", "--persistent", "-o", folder + "/trace")
                emitter.emit(1000)
                self.fill(folder)
                self.assert_goes_on(emitter, "full", folder, FULL, lambda f=folder: self.free(f))

    def test_no_room_for_rings(self):
        """The session fails with the reason; the program neither waits nor dies, and nothing is left on the disk."""
        for kind in ("tmpfs", "ext4", "xfs"):
            with self.subTest(kind):
                folder = self.disk(kind)
                self.host.run(["dd", "if=/dev/zero", f"of={folder}/filler", "bs=64k"], user="alice", check=False)
                self.host.run(["truncate", "-s", f"-{2 * MIB}", folder + "/filler"])
                self.host.run(["sync", "-f", folder])
                emitter = self.emitter("alice", 1)
                self.tracectl("alice", "create", "none", "--persistent", "-o", folder + "/trace")
                self.tracectl("alice", "enable-event", "-s", "none", "test:*")
                self.assertIn(f"'none' has failed: its ring buffers cannot be put into files: {FULL};",
                              self.refused("alice", "start", "none"))
                self.assertEqual(self.get("alice", "none", "State"), "failed")
                emitter.emit(10_000)
                left = self.host.run(["du", "-s", "-B1", folder + "/trace"]).stdout.split()[0]
                self.assertLess(int(left), MIB)
                self.assertIn("put into files", self.refused("alice", "start", "none"))
                self.tracectl("alice", "destroy", "none")
                emitter.emit(10_000)

    def test_where_stores_wait_for_room(self):
        """There are no rings in files on btrfs, where a store to what is allocated looks for room all the same."""
        folder = self.disk("btrfs")
        self.tracectl("alice", "create", "never", "--persistent", "-o", folder + "/trace")
        self.tracectl("alice", "enable-event", "-s", "never", "test:*")
        self.assertIn("cannot hold ring buffers; choose a local one, such as ext4 or xfs",
                      self.refused("alice", "start", "never"))

    def test_quota(self):
        """Of the file system (btrfs: ext4's are not in every kernel), which is not the size of the disk."""
        folder = self.disk("btrfs")
        self.host.run(f"btrfs quota enable {folder} && btrfs subvolume create {folder}/alice && "
                      f"chown alice {folder}/alice && btrfs qgroup limit 4M {folder}/alice && sync -f {folder}")
        emitter = self.begin("quota", "-o", folder + "/alice/trace")
        emitter.emit(1000)
        self.wait_for("quota", "EventsRecorded", 1000)
        emitter.emit(400_000)
        self.assert_goes_on(emitter, "quota", folder + "/alice", QUOTA,
                            lambda: self.host.run(f"btrfs qgroup limit none {folder}/alice && sync -f {folder}"))

    def test_broken(self):
        """From one moment on it reads and writes nothing. (Then it takes the rest to the grave that it was still to
        write: which of what is said to be recorded is there, only the disk knows.)"""
        folder = self.disk("ext4")
        emitter = self.begin("broken", "-o", folder + "/trace")
        emitter.emit(1000)
        self.wait_for("broken", "EventsRecorded", 1000)
        fd = os.open(self.host.file(folder), os.O_RDONLY)
        fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", SHUTDOWN_NOLOGFLUSH))
        os.close(fd)
        emitter.emit(50_000)
        self.wait_for("broken", "OutputError", BROKEN)
        self.assertEqual(self.get("alice", "broken", "State"), "active")
        said = self.tracectl("alice", "stop", "broken")
        self.assertIn(BROKEN, said.stderr)
        self.assertEqual(self.get("alice", "broken", "EventsRecorded"), 1000)
        self.assertEqual(self.get("alice", "broken", "EventsDiscarded"), 50_000)
        self.tracectl("alice", "destroy", "broken")
        emitter.emit(1)

    def test_read_only(self):
        """As a file system makes itself that finds an error in what it reads (the kernel's own test of that)."""
        folder = self.disk("ext4", options="-e remount-ro")
        device = self.host.run(["findmnt", "-n", "-o", "SOURCE", folder]).stdout.strip()
        trigger = f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error"
        if not os.path.exists(trigger):
            self.skipTest(f"needs {trigger}")
        emitter = self.begin("locked", "-o", folder + "/trace")
        emitter.emit(1000)
        self.wait_for("locked", "EventsRecorded", 1000)
        with open(trigger, "w", encoding="ascii") as f:
            f.write("a test\n")
        emitter.emit(50_000)
        system.wait_until(lambda: self.get("alice", "locked", "OutputError") in ("Read-only file system", BROKEN), "the error")
        self.tracectl("alice", "stop", "locked")
        self.assert_exact("locked", emitter, folder + "/trace")
        self.assertEqual(self.get("alice", "locked", "EventsDiscarded"), 50_000)
        self.tracectl("alice", "destroy", "locked")
        emitter.emit(1)


if __name__ == "__main__":
    unittest.main()
