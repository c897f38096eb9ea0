#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""DEKM by PyTorch and scikit-learn, from its description alone: dekm_torch.py SET [SEED] [OPTION...]

Both stages as methods/dekm.md has them of the authors' program, written without a line of the project's:
what is missing in both is missing in the description or in the data. With --encoder NET.onnx, which
`driftcluster export` makes of an autoencoder, only the second stage, from that encoder. Prints the scores
after the first stage, of every round, and of the end.
"""
import argparse
import json
import os
import pathlib
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before it is loaded: its threads wait by spinning
import sets  # noqa: E402

try:
    import numpy
    import torch
    from scipy.optimize import linear_sum_assignment
    from sklearn.cluster import KMeans
    from sklearn.metrics import normalized_mutual_info_score
except ImportError as problem:
    print(f"skipped: {problem}; install python3-torch, python3-sklearn and python3-scipy")
    sys.exit(77)

BATCH, STEPS, CODE = 256, 40, 10
MOST_ROUNDS, CHANGED = 350, 0.005
functional = torch.nn.functional


class Down(torch.nn.Module):
    """A convolution of stride 2; padding SAME as TensorFlow has it, or VALID."""

    def __init__(self, inputs, outputs, kernel, same):
        super().__init__()
        self.conv = torch.nn.Conv2d(inputs, outputs, kernel, 2)
        torch.nn.init.uniform_(self.conv.weight, -0.05, 0.05)
        torch.nn.init.zeros_(self.conv.bias)
        self.before, self.after = ((kernel - 2) // 2, (kernel - 1) // 2) if same else (0, 0)

    def forward(self, x):
        return self.conv(functional.pad(x, (self.before, self.after) * 2))


class Up(torch.nn.Module):
    """The adjoint of Down."""

    def __init__(self, inputs, outputs, kernel, same):
        super().__init__()
        self.conv = torch.nn.ConvTranspose2d(inputs, outputs, kernel, 2)
        limit = (6 / (kernel * kernel * (inputs + outputs))) ** 0.5
        torch.nn.init.uniform_(self.conv.weight, -limit, limit)
        torch.nn.init.zeros_(self.conv.bias)
        self.before, self.after = ((kernel - 2) // 2, (kernel - 1) // 2) if same else (0, 0)

    def forward(self, x):
        y = self.conv(x)
        kept = slice(self.before, y.shape[2] - self.after)
        return y[:, :, kept, kept]


class Shape(torch.nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.view(-1, *self.shape)


def dense(inputs, outputs):
    layer = torch.nn.Linear(inputs, outputs)
    torch.nn.init.xavier_uniform_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    return layer


def networks(side):
    relu, same, small = torch.nn.ReLU(), side % 8 == 0, side // 8
    flat = 128 * small * small
    encoder = torch.nn.Sequential(Down(1, 32, 5, True), relu, Down(32, 64, 5, True), relu, Down(64, 128, 3, same),
                                  relu, torch.nn.Flatten(), dense(flat, CODE))
    decoder = torch.nn.Sequential(dense(CODE, flat), relu, Shape(128, small, small), Up(128, 64, 3, same), relu,
                                  Up(64, 32, 5, True), relu, Up(32, 1, 5, True))
    return encoder, decoder


def read_weights(encoder, path):
    """Those of an exported encoder, which has the same layers."""
    import onnx
    from onnx import numpy_helper
    graph = onnx.load(path).graph
    numbers = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in graph.initializer}
    layers = [module for module in encoder.modules() if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear))]
    nodes = [node for node in graph.node if node.op_type in ("Conv", "Gemm")]
    for layer, node in zip(layers, nodes, strict=True):
        weight, bias = (torch.from_numpy(numbers[name]) for name in node.input[1:3])
        layer.weight.data = weight.reshape(layer.weight.shape)
        layer.bias.data = bias


def adam(*modules):
    return torch.optim.Adam([number for module in modules for number in module.parameters()], 1e-3, eps=1e-7)


def learn_autoencoder(encoder, decoder, pictures, epochs):
    optimiser = adam(encoder, decoder)
    for _ in range(epochs):
        for batch in torch.randperm(len(pictures)).split(BATCH):
            optimiser.zero_grad()
            functional.mse_loss(decoder(encoder(pictures[batch])), pictures[batch]).backward()
            optimiser.step()


def encode(encoder, pictures):
    with torch.no_grad():
        return torch.cat([encoder(part) for part in pictures.split(1024)]).numpy()


def counts(rows, columns):
    table = numpy.zeros((max(rows.max(), columns.max()) + 1,) * 2, int)
    numpy.add.at(table, (rows, columns), 1)
    return table


def report(labels, clusters, **what):
    table = counts(clusters, labels)
    matched = table[linear_sum_assignment(table, maximize=True)].sum()
    print(json.dumps({**what, "acc": round(100 * matched / len(labels), 1),
                      "nmi": round(100 * normalized_mutual_info_score(labels, clusters), 1)}), flush=True)


def changes(before, now):
    """Samples whose label is another one, with the old labels renamed to fit best."""
    table = counts(now, before)
    return len(now) - table[linear_sum_assignment(table, maximize=True)].sum()


def targets(codes, clusters, centroids):
    """The codes with the direction of the largest within-class scatter taken out of their residuals."""
    residuals = codes - centroids[clusters]
    direction = numpy.linalg.eigh(residuals.T @ residuals)[1][:, -1]
    return torch.from_numpy((codes - numpy.outer(residuals @ direction, direction)).astype("f4"))


def learn_clusters(encoder, pictures, labels, classes, seed):
    optimiser, order = adam(encoder), torch.arange(len(pictures)).split(BATCH)
    restarts, before, step = 100, None, 0
    for number in range(MOST_ROUNDS):
        codes = encode(encoder, pictures)
        found = KMeans(classes, n_init=restarts, random_state=seed * MOST_ROUNDS + number).fit(codes)
        report(labels, found.labels_, round=number, inertia=round(float(found.inertia_), 1))
        if before is not None and changes(before, found.labels_) <= CHANGED * len(pictures):
            return
        wanted = targets(codes, found.labels_, found.cluster_centers_)
        for _ in range(STEPS):
            batch = order[step % len(order)]
            optimiser.zero_grad()
            ((encoder(pictures[batch]) - wanted[batch]) ** 2).mean(1).sum().backward()
            optimiser.step()
            step += 1
        before, restarts = found.labels_, 2 * found.n_iter_


def load(name, options):
    """Pictures in any order, N x 1 x height x width in 0..1, and their labels."""
    files = [sets.need(options.data / file) for file in sets.FILES[name][1]]
    pictures = numpy.concatenate([sets.idx(path) for path in files])
    labels = numpy.concatenate([sets.idx(sets.labels_beside(path)) for path in files]).astype(int)
    pictures = sets.CHANGES.get(name, lambda unchanged: unchanged)(pictures)
    order = numpy.random.permutation(len(pictures))
    return torch.from_numpy((pictures[order, None] / 255).astype("f4")), labels[order]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=("mnist", "usps", "coil20"))
    parser.add_argument("seed", nargs="?", type=int, default=1)
    parser.add_argument("--encoder", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=pathlib.Path, default=sets.root())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    numpy.random.seed(options.seed)
    pictures, labels = load(options.name, options)
    encoder, decoder = networks(pictures.shape[2])
    if options.encoder:
        read_weights(encoder, options.encoder)
    else:
        learn_autoencoder(encoder, decoder, pictures, options.epochs)
    learn_clusters(encoder, pictures, labels, sets.classes(options.name), options.seed)


if __name__ == "__main__":
    main()
