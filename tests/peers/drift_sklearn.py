#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""scikit-learn's MiniBatchKMeans on the streams that `driftcluster drift --export DIR` wrote.

drift_sklearn.py DIR      prints the same lines of JSON as the program
drift_sklearn.py --test DRIFTCLUSTER   exports two small streams and checks the peer on them

The peer starts from k-means on the warm-up and labels each batch of 256 before partial_fit() learns
from it. Skipped (77) without numpy, scipy and scikit-learn.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

try:
    import numpy
    from scipy.optimize import linear_sum_assignment
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.metrics import normalized_mutual_info_score
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

BATCH, WINDOW = 256, 1000


def label(warm_up, stream, clusters, seed):
    """The labels, and the processor time that they took in seconds."""
    start = KMeans(clusters, n_init=10, random_state=seed).fit(warm_up).cluster_centers_
    model = MiniBatchKMeans(clusters, init=start, n_init=1, random_state=seed).partial_fit(warm_up)
    labels, begun = [], time.process_time()
    for row in range(0, len(stream), BATCH):
        batch = stream[row:row + BATCH]
        labels.append(model.predict(batch))
        model.partial_fit(batch)
    return numpy.concatenate(labels), time.process_time() - begun


def accuracy(labels, classes):
    table = numpy.zeros((labels.max() + 1, classes.max() + 1))
    numpy.add.at(table, (labels, classes), 1)
    return table[linear_sum_assignment(-table)].sum() / len(labels)


def switches(labels, classes):
    """Changes of a cluster's commonest class from window to window, per cluster and 1 000 images."""
    last, count = {}, 0
    for row in range(0, len(labels), WINDOW):
        part, of = labels[row:row + WINDOW], classes[row:row + WINDOW]
        for cluster in numpy.unique(part):
            members = of[part == cluster]
            if len(members) < 10:
                continue
            commonest = numpy.bincount(members).argmax()
            count += last.get(cluster, commonest) != commonest
            last[cluster] = commonest
    return count / len(numpy.unique(labels)) / (len(labels) / WINDOW)


def measure(folder):
    stream, seed = folder.name.rsplit("-", 1)
    warm_up, rows, classes = (numpy.load(folder / f"{name}.npy")
                              for name in ("warm-up", "stream", "classes"))
    _, classes = numpy.unique(classes, return_inverse=True)
    clusters = classes.max() + 1
    labels, seconds = label(warm_up, rows, clusters, int(seed))
    windows = [accuracy(labels[i:i + WINDOW], classes[i:i + WINDOW])
               for i in range(0, len(labels), WINDOW)]
    figures = {"acc": accuracy(labels, classes), "window_acc": numpy.mean(windows),
               "nmi": normalized_mutual_info_score(classes, labels),
               "switches_per_1000": switches(labels, classes)}
    return {"stream": stream, "method": "sklearn-mini-batch", "seed": int(seed),
            **{name: round(float(value), 4) for name, value in figures.items()},
            "clusters": int(clusters), "us_per_image": round(1e6 * seconds / len(rows), 3)}


def print_all(export):
    folders = sorted(path.parent for path in pathlib.Path(export).glob("*/stream.npy"))
    if not folders:
        sys.exit(f"{export}: no folder in it holds a stream.npy; see driftcluster drift --export")
    for folder in folders:
        print(json.dumps(measure(folder)), flush=True)


def test(program):
    """On vectors in clear groups, scores of ours on our own labels equal those of the program."""
    draw = numpy.random.default_rng(1)
    labels = draw.integers(0, 4, 2400)
    rows = draw.normal(size=(2400, 6)) + 5 * numpy.eye(4, 6)[labels]
    with tempfile.TemporaryDirectory() as name:
        home = pathlib.Path(name)
        numpy.save(home / "x.npy", rows.astype(numpy.float32))
        numpy.save(home / "x-labels.npy", labels.astype(numpy.uint32))
        done = subprocess.run([program, "drift", home / "x.npy", "--stream", "none", "--stream",
                               "inversion-sudden", "--method", "frozen", "--json", "--export",
                               home / "out"], capture_output=True, text=True, check=True)
        for line in map(json.loads, done.stdout.splitlines()):
            folder = home / "out" / f"{line['stream']}-0"
            classes = numpy.load(folder / "classes.npy").astype(int)
            frozen = numpy.load(folder / "frozen.npy").astype(int)
            assert abs(line["acc"] - accuracy(frozen, classes)) < 1e-4, line
            assert abs(line["nmi"] - normalized_mutual_info_score(classes, frozen)) < 1e-4, line
            assert abs(line["switches_per_1000"] - switches(frozen, classes)) < 1e-4, line
            peer = measure(folder)
            print(json.dumps(peer))
            assert line["stream"] != "none" or peer["acc"] > 0.95, peer


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--test":
        test(sys.argv[2])
    elif len(sys.argv) == 2:
        print_all(sys.argv[1])
    else:
        sys.exit(__doc__)
