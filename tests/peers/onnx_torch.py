# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs ONNX graphs of opset 13 by PyTorch's functions, as far as the operators are that we write.

Each operator stands for itself, so that the graph is computed as its file has it. Importing this
without PyTorch raises ImportError.
"""
import numpy
import onnx
import torch
from onnx import numpy_helper

functional = torch.nn.functional


def around(pads):
    """ONNX's pads of the last two axes in PyTorch's order: from the last axis to the first."""
    top, left, bottom, right = pads
    return left, right, top, bottom


def conv(image, weight, bias, *, kernel_shape, strides, pads, dilations, group):
    assert list(weight.shape[2:]) == kernel_shape
    return functional.conv2d(functional.pad(image, around(pads)), weight, bias, strides,
                             dilation=dilations, groups=group)


def conv_transpose(image, weight, bias, *, kernel_shape, strides, pads, output_padding):
    assert list(weight.shape[2:]) == kernel_shape
    full = functional.conv_transpose2d(image, weight, bias, strides)
    # What ONNX says: no window reaches the output's last rows; then the pads are cut off.
    more = functional.pad(full - bias[:, None, None], (0, output_padding[1], 0, output_padding[0]))
    top, left, bottom, right = pads
    height, width = more.shape[2:]
    return more[:, :, top:height - bottom, left:width - right] + bias[:, None, None]


def gemm(rows, weight, bias, *, transB):
    assert transB == 1
    return functional.linear(rows, weight, bias)


def max_pool(image, *, kernel_shape, strides, pads):
    padded = functional.pad(image, around(pads), value=-numpy.inf)
    return functional.max_pool2d(padded, kernel_shape, strides)


def average_pool(image, *, kernel_shape, strides, pads, count_include_pad):
    assert count_include_pad == 0
    sums, counts = (functional.avg_pool2d(functional.pad(each, around(pads)), kernel_shape, strides)
                    for each in (image, torch.ones_like(image)))
    return sums / counts


def instance_norm(image, scale, bias, *, epsilon):
    return functional.instance_norm(image, weight=scale, bias=bias, eps=epsilon)


def response_norm(image, *, size, alpha, beta, bias):
    before = (size - 1) // 2
    squares = functional.pad(image * image, (0, 0, 0, 0, before, size - 1 - before))
    sums = sum(squares[:, i:i + image.shape[1]] for i in range(size))
    return image / (bias + alpha / size * sums) ** beta


def reshape(value, shape):
    sizes = [value.shape[i] if size == 0 else int(size) for i, size in enumerate(shape)]
    return value.reshape(sizes)


def slice_axes(value, starts, ends, axes):
    index = [slice(None)] * value.ndim
    for start, end, axis in zip(starts, ends, axes):
        index[axis] = slice(int(start), int(end))
    return value[tuple(index)]


def pad(image, pads):
    assert not any(pads[[0, 1, 4, 5]])
    return functional.pad(image, around([int(pads[i]) for i in (2, 3, 6, 7)]))


OPERATORS = {
    "Add": torch.add,
    "AveragePool": average_pool,
    "Clip": lambda x, low, high=None: torch.clamp(x, low, high),
    "Concat": lambda *values, axis: torch.cat(values, axis),
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Div": torch.div,
    "Erf": torch.erf,
    "Gather": lambda x, numbers, axis: x.index_select(axis, numbers),
    "Gemm": gemm,
    "GlobalAveragePool": lambda x: x.mean((2, 3), keepdim=True),
    "HardSigmoid": lambda x, alpha, beta: torch.clamp(alpha * x + beta, 0, 1),
    "Identity": lambda x: x,
    "InstanceNormalization": instance_norm,
    "LRN": response_norm,
    "LeakyRelu": lambda x, alpha: torch.where(x < 0, alpha * x, x),
    "MaxPool": max_pool,
    "Mul": torch.mul,
    "PRelu": lambda x, slope: torch.where(x < 0, slope * x, x),
    "Pad": pad,
    "ReduceL2": lambda x, axes, keepdims: torch.sqrt((x * x).sum(axes, keepdim=bool(keepdims))),
    "ReduceMean": lambda x, axes, keepdims: x.mean(axes, keepdim=bool(keepdims)),
    "Relu": torch.relu,
    "Reshape": reshape,
    "Sigmoid": torch.sigmoid,
    "Slice": slice_axes,
    "Softmax": lambda x, axis: torch.softmax(x, axis),
    "Sqrt": torch.sqrt,
    "Sub": torch.sub,
    "Tanh": torch.tanh,
    "Transpose": lambda x, perm: x.permute(perm),
}


def run(model, image):
    """The graph's first output for the one input, both as arrays."""
    graph = model.graph
    values = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
              for tensor in graph.initializer}
    values[graph.input[0].name] = torch.from_numpy(image.copy())
    with torch.inference_mode():
        for node in graph.node:
            attributes = {each.name: onnx.helper.get_attribute_value(each)
                          for each in node.attribute}
            inputs = [values[name] for name in node.input]
            values[node.output[0]] = OPERATORS[node.op_type](*inputs, **attributes)
    return values[graph.output[0].name].numpy()
