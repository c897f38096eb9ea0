#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How well `driftcluster categorise` agrees with the subfolders of a labelled folder, beside
scikit-learn's k-means on the same embeddings and on pixels; labels serve for scoring only.

collection_scores.py DRIFTCLUSTER FOLDER [--arriving] [OPTION...]

FOLDER has a subfolder for each class; OPTIONS go to `driftcluster categorise`. With --arriving the
pictures come in twenty parts, sorted by class and in random order, with a run after each. Prints
ACC, NMI and ARI in percent. Needs python3-sklearn and python3-opencv.
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
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

PARTS, SIDE = 20, 32


def scores(labels, clusters):
    table = numpy.zeros((clusters.max() + 1, labels.max() + 1))
    numpy.add.at(table, (clusters, labels), 1)
    rows, columns = linear_sum_assignment(-table)
    return (100 * table[rows, columns].sum() / len(labels),
            100 * normalized_mutual_info_score(labels, clusters),
            100 * adjusted_rand_score(labels, clusters))


def show(name, labels, clusters):
    print(f"{name:32} ACC %.1f  NMI %.1f  ARI %.1f" % scores(labels, clusters), flush=True)


def read(output):
    """Class and group of each picture as numbers, the paths, the embeddings."""
    with contextlib.closing(sqlite3.connect(output / "collection.sqlite")) as database:
        rows = database.execute("SELECT path, group_id, vector FROM pictures JOIN embeddings "
                                "USING(id) ORDER BY path").fetchall()
    paths = [row[0] for row in rows]
    number = lambda values: numpy.unique(values, return_inverse=True)[1]
    return (number([path.split(b"/")[0] for path in paths]), number([row[1] for row in rows]), paths,
            numpy.array([numpy.frombuffer(row[2], "<f4") for row in rows]))


def pixels(folder, paths):
    return numpy.array([cv2.resize(cv2.imread(os.fsdecode(bytes(folder) + b"/" + path)),
                                   (SIDE, SIDE), interpolation=cv2.INTER_AREA).ravel()
                        for path in paths], "f4")


def categorise(program, folder, output, options):
    subprocess.run([program, "categorise", *options, folder, output], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def arrive(program, folder, home, options, paths, name):
    coming, output = home / f"{name}-pictures", home / f"{name}-groups"
    for part in range(PARTS):
        for path in paths[part * len(paths) // PARTS:(part + 1) * len(paths) // PARTS]:
            target = coming / os.fsdecode(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / os.fsdecode(path), target)
        categorise(program, coming, output, options)
    labels, clusters, _, _ = read(output)
    show(f"arriving {name}", labels, clusters)


def main():
    program, folder, *options = sys.argv[1:]
    folder, arriving = pathlib.Path(folder), "--arriving" in options
    options = [option for option in options if option != "--arriving"]
    classes = sum(entry.is_dir() for entry in folder.iterdir())
    options += ["--groups", str(classes)]
    with tempfile.TemporaryDirectory() as name:
        home = pathlib.Path(name)
        categorise(program, folder, home / "groups", options)
        labels, clusters, paths, vectors = read(home / "groups")
        show("driftcluster categorise", labels, clusters)
        show("k-means on the same embeddings", labels,
             KMeans(classes, n_init=10, random_state=0).fit_predict(vectors))
        show(f"k-means on {SIDE} x {SIDE} pixels", labels,
             KMeans(classes, n_init=10, random_state=0).fit_predict(pixels(folder, paths)))
        if arriving:
            arrive(program, folder, home, options, paths, "sorted by class")
            random.Random(1).shuffle(paths)
            arrive(program, folder, home, options, paths, "in random order")


if __name__ == "__main__":
    main()
