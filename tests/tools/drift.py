#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Streams under drift on the command line: drift.py DRIFTCLUSTER"""
import array
import json
import pathlib
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import unittest

from tap.runner import TAPTestRunner

PROGRAM = sys.argv[1]
SIDE = 12
FIELDS = {"stream", "method", "seed", "acc", "window_acc", "nmi", "switches_per_1000", "clusters",
          "us_per_image"}


def run(*arguments):
    return subprocess.run([PROGRAM, "drift", *map(str, arguments)], capture_output=True, text=True,
                          timeout=110)


def idx(*shape, data):
    return struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + bytes(data)


def npy(rows, columns, numbers, kind="<f4"):
    shape = f"({rows}, {columns})" if columns else f"({rows},)"
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    code = {"<f4": "f", "<u4": "I"}[kind]
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + array.array(
        code, numbers).tobytes()


def read_npy(path):
    content = path.read_bytes()
    length = struct.unpack("<H", content[8:10])[0]
    kind, shape = re.search(rb"'descr': '(\S+?)'.*'shape': \((\d+),", content[10:10 + length]).groups()
    numbers = array.array({b"<f4": "f", b"<u4": "I"}[kind])
    numbers.frombytes(content[10 + length:])
    return int(shape), numbers


def bars(count, seed=1):
    """Pictures of one bar each, lying, standing or slanted, and which it is."""
    draw = random.Random(seed)
    pixels, labels = bytearray(), bytearray()
    for _ in range(count):
        label, place = draw.randrange(3), draw.randrange(3, SIDE - 3)
        for y in range(SIDE):
            for x in range(SIDE):
                on = (abs(y - place), abs(x - place), abs(x - y + place - SIDE // 2))[label] < 2
                pixels.append((150 + draw.randrange(100)) * on)
        labels.append(label)
    return pixels, labels


class DriftTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.home = pathlib.Path(folder.name)
        self.addCleanup(folder.cleanup)

    def file(self, name, content):
        path = self.home / name
        path.write_bytes(content)
        return path

    def pictures(self, count=1500, name="a", labels=True, seed=1):
        pixels, classes = bars(count, seed)
        if labels:
            self.file(f"{name}-labels-idx1-ubyte", idx(count, data=classes))
        return self.file(f"{name}-images-idx3-ubyte", idx(count, SIDE, SIDE, data=pixels))

    def vectors(self, count=900):
        draw = random.Random(2)
        labels = [draw.randrange(3) for _ in range(count)]
        numbers = [draw.gauss(6 * (j == label), 1) for label in labels for j in range(4)]
        self.file("v-labels.npy", npy(count, 0, labels, "<u4"))
        return self.file("v.npy", npy(count, 4, numbers))

    def lines(self, *arguments):
        result = run("--json", *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def assert_refused(self, code, words, *arguments):
        result = run(*arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn(words, result.stderr)
        self.assertEqual(result.stdout, "")

    # --- what it does ---

    def test_every_stream_and_method_has_its_line(self):
        lines = self.lines(self.pictures(), "--length", 600, "--method", "transport", "--method",
                           "frozen", "--method", "forgetting", "--seeds", 2)
        listed = run("--list").stdout.split("Methods:")[0]
        grey = [name for name, note in re.findall(r"^  ([\w-]+) +(.*)$", listed, re.MULTILINE)
                if "colour)" not in note and "two inputs" not in note]
        self.assertGreaterEqual(len(grey), 18)
        self.assertEqual({(line["stream"], line["method"], line["seed"]) for line in lines},
                         {(stream, method, seed) for stream in grey for seed in (0, 1)
                          for method in ("transport", "frozen", "forgetting")})
        for line in lines:
            self.assertLessEqual(FIELDS, line.keys())
            self.assertTrue(0 <= line["acc"] <= line["window_acc"] + 1e-9 <= 1 + 1e-9, line)
            self.assertEqual((line["images"], line["clusters"], line["classes"]), (600, 3, 3))
            self.assertEqual("recovery_images" in line,
                             "sudden" in line["stream"] or "recurring" in line["stream"], line)
            self.assertEqual(line.get("half_life", 0) > 0, line["method"] == "forgetting")

    def test_equal_seeds_give_equal_figures(self):
        arguments = (self.pictures(), "--length", 500, "--stream", "noise", "--method", "transport")
        first, again, other = (self.lines(*arguments, "--seed", seed)[0] for seed in (1, 1, 2))
        for line in (first, again, other):
            del line["us_per_image"], line["seed"]
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_vectors_drift_too(self):
        lines = self.lines(self.vectors(), "--method", "frozen", "--warm-up", 100)
        found = {line["stream"]: line["acc"] for line in lines}
        self.assertIn("rotate", found)
        self.assertNotIn("blur", found)
        self.assertGreater(found["none"], 0.95)  # six deviations apart
        self.assertLess(found["inversion-sudden"], found["none"] - 0.1)

    def test_domains_go_from_input_to_input(self):
        line, = self.lines(self.pictures(), self.pictures(400, "b", seed=2), "--stream", "domains",
                           "--method", "frozen", "--length", 900)
        self.assertIn("recovery_images", line)
        self.assertEqual(line["images"], 900)

    def test_pictures_of_several_sizes_are_brought_to_one(self):
        small = self.file("s-images-idx3-ubyte", idx(300, 6, 6, data=bytes(range(36)) * 300))
        self.file("s-labels-idx1-ubyte", idx(300, data=bytes([0, 1, 2] * 100)))
        line, = self.lines(self.pictures(), small, "--stream", "domains", "--method", "frozen",
                           "--dim", 8)
        self.assertEqual(line["dim"], 8)

    def test_report_has_curves_and_figures(self):
        report = self.home / "report"
        self.lines(self.pictures(), "--stream", "rotate", "--stream", "bursts", "--length", 1100,
                   "--report", report, "--method", "frozen", "--method", "transport")
        self.assertEqual((report / "accuracy.png").read_bytes()[:4], b"\x89PNG")
        figures = json.loads((report / "figures.json").read_text())
        self.assertEqual(len(figures["results"]), 4)
        self.assertEqual([len(result["course"]) for result in figures["results"]], [2] * 4)
        self.assertEqual((figures["warm_up"], figures["clusters"]), (256, 3))

    def test_export_holds_what_was_run(self):
        export = self.home / "export"
        (export / "contrast-0").mkdir(parents=True)
        self.file("export/contrast-0/00556.png", b"of a longer earlier run")
        line, = self.lines(self.pictures(), "--stream", "contrast", "--length", 300, "--dim", 5,
                           "--method", "frozen", "--export", export, "--frames")
        folder = export / "contrast-0"
        rows, numbers = read_npy(folder / "stream.npy")
        self.assertEqual((rows, len(numbers)), (300, 1500))
        self.assertEqual(read_npy(folder / "warm-up.npy")[0], 256)
        classes, clusters = read_npy(folder / "classes.npy")[1], read_npy(folder / "frozen.npy")[1]
        self.assertEqual(len(clusters), 300)
        pairs = {}
        for pair in zip(clusters, classes):
            pairs[pair] = pairs.get(pair, 0) + 1
        best = sum(max((n for (k, _), n in pairs.items() if k == cluster), default=0)
                   for cluster in set(clusters))
        self.assertGreaterEqual(best / 300 + 1e-4, line["acc"])
        self.assertEqual(len(list(folder.glob("*.png"))), 556)

    def start(self, *arguments):
        process = subprocess.Popen([PROGRAM, "drift", *map(str, arguments)], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def test_lines_come_as_soon_as_they_are_known(self):
        endless = [self.pictures(), "--json", "--method", "frozen", "--seeds", 1000]
        process = self.start(*endless)
        first = json.loads(process.stdout.readline())
        self.assertEqual((first["stream"], first["method"]), ("none", "frozen"))
        self.assertIsNone(process.poll())

    def test_ctrl_c_ends_with_the_figures_of_what_was_run(self):
        endless = [self.pictures(), "--json", "--method", "frozen", "--method", "forgetting", "--seeds", 1000]
        process = self.start(*endless)
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        lines += process.stdout.readlines()
        self.assertEqual(process.wait(60), 3)
        run = {method: [(line["stream"], line["seed"]) for line in map(json.loads, lines) if line["method"] == method]
               for method in ("frozen", "forgetting")}
        self.assertGreaterEqual(len(run["frozen"]), 3)
        self.assertEqual(sorted(run["forgetting"]), sorted(run["frozen"]))

    def test_table_is_for_people(self):
        result = run(self.pictures(), "--stream", "none", "--length", 300, "--method", "frozen")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"(?m)^none +frozen +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+ +3/3 +- ")
        self.assertIn("mean of all streams", result.stdout)

    # --- what it refuses ---

    def test_refuses_a_command_line_without_sense(self):
        pictures = self.pictures(300)
        for words, arguments in (
                ("at least one", []),
                ("no stream \"sideways\"; there are: none, rotate", [pictures, "--stream", "sideways"]),
                ("no method \"magic\"; there are: forgetting", [pictures, "--method", "magic"]),
                ("--length must lie", [pictures, "--length", 3]),
                ("--dim must lie", [pictures, "--dim", 0]),
                ("--seeds must lie", [pictures, "--seeds", 0]),
                ("--seed must be", [pictures, "--seed", -1]),
                ("exclude each other", [pictures, "--descriptor", "--model-file", "x"]),
                ("--frames needs --export", [pictures, "--frames"])):
            self.assert_refused(2, words, *arguments)

    def test_refuses_samples_that_cannot_be_scored(self):
        self.assert_refused(1, "without labels nothing can be scored",
                            self.pictures(300, labels=False))
        one = self.pictures(300)
        self.file("a-labels-idx1-ubyte", idx(300, data=bytes(300)))
        self.assert_refused(1, "the same label", one)
        self.file("a-labels-idx1-ubyte", idx(299, data=bytes(299)))
        self.assert_refused(1, "299 labels", one)

    def test_refuses_too_few_samples(self):
        self.assert_refused(1, "a source of 256", self.pictures(200))
        self.assert_refused(1, "too short for 40 clusters", self.pictures(100), "--warm-up", 30,
                            "--clusters", 40, "--stream", "none", "--method", "frozen")

    def test_refuses_streams_that_the_input_does_not_allow(self):
        self.assert_refused(1, "\"blur\" needs pictures", self.vectors(), "--stream", "blur")
        pictures = self.pictures(400)
        self.assert_refused(1, "in colour", pictures, "--stream", "colour-cast")
        self.assert_refused(1, "two inputs", pictures, "--stream", "domains")

    def test_refuses_inputs_that_do_not_go_together(self):
        vectors = self.vectors()
        self.assert_refused(1, "cannot be used together", self.pictures(400), vectors)
        self.file("w-labels.npy", npy(2, 0, [0, 1], "<u4"))
        self.assert_refused(1, "all must have the same", vectors,
                            self.file("w.npy", npy(2, 3, [1] * 6)))
        self.assert_refused(1, "input is vectors", vectors, "--export", self.home / "e", "--frames")

    def test_refuses_files_that_cannot_be_read_or_written(self):
        pictures = self.pictures(400)
        self.assert_refused(1, "nothing", self.home / "nothing-idx3-ubyte")
        model = self.file("m.safetensors", b"no model")
        self.assert_refused(1, "m.safetensors", pictures, "--model-file", model)
        self.assert_refused(1, "cannot make the folder", pictures, "--report", model / "report")
        self.assert_refused(1, "cannot make the folder", pictures, "--export", model / "export")


if __name__ == "__main__":
    runner = TAPTestRunner()
    runner.set_stream(True)
    unittest.main(argv=sys.argv[:1], testRunner=runner)
