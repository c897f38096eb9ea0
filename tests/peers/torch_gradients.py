#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Outputs and gradients of whole networks beside PyTorch's: torch_gradients.py NN_PEER

Both sides compute in float32 in different orders. Each piece of the gradient (a layer's weight, its
bias, the input) must agree to a relative error of 2e-3 in the Euclidean norm: a wrong term shows as
1e-1 or more, rounding through ten layers as 1e-6, and a unit whose sum is so close to zero that ReLU
cuts it on one side only as up to 1e-3. A piece that is zero by itself, such as a bias before a
batch normalisation, is compared with a thousandth of the whole gradient. The gradients are those of
training; the outputs are compared afterwards, in the form for use, with the running statistics that
the training pass has moved. Prints one JSON object per comparison.
"""
import json
import sys

from nn_torch import Layer, Network, Peer, dekm, numpy, to_ours, torch

TOLERANCE = 2e-3

# Every kind of layer and every activation, odd sizes and lopsided paddings.
MIXED = ((11, 9, 3), [
    Layer("conv2d", "leaky_relu", 0.1, (5, 3), 2, (1, 2, 0, 2), (0, 0, 37)),
    Layer("affine", "gelu"),
    Layer("depthwise_conv2d", "relu", 0, (3, 3), 1, (1, 1, 0, 2)),
    Layer("max_pool", "none", 0, (2, 2), 1, (0, 1, 1, 0)),
    Layer("dense", "gelu", output=(0, 0, 36)),
    Layer("reshape", output=(3, 3, 4)),
    Layer("transposed_conv2d", "leaky_relu", 0.2, (4, 3), 2, (1, 1, 0, 1), (6, 6, 33)),
    Layer("average_pool", "none", 0, (3, 2), 2, (1, 0, 0, 1)),
    Layer("conv2d", "relu", 0, (2, 2), 1, (1, 0, 0, 1), (0, 0, 40)),
    Layer("global_average_pool"),
    Layer("l2_normalise"),
])


def normalised_conv(kernel, stride, channels, activation, back=0):
    side = kernel // 2
    return [Layer("conv2d", "none", 0, (kernel, kernel), stride, (side,) * 4, (0, 0, channels), back),
            Layer("batch_norm", activation)]


def block(stride, channels):
    layers = normalised_conv(3, stride, channels, "relu") + normalised_conv(3, 1, channels, "none")
    if stride > 1:
        layers += normalised_conv(1, stride, channels, "none", 4)
    return [*layers, Layer("add", "relu", with_=2 if stride > 1 else 4)]


# As nn/residual_network.h has it: two stages of two blocks, and the projector.
RESIDUAL = [((12, 10, 3), [*normalised_conv(3, 1, 8, "relu"), *block(1, 8), *block(1, 8),
                           *block(2, 16), *block(1, 16), Layer("global_average_pool")]),
            ((1, 1, 16), [Layer("dense", output=(0, 0, 16)), Layer("batch_norm", "relu"),
                          Layer("dense", output=(0, 0, 12)), Layer("l2_normalise")])]


def relative(ours, theirs, least=1e-12):
    return float(numpy.linalg.norm(ours - theirs) / max(numpy.linalg.norm(theirs), least))


def errors(program, networks, batch):
    """Relative errors by name: of the outputs, the loss, and every piece of the gradient."""
    peer = Peer(program)
    modules = [Network(*network) for network in networks]
    for network in networks:
        peer.add(*network)
    peer.set_weights(modules)
    height, width, channels = networks[0][0]
    images = torch.rand(batch, channels, height, width, requires_grad=True)
    output = torch.nn.Sequential(*modules)(images)
    target = torch.rand_like(output)
    loss = ((output - target) ** 2).mean()
    loss.backward()
    our_loss, flat = peer.gradients(to_ours(images), to_ours(target))
    with torch.no_grad():
        used = torch.nn.Sequential(*modules).eval()(images)
    found = {"output": relative(peer.forward(to_ours(images)), to_ours(used)),
             "loss": abs(our_loss - loss.item()) / loss.item()}
    pieces = [piece for module in modules for piece in module.gradients_in_our_order()]
    least = 1e-3 * numpy.linalg.norm(numpy.concatenate(pieces))
    for number, piece in enumerate([*pieces, to_ours(images.grad).ravel()]):
        found[f"piece {number}"] = relative(flat[:piece.size], piece, least)
        flat = flat[piece.size:]
    if flat.size:
        raise SystemExit(f"{flat.size} numbers of our gradient are nobody's")
    return found


def main(program):
    torch.manual_seed(3)
    failed = 0
    for name, networks in (("dekm", dekm()), ("mixed", [MIXED]), ("residual", RESIDUAL)):
        # Normalised over one or two samples, a vector is 0 or +-1 whatever it was: the gradient is
        # nothing but rounding.
        for batch in (4 if name == "residual" else 1, 5, 33):
            found = errors(program, networks, batch)
            worst = max(found, key=found.get)
            failed += not found[worst] <= TOLERANCE
            print(json.dumps({"name": "torch-gradients", "network": name, "batch": batch,
                              "pieces": len(found), "worst": worst, "error": found[worst],
                              "tolerance": TOLERANCE}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
