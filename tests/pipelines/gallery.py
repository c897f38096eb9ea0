#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the recipe that shows the groups of a stream on a page: gallery.py RECIPES BUILD_FOLDER"""
import json
import os
import signal
import time

from recipe import RecipeTest, main, read_lines


class GalleryTest(RecipeTest):
    def data(self, output):
        text = (output / "data/groups.js").read_text(encoding="utf-8")
        return json.loads(text[text.index("(") + 1:text.rindex(")")])

    def present(self, output):
        return [group for group in self.data(output)["groups"] if group["state"] == "present"]

    def test_a_recording_becomes_a_page_and_goes_on_from_its_groups(self):
        recording, output = self.scene("square", "--seconds", 20), self.home / "out put"
        text = self.assert_well("gallery", recording, output, "--clusters", 3, "--title", "A <square>")
        self.assertIn(f"{output}/index.html", text)
        self.assertNotIn("No group yet", text)
        gallery = self.data(output)
        self.assertEqual((gallery["title"], gallery["ended"]), ("A <square>", True))
        groups = self.present(output)
        self.assertEqual(len(groups), 3)
        for group in groups:
            self.assertTrue(group["exemplars"])
            for exemplar in group["exemplars"]:
                self.assertTrue((output / exemplar["file"]).is_file())
        self.assertEqual(len(read_lines(output / "results.jsonl")), 500)
        known = {group["uuid"] for group in groups}
        self.assert_well("gallery", recording, output, "--clusters", 3)
        self.assertEqual(self.data(output)["title"], "square.avi")
        self.assertLessEqual({group["uuid"] for group in self.present(output)}, known)

    def test_the_page_follows_a_camera_until_it_is_stopped(self):
        _, port = self.camera(self.scene("camera", "--seconds", 60))
        output = self.home / "out"
        self.environment["DRIFTCLUSTER_WARM_UP"] = "100"
        recipe = self.start("gallery", f"rtsp://127.0.0.1:{port}/camera", output, "--patience", 20)
        try:
            self.wait_for_lines(output / "results.jsonl", 20)
            end = time.monotonic() + 120
            while not self.present(output) or not self.present(output)[0]["exemplars"]:
                self.assertLess(time.monotonic(), end, "no group appears")
                self.assertIsNone(recipe.poll())
                time.sleep(0.2)
            self.assertFalse(self.data(output)["ended"])
        finally:
            os.killpg(recipe.pid, signal.SIGINT)
            text, _ = recipe.communicate(timeout=300)
        self.assertEqual(recipe.returncode, 0, text)
        self.assertTrue(self.data(output)["ended"])
        self.assertTrue((output / "groups.safetensors").is_file())

    def test_too_little_that_moves_is_said(self):
        recording = self.scene("short", "--seconds", 4)
        text = self.assert_well("gallery", recording, self.home / "out")
        self.assertIn("No group yet", text)

    def test_bad_input_is_told(self):
        junk, out = self.home / "junk.mp4", self.home / "out"
        junk.write_bytes(bytes(range(256)) * 400)
        self.assert_fails("no video that can be read", "gallery", junk, out)
        self.assert_fails("cannot be reached", "gallery", "rtsp://127.0.0.1:9/none", out)
        self.assert_fails("there is no such file", "gallery", self.home / "none.mp4", out)
        self.assert_fails("no such model", "gallery", junk, out, "--model", self.home / "none.onnx")
        self.assert_fails("a whole number", "gallery", junk, out, "--clusters", "many")
        self.assert_fails("whole seconds", "gallery", junk, out, "--patience", "0")
        self.assert_fails("no such option", "gallery", "--fast", junk)
        self.assert_fails("too much", "gallery", junk, out, "more")
        self.assert_fails("needs a value", "gallery", junk, "--title")
        self.assert_fails("which file or URI", "gallery")
        self.assert_fails("cannot be made", "gallery", junk, junk / "below")

    def test_a_folder_of_others_is_left_alone(self):
        recording, output = self.scene("short", "--seconds", 2), self.home / "mine"
        output.mkdir()
        (output / "results.jsonl").write_text("mine")
        self.assert_fails("holds other files", "gallery", recording, output)
        self.assertEqual([(path.name, path.read_text()) for path in output.iterdir()], [("results.jsonl", "mine")])


if __name__ == "__main__":
    main()
