#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the networks of analytics.py: analytics_models.py FOLDER

detector.onnx has constant outputs, which are what FOUND says; colour.onnx makes the mean colour of a picture.
"""
import pathlib
import sys

import numpy

WIDTH, HEIGHT = 320, 240
# What the detector finds on the bars of videotestsrc: top, left, bottom, right as shares of the frame, and
# the class. The first and the last lie on bars of different colours, and those in the middle on one bar.
FOUND = [((.2, .02, .5, .12), "thing"), ((.2, .45, .35, .54), "thing"), ((.4, .45, .55, .54), "thing"),
         ((.2, .88, .5, .98), "thing")]


def save_model(path, nodes, dims, outputs, names):
    """A model of the picture `image`; `names` are what GStreamer is to call its outputs."""
    picture = helper.make_tensor_value_info("image", TensorProto.UINT8, dims)
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs]
    model = helper.make_model(helper.make_graph(nodes, "test", [picture], results), ir_version=8,
                              opset_imports=[helper.make_opsetid("", 13)])
    for key, value in names:
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    checker.check_model(model)
    save(model, str(path))


def save_detector(path):
    n = len(FOUND)
    values = {"boxes": numpy.array([[box for box, _ in FOUND]], "float32"),
              "scores": numpy.full((1, n), .9, "float32"), "classes": numpy.zeros((1, n), "float32"),
              "count": numpy.array([n], "float32")}
    nodes = [helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value))
             for name, value in values.items()]
    prefix = "Gst.Model.ObjectDetector."
    save_model(path, nodes, [1, HEIGHT, WIDTH, 3], [(name, value.shape) for name, value in values.items()],
               [("boxes", prefix + "Boxes"), ("scores", prefix + "Scores"),
                ("classes", prefix + "Classes"), ("count", prefix + "NumDetections")])


def save_mean_colour(path):
    """A feature extractor whose embedding is the mean colour, beside a map that is no embedding."""
    nodes = [helper.make_node("Cast", ["image"], ["numbers"], to=TensorProto.FLOAT),
             helper.make_node("ReduceMean", ["numbers"], ["features"], axes=[1, 2], keepdims=0),
             helper.make_node("ReduceMean", ["numbers"], ["columns"], axes=[1], keepdims=0)]
    outputs = [("features", [1, 3]), ("columns", [1, WIDTH, 3])]
    # onnxinference 1.26 wants a name in GStreamer for each.
    save_model(path, nodes, [1, HEIGHT, WIDTH, 3], outputs, [(name, name) for name, _ in outputs])


if __name__ == "__main__":
    from onnx import TensorProto, checker, helper, numpy_helper, save
    home = pathlib.Path(sys.argv[1])
    save_detector(home / "detector.onnx")
    save_mean_colour(home / "colour.onnx")
