#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many cameras a processor takes: streams.py DRIFTCLUSTER [STREAMS [SECONDS]]

Plays STREAMS (8) copies of a drawn scene of 640x480 pixels at 25 frames a second, with 16 things at most,
as raw I420 through find-motion, embed, adapt-centroids, assign and publish-clusters in one process, as
fast as it goes: once with the built-in descriptor, once with the convolutional encoder of DEKM for
32x32 pixels in colour, whose weights are of no account here. Prints the streams that run in real time
for each processor that was busy, how many times real time all of them went together, and regions per
frame. Then find-motion alone at 1920x1080.
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
CHAIN = ("find-motion ! embed inference-region=roi-list {encoder}! adapt-centroids warm-up=500 ! assign smoothing=15 ! "
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


def make_encoder(program, folder):
    pictures, model = folder / "noise", folder / "encoder.safetensors"
    pictures.mkdir()
    launch("videotestsrc pattern=snow num-buffers=64 ! video/x-raw,format=RGB,width=32,height=32 ! pngenc ! "
           f"multifilesink location={pictures}/%02d.png")
    subprocess.run([program, "train", "--method", "ae", "--clusters", "4", "--set", "epochs=1", "--output",
                    model, pictures], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return model


def play_cameras(folder, raw, streams, seconds, name, encoder):
    outs = [folder / f"{name}-{i}.jsonl" for i in range(streams)]
    chains = (source(raw, "640x480") + CHAIN.format(encoder=encoder, out=out) for out in outs)
    busy, took = launch(" ".join(chains))
    text = outs[0].read_text()
    regions = len(re.findall('"region_id"', text)) / text.count("\n")
    print(json.dumps({"name": "cameras", "encoder": name, "streams": streams, "regions": round(regions, 1),
                      "streams_per_processor": round(streams * seconds / busy, 1),
                      "times_real_time": round(seconds / took, 2)}), flush=True)


def play_large(folder):
    raw = make_raw(folder, "1920x1080", 8, 4)
    busy, _ = launch(source(raw, "1920x1080") + "find-motion ! fakesink")
    base, _ = launch(source(raw, "1920x1080") + "fakesink")
    print(json.dumps({"name": "find-motion", "size": "1920x1080",
                      "frames_per_processor_second": round(100 / (busy - base), 1)}), flush=True)


def main(program, streams="8", seconds="20"):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        raw = make_raw(folder, "640x480", 16, int(seconds))
        for encoder, properties in (("descriptor", ""),
                                    ("dekm", f"model-file={make_encoder(program, folder)} ")):
            play_cameras(folder, raw, int(streams), int(seconds), encoder, properties)
        play_large(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
