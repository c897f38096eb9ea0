#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Methods of an adapter, and their peers, on streams of real images under drift.

adapter_drift.py ADAPTER_RUN SOURCE_ROOT [--data mnist|fashion-mnist] [--seed N] [--warm-up N]
                 [--stream NAME ...]

Each method warms up on the same source images (PCA codes of 24 numbers), then labels 30 000 images,
each before it is learnt from. Prints the accuracy of the whole stream in percent, with one mapping of
clusters to classes for all of it, so that a cluster that changes its meaning costs. Peers start from
k-means on the warm-up. Needs what transport_agreement.py needs; skipped (77) without it.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import transport_agreement

METHODS = ["none", "k-means", "attention", "mixture", "secu", "transport"]


def run_ours(numpy, program, folder, stream, warm_up, method):
    numpy.ascontiguousarray(stream, numpy.float32).tofile(folder + "/stream.f32")
    done = subprocess.run([program, folder, str(stream.shape[1]), "10", "method=" + method,
                           f"warm-up={warm_up}"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return numpy.fromfile(folder + "/labels.u32", numpy.uint32)[warm_up:].astype(int)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--warm-up", type=int, default=256)
    parser.add_argument("--stream", nargs="+",
                        default=["none", "rot60", "bursts", "bursts+rot45", "sudden40",
                                 "recur-rot40"])
    options = parser.parse_args()
    numpy, _, streams = transport_agreement.load_modules(options.root, options.data)
    from sklearn.cluster import KMeans
    codes = transport_agreement.get_codes(streams, options.data, options.seed, options.stream)
    warm = codes["Zs"][:options.warm_up]
    start = KMeans(10, n_init=10, random_state=0).fit(warm).cluster_centers_
    peers = {
        "forgetting k-means, half-life 2 000": lambda z: streams.decay(warm, start, z, 2000),
        "forgetting k-means, half-life 5 000": lambda z: streams.decay(warm, start, z, 5000),
        "scikit-learn MiniBatchKMeans": lambda z: streams.mbk(warm, start, z),
    }
    print(f"{options.data}, warm-up {options.warm_up}".ljust(38)
          + " ".join(f"{name:>12}" for name in options.stream) + "    mean")
    with tempfile.TemporaryDirectory() as folder:
        ours = {method: lambda z, m=method: run_ours(
            numpy, options.program, folder, numpy.concatenate([warm, z]), options.warm_up, m)
            for method in METHODS}
        for name, label in {**peers, **ours}.items():
            accuracy = [100 * streams.acc(codes["y_" + stream], label(codes["Z_" + stream]))
                        for stream in options.stream]
            print(name.ljust(38) + " ".join(f"{value:12.1f}" for value in accuracy)
                  + f" {numpy.mean(accuracy):7.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
