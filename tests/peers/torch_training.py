#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A training step of the DEKM autoencoder beside PyTorch's: torch_training.py NN_PEER [THREADS...]

Batch 256, mean squared error, Adam; forward, backward and update. The sides run in turn with the same
number of threads (default: 1); of each the least of all steps counts, the one that nobody disturbed.
One JSON object per number of threads; `ratio` is our time over PyTorch's.
"""
import json
import sys
import time

from nn_torch import Network, Peer, dekm, torch

BATCH = 256
ROUNDS = 7
STEPS = 3


def torch_step(networks):
    module = torch.nn.Sequential(*[Network(*network) for network in networks])
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-3)
    images = torch.rand(BATCH, 1, 28, 28)

    def step():
        optimiser.zero_grad(set_to_none=True)
        ((module(images) - images) ** 2).mean().backward()
        optimiser.step()
    return step


def seconds(step):
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return min(times)


def compare(peer, step, threads):
    torch.set_num_threads(threads)
    step()
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(peer.time_step(BATCH, threads, STEPS))
        theirs.append(seconds(step))
    return {"name": "torch-training", "batch": BATCH, "threads": threads, "ours": 1e3 * min(ours),
            "torch": 1e3 * min(theirs), "unit": "ms/step", "ratio": min(ours) / min(theirs)}


def main(program, threads):
    torch.manual_seed(1)
    networks = dekm()
    peer = Peer(program)
    for network in networks:
        peer.add(*network)
    peer.set_weights([Network(*network) for network in networks])
    step = torch_step(networks)
    for count in threads:
        print(json.dumps(compare(peer, step, count)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], [int(count) for count in sys.argv[2:]] or [1]))
