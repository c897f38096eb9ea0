#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the pictures of points in docs/images/ anew, and prints the figures that go with them.

    toys.py DRIFTCLUSTER [FOLDER]     FOLDER: where the pictures go, docs/images by default

Everything is drawn, learnt and evaluated by the program DRIFTCLUSTER; its pictures are only
cropped and put together here. Takes a few minutes on one core.
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
DOMAINS = 10  # that tdcm learns on; the next one is unseen
MARGIN = 16  # white rows above and below the points

# What learns in the plane: a code of two numbers. The Dirichlet prior of ae-cm is per batch.
METHODS = {
    "cm": ["-s", "start=pretrained", "-s", "alpha=10", "-b", "100"],
    "ae-cm": ["-d", "2", "-e", "100", "-b", "50", "-s", "alpha=20", "-s", "beta=5"],
    "dekm": ["-d", "2", "-e", "100"],
}


class Toys:
    def __init__(self, program, folder):
        self.program = program
        self.folder = folder

    def path(self, name):
        return str(self.folder / name)

    def run(self, *arguments):
        return subprocess.run([self.program, *arguments], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True).stdout

    def points(self, name, *options):
        """Draws points to NAME.npy, and a picture of them to NAME.png."""
        self.run("points", "-o", self.path(f"{name}.npy"), "-p", self.path(f"{name}.png"), *options)

    def train(self, method, clusters, names, *options):
        """The same on every machine of the same kind: one thread."""
        model = self.path(f"{method}-{names[0]}.safetensors")
        self.run("train", "-m", method, "-k", str(clusters), "--threads", "1", *options, "-o", model,
                 *(self.path(f"{name}.npy") for name in names))
        return model

    def evaluate(self, title, name, *options):
        """Prints the accuracies of all lines of the table; returns the folder of their pictures."""
        pictures = self.path(f"{title}-{name}")
        found = json.loads(self.run("evaluate", "--json", "-p", pictures, *options,
                                    self.path(f"{name}.npy")))
        lines = {"k-means" if "-k" in options else "as trained": found, "adapted": found["adapted"]}
        lines.update((line["method"], line) for line in found.get("baselines", []))
        figures = "  ".join(f"{key} {100 * line['acc']:.1f}" for key, line in lines.items())
        print(f"{name}, {title}, ACC in percent: {figures}", flush=True)
        return pathlib.Path(pictures)


def read_png(path):
    """Rows of (red, green, blue) of a picture of 8 bits without interlacing."""
    data = path.read_bytes()
    position, packed = len(SIGNATURE), b""
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        content = data[position + 8:position + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colours, _, _, interlace = struct.unpack(">IIBBBBB", content)
            assert (depth, interlace) == (8, 0) and colours in (2, 6)
        elif kind == b"IDAT":
            packed += content
        position += length + 12
    size = 3 if colours == 2 else 4
    values, before, rows = zlib.decompress(packed), bytes(width * size), []
    for y in range(height):
        start = y * (width * size + 1)
        before = unfilter(values[start], bytearray(values[start + 1:start + 1 + width * size]),
                          before, size)
        rows.append([tuple(before[x:x + 3]) for x in range(0, width * size, size)])
    return rows


def unfilter(kind, row, before, size):
    """PNG specification, section 9."""
    for i in range(len(row)) if kind else ():
        left = row[i - size] if i >= size else 0
        corner = before[i - size] if i >= size else 0
        up = before[i]
        near = min((left, up, corner), key=lambda value: abs(left + up - corner - value))
        row[i] = (row[i] + (0, left, up, (left + up) // 2, near)[kind]) & 255
    return row


def write_png(path, rows):
    """With a palette, which is enough for points in a few colours."""
    palette = sorted({pixel for row in rows for pixel in row})
    assert len(palette) <= 256
    index = {pixel: i for i, pixel in enumerate(palette)}
    packed = zlib.compress(b"".join(b"\0" + bytes(index[pixel] for pixel in row) for row in rows), 9)
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 3, 0, 0, 0)
    with open(path, "wb") as stream:
        stream.write(SIGNATURE)
        for kind, content in ((b"IHDR", header), (b"PLTE", bytes(v for p in palette for v in p)),
                              (b"IDAT", packed), (b"IEND", b"")):
            stream.write(struct.pack(">I", len(content)) + kind + content +
                         struct.pack(">I", zlib.crc32(kind + content)))


def arrange(paths, output):
    """Two by two, without the empty rows above and below."""
    panels = [read_png(path) for path in paths]
    drawn = [y for panel in panels for y, row in enumerate(panel) if len(set(row)) > 1]
    first, last = max(min(drawn) - MARGIN, 0), max(drawn) + MARGIN
    pairs = zip(panels[::2], panels[1::2])
    write_png(output, [left[y] + right[y] for left, right in pairs
                       for y in range(first, min(last, len(left)))])


def two_groups(toys, shape, output):
    """As drawn, k-means, ae-cm, dekm."""
    toys.points(shape, "-s", shape)
    plain = toys.evaluate("no model", shape, "-k", "2", "-b")
    panels = [pathlib.Path(toys.path(f"{shape}.png")), plain / "k-means-anew.png"]
    for method, options in METHODS.items():
        model = toys.train(method, 2, [shape], *options)
        pictures = toys.evaluate(method, shape, "-m", model)
        if method != "cm":  # it looks as k-means does
            panels.append(pictures / "as-trained.png")
    arrange(panels, output / f"{shape}.png")


def domains(toys, output):
    """As drawn, k-means, a mixture, tdcm; all but the last learn on the domain itself."""
    names = [f"domain-{i}" for i in range(DOMAINS + 1)]
    for i, name in enumerate(names):
        toys.points(name, "-s", "anisotropic", "--domain", str(i), "-n", "400")
    unseen = names.pop()
    model = toys.train("tdcm", 4, names)
    pictures = toys.evaluate("tdcm", unseen, "-m", model, "-b")
    arrange([pathlib.Path(toys.path(f"{unseen}.png")), pictures / "k-means-anew.png",
             pictures / "full-mixture-anew.png", pictures / "adapted.png"], output / "domains.png")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    here = pathlib.Path(__file__).resolve().parent
    output = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else here / "images"
    with tempfile.TemporaryDirectory() as folder:
        toys = Toys(str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(folder))
        domains(toys, output)
        for shape in ("moons", "rings"):
            two_groups(toys, shape, output)


if __name__ == "__main__":
    main()
