#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How well `driftcluster categorise` agrees with the subfolders of a labelled folder, beside
scikit-learn's k-means on the same embeddings and on pixels, and its MiniBatchKMeans on the embeddings
as they arrive; labels serve for scoring only.

collection_scores.py DRIFTCLUSTER FOLDER [--domains] [--arriving] [OPTION...]

FOLDER has a subfolder for each class, or, with --domains, one for each domain with a subfolder for
each class in it; OPTIONS go to `driftcluster categorise` (--learn, --model NET.onnx). With --arriving
the pictures come in twenty parts, sorted by class (and by domain), and in random order, with a run
after each. Prints ACC, NMI and ARI in percent, and what k-means minimises, which is no matter of
labels: the mean squared distance of a picture from the middle of its group. Needs python3-sklearn
and python3-opencv.
"""
import contextlib
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile

import cv2
import numpy
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

PARTS, SIDE = 20, 32


def scores(labels, clusters):
    table = numpy.zeros((clusters.max() + 1, labels.max() + 1))
    numpy.add.at(table, (clusters, labels), 1)
    rows, columns = linear_sum_assignment(-table)
    return (100 * table[rows, columns].sum() / len(labels),
            100 * normalized_mutual_info_score(labels, clusters),
            100 * adjusted_rand_score(labels, clusters))


def spread(vectors, clusters):
    """What k-means minimises, for each picture."""
    middles = numpy.array([vectors[clusters == cluster].mean(0) if (clusters == cluster).any() else vectors[0]
                           for cluster in range(clusters.max() + 1)])
    return ((vectors - middles[clusters]) ** 2).sum(1, dtype=float).mean()


def show(name, labels, clusters, vectors):
    print(f"{name:36} ACC %.1f  NMI %.1f  ARI %.1f  " % scores(labels, clusters)
          + f"squared distance {spread(vectors, clusters):.5g}", flush=True)


def read(output):
    """Class and group of each picture as numbers, the paths, the embeddings."""
    with contextlib.closing(sqlite3.connect(output / "collection.sqlite")) as database:
        rows = database.execute("SELECT path, group_id, vector FROM pictures JOIN embeddings "
                                "USING(id) ORDER BY path").fetchall()
    paths = [row[0] for row in rows]
    number = lambda values: numpy.unique(values, return_inverse=True)[1]
    return (number([path.split(b"/")[-2] for path in paths]), number([row[1] for row in rows]), paths,
            numpy.array([numpy.frombuffer(row[2], "<f4") for row in rows]))


def pixels(folder, paths):
    return numpy.array([cv2.resize(cv2.imread(os.fsdecode(bytes(folder) + b"/" + path)),
                                   (SIDE, SIDE), interpolation=cv2.INTER_AREA).ravel()
                        for path in paths], "f4")


def categorise(program, folder, output, options):
    subprocess.run([program, "categorise", *options, folder, output], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def in_parts(items):
    return [items[part * len(items) // PARTS:(part + 1) * len(items) // PARTS]
            for part in range(PARTS)]


def mini_batches(vectors, order, classes):
    """The clusters of MiniBatchKMeans that has seen the parts one after another."""
    peer = MiniBatchKMeans(classes, n_init=10, random_state=0)
    for part in in_parts(order):
        peer.partial_fit(vectors[part])
    return peer.predict(vectors)


def arrive(program, folder, home, options, paths, name):
    coming, output = home / f"{name}-pictures", home / f"{name}-groups"
    for part in in_parts(paths):
        for path in part:
            target = coming / os.fsdecode(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / os.fsdecode(path), target)
        categorise(program, coming, output, options)
    labels, clusters, _, vectors = read(output)
    show(f"arriving {name}", labels, clusters, vectors)


def main():
    program, folder, *options = sys.argv[1:]
    folder, arriving, domains = pathlib.Path(folder), "--arriving" in options, "--domains" in options
    options = [option for option in options if option not in ("--arriving", "--domains")]
    classes = len({entry.name for entry in folder.glob("*/*" if domains else "*") if entry.is_dir()})
    options += ["--groups", str(classes)]
    with tempfile.TemporaryDirectory() as name:
        home = pathlib.Path(name)
        categorise(program, folder, home / "groups", options)
        labels, clusters, paths, vectors = read(home / "groups")
        show("driftcluster categorise", labels, clusters, vectors)
        show("k-means on the same embeddings", labels,
             KMeans(classes, n_init=10, random_state=0).fit_predict(vectors), vectors)
        raw = pixels(folder, paths)
        show(f"k-means on {SIDE} x {SIDE} pixels", labels,
             KMeans(classes, n_init=10, random_state=0).fit_predict(raw), raw)
        orders = {"sorted by domain and class" if domains else "sorted by class": list(range(len(paths))),
                  "in random order": random.Random(1).sample(range(len(paths)), len(paths))}
        for name, order in orders.items():
            show(f"MiniBatchKMeans {name}", labels, mini_batches(vectors, order, classes), vectors)
            if arriving:
                arrive(program, folder, home, options, [paths[i] for i in order], name)


if __name__ == "__main__":
    main()
