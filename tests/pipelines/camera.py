#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the recipe for a camera as a user would, with cameras that go away or say nothing: camera.py RECIPES BUILD_FOLDER"""
import os
import signal
import socket

from recipe import RecipeTest, main


class CameraTest(RecipeTest):
    def test_a_camera_that_goes_away_is_called_again(self):
        recording, output = self.scene("camera", "--seconds", 25), self.home / "out"
        camera, port = self.camera(recording)
        # A slow computer needs a while to empty the queues after Ctrl-C.
        recipe = self.start("surveillance", f"rtsp://127.0.0.1:{port}/camera", "--output", output,
                            "--patience", 20)
        try:
            self.wait_for_lines(output / "results.jsonl", 50)
            camera.kill()
            camera.wait()
            self.camera(recording, port)
            # What the first connection had in its queues comes out before the second one is made.
            self.wait_for_file(output / "video-2.webm")
            before = self.wait_for_lines(output / "results.jsonl", 50)
            self.wait_for_lines(output / "results.jsonl", before + 50)
        finally:
            os.killpg(recipe.pid, signal.SIGINT)
            text, _ = recipe.communicate(timeout=300)  # queues are emptied first
        self.assertIn("Calling again in 1 s", text)
        self.assert_video(output / "video-1.webm")
        self.assert_video(output / "video-2.webm")

    def test_what_was_recorded_stays_when_the_recipe_is_started_again(self):
        _, port = self.camera(self.scene("camera", "--seconds", 10))
        output = self.home / "out"
        output.mkdir()
        earlier = {name: output / name for name in ("results.jsonl", "video-2.webm", "video-10.webm", "video-own.webm")}
        for name, path in earlier.items():
            path.write_text(f"{name} of last time\n")
        recipe = self.start("surveillance", f"rtsp://127.0.0.1:{port}/camera", "--output", output, "--patience", 20)
        try:
            self.wait_for_lines(output / "results.jsonl", 50)
        finally:
            self.end(recipe)
        for name, path in earlier.items():
            self.assertTrue(path.read_text().startswith(f"{name} of last time\n"))
        self.assert_video(output / "video-11.webm")
        self.assertFalse((output / "video-1.webm").exists())

    def test_lines_of_last_time_are_no_pictures_of_now(self):
        output = self.home / "out"
        output.mkdir()
        (output / "results.jsonl").write_text("{}\n")
        recipe = self.start("surveillance", "rtsp://127.0.0.1:9/none", "--output", output)
        try:
            self.read_until(recipe, "Calling again in 1 s")
        finally:
            text = self.end(recipe)
        self.assertEqual(recipe.returncode, 1)
        self.assertIn("no picture has come", text)

    def read_until(self, recipe, expected):
        """What the recipe says up to and with the line that has `expected`."""
        text = ""
        while expected not in text:
            line = recipe.stdout.readline()
            self.assertTrue(line, f"{expected!r} is not said, but {text}")
            text += line
        return text

    def end(self, recipe, number=signal.SIGINT):
        """Ctrl-C, or the signal that a service manager sends: all but a minute would be a hang."""
        os.killpg(recipe.pid, number)
        text, _ = recipe.communicate(timeout=60)
        return text

    def test_a_camera_that_falls_silent_is_called_again(self):
        recording, output = self.scene("camera", "--seconds", 10), self.home / "out"
        camera, port = self.camera(recording)
        recipe = self.start("surveillance", f"rtsp://127.0.0.1:{port}/camera", "--output", output,
                            "--patience", 2)
        try:
            self.wait_for_lines(output / "results.jsonl", 50)
            camera.send_signal(signal.SIGSTOP)
            self.assertIn("Watchdog", self.read_until(recipe, "Calling again in 1 s"))
            self.assert_video(output / "video-1.webm")
        finally:
            self.end(recipe)
        self.assertEqual(recipe.returncode, 0)
        self.assertFalse((output / "video-2.webm").exists())

    def test_ctrl_c_ends_the_call_of_a_silent_camera(self):
        # The system takes the call, and nobody says anything.
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/none"
            recipe = self.start("surveillance", address, "--output", self.home / "out", "--patience", 1)
            try:
                text = self.read_until(recipe, "Calling again in 1 s")
                self.assertIn("The camera cannot be reached", text)
                self.read_until(recipe, "Calling")
            finally:
                text = self.end(recipe)
        self.assertEqual(recipe.returncode, 1)
        self.assertIn("no picture has come", text)
        self.assertNotIn("Killed", text)

    def test_a_signal_ends_the_pause_between_calls(self):
        recipe = self.start("surveillance", "rtsp://127.0.0.1:9/none", "--output", self.home / "out")
        try:
            self.read_until(recipe, "Calling again in 2 s")
        finally:
            text = self.end(recipe, signal.SIGTERM)
        self.assertEqual(recipe.returncode, 1)
        self.assertIn("no picture has come", text)

    def test_two_cameras_of_which_one_is_dead(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/none"
            self.assert_fails("The camera cannot be reached", "two-cameras", address, "rtsp://127.0.0.1:9/none",
                              "--output", self.home / "out")

    def test_nobody_answers(self):
        self.assert_fails("The camera cannot be reached", "surveillance", "rtsp://127.0.0.1:9/none", "--output",
                          self.home / "out", "--retries", 2)


if __name__ == "__main__":
    main()
