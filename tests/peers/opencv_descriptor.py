#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The usual untrained embedding, to compare with: opencv_descriptor.py FOLDER X.npy Y.npy

Describes the pictures of a folder with one subfolder a class by OpenCV: its HOG descriptor of 64 x 64
pixels (16 x 16 blocks, 8 x 8 cells, 9 bins) beside a histogram of 8 x 8 x 8 colours (HSV), each of unit
length. Scores: kmeans_scores.py X.npy Y.npy
"""
import pathlib
import sys

import cv2
import numpy

SIDE = 64
HOG = cv2.HOGDescriptor((SIDE, SIDE), (16, 16), (8, 8), (8, 8), 9)


def describe(path):
    picture = cv2.resize(cv2.imread(str(path)), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    gradients = HOG.compute(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)).ravel()
    colours = cv2.calcHist([cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)], [0, 1, 2], None, [8, 8, 8],
                           [0, 180, 0, 256, 0, 256]).ravel()
    parts = (gradients, colours)
    return numpy.concatenate([part / max(numpy.linalg.norm(part), 1e-9) for part in parts])


def main(folder, embeddings_path, labels_path):
    classes = sorted(path for path in pathlib.Path(folder).iterdir() if path.is_dir())
    pictures = [(path, label) for label, name in enumerate(classes)
                for path in sorted(name.iterdir())]
    if not pictures:
        sys.exit(f"{folder}: no subfolder with pictures")
    numpy.save(embeddings_path, numpy.array([describe(path) for path, _ in pictures], numpy.float32))
    numpy.save(labels_path, numpy.array([label for _, label in pictures], numpy.uint32))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
