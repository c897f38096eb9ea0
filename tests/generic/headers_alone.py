#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every header compiles alone: headers_alone.py SOURCE_ROOT COMPILER [FLAG...]

A header that needs another one to be included first is reported with the compiler's own words.
"""
import pathlib
import subprocess
import sys


def main(root, compiler):
    headers = [path for folder in ("core", "elements", "tools", "tests")
               for path in sorted((root / folder).glob("**/*.h"))]
    broken = 0
    for header in headers:
        run = subprocess.run([*compiler, "-std=c11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
                              "-x", "c", "-"],
                             input=f'#include "{header}"\n', text=True, capture_output=True)
        if run.returncode:
            broken += 1
            print(f"{header.relative_to(root)} does not compile alone:\n{run.stderr}")
    if not headers:
        print(f"no header found below {root}: wrong folder?")
    return 1 if broken or not headers else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2:]))
