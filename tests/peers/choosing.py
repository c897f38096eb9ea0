#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many clusters are chosen where it is known how many there are: choosing.py CHOOSING_RUN DATA-FOLDER [ours]

With `ours` the other rules, which take minutes, are left out.

One JSON object for each set: the true number, and for each rule the numbers that it chooses in three
samples. `valley` is ours; `silhouette` the largest simplified silhouette, `reward` the reward of RGC minus
K / 100, over the numbers 2 to 40 (at most a quarter of the sample).
"""
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

RUN, DATA = sys.argv[1], pathlib.Path(sys.argv[2])
MOST, SEEDS = 40, range(3)
OURS_ALONE = sys.argv[3:] == ["ours"]
SETS = {"MNIST": "mnist/t10k-images-idx3-ubyte.gz", "USPS": "usps/usps-test-images-idx3-ubyte.gz",
        "COIL-20": "coil20/coil20-images-idx3-ubyte.gz"}
CLASSES = {"MNIST": 10, "USPS": 10, "COIL-20": 20}


def idx(path):
    content = gzip.open(path).read()
    shape = [int.from_bytes(content[4 + 4 * i:8 + 4 * i], "big") for i in range(content[3])]
    return numpy.frombuffer(content, numpy.uint8, offset=4 + 4 * len(shape)).reshape(shape[0], -1) / 255


def gaussians(clusters, dim, count, apart, seed):
    """Round Gaussians whose nearest centres lie `apart` deviations from each other."""
    random = numpy.random.default_rng(seed)
    centres = random.normal(size=(clusters, dim))
    distances = numpy.sqrt(((centres[:, None] - centres) ** 2).sum(-1))
    numpy.fill_diagonal(distances, numpy.inf)
    return (centres * apart / distances.min())[random.integers(0, clusters, count)] + random.normal(size=(count, dim))


def silhouette(samples, centroids, labels):
    distances = numpy.sqrt(((samples[:, None] - centroids) ** 2).sum(-1))
    distances.sort(1)
    return (1 - distances[:, 0] / numpy.maximum(distances[:, 1], 1e-12)).mean()


def reward(samples, centroids, labels):
    pairs = ((centroids[:, None] - centroids) ** 2).sum(-1).mean()
    return pairs - ((samples - centroids[labels]) ** 2).sum(1).mean() - len(centroids) / 100


def best(score, samples):
    found = []
    for clusters in range(2, min(MOST, len(samples) // 4) + 1):
        model = KMeans(clusters, n_init=4, max_iter=50, random_state=0).fit(samples)
        found.append((score(samples, model.cluster_centers_, model.labels_), clusters))
    return max(found)[1]


def ours(samples, seed):
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        numpy.save(file, samples.astype(numpy.float32))
        file.flush()
        return int(subprocess.run([RUN, file.name, str(MOST), str(seed)], capture_output=True, text=True,
                                  check=True).stdout)


def judge(name, truth, draw):
    result = {"set": name, "clusters": truth, "valley": [], "silhouette": [], "reward": []}
    for seed in SEEDS:
        samples = draw(seed)
        result["valley"].append(ours(samples, seed))
        if OURS_ALONE:
            continue
        unit = samples - samples.mean(0)
        unit /= numpy.linalg.norm(unit, axis=1, keepdims=True)
        result["silhouette"].append(best(silhouette, samples))
        result["reward"].append(best(reward, unit))
    print(json.dumps(result), flush=True)


def main():
    for apart in (4, 6):
        for clusters in (3, 8, 20, 40):
            judge(f"Gaussians in 8 dimensions, {apart} apart, 512 samples", clusters,
                  lambda seed: gaussians(clusters, 8, 512, apart, seed))
    for name, path in SETS.items():
        if not (DATA / path).exists():
            print(json.dumps({"skipped": name}))
            continue
        pictures = idx(DATA / path)
        order = numpy.random.default_rng(0).permutation(len(pictures))[:1400]
        codes = PCA(24, random_state=0).fit_transform(pictures[order])
        for count in (256, 450):
            judge(f"{name}, 24 principal directions, {count} samples", CLASSES[name],
                  lambda seed: codes[450 * seed:450 * seed + count])


if __name__ == "__main__":
    main()
