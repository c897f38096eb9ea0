#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page of gallery-sink in a real browser, opened as a file while a pipeline writes it.

gallery_page.py GST_LAUNCH

Skipped where Chromium, its driver or python3-selenium are missing.
"""
import pathlib
import sys
import tempfile
import unittest

from tap.runner import TAPTestRunner

from chromium import DESKTOP, LOW_CONTRAST, PHONE, TOO_WIDE, UNNAMED, BrowserTest, Keys, wait_for
from drawn_stream import Stream

LAUNCH = sys.argv[1]
HOSTILE = "<img src=x onerror=alert(1)><b>\"'&"


class GalleryPageTest(BrowserTest):
    def setUp(self):
        super().setUp()
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.home = pathlib.Path(holder.name)
        self.output = self.home / "gallery"

    def start(self, title="Three kinds", labels=None):
        if labels:
            (self.home / "labels.txt").write_text("\n".join(labels) + "\n", encoding="utf-8")
            labels = self.home / "labels.txt"
        self.stream = Stream(LAUNCH, self.output, title, labels)
        self.addCleanup(self.stream.kill)
        self.send = self.stream.send

    def end(self):
        self.assertEqual(self.stream.end(), 0)

    def open(self, where=""):
        self.browser.get((self.output / "index.html").as_uri() + where)

    def started(self, **options):
        self.start(**options)
        self.stream.send_warm_up()
        wait_for(lambda: (self.output / "data/groups.js").exists())
        self.open()
        wait_for(lambda: len(self.all("#view .card")) == 3)

    def pictures_are_there(self):
        wait_for(lambda: self.script(
            "const shown = [...document.images].filter((i) => i.src && i.checkVisibility());"
            "return shown.length > 0 && shown.every((i) => i.complete && i.naturalWidth);"))

    def sightings(self):
        return int(self.one("#summary").text.split()[0])

    def test_shows_groups_while_the_stream_goes_on(self):
        self.started()
        self.assertEqual(self.one("h1").text, "Three kinds")
        wait_for(lambda: self.one("#state-text").text == "Live")
        wait_for(lambda: self.sightings() >= 20)
        self.pictures_are_there()
        self.assertRegex(" ".join(self.texts(".card-facts")), r"\d+ sightings.*\d+ % sure.*0:\d\d – 0:\d\d")
        self.end()
        wait_for(lambda: self.one("#state-text").text == "The stream has ended")

    def test_a_new_exemplar_appears_without_reload(self):
        self.started()
        self.script("window.here = true")
        before = self.sightings()
        self.one("#view .card a").click()
        wait_for(lambda: self.all("#view .tile"))
        first = {tile.get_attribute("title") for tile in self.all("#view .tile")}
        self.send(60)
        wait_for(lambda: {tile.get_attribute("title") for tile in self.all("#view .tile")} - first)
        self.pictures_are_there()
        self.assertTrue(self.script("return window.here"))
        wait_for(lambda: self.sightings() >= before + 50)
        self.end()

    def test_names_from_the_stream_are_text(self):
        self.started(title=HOSTILE, labels=[HOSTILE, "second", "third"])
        wait_for(lambda: HOSTILE in self.texts(".card h2"))
        self.assertEqual(self.one("h1").text, HOSTILE)
        self.assertEqual(self.script("return document.querySelectorAll('img[onerror], h1 *, h2 b').length"), 0)
        self.end()

    def test_another_stream_in_the_folder_takes_over(self):
        self.started()
        self.end()
        wait_for(lambda: self.one("#state-text").text == "The stream has ended")
        self.script("window.here = true")
        self.start(title="Another one")
        self.stream.send_warm_up()
        wait_for(lambda: self.one("h1").text == "Another one")
        wait_for(lambda: len(self.all("#view .card")) == 3)
        self.pictures_are_there()
        self.assertTrue(self.script("return window.here"))
        self.end()

    def test_an_empty_stream_says_so(self):
        self.start()
        self.send(3)
        wait_for(lambda: (self.output / "data/groups.js").exists())
        self.open()
        wait_for(lambda: "No group yet" in self.one("#view").text)
        self.end()
        wait_for(lambda: "Nothing was assigned" in self.one("#view").text)

    def test_a_page_without_its_data_says_so(self):
        self.start()
        self.end()
        (self.output / "data/groups.js").unlink()
        self.open()
        wait_for(lambda: "is not beside this page" in self.one("#view").text)

    def test_a_group_that_is_not_there_is_said(self):
        self.started()
        self.open("#/group/none")
        wait_for(lambda: "not there any more" in self.one("#view").text)
        self.end()

    def test_a_picture_that_is_not_there_hides(self):
        self.started()
        self.end()
        for picture in self.output.glob("exemplars/*/*.png"):
            picture.unlink()
        self.open()
        self.one("#view .card a").click()
        wait_for(lambda: self.script(
            "const images = [...document.querySelectorAll('#view .tile img')];"
            "return images.length && images.every((i) => i.style.visibility === 'hidden')"))

    def test_fits_everybody(self):
        self.started()
        self.send(60)
        self.end()
        wait_for(lambda: self.one("#state-text").text == "The stream has ended")
        for size in (PHONE, DESKTOP):
            self.sized(size)
            for scheme in ("light", "dark"):
                self.coloured(scheme)
                self.open()
                link = self.one("#view .card a").get_attribute("href")
                for where in ("", link[link.index("#"):]):
                    self.open(where)
                    self.all("#view .card, #view .tile")
                    for problem in (TOO_WIDE, LOW_CONTRAST, UNNAMED):
                        self.assertEqual(self.script(problem), [], (size, scheme, where))
                self.one("#view .tile").click()
                wait_for(lambda: self.one("#viewer").get_attribute("open"))
                for problem in (TOO_WIDE, LOW_CONTRAST, UNNAMED):
                    self.assertEqual(self.script(problem), [], (size, scheme, "viewer"))
        self.coloured("light")

    def test_the_keyboard_reaches_everything(self):
        self.started()
        self.end()
        wait_for(lambda: self.one("#state-text").text == "The stream has ended")  # it changes no more
        self.script("document.body.focus()")
        reached = []
        for _ in range(4):
            self.press(Keys.TAB)
            reached.append(self.script("return document.activeElement.textContent.trim()"))
        self.assertEqual(reached[0], "Skip to the groups")
        self.assertEqual(reached[1:], self.texts(".card h2"))
        self.focused().send_keys(Keys.ENTER)
        wait_for(lambda: self.focused().tag_name == "h2")
        tile = self.one("#view .tile")
        tile.send_keys(Keys.ENTER)
        wait_for(lambda: self.focused().get_attribute("id") == "viewer-name")
        source = lambda: self.one("#viewer-image").get_attribute("src")
        before = source()
        self.press(Keys.ARROW_RIGHT)
        wait_for(lambda: source() != before)
        self.press(Keys.ARROW_LEFT)
        wait_for(lambda: source() == before)
        self.press(Keys.ESCAPE)
        wait_for(lambda: not self.one("#viewer").get_attribute("open"))
        self.assertEqual(self.focused(), tile)


if __name__ == "__main__":
    runner = TAPTestRunner()
    runner.set_stream(True)
    unittest.main(argv=sys.argv[:1], testRunner=runner)
