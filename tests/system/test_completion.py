# SPDX-License-Identifier: LGPL-2.1-or-later
"""Completion in shells: the functions themselves are run on lines, with a service that has known names."""

import os
import shlex
import shutil
import subprocess
import unittest

import system

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
BASH = os.path.join(TOP, "client/completion/tracectl.bash")
ZSH = os.path.join(TOP, "client/completion/_tracectl")

# tracectl as it is, but for the service.
PROGRAM = """#!/bin/sh
echo "$*" >>{calls}
case "$*" in
*--help | help) exec {tracectl} "$@" ;;
status*) echo '{{"version":"1","current_session":"orders"}}' ;;
"list --events"*) echo '[{{"domain":"user","name":"shop:closed","log_level":"debug","fields":[{{"name":"id","type":"u64"}}]}},{{"domain":"user","name":"shop:order_paid","log_level":"info","fields":[]}}]' ;;
"list --applications"*) echo '[{{"pid":812,"uid":0,"name":"till","unit":"","path":"/1"}}]' ;;
"list orders"*) echo '{{"name":"orders","owner":0,"channels":[{{"name":"main","domain":"user"}},{{"name":"big","domain":"user"}}],"events":[{{"pattern":"shop:*","channel":"main","domain":"user"}}]}}' ;;
"list web"*) echo '{{"name":"web","owner":0,"channels":[{{"name":"front","domain":"user"}}],"events":[]}}' ;;
*) echo '[{{"owner":0,"name":"orders","state":"active"}},{{"owner":0,"name":"web","state":"active"}},{{"owner":0,"name":"b\\\\u001B[1m","state":"active"}}]' ;;
esac
"""


class Lines:
    """What is offered for a line, with the cursor at its end."""

    def program(self):
        path = os.path.join(self.cwd, "tracectl")
        with open(path, "w", encoding="utf-8") as f:
            f.write(PROGRAM.format(tracectl=shlex.quote(system.TRACECTL), calls=shlex.quote(self.cwd + "/calls")))
        os.chmod(path, 0o755)
        return path

    def calls(self):
        try:
            with open(os.path.join(self.cwd, "calls"), encoding="utf-8") as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def test_verbs(self):
        listed = subprocess.run([system.TRACECTL, "help"], stdout=subprocess.PIPE, text=True, check=True).stdout
        verbs = [line.split()[0] for line in listed.split("Verbs:\n")[1].split("\n\n")[0].splitlines()]
        self.assertIn("record", verbs)
        self.assertEqual(self.offered("tracectl "), sorted(verbs))
        self.assertEqual(self.offered("tracectl help sn"), ["snapshot"])

    def test_options_of_every_verb(self):
        self.assertIn("--no-legend", self.offered("tracectl list --"))
        self.assertIn("--user", self.offered("tracectl list --"))
        self.assertEqual(self.offered("tracectl view --unt"), ["--until"])
        self.assertEqual(self.offered("tracectl view --ca"), ["--calls"])
        for verb in set(self.offered("tracectl ")) - {"help", "version"}:
            self.assertIn("--help", self.offered(f"tracectl {verb} --"), verb)

    def test_sessions(self):
        for line in ("start ", "list ", "create x -s ", "enable-event -s "):
            self.assertEqual(self.offered("tracectl " + line), ["orders", "web"], line)
        self.assertEqual(self.offered("tracectl destroy w"), ["web"])

    def test_channels_are_those_of_the_session(self):
        self.assertEqual(self.offered("tracectl disable-channel "), ["big", "main"])
        self.assertEqual(self.offered("tracectl disable-channel -s web "), ["front"])
        self.assertEqual(self.offered("tracectl enable-event --session=web -c "), ["front"])

    def test_processes(self):
        self.assertEqual(self.offered("tracectl enable-event --pid "), ["812"])

    def test_words(self):
        self.assertEqual(self.offered("tracectl create --mode f"), ["flight-recorder"])
        self.assertEqual(self.offered("tracectl enable-event --loglevel war"), ["warning"])
        self.assertEqual(self.offered("tracectl add-context pr"), ["procname"])
        self.assertEqual(self.offered("tracectl emit sh"), ["shop:closed", "shop:order_paid"])
        self.assertEqual(self.offered("tracectl list --json=s"), ["short"])
        for line in ("list --json=", "summary --json=", "create --json="):
            self.assertEqual(self.offered("tracectl " + line), ["off", "pretty", "short"], line)
        for line in ("create --sync ", "create --sync=", "record --sync "):
            self.assertEqual(self.offered("tracectl " + line), ["10s", "1min", "2s", "500ms"], line)

    def test_the_service_that_the_line_speaks_to(self):
        self.offered("tracectl --user start ")
        self.assertIn("list --user --json=short", self.calls())
        self.offered("tracectl start --user ")
        self.assertNotIn("list --json=short", self.calls())

    def test_other_hosts_are_not_asked(self):
        self.assertEqual(self.offered("tracectl start -H elsewhere "), [])
        self.assertFalse([call for call in self.calls() if call.startswith("list")])


class Bash(Lines, system.SystemTest):
    def offered(self, line):
        script = (f"source {shlex.quote(BASH)}; COMP_LINE={shlex.quote(line)}; COMP_POINT=${{#COMP_LINE}}; "
                  f"_tracectl {shlex.quote(self.program())}; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
        done = subprocess.run(["bash", "--norc", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=True, cwd=self.cwd)
        self.assertEqual(done.stderr, "")
        return sorted(done.stdout.split())

    def test_events_and_their_colons(self):
        """Of what stands before a colon bash keeps its own, unless it is quoted."""
        self.assertEqual(self.offered("tracectl enable-event sh"), ["shop:closed", "shop:order_paid"])
        self.assertEqual(self.offered("tracectl enable-event shop:o"), ["order_paid"])
        self.assertEqual(self.offered("tracectl enable-event 'shop:o"), ["shop:order_paid"])
        self.assertEqual(self.offered("tracectl disable-event "), ["shop:*"])
        self.assertEqual(self.offered("tracectl record -e shop:c"), ["closed"])

    def test_recorded_command(self):
        self.assertIn("bash", self.offered("tracectl record -- bas"))

    def test_it_is_registered(self):
        done = subprocess.run(["bash", "--norc", "-c", f"source {shlex.quote(BASH)}; complete -p tracectl"],
                              stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(done.stdout, "complete -F _tracectl tracectl\n")


@unittest.skipUnless(shutil.which("zsh"), "needs zsh")
class Zsh(Lines, system.SystemTest):
    def offered(self, line):
        """compadd and the functions of zsh's own completion are replaced by some that print."""
        words = line.split(" ")
        script = ("""
compset() { PREFIX=${PREFIX#*=} }
_files() { : }; _hosts() { : }; _users() { : }; _normal() { print -l -- normal $words }; _command_names() { : }
compadd() {
        local -a all
        [[ $1 == -a ]] && { shift; [[ $1 == -- ]] && shift; all=(${(P)1}) } || { shift; all=("$@") }
        for word in $all; do [[ $word == ${PREFIX}* ]] && print -r -- $word; done
}
""" + f"words=({' '.join(shlex.quote(word) for word in [self.program(), *words[1:]])}); CURRENT={len(words)}\n"
                  f"PREFIX={shlex.quote(words[-1])}\nsource {shlex.quote(ZSH)}\n_tracectl\n")
        done = subprocess.run(["zsh", "-f", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False, cwd=self.cwd)
        self.assertEqual(done.stderr, "")
        return sorted(done.stdout.split())

    def test_events(self):
        self.assertEqual(self.offered("tracectl enable-event shop:o"), ["shop:order_paid"])
        self.assertEqual(self.offered("tracectl remove-event "), ["shop:*"])

    def test_recorded_command(self):
        self.assertEqual(self.offered("tracectl record -- ls /"), ["/", "ls", "normal"])


if __name__ == "__main__":
    unittest.main()
