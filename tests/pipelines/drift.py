#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Streams of the drift benchmark through the elements: drift.py GST_LAUNCH DRIFTCLUSTER

The pictures that `driftcluster drift` exports play through embed, assign and adapt-centroids; every
frame must get the cluster that the benchmark gave it. `assign` stands before `adapt-centroids`, whose
clusters it shares, so that each picture is labelled before it is learnt from.
"""
import array
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unittest

from tap.runner import TAPTestRunner

GST_LAUNCH, DRIFTCLUSTER = sys.argv[1:3]
SIDE, COUNT, WARM_UP, LENGTH, CLUSTERS = 16, 1200, 128, 700, 3
STREAMS = ["rotate", "inversion-sudden", "bursts-dark", "noise"]


def idx(*shape, data):
    return struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + bytes(data)


def draw(folder):
    """Bars that lie, stand or slant, at random places and of random brightness."""
    source = random.Random(4)
    pixels, labels = bytearray(), bytearray()
    for _ in range(COUNT):
        label, place = source.randrange(CLUSTERS), source.randrange(4, SIDE - 4)
        for y in range(SIDE):
            for x in range(SIDE):
                on = (abs(y - place), abs(x - place), abs(x - y + place - SIDE // 2))[label] < 2
                pixels.append((140 + source.randrange(110)) * on)
        labels.append(label)
    (folder / "bars-labels-idx1-ubyte").write_bytes(idx(COUNT, data=labels))
    path = folder / "bars-images-idx3-ubyte"
    path.write_bytes(idx(COUNT, SIDE, SIDE, data=pixels))
    return path


def run(*arguments):
    done = subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True,
                          timeout=200)
    if done.returncode:
        raise AssertionError(f"{arguments[0]} exited with {done.returncode}:\n{done.stderr}")
    return done.stdout


def read_labels(path):
    content = path.read_bytes()
    numbers = array.array("I")
    numbers.frombytes(content[10 + struct.unpack("<H", content[8:10])[0]:])
    return list(numbers)


def play(folder, method):
    """The cluster of each frame, None while there are none yet."""
    results = folder / f"{method}.jsonl"
    run(GST_LAUNCH, "-q", *f"""multifilesrc location={folder}/%05d.png caps=image/png,framerate=25/1 !
        pngdec ! videoconvert ! embed ! assign state-id=drift-test !
        adapt-centroids state-id=drift-test clusters={CLUSTERS} warm-up={WARM_UP} method={method} !
        publish-clusters location={results} ! fakesink""".split())
    lines = [json.loads(line)["regions"][0]["cluster"] for line in results.read_text().splitlines()]
    return [cluster and cluster["id"] for cluster in lines]


class DriftTest(unittest.TestCase):
    def test_the_elements_label_as_the_benchmark_does(self):
        with tempfile.TemporaryDirectory() as name:
            home = pathlib.Path(name)
            streams = [word for stream in STREAMS for word in ("--stream", stream)]
            out = run(DRIFTCLUSTER, "drift", draw(home), *streams, "--method", "transport",
                      "--method", "k-means", "--descriptor", "--warm-up", WARM_UP, "--length", LENGTH,
                      "--export", home / "export", "--frames", "--json")
            clusters = {json.loads(line)["clusters"] for line in out.splitlines()}
            self.assertEqual(clusters, {CLUSTERS})
            for stream in STREAMS:
                folder = home / "export" / f"{stream}-0"
                for method in ("transport", "k-means"):
                    played = play(folder, method)
                    self.assertEqual(played[:WARM_UP], [None] * WARM_UP, (stream, method))
                    self.assertEqual(played[WARM_UP:], read_labels(folder / f"{method}.npy"),
                                     (stream, method))
                    self.assertEqual(len(set(played[WARM_UP:])), CLUSTERS, (stream, method))


if __name__ == "__main__":
    runner = TAPTestRunner()
    runner.set_stream(True)
    unittest.main(argv=sys.argv[:1], testRunner=runner)
