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
# As the owner of a trace: folders of it become links to others and back, at random, until the input ends. SEED TRACE TO..
PLAY = """
import os, random, select, sys
dice, top, targets = random.Random(int(sys.argv[1])), sys.argv[2], sys.argv[3:]
aside, n = top + ".aside", 0
os.makedirs(aside, exist_ok=True)
print("plays", flush=True)

def folders(path):
    for entry in os.scandir(path):
        if entry.is_dir(follow_symlinks=False):
            yield entry.path
            yield from folders(entry.path)

while not select.select([sys.stdin], [], [], 0)[0]:
    try:
        path = dice.choice([top, *folders(top)])
        os.rename(path, f"{aside}/{n}")
        os.symlink(dice.choice(targets), path)
        n += 1
        for _ in range(dice.randrange(2000)):
            pass
        if dice.random() < 0.9:
            os.unlink(path)
            os.rename(f"{aside}/{n - 1}", path)
    except OSError:
        pass
    try: # it would all be gone soon
        if os.path.islink(top):
            os.unlink(top)
        os.mkdir(top, 0o700)
    except OSError:
        pass
print("played", n, flush=True)
"""


class Games(ServiceTest):
    def setUp(self):
        super().setUp()
        self.kept = []
        for user, path in (("alice", "/home/alice/kept"), ("bob", "/home/bob/kept"), ("root", "/root/kept")):
            self.host.run(["/usr/bin/python3", "-c", KEPT, path], user=user)
            self.addCleanup(self.host.run, ["rm", "-rf", path])
            self.kept.append(path)
        self.before = self.look()
        self.tracectl("alice", "list")
        self.pid = self.host.unit_property("tracingd.service", "MainPID")

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

    def play(self, session, *options):
        self.tracectl("alice", "create", session, *options)
        self.tracectl("alice", "enable-event", "-s", session, "test:*")
        emitter = self.emitter("alice", 1)
        self.tracectl("alice", "start", session)
        emitter.emit(10)
        output = self.output("alice", session)
        player = self.start(["/usr/bin/python3", "-c", PLAY, "3", output, *self.kept], user="alice")
        self.assertEqual(player.stdout.readline(), "plays\n")
        done = []
        for i in range(ROUNDS):
            emitter.emit(100)
            for verb in ("rotate", "clear", "stop", "start", "snapshot"):
                if verb not in ("rotate", "snapshot") or (verb == "snapshot") == ("flight-recorder" in options):
                    done.append(self.tracectl("alice", verb, session, check=False).returncode)
            if i % 2:
                unit = self.get("alice", session, "ConsumerUnit")
                self.host.systemctl("kill", "--signal=KILL", f"{unit}.service", check=False)
        player.stdin.close()
        self.assertGreater(int(player.stdout.read().split()[1]), ROUNDS)
        self.tracectl("alice", "destroy", session, check=False)
        self.assertIn(0, done)
        self.assert_nothing_has_happened()

    def test_the_folder_that_she_names(self):
        self.play("named", "-o", "/home/alice/named")

    def test_the_folder_of_the_service(self):
        """Below /var/lib, which systemd makes for her."""
        self.play("usual")

    def test_snapshots(self):
        self.play("flight", "--mode", "flight-recorder")

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


if __name__ == "__main__":
    unittest.main()
