#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Transport tracking against its numpy reference on streams of real images.

transport_agreement.py TRANSPORT_RUN SOURCE_ROOT [--data mnist|fashion-mnist] [--seed N ...]
                       [--stream NAME ...]

Both read the same float32 codes, start centroids and prototypes. At least 99.9 % of the 30 000 labels
must be equal (the two differ in rounding only, which moves a label where two posteriors are equal),
and the accuracy of the whole stream must be within 0.5 points. Needs the reference and the images
(DRIFTCLUSTER_DATA) beside the source tree, and numpy, scikit-learn, scipy and OpenCV; skipped (77)
without them.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

LEAST_EQUAL = 0.999
LARGEST_GAP = 0.5


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def as_float32(array, numpy):
    """What both sides can hold exactly."""
    return array.astype(numpy.float32).astype(float)


def run_ours(program, folder, dim, *settings):
    """Without starting anew after a jump, which the reference does not know."""
    done = subprocess.run([program, folder, str(dim), "restarts=0", *settings], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def compare(numpy, reference, streams, program, folder, codes, source, protos, name):
    prototypes, owner, weights = protos
    stream, truth = codes["Z_" + name], codes["y_" + name]
    stream.astype(numpy.float32).tofile(folder + "/stream.f32")
    figures = run_ours(program, folder, stream.shape[1])
    ours = numpy.fromfile(folder + "/labels.u32", numpy.uint32).astype(int)
    tracker = reference.Tracker(reference.Source(*source, prototypes, owner, weights))
    theirs = numpy.concatenate([tracker.step(stream[i:i + 64])
                                for i in range(0, len(stream), 64)])
    frozen = streams.acc(truth, streams.near(stream, source[1])) * 100
    result = {
        "stream": name, "equal": float((ours == theirs).mean()),
        "acc": streams.acc(truth, ours) * 100, "acc_reference": streams.acc(truth, theirs) * 100,
        "acc_frozen": frozen, **figures,
    }
    print(json.dumps({key: round(value, 4) if isinstance(value, float) else value
                      for key, value in result.items()}), flush=True)
    return (result["equal"] >= LEAST_EQUAL
            and abs(result["acc"] - result["acc_reference"]) <= LARGEST_GAP)


def write_source(numpy, folder, source, protos):
    for name, array in (("source", source[0]), ("centroids", source[1]), ("prototypes", protos[0])):
        array.astype(numpy.float32).tofile(f"{folder}/{name}.f32")
    protos[1].astype(numpy.uint32).tofile(folder + "/owner.u32")
    protos[2].astype(numpy.float64).tofile(folder + "/share.f64")


def data_folder(root):
    beside = root.resolve().parent / "shared" / "data"
    return pathlib.Path(os.environ.get("DRIFTCLUSTER_DATA", beside))


def load_modules(root, data_name):
    """numpy, the reference and the streams; skips when anything of it is missing."""
    methods = root.resolve().parent / "shared" / "methods"
    data = data_folder(root)
    if not (methods / "drift_reference.py").exists() or not (data / data_name).exists():
        skip(f"{methods} or {data / data_name} is absent")
    os.environ["DRIFTCLUSTER_DATA"] = str(data)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(methods))
    try:
        import numpy
        import drift_reference
        import drift_streams
    except ImportError as missing:
        skip(missing)
    return numpy, drift_reference, drift_streams


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--seed", type=int, nargs="+", default=[0])
    parser.add_argument("--stream", nargs="+", default=["rot60", "bursts", "sudden40"])
    options = parser.parse_args()
    numpy, drift_reference, drift_streams = load_modules(options.root, options.data)
    agreed = True
    for seed in options.seed:
        codes = get_codes(drift_streams, options.data, seed, options.stream)
        source = [as_float32(codes["Zs"], numpy), as_float32(codes["C0"], numpy)]
        prototypes, owner, weights = drift_reference.protos(*source)
        protos = as_float32(prototypes, numpy), owner, weights
        with tempfile.TemporaryDirectory() as folder:
            write_source(numpy, folder, source, protos)
            for name in options.stream:
                agreed &= compare(numpy, drift_reference, drift_streams, options.program, folder,
                                  codes, source, protos, name)
    return 0 if agreed else 1


def get_codes(streams, data, seed, names):
    """streams.get() with only the streams that are asked for, as making one takes seconds."""
    every = streams.mkstreams
    streams.mkstreams = lambda *a: (s for s in every(*a) if s[0] in names)
    try:
        return streams.get(data, "pca", seed)
    finally:
        streams.mkstreams = every


if __name__ == "__main__":
    sys.exit(main())
