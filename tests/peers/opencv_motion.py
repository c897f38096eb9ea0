#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""find-motion beside OpenCV's background subtraction: opencv_motion.py DATA [PROPERTIES]

Moving regions of the PETS clip in DATA/video, by find-motion (with PROPERTIES as in gst-launch-1.0) and
by OpenCV's MOG2 and KNN with their shadow detection, a 3 x 3 opening, a closing of the shape of a standing
person and connected components of the same least area. Regions are compared with the boxes that a person
detector found: the largest number of one-to-one pairs of an intersection over union of at least 0.3, from
frame 20 on. The boxes are no perfect truth. Milliseconds are of one thread, decoding excepted. Prints a
JSON object for each. Exits with 77 (skipped) without the clip or OpenCV.
"""
import collections
import json
import pathlib
import sys
import tempfile
import time

try:
    import cv2
    import numpy
    from scipy.optimize import linear_sum_assignment
    import gi
    gi.require_version("Gst", "1.0")
    from gi.repository import Gst
except (ImportError, ValueError) as problem:
    print(f"needs python3-opencv, python3-scipy and the bindings of GStreamer: {problem}")
    sys.exit(77)

SAME, WARM_UP = 0.3, 20
TO_CLIP = 0.625  # the boxes are for 768 x 576 pixels


def read_boxes(path):
    boxes = collections.defaultdict(list)
    for line in path.read_text().splitlines():
        frame, _, *box = map(float, line.split(",")[:6])
        boxes[int(frame) - 1].append([TO_CLIP * side for side in box])
    return boxes


def overlaps(boxes, others):
    """Intersection over union of each pair of boxes (x, y, w, h)."""
    a, b = numpy.asarray(boxes, float)[:, None], numpy.asarray(others, float)[None]
    sides = numpy.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:]) - numpy.maximum(
        a[..., :2], b[..., :2])
    common = numpy.prod(numpy.clip(sides, 0, None), axis=2)
    return common / (a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3] - common)


def score(name, found, wanted, seconds):
    hits = n_found = n_wanted = 0
    for frame in range(WARM_UP, len(found)):
        n_found += len(found[frame])
        n_wanted += len(wanted[frame])
        if found[frame] and wanted[frame]:
            table = overlaps(found[frame], wanted[frame]) >= SAME
            hits += int(table[linear_sum_assignment(-table.astype(int))].sum())
    recall, precision = hits / n_wanted, hits / max(n_found, 1)
    print(json.dumps({"name": "motion", "method": name, "recall": round(recall, 3),
                      "precision": round(precision, 3),
                      "f1": round(2 * recall * precision / (recall + precision), 3),
                      "milliseconds": round(1000 * seconds / len(found), 3)}), flush=True)


def regions_of(clip, properties):
    """The regions of each frame, and the seconds that find-motion took for all of them."""
    with tempfile.TemporaryDirectory() as folder:
        lines = pathlib.Path(folder) / "out.jsonl"
        pipeline = Gst.parse_launch(
            f"filesrc location={clip} ! decodebin ! videoconvert ! video/x-raw,format=I420 ! find-motion "
            f"name=motion {properties} ! embed inference-region=roi-list max-regions=256 ! "
            f"publish-clusters location={lines} ! fakesink")
        element, clock = pipeline.get_by_name("motion"), [0.0, 0.0]

        def enters(*_):
            clock[0] = time.perf_counter()
            return Gst.PadProbeReturn.OK

        def leaves(*_):
            clock[1] += time.perf_counter() - clock[0]
            return Gst.PadProbeReturn.OK

        element.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, enters)
        element.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, leaves)
        pipeline.set_state(Gst.State.PLAYING)
        message = pipeline.get_bus().timed_pop_filtered(
            300 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
        pipeline.set_state(Gst.State.NULL)
        if not message or message.type != Gst.MessageType.EOS:
            sys.exit(f"the pipeline failed: {message and message.parse_error()}")
        frames = [json.loads(line)["regions"] for line in lines.read_text().splitlines()]
    return [[[region[side] for side in "xywh"] for region in regions] for regions in frames], clock[1]


def blobs(mask, least):
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    return [tuple(int(side) for side in stats[i, :4]) for i in range(1, count)
            if stats[i, cv2.CC_STAT_AREA] >= least]


def subtract(clip, model):
    """The blobs of each frame by a background subtractor of OpenCV, and the seconds for all of them."""
    capture, found, seconds = cv2.VideoCapture(str(clip)), [], 0.0
    opening, closing = numpy.ones((3, 3), numpy.uint8), numpy.ones((7, 3), numpy.uint8)
    while True:
        there, picture = capture.read()
        if not there:
            return found, seconds
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        start = time.perf_counter()
        mask = (model.apply(grey) == 255).astype(numpy.uint8)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, opening)
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, closing)
        found.append(blobs(mask, grey.size / 2000))
        seconds += time.perf_counter() - start


def main(data, properties=""):
    clip = pathlib.Path(data) / "video" / "pets09-s2l1-view001-480x360.mp4"
    if not clip.exists():
        print(f"{clip} is not there")
        return 77
    cv2.setNumThreads(1)
    Gst.init(None)
    wanted = read_boxes(clip.with_name("pets09-s2l1-view001-det.txt"))
    found, seconds = regions_of(clip, properties)
    score("find-motion", found, wanted, seconds)
    for name, make in (("MOG2", cv2.createBackgroundSubtractorMOG2),
                       ("KNN", cv2.createBackgroundSubtractorKNN)):
        found, seconds = subtract(clip, make(detectShadows=True))
        score(name, found, wanted, seconds)
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
