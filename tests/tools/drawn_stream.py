# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stream of drawn frames, sent one by one as a camera would, whose groups gallery-sink shows."""
import subprocess

WIDTH, HEIGHT = 64, 48
COLOURS = ((220, 40, 40), (40, 190, 60), (50, 70, 220))
WARM_UP = 30


def frame(kind, number):
    """A picture of one of three kinds, R G B; those of a kind differ a little."""
    lit = bytes(max(0, part - number % 7 * 3) for part in COLOURS[kind])
    dark = bytes([number % 20] * 3)
    return b"".join((lit if (y // (6 + kind)) % 2 else dark) * WIDTH for y in range(HEIGHT))


class Stream:
    """A pipeline that writes the gallery in the folder `output`; `labels` is a file of names."""

    def __init__(self, launch, output, title="Three kinds", labels=None, edits=False):
        assign = ["assign", "novelty-threshold=0.01"] + ([f"labels-file={labels}"] if labels else [])
        self.sent = 0
        self.pipeline = subprocess.Popen(
            [launch, "-q", "fdsrc", "!", "rawvideoparse", f"width={WIDTH}", f"height={HEIGHT}",
             "format=rgb", "framerate=5/1", "!", "embed", "!", "adapt-centroids", "clusters=3",
             f"warm-up={WARM_UP}", "async=false", "!", *assign, "!", "gallery-sink",
             f"location={output}", f"title={title}", "interval=100000000",
             f"edits={'true' if edits else 'false'}"], stdin=subprocess.PIPE)

    def send(self, count, kinds=(0, 1, 2)):
        for _ in range(count):
            self.pipeline.stdin.write(frame(kinds[self.sent % len(kinds)], self.sent))
            self.sent += 1
        self.pipeline.stdin.flush()

    def send_warm_up(self):
        self.send(WARM_UP + 30)

    def end(self):
        """Ends the stream in good order; the exit status of the pipeline."""
        self.pipeline.stdin.close()
        return self.pipeline.wait(30)

    def kill(self):
        if self.pipeline.poll() is None:
            self.pipeline.kill()
            self.pipeline.wait()
        if not self.pipeline.stdin.closed:
            self.pipeline.stdin.close()
