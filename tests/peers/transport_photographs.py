#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Transport tracking of photographs by a pretrained network, beside its numpy reference and peers.

transport_photographs.py TRANSPORT_RUN DRIFTCLUSTER SOURCE_ROOT [--seed N ...] [--stream NAME ...]

20 kinds of photographs (Caltech-101) at 160 x 160 through SqueezeNet 1.1 (`driftcluster embed`), 512
numbers of unit length, 24 principal components of the source. The source is half of the photographs in three random crops
each, the stream the other half in five; batches of 32, two prototypes per cluster, 20 clusters.
Prints for each stream a line of JSON: the share of equal labels of ours and the reference, and the
accuracy in percent with one mapping of clusters to kinds for the whole stream of ours, the reference,
frozen centroids and streaming k-means with a half-life of 1 000, in all 512 numbers.
Needs what transport_agreement.py needs, and the network and photographs; skipped (77) without them.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import transport_agreement as agreement

SIDE, CLUSTERS, DIM, BATCH, PROTOTYPES = 160, 20, 24, 32, 2
LARGEST_GAP = 0.5


def load(numpy, cv2, path):
    """Photographs as SIDE x SIDE in colour, and their kinds."""
    pictures, kinds = [], []
    with tarfile.open(path) as archive:
        for member in sorted((m for m in archive if m.isfile()), key=lambda m: m.name):
            data = numpy.frombuffer(archive.extractfile(member).read(), numpy.uint8)
            picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
            if picture is not None:
                pictures.append(picture)
                kinds.append(pathlib.PurePath(member.name).parent.name)
    return pictures, numpy.unique(kinds, return_inverse=True)[1]


def crop(cv2, picture, draw):
    """A random crop of 4/5 to all of each side, flipped half of the time."""
    height, width = picture.shape[:2]
    share = draw.uniform(0.8, 1)
    high, wide = int(share * height), int(share * width)
    top, left = draw.integers(height - high + 1), draw.integers(width - wide + 1)
    part = cv2.resize(picture[top:top + high, left:left + wide], (SIDE, SIDE),
                      interpolation=cv2.INTER_AREA)
    return part[:, ::-1] if draw.random() < 0.5 else part


def lay_out(pictures, kinds, chosen, crops, cv2, draw):
    """Each chosen photograph in so many crops, in random order."""
    order = draw.permutation([i for i in chosen for _ in range(crops)])
    return [crop(cv2, pictures[i], draw) for i in order], kinds[order]


def order_bursts(numpy, kinds, draw):
    """One kind at a time, 50 to 500 long."""
    left = {k: list(numpy.where(kinds == k)[0]) for k in numpy.unique(kinds)}
    order = []
    while any(left.values()):
        kind = draw.choice([k for k in left if left[k]])
        count = draw.integers(50, 500)
        order += left[kind][:count]
        left[kind] = left[kind][count:]
    return numpy.array(order)


def turn(cv2, picture, degrees):
    matrix = cv2.getRotationMatrix2D(((SIDE - 1) / 2, (SIDE - 1) / 2), float(degrees), 1)
    return cv2.warpAffine(picture, matrix, (SIDE, SIDE))


def look(numpy, cv2, name, picture, t, draw):
    """The photograph at share `t` of the stream of that name."""
    there_and_back = 1 - abs(2 * t - 1)
    other = int(6 * t) % 2 == 1
    if name == "rotate":
        return turn(cv2, picture, 60 * t)
    if name in ("dark", "bursts-dark"):
        return (picture * (1 - 0.75 * there_and_back)).astype(numpy.uint8)
    if name == "colour-cast":  # blue, green, red
        gain = 1 - there_and_back * (1 - numpy.array([0.35, 0.7, 1]))
        return (picture * gain).astype(numpy.uint8)
    if name == "noise":
        noisy = picture + 80 * t * draw.standard_normal(picture.shape)
        return numpy.clip(noisy, 0, 255).astype(numpy.uint8)
    if name == "blur":
        deviation = 6 * there_and_back
        return cv2.GaussianBlur(picture, (0, 0), deviation) if deviation > 0.1 else picture
    if name == "grey-recurring" and other:
        return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if name == "inversion-recurring" and other:
        return 255 - picture
    return picture


STREAMS = ["none", "rotate", "dark", "colour-cast", "noise", "blur", "bursts", "bursts-dark",
           "grey-recurring", "inversion-recurring"]


def import_network(options, data, folder):
    model = folder + "/squeezenet.safetensors"
    subprocess.run([options.driftcluster, "import", "--preprocess", "caffe", "--normalise",
                    "--output", model, data / "models" / "squeezenet1_1_fp32.onnx"], check=True,
                   stdout=subprocess.DEVNULL)
    return model


def embed(numpy, program, model, folder, pictures):
    sizes = numpy.array([len(pictures), SIDE, SIDE, 3], ">u4")
    with open(folder + "/pictures-idx4-ubyte", "wb") as file:
        file.write(b"\0\0\x08\x04" + sizes.tobytes())
        for picture in pictures:
            file.write(picture[:, :, ::-1].tobytes())
    subprocess.run([program, "embed", "--model-file", model, "--output", folder + "/codes.npy",
                    folder + "/pictures-idx4-ubyte"], check=True, capture_output=True)
    return numpy.load(folder + "/codes.npy").astype(float)


def compare(numpy, reference, streams, program, folder, source, protos, codes, stream, kinds):
    stream.astype(numpy.float32).tofile(folder + "/stream.f32")
    agreement.run_ours(program, folder, DIM, f"batch={BATCH}", f"stated={BATCH}")
    ours = numpy.fromfile(folder + "/labels.u32", numpy.uint32).astype(int)
    prototypes, owner, weights = protos
    tracker = reference.Tracker(reference.Source(*source, prototypes, owner, weights))
    theirs = numpy.concatenate([tracker.step(stream[i:i + BATCH])
                                for i in range(0, len(stream), BATCH)])
    wide, start = codes
    score = lambda labels: streams.acc(kinds, labels, CLUSTERS) * 100
    return {"equal": float((ours == theirs).mean()), "acc": score(ours),
            "acc_reference": score(theirs), "frozen": score(streams.near(wide, start)),
            "forgetting-1k": score(streams.decay(None, start, wide, 1000, BATCH))}


def accuracy(numpy, assign):
    """streams.acc() for any number of kinds."""
    def acc(kinds, labels, clusters):
        table = numpy.zeros((max(labels.max() + 1, clusters), kinds.max() + 1))
        numpy.add.at(table, (labels, kinds), 1)
        rows, columns = assign(-table)
        return table[rows, columns].sum() / len(kinds)
    return acc


def measure(options, numpy, cv2, reference, streams, data, seed):
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    draw = numpy.random.default_rng(seed)
    pictures, kinds = load(numpy, cv2, data / "caltech101-20" / "caltech101-20.tar")
    order = draw.permutation(len(pictures))
    half = len(order) // 2
    shown, _ = lay_out(pictures, kinds, order[:half], 3, cv2, draw)
    later, truth = lay_out(pictures, kinds, order[half:], 5, cv2, draw)
    with tempfile.TemporaryDirectory() as folder:
        model = import_network(options, data, folder)
        see = lambda photographs: embed(numpy, options.driftcluster, model, folder, photographs)
        wide = see(shown)
        pca = PCA(DIM, random_state=0).fit(wide)
        fit = lambda codes: KMeans(CLUSTERS, n_init=5, random_state=seed).fit(codes).cluster_centers_
        source = [agreement.as_float32(pca.transform(wide), numpy)]
        source.append(agreement.as_float32(fit(source[0]), numpy))
        start = fit(wide)
        prototypes, owner, weights = reference.protos(*source, PROTOTYPES)
        protos = agreement.as_float32(prototypes, numpy), owner, weights
        agreement.write_source(numpy, folder, source, protos)
        agreed = True
        for name in options.stream:
            bursts = name.startswith("bursts")
            places = order_bursts(numpy, truth, draw) if bursts else numpy.arange(len(truth))
            codes = see([look(numpy, cv2, name, later[i], n / len(places), draw)
                         for n, i in enumerate(places)])
            stream = agreement.as_float32(pca.transform(codes), numpy)
            result = compare(numpy, reference, streams, options.program, folder, source, protos,
                             (codes, start), stream, truth[places])
            print(json.dumps({"stream": name, "seed": seed,
                              **{key: round(value, 4) for key, value in result.items()}}),
                  flush=True)
            agreed &= (result["equal"] >= agreement.LEAST_EQUAL
                       and abs(result["acc"] - result["acc_reference"]) <= LARGEST_GAP)
    return agreed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("driftcluster")
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--seed", type=int, nargs="+", default=[0])
    parser.add_argument("--stream", nargs="+", default=STREAMS, choices=STREAMS)
    options = parser.parse_args()
    numpy, reference, streams = agreement.load_modules(options.root, "caltech101-20")
    import cv2
    from scipy.optimize import linear_sum_assignment
    cv2.setNumThreads(1)
    streams.acc = accuracy(numpy, linear_sum_assignment)
    data = agreement.data_folder(options.root)
    return 0 if all([measure(options, numpy, cv2, reference, streams, data, seed)
                     for seed in options.seed]) else 1


if __name__ == "__main__":
    sys.exit(main())
