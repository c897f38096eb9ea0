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
# What embeds: tdcm's own autoencoder, or dekm with such settings.
ENCODERS = {"ae": None, "dekm": [], "dekm-groups": ["--set", "grouping=consensus"]}


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


def settings(pair):
    return [part for setting in SETTINGS.get(pair, SETTINGS["*"]) for part in ("--set", setting)]


def learn(options, model, method, name, seed, *arguments):
    """Trains a model, unless it is there."""
    if not model.exists():
        classes = 10 if name == "digits" else sets.classes(name)
        program.run(options.program, "train", "--method", method, "--clusters", classes, "--seed", seed,
                    "--threads", options.threads, "--output", model, *arguments)
    return model


def with_autoencoder(options, source, pair, name, seed):
    """tdcm on pictures: its own autoencoder, or that of learning.py where that is there."""
    started = options.models / f"{name}-ae-{seed}.safetensors"
    arguments = ["--start-from", started] if PAIRS[pair][0][1] is None and started.exists() else settings(pair)
    return learn(options, options.models / f"transfer-{pair}-{seed}.safetensors", "tdcm", name, seed,
                 *arguments, *source)


def embed(options, scratch, encoder, side, inputs):
    """The embeddings of one side as vectors, with their labels beside them."""
    vectors = scratch / f"{encoder.stem}-{side}.npy"
    program.run(options.program, "embed", "--model-file", encoder, "--output", vectors, "--labels-output",
                vectors.with_name(f"{vectors.stem}-labels.npy"), *inputs)
    return vectors


def with_dekm(options, scratch, source, target, pair, name, seed):
    """dekm on pictures, or that of learning.py where that is there, and tdcm on its embeddings; the
    model of tdcm and the embeddings of the target."""
    shared = options.models / f"{name}-{options.encoder}-{seed}.safetensors"
    own = options.models / f"transfer-{pair}-{options.encoder}-{seed}.safetensors"
    encoder = shared if PAIRS[pair][0][1] is None and shared.exists() else learn(
        options, own, "dekm", name, seed, *settings(pair), *ENCODERS[options.encoder], *source)
    vectors = embed(options, scratch, encoder, "source", source)
    model = learn(options, scratch / f"tdcm-{pair}-{seed}.safetensors", "tdcm", name, seed, "--scale", 1, vectors)
    return model, [embed(options, scratch, encoder, "target", target)]


def compare(options, scratch, pair, seed):
    (source_name, source_change), (target_name, target_change) = PAIRS[pair]
    source = domain(options, scratch, source_name, source_change, seed)
    target = domain(options, scratch, target_name, target_change, seed)
    if options.encoder != "ae":
        model, target = with_dekm(options, scratch, source, target, pair, source_name, seed)
    else:
        model = with_autoencoder(options, source, pair, source_name, seed)
    found = program.evaluate(options.program, "--model-file", model, "--baselines", "--seed", seed, *target)
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
    parser.add_argument("--encoder", choices=ENCODERS, default="ae", help="what embeds")
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        options.models = options.models or pathlib.Path(scratch) / "models"
        options.models.mkdir(parents=True, exist_ok=True)
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
