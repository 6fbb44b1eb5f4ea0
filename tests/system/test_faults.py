# SPDX-License-Identifier: LGPL-2.1-or-later
"""When a part of tracectl dies, the command goes on as if nothing were, and the last line says what happened."""

import os
import shutil
import signal
import subprocess
import unittest

from system import SHOP, SystemTest, TRACECTL, child_named, is_running, wait_until

# Records something, waits for the test, records more.
COMMAND = f"{SHOP} 10 1; echo ready; read line; {SHOP} 10 1; echo done; exit 6"


class Faults(SystemTest):
    def start_command(self, *options):
        process = self.start("record", *options, "-o", "trace", "--", "sh", "-c", COMMAND)
        self.assertEqual(process.stdout.readline(), "10 orders: 9 paid, 1 refused\n")
        self.assertEqual(process.stdout.readline(), "ready\n")
        tracingd = child_named(process.pid, "tracingd")
        return process, tracingd, child_named(tracingd, "tracectl-consumer")

    def end_command(self, process):
        process.stdin.write("go on\n")
        out, err = self.finish(process)
        self.assertEqual(out, "10 orders: 9 paid, 1 refused\ndone\n")
        return err

    def assert_readable(self):
        self.assertGreaterEqual(len(self.events("trace")), 21)

    def test_tracingd_killed(self):
        process, tracingd, consumer = self.start_command()
        os.kill(tracingd, signal.SIGKILL)
        wait_until(lambda: not is_running(consumer), "the end of the consumer")
        line = self.last_line(self.end_command(process))
        self.assertEqual(process.returncode, 6)
        self.assertIn("not complete: The tracing service was killed by signal 9 while the command ran.", line)
        self.assertIn("view trace", line)
        self.assert_readable()
        self.assertEqual(os.listdir(self.runtime), [])

    def test_consumer_killed(self):
        process, _, consumer = self.start_command()
        os.kill(consumer, signal.SIGKILL)
        wait_until(lambda: not is_running(consumer), "the end of the consumer")
        line = self.last_line(self.end_command(process))
        self.assertEqual(process.returncode, 6)
        self.assertIn("not complete: ", line)
        self.assertEqual(os.listdir(self.runtime), [])

    def test_tracectl_killed(self):
        process, tracingd, consumer = self.start_command()
        process.kill()
        process.wait()
        wait_until(lambda: not is_running(tracingd) and not is_running(consumer), "the end of the service")
        self.assertEqual(os.listdir(self.runtime), [])
        process.stdin.write("go on\n")
        self.assertEqual(process.stdout.readline(), "10 orders: 9 paid, 1 refused\n")
        self.assertEqual(process.stdout.readline(), "done\n")
        self.assert_readable()

    def test_stopped_tracingd_does_not_stop_the_command(self):
        process, tracingd, _ = self.start_command()
        os.kill(tracingd, signal.SIGSTOP)
        process.stdin.write("go on\n")
        self.assertEqual(process.stdout.readline(), "10 orders: 9 paid, 1 refused\n")
        self.assertEqual(process.stdout.readline(), "done\n")
        os.kill(tracingd, signal.SIGCONT)
        _, err = self.finish(process)
        self.assertEqual(process.returncode, 6)
        self.assertEqual(len(self.events("trace")), sum(self.counts(err)))

    def test_service_that_cannot_start_leaves_nothing(self):
        # A build folder without its consumer: the service starts, the session cannot.
        copy = os.path.join(self.runtime, "..", "build")
        for path in ("client/tracectl", "service/tracingd", "common/libcommon.a"):
            os.makedirs(os.path.join(copy, os.path.dirname(path)), exist_ok=True)
            shutil.copy(os.path.join(os.environ["TRACECTL_BUILD"], path), os.path.join(copy, path))
        for missing in (None, "service/tracingd"):
            if missing:
                os.unlink(os.path.join(copy, missing))
            result = subprocess.run([os.path.join(copy, "client/tracectl"), "record", "--", "touch", "ran"],
                                    cwd=self.cwd, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    text=True, timeout=60, check=False)
            self.assertEqual((result.returncode, result.stdout), (125, ""))
            self.assertIn("tracectl: ", result.stderr)
            self.assertIn("not found" if missing else "consumer", result.stderr)
            self.assert_nothing_left()

    def test_full_disk(self):
        mount = 'mount -t tmpfs -o size=600k none . && cd "$PWD" && exec "$@"'
        unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
        if subprocess.run([*unshare, "sh", "-c", mount, "sh", "true"], cwd=self.cwd, stderr=subprocess.DEVNULL,
                          check=False).returncode != 0:
            self.skipTest("no file system of limited size can be mounted here")
        script = f'"$0" record -o trace -- {SHOP} 100000 2; echo "status $?"; cp -r trace ../full'
        result = subprocess.run([*unshare, "sh", "-c", mount, "sh", "sh", "-c", script, TRACECTL], cwd=self.cwd,
                                env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120,
                                check=False)
        self.assertIn("status 0\n", result.stdout)
        recorded, lost = self.counts(result.stderr)
        self.assertRegex(result.stderr, "could not be written: No space left on device")
        self.assertEqual(recorded + lost, 200001)
        self.assertGreater(recorded, 0)
        self.assertGreater(lost, 0)
        self.assertEqual(len(self.events("../full", None)), recorded)


if __name__ == "__main__":
    unittest.main()
