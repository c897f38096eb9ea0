#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the quickstart as a user would: quickstart.py QUICKSTART BUILD_FOLDER"""
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

from tap.runner import TAPTestRunner

QUICKSTART, BUILD = sys.argv[1], sys.argv[2]
COMPLAINT = re.compile(r"(CRITICAL|WARNING) \*\*|^ERROR|^WARNING", re.MULTILINE)


class QuickstartTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.home = pathlib.Path(folder.name)
        self.addCleanup(folder.cleanup)

        self.options = {"env": {**os.environ, "DRIFTCLUSTER_BUILD": BUILD,
                                "DRIFTCLUSTER_OUTPUT": str(self.home / "output")},
                        "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}

    def command(self, *arguments):
        return ["bash", QUICKSTART, *map(str, arguments)]

    def run_quickstart(self, *arguments, folder=None):
        return subprocess.run(self.command(*arguments), cwd=folder, text=True, timeout=280, **self.options)

    def assert_well(self, result):
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIsNone(COMPLAINT.search(result.stdout), result.stdout)

    def test_adapting_beats_freezing_on_the_drifting_digits(self):
        result = self.run_quickstart()
        self.assert_well(result)
        tables = re.findall(r"^part 3 +6000 +3000 +([\d.]+) +([\d.]+) +([\d.]+) +0$", result.stdout,
                            re.MULTILINE)
        self.assertEqual(len(tables), 2, result.stdout)
        frozen, adapting = ([float(score) for score in table] for table in tables)
        print(f"# after the drift, ACC NMI ARI: frozen {frozen}, adapting {adapting}")
        for before, after, gain in zip(frozen, adapting, GAINS):
            self.assertGreater(after, before + gain, result.stdout)
        home = self.home / "output/digits"
        for name in ("adapting", "frozen"):
            self.assertEqual((home / f"{name}.png").read_bytes()[:4], b"\x89PNG")
            self.assertEqual(len((home / f"{name}.jsonl").read_text().splitlines()), 9000)
        model = (home / "model.safetensors").stat().st_mtime_ns
        self.assert_well(self.run_quickstart())
        self.assertEqual((home / "model.safetensors").stat().st_mtime_ns, model)

    def tool(self, *arguments):
        result = subprocess.run([f"{BUILD}/tools/driftcluster", *map(str, arguments)],
                                capture_output=True, text=True, timeout=120)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def make_pictures(self):
        self.tool("digits", "--output", self.home / "digits", "--train", 50, "--before", 300,
                  "--during", 1, "--after", 1)
        pictures = self.home / "my pictures"
        (self.home / "digits/stream").rename(pictures)
        return pictures

    def test_groups_a_folder_as_a_model_sees_it(self):
        pictures, model = self.make_pictures(), self.home / "my model.safetensors"
        self.tool("train", "--clusters", 2, "--epochs", 1, "--output", model,
                  self.home / "digits/train-images-idx3-ubyte")
        self.assert_well(self.run_quickstart("--model", model, pictures))
        states = list((self.home / "output").rglob("groups.safetensors"))
        self.assertEqual(len(states), 1)
        self.assertIn("my_model", str(states[0]))
        encoder = re.search(r"sha256:\w+", self.tool("inspect", model)).group()
        self.assertIn(encoder, states[0].read_bytes().decode(errors="replace"))

    def test_refuses_a_model_that_is_none(self):
        (self.home / "net.onnx").write_text("no network")
        result = self.run_quickstart(f"--model={self.home}/net.onnx", self.make_pictures())
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("net.onnx", result.stdout)
        self.assertIn("cannot be seen by it", result.stdout)
        self.assertFalse((self.home / "output").exists(), "it decoded before it looked at the model")

    def test_refuses_options_that_make_no_sense(self):
        for arguments, word in (
                (["--model"], "--model needs"), (["--model", self.home / "none", "a"], "none: there"),
                (["--model", QUICKSTART], "pictures of your own"), (["--modle=x", "a"], "--modle=x")):
            result = self.run_quickstart(*arguments)
            self.assertEqual(result.returncode, 1)
            self.assertIn(word, result.stdout)

    def test_groups_a_folder_of_its_user(self):
        pictures = self.make_pictures()
        result = self.run_quickstart(pictures)
        self.assert_well(result)
        self.assertIn("302 pictures", result.stdout)
        results, = (self.home / "output").rglob("results.jsonl")
        lines = [json.loads(line) for line in results.read_text().splitlines()]
        self.assertEqual([line["frame"] for line in lines], list(range(302)))
        self.assertTrue(all(line["regions"][0]["cluster"] for line in lines))
        self.assertTrue((results.parent / "clusters.png").exists())

    def test_the_folder_where_one_is_has_an_output_of_its_own(self):
        pictures, others = self.make_pictures(), self.home / "others/my pictures"
        others.mkdir(parents=True)
        for i in range(270):
            (pictures / f"{i:05d}.png").rename(others / f"{i:05d}.png")
        for folder, count in ((pictures, 32), (others, 270)):
            result = self.run_quickstart(".", folder=folder)
            self.assert_well(result)
            self.assertIn(f"{count} pictures", result.stdout)
        self.assertEqual(len(list((self.home / "output").glob("my_pictures-*/clusters.png"))), 2)

    def players(self):
        """The processes that play what lies in the folder of this test."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                line = (process / "cmdline").read_bytes()
                if line.startswith(b"gst-launch-1.0") and str(self.home).encode() in line:
                    found.append(process.name)
        return found

    def wait_for_players(self, wanted):
        end = time.monotonic() + 120
        while bool(self.players()) != wanted:
            self.assertLess(time.monotonic(), end, f"players: {self.players()}")
            time.sleep(0.01)

    def test_what_it_plays_ends_with_it(self):
        pictures = self.make_pictures()
        for i in range(2700):
            (pictures / f"{i + 302:05d}.png").symlink_to(pictures / f"{i % 302:05d}.png")
        process = subprocess.Popen(self.command(pictures), **self.options)
        self.addCleanup(process.communicate)
        self.wait_for_players(True)
        process.terminate()
        self.assertNotEqual(process.wait(20), 0)
        self.wait_for_players(False)
        lines = [path.read_bytes().count(b"\n") for path in (self.home / "output").rglob("warm-up.jsonl")]
        self.assertLess(sum(lines), 3002, "it played on to the end")

    def test_refuses_what_does_not_exist(self):
        result = self.run_quickstart(self.home / "nothing")
        self.assertEqual(result.returncode, 1)
        self.assertIn("nothing: there is no such file or folder", result.stdout)

    def test_refuses_a_folder_without_pictures(self):
        (self.home / "empty").mkdir()
        result = self.run_quickstart(self.home / "empty")
        self.assertEqual(result.returncode, 1)
        self.assertIn("nothing to show", result.stdout)

    def test_refuses_two_inputs(self):
        result = self.run_quickstart("a", "b")
        self.assertEqual(result.returncode, 1)
        self.assertIn("at most", result.stdout)


# What adapting gains at the least, in points of ACC, NMI and ARI; the figures themselves are printed.
GAINS = (8, 8, 8)

if __name__ == "__main__":
    runner = TAPTestRunner()
    runner.set_stream(True)
    unittest.main(argv=sys.argv[:1], testRunner=runner)
