# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page of `tracectl view -o html`: what it is made of, and what it does in a browser."""

import os
import re
import unittest

import browser
import small_trace
from system import SHOP, SystemTest

HOSTILE = ('</script><script>window.hurt=1</script>', '<img src=x onerror="window.hurt=1">',
           '"><svg onload=window.hurt=1>', "'-alert(1)-'", "\u202egnp.exe", "]]>-->", "${window.hurt=1}")


class PageTest(SystemTest):
    def make_page(self, folder, *options):
        page = os.path.join(self.cwd, "page.html")
        self.run_tracectl("view", "-o", "html", "-O", page, *options, folder)
        return page

    def run_tracectl(self, *arguments):
        result = self.tracectl(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def small(self, events, **more):
        folder = os.path.join(self.cwd, "small")
        small_trace.write(folder, events, **more)
        return folder


class Made(PageTest):
    def test_nothing_but_data_changes(self):
        """Two traces' pages differ in base 64 alone."""
        pages = []
        for text in ("harmless", *HOSTILE):
            with open(self.make_page(self.small([(5, f"w:{text}", 1, 2, text)], process=text)), encoding="ascii") as f:
                pages.append(re.sub(r'(id="data">)[A-Za-z0-9+/=]+(</script>)', r"\1\2", f.read()))
        self.assertEqual(len(set(pages)), 1)

    def test_policy_forbids_everything_else(self):
        with open(self.make_page(self.small([])), encoding="ascii") as f:
            page = f.read()
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page).group(1)
        self.assertRegex(policy, r"^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; ")
        self.assertNotIn("unsafe", policy)
        self.assertNotRegex(page, r"https?://|\bsrc=|@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket|innerHTML|eval\(")


@unittest.skipUnless(browser.find(), "there is no Chromium")
class InBrowser(PageTest):
    @classmethod
    def setUpClass(cls):
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        super().setUp()
        self.browser.events.clear()
        self.browser.set_dark(False)

    def open(self, folder):
        self.browser.open(self.make_page(folder))
        self.assertEqual(self.value("document.documentElement.dataset.ready"), "yes", self.text("problem"))

    def value(self, expression):
        return self.browser.evaluate(expression)

    def text(self, name):
        return self.value(f"document.getElementById('{name}').textContent")

    def rows(self):
        return self.value("[...document.querySelectorAll('#side-table tr')].map(r => [...r.cells].map(c => c.textContent))")

    def place(self, number):
        """Where on the page an event is."""
        return self.value(f"""(() => {{
            const e = page.data.events, t = page.timeline, at = t.place({number});
            const box = document.getElementById("canvas").getBoundingClientRect();
            return [box.x + t.x(e.time[{number}] - (at.isPoint ? 0 : e.length[{number}] / 2)),
                    box.y + RULER + at.y - t.top + 5];
        }})()""")

    def standard(self):
        self.open(self.small([
            (1000, "w:job_begin", 7, 7, "first"), (2000, "w:step_entry", 7, 7, "a"), (5000, "w:step_exit", 7, 7, "b"),
            (6000, "w:point", 7, 7, "needle \u00e9 \"x\""), (9000, "w:job_end", 7, 7, "last"),
            (9500, "w:point", 7, 8, "other")], discarded=3))

    def test_summary(self):
        self.standard()
        self.assertEqual(self.text("title"), "small")
        self.assertEqual(self.text("summary"), "6 events, 8.500 \u00b5s, 3 discarded while recording")
        self.assertIn(["w:point", "2"], self.rows())

    def test_click_shows_details(self):
        self.standard()
        self.browser.click(*self.place(2))
        self.assertEqual(self.text("side-title"), "w:step")
        self.assertEqual(self.text("side-time"), "2001-09-09 01:46:40.000005000 UTC")
        rows = self.rows()
        self.assertIn(["duration", "3.000 \u00b5s"], rows)
        self.assertIn(["process", "7 small"], rows)
        self.assertEqual([value for name, value in rows if name == "text"], ["a", "b"])
        self.browser.click(*self.place(3))
        self.assertEqual(self.text("side-title"), "w:point")
        self.assertIn(["text", 'needle \u00e9 "x"'], self.rows())
        self.browser.key("Escape")
        self.assertEqual(self.text("side-title"), "Events")

    def test_search(self):
        self.standard()
        for text, found in (("needle", "1 found"), ("\u00e9 \"x", "1 found"), ("STEP", "2 found"), ("w:", "6 found"),
                            ("nowhere", "none found"), ("", "")):
            self.value("document.getElementById('search').value = ''")
            self.browser.click_on("#search")
            self.browser.type(text)
            self.browser.key("Enter")
            self.assertEqual(self.text("found"), found)
        self.browser.type("point")
        for expected in ("needle", "other", "needle"):
            self.browser.key("Enter")
            self.assertIn(expected, dict(self.rows())["text"])
        self.browser.click_on("#previous")
        self.assertEqual(dict(self.rows())["text"], "other")

    def test_zoom(self):
        self.standard()
        whole = self.value("page.timeline.to - page.timeline.from")
        self.browser.click_on("#zoom-in")
        self.assertEqual(self.value("page.timeline.to - page.timeline.from"), whole / 2)
        self.browser.click_on("#fit")
        self.assertEqual(self.value("page.timeline.to - page.timeline.from"), whole)
        x, y = self.place(2)
        before = self.value(f"page.timeline.time({x})")
        self.browser.mouse("mouseWheel", x, y, deltaX=0, deltaY=-200, modifiers=2)
        self.browser.frame()
        self.assertLess(self.value("page.timeline.to - page.timeline.from"), whole)
        self.assertAlmostEqual(self.value(f"page.timeline.time({x})"), before, delta=15)
        for _ in range(80):
            self.browser.mouse("mouseWheel", x, y, deltaX=0, deltaY=-200, modifiers=2)
        self.browser.frame()
        self.assertAlmostEqual(self.value("page.timeline.to - page.timeline.from"), 20, delta=1e-3)

    def test_processors(self):
        self.standard()
        self.assertEqual(self.value("page.timeline.rows.map(r => r.head ?? r.label)"),
                         ["small 7", "7 (main)", "8"])
        self.browser.click_on("#by-cpu")
        self.assertEqual(self.value("page.timeline.rows.map(r => r.head ?? r.label)"), ["CPUs", "CPU 0"])
        self.browser.click(*self.place(3))
        self.assertEqual(self.text("side-title"), "w:point")

    def test_colours_of_both_schemes(self):
        self.standard()
        seen = []
        for dark in (False, True):
            self.browser.set_dark(dark)
            self.browser.frame()
            seen.append(self.value("""(() => {
                const c = document.getElementById("canvas"), p = c.getContext("2d").getImageData(0, 0, c.width, c.height);
                return [new Set(new Uint32Array(p.data.buffer)).size, p.data[4 * (c.width * c.height - 10)]];
            })()"""))
        self.assertGreater(seen[0][0], 8)
        self.assertGreater(seen[1][0], 8)
        self.assertGreater(seen[0][1], 200)
        self.assertLess(seen[1][1], 60)

    def test_hostile_texts_stay_texts(self):
        events = [(n * 1000, f"w:{text}_begin", 7, 7, text) for n, text in enumerate(HOSTILE)]
        folder = os.path.join(self.cwd, "<img src=x onerror=window.hurt=1>")
        small_trace.write(folder, events, process=HOSTILE[0])
        self.open(folder)
        for n, text in enumerate(HOSTILE):
            self.value(f"page.select({n})")
            self.assertEqual(dict(self.rows())["text"], text)
            self.assertEqual(dict(self.rows())["process"], f"7 {HOSTILE[0]}")
        self.value("page.select(-1)")
        self.assertEqual(self.text("title"), os.path.basename(folder))
        self.assertIsNone(self.value("window.hurt"))
        self.assertEqual(self.value("document.querySelectorAll('img, svg, iframe, link').length"), 0)
        self.assertEqual(self.value("document.scripts.length"), 2)

    def test_asks_for_nothing(self):
        """No request but for the page itself, no complaint of the browser, no script error."""
        self.standard()
        asked = [event["params"]["request"]["url"] for event in self.browser.events
                 if event["method"] == "Network.requestWillBeSent"]
        self.assertEqual(len([url for url in asked if not url.startswith(("about:", "blob:"))]), 1, asked)
        wrong = [event for event in self.browser.events
                 if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")]
        self.assertEqual(wrong, [])

    def test_many_events(self):
        trace = os.path.join(self.cwd, "many")
        self.run_tracectl("record", "--size", "64M", "-o", trace, "--", SHOP, "500000", "4")
        counted = self.run_tracectl("view", "-o", "json", trace).stdout.count("\n")
        self.assertGreater(counted, 900000)
        self.open(trace)
        self.assertTrue(self.text("summary").startswith(f"{counted:,} events, "), self.text("summary"))
        last = counted - 1
        self.value(f"page.select({last}); page.show({last})")
        self.assertIn(["process", self.value(f"String(page.data.tracks[page.data.events.track[{last}]].pid)")], self.rows())
        self.browser.click_on("#search")
        self.browser.type("card declined")
        self.browser.key("Enter")
        self.browser.wait_for("document.getElementById('found').textContent.endsWith('found')")
        refused = self.run_tracectl("summary", "--by", "reason", "--json=short", trace).stdout
        self.assertEqual(self.text("found").split()[0].replace(",", ""),
                         re.search(r'"card declined","count":(\d+)', refused).group(1))

    def test_empty_trace(self):
        self.open(self.small([]))
        self.assertEqual(self.text("summary"), "0 events, 0 ns")


if __name__ == "__main__":
    unittest.main()
