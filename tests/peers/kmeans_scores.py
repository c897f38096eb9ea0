#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scores embeddings by clustering them: kmeans_scores.py EMBEDDINGS.npy LABELS.npy [STARTS]

Clusters the rows with scikit-learn's k-means (k-means++, the best of 10 starts or of STARTS) into as
many clusters as there are labels, for three seeds, and prints accuracy under the best matching of
clusters to labels, normalised mutual information (arithmetic) and adjusted Rand index, in percent, as
one JSON object. Which start is the best its inertia tells, not the labels.
"""
import json
import sys

import numpy
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

SEEDS = (0, 1, 2)
STARTS = 10


def accuracy(labels, clusters):
    """Share of rows in the cluster that the best one-to-one matching gives to their label."""
    side = max(labels.max(), clusters.max()) + 1
    together = numpy.zeros((side, side), dtype=int)
    numpy.add.at(together, (clusters, labels), 1)
    rows, columns = linear_sum_assignment(together, maximize=True)
    return together[rows, columns].sum() / len(labels)


def load(embeddings_path, labels_path):
    embeddings = numpy.load(embeddings_path)
    labels = numpy.load(labels_path)
    if embeddings.ndim != 2 or labels.shape != embeddings.shape[:1]:
        sys.exit(f"{embeddings_path} has shape {embeddings.shape} and {labels_path} {labels.shape}: "
                 "one row and one label for each picture are needed")
    if not numpy.isfinite(embeddings).all():
        sys.exit(f"{embeddings_path} holds numbers that are not finite")
    return embeddings, numpy.unique(labels, return_inverse=True)[1]


def main(embeddings_path, labels_path, starts=STARTS):
    embeddings, labels = load(embeddings_path, labels_path)
    clusters = labels.max() + 1
    scores = {"acc": [], "nmi": [], "ari": []}
    for seed in SEEDS:
        found = KMeans(clusters, n_init=int(starts), random_state=seed).fit_predict(embeddings)
        scores["acc"].append(accuracy(labels, found))
        scores["nmi"].append(normalized_mutual_info_score(labels, found))
        scores["ari"].append(adjusted_rand_score(labels, found))
    means = {name: round(100 * numpy.mean(values), 1) for name, values in scores.items()}
    print(json.dumps({"rows": len(labels), "size": embeddings.shape[1], "clusters": int(clusters),
                      **means}))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
