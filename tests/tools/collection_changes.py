#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Collections that change: pictures that come and leave, and encoders that are learnt.

collection_changes.py DRIFTCLUSTER
"""
import itertools
import os
import shutil
import signal
import subprocess
import threading
import time
import unittest

import drawn
from collection_case import NOBODY, PROGRAM, CollectionTest, main, run, wait_for
from onnx_files import mean_network


class ArrivalTest(CollectionTest):
    def grouped(self):
        """How many pictures there were when the groups were found last."""
        return self.query("SELECT value FROM meta WHERE key = 'grouped'")[0][0]

    def two_kinds(self):
        drawn.kinds(self.folder, each=40)
        (self.folder / "blue").rename(self.home / "blue")
        self.made("--groups", "3")
        self.assertEqual(self.grouped(), 80)

    def assert_kinds_are_groups(self):
        kinds = [{path.split("/")[0] for path in paths} for paths in self.paths_by_group()]
        self.assertEqual(sorted(map(sorted, kinds)), [["blue"], ["green"], ["red"]])

    def test_pictures_of_a_new_kind_get_a_group(self):
        self.two_kinds()
        (self.home / "blue").rename(self.folder / "blue")
        self.made("--groups", "3")
        self.assertEqual(self.grouped(), 120)
        self.assert_kinds_are_groups()

    def test_pictures_of_a_new_kind_get_a_group_while_watching(self):
        self.two_kinds()
        self.watch("--groups", "3")
        (self.home / "blue").rename(self.folder / "blue")
        wait_for(lambda: self.data()["pictures"] == 120 and len(self.paths_by_group()) == 3)
        wait_for(lambda: self.grouped() > 80)
        self.assert_kinds_are_groups()

    def test_pictures_of_known_kinds_are_placed_only(self):
        self.two_kinds()
        before = {group["uuid"]: group["name"] for group in self.data()["groups"]}
        for number in range(40, 70):
            (self.folder / f"red/red-{number}.png").write_bytes(drawn.stripes(drawn.COLOURS["red"], number))
        self.made("--groups", "3")
        self.assertEqual(self.data()["pictures"], 110)
        self.assertEqual(self.grouped(), 80)
        self.assertEqual({group["uuid"]: group["name"] for group in self.data()["groups"]}, before)

    def test_a_few_strange_pictures_are_outliers(self):
        self.two_kinds()
        for number in range(5):
            (self.folder / f"other-{number}.png").write_bytes(drawn.stripes(drawn.COLOURS["blue"], number))
        self.made("--groups", "3")
        self.assertEqual(self.grouped(), 80)
        self.assertGreaterEqual(self.data()["outliers"], 5)


class WatchTest(CollectionTest):
    def test_pictures_come_and_leave_within_a_second(self):
        drawn.kinds(self.folder)
        self.watch("--groups", "3")
        started = time.monotonic()
        (self.folder / "came.png").write_bytes(drawn.stripes(drawn.COLOURS["blue"], 9))
        newest = wait_for(lambda: [path for _, path, _ in self.data()["newest"]])
        took = time.monotonic() - started
        self.assertEqual(newest, ["came.png"])
        self.assertLess(took, 5)  # a second, on a machine that does nothing else
        (self.folder / "came.png").unlink()
        wait_for(lambda: self.data()["pictures"] == 36 and not self.data()["newest"])

    def test_a_new_subfolder_is_followed(self):
        drawn.kinds(self.folder, each=4)
        self.watch()
        ready = self.home / "ready"
        drawn.kinds(ready, each=3)
        ready.rename(self.folder / "more")
        wait_for(lambda: self.data()["pictures"] == 21)
        (self.folder / "more/red/late.png").write_bytes(drawn.plain((250, 0, 0)))
        wait_for(lambda: self.data()["pictures"] == 22)
        shutil.rmtree(self.folder / "more")
        wait_for(lambda: self.data()["pictures"] == 12)

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody without permission")
    def test_a_new_subfolder_that_cannot_be_read_is_left_out(self):
        self.skip_unless_nobody_may_run_the_program()
        drawn.kinds(self.folder, each=4)
        self.output.mkdir()
        os.chown(self.output, NOBODY, NOBODY)
        watching = self.watch(user=NOBODY)
        (self.folder / "secret").mkdir(mode=0o700)
        said = next((line for line in watching.stderr if "secret" in line), "it has ended")
        self.assertRegex(said, f"^left out: {self.folder}/secret: .*Permission denied")
        (self.folder / "red/late.png").write_bytes(drawn.plain((250, 0, 0)))
        wait_for(lambda: self.data()["pictures"] == 13)

    def keep_busy(self, name, content):
        """Writes files again and again, until the test ends."""
        stopped = threading.Event()

        def write():
            for number in itertools.count():
                (self.folder / name.format(number % 40)).write_bytes(content(number))
                if stopped.wait(0.02):
                    return
        writer = threading.Thread(target=write)
        writer.start()
        self.addCleanup(writer.join)
        self.addCleanup(stopped.set)

    def test_pictures_come_while_others_are_written_all_the_time(self):
        drawn.kinds(self.folder, each=4)
        self.watch()
        self.keep_busy("busy-{}.png", lambda number: drawn.stripes(drawn.COLOURS["blue"], number))
        wait_for(lambda: self.data()["pictures"] > 12)

    def test_pictures_do_not_wait_for_files_of_other_kinds(self):
        drawn.kinds(self.folder, each=4)
        self.watch()
        self.keep_busy("log-{}.txt", lambda number: b"line\n" * number)
        for number in range(3):
            (self.folder / f"late-{number}.png").write_bytes(drawn.plain((250, 0, 50 * number)))
            wait_for(lambda: self.data()["pictures"] == 13 + number)

    def test_a_renamed_picture_keeps_the_number_of_pictures(self):
        drawn.kinds(self.folder, each=4)
        self.watch()
        (self.folder / "red/red-00.png").rename(self.folder / "green/was-red.png")
        wait_for(lambda: b"green/was-red.png" in
                 [path for path, in self.query("SELECT path FROM pictures WHERE state = 1")])
        wait_for(lambda: self.data()["pictures"] == 12)

    def test_a_folder_that_vanishes_is_said_and_followed_again(self):
        drawn.kinds(self.folder, each=4)
        self.watch()
        self.folder.rename(self.home / "away")
        wait_for(lambda: self.data()["status"] == "vanished")
        self.assertEqual(self.data()["pictures"], 12)
        (self.home / "away/one-more.png").write_bytes(drawn.plain((1, 250, 9)))
        (self.home / "away").rename(self.folder)
        wait_for(lambda: self.data()["status"] == "watching" and self.data()["pictures"] == 13)

    def test_a_folder_that_begins_empty_fills(self):
        self.watch()
        for number in range(30):
            colour = list(drawn.COLOURS.values())[number % 3]
            (self.folder / f"{number}.png").write_bytes(drawn.stripes(colour, number))
        wait_for(lambda: self.data()["pictures"] == 30)
        wait_for(lambda: sum(group["size"] for group in self.data()["groups"]) == 30)
        self.assertGreater(len(self.data()["groups"]), 1)

    def test_a_picture_that_is_written_slowly_is_read_in_the_end(self):
        drawn.kinds(self.folder, each=4)
        self.watch()
        content = drawn.stripes((200, 10, 200), 4)
        with open(self.folder / "slow.png", "wb") as stream:
            stream.write(content[:40])
            stream.flush()
            time.sleep(0.6)
            stream.write(content[40:])
        wait_for(lambda: self.data()["pictures"] == 13 and not self.data()["unreadable"])


class LearningTest(CollectionTest):
    LEARN = ("--learn", "--learn-epochs", "1", "--groups", "3")

    def learnt(self):
        return (self.output / "learning/model.safetensors").is_file()

    def encoder(self):
        return self.data()["encoder"]

    def test_judges_what_was_learnt_and_knows_the_verdict(self):
        drawn.kinds(self.folder, each=80)
        self.made("--groups", "3")
        names = {path: group for path, group in self.query("SELECT path, uuid FROM pictures p JOIN groups g ON g.id = group_id")}
        (self.output / "learning").mkdir()
        model = self.output / "learning/model.safetensors"
        trained = run("train", "--method", "ae", "--clusters", "3", "--epochs", "1", "--output",
                      str(model), str(self.folder))
        self.assertEqual(trained.returncode, 0, trained.stderr)
        made = model.stat().st_mtime_ns
        result = self.made(*self.LEARN)
        self.assertIn("stability of the groups beyond chance", result.stderr)
        self.assertNotIn("in the background", result.stderr)  # it was learnt already
        taken = "learnt encoder is better" in self.data()["learning"]
        self.assertEqual(self.encoder().startswith("sha256:"), taken)
        self.assertEqual(self.data()["pictures"], 240)
        self.assertEqual(sum(group["size"] for group in self.data()["groups"]), 240)
        self.assertLessEqual({group["uuid"] for group in self.data()["groups"]}, set(names.values()))
        again = self.made(*self.LEARN)
        self.assertNotIn("Comparing", again.stderr)
        self.assertEqual(model.stat().st_mtime_ns, made)

    def test_too_few_pictures_are_said(self):
        drawn.kinds(self.folder, each=4)
        result = self.made(*self.LEARN)
        self.assertIn("Too few pictures to learn from: 12", result.stderr)
        self.assertFalse(self.learnt())
        self.assertEqual(self.data()["status"], "done")

    def test_an_interrupted_course_goes_on(self):
        drawn.kinds(self.folder, each=80)
        command = [PROGRAM, "categorise", "--learn", "--learn-epochs", "300", str(self.folder),
                   str(self.output)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              text=True) as first:
            for line in first.stderr:
                if "in the background" in line:
                    break
            log = self.output / "learning/log"
            wait_for(log.exists)
            time.sleep(2)  # until the course has begun
            first.send_signal(signal.SIGINT)
            first.stderr.read()
            self.assertEqual(first.wait(60), 3)
        self.assertEqual(sum(group["size"] for group in self.data()["groups"]), 240)
        self.assertEqual(self.encoder(), "colour-gradient-1")
        self.assertEqual(self.data()["status"], "done")
        self.made()  # without learning, nothing is in the way

    def test_a_course_that_fails_is_said_and_changes_nothing(self):
        drawn.kinds(self.folder, each=80)
        self.made("--groups", "3")
        (self.output / "learning").mkdir()
        (self.output / "learning/model.safetensors").mkdir()
        result = self.made(*self.LEARN)
        self.assertIn("cannot be read", result.stderr)
        self.assertEqual(self.encoder(), "colour-gradient-1")

    def test_a_damaged_model_is_said_and_removed(self):
        drawn.kinds(self.folder, each=80)
        self.made("--groups", "3")
        (self.output / "learning").mkdir()
        (self.output / "learning/model.safetensors").write_bytes(b"no model")
        result = self.made(*self.LEARN)
        self.assertIn("cannot be read, and is removed", result.stderr)
        self.assertFalse(self.learnt())
        self.assertEqual(self.encoder(), "colour-gradient-1")

    def give_better_model(self):
        """As if a course had ended: an encoder that sees what tells the kinds apart, not yet judged."""
        (self.output / "learning").mkdir()
        net = self.home / "net.onnx"
        net.write_bytes(mean_network(size=(32, 32)))
        imported = run("import", str(net), "--fit", "stretch", "--preprocess", "unit", "--output",
                       str(self.output / "learning/model.safetensors"))
        if imported.returncode != 0 and "ONNX" in imported.stderr and "built" in imported.stderr:
            self.skipTest("built without ONNX")
        self.assertEqual(imported.returncode, 0, imported.stderr)

    def kinds_by_group(self):
        return sorted(sorted({path.split("/")[0] for path in paths}) for paths in self.paths_by_group())

    def assert_each_kind_is_a_group(self):
        self.assertEqual(self.kinds_by_group(), [[f"kind-{kind}"] for kind in range(8)])

    def test_a_better_encoder_is_taken(self):
        drawn.hidden_kinds(self.folder)
        self.made("--groups", "8")
        self.assertNotEqual(self.kinds_by_group(), [[f"kind-{kind}"] for kind in range(8)])
        self.give_better_model()
        self.made("--learn", "--groups", "8")
        self.assertIn("The learnt encoder is better", self.data()["learning"])
        self.assertTrue(self.encoder().startswith("sha256:"))
        self.assert_each_kind_is_a_group()

    def test_a_better_encoder_is_taken_while_watching(self):
        drawn.hidden_kinds(self.folder)
        self.made("--groups", "8")
        self.give_better_model()
        self.watch("--learn", "--groups", "8")
        wait_for(lambda: self.encoder().startswith("sha256:"))
        wait_for(lambda: len(self.data()["groups"]) == 8)
        self.assert_each_kind_is_a_group()
        drawn.hidden_kinds(self.folder, each=2, first=30)
        wait_for(lambda: sum(map(len, self.paths_by_group())) == 256)
        self.assert_each_kind_is_a_group()
        self.assertEqual(self.data()["status"], "watching")

    def test_beginning_anew_forgets_what_was_learnt(self):
        drawn.hidden_kinds(self.folder)
        self.made("--groups", "8")
        self.give_better_model()
        checkpoint = self.output / "learning/model.safetensors.checkpoint"
        checkpoint.write_bytes(b"of another course")
        learning = self.made("--fresh", *self.LEARN).stderr
        self.assertIn("Learning from the pictures in the background", learning)
        self.assertNotIn("Learning failed", learning)  # as it would from such a checkpoint
        self.made("--fresh", "--groups", "8")
        self.assertFalse(self.learnt())
        self.assertEqual(self.query("SELECT value FROM meta WHERE key = 'lesson'"), [])

    def test_beginning_anew_with_what_was_learnt_keeps_it(self):
        drawn.kinds(self.folder, each=4)
        self.made("--groups", "3")
        self.give_better_model()
        self.made("--fresh", "--model", str(self.output / "learning/model.safetensors"))
        self.made()
        self.assertTrue(self.encoder().startswith("sha256:"))

    def test_pictures_come_while_it_learns(self):
        drawn.kinds(self.folder, each=80)
        watching = self.watch(*self.LEARN)
        wait_for(lambda: (self.data()["learning"] or "").startswith("Learning"))
        (self.folder / "came.png").write_bytes(drawn.stripes(drawn.COLOURS["red"], 9))
        wait_for(lambda: [path for _, path, _ in self.data()["newest"]] == ["came.png"])
        wait_for(lambda: "stability of the groups beyond chance" in self.data()["learning"], 180)
        (self.folder / "came.png").unlink()
        wait_for(lambda: self.data()["pictures"] == 240 and not self.data()["newest"])
        self.assertEqual(self.data()["status"], "watching")
        watching.send_signal(signal.SIGINT)
        self.assertEqual(watching.wait(20), 0)
        self.assertEqual(self.data()["status"], "done")

    def test_a_course_goes_on_when_watching_does(self):
        drawn.kinds(self.folder, each=80)
        options = ("--learn", "--learn-epochs", "300", "--groups", "3")
        gathered = self.output / "learning/pictures"
        began = None
        for _ in range(2):
            watching = self.watch(*options)
            wait_for((self.output / "learning/model.safetensors.lock").exists, 120)  # the course has begun
            began = began or gathered.stat().st_mtime_ns
            watching.send_signal(signal.SIGINT)
            self.assertEqual(watching.wait(60), 0)
            self.assertTrue((self.output / "learning/model.safetensors.checkpoint").is_file())
        self.assertEqual(gathered.stat().st_mtime_ns, began)  # what was learnt from was not gathered anew

    def test_a_network_that_is_given_is_not_learnt_over(self):
        self.assertEqual(run("categorise", "--learn", "--model", "x.onnx", "x").returncode, 2)
        self.assertEqual(run("categorise", "--learn", "--learn-epochs", "0", "x").returncode, 2)


if __name__ == "__main__":
    main()
