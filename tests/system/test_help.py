# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tracectl says about itself: the help of every verb, and its manual pages."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

import system

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
PAGES = sorted(glob.glob(os.path.join(TOP, "docs/man/*.[1-9]")))


def printed(*args):
    done = subprocess.run([system.TRACECTL, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=True)
    assert done.stderr == ""
    return done.stdout


def verbs():
    listed = printed("help").split("Verbs:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


def options(text):
    """The options that a help lists, from the columns where they stand."""
    for line in re.findall(r"^ {2,}(-.*)", text, re.MULTILINE):
        yield from re.findall(r"(?:^|[ ,])(--?[a-zA-Z][a-zA-Z-]*)", re.split(r" {2,}", line)[0])


def page_text(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    text = re.sub(r'^\.\w+ ?|"|\\f.', "", text, flags=re.MULTILINE)
    return text.replace("\\-", "-")


class Help(system.NamesSkips):
    def test_every_verb_fits_a_terminal_and_shows_an_example(self):
        for verb in verbs():
            with self.subTest(verb=verb):
                text = printed(verb, "--help")
                self.assertEqual([line for line in text.splitlines() if len(line) > 80], [])
                self.assertRegex(text, r"(?m)^(Usage: tracectl|tracectl records)")
                self.assertRegex(text, rf"(?s)Examples?:.*tracectl (--user )?{verb if verb != 'help' else ''}")
                self.assertEqual(text, printed("help", verb))

    def test_overview_fits_a_terminal(self):
        self.assertEqual([line for line in printed("help").splitlines() if len(line) > 80], [])

    def test_every_option_that_the_help_lists_is_taken(self):
        """An unknown one is refused before anything else is looked at."""
        for verb in verbs():
            for option in set(options(printed(verb, "--help"))):
                done = subprocess.run([system.TRACECTL, verb, option, "--help"], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, check=False)
                self.assertNotIn("Unknown option", done.stderr, f"{verb} {option}")


class Pages(system.NamesSkips):
    @unittest.skipUnless(shutil.which("man"), "needs man")
    def test_no_warnings(self):
        for page in PAGES:
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True,
                                  env=dict(os.environ, MANWIDTH="80", LC_ALL="C.UTF-8", MANROFFSEQ=""))
            self.assertEqual(done.stderr, "", page)

    def test_page_of_the_bus_has_every_member(self):
        """It is made of the XML, which a test compares with the service's tables."""
        source = os.path.join(TOP, "dbus/org.tracectl.Tracing1.xml")
        with tempfile.TemporaryDirectory() as folder:
            page = os.path.join(folder, "org.tracectl.Tracing1.5")
            subprocess.run([system.PYTHON, os.path.join(TOP, "docs/bus-page.py"), source, page], check=True)
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True,
                                  env=dict(os.environ, MANWIDTH="80", LC_ALL="C.UTF-8"))
            self.assertEqual(done.stderr, "")
            text = page_text(page)
        for element in xml.etree.ElementTree.parse(source).iter():
            if element.tag in ("interface", "method", "signal", "property"):
                self.assertIn(element.get("name"), text)

    def test_name_is_that_of_the_file(self):
        for page in PAGES:
            name, section = os.path.basename(page).rsplit(".", 1)
            with open(page, encoding="utf-8") as f:
                title = re.search(r"^\.TH (\S+) (\d)", f.read(), re.MULTILINE)
            self.assertEqual((title[1].replace("\\-", "-").lower(), title[2]), (name.lower(), section))

    def test_every_verb_and_option_has_its_place(self):
        of_verb = {}
        for page in PAGES:
            if os.path.basename(page).startswith("tracectl-"):
                text = page_text(page)
                for line in re.findall(r"^tracectl ([a-z-]+(?: \| [a-z-]+)*)", text.split("DESCRIPTION")[0], re.MULTILINE):
                    of_verb.update((verb, text) for verb in line.split(" | "))
        overview = page_text(os.path.join(TOP, "docs/man/tracectl.1"))
        for verb in verbs():
            with self.subTest(verb=verb):
                self.assertRegex(overview, rf"(?m)(^|[ ,]){verb}\b")
                if verb in ("help", "version"):
                    continue
                self.assertIn(verb, set(of_verb))
                missing = [option for option in options(printed(verb, "--help"))
                           if not re.search(rf"(?m)(^|[ ,|\[]){option}\b", of_verb[verb])]
                self.assertEqual(missing, [])

    def test_other_pages_are_there(self):
        for page in PAGES:
            text = page_text(page)
            for name, section in re.findall(r"^(tracectl[\w-]*|libtracectl[\w-]*|tracingd) \((\d)\)", text,
                                            re.MULTILINE):
                self.assertIn(os.path.join(TOP, f"docs/man/{name}.{section}"), PAGES, page)


if __name__ == "__main__":
    unittest.main()
