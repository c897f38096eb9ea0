#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Embeddings of what moves in real clips, with labels, for `driftcluster drift --in-order`.

clip_embeddings.py persons|kinds DRIFTCLUSTER DATA OUTPUT.npy [MODEL]

`persons`: the boxes of persons in the PETS clip, labelled by the person as far as boxes overlap by a
third from frame to frame (who was hidden behind another is another one afterwards); of those alone who
are there for 60 frames or more.
`kinds`: the largest thing that moves in each frame of three clips (a person, a car, a bottle with the
hand that takes it), labelled by the clip; the clips take turns of 60 pictures.
Embedded by `driftcluster embed` with MODEL or the built-in descriptor, in the order of time. Writes
OUTPUT.npy and OUTPUT-labels.npy. Needs OpenCV and DATA/video.
"""
import collections
import pathlib
import subprocess
import sys
import tempfile

import cv2
import numpy

import person_retrieval

LEAST_FRAMES, OVERLAP, TURN = 60, 0.3, 60
LEAST_AREA = 0.01  # of the picture, of what moves
CLIPS = ["one-by-one-person-detection.mp4", "car-detection.mp4", "bottle-detection.mp4"]


def frames_of(clip):
    capture = cv2.VideoCapture(str(clip))
    while True:
        there, picture = capture.read()
        if not there:
            return
        yield picture


def cut(picture, x, y, width, height):
    left, top = max(round(x), 0), max(round(y), 0)
    return picture[top:round(y + height), left:round(x + width)]


def find_persons(video):
    """Pictures and numbers of persons, in the order of time."""
    boxes = person_retrieval.read_boxes(video / "pets09-s2l1-view001-det.txt")
    person_retrieval.SAME = OVERLAP
    numbers = person_retrieval.follow(boxes)
    length = collections.Counter(numbers.values())
    for frame, picture in enumerate(frames_of(video / "pets09-s2l1-view001-480x360.mp4")):
        for index, box in enumerate(boxes[frame]):
            part = cut(picture, *box)
            if part.size and length[numbers[frame, index]] >= LEAST_FRAMES:
                yield part, numbers[frame, index]


def find_moving(clip):
    """The largest thing that moves in each frame."""
    background = cv2.createBackgroundSubtractorMOG2(detectShadows=True)
    for picture in frames_of(clip):
        mask = cv2.medianBlur(background.apply(picture), 5)
        mask = cv2.dilate((mask == 255).astype(numpy.uint8), numpy.ones((9, 9)))
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        if count > 1:
            x, y, width, height, area = stats[1 + stats[1:, cv2.CC_STAT_AREA].argmax()]
            if LEAST_AREA < area / mask.size < 0.5:  # half of it: the light, not a thing
                yield cut(picture, x, y, width, height).copy()  # the frame need not stay


def find_kinds(video):
    clips = [list(find_moving(video / name)) for name in CLIPS]
    for start in range(0, max(map(len, clips)), TURN):
        for label, parts in enumerate(clips):
            for part in parts[start:start + TURN]:
                yield part, label


def main(what, program, data, output, model=None):
    video = pathlib.Path(data) / "video"
    labels = []
    with tempfile.TemporaryDirectory() as folder:
        for part, label in {"persons": find_persons, "kinds": find_kinds}[what](video):
            cv2.imwrite(f"{folder}/{len(labels):06d}.png", part)
            labels.append(label)
        embeddings = person_retrieval.embed(program, model, folder)
    if len(labels) != len(embeddings):
        sys.exit(f"{len(labels)} pictures, but {len(embeddings)} embeddings")
    _, labels = numpy.unique(labels, return_inverse=True)
    numpy.save(output, embeddings.astype(numpy.float32))
    numpy.save(output.removesuffix(".npy") + "-labels.npy", labels.astype(numpy.uint32))
    print(f"{len(labels)} embeddings of {embeddings.shape[1]} numbers, {labels.max() + 1} labels: "
          f"{', '.join(map(str, numpy.bincount(labels)))}")


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6) or sys.argv[1] not in ("persons", "kinds"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
