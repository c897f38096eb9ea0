#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the quick recipes of pipelines/ as a user would, each in an empty folder.

    recipes.py FOLDER_OF_PIPELINES BUILD_FOLDER

A recipe is quick when it says so in a comment of its own, `# test: quick`: it needs no screen, no
camera, no network and no data of its user, and ends within a minute. A recipe fails by its exit
status, by a warning of GLib or GStreamer, or by taking longer. Exits with 77 (skipped) without quick
recipes.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

QUICK = re.compile(r"^# test: quick$", re.MULTILINE)
COMPLAINT = re.compile(r"(CRITICAL|WARNING) \*\*|^ERROR|^WARNING", re.MULTILINE)
LIMIT_S = 60


def problem_of(recipe, build):
    """The reason why `recipe` fails, or None."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "DRIFTCLUSTER_BUILD": build, "DRIFTCLUSTER_OUTPUT": folder}
        try:
            process = subprocess.run(["bash", recipe], cwd=folder, env=environment, timeout=LIMIT_S,
                                     text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired:
            return f"did not end within {LIMIT_S} seconds"
    if process.returncode:
        return f"exit status {process.returncode}:\n{process.stdout}"
    if COMPLAINT.search(process.stdout):
        return process.stdout
    return None


def main(folder, build):
    recipes = [path for path in sorted(folder.glob("*.sh")) if QUICK.search(path.read_text())]
    problems = 0
    for recipe in recipes:
        problem = problem_of(recipe.resolve(), build)
        problems += problem is not None
        print(f"{'failed' if problem else 'fine'}: {recipe.name}"
              + (f"\n  {problem}" if problem else ""))
    if not recipes:
        print(f"no recipe in {folder} is marked as quick")
        return 77
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2]))
