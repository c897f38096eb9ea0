# SPDX-License-Identifier: LGPL-2.1-or-later
"""The data sets of the figures of learning: where they are, and what shape the program wants them in."""
import gzip
import pathlib
import struct
import tarfile

import numpy


class Missing(Exception):
    """A data set that is not there."""


def idx(path):
    """The array in an IDX file of bytes, plain or compressed."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rank = content[3]
    shape = struct.unpack(f">{rank}I", content[4:4 + 4 * rank])
    return numpy.frombuffer(content, numpy.uint8, offset=4 + 4 * rank).reshape(shape)


# Number of classes, and the files: the parts that authors train on, which are all there is.
FILES = {
    "mnist": (10, ["mnist/train-images-idx3-ubyte.gz", "mnist/t10k-images-idx3-ubyte.gz"]),
    "fashion-mnist": (10, ["fashion-mnist/train-images-idx3-ubyte.gz",
                           "fashion-mnist/t10k-images-idx3-ubyte.gz"]),
    "fashion-mnist-test": (10, ["fashion-mnist/t10k-images-idx3-ubyte.gz"]),
    "usps": (10, ["usps/usps-train-images-idx3-ubyte.gz", "usps/usps-test-images-idx3-ubyte.gz"]),
    "coil20": (20, ["coil20/coil20-images-idx3-ubyte.gz"]),
    "optdigits": (10, ["optdigits/optdigits-train-images-idx3-ubyte.gz",
                       "optdigits/optdigits-test-images-idx3-ubyte.gz"]),
    "pendigits": (10, ["pendigits/pendigits-train-points-idx3-ubyte.gz",
                       "pendigits/pendigits-test-points-idx3-ubyte.gz"]),
}
# Archives of pictures in a folder for each class, and the folder in them.
ARCHIVES = {
    "cifar10": (10, "cifar10-subset/cifar10-subset.tar.gz", "train"),
    "pacs-photo": (7, "pacs-photo-sketch/pacs-photo.tar", "photo"),
    "pacs-sketch": (7, "pacs-photo-sketch/pacs-sketch.tar", "sketch"),
}
NAMES = (*FILES, *ARCHIVES)


def classes(name):
    return (FILES.get(name) or ARCHIVES[name])[0]


def need(path):
    if not path.exists():
        raise Missing(f"{path} is not there; set DRIFTCLUSTER_DATA to the folder of the data sets")
    return path


def inputs(name, data, scratch):
    """What to give to `driftcluster train`; archives are unpacked in `scratch`."""
    if name in FILES:
        files = [need(data / file) for file in FILES[name][1]]
        return changed(files, CHANGES[name], name, scratch) if name in CHANGES else files
    _, archive, folder = ARCHIVES[name]
    target = scratch / name
    if not target.exists():
        with tarfile.open(need(data / archive)) as tar:
            tar.extractall(target)
    found = [path for path in target.rglob(folder) if path.is_dir()]
    return [found[0]]


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + numpy.ascontiguousarray(array, numpy.uint8).tobytes())


# What pictures must go through so that those of two sets can be compared, or seen at all.
def brighten(pictures):
    """Grey levels 0..16 to 0..255."""
    return numpy.minimum(pictures.astype(int) * 255 // 16, 255)


def to_28_by_28(pictures):
    """DEKM's authors resize COIL-20 so: bilinear, without smoothing first."""
    side = pictures.shape[1]
    places = (numpy.arange(28) + 0.5) * side / 28 - 0.5
    low = numpy.floor(places).astype(int)
    part = (places - low).reshape(1, -1, 1)
    rows = pictures[:, low] * (1 - part) + pictures[:, low + 1] * part
    part = part.reshape(1, 1, -1)
    return numpy.rint(rows[:, :, low] * (1 - part) + rows[:, :, low + 1] * part)


def with_border(pixels):
    """MNIST has its digits in the middle 20 of 28 pixels; other sets have no border."""
    return lambda pictures: numpy.pad(pictures, ((0, 0), (pixels, pixels), (pixels, pixels)))


def without_border(pictures):
    return pictures[:, 4:-4, 4:-4]


# Of the sets that cannot be used as they are.
CHANGES = {"optdigits": brighten, "coil20": to_28_by_28}


def changed(files, change, name, scratch):
    """Copies of IDX files with changed pictures, and of their labels."""
    target = scratch / name
    target.mkdir(exist_ok=True)
    copies = []
    for path in files:
        copy = target / path.name.removesuffix(".gz")
        write_idx(copy, change(idx(path)))
        write_idx(labels_beside(copy), idx(labels_beside(path)))
        copies.append(copy)
    return copies


def labels_beside(path):
    name = path.name.replace("images-idx3", "labels-idx1").replace("points-idx3", "labels-idx1")
    return path.with_name(name)


SIDE = 32  # what `driftcluster train` shrinks larger pictures to


def pixels_of_files(files):
    rows = [idx(path) for path in files]
    return (numpy.concatenate([r.reshape(len(r), -1) for r in rows]),
            numpy.concatenate([idx(labels_beside(path)) for path in files]))


def pixels_of_folder(folder):
    """Pictures in a folder for each class, shrunk to SIDE x SIDE."""
    import cv2
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = sorted({path.parent.name for path in paths})
    rows = [cv2.resize(cv2.imread(str(path)), (SIDE, SIDE), interpolation=cv2.INTER_AREA).ravel()
            for path in paths]
    return (numpy.array(rows),
            numpy.array([names.index(path.parent.name) for path in paths], numpy.uint8))


def pixels(name, data, scratch):
    """The samples of a set as one .npy file of vectors with its labels beside it."""
    vectors = scratch / f"{name}-pixels.npy"
    if not vectors.exists():
        found = inputs(name, data, scratch)
        rows, labels = pixels_of_files(found) if name in FILES else pixels_of_folder(found[0])
        numpy.save(vectors, rows.astype("f4"))
        numpy.save(scratch / f"{name}-pixels-labels.npy", labels)
    return vectors


def root():
    """The folder that the project's tests look for data in."""
    import os
    beside = pathlib.Path(__file__).resolve().parents[2] / "../shared/data"
    return pathlib.Path(os.environ.get("DRIFTCLUSTER_DATA", beside))
