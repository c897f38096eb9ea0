#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks from and for other programs: onnx_files.py DRIFTCLUSTER"""
import hashlib
import json
import re
import resource
import shlex
import struct
import subprocess
import sys
import unittest

from tap.runner import TAPTestRunner

from cli import PROGRAM, CommandLineTest, png, run
from vectors import coloured_png, model as vector_model, npy, read_npy

FLOAT, SIDE = 1, 4
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

# --- protocol buffers, as much of them as ONNX needs ---


def varint(number):
    encoded = b""
    while number > 127:
        encoded += bytes([number & 127 | 128])
        number >>= 7
    return encoded + bytes([number])


def whole(field, number):
    return varint(field << 3) + varint(number)


def block(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def tensor(name, shape, numbers):
    return (b"".join(whole(1, size) for size in shape) + whole(2, FLOAT) + block(8, name)
            + block(9, struct.pack(f"<{len(numbers)}f", *numbers)))


def value(name, shape):
    """What goes in or comes out; None: a size that is left open."""
    sizes = b"".join(block(1, block(2, "open") if size is None else whole(1, size))
                     for size in shape)
    return block(1, name) + block(2, block(1, whole(1, FLOAT) + block(2, sizes)))


def node(op, inputs, output, **integers):
    attributes = b"".join(block(5, block(1, name) + whole(3, number) + whole(20, 2))
                          for name, number in integers.items())
    return (b"".join(block(1, name) for name in inputs) + block(2, output)
            + block(3, "node of " + output) + block(4, op) + attributes)


def network(inputs, nodes, outputs, tensors, producer="pytorch"):
    graph = (b"".join(block(1, part) for part in nodes) + block(2, "test")
             + b"".join(block(5, part) for part in tensors)
             + b"".join(block(11, part) for part in inputs)
             + b"".join(block(12, part) for part in outputs))
    return whole(1, 7) + block(2, producer) + block(7, graph) + block(8, whole(2, 13))


def mean_network(name="input", channels=3, size=(SIDE, SIDE), producer="pytorch", last="Flatten"):
    """Each channel's mean, times 2 and plus 1, behind which four scores are made of it."""
    weight = [2.0 * (i == j) for i in range(channels) for j in range(channels)]
    return network(
        [value(name, (None, channels, *size))],
        [node("Conv", [name, "weight", "bias"], "map"),
         node("GlobalAveragePool", ["map"], "pooled"),
         node(last, ["pooled"], "flat"),
         node("Gemm", ["flat", "classes"], "logits")],
        [value("logits", (None, 4))],
        [tensor("weight", (channels, channels, 1, 1), weight),
         tensor("bias", (channels,), [1.0] * channels),
         tensor("classes", (channels, 4), [float(i) for i in range(4 * channels)])], producer)


def vector_network():
    return network([value("x", (None, 3))], [node("Gemm", ["x", "weight"], "embedding")],
                   [value("embedding", (None, 2))], [tensor("weight", (3, 2), [1, 0, 0, 1, 5, 5])])


def with_small_disk(*arguments):
    """Runs it where no file may grow beyond 64 bytes."""
    return subprocess.run(
        [PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64)))


class OnnxTest(CommandLineTest):
    def setUp(self):
        super().setUp()
        self.net = self.file("net.onnx", mean_network())
        self.model = self.home / "model.safetensors"
        # The left half is (250, 100, 0), the right one (50, 0, 200).
        row = bytes([250, 100, 0]) * 4 + bytes([50, 0, 200]) * 4
        self.picture = self.file("pictures/a.png", coloured_png(8, 8, 8, 2, [row] * 8))

    def convert(self, *options, net=None):
        return run("import", net or self.net, "--output", self.model, *options)

    def make(self, *options, net=None):
        """Imports, which must go well; what it says."""
        result = self.convert(*options, net=net)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def embed(self, model=None, inputs=None):
        result = run("embed", "--model-file", model or self.model, inputs or self.home / "pictures",
                     "--output", self.home / "x.npy")
        self.assertEqual(result.returncode, 0, result.stderr)
        shape, numbers = read_npy(self.home / "x.npy")
        self.assertEqual(shape[0], 1)
        return numbers

    def assert_embedding(self, colours, mean, deviation, **options):
        """2 x + 1 of each channel: the numbers of bytes, in single precision."""
        expected = [2 * ((colour / 255 - m) / d) + 1
                    for colour, m, d in zip(colours, mean, deviation)]
        numbers = self.embed(**options)
        self.assertEqual(len(numbers), len(expected))
        for number, wanted in zip(numbers, expected):
            self.assertAlmostEqual(number, wanted, delta=1e-5 * max(map(abs, expected)))

    def assert_not_converted(self, result, code, *words):
        self.assert_refused(result, code, *words)
        self.assertFalse(self.model.exists())


class ImportTest(OnnxTest):
    def test_tells_what_it_guessed_and_what_changes_it(self):
        told = self.make()
        digest = hashlib.sha256(self.net.read_bytes()).hexdigest()
        for word in ("net.onnx", "opset 13", "pytorch", digest, "3 numbers", str(self.model)):
            self.assertIn(word, told)
        for option, chosen in (("output-node", "flat"), ("size", "4x4"), ("fit", "crop"),
                               ("channels", "rgb"), ("preprocess", "imagenet")):
            self.assertRegex(told, rf"(?m)^  --{option} +{chosen} +\(.+\)$")

    def test_the_model_computes_what_the_network_does(self):
        self.make()
        self.assert_embedding((150, 50, 100), *IMAGENET)

    def test_the_file_itself_is_the_same_model(self):
        self.make()
        imported = self.embed()
        self.assertEqual(self.embed(self.net), imported)
        ids = [re.search(r"sha256:\w+", run("inspect", path).stdout).group()
               for path in (self.model, self.net)]
        self.assertEqual(ids[0], ids[1])

    def test_keeps_where_the_model_comes_from(self):
        self.make("--channels", "bgr")
        shown = run("inspect", self.model).stdout
        provenance = json.loads(re.search(r"(?m)^provenance +(.*)$", shown).group(1))
        self.assertEqual(provenance["source"], "net.onnx")
        self.assertEqual(provenance["sha256"], hashlib.sha256(self.net.read_bytes()).hexdigest())
        self.assertEqual((provenance["opset"], provenance["producer"]), (13, "pytorch"))
        self.assertEqual(provenance["chosen"], {"output-node": "flat", "size": "4x4", "fit": "crop",
                                                "channels": "bgr", "preprocess": "imagenet"})
        self.assertEqual(provenance["why"]["channels"], "as asked")
        self.assertNotEqual(provenance["why"]["fit"], "as asked")

    def test_equal_options_give_equal_files_and_others_another_encoder(self):
        self.make()
        first = self.model.read_bytes()
        self.make()
        self.assertEqual(self.model.read_bytes(), first)
        encoders = set()
        for options in ([], ["--fit", "stretch"], ["--channels", "bgr"], ["--preprocess", "unit"],
                        ["--normalise"], ["--output-node", "logits"]):
            self.make(*options)
            encoders.add(re.search(r"sha256:\w+", run("inspect", self.model).stdout).group())
        self.assertEqual(len(encoders), 6)

    def test_preprocessing_by_name(self):
        colours = (150, 50, 100)
        self.make("--preprocess", "unit")
        self.assert_embedding(colours, (0, 0, 0), (1, 1, 1))
        self.make("--preprocess", "raw")
        self.assert_embedding(colours, (0, 0, 0), (1 / 255,) * 3)
        self.make("--preprocess", "caffe")
        self.assert_embedding(colours[::-1], (104 / 255, 117 / 255, 123 / 255), (1 / 255,) * 3)

    def test_preprocessing_by_numbers(self):
        self.make("--preprocess", "0.5/0.25")
        self.assert_embedding((150, 50, 100), (0.5,) * 3, (0.25,) * 3)
        self.make("--preprocess", "0.1,0.2,-3e-1/0.5,1,2", "--channels", "bgr")
        self.assert_embedding((100, 50, 150), (0.1, 0.2, -0.3), (0.5, 1, 2))

    def test_a_fit_by_name(self):
        self.file("pictures/a.png", coloured_png(8, 4, 8, 2, [
            bytes([200, 0, 0]) * 2 + bytes([100, 100, 100]) * 4 + bytes([0, 0, 200]) * 2] * 4))
        for fit, colours in (("crop", (100, 100, 100)), ("stretch", (100, 50, 100)),
                             ("letterbox", (50, 25, 50))):
            self.make("--fit", fit, "--preprocess", "unit")
            self.assert_embedding(colours, (0, 0, 0), (1, 1, 1))

    def test_unit_length(self):
        self.assertIn("unit length", self.make("--normalise"))
        self.assertAlmostEqual(sum(number * number for number in self.embed()), 1, delta=1e-6)

    def test_an_output_by_name(self):
        self.assertIn("4 numbers", self.make("--output-node", "logits"))
        self.assertEqual(len(self.embed()), 4)

    def test_a_size_where_the_file_leaves_it_open(self):
        net = self.file("open.onnx", mean_network(size=(None, None)))
        self.assertRegex(self.make(net=net), r"--size +224x224 +\(.*open")
        told = self.make("--size", "6x12", net=net)
        self.assertRegex(told, r"--size +6x12 +\(as asked\)")
        self.assertRegex(told, r"--fit +stretch")
        self.assertIn("6 x 12", run("inspect", self.model).stdout)
        self.assert_embedding((150, 50, 100), *IMAGENET)

    def test_the_size_that_the_file_says_may_be_said_too(self):
        self.assertIn("4x4", self.make("--size", "4x4"))

    def test_networks_of_caffe_are_known_by_their_input_or_producer(self):
        for name, producer, guess in (("data", "pytorch", "caffe"), ("x", "onnx-Caffe2", "caffe"),
                                      ("data", "MXNet", "imagenet"), ("x", "", "imagenet")):
            net = self.file("c.onnx", mean_network(name=name, producer=producer))
            told = self.make(net=net)
            self.assertRegex(told, rf"--preprocess +{guess}")
            self.assertRegex(told, rf"--channels +{'bgr' if guess == 'caffe' else 'rgb'}")

    def test_one_channel_is_grey(self):
        net = self.file("grey.onnx", mean_network(channels=1))
        told = self.make(net=net)
        self.assertRegex(told, r"--channels +gray")
        self.assertRegex(told, r"--preprocess +unit")
        self.file("pictures/a.png", png(2, 2, [b"\x40\x80"] * 2))
        self.assert_embedding((0x60,), (0,), (1,))

    def test_vectors_are_taken_as_they_are(self):
        net = self.file("vectors.onnx", vector_network())
        self.assertNotIn("--preprocess", self.make(net=net))
        points = self.file("points.npy", npy([1, 2, 3], (1, 3)))
        for model in (self.model, net):
            self.assertEqual(self.embed(model, inputs=points), (16, 17))

    def test_replaces_an_earlier_model(self):
        self.file("model.safetensors", "an earlier one")
        self.make()
        self.embed()

    def test_refuses_what_is_no_onnx_file(self):
        for name, content in (("empty.onnx", b""), ("text.onnx", b"no network, but a text\n"),
                              ("picture.onnx", self.picture.read_bytes()),
                              ("model.onnx", vector_model(3, [[0, 0]]))):
            net = self.file(name, content)
            self.assert_not_converted(self.convert(net=net), 1, net)

    def test_refuses_every_cut_file(self):
        content = self.net.read_bytes()
        for size in range(1, len(content), 13):
            net = self.file("cut.onnx", content[:size])
            self.assert_not_converted(self.convert(net=net), 1, net)

    def test_refuses_a_missing_file_and_a_folder(self):
        self.assert_not_converted(self.convert(net=self.home / "none.onnx"), 1, "none.onnx")
        folder = self.home / "folder.onnx"
        folder.mkdir()
        self.assert_not_converted(self.convert(net=folder), 1, folder)

    def test_refuses_an_unknown_operator_by_name(self):
        net = self.file("odd.onnx", mean_network(last="GridSample"))
        self.assert_not_converted(self.convert(net=net), 1, "GridSample", "flat")

    def test_an_unknown_operator_behind_the_output_does_not_matter(self):
        net = self.file("odd.onnx", mean_network(last="GridSample"))
        self.make("--output-node", "map", net=net)
        self.assert_embedding((150, 50, 100), *IMAGENET)

    def test_refuses_an_unknown_output_and_lists_what_there_is(self):
        self.assert_not_converted(self.convert("--output-node", "flut"), 1, '"flut"', "logits")

    def test_refuses_preprocessing_that_is_not_understood(self):
        for text in ("", "Imagenet", "0.5", "0.5/", "/0.5", "0.5/0.5/0.5", "0.5,0.5/1", "1/0", "0/-1",
                     "0/nan", "inf/1", "0,5/1,0", "0.5 /1", "0x/1"):
            with self.subTest(text):
                self.assert_not_converted(self.convert("--preprocess", text), 2, f'"{text}"',
                                          "imagenet", "MEAN/DEVIATION")

    def test_refuses_names_that_there_are_not(self):
        self.assert_not_converted(self.convert("--fit", "squeeze"), 2, "squeeze", "letterbox")
        self.assert_not_converted(self.convert("--channels", "cmyk"), 2, "cmyk", "bgr")

    def test_refuses_channels_that_the_network_does_not_take(self):
        self.assert_not_converted(self.convert("--channels", "gray"), 1, "3 channels", "gray")
        net = self.file("grey.onnx", mean_network(channels=1))
        self.assert_not_converted(self.convert("--channels", "rgb", net=net), 1, "1 channels", "rgb")
        net = self.file("five.onnx", mean_network(channels=5))
        self.assert_not_converted(self.convert(net=net), 1, "5 channels", "1 or 3")

    def test_refuses_a_size_that_the_network_does_not_take(self):
        self.assert_not_converted(self.convert("--size", "8x4"), 1, self.net, "width 4", "not 8")

    def test_refuses_preprocessing_of_vectors(self):
        net = self.file("vectors.onnx", vector_network())
        for option in (("--preprocess", "unit"), ("--fit", "crop"), ("--channels", "rgb"),
                       ("--size", "2x2")):
            self.assert_not_converted(self.convert(*option, net=net), 1, "vectors of 3")

    def test_a_full_disk_leaves_the_earlier_model(self):
        self.file("model.safetensors", "an earlier one")
        self.assert_refused(with_small_disk("import", self.net, "--output", self.model), 1,
                            self.model)
        self.assertEqual(self.model.read_bytes(), b"an earlier one")
        self.assertEqual({path.name for path in self.home.iterdir()},
                         {"net.onnx", "pictures", "model.safetensors"})

    def test_refuses_a_folder_that_is_not_there(self):
        output = self.home / "none/model.safetensors"
        self.assert_refused(run("import", self.net, "--output", output), 1, output)

    def test_refuses_a_command_line_that_makes_no_sense(self):
        self.assert_refused(run("import", self.net), 2, "--output")
        self.assert_refused(run("import", "--output", self.model), 2, "one ONNX file")
        self.assert_not_converted(run("import", self.net, self.net, "--output", self.model), 2,
                                  "one ONNX file")
        self.assert_refused(run("import", self.net, "--output", self.net), 2, ".safetensors")
        for size in ("4", "4x", "x4", "4x4x4", "0x4", "4x5000", "-4x4", "4 x 4", "axb"):
            self.assert_not_converted(self.convert("--size", size), 2, "--size")


class ExportTest(OnnxTest):
    def setUp(self):
        super().setUp()
        self.exported = self.home / "exported.onnx"

    def export(self, model):
        """Exports, which must go well; what it says."""
        result = run("export", model, "--output", self.exported)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def import_again(self, told):
        """Gives the command that export printed; the model that it makes."""
        words = shlex.split(re.search(r"(?m)^A model again: driftcluster (.*)$", told).group(1))
        again = self.home / "again.safetensors"
        self.assertEqual(words[-1], "FILE")
        result = run(*words[:-1], again)
        self.assertEqual(result.returncode, 0, result.stderr)
        return again

    def assert_not_exported(self, result, code, *words):
        self.assert_refused(result, code, *words)
        self.assertFalse(self.exported.exists())

    def preprocessing(self, model):
        return re.findall(r"(?m)^(?:pictures|normalised).*$", run("inspect", model).stdout)

    def test_comes_back_by_the_command_that_it_prints(self):
        for options in ([], ["--preprocess", "caffe", "--normalise"],
                        ["--preprocess", "0.1,0.2,0.3/0.5,1,0.3333333", "--channels", "bgr",
                         "--fit", "letterbox"]):
            self.make(*options)
            again = self.import_again(self.export(self.model))
            shown = self.preprocessing(again)
            self.assertEqual(len(shown), 2)
            self.assertEqual(shown, self.preprocessing(self.model))
            # The layers may be others, and round otherwise.
            for number, wanted in zip(self.embed(again), self.embed(self.model), strict=True):
                self.assertAlmostEqual(number, wanted, delta=1e-5 * max(1, abs(wanted)))

    def test_tells_what_the_file_does_not(self):
        self.make("--preprocess", "caffe")
        told = self.export(self.model)
        self.assertRegex(told, r"input +N x 3 x 4 x 4 \(channels, height, width\)")
        self.assertRegex(told, rf"embedding +N x 3: {self.exported}")
        for line in self.preprocessing(self.model):
            self.assertIn(line, told)

    def test_one_channel_comes_back(self):
        self.make(net=self.file("grey.onnx", mean_network(channels=1)))
        again = self.import_again(self.export(self.model))
        self.file("pictures/a.png", png(2, 2, [b"\x40\x80"] * 2))
        self.assert_embedding((0x60,), (0,), (1,), model=again)

    def test_vectors_come_back_without_their_clusters(self):
        model = self.file("vectors.safetensors", vector_model(3, [[0, 0], [20, 0]]))
        told = self.export(model)
        self.assertIn("N x 3, float32", told)
        self.assertIn("2 clusters stay", told)
        self.assertNotIn("--preprocess", told)
        points = self.file("points.npy", npy([1, 2, 3], (1, 3)))
        self.assertEqual(self.embed(self.exported, inputs=points), (2, 4))

    def test_equal_models_give_equal_files(self):
        self.make()
        self.export(self.model)
        first = self.exported.read_bytes()
        self.file("exported.onnx", "an earlier one")
        self.export(self.net)
        self.assertEqual(self.exported.read_bytes(), first)

    def test_refuses_what_is_no_model(self):
        notes = self.file("notes.txt", "no tensors")
        self.assert_not_exported(run("export", notes, "-o", self.exported), 1, notes)
        self.assert_not_exported(run("export", self.home / "none", "-o", self.exported), 1, "none")

    def test_refuses_a_network_that_it_cannot_read(self):
        odd = self.file("odd.onnx", mean_network(last="GridSample"))
        self.assert_not_exported(run("export", odd, "-o", self.exported), 1, odd, "GridSample")

    def test_a_full_disk_leaves_the_earlier_file(self):
        self.make()
        self.file("exported.onnx", "an earlier one")
        self.assert_refused(with_small_disk("export", self.model, "--output", self.exported), 1,
                            self.exported)
        self.assertEqual(self.exported.read_bytes(), b"an earlier one")
        self.assertEqual({path.name for path in self.home.iterdir()},
                         {"net.onnx", "pictures", "model.safetensors", "exported.onnx"})

    def test_refuses_a_folder_that_is_not_there(self):
        output = self.home / "none/net.onnx"
        self.assert_refused(run("export", self.net, "--output", output), 1, output)

    def test_refuses_a_command_line_that_makes_no_sense(self):
        self.assert_refused(run("export", self.net), 2, "--output")
        self.assert_refused(run("export", "--output", self.exported), 2, "one model")
        self.assert_not_exported(run("export", self.net, self.net, "-o", self.exported), 2,
                                 "one model")
        self.make()
        before = self.model.read_bytes()
        self.assert_refused(run("export", self.model, "--output", self.model), 2, ".onnx")
        self.assertEqual(self.model.read_bytes(), before)


class DirectTest(OnnxTest):
    """The file where a model is taken."""

    def test_inspect_tells_where_the_network_could_end(self):
        result = run("inspect", self.net)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("input: ? x 3 x 4 x 4", result.stdout)
        self.assertIn("logits: ? x 4", result.stdout)
        listed = result.stdout.split("candidates for --output-node")[1].split("\n\n")[0]
        self.assertEqual(re.findall(r"(?m)^ +(\d+) numbers  (\S+) \((\w+)\)$", listed), [
            ("4", "logits", "Gemm"), ("3", "flat", "Flatten"), ("3", "pooled", "GlobalAveragePool"),
            ("3", "map", "Conv")])
        self.assertRegex(result.stdout, r"(?m)^  --preprocess +imagenet ")
        self.assertRegex(result.stdout, r"(?m)^  0 +conv2d +none +4 x 4 x 3 +12$")
        self.assertRegex(result.stdout, r"encoder: 12 parameters, 144 multiply-adds")

    def test_inspect_tells_where_a_network_could_end_that_is_not_understood(self):
        result = run("inspect", self.file("odd.onnx", mean_network(last="GridSample")))
        self.assert_refused(result, 1, "GridSample")
        self.assertIn("3 numbers  pooled (GlobalAveragePool)", result.stdout)
        self.assertNotIn("numbers  flat", result.stdout)

    def test_evaluates_by_clustering_anew(self):
        for label, colour in (("dark", 0), ("light", 200)):
            for i in range(3):
                self.file(f"labelled/{label}/{i}.png", coloured_png(4, 4, 8, 2, [
                    bytes([colour + i] * 12)] * 4))
        result = run("evaluate", "--model-file", self.net, "--clusters", 2, "--json",
                     self.home / "labelled")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout)["acc"], 1)

    def test_refuses_to_evaluate_clusters_that_it_does_not_have(self):
        self.assert_refused(run("evaluate", "--model-file", self.net, self.home / "pictures"), 2,
                            self.net, "--clusters")

    def test_refuses_to_learn_from_it(self):
        self.assert_refused(run("train", "--start-from", self.net, "--clusters", 2, "--output",
                                self.model, self.home / "pictures"), 1, self.net, "decoder")

    def test_refuses_what_is_no_onnx_file(self):
        notes = self.file("notes.ONNX", "no network")
        self.assert_refused(run("inspect", notes), 1, notes)
        self.assert_refused(run("embed", "--model-file", notes, self.picture, "--output",
                                self.home / "x.npy"), 1, notes)


if __name__ == "__main__":
    runner = TAPTestRunner()
    runner.set_stream(True)
    unittest.main(argv=sys.argv[:1], testRunner=runner)
