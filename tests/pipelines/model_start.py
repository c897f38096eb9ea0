#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A model that `driftcluster train` made, in a pipeline: its attention and its source are used there.

    model_start.py GST_LAUNCH DRIFTCLUSTER ADAPTER_RUN

Trains a small tdcm model on pictures of three kinds, sends a stream of darker ones through
embed ! adapt-centroids ! assign, and compares the labels with those of an adapter of the core on the
embeddings of `driftcluster embed`. Skipped (77) without numpy.
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

try:
    import numpy
except ImportError:
    sys.exit(77)

SIZE = 8
FRAMES = 600


def make_pictures(count, dark, seed):
    """Bars in one of three places, noise, and `dark` (0..1 at the end of the stream) less light."""
    random = numpy.random.default_rng(seed)
    kinds = random.integers(0, 3, count)
    pictures = random.normal(60, 12, (count, SIZE, SIZE))
    for picture, kind in zip(pictures, kinds):
        picture[:, 3 * kind:3 * kind + 2] += 110
    fade = 1 - dark * numpy.linspace(0, 1, count)
    return numpy.clip(pictures * fade[:, None, None], 0, 255).astype(numpy.uint8)


def write_idx(path, pictures):
    path.write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, *pictures.shape) + pictures.tobytes())


def run(*command, cwd):
    done = subprocess.run([str(part) for part in command], cwd=cwd, timeout=120, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        sys.exit(f"{' '.join(str(part) for part in command)}: {done.stdout}")
    return done.stdout


def labels_of_pipeline(launch, folder, method, model_file):
    line = (f"filesrc location=stream.gray ! rawvideoparse width={SIZE} height={SIZE} format=gray8 "
            "framerate=25/1 ! embed model-file=model.safetensors ! "
            f"adapt-centroids method={method} {model_file} clusters=3 ! assign ! "
            "publish-clusters location=out.jsonl ! fakesink")
    run(launch, "-q", *line.split(), cwd=folder)
    lines = (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    clusters = [json.loads(line)["regions"][0]["cluster"] for line in lines]
    return [cluster["id"] if cluster else -1 for cluster in clusters]


def labels_of_core(program, folder, method, dim, model):
    run(program, folder, dim, 3, f"method={method}", "late", *model, cwd=folder)
    return numpy.fromfile(folder / "labels.u32", numpy.uint32).astype(int).tolist()


def check(launch, driftcluster, program, folder):
    write_idx(folder / "one-idx3-ubyte", make_pictures(300, 0, 1))
    write_idx(folder / "two-idx3-ubyte", make_pictures(300, 0.3, 2))
    stream = make_pictures(FRAMES, 0.6, 3)
    write_idx(folder / "stream-idx3-ubyte", stream)
    (folder / "stream.gray").write_bytes(stream.tobytes())
    run(driftcluster, "train", "-m", "tdcm", "-k", 3, "-d", 4, "-s", "network=dense", "-s",
        "pretrain-epochs=3", "-s", "steps=200", "--threads", 1, "-o", "model.safetensors",
        "one-idx3-ubyte", "two-idx3-ubyte", cwd=folder)
    told = run(driftcluster, "inspect", "model.safetensors", cwd=folder)
    assert "attention" in told and "source" in told, told
    run(driftcluster, "embed", "-m", "model.safetensors", "-o", "codes.npy", "stream-idx3-ubyte",
        cwd=folder)
    codes = numpy.load(folder / "codes.npy")
    codes.astype("<f4").tofile(folder / "stream.f32")
    model = ["model=model.safetensors"]
    for method in ("attention", "transport", "mixture", "secu"):
        found = labels_of_pipeline(launch, folder, method, "model-file=model.safetensors")
        expected = labels_of_core(program, folder, method, codes.shape[1], model)
        assert len(found) == FRAMES, f"{method}: {len(found)} labels"
        assert found == expected, f"{method}: {sum(a != b for a, b in zip(found, expected))} differ"
        assert len(set(found)) == 3, f"{method}: only clusters {set(found)}"
    learned = labels_of_core(program, folder, "attention", codes.shape[1], model)
    codes_of_start = learned_centroids(folder)
    codes_of_start.astype("<f4").tofile(folder / "centroids.f32")
    analytic = labels_of_core(program, folder, "attention", codes.shape[1], ["given"])
    assert learned != analytic, "the trained attention labels as the analytic one"


def learned_centroids(folder):
    """The centroids in the model file."""
    data = (folder / "model.safetensors").read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    entry = json.loads(data[8:8 + length])["centroids"]
    first, last = entry["data_offsets"]
    return numpy.frombuffer(data[8 + length + first:8 + length + last], "<f4")


def main():
    with tempfile.TemporaryDirectory() as name:
        programs = [pathlib.Path(argument).resolve() for argument in sys.argv[1:4]]
        check(*programs, pathlib.Path(name))


if __name__ == "__main__":
    main()
