#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs gst-launch-1.0 lines with the elements and checks the JSON lines that come out of them.

    launch.py GST_LAUNCH

Each line runs in an empty folder. One that needs an element which is not there is skipped; the exit
status is 77 (skipped) when that leaves none.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

TILES = [(column * 80, row * 80) for row in range(3) for column in range(4)]
VIDEO = "videotestsrc num-buffers=50 pattern=ball ! video/x-raw,format={},width=320,height=240,framerate=25/1"
FRAME_DURATION = 40_000_000


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def check_frames(lines):
    """50 frames in order, with the times of 25 frames per second."""
    expect(len(lines) == 50, f"{len(lines)} lines instead of 50")
    for number, line in enumerate(lines):
        expect(line["schema"] == 1, f"schema {line['schema']}")
        expect(line["frame"] == number, f"frame {line['frame']} at line {number}")
        expect(line["timestamp"] == line["stream_time"] == number * FRAME_DURATION,
               f"times of frame {number}: {line['timestamp']}, {line['stream_time']}")
        expect((line["width"], line["height"]) == (320, 240), f"size of frame {number}")


def check_tiles(lines):
    """Twelve tiles of 80 x 80 pixels, row by row, on every frame."""
    check_frames(lines)
    for line in lines:
        boxes = [(region["x"], region["y"]) for region in line["regions"]]
        expect(boxes == TILES, f"frame {line['frame']}: tiles at {boxes}")
        for number, region in enumerate(line["regions"]):
            expect((region["w"], region["h"]) == (80, 80), f"size of tile {number}: {region}")
            expect((region["roi_type"], region["region_id"]) == ("tile", number), f"{region}")


def check_unassigned(lines):
    check_tiles(lines)
    for line in lines:
        for region in line["regions"]:
            expect(region["cluster"] is None, f"a cluster without clusters: {region}")


def check_clusters(lines):
    """In the end each tile has one of three clusters, whose identity never changes."""
    check_tiles(lines)
    uuids = {}
    for line in lines:
        for cluster in filter(None, (region["cluster"] for region in line["regions"])):
            expect(0 <= cluster["id"] < 3, f"cluster {cluster['id']} of 3")
            expect(0 <= cluster["confidence"] <= 1, f"confidence {cluster['confidence']}")
            expect(cluster["distance"] >= 0, f"distance {cluster['distance']}")
            expect(uuids.setdefault(cluster["id"], cluster["uuid"]) == cluster["uuid"],
                   f"cluster {cluster['id']} changed its identity on frame {line['frame']}")
    expect(all(region["cluster"] for region in lines[-1]["regions"]),
           f"unassigned regions on the last frame: {lines[-1]['regions']}")
    expect(len(set(uuids.values())) == len(uuids), f"clusters share an identity: {uuids}")


def check_no_regions(lines):
    check_frames(lines)
    expect(not any(line["regions"] for line in lines), "regions out of nothing")


# The elements that a line needs besides those of the output, the line, and what is true of its lines.
LINES = [
    ([], VIDEO.format("I420") + " ! draw-clusters ! publish-clusters location=out.jsonl ! fakesink",
     check_no_regions),
    (["embed"], VIDEO.format("NV12") + " ! embed inference-region=tiles tiles=4x3 ! "
     "publish-clusters location=out.jsonl ! fakesink", check_unassigned),
    (["embed", "adapt-centroids", "assign"],
     VIDEO.format("I420") + " ! embed inference-region=tiles tiles=4x3 ! "
     "adapt-centroids clusters=3 ! assign ! draw-clusters ! publish-clusters location=out.jsonl ! "
     "fakesink", check_clusters),
    # Queues and a conversion in between change nothing.
    (["embed", "adapt-centroids", "assign"],
     VIDEO.format("I420") + " ! embed inference-region=tiles tiles=4x3 ! queue ! "
     "adapt-centroids clusters=3 ! queue ! assign ! queue ! videoconvert ! video/x-raw,format=RGB ! "
     "draw-clusters ! queue ! publish-clusters location=out.jsonl ! fakesink", check_clusters),
]


def exists(element):
    return subprocess.run(["gst-inspect-1.0", "--exists", element]).returncode == 0


def run(launch, line, check):
    """The reason why `line` fails, or None."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.run([launch, "-q", *line.split()], cwd=folder, timeout=60, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if process.returncode:
            return f"exit status {process.returncode}: {process.stdout}"
        text = (pathlib.Path(folder) / "out.jsonl").read_text(encoding="utf-8")
    try:
        check([json.loads(part) for part in text.splitlines()])
    except (AssertionError, ValueError, KeyError) as problem:
        return str(problem)
    return None


def main(launch):
    failed = done = 0
    for needed, line, check in LINES:
        missing = [element for element in needed if not exists(element)]
        if missing:
            print(f"skipped, no {', '.join(missing)}: {line}")
            continue
        done += 1
        problem = run(launch, line, check)
        failed += problem is not None
        print(f"{'failed' if problem else 'fine'}: {line}" + (f"\n  {problem}" if problem else ""))
    if not done:
        return 77
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
