#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An adapter with and without alignment on streams of real images whose encoder drifts.

encoder_drift.py ADAPTER_RUN SOURCE_ROOT [--data mnist|fashion-mnist] [--seed N] [--warm-up N]

PCA codes of 24 numbers; `calibration` gives each of them a gain (log-normal, 0.5) and an offset (one
standard deviation) of its own that grow over the stream, `useless` lets the images fade into noise.
Prints the accuracy of the whole stream in percent, with one mapping of clusters to classes, and
in brackets the margin at the end as a share of that of the start, with ! where separation counts as
lost, and ? where it was lost and came back. Needs what transport_agreement.py needs; skipped (77) without it.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import transport_agreement

METHODS = ["none", "attention", "transport"]
STREAMS = ["none", "bursts", "contrast", "noise", "rot60"]


def drift_calibration(numpy, codes, seed):
    """Each number of the codes gets a gain and an offset that grow from nothing."""
    random = numpy.random.default_rng(seed + 5)
    time = numpy.linspace(0, 1, len(codes))[:, None]
    gain = numpy.exp(random.normal(0, 0.5, codes.shape[1]))
    offset = random.normal(0, 1, codes.shape[1]) * codes.std(0)
    return codes * (1 + time * (gain - 1)) + time * offset


def fade_out(numpy, codes, seed):
    """Codes that come to be those of nothing in particular: noise of their own covariance."""
    random = numpy.random.default_rng(seed + 6)
    time = numpy.clip(2 * numpy.linspace(0, 1, len(codes)) - 0.5, 0, 1)[:, None]
    noise = random.multivariate_normal(codes.mean(0), numpy.cov(codes.T), len(codes))
    return codes * numpy.sqrt(1 - time) + noise * numpy.sqrt(time)


def run(numpy, program, folder, warm, stream, method, align):
    rows = numpy.concatenate([warm, stream]).astype("<f4")
    numpy.ascontiguousarray(rows).tofile(folder + "/stream.f32")
    done = subprocess.run([program, folder, str(rows.shape[1]), "10", "method=" + method,
                           f"warm-up={len(warm)}", *(["align=moments"] if align else [])],
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    labels = numpy.fromfile(folder + "/labels.u32", numpy.uint32)[len(warm):].astype(int)
    return labels, json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--warm-up", type=int, default=1024)
    options = parser.parse_args()
    numpy, _, streams = transport_agreement.load_modules(options.root, options.data)
    codes = transport_agreement.get_codes(streams, options.data, options.seed, STREAMS)
    warm = codes["Zs"][:options.warm_up]
    shown = {name: (codes["Z_" + name], codes["y_" + name]) for name in STREAMS}
    for name, source in (("calibration", "none"), ("calibration in bursts", "bursts")):
        shown[name] = (drift_calibration(numpy, *(shown[source][:1]), options.seed),
                       shown[source][1])
    shown["useless"] = (fade_out(numpy, shown["none"][0], options.seed), shown["none"][1])
    print(f"{options.data}, seed {options.seed}".ljust(22)
          + " ".join(f"{name[:16]:>16}" for name in shown) + "    mean")
    with tempfile.TemporaryDirectory() as folder:
        for method in METHODS:
            for align in (False, True):
                cells, accuracies = [], []
                for codes_of, truth in shown.values():
                    labels, stats = run(numpy, options.program, folder, warm, codes_of, method,
                                        align)
                    accuracy = 100 * streams.acc(truth, labels)
                    share = stats["margin"] / max(stats["margin_reference"], 1e-9)
                    mark = "!" if stats["separation_lost"] else "?" if stats["losses"] else " "
                    accuracies.append(accuracy)
                    cells.append(f"{accuracy:.1f} ({share:.2f}{mark})")
                name = method + (", aligned" if align else "")
                print(name.ljust(22) + " ".join(f"{cell:>16}" for cell in cells)
                      + f" {sum(accuracies) / len(accuracies):7.2f}", flush=True)


if __name__ == "__main__":
    main()
