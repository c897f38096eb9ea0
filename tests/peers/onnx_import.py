#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Imported networks beside those who made them: onnx_import.py ONNX_RUN DATA

Networks of torchvision with random weights, exported by PyTorch, are run by the core and by PyTorch;
those in DATA/models by the core and by OpenCV. Skips what is not installed or not there.
"""
import pathlib
import subprocess
import sys
import tempfile
import warnings

SKIPPED = 77
try:
    import numpy
except ImportError as problem:
    print(f"skipped: {problem}; install python3-numpy")
    sys.exit(SKIPPED)
try:
    import torch
    import torchvision
except ImportError as problem:
    torch = None
    print(f"without PyTorch: {problem}; install python3-torch and python3-torchvision")
try:
    import cv2
except ImportError as problem:
    cv2 = None
    print(f"without OpenCV: {problem}; install python3-opencv")

# Of the largest number of the output. Both sides round sums of up to some thousand products in single
# precision, each in its own order, through up to two hundred layers: 1e-6 to 1e-5 is seen.
TOLERANCE = 1e-4
BATCH, SIDE = 2, 64
# With the opsets that they are exported in; each has another form of something.
NETWORKS = {
    "resnet18": 11, "mobilenet_v2": 12, "mobilenet_v3_small": 14, "shufflenet_v2_x0_5": 13,
    "efficientnet_b0": 15, "densenet121": 11, "squeezenet1_1": 16, "regnet_y_400mf": 13,
    "mnasnet0_5": 11, "convnext_tiny": 14,
}
# Shape of a picture, and what its numbers lie between, as the networks were learnt.
SHIPPED = {
    "squeezenet1_1_fp32.onnx": ((3, 224, 224), -120, 130, ["logits", "embedding"]),
    "osnet_x0_25_msmt17.onnx": ((3, 256, 128), -2, 2.5, ["output"]),
}


def run(program, path, images, output):
    """What the core makes of `images` (N x channels x height x width), and what it says."""
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        numpy.ascontiguousarray(images.transpose(0, 2, 3, 1)).tofile(home / "input.f32")
        command = [program, path, folder] + ([output] if output else [])
        result = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if result.returncode:
            raise SystemExit(f"{path.name}: {result.stderr}")
        numbers = numpy.fromfile(home / "output.f32", numpy.float32)
        return numbers.reshape(len(images), -1), result.stdout.splitlines()[0]


def compare(title, result, theirs):
    """Prints the largest difference; True when it is small, and the numbers say something."""
    ours, told = result
    theirs = theirs.reshape(len(theirs), -1)
    if ours.shape != theirs.shape:
        print(f"{title}: {told}: shapes {ours.shape} and {theirs.shape} FAILED")
        return False
    scale = abs(theirs).max()
    difference = abs(ours - theirs).max() / scale
    # A network whose outputs do not depend on the picture would hide what goes wrong before.
    varies = numpy.ptp(theirs, axis=0).max() > 0.01 * scale
    well = numpy.isfinite(ours).all() and 1e-6 < scale < 1e6 and varies and difference < TOLERANCE
    print(f"{title}: {told}: differs by {difference:.1e} of {scale:.3g}{'' if well else ' FAILED'}",
          flush=True)
    return bool(well)


def settle(module):
    """Statistics of batch norms near those of real activations, so that these keep their scale, but
    not equal to them; weights and biases other than 1 and 0, and branches that count."""
    for name, parameter in module.named_parameters():
        if name.endswith("layer_scale"):
            torch.nn.init.uniform_(parameter, 0.3, 0.6)
    norms = [part for part in module.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
        torch.nn.init.uniform_(norm.weight, 0.7, 1.3)
        torch.nn.init.normal_(norm.bias, 0, 0.2)
    module.train()(torch.randn(8, 3, SIDE, SIDE))
    for norm in norms:
        norm.running_mean += 0.2 * norm.running_var.sqrt() * torch.randn(norm.num_features)
        norm.running_var *= torch.empty(norm.num_features).uniform_(0.7, 1.5)
    return module.eval()


def into_last_weights(module, images):
    """What goes into the last linear layer: an embedding; None without one."""
    last = [part for part in module.modules() if isinstance(part, torch.nn.Linear)][-1:]
    seen = []
    for part in last:
        part.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].numpy()))
    module(images)
    return seen[0] if seen else None


def export_torchvision(name, opset, path):
    """Writes a network of random weights; returns it and pictures for it."""
    torch.manual_seed(1)
    module = settle(getattr(torchvision.models, name)(weights=None))
    images = torch.randn(BATCH, 3, SIDE, SIDE)
    torch.onnx.export(module, images[:1], path, opset_version=opset, input_names=["input"],
                      output_names=["logits"], dynamic_axes={"input": {0: "n"}})
    return module, images


def check_torchvision(program, name, opset):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / f"{name}.onnx"
        module, images = export_torchvision(name, opset, path)
        title = f"{name}, opset {opset}"
        well = compare(title, run(program, path, images.numpy(), "logits"), module(images).numpy())
        embedding = into_last_weights(module, images)
        if embedding is not None:
            well &= compare(title, run(program, path, images.numpy(), None), embedding)
    return well


class Uneven(torch.nn.Module if torch else object):
    """Windows that differ down and across, norms of instances, attention over pixels, channels in
    another order, images made larger and smaller."""

    def __init__(self):
        super().__init__()
        nn = torch.nn
        self.first = nn.Sequential(
            nn.Conv2d(3, 8, (5, 3), stride=(2, 1), padding=(2, 1), dilation=(1, 2)),
            nn.InstanceNorm2d(8, affine=True), nn.ReLU(), nn.MaxPool2d((1, 2), stride=(1, 2)))
        self.deep = nn.Conv2d(8, 8, 3, stride=(1, 3), padding=(1, 0), groups=8)
        self.mask = nn.Conv2d(8, 1, 1)
        self.up = nn.ConvTranspose2d(8, 6, (3, 4), stride=(2, 3), padding=(1, 0),
                                     output_padding=(1, 2))
        self.last = nn.Conv2d(6, 4, 3)
        self.order = [5, 1, 4, 0, 2, 3]
        torch.nn.init.uniform_(self.first[1].weight, 0.5, 1.5)
        torch.nn.init.uniform_(self.first[1].bias, -0.5, 0.5)

    def forward(self, image):
        deep = self.deep(self.first(image))
        deep = deep * torch.sigmoid(self.mask(deep)) + deep * deep
        up = self.up(deep)[:, self.order]
        for way in ({"scale_factor": 2, "mode": "nearest"},
                    {"size": (45, 61), "mode": "bilinear", "align_corners": False},
                    {"size": (70, 33), "mode": "bilinear", "align_corners": True},
                    {"size": (23, 37), "mode": "nearest"}):
            up = torch.nn.functional.interpolate(up, **way)
        return torch.flatten(self.last(up), 1)


def check_uneven(program, opset):
    torch.manual_seed(2)
    module, images = Uneven().eval(), torch.randn(BATCH, 3, 40, 50)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "uneven.onnx"
        torch.onnx.export(module, images[:1], path, opset_version=opset, input_names=["input"],
                          output_names=["output"], dynamic_axes={"input": {0: "n"}})
        return compare(f"windows that differ by axis, opset {opset}",
                       run(program, path, images.numpy(), "output"), module(images).numpy())


def check_shipped(program, path, shape, low, high, outputs):
    images = numpy.random.default_rng(1).uniform(low, high, (BATCH, *shape)).astype(numpy.float32)
    network = cv2.dnn.readNetFromONNX(str(path))
    well = True
    for output in outputs:
        theirs = []
        for image in images:
            network.setInput(image[numpy.newaxis])
            theirs.append(network.forward(output)[0].copy())
        well &= compare(path.name, run(program, path, images, output), numpy.array(theirs))
    return well


def main(program, data):
    checked, well = 0, True
    if torch:
        warnings.simplefilter("ignore")  # of the exporter, about constant folding
        torch.set_num_threads(1)
        with torch.no_grad():
            for name, opset in NETWORKS.items():
                checked, well = checked + 1, check_torchvision(program, name, opset) and well
            for opset in (11, 13, 16):
                checked, well = checked + 1, check_uneven(program, opset) and well
    for name, described in SHIPPED.items():
        path = pathlib.Path(data) / "models" / name
        if cv2 and path.exists():
            checked, well = checked + 1, check_shipped(program, path, *described) and well
    if not checked:
        print("skipped: neither PyTorch nor OpenCV with networks to compare")
        return SKIPPED
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
