#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Manual page and completion know what the program knows.

documentation.py DRIFTCLUSTER MANUAL COMPLETION
"""
import re
import shutil
import subprocess
import sys
import unittest

from tap.runner import TAPTestRunner

PROGRAM, MANUAL, COMPLETION = sys.argv[1:4]


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def commands():
    listed = output_of(PROGRAM, "--help").split("Commands:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


def options(command):
    """The long options of a command with "=" where they take a value, and the short ones."""
    listed = output_of(PROGRAM, command, "--help").split("Help Options:\n")[1]
    found = re.findall(r"^  (?:(-\w), )?(--[\w-]+=?)", listed, re.MULTILINE)
    return {long for _, long in found}, {short for short, _ in found if short}


def documented_options(command):
    """What the section of a command in the manual page has as tags of its paragraphs."""
    with open(MANUAL, encoding="utf-8") as stream:
        page = stream.read()
    section = re.search(rf"(?ms)^\.SS {command}$.*?(?=^\.S[SH] )", page).group()
    tags = " ".join(re.findall(r"(?m)^\.TP\n(.*)$", section))
    tags = re.sub(r"\\f[A-Z]", "", tags).replace("\\-", "-").replace(" =", "=")
    return set(re.findall(r"(?<!\S)--?[\w-]+=?", tags))


class DocumentationTest(unittest.TestCase):
    def test_there_is_something_to_compare(self):
        self.assertGreaterEqual(len(commands()), 8)
        self.assertIn("--clusters=", options("train")[0])
        self.assertIn("-k", options("train")[1])

    def test_manual_names_every_option_of_every_command(self):
        for command in commands():
            long, short = options(command)
            self.assertLessEqual((long | short) - {"--help", "-h"}, documented_options(command),
                                 command)

    def test_completion_offers_every_command(self):
        offered = output_of("bash", "-c", f'source "{COMPLETION}"; COMP_WORDS=(driftcluster ""); '
                            'COMP_CWORD=1; _driftcluster; printf "%s\\n" "${COMPREPLY[@]}"')
        self.assertLessEqual(set(commands()), set(offered.split()))

    def test_completion_offers_every_option_of_every_command(self):
        for command in commands():
            offered = output_of("bash", "-c",
                                f'source "{COMPLETION}"; _driftcluster_options {command}')
            self.assertLessEqual(options(command)[0], set(offered.split()), command)

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_manual_is_formatted_without_a_warning(self):
        result = subprocess.run(["groff", "-man", "-ww", "-z", MANUAL], capture_output=True,
                                text=True, timeout=60)
        self.assertEqual((result.returncode, result.stderr), (0, ""))


if __name__ == "__main__":
    if not shutil.which("bash"):
        print("1..0 # SKIP bash is not installed")
        sys.exit(0)
    runner = TAPTestRunner()
    runner.set_stream(True)
    unittest.main(argv=sys.argv[:1], testRunner=runner)
