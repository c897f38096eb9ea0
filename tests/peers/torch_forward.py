#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The DEKM encoder forward beside PyTorch's, one thread each: torch_forward.py NN_PEER

PyTorch runs it in the fastest of the ways it offers without changing the numbers: eager, channels
last, and compiled, frozen and optimised for inference (oneDNN with its own layouts). The sides run
in turn; of each the least of all runs counts, the one that nobody disturbed. One JSON object per batch
size; `ratio` is our speed over PyTorch's.
"""
import json
import sys
import time

from nn_torch import Network, Peer, dekm, numpy, to_ours, torch

ROUNDS = 7


def plain_encoder(network):
    """The same weights in PyTorch's own modules, as its users write them."""
    layers = []
    for step in network:
        top, bottom, left, right = step.layer.padding
        if step.layer.kind == "conv2d":
            if any(step.layer.padding):
                layers.append(torch.nn.ZeroPad2d((left, right, top, bottom)))
            out, channels, height, width = step.weight.shape
            layers.append(torch.nn.Conv2d(channels, out, (height, width), step.layer.stride))
        else:
            layers += [torch.nn.Flatten(), torch.nn.Linear(step.weight.shape[1], len(step.weight))]
        # Only the timing is compared, but equal shapes deserve equal weights.
        weight = step.weight
        if step.layer.kind == "dense":
            weight = weight.reshape(-1, 3, 3, 128).permute(0, 3, 1, 2).reshape(weight.shape)
        layers[-1].weight.data.copy_(weight)
        layers[-1].bias.data.copy_(step.bias)
        if step.layer.activation == "relu":
            layers.append(torch.nn.ReLU())
    return torch.nn.Sequential(*layers).eval()


def torch_ways(network, batch):
    images = torch.rand(batch, 1, 28, 28)
    module = plain_encoder(network)
    ways = {"eager": (module, images)}
    last = plain_encoder(network).to(memory_format=torch.channels_last)
    ways["channels-last"] = (last, images.to(memory_format=torch.channels_last))
    frozen = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.script(module)))
    ways["frozen"] = (frozen, images)
    return ways


def seconds(function, argument, runs):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function(argument)
        times.append(time.perf_counter() - start)
    return min(times)


def compare(peer, network, batch):
    runs = max(15, 300 // batch)
    ways = torch_ways(network, batch)
    ours, theirs = [], {name: [] for name in ways}
    for function, images in ways.values():
        for _ in range(5):
            function(images)
    for _ in range(ROUNDS):
        ours.append(peer.time_forward(batch, runs))
        for name, (function, images) in ways.items():
            theirs[name].append(seconds(function, images, runs))
    least = {name: min(times) for name, times in theirs.items()}
    fastest = min(least, key=least.get)
    return {"name": "torch-forward", "batch": batch, "ours": batch / min(ours),
            "torch": {name: batch / value for name, value in least.items()},
            "unit": "images/s", "fastest": fastest, "ratio": least[fastest] / min(ours)}


def main(program):
    torch.set_num_threads(1)
    torch.manual_seed(1)
    shape, layers = dekm()[0]
    network = Network(shape, layers)
    peer = Peer(program)
    peer.add(shape, layers)
    peer.set_weights([network])
    images = torch.rand(4, 1, 28, 28)
    with torch.inference_mode():
        expected = plain_encoder(network)(images).numpy()
        if not numpy.allclose(peer.forward(to_ours(images)), expected, atol=1e-4, rtol=1e-4):
            raise SystemExit("the two sides do not compute the same network")
        for batch in (1, 8, 64):
            print(json.dumps(compare(peer, network, batch)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
