# SPDX-License-Identifier: LGPL-2.1-or-later
"""Games with links and names where traces are written: nothing outside of them is made, changed, or removed."""

import os
import unittest

from service import ServiceTest

ROUNDS = 60 if os.environ.get("TRACECTL_TORTURE") else 4
# Has what a trace has, for whoever would come here by a link: PATH
KEPT = """
import os, sys
for folder in ("", "/user", "/user/1001", "/user/1001/shared-64", "/user/1001/shared-64/index", "/index", "/1001",
               "/shared-64", "/chunk-1", "/chunk-2", "/chunk-2/user"):
    os.makedirs(sys.argv[1] + folder, exist_ok=True)
    for name in ("metadata", "channel0_0", "channel0_0.idx", "channel0_1"):
        with open(f"{sys.argv[1]}{folder}/{name}", "w") as f:
            f.write("kept")
"""
# As the owner of a trace, for each line that it reads: folders of it, and names that it has not used yet, become links to
# folders like them elsewhere. What was there is kept, and comes back before the next ones. SEED TRACE TO...
PLAY = """
import os, random, sys
dice, targets = random.Random(int(sys.argv[1])), sys.argv[3:]
os.chdir(sys.argv[2]) # it stays this one, whatever its name becomes
aside, moved, n = targets[0] + ".aside", [], 0
os.makedirs(aside, exist_ok=True)

def folders(path):
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield os.path.relpath(entry.path)
            yield from folders(entry.path)

def attempt(action, *args):
    try:
        action(*args)
        return True
    except OSError:
        return False

print("plays", flush=True)
for line in sys.stdin:
    while moved:
        path, kept = moved.pop()
        if os.path.islink(path):
            os.unlink(path)
        if kept:
            attempt(os.rename, kept, path) # where there is no new one
    there = list(folders("."))
    to_come = [f"{word}-{i}" for word in ("chunk", "snapshot") for i in range(1, 40)] + ["user", "user/1001", "kernel"]
    names = dice.sample(there, min(len(there), 1)) + [name for name in to_come if name not in there]
    for path in names:
        kept = f"{aside}/{n}"
        n += 1
        if path in there and not attempt(os.rename, path, kept):
            continue
        # user/1001 to user/1001 and the like, or just to the whole; some of it by its place, which leads out of sandboxes
        target = dice.choice(targets) + dice.choice(["", "/" + path])
        if dice.random() < 0.5:
            target = os.path.relpath(target, os.path.dirname(f"{sys.argv[2]}/{path}"))
        if attempt(os.symlink, target, path):
            moved.append((path, kept if path in there else None))
    print("played", len(moved), flush=True)
"""


class Games(ServiceTest):
    def setUp(self):
        super().setUp()
        self.kept = []
        for user, path in (("alice", "/home/alice/kept"), ("bob", "/home/bob/kept"), ("root", "/root/kept")):
            self.keep(user, path)
        self.tracectl("alice", "list")
        self.pid = self.host.unit_property("tracingd.service", "MainPID")

    def keep(self, user, path):
        """A folder that must stay as it is from now on."""
        self.host.run(["/usr/bin/python3", "-c", KEPT, path], user=user)
        self.addCleanup(self.host.run, ["rm", "-rf", path, path + ".aside"])
        self.kept.insert(0, path)
        self.before = self.look()

    def look(self):
        """All that there is in those folders and of what is above them: who owns it, since when, what is in it."""
        folders = [*self.kept, "/etc/tracectl"]
        return self.host.run(["sh", "-c", "find \"$@\" -printf '%p %y %U %G %m %s %T@ %l\\n'; find \"$@\" -type f "
                              "-exec md5sum {} +; stat -c '%n %u %g %a' / /root /etc /home/* /var/lib",
                              "sh", *folders], check=False).stdout.splitlines()

    def assert_nothing_has_happened(self):
        self.assertEqual(sorted(self.look()), sorted(self.before))
        self.assertEqual(self.host.unit_property("tracingd.service", "MainPID"), self.pid)
        # Somebody else's are recorded as ever.
        emitter = self.emitter("bob", 9)
        self.tracectl("bob", "create", "plain")
        self.tracectl("bob", "enable-event", "test:*")
        self.tracectl("bob", "start")
        emitter.emit(100)
        self.tracectl("bob", "stop", "plain")
        self.assert_counted(self.events(self.output("bob", "plain")), [emitter])

    def play(self, session, near, *options):
        """near: a folder of hers that her consumer, too, could write to."""
        self.tracectl("alice", "create", session, *options)
        self.tracectl("alice", "enable-event", "-s", session, "test:*")
        emitter = self.emitter("alice", 1)
        self.tracectl("alice", "start", session)
        emitter.emit(10)
        output = self.output("alice", session)
        self.keep("alice", near)
        player = self.start(["/usr/bin/python3", "-c", PLAY, "3", output, near, near, near, *self.kept], user="alice")
        self.assertEqual(player.stdout.readline(), "plays\n")
        done = []
        for _ in range(ROUNDS):
            for verb in ("rotate", "clear", "stop", "start", "snapshot", "kill"):
                emitter.emit(100)
                player.stdin.write("\n")
                self.assertGreater(int(player.stdout.readline().split()[1]), 0)
                if verb == "kill":
                    unit = self.get("alice", session, "ConsumerUnit")
                    self.host.systemctl("kill", "--signal=KILL", f"{unit}.service", check=False)
                elif verb not in ("rotate", "snapshot") or (verb == "snapshot") == ("flight-recorder" in options):
                    done.append(self.tracectl("alice", verb, session, check=False).returncode)
        self.tracectl("alice", "destroy", session, check=False)
        self.assertIn(0, done)
        self.assert_nothing_has_happened()

    def test_the_folder_that_she_names(self):
        self.play("named", "/home/alice/near", "-o", "/home/alice/named")

    def test_the_folder_of_the_service(self):
        """Below /var/lib, which systemd makes for her."""
        self.play("usual", "/var/lib/tracectl/1001/near")

    def test_snapshots(self):
        self.play("flight", "/var/lib/tracectl/1001/near", "--mode", "flight-recorder")

    def test_a_link_that_was_there_before(self):
        """systemd makes the folder, as root, and gives it to her."""
        self.tracectl("alice", "create", "first")
        self.tracectl("alice", "start", "first")
        folder = os.path.dirname(os.path.dirname(self.output("alice", "first")))
        self.assertEqual(folder, "/var/lib/tracectl/1001")
        self.tracectl("alice", "destroy", "first")
        for n, target in enumerate(("/home/alice/kept", "/home/bob", "/etc")):
            self.host.run(["ln", "-s", target, f"{folder}/led{n}"], user="alice")
            self.tracectl("alice", "create", f"led{n}")
            self.assertIn("its consumer cannot be started", self.refused("alice", "start", f"led{n}"))
            self.tracectl("alice", "destroy", f"led{n}")
        self.assert_nothing_has_happened()

    def test_a_link_in_place_of_the_folder_of_the_service(self):
        """She cannot put one there. Who could, root, leads her consumer nowhere that is not hers."""
        self.tracectl("alice", "create", "first")
        self.tracectl("alice", "start", "first")
        self.tracectl("alice", "destroy", "first")
        folder = "/var/lib/tracectl/1001"
        self.host.run(f"rm -rf {folder}/* && test -d {folder}")
        for attempt in (f"mv {folder} /home/alice/", f"mv {folder} {folder}.aside", f"rmdir {folder}",
                        f"ln -s /home/alice/kept {folder}x"):
            done = self.host.run(["sh", "-c", attempt], user="alice", check=False)
            self.assertIn("Permission denied", done.stderr, attempt)
        self.addCleanup(self.host.run, f"rm -f {folder} && mv {folder}.aside {folder}")
        self.host.run(f"mv {folder} {folder}.aside")
        for n, target in enumerate(("/home/bob/kept", "/root/kept", "/home/bob", "/etc")):
            self.host.run(f"ln -sfn {target} {folder}")
            self.tracectl("alice", "create", f"led{n}")
            self.assertIn("its consumer cannot be started", self.refused("alice", "start", f"led{n}"), target)
            self.tracectl("alice", "destroy", f"led{n}")
        self.host.run(f"rm {folder}")
        self.assert_nothing_has_happened()


if __name__ == "__main__":
    unittest.main()
