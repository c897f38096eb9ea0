#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One adaptation of each method beside one MiniBatchKMeans.partial_fit of the same window.

adaptation_speed.py BENCH_ADAPTATION

Runs the benchmark, then scikit-learn on groups of the same sizes, both on one thread, and prints
milliseconds of processor time (medians) and the ratio. Skipped (77) without scikit-learn.
"""
import json
import os
import subprocess
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
try:
    import numpy
    from sklearn.cluster import MiniBatchKMeans
except ImportError:
    sys.exit(77)

RUNS = 15


def time_peer(clusters, dim, window):
    random = numpy.random.default_rng(0)
    places = 2 * random.normal(size=(clusters, dim)).astype("f4")
    rows = places[numpy.arange(window) % clusters] + random.normal(size=(window, dim)).astype("f4")
    peer = MiniBatchKMeans(clusters, init=places, n_init=1).partial_fit(rows)
    times = []
    for _ in range(RUNS):
        begin = time.thread_time()
        peer.partial_fit(rows)
        times.append(time.thread_time() - begin)
    return 1e3 * float(numpy.median(times))


def main():
    done = subprocess.run([sys.argv[1]], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    peers = {}
    for line in map(json.loads, done.stdout.splitlines()):
        size = line["clusters"], line["dim"], line["window"]
        if size not in peers:
            peers[size] = time_peer(*size)
        print(json.dumps({**line, "partial_fit_ms": round(peers[size], 3),
                          "ratio": round(line["ms"] / peers[size], 2)}), flush=True)


if __name__ == "__main__":
    main()
