#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every header compiles alone: headers_alone.py SOURCE_ROOT LEFT_OUT COMPILER [FLAG...]

A header that needs another one to be included first is reported with the compiler's own words.
LEFT_OUT lists, with commas between, headers of libraries that this build is without; ours that
include them are passed over.
"""
import pathlib
import re
import subprocess
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def needs(header, left_out, folders):
    """Whether the header includes one of `left_out`, itself or by others of ours."""
    for name in INCLUDE.findall(header.read_text()):
        if name in left_out:
            return True
        within = [folder / name for folder in (header.parent, *folders) if (folder / name).is_file()]
        if within and needs(within[0], left_out, folders):
            return True
    return False


def main(root, left_out, compiler):
    folders = [root / folder for folder in ("core", "elements", "tools", "tests")]
    headers = [path for folder in folders for path in sorted(folder.glob("**/*.h"))
               if not needs(path, left_out, folders)]
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
    sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2].split(","), sys.argv[3:]))
