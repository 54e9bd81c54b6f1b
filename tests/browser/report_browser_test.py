#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens generated reports in a real browser and uses them as a person would.

usage: report_browser_test.py REPORT_PAGES CHROMIUM [--screenshots FOLDER]
REPORT_PAGES writes the pages (report_pages.cc). With --screenshots the pages are also painted, for a person to look at.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from playwright.sync_api import sync_playwright

PAGES = pathlib.Path(tempfile.mkdtemp(prefix="altlas-report-"))
PATIENCE_MS = 120_000  # machines may be slow; nothing here judges a speed


class ReportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.playwright = sync_playwright().start()
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        cls.browser = cls.playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.playwright.stop()

    def open(self, name, width=1360, height=900, before=None, **options):
        """A page of its own, which must stay without console messages and without requests."""
        context = self.browser.new_context(viewport={"width": width, "height": height}, **options)
        self.addCleanup(context.close)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        self.trouble, self.requests = [], []
        page.on("console", lambda message: self.trouble.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        if before:
            page.add_init_script(before)
        page.goto((PAGES / name).as_uri())
        page.wait_for_selector("html[data-ready=yes]")
        return page

    def tearDown(self):
        self.assertEqual(getattr(self, "trouble", []), [])
        outside = [url for url in getattr(self, "requests", []) if not url.startswith(("file:", "data:"))]
        self.assertEqual(outside, [])
        self.assertEqual(len([url for url in getattr(self, "requests", []) if url.startswith("file:")]), 1)

    def stretch(self, page):
        """What the timeline shows, after it was painted: (from, to) in nanoseconds."""
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        data = page.locator("#timeline-view").evaluate("(view) => [view.dataset.from, view.dataset.to]")
        return float(data[0]), float(data[1])

    def length(self, page):
        start, end = self.stretch(page)
        return end - start

    def column(self, page, table, number):
        return page.locator(f"#{table} tbody tr td:nth-child({number})").all_inner_texts()

    def test_every_section_is_there_and_findings_come_first(self):
        page = self.open("full.html")
        titles = page.locator("main h2").all_inner_texts()
        self.assertEqual(titles, ["Summary", "Timeline", "Kernels", "Devices", "Copies", "Phases", "Memory over time", "Counters",
                                  "Hardware counters", "API calls", "Against the baseline", "What this rests on"])
        self.assertIn("62 % of the bytes", page.locator("#summary > *:nth-child(2)").inner_text())
        self.assertEqual(page.title(), "train.sqlite")
        self.assertEqual(page.locator("nav a").count(), len(titles))
        self.assertEqual(page.locator("#memory svg.chart").count(), 2)
        self.assertEqual(page.locator("svg.roofline circle").count(), 5)

    def test_wheel_zooms_at_the_pointer_once_the_timeline_has_the_focus(self):
        page = self.open("full.html")
        canvas = page.locator(".tl-canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        whole = self.length(page)
        page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 60)
        scrolled = page.evaluate("scrollY")
        page.mouse.wheel(0, -120)
        page.wait_for_function("(before) => scrollY !== before", arg=scrolled)
        self.assertEqual(self.length(page), whole)  # without focus the page scrolls
        canvas.scroll_into_view_if_needed()
        canvas.focus()
        box = canvas.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 60)
        before = self.stretch(page)
        page.mouse.wheel(0, -300)
        page.wait_for_function("(whole) => { const d = document.getElementById('timeline-view').dataset; return d.to - d.from < whole * 0.9 }", arg=whole)
        after = self.stretch(page)
        at_pointer = [stretch[0] + (stretch[1] - stretch[0]) / 4 for stretch in (before, after)]
        self.assertAlmostEqual(at_pointer[0], at_pointer[1], delta=whole * 0.005)

    def test_keys_zoom_move_and_step_through_bars(self):
        page = self.open("full.html")
        canvas = page.locator(".tl-canvas")
        canvas.focus()
        whole = self.length(page)
        page.keyboard.press("+")
        page.keyboard.press("+")
        self.assertAlmostEqual(self.length(page), whole / 4, delta=whole * 0.001)
        start = self.stretch(page)[0]
        page.keyboard.press("ArrowRight")
        self.assertGreater(self.stretch(page)[0], start)
        page.keyboard.press("ArrowLeft")
        self.assertAlmostEqual(self.stretch(page)[0], start, delta=whole * 0.001)
        page.keyboard.press("-")
        self.assertAlmostEqual(self.length(page), whole / 2, delta=whole * 0.001)
        page.keyboard.press("0")
        self.assertAlmostEqual(self.length(page), whole, delta=1)
        page.keyboard.press("ArrowDown")
        self.assertIn("in this lane", page.locator(".tl-detail").inner_text())
        page.keyboard.press("Shift+ArrowRight")
        first = page.locator(".tl-detail").inner_text()
        self.assertIn("starts", first)
        page.keyboard.press("Shift+ArrowRight")
        self.assertNotEqual(page.locator(".tl-detail").inner_text(), first)
        page.keyboard.press("Enter")
        self.assertLess(self.length(page), whole / 2)

    def test_dragging_moves_and_the_ruler_and_the_overview_choose_a_stretch(self):
        page = self.open("full.html")
        page.locator(".tl-tools button", has_text="+").click()
        box = page.locator(".tl-canvas").bounding_box()
        y = box["y"] + 120
        start, end = self.stretch(page)
        page.mouse.move(box["x"] + 500, y)
        page.mouse.down()
        page.mouse.move(box["x"] + 300, y, steps=4)
        page.mouse.up()
        moved = self.stretch(page)
        self.assertAlmostEqual(moved[0] - start, 200 / box["width"] * (end - start), delta=(end - start) * 0.01)
        page.mouse.move(box["x"] + 100, box["y"] + 8)
        page.mouse.down()
        page.mouse.move(box["x"] + 300, box["y"] + 8, steps=4)
        page.mouse.up()
        self.assertAlmostEqual(self.length(page), 200 / box["width"] * (end - start), delta=(end - start) * 0.01)
        page.locator(".tl-tools button", has_text="Fit").click()
        whole = self.length(page)
        box = page.locator(".tl-overview").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 20, steps=4)
        page.mouse.up()
        self.assertAlmostEqual(self.length(page) / whole, 0.1, delta=0.01)

    def test_pointing_shows_exact_figures_and_a_click_keeps_them(self):
        page = self.open("full.html")
        page.locator("#timeline").scroll_into_view_if_needed()
        label = page.locator(".tl-label", has_text="stream 7").bounding_box()
        box = page.locator(".tl-canvas").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, label["y"] + 14)
        page.locator("#tip").wait_for()
        self.assertIn("busy", page.locator("#tip").inner_text())
        page.mouse.click(box["x"] + box["width"] / 2, label["y"] + 14)
        self.assertIn("stream 7", page.locator(".tl-detail").inner_text())
        page.mouse.dblclick(box["x"] + box["width"] / 2, label["y"] + 14)
        for _ in range(12):
            page.keyboard.press("+")
        page.mouse.move(box["x"] + box["width"] / 2 + 3, label["y"] + 14)
        page.wait_for_function("/takes|busy/.test(document.getElementById('tip').innerText)")

    def test_tables_sort_and_filter(self):
        page = self.open("full.html")
        names = self.column(page, "kernel-table", 1)
        self.assertEqual(names[0], "cutlass::Kernel2")
        page.locator("#kernel-table th button", has_text="Mean").click()
        self.assertEqual(page.locator("#kernel-table th[aria-sort=descending]").inner_text().strip("↓ \n"), "Mean")
        means = self.column(page, "kernel-table", 5)
        self.assertEqual(means, ["180 µs", "96 µs", "22 µs", "14 µs", "9 µs"])
        page.locator("#kernel-table th button", has_text="Mean").click()
        self.assertEqual(self.column(page, "kernel-table", 5), means[::-1])
        page.locator("#kernel-table th button", has_text="Kernel").focus()
        page.keyboard.press("Enter")
        self.assertEqual(self.column(page, "kernel-table", 1), sorted(names, key=str.lower))
        page.get_by_label("Filter kernels").first.fill("FLASH")
        self.assertEqual(self.column(page, "kernel-table", 1), ["flash_fwd_kernel"])
        page.get_by_label("Filter kernels").first.fill("no such kernel")
        self.assertIn("Nothing here", page.locator("#kernel-table tbody").inner_text())

    def test_a_comparison_names_what_became_slower(self):
        page = self.open("full.html")
        rows = page.locator("#compare-kernels tbody tr").all_inner_texts()
        self.assertEqual(len(rows), 5)
        self.assertIn("Kernel2", rows[0])
        self.assertIn("+7.5 %", rows[0])

    def test_a_long_gap_leads_into_the_timeline(self):
        page = self.open("full.html")
        page.locator("summary", has_text="The longest gaps").click()
        page.locator("#gap-table button.link").first.click()
        self.assertAlmostEqual(self.length(page), 1.6 * 1_314_000, delta=10_000)

    def test_the_theme_switches_and_the_systems_is_followed(self):
        page = self.open("full.html", color_scheme="dark")
        ground = "getComputedStyle(document.body).backgroundColor"
        dark = page.evaluate(ground)
        page.locator("#theme").click()
        light = page.evaluate(ground)
        self.assertNotEqual(dark, light)
        page.locator("#theme").click()
        self.assertEqual(page.evaluate(ground), dark)
        page.emulate_media(color_scheme="light")
        self.assertEqual(page.evaluate(ground), dark)  # chosen, whatever the system says
        page.locator("#theme").click()
        self.assertEqual(page.evaluate(ground), light)

    def test_every_control_is_reached_by_tab_with_a_name_and_a_visible_focus(self):
        page = self.open("full.html")
        seen = []
        for _ in range(400):
            page.keyboard.press("Tab")
            state = page.evaluate("""() => { const e = document.activeElement; if (e === document.body) return null;
                const s = getComputedStyle(e); return [e.tagName, e.getAttribute('aria-label') || e.innerText || e.title || '',
                s.outlineStyle !== 'none' || e.matches('circle'), e.className.baseVal ?? e.className]; }""")
            if state is None:
                break
            seen.append(state)
        self.assertEqual([item for item in seen if not item[1].strip() or not item[2]], [])
        self.assertIn("tl-canvas", [item[3] for item in seen])
        self.assertGreater(len(seen), 60)

    def test_a_narrow_window_does_not_scroll_sideways(self):
        page = self.open("full.html", width=390, height=800)
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 390)
        self.assertGreater(page.locator(".tl-canvas").bounding_box()["width"], 300)

    def test_it_prints(self):
        page = self.open("full.html", color_scheme="dark")
        pdf = page.pdf(format="A4", print_background=True)
        self.assertTrue(pdf.startswith(b"%PDF"))
        self.assertGreaterEqual(pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page "), 3)
        page.emulate_media(media="print")
        self.assertFalse(page.locator("nav").is_visible())
        self.assertTrue(page.locator("#kernel-table table").is_visible())
        self.assertEqual(page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
        self.assertEqual(page.evaluate("getComputedStyle(document.body).color"), "rgb(29, 33, 37)")  # dark on white, whatever the theme

    def test_a_million_events_open_zoom_and_keep_their_count(self):
        self.assertLess((PAGES / "million.html").stat().st_size, 5_000_000)
        page = self.open("million.html")
        whole = self.length(page)
        page.locator(".tl-canvas").focus()
        for _ in range(14):
            page.keyboard.press("+")
        self.assertLess(self.length(page), whole / 1000)
        self.assertRegex(page.locator(".tl-canvas").get_attribute("aria-label"), r"Timeline of 1,0\d\d,\d{3} events")

    def test_hostile_names_stay_text(self):
        page = self.open("hostile.html")
        self.assertEqual(page.locator("img").count(), 0)
        self.assertIn("onerror", page.title())
        self.assertIn("</script><img", page.locator("#kernel-table td").first.inner_text())

    def test_an_empty_capture_is_a_page(self):
        page = self.open("empty.html")
        self.assertIn("What this rests on", page.locator("main h2").all_inner_texts())

    def test_a_browser_without_decompression_reads_the_same(self):
        page = self.open("full.html", before="delete window.DecompressionStream")
        self.assertEqual(page.evaluate("typeof DecompressionStream"), "undefined")
        self.assertEqual(len(self.column(page, "kernel-table", 1)), 5)
        self.assertGreater(self.length(page), 0)


def paint(folder):
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        for page_name in sorted(path.stem for path in PAGES.glob("*.html")):
            for scheme in ("light", "dark"):
                for kind, width in (("wide", 1360), ("narrow", 390)):
                    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                    page.goto((PAGES / f"{page_name}.html").as_uri())
                    page.wait_for_selector("html[data-ready=yes]")
                    page.screenshot(path=folder / f"{page_name}_{scheme}_{kind}.png", full_page=True)
                    page.close()
        browser.close()


if __name__ == "__main__":
    MAKER, CHROMIUM = sys.argv[1], sys.argv[2]
    subprocess.run([MAKER, str(PAGES)], check=True, timeout=1800)
    if len(sys.argv) > 4 and sys.argv[3] == "--screenshots":
        paint(pathlib.Path(sys.argv[4]))
        sys.exit(0)
    unittest.main(argv=sys.argv[:1], verbosity=2)
