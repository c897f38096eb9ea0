#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many cameras a processor takes: streams.py [STREAMS [SECONDS]]

Plays STREAMS (8) copies of a drawn scene of 640x480 pixels at 25 frames a second, with 16 things at most,
as raw I420 through find-motion, embed (the built-in descriptor), adapt-centroids, assign and
publish-clusters in one process, as fast as it goes. Prints the streams that run in real time for each
processor that was busy, and regions per frame. Then find-motion alone at 1920x1080.
"""
import json
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time

SCENE = pathlib.Path(__file__).parent.parent / "pipelines/scene.py"
CHAIN = ("find-motion ! embed inference-region=roi-list ! adapt-centroids warm-up=500 ! assign smoothing=15 ! "
         "publish-clusters location={out} ! fakesink")


def make_raw(folder, size, things, seconds):
    scene, raw = folder / "scene.avi", folder / "scene.i420"
    subprocess.run([sys.executable, SCENE, scene, "--size", size, "--things", str(things), "--seconds",
                    str(seconds)], check=True)
    launch(f"filesrc location={scene} ! avidemux ! jpegdec ! videoconvert ! video/x-raw,format=I420 ! "
           f"filesink location={raw}")
    return raw


def launch(line):
    """Processor seconds and seconds that `line` took."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(["gst-launch-1.0", "-q", *line.split()], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime,
            time.monotonic() - start)


def source(raw, size):
    width, height = size.split("x")
    return (f"filesrc location={raw} ! rawvideoparse width={width} height={height} format=i420 "
            "framerate=25/1 ! queue ! ")


def main(streams=8, seconds=20):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        raw, outs = make_raw(folder, "640x480", 16, seconds), [folder / f"{i}.jsonl" for i in range(streams)]
        busy, took = launch(" ".join(source(raw, "640x480") + CHAIN.format(out=out) for out in outs))
        text = outs[0].read_text()
        regions = len(re.findall('"region_id"', text)) / text.count("\n")
        print(json.dumps({"name": "cameras", "streams": streams, "regions": round(regions, 1),
                          "streams_per_processor": round(streams * seconds / busy, 1),
                          "times_real_time": round(seconds / took, 2)}), flush=True)
        raw = make_raw(folder, "1920x1080", 8, 4)
        busy, _ = launch(source(raw, "1920x1080") + "find-motion ! fakesink")
        base, _ = launch(source(raw, "1920x1080") + "fakesink")
        print(json.dumps({"name": "find-motion", "size": "1920x1080",
                          "frames_per_processor_second": round(100 / (busy - base), 1)}), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
