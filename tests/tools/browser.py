#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page of a collection in a real browser: browser.py DRIFTCLUSTER

Skipped where Chromium, its driver or python3-selenium are missing.
"""
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

from tap.runner import TAPTestRunner

import drawn
from chromium import (DESKTOP, LOW_CONTRAST, PHONE, TOO_WIDE, UNNAMED, BrowserTest, By, Keys,
                      wait_for)

PROGRAM = sys.argv[1]
HOSTILE = b"<img src=x onerror=alert(1)>\"'\n\xff.png"


class CollectionPageTest(BrowserTest):
    def setUp(self):
        super().setUp()
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.home = pathlib.Path(holder.name)
        self.folder, self.output = self.home / "pictures", self.home / "groups"
        drawn.kinds(self.folder)
        with open(bytes(self.folder) + b"/" + HOSTILE, "wb") as stream:
            stream.write(drawn.stripes(drawn.COLOURS["red"], 40))
        (self.folder / "broken <b>.png").write_bytes(b"no picture")

    def categorise(self, *options):
        made = subprocess.run([PROGRAM, "categorise", "--groups", "3", *options, self.folder,
                               self.output], capture_output=True, text=True, timeout=120)
        self.assertEqual(made.returncode, 0, made.stderr)

    def process(self, *arguments):
        running = subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True)

        def end():
            if running.poll() is None:
                running.send_signal(signal.SIGINT)
                running.wait(20)
            running.stdout.close()
        self.addCleanup(end)
        running.end = end
        return running

    def serve(self):
        server = self.process("serve", "--port", "0", str(self.output))
        server.address = server.stdout.readline().strip()
        return server

    def open_file(self, where=""):
        self.browser.get((self.output / "index.html").as_uri() + where)
        self.all(".card, .tile")


class StaticPageTest(CollectionPageTest):
    def test_shows_the_groups_without_a_server(self):
        self.categorise()
        self.open_file()
        self.assertEqual(self.one("#summary").text, "37 pictures in 3 groups")
        self.assertEqual(len(self.all(".card")), 3)
        self.assertFalse(self.one("#state").is_displayed())  # nothing is going on
        self.assertEqual(sorted(self.texts(".card-facts > span:first-child")),
                         ["12 pictures", "12 pictures", "13 pictures"])
        wait_for(lambda: self.script(
            "return [...document.images].filter((i) => i.src).every((i) => i.complete && i.naturalWidth)"))
        self.assertEqual(self.script("return document.querySelectorAll('#ask button.plain').length"), 1)

    def test_a_group_shows_its_pictures_and_a_picture_its_neighbours(self):
        self.categorise()
        self.open_file()
        self.one(".card a").click()
        wait_for(lambda: len(self.all("#view .tile")) in (12, 13))
        self.one("#view .tile").click()
        wait_for(lambda: self.one("#viewer").get_attribute("open"))
        self.assertEqual(len(self.all("#viewer-like .tile")), 8)
        wait_for(lambda: self.script("return document.getElementById('viewer-image').naturalWidth"))

    def test_families_hold_every_group(self):
        self.categorise()
        self.open_file("#/families")
        wait_for(lambda: self.one("#to-families").get_attribute("aria-current") == "page")
        told = " ".join(self.texts(".card-facts"))
        self.assertIn("groups", told)

    def test_names_of_any_kind_are_text(self):
        self.categorise()
        self.open_file("#/search/onerror")
        wait_for(lambda: self.all("#view .tile"))
        self.assertIn("<img src=x onerror=alert(1)>", self.one("#view .tile").get_attribute("title"))
        self.assertEqual(self.script("return document.querySelectorAll('img[onerror], b b').length"), 0)
        self.one("#view .tile").click()
        wait_for(lambda: self.script("return document.getElementById('viewer-image').naturalWidth"))
        self.assertIn("broken <b>.png", " ".join(self.texts("#unreadable-list li")))

    def test_search_finds_by_name_and_says_how_many(self):
        self.categorise()
        self.open_file()
        self.one("#search").send_keys("GREEN-0")
        wait_for(lambda: self.one("#view [role=status]").text == "10 pictures named like “GREEN-0”")
        self.assertEqual(len(self.all("#view .tile")), 10)
        self.one("#search").clear()
        self.one("#search").send_keys("nothing is called so")
        wait_for(lambda: self.one("#view [role=status]").text.startswith("0 pictures"))

    def test_a_new_picture_appears_without_reload(self):
        self.process("categorise", "--watch", "--groups", "3", str(self.folder), str(self.output))
        wait_for(lambda: '"watching"' in (self.output / "data/index.js").read_text())
        self.open_file()
        self.script("window.here = true")
        (self.folder / "late.png").write_bytes(drawn.stripes(drawn.COLOURS["blue"], 17))
        wait_for(lambda: "late.png" in [tile.get_attribute("title") for tile in self.all("#fresh .tile")])
        self.assertTrue(self.script("return window.here"))
        (self.folder / "late.png").unlink()
        wait_for(lambda: self.one("#summary").text == "37 pictures in 3 groups")

    def test_fits_a_phone_and_a_desktop(self):
        self.categorise()
        for size in (PHONE, DESKTOP):
            self.sized(size)
            for where in ("#/groups", "#/families", "#/search/green"):
                self.open_file(where)
                self.assertEqual(self.script(TOO_WIDE), [], (size, where))
            self.open_file()
            self.script("document.querySelector('.card a').click()")
            wait_for(lambda: self.all("#view .tile"))
            self.assertEqual(self.script(TOO_WIDE), [], size)
            self.one("#view .tile").click()
            wait_for(lambda: self.one("#viewer").get_attribute("open"))
            self.assertEqual(self.script(TOO_WIDE), [], size)
            for button in self.all("#viewer .round, #viewer .tile"):
                if button.is_displayed():
                    self.assertGreaterEqual(button.size["height"], 44)

    def test_text_stands_out_in_both_schemes(self):
        self.categorise()
        for scheme in ("light", "dark"):
            self.coloured(scheme)
            for where in ("#/groups", "#/families", "#/search/green"):
                self.open_file(where)
                self.assertEqual(self.script(LOW_CONTRAST), [], (scheme, where))
        self.coloured("light")

    def test_everything_has_a_name(self):
        self.categorise()
        self.open_file()
        self.assertEqual(self.script(UNNAMED), [])
        self.script("document.querySelector('.card a').click()")
        wait_for(lambda: self.all("#view .tile"))
        self.assertEqual(self.script(UNNAMED), [])
        levels = [int(tag[1]) for tag in self.script(
            "return [...document.querySelectorAll('h1,h2,h3')].filter((h) => h.checkVisibility()).map((h) => h.tagName)")]
        self.assertEqual(levels[0], 1)
        self.assertTrue(all(after <= before + 1 for before, after in zip(levels, levels[1:])), levels)

    def test_the_keyboard_reaches_everything(self):
        self.categorise()
        self.open_file()
        self.script("document.body.focus()")
        reached = []
        for _ in range(8):
            self.press(Keys.TAB)
            # Not `text`, which has nothing of a link that is still sliding in.
            reached.append(self.focused().get_attribute("id")
                           or self.focused().get_attribute("textContent").strip())
        self.assertEqual(reached[:4], ["Skip to the pictures", "search", "to-families", "to-groups"])
        self.assertEqual(len([name for name in reached if name.startswith("Group ")]), 3)
        self.one(".card a").send_keys(Keys.ENTER)
        wait_for(lambda: self.all("#view .tile"))
        wait_for(lambda: self.focused().tag_name == "h2")  # a screen reader says where it is
        tile = self.one("#view .tile")
        tile.send_keys(Keys.ENTER)
        wait_for(lambda: self.one("#viewer").get_attribute("open"))
        wait_for(lambda: self.focused().get_attribute("id") == "viewer-name")
        name = lambda: self.texts("#viewer-name")[0]  # what is still fading in has no visible text
        first = name()
        self.press(Keys.ARROW_RIGHT)
        wait_for(lambda: name() != first)
        self.press(Keys.ARROW_LEFT)
        wait_for(lambda: name() == first)
        self.press(Keys.ESCAPE)
        wait_for(lambda: not self.one("#viewer").get_attribute("open"))
        self.assertEqual(self.focused(), tile)


class ServedPageTest(CollectionPageTest):
    def named(self):
        return self.texts(".card h2")

    def rename_first(self, name):
        self.one(".card a").click()
        wait_for(lambda: self.all("#view .buttons button"))
        self.one("#view .buttons button").click()
        field = self.one("#ask-input")
        wait_for(lambda: field.is_displayed())
        field.clear()
        field.send_keys(name, Keys.ENTER)

    def press_action(self, text):
        [button] = [button for button in self.all("#view .buttons button") if button.text == text]
        button.click()

    def test_a_rename_survives_a_restart_and_further_categorising(self):
        self.categorise()
        server = self.serve()
        self.browser.get(server.address)
        self.assertNotIn("token", self.browser.current_url)
        name = "Füchse <b>&\"'"
        self.rename_first(name)
        wait_for(lambda: self.one("#view h2").text == name)
        server.end()
        (self.folder / "late.png").write_bytes(drawn.stripes(drawn.COLOURS["blue"], 17))
        self.categorise("--regroup")
        self.browser.get(self.serve().address)
        wait_for(lambda: name in self.named())

    def test_a_new_picture_appears_without_reload_under_the_new_name(self):
        self.process("categorise", "--watch", "--groups", "3", str(self.folder), str(self.output))
        wait_for(lambda: '"watching"' in (self.output / "data/index.js").read_text())
        self.browser.get(self.serve().address)
        self.script("window.here = true")
        self.rename_first("Named while it ran")
        wait_for(lambda: self.one("#view h2").text == "Named while it ran")
        before = len(self.all("#view .tile"))
        kind = self.one("#view .tile").get_attribute("title").split("/")[0]
        colour = drawn.COLOURS.get(kind, drawn.COLOURS["red"])
        (self.folder / "late.png").write_bytes(drawn.stripes(colour, 4))
        wait_for(lambda: len(self.all("#view .tile")) == before + 1)
        self.assertTrue(self.script("return window.here"))
        self.assertEqual(self.one("#view h2").text, "Named while it ran")

    def test_what_changes_while_the_page_is_loading_data_is_shown(self):
        self.categorise()
        server = self.serve()
        self.browser.get(server.address)
        wait_for(self.named)
        # Data take a while to come to their end, as from afar.
        self.script("""
            const append = document.head.append.bind(document.head);
            document.head.append = (script) => {
              const end = script.onload;
              script.onload = () => setTimeout(end, 3000);
              append(script);
            };""")
        rename = """
            const [name, end] = arguments;
            pageEditing.send({ action: "rename-cluster", group: driftcluster.groups()[0].id, name }).then(end);"""
        self.browser.execute_async_script(rename, "First")
        wait_for(lambda: "First" in self.named())
        self.browser.execute_async_script(rename, "Second")
        wait_for(lambda: "Second" in self.named())

    def test_groups_are_split_merged_and_pinned(self):
        self.categorise()
        self.browser.get(self.serve().address)
        self.one(".card a").click()
        wait_for(lambda: self.all("#view .buttons button"))
        self.press_action("Pin")
        wait_for(lambda: "pinned" in self.texts("#view .badge"))
        self.press_action("Split")
        self.one("#ask-yes").click()
        wait_for(lambda: self.one("#summary").text == "37 pictures in 4 groups")
        self.press_action("Merge")
        self.one("#ask-yes").click()
        wait_for(lambda: self.one("#summary").text == "37 pictures in 3 groups")

    def test_a_picture_is_put_into_another_group(self):
        self.categorise()
        self.browser.get(self.serve().address)
        self.one(".card a").click()
        wait_for(lambda: self.all("#view .tile"))
        before = len(self.all("#view .tile"))
        self.one("#view .tile").click()
        self.one("#move-to").send_keys(Keys.ARROW_DOWN)
        wait_for(lambda: len(self.all("#view .tile")) == before - 1)

    def test_without_the_token_nothing_can_be_edited(self):
        self.categorise()
        address = self.serve().address
        self.browser.get("about:blank")
        self.browser.get(address.split("#")[0])
        self.script("sessionStorage.clear(); location.reload()")
        self.one(".card a").click()
        wait_for(lambda: self.all("#view .tile"))
        self.assertEqual(self.browser.find_elements(By.CSS_SELECTOR, "#view .buttons button"), [])
        answer = self.browser.execute_async_script(
            "const end = arguments[0]; fetch('edit', {method: 'POST', headers: {'Content-Type': 'application/json'},"
            " body: '{}'}).then((a) => end(a.status))")
        self.assertEqual(answer, 403)

    def test_a_refused_name_is_said(self):
        self.categorise()
        self.browser.get(self.serve().address)
        taken = self.named()[1] if wait_for(self.named) else ""
        self.rename_first(taken)
        wait_for(lambda: "another group has this name" in self.one("#toast").text)


if __name__ == "__main__":
    runner = TAPTestRunner()
    runner.set_stream(True)
    unittest.main(argv=sys.argv[:1], testRunner=runner)
