#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`driftcluster state` as a person meets it: state.py DRIFTCLUSTER"""
import ast
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

from tap.runner import TAPTestRunner

PROGRAM = sys.argv[1]
SIZES = {"F32": "f", "F64": "d", "I64": "q", "U8": "B"}


def run(*arguments, limit=None):
    command = [PROGRAM, "state", *map(str, arguments)]
    if limit is not None:  # the largest file that may be written, as a full disk
        command = ["bash", "-c", f"ulimit -f {limit}; exec \"$@\"", "bash", *command]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def padded(text, size):
    return text.encode().ljust(size, b"\0")


def state(centroids, labels, prefix, version="2", encoder="test", **changed):
    """A state file with 8 members on a small cross about each centroid."""
    count, dim = len(centroids), len(centroids[0])
    members = [[x + (0.1 if j == i % dim else -0.1) * (1 if i % 2 else -1) for j, x in enumerate(row)]
               for row in centroids for i in range(8)]
    uuids = [f"{prefix}{k:07d}-0000-4000-8000-000000000000" for k in range(count)]
    tensors = {
        "version": ("I64", [], [3]), "accepted": ("I64", [], [100]), "rejected": ("I64", [], [0]),
        "adaptations": ("I64", [], [2]), "since_adaptation": ("I64", [], [0]),
        "random.state": ("I64", [], [1]), "random.increment": ("I64", [], [3]),
        "centroids": ("F32", [count, dim], sum(centroids, [])),
        "reference": ("F32", [count, dim], sum(centroids, [])),
        "uuids": ("U8", [count, 36], b"".join(u.encode() for u in uuids)),
        "labels": ("U8", [count, 64], b"".join(padded(label, 64) for label in labels)),
        "named": ("U8", [count], [not label.startswith("cluster-") for label in labels]),
        "mass": ("F64", [count], [8] * count), "published_mass": ("F64", [count], [8] * count),
        "spread": ("F32", [count], [0.2] * count), "shift": ("F32", [count], [0] * count),
        "evidence": ("F64", [count], [0] * count), "shares": ("F64", [count], [1 / count] * count),
        "survival": ("F32", [count, 33], [0] * 33 * count), "temperature": ("F32", [], [1]),
        "memory.counts": ("I64", [count], [8] * count), "memory.heads": ("I64", [count], [0] * count),
        "memory.rows": ("F32", [8 * count, dim], sum(members, [])),
        "memory.times": ("I64", [8 * count], list(range(8 * count))),
        "next_number": ("I64", [], [count]), "pinned": ("U8", [count], [0] * count),
        "ignored": ("U8", [count], [0] * count), "pins": ("F32", [0, dim], []),
        "reach": ("F32", [count], [0] * count), "seen": ("I64", [count], [0] * count),
    }
    if version == "1":
        for name in ("next_number", "pinned", "ignored", "pins", "reach", "seen"):
            del tensors[name]
        tensors["survival"] = ("F32", [count, 36], [0] * 36 * count)
    tensors.update(changed)
    header, data = {"__metadata__": {"format": "driftcluster-state", "format_version": version,
                                     "encoder": encoder}}, b""
    for name, (kind, shape, numbers) in tensors.items():
        packed = (bytes(numbers) if kind == "U8"
                  else struct.pack(f"<{len(numbers)}{SIZES[kind]}", *numbers))
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


LEFT, RIGHT, FAR = [0.0, 0.0, 0.0], [5.0, 0.0, 0.0], [0.0, 9.0, 0.0]


class StateTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.home = pathlib.Path(self.folder.name)
        self.addCleanup(self.folder.cleanup)
        self.a = self.file("a", state([LEFT, RIGHT], ["cats", "cluster-1"], "a"))
        self.b = self.file("b", state([[0.01, 0, 0], FAR], ["cluster-0", "cluster-1"], "b"))

    def file(self, name, content):
        path = self.home / name
        path.write_bytes(content)
        return path

    def refused(self, result, code, *words):
        self.assertEqual(result.returncode, code, result.stderr + result.stdout)
        for word in words:
            self.assertIn(str(word), result.stderr)

    def exported(self, path):
        result = run("export", path, "--output", self.home / "x.json")
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads((self.home / "x.json").read_text())

    def test_inspect_prints_each_cluster(self):
        result = run("inspect", self.a)
        self.assertEqual(result.returncode, 0, result.stderr)
        for word in ('"cats"', "cluster-1", "a0000001-0000-4000-8000-000000000000", "test",
                     "3 numbers", "100 received"):
            self.assertIn(word, result.stdout)

    def test_inspect_tells_of_an_unfinished_warm_up(self):
        warm = {name: entry for name, entry in {
            "sampled": ("I64", [], [1]), "sample.rows": ("F32", [1, 3], LEFT),
            "sample.times": ("I64", [1], [0])}.items()}
        content = state([LEFT], ["cats"], "a", **warm)
        # without centroids it is a state that warms up
        size = struct.unpack("<Q", content[:8])[0]
        content = content[:8] + content[8:8 + size].replace(b'"centroids"', b'"centroidz"') + content[8 + size:]
        young = self.file("young", content)
        self.assertIn("before the end of the warm-up", run("inspect", young).stdout)
        self.refused(run("export", young, "--output", self.home / "x.json"), 1, "warm-up", young)
        self.refused(run("merge", self.a, young, "--output", self.home / "c"), 1, "warm-up", young)

    def test_export_to_json_has_everything(self):
        exported = self.exported(self.a)
        self.assertEqual(exported["encoder"], "test")
        self.assertEqual([c["label"] for c in exported["clusters"]], ["cats", "cluster-1"])
        self.assertEqual([c["named"] for c in exported["clusters"]], [True, False])
        self.assertEqual(exported["clusters"][1]["centroid"], RIGHT)

    def test_export_to_npy_has_the_centroids(self):
        path = self.home / "x.npy"
        self.assertEqual(run("export", self.a, "--output", path).returncode, 0)
        content = path.read_bytes()
        size = struct.unpack("<H", content[8:10])[0]
        header = ast.literal_eval(content[10:10 + size].decode())
        self.assertEqual((header["descr"], header["shape"]), ("<f4", (2, 3)))
        self.assertEqual(list(struct.unpack("<6f", content[10 + size:])), LEFT + RIGHT)

    def test_merge_matches_and_adds(self):
        result = run("merge", self.a, self.b, "--output", self.home / "c")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("1 clusters are in both, 1 are added", result.stdout)
        clusters = self.exported(self.home / "c")["clusters"]
        self.assertEqual([(c["uuid"][:8], c["label"], c["embeddings"]) for c in clusters],
                         [("a0000000", "cats", 16), ("a0000001", "cluster-1", 8),
                          ("b0000001", "cluster-2", 8)])

    def test_merge_is_deterministic(self):
        for name in "cd":
            self.assertEqual(run("merge", self.a, self.b, "--output", self.home / name).returncode, 0)
        self.assertEqual((self.home / "c").read_bytes(), (self.home / "d").read_bytes())

    def test_an_older_version_is_read(self):
        old = self.file("old", state([LEFT, FAR], ["dogs", "cluster-1"], "b", version="1"))
        self.assertIn('"dogs"', run("inspect", old).stdout)
        self.assertEqual(run("merge", self.a, old, "--output", self.home / "c").returncode, 0)

    def test_a_newer_version_is_refused(self):
        new = self.file("new", state([LEFT], ["dogs"], "b", version="7"))
        for arguments in (("inspect", new), ("merge", self.a, new, "--output", self.home / "c")):
            self.refused(run(*arguments), 1, new, '"7"')

    def test_another_encoder_is_refused_with_both_names(self):
        other = self.file("other", state([LEFT], ["dogs"], "b", encoder="another"))
        self.refused(run("merge", self.a, other, "--output", self.home / "c"), 1, '"test"', '"another"',
                     self.a, other)
        self.assertFalse((self.home / "c").exists())

    def test_another_dimension_is_refused(self):
        other = self.file("other", state([[1.0, 2.0]], ["dogs"], "b"))
        self.refused(run("merge", self.a, other, "--output", self.home / "c"), 1, "3 numbers", "2 numbers")

    def test_damaged_states_are_refused(self):
        whole = self.a.read_bytes()
        for name, content in (("cut", whole[:-5]), ("empty", b""), ("text", b"no state at all"),
                              ("nan", state([LEFT], ["x"], "a", mass=("F64", [1], [float("nan")])))):
            damaged = self.file(name, content)
            for arguments in (("inspect", damaged), ("merge", damaged, self.b, "--output", self.home / "c"),
                              ("merge", self.b, damaged, "--output", self.home / "c"),
                              ("export", damaged, "--output", self.home / "c.json")):
                self.refused(run(*arguments), 1, damaged)
        self.assertFalse((self.home / "c").exists())

    def test_a_missing_file_is_refused(self):
        self.refused(run("inspect", self.home / "none"), 1, self.home / "none")

    def test_one_file_is_not_merged_with_itself(self):
        link = self.home / "link"
        link.symlink_to(self.a)
        self.refused(run("merge", self.a, link, "--output", self.home / "c"), 2, "one file")

    def test_an_output_that_cannot_be_written_is_told(self):
        for arguments in (("merge", self.a, self.b, "--output", self.home / "none" / "c"),
                          ("export", self.a, "--output", self.home / "none" / "c.json"),
                          ("export", self.a, "--output", self.home / "none" / "c.npy")):
            self.refused(run(*arguments), 1, self.home / "none")

    def test_a_full_disk_leaves_the_old_file(self):
        output = self.file("c", b"old")
        self.refused(run("merge", self.a, self.b, "--output", output, limit=0), 1, output)
        self.assertEqual(output.read_bytes(), b"old")
        self.assertEqual(sorted(p.name for p in self.home.iterdir()), ["a", "b", "c"])

    def test_command_lines_that_make_no_sense_are_refused(self):
        for arguments, word in (((), "inspect"), (("forget",), "forget"), (("inspect",), "one state"),
                                (("merge", self.a), "two state"), (("merge", self.a, self.b), "--output"),
                                (("export", self.a), "--output"),
                                (("export", self.a, "--output", "x.txt"), ".npy")):
            self.refused(run(*arguments), 2, word)


if __name__ == "__main__":
    runner = TAPTestRunner()
    runner.set_stream(True)
    unittest.main(argv=sys.argv[:1], testRunner=runner)
