#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ONNX files as they are by ONNX Runtime, beside what our import makes of them:
onnx_runtime.py ONNX_RUN RUNTIME_RUN DATA [NET.onnx...]

The networks in DATA/models; those of torchvision, where PyTorch is; and graphs of one operator each
in its forms, which python3-onnx puts together. Nothing of ours touches the files that ONNX Runtime
gets. Then the most memory that either has for a network and a batch, in processes of their own;
also for NET.onnx, networks from torchvision.
Skips what is not installed or not there.
"""
import pathlib
import subprocess
import sys
import tempfile

import onnx_import
from onnx_import import BATCH, NETWORKS, SHIPPED, SKIPPED, compare, numpy, torch

try:
    import onnx
    from onnx import helper, numpy_helper
except ImportError as problem:
    onnx = None
    print(f"without graphs of one operator: {problem}; install python3-onnx")

# Sides of the pictures of the graphs of one operator.
HEIGHT, WIDTH = 12, 10


def run_runtime(program, path, images, output, batch=1):
    """What ONNX Runtime makes of `images`, and the most memory it had in KiB."""
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        numpy.ascontiguousarray(images.transpose(0, 2, 3, 1)).tofile(home / "input.f32")
        command = [program, path, folder, output, *map(str, images.shape[1:]), str(batch)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=240)
        if result.returncode:
            raise SystemExit(f"{path.name}: {result.stderr[-400:]}")
        numbers = numpy.fromfile(home / "output.f32", numpy.float32)
        return numbers.reshape(len(images), -1), peak(result.stdout)


def peak(told):
    return int(told.splitlines()[-1].split()[1])


def check_file(programs, title, path, images, output):
    theirs, _ = run_runtime(programs[1], path, images, output)
    return compare(title, onnx_import.run(programs[0], path, images, output), theirs)


# --- graphs of one operator ---

def nodes(*described):
    """Nodes of (operator, inputs, attributes); the first takes "map", the last makes "made"."""
    made = []
    for i, (operator, inputs, attributes) in enumerate(described):
        output = "made" if i + 1 == len(described) else f"step{i}"
        made.append(helper.make_node(operator, inputs, [output], **attributes))
    return made


def weights(*shape, seed=0, low=-0.5, high=0.5):
    return numpy.random.default_rng(seed).uniform(low, high, shape).astype(numpy.float32)


def whole(*numbers):
    return numpy.array(numbers, numpy.int64)


def resize(mode, places, **more):
    sizes = {"sizes": whole(1, 6, 17, 7)}
    attributes = {"mode": mode, "coordinate_transformation_mode": places, **more}
    return nodes(("Resize", ["map", "", "", "sizes"], attributes)), sizes


def graphs():
    """(title, nodes, constants): each node takes "map", of 6 channels."""
    yield ("Conv by axis", nodes(("Conv", ["map", "w", "b"], {
        "strides": [1, 2], "dilations": [3, 1], "pads": [2, 0, 1, 1]})),
        {"w": weights(5, 6, 3, 2), "b": weights(5)})
    yield ("Conv, SAME_LOWER", nodes(("Conv", ["map", "w"], {
        "auto_pad": "SAME_LOWER", "strides": [2, 3]})), {"w": weights(5, 6, 4, 3)})
    yield ("Conv in groups", nodes(("Conv", ["map", "w"], {"group": 3, "pads": [1, 1, 1, 1]})),
           {"w": weights(9, 2, 3, 3)})
    yield ("Conv 3 x 3, wide", nodes(
        ("Conv", ["map", "wide"], {}), ("Conv", ["step0", "w", "b"], {"pads": [1, 1, 1, 1]})),
        {"wide": weights(24, 6, 1, 1), "w": weights(40, 24, 3, 3, low=-.2, high=.2),
         "b": weights(40)})
    yield ("ConvTranspose", nodes(("ConvTranspose", ["map", "w", "b"], {
        "strides": [2, 3], "pads": [1, 0, 0, 2], "output_padding": [1, 2]})),
        {"w": weights(6, 4, 3, 4), "b": weights(4)})
    yield ("MaxPool, ceil", nodes(("MaxPool", ["map"], {
        "kernel_shape": [3, 2], "strides": [2, 3], "ceil_mode": 1})), {})
    yield ("AveragePool, padding counted", nodes(("AveragePool", ["map"], {
        "kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 1, 0, 0], "count_include_pad": 1})),
        {})
    yield ("LRN", nodes(("LRN", ["map"], {"size": 5, "alpha": 0.5, "beta": 0.6, "bias": 1.5})), {})
    yield ("InstanceNormalization", nodes(("InstanceNormalization", ["map", "s", "b"], {
        "epsilon": 1e-3})), {"s": weights(6, low=.5, high=2), "b": weights(6)})
    for places in "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric":
        yield (f"Resize, linear, {places}", *resize("linear", places))
    # Not half_pixel: where a place lies between two pixels, a rounding of it decides.
    for rounding in "floor", "ceil":
        yield (f"Resize, nearest, {rounding}",
               *resize("nearest", "asymmetric", nearest_mode=rounding))
    yield ("Resize by scales", nodes(("Resize", ["map", "", "scales"], {"mode": "linear"})),
           {"scales": numpy.array([1, 1, 2.5, 0.7], numpy.float32)})
    yield ("Gather of channels", nodes(("Gather", ["map", "places"], {"axis": 1})),
           {"places": whole(4, 1, -1, 0, 0)})
    yield ("Gather of rows, twice", nodes(("Gather", ["map", "places"], {"axis": 2})),
           {"places": whole(3, 3, 9, 1, 0, 11).reshape(2, 3)})
    yield ("attention over pixels", nodes(
        ("Conv", ["map", "w"], {}), ("Sigmoid", ["step0"], {}), ("Mul", ["step1", "map"], {})),
        {"w": weights(1, 6, 1, 1)})
    yield ("square", nodes(("Mul", ["map", "map"], {})), {})
    yield ("GELU in parts", nodes(
        ("Div", ["map", "root"], {}), ("Erf", ["step0"], {}), ("Add", ["step1", "one"], {}),
        ("Mul", ["map", "step2"], {}), ("Mul", ["step3", "half"], {})),
        {"root": numpy.float32(2 ** .5), "one": numpy.float32(1), "half": numpy.float32(.5)})
    yield ("Softmax over channels", nodes(("Softmax", ["map"], {"axis": 1})), {})
    yield ("Clip", nodes(("Clip", ["map", "low", "high"], {})),
           {"low": numpy.float32(-.2), "high": numpy.float32(.3)})
    yield ("Pad", nodes(("Pad", ["map", "pads"], {})), {"pads": whole(0, 0, 1, 2, 0, 0, 3, 0)})
    yield ("ReduceMean over rows", nodes(("ReduceMean", ["map"], {"axes": [2], "keepdims": 0})), {})
    yield ("Slice backwards in strides", nodes(
        ("Slice", ["map", "starts", "ends", "axes", "steps"], {})),
        {"starts": whole(1, 2), "ends": whole(6, 9), "axes": whole(1, 3), "steps": whole(2, 3)})


def write_graph(path, described, constants):
    """A graph from a picture of 3 channels by a convolution to 6, "map", then the nodes."""
    first = helper.make_node("Conv", ["input", "first"], ["map"])
    last = helper.make_node("Flatten", ["made"], ["output"])
    constants = {"first": weights(6, 3, 1, 1, seed=9, low=-1, high=1), **constants}
    graph = helper.make_graph(
        [first, *described, last], "graph",
        [helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])],
        [helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, [1, None])],
        [numpy_helper.from_array(numpy.asarray(array), name) for name, array in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def check_graphs(programs, folder):
    images = weights(BATCH, 3, HEIGHT, WIDTH, seed=5, low=-1, high=1)
    checked, well = 0, True
    for title, described, constants in graphs():
        path = folder / "graph.onnx"
        write_graph(path, described, constants)
        checked, well = checked + 1, check_file(programs, title, path, images, "output") and well
    return checked, well


# --- memory ---

def compare_memory(programs, path, shape, output):
    """Prints the most memory of either, from the file to the numbers; True when ours is not the
    larger."""
    well = True
    for batch in 1, 32:
        images = weights(batch, *shape)
        with tempfile.TemporaryDirectory() as folder:
            home = pathlib.Path(folder)
            numpy.ascontiguousarray(images.transpose(0, 2, 3, 1)).tofile(home / "input.f32")
            told = subprocess.run([programs[0], path, folder, output], check=True, text=True,
                                  capture_output=True, timeout=240).stdout
        _, theirs = run_runtime(programs[1], path, images, output, batch)
        well &= peak(told) <= theirs
        print(f"{path.name}, batch {batch}: {peak(told) / 1024:.1f} MiB, ONNX Runtime "
              f"{theirs / 1024:.1f} MiB{'' if peak(told) <= theirs else ' FAILED'}", flush=True)
    return well


def main(onnx_run, runtime_run, data, *files):
    programs, checked, well = (onnx_run, runtime_run), 0, True
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if onnx:
            checked, well = check_graphs(programs, folder)
        for name, opset in NETWORKS.items() if torch else ():
            path = folder / f"{name}.onnx"
            with torch.no_grad():
                _, images = onnx_import.export_torchvision(name, opset, path)
            well &= check_file(programs, name, path, images.numpy(), "logits")
            checked += 1
    for name, (shape, low, high, outputs) in SHIPPED.items():
        path = pathlib.Path(data) / "models" / name
        if not path.exists():
            continue
        images = weights(BATCH, *shape, seed=1, low=low, high=high)
        for output in outputs:
            well &= check_file(programs, f"{name}, {output}", path, images, output)
        well &= compare_memory(programs, path, shape, outputs[0])
        checked += 1
    for file in files:
        well &= compare_memory(programs, pathlib.Path(file), (3, 224, 224), "logits")
    if not checked:
        print("skipped: neither python3-onnx nor networks to compare")
        return SKIPPED
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
