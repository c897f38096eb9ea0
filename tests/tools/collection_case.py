# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of collections at the command line share: TEST.py DRIFTCLUSTER"""
import contextlib
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

from tap.runner import TAPTestRunner

PROGRAM = sys.argv[1]
NOBODY = 65534


def run(*arguments, **options):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, errors="replace",
                          timeout=120, **options)


def wait_for(what, seconds=20):
    """Waits until `what()` is true, and returns what it gave."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError, sqlite3.OperationalError):
            if found := what():
                return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


class CollectionTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.home = pathlib.Path(holder.name)
        self.folder, self.output = self.home / "pictures", self.home / "groups"
        self.folder.mkdir()

    def categorise(self, *options, **more):
        return run("categorise", *options, str(self.folder), str(self.output), **more)

    def made(self, *options, **more):
        result = self.categorise(*options, **more)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def refused(self, result, *words):
        self.assertEqual(result.returncode, 1, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)

    def data(self, name="index"):
        text = (self.output / f"data/{name}.js").read_text(encoding="utf-8")
        self.assertTrue(text.startswith("driftcluster.") and text.endswith(");\n"))
        return json.loads(text[text.index("(") + 1:-3])

    def query(self, sql, *values):
        with contextlib.closing(sqlite3.connect(self.output / "collection.sqlite")) as database:
            return database.execute(sql, values).fetchall()

    def paths_by_group(self):
        return [{path for _, path, *_ in self.data(f"group-{group['id']}")["pictures"]}
                for group in self.data()["groups"]]

    def skip_unless_nobody_may_run_the_program(self):
        """Root may read and write everything; what may not be is seen by another user."""
        self.home.chmod(0o755)
        if not os.access(PROGRAM, os.X_OK) or subprocess.run(
                [PROGRAM, "--version"], capture_output=True, user=NOBODY).returncode != 0:
            self.skipTest("nobody may not run the program here")

    def wait_for_embeddings(self, count):
        wait_for(lambda: (self.output / "collection.sqlite").exists()
                 and self.query("SELECT count(*) FROM embeddings")[0][0] > count)

    def watch(self, *options, **more):
        watching = subprocess.Popen([PROGRAM, "categorise", "--watch", *options, str(self.folder),
                                     str(self.output)], stderr=subprocess.PIPE,
                                    stdout=subprocess.DEVNULL, text=True, **more)

        def end():
            if watching.poll() is None:
                watching.send_signal(signal.SIGINT)
                watching.wait(20)
            watching.stderr.close()
        self.addCleanup(end)
        wait_for(lambda: self.data()["status"] == "watching")
        return watching


def main():
    runner = TAPTestRunner()
    runner.set_stream(True)
    unittest.main(argv=sys.argv[:1], testRunner=runner)
