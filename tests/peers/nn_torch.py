# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the comparisons with PyTorch share: networks described once and built on both sides.

A network is the shape of its input (height, width, channels) and a list of Layer. Our side is the
program nn_peer, driven by Peer; PyTorch's is the module Network. Importing this without
PyTorch ends the test as skipped.
"""
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SKIPPED = 77


def use_fast_blas():
    """Starts the script again with the best kernels of OpenBLAS that this CPU runs.

    An OpenBLAS older than the CPU falls back to SSE, and a comparison with that says nothing.
    """
    flags = re.search(r"^flags\s*:(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    flags = flags.group(1).split() if flags else []
    core = "SkylakeX" if "avx512bw" in flags else "Haswell" if "avx2" in flags else None
    if core and "OPENBLAS_CORETYPE" not in os.environ:
        os.environ["OPENBLAS_CORETYPE"] = core
        os.execv(sys.executable, [sys.executable, *sys.argv])


use_fast_blas()
try:
    import numpy
    import torch
except ImportError as problem:
    print(f"skipped: {problem}; install python3-torch and python3-numpy")
    sys.exit(SKIPPED)

functional = torch.nn.functional


@dataclasses.dataclass
class Layer:
    kind: str
    activation: str = "none"
    slope: float = 0.0
    kernel: tuple = (0, 0)
    stride: int = 0
    padding: tuple = (0, 0, 0, 0)  # top, bottom, left, right
    output: tuple = (0, 0, 0)      # height, width, channels; as nn/network.h wants it
    back: int = 0                  # which earlier values the layer takes, likewise
    with_: int = 0

    def words(self):
        return " ".join(str(word) for word in (self.kind, self.activation, self.slope, *self.kernel,
                                               self.stride, *self.padding, *self.output,
                                               self.back, self.with_))


class Peer:
    """Our side: the program nn_peer with the networks added to it."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)
        self.folder = tempfile.TemporaryDirectory()

    def ask(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        answer = self.process.stdout.readline().split()
        if not answer or answer[-1] != "ok":
            raise SystemExit(f"nn_peer failed at: {words}")
        return [float(number) for number in answer[:-1]]

    def add(self, shape, layers):
        self.ask("network", *shape)
        for layer in layers:
            self.ask("layer", layer.words())

    def file(self, name, array=None):
        path = os.path.join(self.folder.name, name)
        if array is not None:
            numpy.ascontiguousarray(array, dtype=numpy.float32).tofile(path)
        return path

    def set_weights(self, modules):
        flat = [numbers for module in modules for numbers in module.numbers_in_our_order()]
        self.ask("weights", self.file("weights", numpy.concatenate(flat)))

    def forward(self, images):
        self.ask("forward", len(images), self.file("in", images), self.file("out"))
        return numpy.fromfile(self.file("out"), numpy.float32).reshape(len(images), -1)

    def gradients(self, images, target):
        """Loss and the flat gradient: of all weights and biases in our order, then of the input."""
        loss, = self.ask("gradients", len(images), self.file("in", images),
                         self.file("target", target), self.file("out"))
        return loss, numpy.fromfile(self.file("out"), numpy.float32)

    def time_forward(self, batch, runs):
        return self.ask("time-forward", batch, runs)[0]

    def time_step(self, batch, threads, runs):
        return self.ask("time-step", batch, threads, runs)[0]


def to_ours(images):
    """N x C x H x W as we store it: channels last, one row an image."""
    return images.detach().permute(0, 2, 3, 1).reshape(len(images), -1).numpy()


class Step(torch.nn.Module):
    """One Layer; `weight` and `bias` are in PyTorch's own layout."""

    def __init__(self, layer, shape):
        super().__init__()
        self.layer, self.shape = layer, shape
        height, width, channels = shape
        out = layer.output[2]
        weight = {
            "dense": (out, height * width * channels),
            "conv2d": (out, channels, *layer.kernel),
            "depthwise_conv2d": (channels, 1, *layer.kernel),
            "transposed_conv2d": (channels, out, *layer.kernel),
            "affine": (channels,),
            "batch_norm": (channels,),
        }.get(layer.kind)
        self.weight = self.bias = None
        if weight:
            fan = numpy.prod(weight[1:]) if layer.kind != "transposed_conv2d" else channels
            self.weight = torch.nn.Parameter(torch.randn(weight) * (2 / max(fan, 1)) ** 0.5)
            biases = channels if layer.kind in ("depthwise_conv2d", "affine",
                                                 "batch_norm") else out
            self.bias = torch.nn.Parameter(torch.randn(biases) * 0.1)
        if layer.kind == "batch_norm":
            self.register_buffer("mean", torch.randn(channels) * 0.1)
            self.register_buffer("variance", torch.rand(channels) + 0.5)

    def forward(self, *values):
        x = getattr(self, self.layer.kind)(*values)
        activation = self.layer.activation
        if activation == "relu":
            return functional.relu(x)
        if activation == "leaky_relu":
            return functional.leaky_relu(x, self.layer.slope)
        return functional.gelu(x) if activation == "gelu" else x

    def padded(self, x, value=0.0):
        top, bottom, left, right = self.layer.padding
        return functional.pad(x, (left, right, top, bottom), value=value) if any(
            self.layer.padding) else x

    def dense(self, x):
        if x.shape[2:] != (1, 1):
            x = x.permute(0, 2, 3, 1)
        return functional.linear(x.reshape(len(x), -1), self.weight, self.bias)[:, :, None, None]

    def conv2d(self, x):
        return functional.conv2d(self.padded(x), self.weight, self.bias, self.layer.stride)

    def depthwise_conv2d(self, x):
        return functional.conv2d(self.padded(x), self.weight, self.bias, self.layer.stride,
                                 groups=self.shape[2])

    def transposed_conv2d(self, x):
        y = functional.conv_transpose2d(x, self.weight, self.bias, self.layer.stride)
        top, _, left, _ = self.layer.padding
        height, width, _ = self.layer.output
        return y[:, :, top:top + height, left:left + width]

    def max_pool(self, x):
        return functional.max_pool2d(self.padded(x, -numpy.inf), self.layer.kernel,
                                     self.layer.stride)

    def average_pool(self, x):
        window = (self.layer.kernel, self.layer.stride)
        ones = torch.ones_like(x[:1, :1])
        return functional.avg_pool2d(self.padded(x), *window) / functional.avg_pool2d(
            self.padded(ones), *window)

    def global_average_pool(self, x):
        return x.mean((2, 3), keepdim=True)

    def affine(self, x):
        return x * self.weight[:, None, None] + self.bias[:, None, None]

    def batch_norm(self, x):
        return functional.batch_norm(x, self.mean, self.variance, self.weight, self.bias,
                                     self.training)

    def add(self, x, addend):
        return x + addend

    def reshape(self, x):
        height, width, channels = self.layer.output
        flat = x.permute(0, 2, 3, 1).reshape(len(x), height, width, channels)
        return flat.permute(0, 3, 1, 2)

    def l2_normalise(self, x):
        return x / x.flatten(1).norm(dim=1)[:, None, None, None]

    def in_our_order(self, weight):
        order = {"dense": (1, 0), "conv2d": (2, 3, 1, 0), "depthwise_conv2d": (2, 3, 0, 1),
                 "transposed_conv2d": (2, 3, 1, 0)}.get(self.layer.kind)
        return (weight.permute(order) if order else weight).detach().numpy().ravel()


class Network(torch.nn.Sequential):
    """PyTorch's side of a network."""

    def __init__(self, shape, layers):
        steps, values = [], [torch.zeros(1, shape[2], shape[0], shape[1])]
        for layer in layers:
            _, channels, height, width = values[-1 - layer.back].shape
            steps.append(Step(layer, (height, width, channels)).eval())
            with torch.no_grad():
                values.append(steps[-1](*self.taken(layer, values)))
        super().__init__(*steps)
        self.train()

    @staticmethod
    def taken(layer, values):
        places = [layer.back, layer.with_] if layer.kind == "add" else [layer.back]
        return [values[-1 - place] for place in places]

    def forward(self, x):
        values = [x]
        for step in self:
            values.append(step(*self.taken(step.layer, values)))
        return values[-1]

    def numbers_in_our_order(self):
        for step in self:
            if step.weight is not None:
                yield step.in_our_order(step.weight)
                yield step.bias.detach().numpy()
            if step.layer.kind == "batch_norm":
                yield step.mean.numpy()
                yield step.variance.numpy()

    def gradients_in_our_order(self):
        for step in self:
            if step.weight is not None:
                yield step.in_our_order(step.weight.grad)
                yield step.bias.grad.numpy()


def dekm(side=28, channels=1, code=10):
    """Encoder and decoder of methods DEKM for 28 x 28: (shape, layers) of each."""
    conv = [Layer("conv2d", "relu", 0, (5, 5), 2, (1, 2, 1, 2), (0, 0, 32)),
            Layer("conv2d", "relu", 0, (5, 5), 2, (1, 2, 1, 2), (0, 0, 64)),
            Layer("conv2d", "relu", 0, (3, 3), 2, (0, 0, 0, 0), (0, 0, 128))]
    back = [("relu", (7, 7, 64)), ("relu", (14, 14, 32)), ("none", (side, side, channels))]
    decoder = [Layer("dense", "relu", output=(0, 0, 1152)), Layer("reshape", output=(3, 3, 128))]
    decoder += [dataclasses.replace(layer, kind="transposed_conv2d", activation=activation,
                                    output=output)
                for layer, (activation, output) in zip(reversed(conv), back)]
    return (((side, side, channels), [*conv, Layer("dense", output=(0, 0, code))]),
            ((1, 1, code), decoder))
