#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The methods of learning on published data sets: learning.py DRIFTCLUSTER [OPTION...]

Trains each method on each set with each seed, scores the labels that the method gives to the samples
it learnt from (clustering is judged so in all the papers), and prints one JSON object a run and at the
end a table. Labels are for scoring alone. A model that is there already (--models) is not trained anew.
"""
import argparse
import json
import pathlib
import re
import statistics
import sys
import tempfile

import program
import sets

# The authors' pretrained start of ae-cm, with fewer passes than their 100, 100 and (jointly) 1000.
SHORT_START = ["start=pretrained", "pretrain-epochs=10", "module-epochs=50"]
UNIT_START = ["start=pretrained", "network=auto", "code=unit", "module-epochs=50"]

# What differs from the standard settings, for a set and a method; "*" for all other sets. A method
# that starts from `ae` takes over its networks, as --start-from does. `groups`, which need not be
# round, are of the codes of that autoencoder after one pass more; `dekm-groups` are the clusters of
# dekm that has such groups in place of those of k-means; `ae-cm-unit` starts from that autoencoder
# with a code of unit scale and the numbers of the authors' best runs of a convolutional network, those
# for USPS where they have none; pendigits, which are vectors, with those of a dense one.
SETTINGS = {
    "ae": {
        "*": ["epochs=200"],
        "pendigits": ["epochs=30"],
        "fashion-mnist": ["epochs=20"],
        "fashion-mnist-test": ["epochs=60"],
        "cifar10": ["epochs=20"],
    },
    "groups": {"*": ["epochs=1", "grouping=consensus"]},
    "dekm": {"*": []},
    "dekm-groups": {"*": ["grouping=consensus"]},
    "cm": {
        "*": ["batch=128", "alpha=40"],
        "mnist": ["batch=111", "alpha=177"],
        "fashion-mnist": ["batch=35", "alpha=80"],
        "usps": ["batch=150", "alpha=40"],
        "pendigits": ["batch=80", "alpha=13"],
    },
    "ae-cm": {
        "*": ["batch=45", "alpha=3", "beta=0.04", "width=30", *SHORT_START, "epochs=20"],
        "mnist": ["batch=500", "alpha=230", "beta=5", "width=10", *SHORT_START, "epochs=10"],
        "pendigits": ["batch=80", "alpha=13", "beta=0.5", "width=70", "pretrain-rate=0.001", *SHORT_START,
                      "epochs=20"],
        "fashion-mnist-test": ["batch=175", "alpha=13", "beta=47", "width=10", "pretrain-momentum=0", *SHORT_START,
                               "epochs=20"],
        "coil20": ["batch=45", "alpha=3", "beta=0.04", "width=30", "pretrain-rate=0.001", *SHORT_START, "epochs=20"],
    },
    "ae-cm-unit": {
        "*": [*UNIT_START, "batch=150", "alpha=8", "beta=0.1", "epochs=40"],
        "mnist": [*UNIT_START, "batch=150", "alpha=11", "beta=0.03", "epochs=10"],
        "pendigits": [*UNIT_START, "batch=80", "alpha=13", "beta=0.5", "epochs=20"],
        "fashion-mnist-test": [*UNIT_START, "batch=160", "alpha=50", "beta=0.25", "epochs=40"],
    },
    "secu": {
        "*": ["epochs=40", "warm-up=3", "flip=0"],
        "optdigits": ["flip=0"],  # few enough for the paper's 400 passes
        "coil20": ["flip=0"],
        "pendigits": ["epochs=30"],
        "fashion-mnist-test": ["epochs=60", "warm-up=2"],
        "cifar10": ["epochs=30", "warm-up=2"],
        "mnist": ["epochs=20", "warm-up=2", "flip=0"],
    },
    "tdcm": {"*": []},
}
STARTS_FROM_AE = ("groups", "dekm", "dekm-groups", "ae-cm-unit", "tdcm")
# Where the program's name for the method is another.
BY_PROGRAM = {"groups": "ae", "dekm-groups": "dekm", "ae-cm-unit": "ae-cm"}
METHODS = ("pixels", *SETTINGS)


def settings(method, name, more):
    """Of a method on a set; `more` has such as "dekm:stop=0.001", which come last and so win."""
    own = [setting for of, _, setting in (text.partition(":") for text in more) if of == method]
    return SETTINGS[method].get(name, SETTINGS[method]["*"]) + own


def setting_of_a_method(text):
    method, _, setting = text.partition(":")
    if method not in SETTINGS or "=" not in setting:
        raise argparse.ArgumentTypeError(f"{text!r} is not METHOD:NAME=VALUE, with a method of "
                                         + ", ".join(SETTINGS))
    return text


def scores(output):
    found = re.search(r"ACC ([\d.]+) +NMI ([\d.]+) +ARI ([-\d.]+)", output)
    if not found:
        raise RuntimeError(f"no scores, the labels were not found: {output}")
    return dict(zip(("acc", "nmi", "ari"), map(float, found.groups())))


class Runner:
    def __init__(self, options, scratch):
        self.options = options
        self.scratch = scratch
        self.models = options.models or scratch
        self.models.mkdir(parents=True, exist_ok=True)

    def pixels(self, name, seed):
        vectors = sets.pixels(name, self.options.data, self.scratch)
        output, seconds, memory = program.run(
            self.options.program, "evaluate", "--json", "--clusters", sets.classes(name), "--seed", seed,
            vectors)
        found = json.loads(output)
        return {key: round(100 * found[key], 1) for key in ("acc", "nmi", "ari")}, seconds, memory

    def autoencoder_seed(self, seed):
        """Of the autoencoder that a method with this seed starts from."""
        return seed if self.options.autoencoder_seed is None else self.options.autoencoder_seed

    def model(self, method, name, seed):
        """Models of other settings are others: those of a start count too."""
        count = ("ae", method) if method in STARTS_FROM_AE else (method,)
        more = "".join(f"-{text}" for text in self.options.set if text.partition(":")[0] in count)
        if method in STARTS_FROM_AE and self.autoencoder_seed(seed) != seed:
            more += f"-from-{self.autoencoder_seed(seed)}"
        return self.models / f"{name}-{method}-{seed}{more}.safetensors"

    def train(self, method, name, seed):
        log = self.model(method, name, seed).with_suffix(".json")
        if log.exists():
            return json.loads(log.read_text())
        arguments = ["train", "--method", BY_PROGRAM.get(method, method),
                     "--clusters", sets.classes(name), "--seed", seed,
                     "--threads", self.options.threads, "--output", self.model(method, name, seed)]
        for setting in settings(method, name, self.options.set):
            arguments += ["--set", setting]
        if method in STARTS_FROM_AE and not (method == "tdcm" and name == "pendigits"):
            start = self.autoencoder_seed(seed)
            self.train("ae", name, start)
            arguments += ["--start-from", self.model("ae", name, start)]
        arguments += sets.inputs(name, self.options.data, self.scratch)
        output, seconds, memory = program.run(self.options.program, *arguments)
        result = scores(output), seconds, memory
        log.write_text(json.dumps(result))
        return result

    def figure(self, method, name, seed):
        found, seconds, memory = (self.pixels(name, seed) if method == "pixels"
                                  else self.train(method, name, seed))
        return {"set": name, "method": method, "seed": seed, **found, "seconds": round(seconds, 1),
                "mib": round(memory)}


def describe(values):
    return (f"{values[0]:.1f}" if len(values) == 1
            else f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}")


def print_table(figures):
    print("\n| set | method | seeds | ACC | NMI | ARI | seconds | MiB |\n"
          "| --- | --- | --- | --- | --- | --- | --- | --- |")
    for key in dict.fromkeys((f["set"], f["method"]) for f in figures):
        rows = [f for f in figures if (f["set"], f["method"]) == key]
        print(f"| {key[0]} | {key[1]} | {len(rows)} |",
              " | ".join(describe([row[score] for row in rows]) for score in ("acc", "nmi", "ari")),
              f"| {statistics.mean(row['seconds'] for row in rows):.0f}",
              f"| {max(row['mib'] for row in rows)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--sets", nargs="+", choices=sets.NAMES, default=["optdigits", "usps"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--set", action="append", default=[], type=setting_of_a_method,
                        metavar="METHOD:NAME=VALUE", help="a setting beside those of the script")
    parser.add_argument("--autoencoder-seed", type=int, metavar="SEED",
                        help="start from the autoencoder of this seed, whatever the seed of the method")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", type=pathlib.Path, default=sets.root())
    parser.add_argument("--models", type=pathlib.Path, help="folder that keeps the models")
    options = parser.parse_args()
    figures = []
    with tempfile.TemporaryDirectory() as scratch:
        runner = Runner(options, pathlib.Path(scratch))
        try:
            for name in options.sets:
                for method in options.methods:
                    for seed in options.seeds:
                        figures.append(runner.figure(method, name, seed))
                        print(json.dumps(figures[-1]), flush=True)
        except sets.Missing as problem:
            print(problem)
            sys.exit(77)
    print_table(figures)


if __name__ == "__main__":
    main()
