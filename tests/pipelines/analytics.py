#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pipelines with the analytics elements of GStreamer 1.26: analytics.py GST_LAUNCH PLUGIN_FOLDER [FOLDER]

A network whose outputs are constant stands for a detector: what it finds is known. With FOLDER the frames
that objectdetectionoverlay has drawn on stay there, to be looked at. Skipped where the elements are missing.
"""
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import gi
import numpy

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402 (the version comes first)
from tap.runner import TAPTestRunner  # noqa: E402

from analytics_models import FOUND, HEIGHT, WIDTH  # noqa: E402

GST_LAUNCH, PLUGINS = sys.argv[1:3]
MODELS = pathlib.Path(__file__).with_name("analytics_models.py")
KEPT = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None

VIDEO = f"video/x-raw,format=RGB,width={WIDTH},height={HEIGHT},framerate=25/1"


def launch(line, cwd):
    return subprocess.run([GST_LAUNCH, "-q", *line.split()], cwd=cwd, capture_output=True, text=True,
                          timeout=100)


def read_analytics(buffer):
    """Each detection as (box, {relation: label})."""
    gi.require_version("GstAnalytics", "1.0")
    from gi.repository import GLib, GstAnalytics
    relations = GstAnalytics.buffer_get_analytics_relation_meta(buffer)
    ids = range(GstAnalytics.relation_get_length(relations))
    classes = {}
    for i in ids:
        is_class, found = relations.get_cls_mtd(i)
        if is_class:
            classes[i] = GLib.quark_to_string(found.get_quark(0))
    result = []
    for i in ids:
        is_detection, found = relations.get_od_mtd(i)
        if is_detection:
            _, x, y, width, height, _ = found.get_location()
            result.append(((x, y, width, height),
                           {kind: [label for other, label in classes.items()
                                   if int(relations.get_relation(i, other)) & int(kind)]
                            for kind in (GstAnalytics.RelTypes.RELATE_TO, GstAnalytics.RelTypes.CONTAIN)}))
    return result


class AnalyticsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.home = pathlib.Path(folder.name)
        self.addCleanup(folder.cleanup)
        (self.home / "classes").write_text("thing\n")
        # In a process of its own: the libraries of python3-onnx and of onnxinference cannot share one.
        subprocess.run([sys.executable, MODELS, self.home], check=True)

    def launch(self, line):
        done = launch(line, self.home)
        self.assertEqual(done.returncode, 0, done.stderr)

    def lines(self):
        return [json.loads(line) for line in (self.home / "out.jsonl").read_text().splitlines()]

    DETECTOR = (f"videotestsrc num-buffers={{}} ! {VIDEO} ! onnxinference model-file=detector.onnx ! "
                "ssdobjectdetector label-file=classes ! ")
    GROUPS = ("embed inference-region=roi-list ! adapt-centroids clusters=3 warm-up=40 seed=1 ! "
              "assign {} ! ")

    def test_detections_are_regions(self):
        self.launch(self.DETECTOR.format(30) + self.GROUPS.format("")
                    + "publish-clusters location=out.jsonl ! fakesink")
        lines = self.lines()
        self.assertEqual(len(lines), 30)
        for line in lines:
            self.assertEqual(len(line["regions"]), len(FOUND))
            for region, (box, kind) in zip(line["regions"], FOUND):
                self.assertEqual(region["roi_type"], kind)
                self.assertLessEqual(abs(region["x"] - box[1] * WIDTH), 1)
                self.assertLessEqual(abs(region["y"] - box[0] * HEIGHT), 1)
        left, upper, lower, right = (region["cluster"]["id"] for region in lines[-1]["regions"])
        self.assertEqual(upper, lower)
        self.assertEqual(len({left, upper, right}), 3)

    def test_labels_are_related_to_detections(self):
        pipeline = Gst.parse_launch(
            self.DETECTOR.format(30).replace("detector.onnx", str(self.home / "detector.onnx"))
            .replace("classes", str(self.home / "classes")) + self.GROUPS.format("")
            + "appsink name=out sync=false max-buffers=100")
        pipeline.set_state(Gst.State.PLAYING)
        out = pipeline.get_by_name("out")
        samples = [out.emit("pull-sample") for _ in range(30)]
        detections = read_analytics(samples[-1].get_buffer())
        pipeline.set_state(Gst.State.NULL)
        self.assertEqual(len(detections), len(FOUND))
        for _, labels in detections:
            for found in labels.values():
                self.assertEqual(len([label for label in found if label.startswith("cluster-")]), 1)

    def overlaid(self, name, groups):
        """The last of thirty frames with what objectdetectionoverlay draws."""
        path = self.home / f"{name}.raw"
        self.launch(self.DETECTOR.format(30) + groups + "objectdetectionoverlay ! videoconvert ! "
                    f"video/x-raw,format=RGB ! tee name=t ! queue ! filesink location={path} "
                    f"t. ! queue ! pngenc ! multifilesink location={self.home}/{name}.png")
        if KEPT:
            (KEPT / f"{name}.png").write_bytes((self.home / f"{name}.png").read_bytes())
        return numpy.frombuffer(path.read_bytes()[-WIDTH * HEIGHT * 3:], "uint8").reshape(HEIGHT, WIDTH, 3)

    def test_overlay_shows_the_names_of_clusters(self):
        (self.home / "names").write_text("apple\npear\nplum\n")
        (self.home / "other-names").write_text("IIIIII\nIIIIII\nIIIIII\n")
        named = self.overlaid("named", self.GROUPS.format("labels-file=names"))
        other = self.overlaid("other", self.GROUPS.format("labels-file=other-names"))
        again = self.overlaid("again", self.GROUPS.format("labels-file=names"))
        self.assertTrue((named == again).all())
        changed = (named != other).any(axis=2)
        # A name stands in some twenty rows above its box, and reads the same nowhere.
        for top in {int(box[0] * HEIGHT) for box, _ in FOUND}:
            self.assertTrue(changed[max(0, top - 24):top].any(), f"no name above row {top}")
        self.assertLess(changed.mean(), 0.1)

    def test_tensors_are_embeddings(self):
        self.launch(f"videotestsrc pattern=blink num-buffers=60 ! {VIDEO} ! "
                    "onnxinference model-file=colour.onnx ! adapt-centroids clusters=2 warm-up=20 ! assign ! "
                    "publish-clusters location=out.jsonl ! fakesink")
        lines = self.lines()[20:]
        groups = [line["regions"][0]["cluster"]["id"] for line in lines]
        self.assertEqual(groups, [groups[i % 2] for i in range(len(groups))])
        self.assertNotEqual(groups[0], groups[1])

    def test_named_tensor_that_is_no_embedding_is_an_error(self):
        done = launch(f"videotestsrc num-buffers=3 ! {VIDEO} ! onnxinference model-file=colour.onnx ! "
                      "adapt-centroids tensor-name=columns ! fakesink", self.home)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("'columns' (float32, 1 x 320 x 3)", done.stderr)

    def test_tensors_of_a_detector_are_no_embeddings(self):
        self.launch(self.DETECTOR.format(30) + "adapt-centroids clusters=1 warm-up=1 ! assign ! "
                    "publish-clusters location=out.jsonl ! fakesink")
        self.assertFalse(any(line["regions"] for line in self.lines()))

    def test_detector_and_features_share_buffers(self):
        self.launch(self.DETECTOR.format(30) + "onnxinference model-file=colour.onnx ! "
                    "adapt-centroids clusters=1 warm-up=10 ! assign ! "
                    "publish-clusters location=out.jsonl ! fakesink")
        region, = self.lines()[-1]["regions"]
        self.assertEqual((region["roi_type"], region["cluster"]["id"]), ("frame", 0))

    def test_elements_load_without_the_analytics_library(self):
        needed = subprocess.run(["objdump", "-p", f"{PLUGINS}/libgstdriftcluster.so"], check=True,
                                capture_output=True, text=True).stdout
        self.assertIn("NEEDED", needed)
        self.assertNotIn("analytics", needed)


def what_is_missing():
    if not importlib.util.find_spec("onnx"):
        return "python3-onnx is not installed"
    for element in ("onnxinference", "ssdobjectdetector", "objectdetectionoverlay"):
        if not Gst.ElementFactory.find(element):
            return f"there is no {element}"
    return None


if __name__ == "__main__":
    Gst.init(None)
    missing = what_is_missing()
    if missing:
        print(f"1..0 # SKIP {missing}")
        sys.exit(0)
    runner = TAPTestRunner()
    runner.set_stream(True)
    unittest.main(argv=sys.argv[:1], testRunner=runner)
