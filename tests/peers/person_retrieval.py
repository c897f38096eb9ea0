#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Do persons lie near themselves a second later? person_retrieval.py DRIFTCLUSTER DATA [MODEL]

Persons of the PETS clip in DATA/video, boxed by a detector and followed by the overlap of their boxes
from frame to frame, are cut out of every tenth frame (a second) and embedded by `driftcluster embed`,
with the encoder of MODEL or the built-in descriptor. A person is found when, among the boxes a second
later, the one with the nearest embedding is their own; boxes that stand alone there are left out.
Prints a JSON object. No identities go into the embeddings; the chance is that of a random box.
"""
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

import cv2
import numpy

STEP, SAME = 10, 0.5  # frames; overlap of boxes of one person in consecutive frames
TO_CLIP = 0.625       # the boxes are for 768 x 576 pixels


def read_boxes(path):
    boxes = collections.defaultdict(list)
    for line in path.read_text().splitlines():
        frame, _, *box = map(float, line.split(",")[:6])
        boxes[int(frame) - 1].append([TO_CLIP * side for side in box])
    return boxes


def overlap(a, b):
    """Intersection over union of two boxes (x, y, w, h)."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)


def follow(boxes):
    """A number for each box of each frame; equal numbers are one person."""
    numbers, last, fresh = {}, {}, 0
    for frame in range(max(boxes) + 1):
        current = {}
        for index, box in enumerate(boxes[frame]):
            best = max(last, key=lambda number: overlap(last[number], box), default=None)
            if best is None or best in current or overlap(last[best], box) < SAME:
                best, fresh = fresh, fresh + 1
            current[best] = box
            numbers[frame, index] = best
        last = current
    return numbers


def cut_out(clip, boxes, folder):
    """Writes the persons of every STEP-th frame; which box each file is of, in order of their names."""
    capture, kept, frame = cv2.VideoCapture(str(clip)), [], 0
    while True:
        there, picture = capture.read()
        if not there:
            return kept
        for index, (x, y, width, height) in enumerate(boxes[frame] if frame % STEP == 0 else []):
            left, top = max(round(x), 0), max(round(y), 0)
            part = picture[top:round(y + height), left:round(x + width)]
            if part.size:
                cv2.imwrite(f"{folder}/{len(kept):05d}.png", part)
                kept.append((frame, index))
        frame += 1


def embed(program, model, folder):
    output = pathlib.Path(folder) / "x.npy"
    options = ["--model-file", model] if model else []
    subprocess.run([program, "embed", *options, "--output", output, folder], check=True,
                   stdout=subprocess.DEVNULL)
    embeddings = numpy.load(output)
    return embeddings / numpy.linalg.norm(embeddings, axis=1, keepdims=True)


def retrieve(kept, numbers, embeddings):
    """How many are found, of how many, and how many would be by chance."""
    frames = collections.defaultdict(list)
    for row, (frame, index) in enumerate(kept):
        frames[frame].append((row, numbers[frame, index]))
    found = asked = chance = 0
    for frame, persons in frames.items():
        later = frames.get(frame + STEP, [])
        there = [number for _, number in later]
        for row, number in persons:
            if number not in there or len(later) < 2:
                continue
            near = embeddings[[other for other, _ in later]] @ embeddings[row]
            asked += 1
            found += there[int(near.argmax())] == number
            chance += 1 / len(later)
    return found, asked, chance


def main(program, data, model=None):
    video = pathlib.Path(data) / "video"
    boxes = read_boxes(video / "pets09-s2l1-view001-det.txt")
    with tempfile.TemporaryDirectory() as folder:
        kept = cut_out(video / "pets09-s2l1-view001-480x360.mp4", boxes, folder)
        embeddings = embed(program, model, folder)
    if len(kept) != len(embeddings):
        sys.exit(f"{len(kept)} persons, but {len(embeddings)} embeddings")
    found, asked, chance = retrieve(kept, follow(boxes), embeddings)
    print(json.dumps({"name": "person-retrieval", "persons": asked, "size": embeddings.shape[1],
                      "found": round(found / asked, 3), "chance": round(chance / asked, 3)}))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
