# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the recipes for cameras and recordings share: TEST.py RECIPES BUILD_FOLDER"""
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

RECIPES, BUILD = pathlib.Path(sys.argv[1]), sys.argv[2]
HERE = pathlib.Path(__file__).parent
COMPLAINT = re.compile(r"(CRITICAL|WARNING) \*\*|^ERROR|^WARNING", re.MULTILINE)


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


class RecipeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.home = pathlib.Path(folder.name)
        self.addCleanup(folder.cleanup)
        self.environment = {**os.environ, "DRIFTCLUSTER_BUILD": BUILD}

    def scene(self, name, *arguments):
        """A drawn recording; what is on it is in NAME.json."""
        path = self.home / f"{name}.avi"
        subprocess.run([sys.executable, HERE / "scene.py", path, "--labels", path.with_suffix(".json"),
                        "--size", "240x180", *map(str, arguments)], check=True, timeout=400)
        return path

    def start(self, recipe, *arguments):
        # Ctrl-C as on a terminal, even where the tests run in the background and ignore it.
        return subprocess.Popen(["env", "--default-signal=INT", "bash", RECIPES / f"{recipe}.sh", *map(str, arguments)],
                                env=self.environment, text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def run_recipe(self, recipe, *arguments):
        process = self.start(recipe, *arguments)
        output, _ = process.communicate(timeout=560)
        return process.returncode, output

    def assert_well(self, recipe, *arguments):
        status, output = self.run_recipe(recipe, *arguments)
        self.assertEqual(status, 0, output)
        self.assertIsNone(COMPLAINT.search(output), output)
        return output

    def assert_fails(self, expected, recipe, *arguments):
        status, output = self.run_recipe(recipe, *arguments)
        self.assertEqual(status, 1, output)
        self.assertIn(expected, output)

    def camera(self, recording, port=0):
        process = subprocess.Popen([sys.executable, HERE / "rtsp_camera.py", recording, str(port)], text=True,
                                   stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        line = process.stdout.readline()
        if not line:
            self.assertEqual(process.wait(), 77)
            self.skipTest("gir1.2-gst-rtsp-server-1.0 is not there")
        return process, int(line)

    def wait_for_file(self, path):
        end = time.monotonic() + 120
        while not (path.exists() and path.stat().st_size):
            self.assertLess(time.monotonic(), end, f"{path} is not made")
            time.sleep(0.2)

    def wait_for_lines(self, path, count):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if path.exists() and path.read_bytes().count(b"\n") >= count:
                return path.read_bytes().count(b"\n")
            time.sleep(0.2)
        self.fail(f"{path} does not get {count} lines")
        return 0

    def assert_video(self, path):
        self.assertEqual(path.read_bytes()[:4], b"\x1a\x45\xdf\xa3", f"{path} is no WebM")
        self.assertGreater(path.stat().st_size, 10000)


def main():
    runner = TAPTestRunner()
    runner.set_stream(True)
    unittest.main(argv=sys.argv[:1], testRunner=runner)
