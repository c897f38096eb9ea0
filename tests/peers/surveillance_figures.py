#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How well things that move are grouped on real clips.

surveillance_figures.py DRIFTCLUSTER ADAPTER_RUN DATA [--encoders descriptor trained NET.onnx ...]
                        [--questions tracks kinds light]

The clips of DATA/video, every third frame. Three questions, each to the adapting stream (all defaults), to
the same centroids frozen after the warm-up of 256, and to k-means on all embeddings at once, which sees the
future and makes no stream:
  tracks  does a thing keep its group? Share of the links between a thing's neighbouring regions with the same
          group (and by chance), and of a thing's regions in its commonest group; persons of PETS 2009 in the
          boxes of a detector, linked by overlap, and in those of find-motion; 4 groups
  kinds   are kinds apart when clips are joined? Cars, persons, bottles (and the hand that moves them) of
          find-motion, in turns of 50 regions; NMI and purity of 6 groups
  light   do groups hold when light or camera change? The PETS boxes twice, the second time changed;
          share of the boxes that have the group of the first time: mean, least and most of eight streams that
          begin 0, 50 ... 350 boxes into the clip, since groups depend on what the warm-up has seen
The encoder `trained` is an autoencoder of 16 numbers learnt by `driftcluster train` on the unlabelled regions of
find-motion in the same clips. Labels (tracks, kinds) are for scoring alone. One JSON object a line.
"""
import argparse
import base64
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import cv2
    import numpy
    from sklearn.cluster import KMeans
    from sklearn.metrics import normalized_mutual_info_score
    import gi
    gi.require_version("Gst", "1.0")
    gi.require_version("GstVideo", "1.0")
    from gi.repository import Gst, GstVideo
except (ImportError, ValueError) as problem:
    print(f"needs python3-opencv, python3-sklearn and the bindings of GStreamer: {problem}")
    sys.exit(77)

from person_retrieval import follow, read_boxes

PETS = "pets09-s2l1-view001-480x360.mp4"
KINDS = {"car": "car-detection.mp4", "person": "one-by-one-person-detection.mp4",
         "bottle": "bottle-detection.mp4"}
CHANGES = {
    "night": "videobalance brightness=-0.2 contrast=0.6 saturation=0.4 ! gamma gamma=0.7 !",
    "other camera": "videobalance contrast=1.3 saturation=1.5 hue=0.08 ! gamma gamma=1.3 !",
    "noise": "videobalance contrast=0.8 !",
}
NOISE = {"noise": 12.0}
EVERY, WARM_UP, TURN, MOST = 3, 256, 50, 700
STARTS = range(0, 400, 50)


def wait(pipeline):
    message = pipeline.get_bus().timed_pop_filtered(600 * Gst.SECOND,
                                                    Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if not message or message.type != Gst.MessageType.EOS:
        sys.exit(f"a pipeline failed: {message and message.parse_error()}")


def read_results(path):
    """(frame, track, box, embedding) of each region that has an embedding."""
    for line in path.read_text().splitlines():
        line = json.loads(line)
        for region in line["regions"]:
            if region["embedding"]:
                vector = numpy.frombuffer(base64.b64decode(region["embedding"]), "<f4")
                yield line["frame"], region["region_id"], [region[s] for s in "xywh"], vector


class Studio:
    """Makes and remembers embeddings."""

    def __init__(self, data, encoder, scratch):
        self.video, self.scratch = data / "video", scratch
        self.model = f"model-file={encoder}" if encoder else ""

    def embed(self):
        return (f"embed inference-region=roi-list shed-late=false {self.model} ! publish-clusters "
                f"embeddings=base64 location={self.scratch}/out.jsonl ! fakesink")

    def moving(self, clip):
        """Regions of find-motion, which sees every frame; every third one is embedded."""
        line = self.embed().replace("embed ", f"embed inference-interval={EVERY} ", 1)
        pipeline = Gst.parse_launch(f"filesrc location={self.video / clip} ! decodebin ! videoconvert ! "
                                    f"video/x-raw,format=I420 ! find-motion ! {line}")
        pipeline.set_state(Gst.State.PLAYING)
        wait(pipeline)
        return list(read_results(self.scratch / "out.jsonl"))

    def boxed(self, change=None):
        """The detector's persons in PETS, the pictures changed or as they are."""
        boxes = read_boxes(self.video / PETS.replace("-480x360.mp4", "-det.txt"))
        numbers = follow(boxes)
        decode = Gst.parse_launch(f"filesrc location={self.video / PETS} ! decodebin ! videoconvert ! "
                                  f"{CHANGES.get(change, '')} videoconvert ! video/x-raw,format=RGB ! "
                                  "appsink name=frames sync=false max-buffers=4")
        group = Gst.parse_launch(f"appsrc name=frames format=time block=true ! {self.embed()}")
        decode.set_state(Gst.State.PLAYING)
        group.set_state(Gst.State.PLAYING)
        source, sink = group.get_by_name("frames"), decode.get_by_name("frames")
        random, frame = numpy.random.default_rng(1), 0
        while sample := sink.emit("pull-sample"):
            if frame % EVERY == 0:
                source.set_property("caps", sample.get_caps())
                source.emit("push-buffer", self.with_boxes(sample.get_buffer(), boxes[frame], frame, numbers,
                                                           NOISE.get(change), random))
            frame += 1
        source.emit("end-of-stream")
        decode.set_state(Gst.State.NULL)
        wait(group)
        return list(read_results(self.scratch / "out.jsonl"))

    @staticmethod
    def with_boxes(shared, boxes, frame, numbers, noise, random):
        """A copy that nobody else holds, since only that takes metadata."""
        pixels = shared.extract_dup(0, shared.get_size())
        if noise:
            values = numpy.frombuffer(pixels, numpy.uint8) + random.normal(0, noise, len(pixels))
            pixels = numpy.clip(values, 0, 255).astype(numpy.uint8).tobytes()
        buffer = Gst.Buffer.new_wrapped(pixels)
        buffer.pts, buffer.duration = shared.pts, shared.duration
        for index, (x, y, width, height) in enumerate(boxes):
            roi = GstVideo.buffer_add_video_region_of_interest_meta(
                buffer, "person", max(round(x), 0), max(round(y), 0), max(round(width), 1),
                max(round(height), 1))
            roi.id = 1 + numbers[frame, index]
        return buffer


class Methods:
    """Labels of a stream of embeddings; -1 where there are none yet."""

    def __init__(self, program, scratch):
        self.program, self.scratch = program, scratch

    def adapter(self, vectors, clusters, method):
        vectors.astype("<f4").tofile(self.scratch / "stream.f32")
        subprocess.run([self.program, self.scratch, str(vectors.shape[1]), str(clusters),
                        f"method={method}", f"warm-up={WARM_UP}"], check=True, stdout=subprocess.DEVNULL)
        return numpy.fromfile(self.scratch / "labels.u32", numpy.uint32).astype(numpy.int32)

    def all(self, vectors, clusters):
        return {"adapting": self.adapter(vectors, clusters, "transport"),
                "frozen": self.adapter(vectors, clusters, "none"),
                "k-means of all": KMeans(clusters, n_init=10, random_state=0).fit(vectors).labels_}


def stack(regions):
    return numpy.stack([region[3] for region in regions])


def say(encoder, question, method, **figures):
    print(json.dumps({"encoder": encoder, "question": question, "method": method,
                      **{key: round(value, 3) if isinstance(value, float) else value
                         for key, value in figures.items()}}), flush=True)


def score_tracks(tracks, labels):
    links = kept = own = 0
    last, groups = {}, collections.defaultdict(collections.Counter)
    for track, label in zip(tracks, labels):
        if label < 0:
            continue
        if track in last:
            links += 1
            kept += last[track] == label
        last[track] = label
        groups[track][label] += 1
    total = sum(sum(group.values()) for group in groups.values())
    own = sum(max(group.values()) for group in groups.values())
    shares = numpy.bincount([label for label in labels if label >= 0]) / total
    return {"links": links, "kept": kept / links, "chance": float((shares ** 2).sum()), "own": own / total}


def compare_tracks(encoder, question, regions, methods):
    tracks = [region[1] for region in regions]
    for name, labels in methods.all(stack(regions), 4).items():
        labels = numpy.where(numpy.arange(len(labels)) < WARM_UP, -1, labels)
        say(encoder, question, name, **score_tracks(tracks, labels))


def take_turns(clips):
    """Regions of the clips, TURN of each in turn, with the number of the clip."""
    clips = [regions[:MOST] for regions in clips]
    for start in range(0, MOST, TURN):
        for kind, regions in enumerate(clips):
            for region in regions[start:start + TURN]:
                yield kind, region


def purity(kinds, labels):
    pairs = collections.Counter(zip(labels, kinds))
    return sum(max(pairs[label, kind] for kind in set(kinds)) for label in set(labels)) / len(labels)


def compare_kinds(encoder, studio, methods):
    mixed = list(take_turns([studio.moving(clip) for clip in KINDS.values()]))
    kinds = [kind for kind, _ in mixed][WARM_UP:]
    for name, labels in methods.all(stack([region for _, region in mixed]), 6).items():
        labels = labels[WARM_UP:].tolist()
        say(encoder, "kinds", name, regions=len(labels), purity=purity(kinds, labels),
            nmi=float(normalized_mutual_info_score(kinds, labels)))


def compare_light(encoder, studio, methods, usual):
    first = stack(usual)
    for change in CHANGES:
        second = stack(studio.boxed(change))
        if len(second) != len(first):
            sys.exit(f"{len(first)} embeddings, but {len(second)} under {change}")
        for name, method in (("adapting", "transport"), ("frozen", "none")):
            shares = [share_kept(first[start:], second[start:], methods, method) for start in STARTS]
            say(encoder, f"light: {change}", name, same=float(numpy.mean(shares)), least=min(shares),
                most=max(shares))


def share_kept(first, second, methods, method):
    """The share of the boxes that have the group of the first time, of those after the warm-up."""
    labels = methods.adapter(numpy.concatenate([first, second]), 4, method)
    same = labels[:len(first)] == labels[len(first):]
    return float(same[WARM_UP:].mean())


def learn(program, data, scratch):
    """An encoder learnt on the regions that find-motion sees in all of the clips."""
    studio, folder = Studio(data, None, scratch), scratch / "regions"
    folder.mkdir()
    for clip in (PETS, *KINDS.values()):
        boxes = collections.defaultdict(list)
        for frame, _, box, _ in studio.moving(clip):
            boxes[frame].append(box)
        capture, frame, written = cv2.VideoCapture(str(studio.video / clip)), 0, 0
        while written < MOST and (read := capture.read())[0]:
            for x, y, width, height in boxes.get(frame, []):
                cv2.imwrite(f"{folder}/{clip[:4]}-{written:05d}.png", read[1][y:y + height, x:x + width])
                written += 1
            frame += 1
    model = scratch / "trained.safetensors"
    subprocess.run([program, "train", "--method", "ae", "--clusters", "6", "--width", "16", "--epochs", "30",
                    "--threads", "2", "--output", model, folder], check=True, stdout=subprocess.DEVNULL)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("adapter")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--encoders", nargs="+", default=["descriptor", "trained"])
    parser.add_argument("--questions", nargs="+", default=["tracks", "kinds", "light"])
    options = parser.parse_args()
    if not (options.data / "video" / PETS).exists():
        print(f"{options.data / 'video'} is not there")
        return 77
    Gst.init(None)
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        methods = Methods(options.adapter, scratch)
        for encoder in options.encoders:
            file = {"descriptor": None}.get(encoder, encoder)
            if encoder == "trained":
                file = learn(options.program, options.data, scratch)
            studio, name = Studio(options.data, file, scratch), pathlib.Path(encoder).stem
            usual = studio.boxed()
            if "tracks" in options.questions:
                compare_tracks(name, "tracks, boxes given", usual, methods)
                compare_tracks(name, "tracks, find-motion", studio.moving(PETS), methods)
            if "kinds" in options.questions:
                compare_kinds(name, studio, methods)
            if "light" in options.questions:
                compare_light(name, studio, methods, usual)
    return 0


if __name__ == "__main__":
    sys.exit(main())
