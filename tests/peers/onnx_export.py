#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ONNX files that we write, in the hands of others: onnx_export.py ONNX_PEER

Each network that the program writes is checked by ONNX's own checker and shape inference, then run
by whatever of these is there, on the same samples as ours: ONNX's reference implementation, PyTorch
(operator by operator), and OpenCV, which takes one sample at a time and does not know every
operator. Without ONNX, or without any of the three, the test is skipped.
"""
import collections
import pathlib
import subprocess
import sys
import tempfile

SKIPPED = 77
try:
    import numpy
    import onnx
except ImportError as problem:
    print(f"skipped: {problem}; install python3-onnx and python3-numpy")
    sys.exit(SKIPPED)

# Sums of some dozens of products of the order of 1 in float, in another order of summing, and
# approximations of exp, tanh and erf: 1e-6 each; OpenCV's are worse.
TOLERANCE = {"reference": 2e-5, "torch": 2e-5, "opencv": 1e-4}
# OpenCV 4.6 runs 44 of them; far fewer would mean that our files became stranger. The reference
# leaves out the one with LRN.
LEAST_BY_OPENCV = 40
LEFT_OUT_BY_REFERENCE = 1


def reference_runner():
    from onnx.reference import ReferenceEvaluator

    def run(model, samples):
        # Its LRN (onnx 1.17) counts samples where it means channels.
        if any(node.op_type == "LRN" for node in model.graph.node):
            return None
        return ReferenceEvaluator(model).run(None, {"input": samples})[0]

    return run


def torch_runner():
    import onnx_torch
    return onnx_torch.run


def opencv_runner():
    import cv2

    def run(model, samples):
        try:
            network = cv2.dnn.readNetFromONNX(model.SerializeToString())
            outputs = []
            for sample in samples:
                network.setInput(sample[None])
                outputs.append(network.forward().reshape(1, -1))
        except cv2.error:
            return None  # an operator, or a form of one, that it does not know
        return numpy.concatenate(outputs)

    return run


def runners():
    found = {}
    for name, make in (("reference", reference_runner), ("torch", torch_runner),
                       ("opencv", opencv_runner)):
        try:
            found[name] = make()
        except ImportError as problem:
            print(f"without {name}: {problem}")
    return found


class Case:
    def __init__(self, folder, line):
        self.name, *sizes = line.split()
        self.height, self.width, self.channels, self.numbers = map(int, sizes)
        self.model = onnx.load(folder / f"{self.name}.onnx")
        shape = (-1, self.height, self.width, self.channels)
        samples = numpy.fromfile(folder / f"{self.name}.in", numpy.float32).reshape(shape)
        self.is_vector = self.height == self.width == 1
        self.samples = samples[:, 0, 0] if self.is_vector else samples.transpose(0, 3, 1, 2).copy()
        outputs = numpy.fromfile(folder / f"{self.name}.out", numpy.float32)
        self.expected = outputs.reshape(len(samples), self.numbers)

    def problem_of_file(self):
        onnx.checker.check_model(self.model, full_check=True)
        inferred = onnx.shape_inference.infer_shapes(self.model, strict_mode=True, data_prop=True)
        shapes = [[axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
                  for value in (inferred.graph.input[0], inferred.graph.output[0])]
        sizes = [self.channels] + ([] if self.is_vector else [self.height, self.width])
        if shapes != [["N", *sizes], ["N", self.numbers]]:
            return f"shapes are {shapes}"
        if inferred.opset_import[0].version != 13:
            return "the opset is not 13"
        return None

    def problem_of_outputs(self, outputs, tolerance):
        if outputs.shape != self.expected.shape:
            return f"gives {outputs.shape}, not {self.expected.shape}"
        worst = numpy.abs(outputs - self.expected).max()
        return None if worst <= tolerance else f"is {worst} away"


def main(program):
    run_by = runners()
    if not run_by:
        print("skipped: nothing that runs ONNX; install python3-torch or python3-opencv")
        return SKIPPED
    problems, ran = [], collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        lines = subprocess.run([program, folder], check=True, text=True, capture_output=True).stdout
        for case in (Case(pathlib.Path(folder), line) for line in lines.splitlines()):
            problems.append(f"{case.name}: {case.problem_of_file()}" if case.problem_of_file() else "")
            for name, run in run_by.items():
                outputs = run(case.model, case.samples)
                if outputs is None:
                    print(f"{case.name}: not by {name}")
                    continue
                ran[name] += 1
                problem = case.problem_of_outputs(outputs, TOLERANCE[name])
                problems.append(f"{case.name} by {name}: {problem}" if problem else "")
    problems = [problem for problem in problems if problem]
    cases = len(lines.splitlines())
    print(*problems, f"{cases} files, run: {dict(ran)}", sep="\n")
    if any(ran[name] < cases - (LEFT_OUT_BY_REFERENCE if name == "reference" else 0)
           for name in run_by if name != "opencv"):
        problems.append("not every file was run")
    if "opencv" in run_by and ran["opencv"] < LEAST_BY_OPENCV:
        problems.append(f"OpenCV ran less than {LEAST_BY_OPENCV} files")
    return 1 if problems or not cases else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
