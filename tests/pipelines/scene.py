#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws a scene of a fixed camera: scene.py OUTPUT.avi [--seconds N] [--kinds disc,box,cross] [--seed N]
[--light FACTOR] [--size WxH] [--things N] [--labels FILE]

Things of several kinds, in turns, cross a paved square, at most N (3) at a time, half as large if there may be
many, with a shadow each and the noise of a sensor. OUTPUT is Motion JPEG in AVI, 25 frames a second, which the good plugins read. FILE gets a
JSON list for each frame: kind and box of each thing. Needs python3-numpy and gst-launch-1.0.
"""
import argparse
import itertools
import json
import subprocess

import numpy

RATE = 25
COLOURS = {"disc": (200, 60, 50), "box": (60, 90, 200), "cross": (230, 200, 60), "ring": (60, 170, 80)}


def background(width, height, random):
    """Paving stones of differing grey, R G B."""
    rows, columns = height // 16 + 1, width // 24 + 1
    stones = random.integers(120, 160, (rows, columns))
    grey = numpy.kron(stones, numpy.ones((16, 24)))[:height, :width]
    grey[::16] *= 0.8
    grey[:, ::24] *= 0.8
    return numpy.repeat(grey[:, :, None], 3, axis=2) * (1.0, 0.98, 0.94)


def shape(kind, size):
    """How much of each pixel of a square the thing covers."""
    y, x = (numpy.mgrid[:size, :size] + 0.5) / size * 2 - 1
    if kind == "disc":
        return x * x + y * y <= 1
    if kind == "ring":
        return (x * x + y * y <= 1) & (x * x + y * y >= 0.3)
    if kind == "cross":
        return (abs(x) < 0.35) | (abs(y) < 0.35)
    return (abs(x) < 0.95) & (abs(y) < 0.8)


class Thing:
    def __init__(self, kind, width, height, start, few, random):
        self.kind = kind
        self.size = int(height * random.uniform(0.14, 0.2) * (1 if few else 0.5))
        self.mask = shape(self.kind, self.size)
        self.colour = numpy.array(COLOURS[self.kind]) * random.uniform(0.85, 1.15)
        self.stripes = 0.85 + 0.15 * ((numpy.arange(self.size) // 4) % 2)[:, None, None]
        self.start, self.y = start, random.integers(height // 10, height - self.size - height // 10)
        self.speed = width / RATE / random.uniform(2.5, 5) * (1 if random.random() < 0.5 else -1)
        self.width = width

    def place(self, frame):
        travelled = self.speed * (frame - self.start)
        return round((-self.size if self.speed > 0 else self.width) + travelled)

    def gone(self, frame):
        x = self.place(frame)
        return x > self.width if self.speed > 0 else x < -self.size


def paint(picture, thing, x, y, colour):
    """Lays the thing's shape at (x, y), cut at the frame; `colour` is a colour or a factor."""
    height, width = picture.shape[:2]
    left, right = max(x, 0), min(x + thing.size, width)
    top, bottom = max(y, 0), min(y + thing.size, height)
    if left >= right or top >= bottom:
        return None
    inside = (slice(top - y, bottom - y), slice(left - x, right - x))
    part, mask = picture[top:bottom, left:right], thing.mask[inside]
    full = part * colour if numpy.isscalar(colour) else (colour * thing.stripes[inside[0]]) + 0 * part
    part[mask] = full[mask]
    return [int(left), int(top), int(right - left), int(bottom - top)]


def frames(options):
    random = numpy.random.default_rng(options.seed)
    width, height = map(int, options.size.split("x"))
    kinds = itertools.cycle(options.kinds.split(","))
    empty, things, wait = background(width, height, random), [], RATE
    for frame in range(round(options.seconds * RATE)):
        wait -= 1
        things = [thing for thing in things if not thing.gone(frame)]
        if wait <= 0 and len(things) < options.things:
            things.append(Thing(next(kinds), width, height, frame, options.things < 6, random))
            wait = int(RATE * random.uniform(0.6, 1.6) * 3 / options.things)
        picture, there = empty.copy(), []
        for thing in things:
            paint(picture, thing, thing.place(frame) + thing.size // 6, thing.y + thing.size // 6, 0.72)
        for thing in things:
            box = paint(picture, thing, thing.place(frame), thing.y, thing.colour)
            if box:
                there.append({"kind": thing.kind, "box": box})
        picture = picture * options.light + random.normal(0, 2, picture.shape)
        yield numpy.clip(picture, 0, 255).astype(numpy.uint8).tobytes(), there


def main():
    parser = argparse.ArgumentParser(description="Draws a scene of a fixed camera.")
    parser.add_argument("output")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--kinds", default="disc,box,cross")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--light", type=float, default=1)
    parser.add_argument("--size", default="320x240")
    parser.add_argument("--things", type=int, default=3)
    parser.add_argument("--labels")
    options = parser.parse_args()
    width, height = options.size.split("x")
    encoder = subprocess.Popen(
        ["gst-launch-1.0", "-q", "fdsrc", "!", "rawvideoparse", f"width={width}", f"height={height}",
         "format=rgb", f"framerate={RATE}/1", "!", "videoconvert", "!", "jpegenc", "quality=80", "!",
         "avimux", "!", "filesink", f"location={options.output}"], stdin=subprocess.PIPE)
    labels = []
    for pixels, there in frames(options):
        encoder.stdin.write(pixels)
        labels.append(there)
    encoder.stdin.close()
    if encoder.wait():
        raise SystemExit("gst-launch-1.0 failed")
    if options.labels:
        with open(options.labels, "w", encoding="utf-8") as stream:
            json.dump(labels, stream)


if __name__ == "__main__":
    main()
