# SPDX-License-Identifier: LGPL-2.1-or-later
"""Picture files made of nothing, for tests of collections."""
import itertools
import math
import pathlib
import random
import struct
import subprocess
import zlib


def chunk(kind, data):
    """A part of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(rows, bits=8, colour=2):
    """A PNG of `rows`, a list of byte strings; colour 2 is RGB, 6 RGBA."""
    channels = {0: 1, 2: 3, 6: 4}[colour]
    width = len(rows[0]) // channels // (bits // 8)
    header = struct.pack(">IIBBBBB", width, len(rows), bits, colour, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
            + chunk(b"IEND", b""))


def plain(colour, side=24, height=None):
    """A PNG of one colour, (red, green, blue)."""
    return png([bytes(colour) * side] * (height or side))


def stripes(colour, number, side=32):
    """Stripes of a colour on black; pictures of one colour differ a little by `number`."""
    lit, dark = bytes(colour), bytes([number % 50, number % 40, number % 30])
    rows = []
    for y in range(side):
        on = (y // (3 + number % 3)) % 2 == 0
        rows.append((lit if on else dark) * side)
    return png(rows)


COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 60, 220)}


def kinds(folder, each=12):
    """Fills a folder with three kinds of pictures, `each` of each."""
    folder = pathlib.Path(folder)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            (folder / name / f"{name}-{number:02}.png").write_bytes(stripes(colour, number))


def hidden_kinds(folder, each=30, first=0):
    """Fills a folder with eight kinds of pictures that only their mean colour tells apart: a wave of
    any colour and direction, whole periods of it, lies over each."""
    places = random.Random(first)
    for kind, means in enumerate(itertools.product((100, 150), repeat=3)):
        (pathlib.Path(folder) / f"kind-{kind}").mkdir(parents=True, exist_ok=True)
        for number in range(first, first + each):
            across, down = places.choice([(1, 0), (0, 1), (1, 1), (1, -1), (2, 1), (1, 2), (2, -1), (-1, 2)])
            heights = [places.uniform(-90, 90) for _ in means]
            phase = places.uniform(0, 2 * math.pi)
            waves = [[math.cos(2 * math.pi * (across * x + down * y) / 32 + phase) for x in range(32)]
                     for y in range(32)]
            rows = [bytes(round(mean + height * wave) for wave in row for mean, height in zip(means, heights))
                    for row in waves]
            (pathlib.Path(folder) / f"kind-{kind}/{number:03}.png").write_bytes(png(rows))


def encoded(path, encoder, width=48, height=32):
    """Writes a picture by GStreamer's `encoder`; False where that is not installed."""
    made = subprocess.run(
        ["gst-launch-1.0", "-q", "videotestsrc", "num-buffers=1", "pattern=smpte", "!",
         f"video/x-raw,width={width},height={height}", "!", "videoconvert", "!",
         *encoder.split(), "!", "filesink", f"location={path}"], capture_output=True, timeout=60)
    return made.returncode == 0 and pathlib.Path(path).stat().st_size > 0


def turned(jpeg, orientation):
    """A JPEG with EXIF data that say how it is to be turned."""
    exif = (b"Exif\0\0" + b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1)
            + struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0) + struct.pack("<I", 0))
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def bombs():
    """Files of some bytes that claim gigabytes of pixels."""
    return {
        "bomb.png": (b"\x89PNG\r\n\x1a\n"
                     + chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(bytes(1 << 20)))),
        "bomb.gif": b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\0" * 40,
        "bomb.jpg": (b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 17, 8, 65000, 65000, 3)
                     + b"\1\x22\0\2\x11\1\3\x11\1" + b"\xff\xd9"),
        "bomb.webp": (b"RIFF" + struct.pack("<I", 40) + b"WEBPVP8X" + struct.pack("<I", 10)
                      + b"\0\0\0\0" + b"\xff\xff\xff" + b"\xff\xff\xff" + b"\0" * 20),
        "bomb.bmp": b"BM" + struct.pack("<IHHIIiiHHIIIIII", 100, 0, 0, 54, 40, 50000, -50000, 1, 24,
                                        0, 0, 0, 0, 0, 0),
        "bomb.tif": (b"II*\0" + struct.pack("<IH", 8, 2) + struct.pack("<HHII", 256, 4, 1, 60000)
                     + struct.pack("<HHII", 257, 4, 1, 60000) + b"\0" * 8),
    }
