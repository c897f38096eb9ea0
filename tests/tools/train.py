#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Learning as a person meets it: train.py DRIFTCLUSTER"""
import json
import math
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import time
import unittest

from tap.runner import TAPTestRunner

from cli import PROGRAM, CommandLineTest, idx, png, run
from vectors import coloured_png, model as vector_model, npy, read_npy

SIDE, CLASSES, COUNT = 8, 2, 24

# The shortest course of each method.
QUICK = {
    "ae": ["epochs=2", "batch=8", "width=3"],
    "dekm": ["pretrain-epochs=1", "batch=8", "width=3", "interval=2", "steps=4",
             "first-restarts=2", "restarts=2"],
    "cm": ["epochs=1", "batch=8", "alpha=2"],
    "ae-cm": ["network=auto", "epochs=1", "batch=8", "alpha=2", "width=3"],
    "secu": ["epochs=1", "batch=8", "heads=2", "width=2", "stages=2", "projection=4"],
    "tdcm": ["pretrain-epochs=1", "pretrain-batch=8", "width=2", "steps=50", "batch=12",
             "blocks=1", "seeds=1"],
}
# Courses of a second or two, to be stopped on the way.
LONG = {
    "ae": ["epochs=250", "batch=8", "width=3"],
    "dekm": ["pretrain-epochs=60", "batch=8", "width=3", "interval=2", "steps=600", "stop=0",
             "patience=100000", "first-restarts=2", "restarts=1"],
}
ENDLESS = ["epochs=1000000", "batch=8", "width=3"]


def bars(count=COUNT):
    """Pictures with the left or the right half bright, one after the other, and some noise."""
    return [(200 if i % 2 == (x > 3) else 20) + (7 * i + 5 * x + 3 * y) % 30
            for i in range(count) for y in range(SIDE) for x in range(SIDE)]


def groups(count=COUNT, length=4, offset=0):
    """Vectors near 1 or near 9 in every number, in turn."""
    return [(9 if i % 2 else 1) + ((3 * i + 5 * j) % 7) / 10 + offset
            for i in range(count) for j in range(length)]


def read_tensors(path, kind="F32"):
    """The numbers of every tensor of a model that holds such floats, by name."""
    content = path.read_bytes()
    length, = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8:8 + length]), content[8 + length:]
    header.pop("__metadata__")
    tensors = {name: data[slice(*tensor["data_offsets"])] for name, tensor in header.items()
               if tensor["dtype"] == kind}
    code, size = {"F32": ("f", 4), "F64": ("d", 8)}[kind]
    return {name: struct.unpack(f"<{len(part) // size}{code}", part)
            for name, part in tensors.items()}


def assignments(settings):
    return [part for setting in settings for part in ("--set", setting)]


def printed_score(text, name):
    """A score of the line that train prints, in percent."""
    return float(text.split(name + " ")[1].split()[0])


class TrainTest(CommandLineTest):
    def setUp(self):
        super().setUp()
        self.model = self.home / "model"
        self.checkpoint = self.home / "model.checkpoint"
        self.pictures = self.file("x-images-idx3-ubyte", idx(COUNT, SIDE, SIDE, data=bars()))

    def command(self, *inputs, method="ae", settings=None, output=None, clusters=CLASSES,
                options=()):
        return ["train", *(inputs or [self.pictures]), "--method", method, "--clusters", clusters,
                "--threads", 1, "--output", output or self.model, *options,
                *assignments(QUICK[method] if settings is None else settings)]

    def train(self, *inputs, **options):
        return run(*self.command(*inputs, **options))

    def learn(self, *inputs, **options):
        """Trains, which must go well; the model's bytes."""
        result = self.train(*inputs, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return (options.get("output") or self.model).read_bytes()

    def start(self, *inputs, **options):
        process = subprocess.Popen([PROGRAM, *map(str, self.command(*inputs, **options))],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def stop(self, process, number, *words):
        """Sends the signal once a line of the progress has one of `words`; code and messages."""
        self.follow(process, *words)
        return self.end(process, number)

    def follow(self, process, *words):
        for line in process.stderr:
            if any(word in line for word in words):
                break

    def end(self, process, number):
        process.send_signal(number)
        messages = process.communicate(timeout=120)[1]
        return process.returncode, messages

    def assert_files(self, *names):
        """What the folder holds beside what the test gave."""
        given = {"x-images-idx3-ubyte", "x-labels-idx1-ubyte"}
        self.assertEqual({path.name for path in self.home.iterdir()} - given, set(names))


class InterruptTest(TrainTest):
    def assert_saved(self, process, number, *words):
        code, messages = self.stop(process, number, *words)
        self.assertEqual(code, 3, messages)
        self.assertIn(f"{self.checkpoint}: give the same command with --resume", messages)
        self.assert_files("model.checkpoint")

    def test_ae_stopped_twice_goes_on_to_the_same_bytes(self):
        whole = self.learn(settings=LONG["ae"])
        self.model.unlink()
        self.assert_saved(self.start(settings=LONG["ae"]), signal.SIGINT, "20 %")
        self.assert_saved(self.start(settings=LONG["ae"], options=["--resume"]), signal.SIGTERM,
                          "50 %")
        report = self.home / "report"
        resumed = self.learn(settings=LONG["ae"], options=["--resume", "--report", report])
        self.assertEqual(resumed, whole)
        self.assert_files("model", "report")
        # The curve begins before the interruption.
        curve = json.loads((report / "figures.json").read_text())["curves"][0]
        self.assertEqual(curve["epochs"], list(range(1, 251)))

    def test_dekm_stopped_among_its_clusters_goes_on_to_the_same_bytes(self):
        options = {"method": "dekm", "settings": LONG["dekm"]}
        whole = self.learn(**options)
        self.model.unlink()
        self.assert_saved(self.start(**options), signal.SIGINT, "clusters, epoch")
        self.assertEqual(self.learn(**options, options=["--resume"]), whole)
        self.assert_files("model")

    def test_the_model_is_written_when_only_that_was_left_to_do(self):
        # Vectors without groups: k-means takes seconds, the epoch before it hardly any.
        points = self.file("x.npy", npy([math.sin(i * i) for i in range(4 * 8000)], (8000, 4)))
        process = self.start(points, settings=["epochs=1", "batch=500", "width=3"], clusters=64)
        self.follow(process, "done in")
        time.sleep(0.2)
        code, messages = self.end(process, signal.SIGINT)
        self.assertEqual(code, 0, messages)
        self.assertTrue(self.model.exists())
        self.assertFalse(self.checkpoint.exists())

    def test_an_old_model_stays_until_the_new_one_is_there(self):
        self.model.write_text("an old model")
        code, messages = self.stop(self.start(settings=LONG["ae"]), signal.SIGINT, "10 %")
        self.assertEqual(code, 3, messages)
        self.assertEqual(self.model.read_text(), "an old model")


class LockTest(TrainTest):
    def test_a_second_training_of_one_file_is_refused_and_the_first_goes_on(self):
        first = self.start(settings=ENDLESS)
        until = time.monotonic() + 60
        while not (self.home / "model.lock").exists() and time.monotonic() < until:
            time.sleep(0.01)
        self.assert_refused(self.train(), 1, self.model, "another training", "--output")
        self.assertIsNone(first.poll())
        self.learn(output=self.home / "other")
        first.send_signal(signal.SIGINT)
        messages = first.communicate(timeout=60)[1]
        self.assertEqual(first.returncode, 3, messages)
        self.assert_files("model.checkpoint", "other")

    def test_a_lock_that_a_killed_training_left_does_not_matter(self):
        (self.home / "model.lock").write_bytes(b"")
        self.learn()
        self.assert_files("model")


class FullDiskTest(TrainTest):
    """/dev/full in the place of the model: it alone cannot be written."""

    @unittest.skipUnless(os.access("/dev/full", os.W_OK), "there is no /dev/full")
    def setUp(self):
        super().setUp()
        whole = self.home / "whole"
        self.whole = self.learn(output=whole)
        whole.unlink()
        self.model.symlink_to("/dev/full")
        self.assert_refused(self.train(), 1, self.model, "No space left", self.checkpoint,
                            "--resume")
        self.model.unlink()
        self.assert_files("model.checkpoint")
        self.kept = self.checkpoint.read_bytes()

    def assert_kept(self, result, *words):
        self.assert_refused(result, 1, self.checkpoint, *words)
        self.assertEqual(self.checkpoint.read_bytes(), self.kept)
        self.assert_files("model.checkpoint", *self.others)

    others = ()

    def test_the_same_command_with_resume_writes_the_model(self):
        result = self.train(options=["--resume"])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("learning: done", result.stderr)
        self.assertEqual(self.model.read_bytes(), self.whole)
        self.assert_files("model")

    def test_beginning_anew_tells_of_it(self):
        result = self.train()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(f"{self.checkpoint} holds an earlier course", result.stderr)
        self.assertIn("--resume", result.stderr)
        self.assertEqual(self.model.read_bytes(), self.whole)
        self.assert_files("model")

    def test_another_course_is_not_resumed(self):
        self.assert_kept(self.train(options=["--resume", "--seed", 2]), "seed 1", "2")
        self.assert_kept(self.train(options=["--resume", "--threads", 2]), "threads 1", "2")
        self.assert_kept(self.train(clusters=3, options=["--resume"]), "clusters 2", "3")
        self.assert_kept(self.train(method="cm", options=["--resume"]), "method ae", "cm")
        self.assert_kept(self.train(options=["--resume", "--epochs", 2, "--set", "network=dense"]),
                         "setting network auto", "dense")
        self.assert_kept(self.train(options=["--resume"], settings=["epochs=3", *QUICK["ae"][1:]]),
                         "setting epochs 2", "3")

    def test_other_data_are_not_resumed(self):
        self.others = ("y-images-idx3-ubyte",)
        other = self.file(self.others[0], idx(COUNT, SIDE, SIDE, data=bars()[::-1]))
        self.assert_kept(self.train(other, options=["--resume"]), "data sha256:")

    def test_a_damaged_checkpoint_is_refused_and_kept(self):
        self.kept = self.kept[:-40] + bytes([self.kept[-40] ^ 1]) + self.kept[-39:]
        self.checkpoint.write_bytes(self.kept)
        self.assert_kept(self.train(options=["--resume"]), "checksum")
        self.kept = self.kept[:1000]
        self.checkpoint.write_bytes(self.kept)
        self.assert_kept(self.train(options=["--resume"]))


class OutputTest(TrainTest):
    def test_resume_needs_a_checkpoint(self):
        self.assert_refused(self.train(options=["--resume"]), 1, self.checkpoint,
                            "without --resume")
        self.assert_files()

    def assert_refused_before_learning(self, result, *words):
        self.assert_refused(result, 1, *words)
        self.assertNotIn("learning:", result.stderr)

    def test_a_folder_that_cannot_be_written_is_refused_before_learning(self):
        self.file("taken", "x")
        for output in (self.home / "none/model", self.home / "taken/model"):
            self.assert_refused_before_learning(self.train(output=output), output)

    def test_a_folder_in_the_place_of_the_model_is_refused_before_learning(self):
        self.model.mkdir()
        self.assert_refused_before_learning(self.train(), self.model, "is a folder")

    def test_a_disk_too_full_for_anything_says_so_and_leaves_nothing(self):
        result = subprocess.run(
            [PROGRAM, *map(str, self.command())], capture_output=True, text=True, timeout=60,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
        self.assert_refused(result, 1, self.model, "could not be kept", self.checkpoint)
        self.assert_files()

    def test_equal_options_give_equal_files_and_another_seed_does_not(self):
        for method in QUICK:
            with self.subTest(method):
                first, second, other = (self.learn(method=method, options=["--seed", seed])
                                        for seed in (5, 5, 6))
                self.assertEqual(first, second)
                self.assertNotEqual(first, other)

    def test_a_model_of_a_later_format_is_refused(self):
        written = self.learn()
        self.assertIn(b'"format_version":"1"', written)
        self.model.write_bytes(written.replace(b'"format_version":"1"', b'"format_version":"9"'))
        self.file("x-labels-idx1-ubyte", idx(COUNT, data=[i % 2 for i in range(COUNT)]))
        self.assert_refused(run("evaluate", "--model-file", self.model, self.pictures), 1,
                            self.model, "9")


class ReportTest(TrainTest):
    def setUp(self):
        super().setUp()
        self.file("x-labels-idx1-ubyte", idx(COUNT, data=[i // 2 % 2 for i in range(COUNT)]))
        self.folder = self.home / "report"

    def test_leaves_pictures_and_figures(self):
        result = self.train(options=["--report", self.folder])
        self.assertEqual(result.returncode, 0, result.stderr)
        figures = json.loads((self.folder / "figures.json").read_text())
        self.assertEqual(set(figures["pictures"]) | {"figures.json"},
                         {path.name for path in self.folder.iterdir()})
        self.assertIn("confusion.png", figures["pictures"])
        self.assertEqual((figures["method"], figures["samples"], sum(figures["sizes"])),
                         ("ae", COUNT, COUNT))
        self.assertEqual((figures["width"], figures["clusters"]), (3, CLASSES))
        self.assertEqual((figures["settings"]["width"], figures["settings"]["network"]),
                         (3, "auto"))
        self.assertEqual(figures["curves"][0]["epochs"], [1, 2])
        for name in ("acc", "nmi", "ari"):  # rounded to a tenth of a percent in the text
            self.assertAlmostEqual(100 * figures["scores"][name],
                                   printed_score(result.stdout, name.upper()), delta=0.0501)

    def test_every_method_leaves_one(self):
        for method in QUICK:
            with self.subTest(method):
                self.learn(method=method, options=["--report", self.folder])
                figures = json.loads((self.folder / "figures.json").read_text())
                self.assertEqual((figures["method"], sum(figures["sizes"])), (method, COUNT))
                self.assertGreater(len(figures["curves"]), 0)

    def test_refuses_a_file_in_the_place_of_the_folder_before_it_learns(self):
        result = self.train(options=["--report", self.file("taken", "x")])
        self.assert_refused(result, 1, "taken", "no folder")
        self.assertNotIn("learning:", result.stderr)
        self.assertFalse(self.model.exists())


class SettingsTest(TrainTest):
    def test_lists_the_settings_of_one_method_and_of_all(self):
        one = run("train", "--list-settings", "--method", "dekm")
        self.assertEqual(one.returncode, 0, one.stderr)
        self.assertRegex(one.stdout, r"\Adekm: ")
        self.assertRegex(one.stdout, r"(?m)^  network=auto \(auto\|conv\|")
        self.assertRegex(one.stdout, r"(?m)^  pretrain-epochs=200 +\S")
        every = run("train", "--list-settings")
        self.assertEqual(every.returncode, 0, every.stderr)
        self.assertIn(one.stdout, every.stdout)
        for method in QUICK:
            self.assertRegex(every.stdout, rf"(?m)^{method}: ")

    def test_an_unknown_method_lists_all(self):
        result = run("train", self.pictures, "-k", 2, "-o", self.model, "-m", "kmeans")
        self.assert_refused(result, 2, '"kmeans"', *QUICK)

    def test_settings_that_make_no_sense_are_refused(self):
        for setting, words in (
                ("colour=1", ["ae", '"colour"', "width"]),
                ("epochs=many", ["epochs", '"many"', "number"]),
                ("epochs=", ["epochs", "number"]),
                ("epochs=3x", ["epochs", '"3x"']),
                ("epochs", ["NAME=VALUE", '"epochs"']),
                ("network=deep", ["network", '"deep"', "conv", "dense"]),
                ("network=1", ["network", '"1"']),
                ("grouping=best", ["grouping", '"best"', "k-means", "consensus"]),
                ("epochs=0", ["epochs is 0", "1 to"]),
                ("width=2.5", ["width is 2.5", "whole"]),
                ("learning-rate=nan", ["learning-rate", "nan"]),
                ("learning-rate=inf", ["learning-rate", "inf"]),
        ):
            with self.subTest(setting):
                self.assert_refused(self.train(settings=[setting]), 2, *words, "--help")
        self.assert_files()

    def test_settings_are_looked_at_before_the_samples(self):
        self.assert_refused(self.train(self.home / "none", settings=["width=0"]), 2, "width is 0")

    def test_options_for_settings_that_a_method_lacks_are_refused_by_name(self):
        self.assert_refused(self.train(method="cm", options=["--width", 4]), 2, "cm", '"width"')
        self.assert_refused(self.train(method="secu", options=["--learning-rate", 1]), 2, "secu",
                            '"learning-rate"')

    def test_epochs_are_those_of_the_autoencoder_where_there_are_no_others(self):
        settings = QUICK["dekm"][1:]
        by_option = self.learn(method="dekm", settings=settings, options=["--epochs", 2])
        by_setting = self.learn(method="dekm", settings=settings + ["pretrain-epochs=2"])
        self.assertEqual(by_option, by_setting)

    def test_numbers_out_of_range_are_refused(self):
        for options in (["--clusters", 0], ["--clusters", -1], ["--clusters", 65537],
                        ["--scale", -1], ["--memory", 0], ["--threads", -1], ["--threads", 0],
                        ["--threads", 257], ["--seed", -1]):
            with self.subTest(options):
                self.assert_refused(self.train(options=options), 2, options[0])

    def test_what_is_needed_is_asked_for(self):
        self.assert_refused(run("train", self.pictures, "-k", 2), 2, "--output")
        self.assert_refused(run("train", self.pictures, "-o", self.model), 2, "--clusters")
        self.assert_refused(run("train", "-k", 2, "-o", self.model), 2, "folder, file or URI")


class StartTest(TrainTest):
    def test_goes_on_from_an_autoencoder(self):
        first = self.home / "first"
        self.learn(output=first)
        settings = [setting for setting in QUICK["dekm"] if "pretrain" not in setting]
        result = self.train(method="dekm", settings=settings, options=["--start-from", first])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("autoencoder", result.stderr)  # the stage is left out

    def test_goes_on_from_an_autoencoder_of_vectors_with_its_scale(self):
        first, vectors = self.home / "first", self.file("v.npy", npy(groups(), (COUNT, 4)))
        small = [number / 2 for number in groups()]  # their own largest number is another one
        others = self.file("w.npy", npy(small, (COUNT, 4)))
        self.learn(vectors, output=first)
        settings = [setting for setting in QUICK["dekm"] if "pretrain" not in setting]
        self.learn(others, method="dekm", settings=settings, options=["--start-from", first])
        scales = [read_tensors(path)["encoder.0.weight"][0] for path in (first, self.model)]
        self.assertEqual(scales[0], scales[1])

    def test_refuses_a_model_without_a_decoder(self):
        first = self.file("first", vector_model(3, [[0, 0]]))
        self.assert_refused(self.train(options=["--start-from", first]), 1, first, "decoder")

    def test_refuses_layers_of_another_width(self):
        first = self.home / "first"
        self.learn(output=first, settings=["epochs=1", "width=5"])
        self.assert_refused(self.train(options=["--start-from", first]), 1, "encoder", "width")
        self.assertFalse(self.model.exists())

    def test_refuses_methods_that_have_no_autoencoder(self):
        first = self.home / "first"
        self.learn(output=first)
        for method in ("cm", "secu"):
            with self.subTest(method):
                self.assert_refused(self.train(method=method, options=["--start-from", first]), 1,
                                    method, "autoencoder")

    def test_refuses_a_missing_and_a_foreign_file(self):
        self.assert_refused(self.train(options=["--start-from", self.home / "none"]), 1, "none")
        notes = self.file("notes", "no model")
        self.assert_refused(self.train(options=["--start-from", notes]), 1, notes)


class SamplesTest(TrainTest):
    def assert_sound(self, method):
        """That what was learnt is used without a number that is none."""
        result = run("embed", "--model-file", self.model, self.pictures, "--output",
                     self.home / "z.npy")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(all(map(math.isfinite, read_npy(self.home / "z.npy")[1])), method)

    def test_constant_pictures_are_survived(self):
        """Equal samples leave nothing to learn; a model all the same, or an error that says so."""
        self.pictures = self.file("x-images-idx3-ubyte", idx(COUNT, SIDE, SIDE,
                                                             data=[77] * (COUNT * SIDE * SIDE)))
        for method in QUICK:
            with self.subTest(method):
                result = self.train(method=method)
                self.assertNotRegex(result.stdout + result.stderr, r"(?i)\bnan\b")
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assert_sound(method)

    def test_one_cluster_takes_all(self):
        for method in QUICK:
            with self.subTest(method):
                result = self.train(method=method, clusters=1)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn("1 clusters", result.stdout)
                self.assert_sound(method)

    def test_fewer_samples_than_clusters_are_refused(self):
        for method in QUICK:
            with self.subTest(method):
                self.assert_refused(self.train(method=method, clusters=COUNT + 1), 1,
                                    f"{COUNT} samples", COUNT + 1)
        self.assert_files()

    def test_constant_pictures_have_groups_too(self):
        self.pictures = self.file("x-images-idx3-ubyte", idx(COUNT, SIDE, SIDE,
                                                             data=[77] * (COUNT * SIDE * SIDE)))
        self.learn(settings=[*QUICK["ae"], "grouping=consensus"])
        self.assert_sound("ae")

    def test_as_many_clusters_as_samples_are_made(self):
        self.learn(clusters=COUNT)

    def test_refuses_an_empty_folder(self):
        (self.home / "in").mkdir()
        self.assert_refused(self.train(self.home / "in"), 1, self.home / "in")

    def test_refuses_what_does_not_exist(self):
        self.assert_refused(self.train(self.home / "none"), 1, "no such file")

    def test_unreadable_pictures_are_named_and_left_out(self):
        for i in range(6):
            self.file(f"in/{i}.png", png(4, 4, [bytes([40 * i] * 4)] * 4))
        self.file("in/broken.png", b"\x89PNG\r\n\x1a\nnothing")
        result = self.train(self.home / "in")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("broken.png", result.stderr)
        self.assertIn("6 samples", result.stdout)

    def test_depths_and_colours_and_sizes_may_be_mixed(self):
        for i in range(3):
            grey = 40 * i
            self.file(f"in/a{i}.png", png(8, 8, [bytes([grey] * 8)] * 8))
            self.file(f"in/b{i}.png", coloured_png(9, 5, 16, 2, [bytes([grey, 0] * 27)] * 5))
            self.file(f"in/c{i}.png", coloured_png(20, 30, 8, 6, [bytes([grey] * 80)] * 30))
        result = self.train(self.home / "in")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("9 samples", result.stdout)

    def test_refuses_labels_of_another_number(self):
        labels = self.file("few", idx(COUNT - 1, data=[0] * (COUNT - 1)))
        self.assert_refused(self.train(options=["--labels", labels]), 1, f"{COUNT - 1} labels")
        self.assert_files("few")

    def test_labels_change_nothing_but_the_scores(self):
        labels = self.file("given", idx(COUNT, data=[i % 2 for i in range(COUNT)]))
        for method in QUICK:
            with self.subTest(method):
                self.assertEqual(self.learn(method=method),
                                 self.learn(method=method, options=["--labels", labels]))
        self.assertIn("ACC", self.train(options=["--labels", labels]).stdout)
        self.assertNotIn("ACC", self.train().stdout)


class VectorsTest(TrainTest):
    def setUp(self):
        super().setUp()
        self.points = self.file("p.npy", npy(groups(), (COUNT, 4)))
        self.file("p-labels.npy", npy([i % 2 for i in range(COUNT)], (COUNT,), "|u1"))

    def test_every_method_learns_from_them_and_its_model_is_used(self):
        for method in QUICK:
            with self.subTest(method):
                self.learn(self.points, method=method)
                scores = run("evaluate", "--model-file", self.model, self.points, "--json")
                self.assertEqual(scores.returncode, 0, scores.stderr)
                self.assertEqual(json.loads(scores.stdout)["n"], COUNT)
                embedded = run("embed", "--model-file", self.model, self.points, "--output",
                               self.home / "z.npy")
                self.assertEqual(embedded.returncode, 0, embedded.stderr)
                self.assertEqual(read_npy(self.home / "z.npy")[0][0], COUNT)
                inspected = run("inspect", self.model)
                self.assertEqual(inspected.returncode, 0, inspected.stderr)
                self.assertRegex(inspected.stdout, r"vectors +of 4 numbers")
                self.assertIn(method, inspected.stdout)

    def test_evaluate_compares_with_clusters_made_anew(self):
        self.learn(self.points)
        result = run("evaluate", "--model-file", self.model, self.points, "--baselines", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        scores = json.loads(result.stdout)
        measured = {"acc", "nmi", "ari", "seconds", "sizes"}
        self.assertEqual(set(scores), measured | {"n", "clusters", "adapted", "baselines"})
        self.assertEqual((scores["n"], scores["clusters"]), (COUNT, CLASSES))
        self.assertEqual(set(scores["adapted"]), measured)
        self.assertEqual([baseline["method"] for baseline in scores["baselines"]],
                         ["k-means anew", "tied mixture anew", "full mixture anew"])
        for one in (scores, scores["adapted"], *scores["baselines"]):
            self.assertLessEqual(measured, set(one))
            self.assertEqual((sum(one["sizes"]), len(one["sizes"])), (COUNT, CLASSES))
            self.assertTrue(0 <= one["acc"] <= 1 and 0 <= one["nmi"] <= 1 and -1 <= one["ari"] <= 1)
            self.assertGreaterEqual(one["seconds"], 0)
        self.assertEqual(scores["baselines"][0]["acc"], 1)  # the groups lie far apart

    def test_a_source_is_described_from_groups_that_need_not_be_round(self):
        """Three long bars side by side: not the cells of the means, which would cut them across."""
        numbers = random.Random(5)
        points = self.file("b.npy", npy([value for i in range(400) for value in (
            40 * numbers.random(), 6 * (i % 3) + numbers.gauss(0, 0.5))], (400, 2)))
        for method, course in (("ae", ["epochs=20"]),
                               ("dekm", ["pretrain-epochs=20", "interval=1", "steps=1"])):
            with self.subTest(method):
                report = self.home / f"report-{method}"
                self.learn(points, method=method, clusters=3, options=["--report", report],
                           settings=[*course, "batch=32", "width=2", "grouping=consensus"])
                sizes = json.loads((report / "figures.json").read_text())["sizes"]
                shares = read_tensors(self.model, "F64")["transport.source.occupancy"]
                for size, share in zip(sizes, shares, strict=True):
                    self.assertAlmostEqual(share, size / 400, delta=1e-9)

    def test_a_source_of_many_is_described_from_some_with_their_own_groups(self):
        """More than a source needs, in the order of their classes: labels that go with other samples
        have other shares, by a quarter. Every second one is taken; that moves shares by less."""
        count = 16386
        points = self.file("m.npy", npy([value + i % 7 / 10 for i in range(count) for value in (
            (9, 1) if i < count // 4 else (1, 9))], (count, 2)))
        self.learn(points, options=["--report", self.home / "report"],
                   settings=["epochs=1", "width=2", "grouping=consensus"])
        sizes = json.loads((self.home / "report" / "figures.json").read_text())["sizes"]
        shares = read_tensors(self.model, "F64")["transport.source.occupancy"]
        for size, share in zip(sizes, shares, strict=True):
            self.assertAlmostEqual(share, size / count, delta=0.01)

    def test_a_model_takes_vectors_as_they_stand_in_the_file(self):
        """Numbers are divided by the largest to learn: an eighth of them gives the same embeddings."""
        self.learn(self.points)
        run("embed", "--model-file", self.model, self.points, "--output", self.home / "a.npy")
        eighth = self.file("t.npy", npy([number / 8 for number in groups()], (COUNT, 4)))
        self.learn(eighth)
        run("embed", "--model-file", self.model, eighth, "--output", self.home / "b.npy")
        a, b = (read_npy(self.home / name)[1] for name in ("a.npy", "b.npy"))
        for first, second in zip(a, b):
            self.assertAlmostEqual(first, second, delta=1e-5 * max(1, abs(first)))

    def test_several_inputs_are_several_domains_for_tdcm(self):
        moved = self.file("q.npy", npy(groups(offset=5), (COUNT, 4)))
        together = self.file("r.npy", npy(groups() + groups(offset=5), (2 * COUNT, 4)))
        apart = self.learn(self.points, moved, method="tdcm")
        one = self.learn(together, method="tdcm")
        self.assertNotEqual(apart, one)
        # For a method that knows no domains the samples are the same.
        embeddings = []
        for inputs in ((self.points, moved), (together,)):
            self.learn(*inputs, settings=["epochs=1", "width=2"])
            run("embed", "--model-file", self.model, together, "--output", self.home / "z.npy")
            embeddings.append((self.home / "z.npy").read_bytes())
        self.assertEqual(*embeddings)

    def test_a_domain_of_too_few_samples_is_named(self):
        few = self.file("few.npy", npy(groups(1), (1, 4)))
        self.assert_refused(self.train(self.points, few, method="tdcm"), 1, "domain 2",
                            "1 samples")

    def test_refuses_vectors_of_another_length(self):
        other = self.file("q.npy", npy(groups(4, 3), (4, 3)))
        self.assert_refused(self.train(self.points, other), 1, other, "3 numbers", "4")

    def test_refuses_pictures_among_vectors(self):
        self.assert_refused(self.train(self.points, self.pictures), 1, "one kind")

    def test_refuses_nan(self):
        path = self.file("n.npy", npy([1.0, math.nan] * 8, (4, 4)))
        self.assert_refused(self.train(path), 1, path, "row 0")


if __name__ == "__main__":
    runner = TAPTestRunner()
    runner.set_stream(True)
    unittest.main(argv=sys.argv[:1], testRunner=runner)
