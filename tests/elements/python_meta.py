#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Both metas are read, and written, with the stock Python bindings: python_meta.py

A pipeline embeds frames that carry a results meta made here; what arrives behind a format
conversion is read in a pad probe and from an appsink.
"""
import math
import sys

SKIP = 77


def bindings():
    try:
        import gi
        gi.require_version("Gst", "1.0")
        gi.require_version("Driftcluster", "1.0")
        from gi.repository import Driftcluster, Gst
        return Gst, Driftcluster
    except (ImportError, ValueError) as error:
        print(f"skipped: {error}")
        sys.exit(SKIP)


Gst, Driftcluster = bindings()

WIDTH, HEIGHT, FRAMES = 64, 48, 3
UUID = "c0ffee00-0000-4000-8000-000000000003"


def result(number):
    made = Driftcluster.Result()
    made.x, made.y, made.width, made.height = 0.25, 0.5, 0.5, 0.25
    made.key, made.roi_id, made.cluster = 2**40 + number, -1, number
    made.roi_type = 0
    made.uuid, made.label = UUID, "café"
    made.confidence, made.distance, made.novel, made.stale = 0.75, 1.5, True, False
    return made


def frame(number):
    buffer = Gst.Buffer.new_wrapped(bytes([number * 40]) * (WIDTH * HEIGHT * 3 // 2))
    buffer.pts, buffer.duration = number * Gst.SECOND // 25, Gst.SECOND // 25
    Driftcluster.buffer_add_results_meta(buffer, 7, "encoder", 64,
                                         [result(number), result(number + 1)])
    return buffer


def check(condition, *what):
    if not condition:
        print("failed:", *what)
        sys.exit(1)


def check_embeddings(buffer):
    meta = Driftcluster.buffer_get_embedding_meta(buffer)
    check(meta is not None, "no embedding meta")
    check((meta.width, meta.height, meta.n_regions) == (WIDTH, HEIGHT, 4), "frame of the meta")
    check(meta.block.rows == 4 and meta.block.dim >= 64, "block", meta.block.rows, meta.block.dim)
    check(meta.block.encoder == "colour-gradient-1", "encoder", meta.block.encoder)
    for tile in range(4):
        region = meta.get_region(tile)
        box = (region.x, region.y, region.width, region.height)
        check(box == (tile % 2 * 32, tile // 2 * 24, 32, 24), "box", box)
        check(region.key == tile and region.row == tile, "key", region.key, region.row)
        embedding = meta.get_embedding(tile)
        check(len(embedding) == meta.block.dim, "length", len(embedding))
        check(abs(math.fsum(x * x for x in embedding) - 1) < 1e-5, "not of unit length")
        check(embedding == meta.block.get_row(tile), "row")
    check(meta.get_region(4) is None and not meta.get_embedding(4), "a fifth region")


def check_results_by_library(buffer, number):
    meta = Driftcluster.buffer_get_results_meta(buffer)
    check(meta is not None, "no results meta")
    check(Driftcluster.results_meta_get_version(meta) == 7, "version")
    check(Driftcluster.results_meta_get_n_results(meta) == 2, "results")
    there, read = Driftcluster.results_meta_get_result(meta, 1)
    check(there and read.cluster == number + 1 and read.label == "café", "result")
    check(not Driftcluster.results_meta_get_result(meta, 2)[0], "a third result")


def check_results_without_library(buffer, number):
    """What a program does that has nothing but GStreamer."""
    structure = buffer.get_custom_meta("driftcluster-results").get_structure()
    check(structure.get_value("schema") == 1 and structure.get_value("version") == 7, "version")
    check(structure.get_value("encoder") == "encoder", "encoder")
    check(structure.get_value("dim") == 64, "dim")
    regions = structure.get_value("regions")
    check(regions.n_fields() == 2, "regions", regions.n_fields())
    region = regions.get_value("region-0")
    expected = {"x": 0.25, "y": 0.5, "width": 0.5, "height": 0.25, "key": 2**40 + number,
                "roi-id": -1, "cluster": number, "uuid": UUID, "label": "café",
                "confidence": 0.75, "distance": 1.5, "novel": True, "stale": False}
    for name, value in expected.items():
        check(region.get_value(name) == value, name, region.get_value(name))


def check_frame(buffer, number):
    check_embeddings(buffer)
    check_results_by_library(buffer, number)
    check_results_without_library(buffer, number)


def on_buffer(_pad, info, seen):
    check_frame(info.get_buffer(), len(seen))
    seen.append(True)
    return Gst.PadProbeReturn.OK


def main():
    Gst.init(None)
    if not Gst.ElementFactory.find("embed"):
        print("failed: no element embed: is GST_PLUGIN_PATH set?")
        return 1
    pipeline = Gst.parse_launch(
        "appsrc name=in format=time caps=video/x-raw,format=I420,width=64,height=48,framerate=25/1 "
        "! embed inference-region=tiles tiles=2x2 ! videoconvert ! video/x-raw,format=RGB "
        "! identity name=probe ! appsink name=out sync=false")
    seen = []
    pipeline.get_by_name("probe").get_static_pad("src").add_probe(
        Gst.PadProbeType.BUFFER, on_buffer, seen)
    pipeline.set_state(Gst.State.PLAYING)
    source, sink = pipeline.get_by_name("in"), pipeline.get_by_name("out")
    for number in range(FRAMES):
        check(source.emit("push-buffer", frame(number)) == Gst.FlowReturn.OK, "push")
        sample = sink.emit("try-pull-sample", 20 * Gst.SECOND)
        check(sample is not None, "no sample")
        check_frame(sample.get_buffer(), number)
    source.emit("end-of-stream")
    pipeline.set_state(Gst.State.NULL)
    check(len(seen) == FRAMES, "probe saw", len(seen))
    print(f"{FRAMES} frames read in a probe and from an appsink")
    return 0


if __name__ == "__main__":
    sys.exit(main())
