#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Transport tracking of wide embeddings: how many directions of the source, how many prototypes.

transport_directions.py TRANSPORT_RUN SOURCE_ROOT [--data mnist|fashion-mnist] [--seed N]
                        [--source N ...] [--directions N ...] [--prototypes N ...]

PCA codes of 64 numbers. Prints the accuracy of each stream in percent, with one mapping of clusters
to classes, for each number of source codes, directions worked in and prototypes per cluster (0: what
the library chooses by itself). Needs what transport_agreement.py needs; skipped (77) without it.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import transport_agreement

STREAMS = ["none", "rot60", "contrast", "noise", "sudden40", "bursts+rot45"]
WIDTH = 64


def embed(numpy, streams, data, seed):
    """Codes of the source and of each stream, and the classes of the streams."""
    from sklearn.decomposition import PCA
    images, classes = streams.load(data, seed)
    flat = lambda pictures: pictures.reshape(len(pictures), -1) / 255.
    pca = PCA(WIDTH, random_state=0).fit(flat(images[:streams.NS]))
    source = pca.transform(flat(images[:streams.NS]))
    made = {name: (pca.transform(flat(pictures)), truth)
            for name, pictures, truth in streams.mkstreams(images, classes, seed)
            if name in STREAMS}
    return source, made


def run(numpy, program, folder, stream, directions, prototypes):
    numpy.ascontiguousarray(stream, "<f4").tofile(folder + "/stream.f32")
    done = subprocess.run([program, folder, str(WIDTH), f"directions={directions}",
                           f"prototypes={prototypes}"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return numpy.fromfile(folder + "/labels.u32", numpy.uint32).astype(int)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--source", type=int, nargs="+", default=[10000, 1000])
    parser.add_argument("--directions", type=int, nargs="+", default=[16, 24, 32, 48, 64])
    parser.add_argument("--prototypes", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    numpy, _, streams = transport_agreement.load_modules(options.root, options.data)
    from sklearn.cluster import KMeans
    source, made = embed(numpy, streams, options.data, options.seed)
    print(f"{options.data}, seed {options.seed}: source, directions, prototypes".ljust(48)
          + " ".join(f"{name:>12}" for name in made) + "    mean")
    for size in options.source:
        codes = source[:size]
        start = KMeans(10, n_init=5, random_state=options.seed).fit(codes).cluster_centers_
        with tempfile.TemporaryDirectory() as folder:
            codes.astype("<f4").tofile(folder + "/source.f32")
            start.astype("<f4").tofile(folder + "/centroids.f32")
            for directions in options.directions:
                for prototypes in options.prototypes:
                    found = [100 * streams.acc(truth, run(numpy, options.program, folder, stream,
                                                          directions, prototypes))
                             for stream, truth in made.values()]
                    print(f"{size:>20} {directions:>12} {prototypes:>12}".ljust(48)
                          + " ".join(f"{value:12.1f}" for value in found)
                          + f" {sum(found) / len(found):7.2f}", flush=True)


if __name__ == "__main__":
    main()
