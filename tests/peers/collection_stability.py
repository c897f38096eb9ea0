#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether the measure by which `driftcluster categorise --learn` chooses an encoder agrees with labels.

collection_stability.py GROUPS OUTPUT...

Each OUTPUT was made by `driftcluster categorise` from a folder that has a subfolder for each class.
Prints the agreement (adjusted Rand index) of k-means fitted to two halves of the embeddings, the same
for Gaussians of equal mean and covariance, the difference, and how well k-means agrees with the
labels, which serve for that alone. Needs python3-sklearn.
"""
import pathlib
import sys

import numpy
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

import collection_scores

DIVISIONS = 4


def agreement(vectors, groups, random):
    judging = numpy.arange(len(vectors)) % 4 == 3
    fitted, judged = vectors[~judging], vectors[judging]
    found = []
    for division in range(DIVISIONS):
        order = random.permutation(len(fitted))
        halves = order[:len(order) // 2], order[len(order) // 2:]
        found.append(adjusted_rand_score(*(
            KMeans(groups, n_init=3, random_state=2 * division + i).fit(fitted[half]).predict(judged)
            for i, half in enumerate(halves))))
    return numpy.mean(found)


def gaussian(vectors, random):
    """As many rows with the mean and covariance of these."""
    mean = vectors.mean(0)
    weights = random.standard_normal((len(vectors), len(vectors))) / len(vectors) ** 0.5
    return mean + weights @ (vectors - mean)


def main():
    groups = int(sys.argv[1])
    for output in map(pathlib.Path, sys.argv[2:]):
        labels, _, _, vectors = collection_scores.read(output)
        random = numpy.random.default_rng(1)
        order = random.permutation(len(labels))
        found = agreement(vectors[order], groups, random)
        chance = agreement(gaussian(vectors[order], random), groups, random)
        clusters = KMeans(groups, n_init=5, random_state=0).fit_predict(vectors)
        nmi = 100 * normalized_mutual_info_score(labels, clusters)
        print(f"{output}: halves {found:.2f}  Gaussians {chance:.2f}  beyond chance {found - chance:.2f}"
              f"  NMI {nmi:.1f}", flush=True)


if __name__ == "__main__":
    main()
