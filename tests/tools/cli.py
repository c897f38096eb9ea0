#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line as a person meets it: cli.py DRIFTCLUSTER"""
import gzip
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

from tap.runner import TAPTestRunner

PROGRAM = sys.argv[1]


def run(*arguments, **environment):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          timeout=120, env=os.environ | environment)


def idx(*shape, data):
    return struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + bytes(data)


def png(width, height, rows):
    """A grey PNG of `rows`, a list of byte strings."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))
    raw = b"".join(b"\0" + row for row in rows)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def npy(numbers, shape, kind="<f4"):
    """A .npy file (NumPy's format, version 1.0) of `numbers` in one list."""
    code = {"<f4": "f", "<f8": "d", "|u1": "B", "<u4": "I", "<i8": "q"}[kind]
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {tuple(shape)}, }}\n".encode()
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
            + struct.pack(f"<{len(numbers)}{code}", *numbers))


def json_lines(clusters, frames=None):
    """Lines of publish-clusters; `clusters` of the first frames, unless `frames` numbers others."""
    lines = []
    for frame, cluster in zip(frames or range(len(clusters)), clusters, strict=True):
        described = None if cluster is None else {"id": cluster, "label": f"cluster-{cluster}"}
        lines.append(json.dumps({"schema": 1, "frame": frame, "regions": [{"cluster": described}]}) + "\n")
    return "".join(lines)


class CommandLineTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.home = pathlib.Path(self.folder.name)
        self.addCleanup(self.folder.cleanup)

    def file(self, name, content):
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def assert_refused(self, result, code, *words):
        self.assertEqual(result.returncode, code, result.stderr)
        for word in words:
            self.assertIn(str(word), result.stderr)


class ProgramTest(CommandLineTest):
    def test_help_names_every_command_and_each_has_help(self):
        result = run("--help")
        self.assertEqual(result.returncode, 0)
        commands = [line.split()[0] for line in result.stdout.split("Commands:\n")[1].splitlines()
                    if line.startswith("  ")]
        self.assertGreaterEqual(len(commands), 5)
        for command in commands:
            described = run(command, "--help")
            self.assertEqual(described.returncode, 0, command)
            self.assertIn(f"driftcluster {command}", described.stdout)

    def test_refuses_no_command(self):
        self.assert_refused(run(), 2, "Usage")

    def test_refuses_unknown_command(self):
        self.assert_refused(run("cluster"), 2, '"cluster"')

    def test_refuses_unknown_option(self):
        self.assert_refused(run("score", "--nonsense"), 2, "--nonsense", "--help")


class ScoreTest(CommandLineTest):
    def score(self, clusters, labels, *options, frames=None):
        results = self.file("results.jsonl", json_lines(clusters, frames))
        truth = self.file("labels", idx(len(labels), data=labels))
        return run("score", results, "--labels", truth, "--json", *options)

    def test_a_renamed_clustering_is_perfect(self):
        result = self.score([7, 7, 3, 3], [0, 0, 1, 1])
        self.assertEqual(json.loads(result.stdout), {
            "part": "all", "first": 0, "frames": 4, "acc": 1, "nmi": 1, "ari": 1, "unassigned": 0})

    def test_parts_are_scored_with_the_matching_of_the_whole_stream(self):
        # In the second part the clusters have changed places: grouping is perfect there, identity lost.
        result = self.score([0, 0, 0, 1, 1, 1, 1, 0], [0, 0, 0, 1, 1, 1, 0, 1], "--parts", "6")
        whole, first, second = map(json.loads, result.stdout.splitlines())
        self.assertEqual((whole["acc"], first["acc"], second["acc"]), (0.75, 1, 0))
        self.assertEqual((second["first"], second["frames"], second["nmi"]), (6, 2, 1))

    def test_unassigned_frames_count_as_wrong(self):
        result = json.loads(self.score([None, 0, 1, None], [0, 0, 1, 1]).stdout)
        self.assertEqual((result["acc"], result["unassigned"]), (0.5, 2))

    @unittest.skipUnless(shutil.which("localedef"), "localedef is not installed")
    def test_numbers_have_a_point_whatever_the_language(self):
        made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8",
                               self.home / "de_DE.UTF-8"], capture_output=True, text=True)
        if made.returncode:
            self.skipTest("localedef cannot make a locale with a decimal comma: " +
                          made.stderr.splitlines()[0])
        results = self.file("results.jsonl", json_lines([0, 1]))
        labels = self.file("labels", idx(2, data=[0, 0]))
        result = run("score", results, "--labels", labels, "--json", LOCPATH=str(self.home),
                     LC_ALL="de_DE.UTF-8")
        self.assertEqual(json.loads(result.stdout)["acc"], 0.5)

    def test_labels_go_by_the_number_of_the_frame(self):
        # Lines of every third frame: counted instead, they would take the labels 0, 1, 0.
        result = self.score([5, 5, 6, 6], [0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0], "--parts", "4", frames=[0, 3, 6, 9])
        whole, first, second = map(json.loads, result.stdout.splitlines())
        self.assertEqual((whole["acc"], whole["frames"]), (1, 4))
        self.assertEqual([(part["first"], part["frames"]) for part in (first, second)], [(0, 2), (4, 2)])

    def test_refuses_labels_that_do_not_reach_the_last_frame(self):
        self.assert_refused(self.score([0, 1], [0, 1, 0], frames=[0, 3]), 1, "3 labels for 4 frames")

    def test_refuses_a_part_without_a_line(self):
        self.assert_refused(self.score([0, 1], [0] * 10, "--parts", "3,6", frames=[0, 9]), 2, "from 3 to 5")

    def test_refuses_streams_that_are_appended_to_each_other(self):
        self.assert_refused(self.score([0, 1, 0, 1], [0] * 4, frames=[0, 1, 0, 1]), 1, "results.jsonl, line 3",
                            "frame 0 follows frame 1", "several streams")

    def test_labels_may_be_a_numpy_array(self):
        results = self.file("results.jsonl", json_lines([0, 1]))
        labels = self.file("labels.npy", npy([5, 7], (2,), "<i8"))
        result = run("score", results, "--labels", labels, "--json")
        self.assertEqual(json.loads(result.stdout)["acc"], 1)

    def test_refuses_another_number_of_labels_than_frames(self):
        for labels in ([0, 1], [0, 1, 0, 1]):
            self.assert_refused(self.score([0, 1, 2], labels), 1,
                                f"{len(labels)} labels for 3 frames")

    def test_refuses_pictures_as_labels(self):
        results = self.file("results.jsonl", json_lines([0]))
        for name, content, words in (
                ("x-images-idx3-ubyte", idx(1, 2, 2, data=range(4)), "holds no labels"),
                ("x.npy", npy([1, 2], (1, 2)), "holds no labels"),
                ("x.png", png(2, 2, [b"ab"] * 2), "labels are a .npy or an IDX file")):
            path = self.file(name, content)
            self.assert_refused(run("score", results, "--labels", path), 1, path, words)

    def test_refuses_labels_that_are_hardly_groups(self):
        results = self.file("results.jsonl", json_lines([0]))
        labels = self.file("labels.npy", npy([4000000000], (1,), "<u4"))
        self.assert_refused(run("score", results, "--labels", labels), 1, "4000000000")

    def test_refuses_a_line_that_is_not_json(self):
        results = self.file("results.jsonl", json_lines([0]) + "{broken\n")
        labels = self.file("labels", idx(2, data=[0, 1]))
        self.assert_refused(run("score", results, "--labels", labels), 1, results, "line 2")

    def test_refuses_json_of_something_else(self):
        results = self.file("results.jsonl", '{"answer":42}\n')
        labels = self.file("labels", idx(1, data=[0]))
        self.assert_refused(run("score", results, "--labels", labels), 1, "publish-clusters")

    def test_refuses_an_empty_file(self):
        labels = self.file("labels", idx(1, data=[0]))
        self.assert_refused(run("score", self.file("empty", ""), "--labels", labels), 1, "empty")

    def test_refuses_a_missing_file(self):
        self.assert_refused(run("score", self.home / "none", "--labels", "x"), 1, "none")

    def test_refuses_parts_that_do_not_grow(self):
        self.assert_refused(self.score([0, 1, 0], [0, 1, 0], "--parts", "2,1"), 2, "--parts")

    def test_refuses_parts_of_a_single_frame(self):
        refused = self.score([0], [3], "--parts", "1")
        self.assert_refused(refused, 2, "after 0 and before 1")
        self.assertNotIn("CRITICAL", refused.stderr)


class DigitsTest(CommandLineTest):
    def digits(self, name, *options):
        counts = ["--train", 20, "--before", 6, "--during", 5, "--after", 4]
        return run("digits", "--output", self.home / name, *counts, *options)

    def test_writes_what_its_help_says(self):
        self.assertEqual(self.digits("a").returncode, 0)
        train = (self.home / "a/train-images-idx3-ubyte").read_bytes()
        self.assertEqual(struct.unpack(">HBBIII", train[:16]), (0, 8, 3, 20, 28, 28))
        labels = (self.home / "a/stream-labels-idx1-ubyte").read_bytes()
        self.assertEqual(struct.unpack(">HBBI", labels[:8]), (0, 8, 1, 15))
        self.assertTrue(all(label < 10 for label in labels[8:]))
        self.assertEqual(len(list((self.home / "a/stream").glob("*.png"))), 15)

    def test_leaves_no_frames_of_a_longer_earlier_stream(self):
        self.assertEqual(self.digits("a", "--after", 9).returncode, 0)
        self.assertEqual(self.digits("a").returncode, 0)
        self.assertEqual(len(list((self.home / "a/stream").glob("*.png"))), 15)

    def test_equal_seeds_give_equal_files_and_others_do_not(self):
        for name, seed in (("a", 5), ("b", 5), ("c", 6)):
            self.assertEqual(self.digits(name, "--seed", seed).returncode, 0)
        def contents(name):
            return [path.read_bytes() for path in sorted((self.home / name).rglob("*.png"))]
        self.assertEqual(contents("a"), contents("b"))
        self.assertNotEqual(contents("a"), contents("c"))

    def test_refuses_a_folder_below_a_file(self):
        self.file("taken", "x")
        self.assert_refused(self.digits("taken/below"), 1, "taken")

    def test_refuses_counts_out_of_range(self):
        self.assert_refused(self.digits("a", "--train", 0), 2, "1..33333")
        self.assert_refused(self.digits("a", "--seed", -1), 2, "--seed")

    def test_refuses_to_run_without_output(self):
        self.assert_refused(run("digits"), 2, "--output")


class FramesTest(CommandLineTest):
    def frames(self, *arguments):
        return run("frames", *arguments, "--output", self.home / "frames")

    def test_shrinks_and_numbers_a_folder_in_order(self):
        self.file("in/b.png", png(8, 4, [bytes(range(8))] * 4))
        self.file("in/a.png", png(2, 2, [b"\x10\x20"] * 2))
        result = self.frames(self.home / "in", "--side", 4)
        self.assertEqual(result.returncode, 0, result.stderr)
        origins = (self.home / "frames/origins.txt").read_text().splitlines()
        self.assertEqual([os.path.basename(origin) for origin in origins], ["a.png", "b.png"])
        shrunk = (self.home / "frames/00001.png").read_bytes()
        self.assertEqual(struct.unpack(">II", shrunk[16:24]), (4, 2))

    def test_reads_idx_and_keeps_the_limit(self):
        self.file("x-images-idx3-ubyte.gz", gzip.compress(idx(5, 2, 2, data=range(20))))
        result = self.frames(self.home / "x-images-idx3-ubyte.gz", "--limit", 3)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(list((self.home / "frames").glob("*.png"))), 3)

    def test_leaves_no_frames_of_a_longer_earlier_run(self):
        pictures = self.file("x-images-idx3-ubyte", idx(5, 2, 2, data=range(20)))
        self.assertEqual(self.frames(pictures).returncode, 0)
        own = [self.file(f"frames/{name}", "mine") for name in ("00099.png", "5.png", "a.txt")]
        self.assertEqual(self.frames(pictures, "--limit", 2).returncode, 0)
        self.assertEqual(sorted(path.name for path in (self.home / "frames").iterdir()),
                         ["00000.png", "00001.png", "00099.png", "5.png", "a.txt", "origins.txt"])
        self.assertEqual([path.read_text() for path in own], ["mine"] * 3)

    def test_keeps_earlier_frames_when_there_are_no_new_ones(self):
        pictures = self.file("x-images-idx3-ubyte", idx(5, 2, 2, data=range(20)))
        self.assertEqual(self.frames(pictures).returncode, 0)
        self.assert_refused(self.frames(self.home / "none"), 1, "no such file")
        self.assertEqual(len(list((self.home / "frames").glob("*.png"))), 5)

    def test_names_an_earlier_frame_that_cannot_be_removed(self):
        self.file("frames/00001.png/file", "mine")
        self.file("in/a.png", png(2, 2, [b"\x10\x20"] * 2))
        self.assert_refused(self.frames(self.home / "in"), 1, "00001.png", "earlier run")

    def test_names_and_leaves_out_what_cannot_be_read(self):
        self.file("in/a.png", png(2, 2, [b"\x10\x20"] * 2))
        self.file("in/broken.png", b"\x89PNG\r\n\x1a\nnothing")
        result = self.frames(self.home / "in")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("broken.png", result.stderr)
        self.assertIn("1 unreadable", result.stdout)

    def test_refuses_a_folder_without_a_readable_picture(self):
        self.file("in/broken.png", b"nothing")
        self.assert_refused(self.frames(self.home / "in"), 1, "broken.png", "can be decoded")

    def test_refuses_an_empty_folder(self):
        (self.home / "in").mkdir()
        self.assert_refused(self.frames(self.home / "in"), 1, self.home / "in")

    def test_refuses_what_does_not_exist(self):
        self.assert_refused(self.frames(self.home / "none"), 1, "no such file")

    def test_refuses_text_as_a_video(self):
        self.assert_refused(self.frames(self.file("notes.txt", "no video here")), 1, "notes.txt")

    def test_refuses_idx_of_vectors(self):
        path = self.file("x-points-idx3-ubyte", idx(0, 8, 2, data=[]))
        self.assert_refused(self.frames(path), 1, path)


class SheetTest(CommandLineTest):
    def test_draws_a_row_for_each_cluster(self):
        for i in range(4):
            self.file(f"frames/{i:05d}.png", png(2, 2, [b"\x10\x20"] * 2))
        results = self.file("results.jsonl", json_lines([0, 1, 0, None]))
        result = run("sheet", results, self.home / "frames/%05d.png", "--output",
                     self.home / "sheet.png", "--cell", 16)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("2 clusters", result.stdout)
        self.assertEqual((self.home / "sheet.png").read_bytes()[:8], b"\x89PNG\r\n\x1a\n")

    def test_takes_the_pictures_of_the_frames_that_have_lines(self):
        for i in (7, 20):
            self.file(f"frames/{i:05d}.png", png(2, 2, [b"\x10\x20"] * 2))
        results = self.file("results.jsonl", json_lines([0, 1], frames=[7, 20]))
        result = run("sheet", results, self.home / "frames/%05d.png", "--output",
                     self.home / "sheet.png", "--cell", 16)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_refuses_a_pattern_without_a_number(self):
        self.assert_refused(run("sheet", "x", "frames.png", "--output", "y"), 2, "%05d")

    def test_refuses_missing_pictures(self):
        results = self.file("results.jsonl", json_lines([0]))
        self.assert_refused(run("sheet", results, self.home / "%05d.png", "--output",
                                self.home / "sheet.png"), 1, "00000.png")

    def test_refuses_a_folder_that_does_not_exist(self):
        self.file("00000.png", png(2, 2, [b"\x10\x20"] * 2))
        results = self.file("results.jsonl", json_lines([0]))
        self.assert_refused(run("sheet", results, self.home / "%05d.png", "--output",
                                self.home / "none/sheet.png"), 1, "none/sheet.png")


class InspectTest(CommandLineTest):
    def test_refuses_a_foreign_file(self):
        self.assert_refused(run("inspect", self.file("notes.txt", "no tensors")), 1, "notes.txt")

    def test_refuses_a_missing_file(self):
        self.assert_refused(run("inspect", self.home / "none"), 1, "none")

    def test_lists_any_safetensors_file(self):
        header = json.dumps({"points": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}})
        path = self.file("points.safetensors",
                         struct.pack("<Q", len(header)) + header.encode() + bytes(24))
        result = run("inspect", path)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"points +float32 +2 x 3")


if __name__ == "__main__":
    runner = TAPTestRunner()
    runner.set_stream(True)
    unittest.main(argv=sys.argv[:1], testRunner=runner)
