#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Outputs and gradients of whole networks beside PyTorch's: torch_gradients.py NN_PEER

Both sides compute in float32 in different orders. Each piece of the gradient (a layer's weight, its
bias, the input) must agree to a relative error of 2e-3 in the Euclidean norm: a wrong term shows as
1e-1 or more, rounding through ten layers as 1e-6, and a unit whose sum is so close to zero that ReLU
cuts it on one side only as up to 1e-3. Prints one JSON object per comparison.
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


def relative(ours, theirs):
    return float(numpy.linalg.norm(ours - theirs) / max(numpy.linalg.norm(theirs), 1e-12))


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
    found = {"output": relative(peer.forward(to_ours(images)), to_ours(output)),
             "loss": abs(our_loss - loss.item()) / loss.item()}
    pieces = [piece for module in modules for piece in module.gradients_in_our_order()]
    for number, piece in enumerate([*pieces, to_ours(images.grad).ravel()]):
        found[f"piece {number}"] = relative(flat[:piece.size], piece)
        flat = flat[piece.size:]
    if flat.size:
        raise SystemExit(f"{flat.size} numbers of our gradient are nobody's")
    return found


def main(program):
    torch.manual_seed(3)
    failed = 0
    for name, networks in (("dekm", dekm()), ("mixed", [MIXED])):
        for batch in (1, 5, 33):
            found = errors(program, networks, batch)
            worst = max(found, key=found.get)
            failed += not found[worst] <= TOLERANCE
            print(json.dumps({"name": "torch-gradients", "network": name, "batch": batch,
                              "pieces": len(found), "worst": worst, "error": found[worst],
                              "tolerance": TOLERANCE}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
