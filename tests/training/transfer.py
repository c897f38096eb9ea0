#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Transfer to a domain that nothing was learnt from: transfer.py DRIFTCLUSTER [OPTION...]

Trains tdcm on a source, and then clusters the embeddings that its encoder makes of a target: with the
source's centroids as they are, by the attention module, and by k-means and mixtures of Gaussians that
are fitted anew to the target. All see the same embeddings; labels are for scoring alone.
"""
import argparse
import json
import pathlib
import statistics
import sys
import tempfile

import program
import sets

# Source and target, with what their pictures go through so that digits are of one size in both.
PAIRS = {
    "mnist-usps": (("mnist", None), ("usps", sets.with_border(3))),
    "usps-mnist": (("usps", None), ("mnist", sets.without_border)),
    "mnist-optdigits": (("mnist", None),
                        ("optdigits", lambda pictures: sets.with_border(2)(sets.brighten(pictures)))),
    "sans-serif": (("digits", []), ("digits", ["--serif"])),
    "photo-sketch": (("pacs-photo", None), ("pacs-sketch", None)),
}
SETTINGS = {"*": ["pretrain-epochs=30"], "usps-mnist": ["pretrain-epochs=200"],
            "photo-sketch": ["pretrain-epochs=60"]}


def domain(options, scratch, name, change, seed):
    """What to give to the program for one side of a pair."""
    if name == "digits":
        folder = scratch / f"digits{'-'.join(change)}-{seed}"
        program.run(options.program, "digits", "--output", folder, "--train", 5000, "--before", 1, "--during", 1,
                    "--after", 1, "--seed", seed, *change)
        return [folder / "train-images-idx3-ubyte"]
    if change is None:
        return sets.inputs(name, options.data, scratch)
    files = [sets.need(options.data / file) for file in sets.FILES[name][1]]
    return sets.changed(files, change, f"{name}-{change.__name__}", scratch)


def train(options, scratch, pair, seed):
    (name, change), _ = PAIRS[pair]
    models = options.models or scratch
    models.mkdir(parents=True, exist_ok=True)
    model = models / f"transfer-{pair}-{seed}.safetensors"
    started = models / f"{name}-ae-{seed}.safetensors"
    arguments = ["--start-from", started] if change is None and started.exists() else []
    for setting in [] if arguments else SETTINGS.get(pair, SETTINGS["*"]):
        arguments += ["--set", setting]
    if not model.exists():
        classes = 10 if name == "digits" else sets.classes(name)
        program.run(options.program, "train", "--method", "tdcm", "--clusters", classes, "--seed", seed, "--threads",
                    options.threads, *arguments, "--output", model,
                    *domain(options, scratch, name, change, seed))
    return model


def compare(options, scratch, pair, seed):
    model = train(options, scratch, pair, seed)
    _, (name, change) = PAIRS[pair]
    found = program.evaluate(options.program, "--model-file", model, "--baselines", "--seed", seed,
                             *domain(options, scratch, name, change, seed))
    rows = {"frozen centroids": found, "tdcm": found["adapted"],
            **{baseline["method"]: baseline for baseline in found["baselines"]}}
    return {method: {**{key: 100 * row[key] for key in ("acc", "nmi", "ari")}, "seconds": row["seconds"]}
            for method, row in rows.items()}


def print_table(results):
    print("\n| source - target | method | runs | ACC | NMI | ARI | seconds |\n"
          "| --- | --- | --- | --- | --- | --- | --- |")
    for pair, runs in results.items():
        for method in runs[0]:
            rows = [run[method] for run in runs]
            scores = " | ".join(
                f"{statistics.mean(row[key] for row in rows):.1f}"
                + (f" ± {statistics.stdev(row[key] for row in rows):.1f}" if len(rows) > 1 else "")
                for key in ("acc", "nmi", "ari"))
            print(f"| {pair} | {method} | {len(rows)} | {scores} "
                  f"| {statistics.mean(row['seconds'] for row in rows):.3f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--pairs", nargs="+", choices=PAIRS, default=list(PAIRS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", type=pathlib.Path, default=sets.root())
    parser.add_argument("--models", type=pathlib.Path, help="folder that keeps the models")
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        try:
            for pair in options.pairs:
                for seed in options.seeds:
                    found = compare(options, pathlib.Path(scratch), pair, seed)
                    results.setdefault(pair, []).append(found)
                    print(json.dumps({"pair": pair, "seed": seed, **found}), flush=True)
        except sets.Missing as problem:
            print(problem)
            sys.exit(77)
    print_table(results)


if __name__ == "__main__":
    main()
