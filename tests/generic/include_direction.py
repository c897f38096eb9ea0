#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Includes point downwards only.

Each folder may include itself and what stands below it; the numeric folders of core/ stay free of
GLib, and core/ of GStreamer. Prints every line that breaks a rule and fails if there is one.
"""
import pathlib
import re
import sys

# A folder of core/ may include the folders of lower levels; folders of one level are strangers.
CORE_LEVELS = {
    "base": 0, "tensor": 1, "image": 2, "nn": 2, "cluster": 3, "onnx": 3,
    "learn": 4, "motion": 4, "stream": 4, "eval": 4, "store": 5,
}
# The rest of the tree from bottom to top, with what each may include besides core/.
ABOVE_CORE = {
    "elements": {"elements"},
    "plugin": {"elements", "plugin"},
    "tools": {"elements", "tools"},
}
FOREIGN = {"glib": ("glib", "gio", "json-glib", "gobject", "gmodule"), "gst": ("gst",)}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1)


def is_foreign(name, kind):
    return name.split("/")[0].removesuffix(".h") in FOREIGN[kind]


def core_problem(folder, name):
    if is_foreign(name, "gst"):
        return "core/ knows nothing of GStreamer"
    if folder != "store" and is_foreign(name, "glib"):
        return "GLib belongs to core/store only"
    target = name.split("/")[0]
    if "/" in name and target in CORE_LEVELS and target != folder:
        if CORE_LEVELS[target] >= CORE_LEVELS[folder]:
            return f"{folder}/ is not above {target}/"
    if target in ABOVE_CORE and "/" in name:
        return f"core/ is below {target}/"
    return None


def upper_problem(folder, name):
    target = name.split("/")[0]
    if "/" in name and target in ABOVE_CORE and target not in ABOVE_CORE[folder]:
        return f"{folder}/ is not above {target}/"
    return None


def sources(root):
    for folder in ("core", *ABOVE_CORE):
        yield from sorted((root / folder).glob("**/*.[ch]"))


def main(root):
    problems = seen = 0
    for path in sources(root):
        parts = path.relative_to(root).parts
        for number, name in includes(path):
            if parts[0] != "core":
                problem = upper_problem(parts[0], name)
            elif len(parts) > 2:
                problem = core_problem(parts[1], name)
            else:
                continue
            seen += 1
            if problem:
                problems += 1
                print(f"{path.relative_to(root)}:{number}: includes {name}: {problem}")
    if not seen:
        print(f"no include line found below {root}: wrong folder?")
    return 1 if problems or not seen else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
