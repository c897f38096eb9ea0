#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Collections of pictures at the command line, and what may be wrong with them.

collection.py DRIFTCLUSTER
"""
import os
import resource
import signal
import socket
import subprocess
import time
import unittest

import drawn
from collection_case import NOBODY, PROGRAM, CollectionTest, main, run

NAMED_BADLY = [b"new\nline.png", b"quote\"'.png", b"<img src=x onerror=alert(1)>.png",
               b"<script>alert(1)<script>.png", b"invalid-\xff\xfe.png", b"-rf.png", b"%2e%2e.png",
               "Straße 4 \u2028.png".encode()]


class GroupingTest(CollectionTest):
    def test_kinds_of_pictures_become_groups(self):
        drawn.kinds(self.folder)
        result = self.made("--groups", "3")
        self.assertIn("36 pictures in 3 groups", result.stdout)
        kinds = [{path.split("/")[0] for path in paths} for paths in self.paths_by_group()]
        self.assertEqual(sorted(map(sorted, kinds)), [["blue"], ["green"], ["red"]])
        index = self.data()
        self.assertEqual(index["status"], "done")
        self.assertEqual(sum(map(len, index["families"])), 3)
        for group in index["groups"]:
            self.assertEqual(group["size"], 12)
            self.assertGreater(group["sure"], 50)
            for number, path in group["exemplars"]:
                self.assertTrue((self.output / f"thumbs/{number // 1000}/{number}.jpg").is_file())
                self.assertTrue((self.folder / path).is_file())

    def test_neighbours_are_other_pictures_of_the_kind(self):
        drawn.kinds(self.folder)
        self.made("--groups", "3")
        for group in self.data()["groups"]:
            pictures = self.data(f"group-{group['id']}")["pictures"]
            numbers = {picture[0] for picture in pictures}
            for number, _, _, _, neighbours, *_ in pictures:
                self.assertEqual(len(set(neighbours)), 8)
                self.assertNotIn(number, neighbours)
                self.assertLessEqual(set(neighbours), numbers)

    def test_a_second_run_recomputes_nothing(self):
        drawn.kinds(self.folder)
        self.made("--groups", "3")
        before = self.query("SELECT id, path, group_id FROM pictures ORDER BY id")
        thumbnails = {path: path.stat().st_mtime_ns for path in self.output.rglob("*.jpg")}
        again = self.made()
        self.assertNotIn("Looking at pictures", again.stderr)
        self.assertEqual(self.query("SELECT id, path, group_id FROM pictures ORDER BY id"), before)
        self.assertEqual({path: path.stat().st_mtime_ns for path in self.output.rglob("*.jpg")},
                         thumbnails)

    def test_new_changed_and_deleted_pictures_are_followed(self):
        drawn.kinds(self.folder)
        self.made("--groups", "3")
        groups = {name: group for name, group in self.query("SELECT path, group_id FROM pictures")}
        (self.folder / "new.png").write_bytes(drawn.stripes(drawn.COLOURS["red"], 77))
        (self.folder / "red/red-00.png").unlink()
        (self.folder / "blue/blue-00.png").write_bytes(drawn.stripes(drawn.COLOURS["green"], 5))
        self.made()
        now = {name: group for name, group in self.query("SELECT path, group_id FROM pictures")}
        self.assertNotIn(b"red/red-00.png", now)
        self.assertEqual(now[b"new.png"], groups[b"red/red-01.png"])
        self.assertEqual(now[b"blue/blue-00.png"], groups[b"green/green-01.png"])
        self.assertEqual(self.data()["new"], 2)

    def test_begins_anew_when_asked(self):
        drawn.kinds(self.folder)
        self.made("--groups", "3")
        highest = self.query("SELECT max(id) FROM pictures")
        self.made("--fresh", "--groups", "2")
        self.assertEqual(len(self.data()["groups"]), 2)
        self.assertGreater(self.query("SELECT min(id) FROM pictures"), highest)

    def table(self, name, *options):
        """The CSV of a run of its own."""
        self.output = self.home / f"groups-{name}"
        self.made("--csv", str(self.home / f"{name}.csv"), *options)
        return (self.home / f"{name}.csv").read_bytes()

    def test_data_of_groups_that_are_no_more_is_removed(self):
        drawn.kinds(self.folder, each=8)
        self.made("--groups", "3")
        for name in ("group-99.js", "group-notes.js", "group-7.js.txt"):
            (self.output / "data" / name).write_text("")
        self.made("--fresh", "--groups", "2")
        listed = {f"group-{number}.js" for number, in self.query("SELECT id FROM groups")}
        kept = {"group-notes.js", "group-7.js.txt"}  # not the program's own
        self.assertEqual({path.name for path in (self.output / "data").glob("group-*")},
                         listed | kept)

    def test_equal_seeds_give_equal_tables_whatever_the_threads_do(self):
        drawn.kinds(self.folder, each=50)
        (self.folder / "broken.png").write_bytes(b"no")
        first = self.table("first", "--threads", "1")
        self.assertEqual(self.table("again", "--threads", "1"), first)
        self.assertEqual(self.table("threads", "--threads", "5"), first)
        self.assertNotEqual(self.table("seed", "--seed", "2"), first)
        self.assertEqual(first.count(b"\n"), 151)

    def test_a_collection_keeps_its_seed(self):
        drawn.kinds(self.folder, each=4)
        self.made("--seed", "7")
        self.made()
        self.assertEqual(self.query("SELECT value FROM meta WHERE key = 'seed'"), [(7,)])
        self.made("--seed", "0")
        self.assertEqual(self.query("SELECT value FROM meta WHERE key = 'seed'"), [(0,)])

    def test_a_collection_keeps_its_number_of_groups(self):
        drawn.kinds(self.folder)
        self.made("--groups", "3")
        drawn.kinds(self.folder, each=60)
        self.made()
        self.assertEqual(self.data()["pictures"], 180)
        self.assertEqual(len(self.data()["groups"]), 3)
        self.made("--groups", "0", "--regroup")
        self.assertEqual(len(self.data()["groups"]), 7)
        self.made("--regroup")
        self.assertEqual(len(self.data()["groups"]), 7)

    def test_an_interrupted_run_goes_on(self):
        drawn.kinds(self.folder, each=120)
        first = subprocess.Popen([PROGRAM, "categorise", str(self.folder), str(self.output)],
                                 stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.wait_for_embeddings(20)
        first.send_signal(signal.SIGINT)
        self.assertIn(first.wait(30), (0, 3))
        known = dict(self.query("SELECT id, state FROM pictures"))
        self.made()
        after = dict(self.query("SELECT id, state FROM pictures"))
        self.assertEqual(set(known), set(after))
        self.assertEqual(set(after.values()), {1})

    def test_survives_being_killed(self):
        drawn.kinds(self.folder, each=120)
        first = subprocess.Popen([PROGRAM, "categorise", str(self.folder), str(self.output)],
                                 stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.wait_for_embeddings(20)
        first.kill()
        first.wait(30)
        self.made()
        self.assertEqual(self.data()["pictures"], 360)


class FormatTest(CollectionTest):
    def size_of(self, name):
        return self.query("SELECT width, height FROM pictures WHERE path = ? AND state = 1",
                          name.encode())[0]

    def vector_of(self, name):
        return self.query("SELECT vector FROM embeddings JOIN pictures USING(id) WHERE path = ?",
                          name.encode())[0][0]

    def test_exif_turns_pictures(self):
        path = self.folder / "upright.jpg"
        self.assertTrue(drawn.encoded(path, "jpegenc", 48, 32))
        jpeg = path.read_bytes()
        for orientation in range(1, 9):
            (self.folder / f"turned-{orientation}.jpg").write_bytes(drawn.turned(jpeg, orientation))
        self.made()
        self.assertEqual(self.vector_of("turned-1.jpg"), self.vector_of("upright.jpg"))
        for orientation in range(1, 9):
            size = (32, 48) if orientation >= 5 else (48, 32)
            self.assertEqual(self.size_of(f"turned-{orientation}.jpg"), size, orientation)
        vectors = {self.vector_of(f"turned-{orientation}.jpg") for orientation in (1, 3, 6, 8)}
        self.assertEqual(len(vectors), 4)

    def test_transparent_pictures_lie_on_white(self):
        (self.folder / "clear.png").write_bytes(drawn.png([bytes([200, 0, 0, 0]) * 16] * 16, colour=6))
        (self.folder / "white.png").write_bytes(drawn.plain((255, 255, 255), 16))
        (self.folder / "red.png").write_bytes(drawn.plain((200, 0, 0), 16))
        self.made()
        self.assertEqual(self.vector_of("clear.png"), self.vector_of("white.png"))
        self.assertNotEqual(self.vector_of("clear.png"), self.vector_of("red.png"))

    def test_sixteen_bits_are_read_as_eight(self):
        (self.folder / "deep.png").write_bytes(drawn.png([bytes([200, 200, 90, 90, 30, 30]) * 16] * 16, bits=16))
        (self.folder / "flat.png").write_bytes(drawn.plain((200, 90, 30), 16))
        self.made()
        self.assertEqual(self.vector_of("deep.png"), self.vector_of("flat.png"))

    def test_every_format_that_gstreamer_writes_is_read(self):
        encoders = {"a.jpg": "jpegenc", "b.webp": "webpenc", "c.gif": "avenc_gif",
                    "d.bmp": "avenc_bmp", "e.tiff": "avenc_tiff", "f.png": "pngenc"}
        there = {name for name, encoder in encoders.items()
                 if drawn.encoded(self.folder / name, encoder)}
        self.assertLessEqual({"a.jpg", "f.png"}, there)
        for name in set(encoders) - there:
            (self.folder / name).unlink(missing_ok=True)
        self.made()
        read = {path.decode() for path, in self.query("SELECT path FROM pictures WHERE state = 1")}
        self.assertEqual(read, there)

    def test_subfolders_and_upper_case_ends_count_hidden_files_do_not(self):
        for name in ("a/b/c/deep.PNG", ".hidden/no.png", "a/.no.png", "a/text.txt"):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(drawn.plain((9, 90, 200)))
        self.made()
        self.assertEqual(self.query("SELECT path FROM pictures"), [(b"a/b/c/deep.PNG",)])


class BadInputTest(CollectionTest):
    def test_unreadable_files_are_listed_and_not_fatal(self):
        drawn.kinds(self.folder, each=4)
        whole = drawn.stripes((200, 200, 10), 3)
        (self.folder / "truncated.png").write_bytes(whole[:len(whole) // 2])
        (self.folder / "empty.jpg").write_bytes(b"")
        (self.folder / "text.gif").write_bytes(b"this is no picture at all, it only says so")
        self.assertTrue(drawn.encoded(self.folder / "cut.jpg", "jpegenc"))
        (self.folder / "cut.jpg").write_bytes((self.folder / "cut.jpg").read_bytes()[:200])
        result = self.made()
        self.assertIn("files cannot be read", result.stdout)
        listed = dict(self.data()["unreadable"])
        self.assertLessEqual({"truncated.png", "empty.jpg", "text.gif", "cut.jpg"}, set(listed))
        self.assertTrue(all(listed.values()), listed)
        self.assertFalse([why for why in listed.values() if str(self.home) in why], listed)
        self.assertEqual(self.data()["pictures"], 12)

    def test_bombs_are_refused_before_they_are_decoded(self):
        drawn.kinds(self.folder, each=2)
        bombs = drawn.bombs()
        for name, content in bombs.items():
            (self.folder / name).write_bytes(content)
        gibibyte = 1 << 30
        started = time.monotonic()
        self.made(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA,
                                                        (gibibyte, gibibyte)))
        self.assertLess(time.monotonic() - started, 60)
        listed = dict(self.data()["unreadable"])
        self.assertEqual(set(listed), set(bombs))
        for name, why in listed.items():
            self.assertRegex(why, r"\d+ x \d+", name)

    def test_names_of_any_bytes_are_shown_and_hurt_nothing(self):
        names = [os.path.join(os.fsencode(self.folder), name) for name in NAMED_BADLY]
        for number, name in enumerate(names):
            with open(name, "wb") as stream:
                stream.write(drawn.stripes(drawn.COLOURS["red"], number))
        self.made("--groups", "1")
        pictures = self.data(f"group-{self.data()['groups'][0]['id']}")["pictures"]
        shown = {path for _, path, *_ in pictures}
        self.assertEqual(len(shown), len(names))
        self.assertIn("new\nline.png", shown)
        self.assertIn("invalid-\ufffd\ufffd.png", shown)
        [address] = [picture[5] for picture in pictures if len(picture) > 5]
        self.assertEqual(address, "invalid-%FF%FE.png")
        self.assertNotIn("onerror", (self.output / "index.html").read_text())

    def test_links_in_a_circle_are_followed_once(self):
        drawn.kinds(self.folder, each=2)
        (self.folder / "red/up").symlink_to("..")
        (self.folder / "self").symlink_to("self")
        (self.folder / "nowhere.png").symlink_to("gone.png")
        self.made()
        self.assertEqual(self.data()["pictures"], 6)

    def test_output_within_the_folder_is_left_out(self):
        drawn.kinds(self.folder, each=4)
        self.output = self.folder / "groups"
        self.made()
        self.made()
        self.assertEqual(self.data()["pictures"], 12)

    def test_a_pipe_named_like_a_picture_is_not_waited_for(self):
        drawn.kinds(self.folder, each=2)
        os.mkfifo(self.folder / "pipe.jpg")
        self.made()
        self.assertEqual(self.data()["pictures"], 6)

    def test_refuses_a_folder_that_is_not_there(self):
        self.folder.rmdir()
        self.refused(self.categorise(), "there is no such folder")
        self.assertFalse(self.output.exists())

    def test_refuses_an_output_with_files_of_others(self):
        self.output.mkdir()
        (self.output / "index.html").write_text("mine")
        self.refused(self.categorise(), "holds other files")
        self.assertEqual((self.output / "index.html").read_text(), "mine")

    def test_refuses_an_output_that_only_looks_begun(self):
        drawn.kinds(self.folder, each=2)
        for name, content in (("lock", "4711"), ("data/table.csv", "mine"), ("notes.txt", "")):
            self.output = self.home / name.replace("/", "-")
            (self.output / name).parent.mkdir(parents=True)
            (self.output / "lock").write_text("")
            (self.output / name).write_text(content)
            before = sorted(self.output.rglob("*"))
            self.refused(self.categorise(), "holds other files")
            self.assertEqual((self.output / name).read_text(), content)
            self.assertEqual(sorted(self.output.rglob("*")), before)

    def test_goes_on_with_an_output_that_was_left_before_anything_was_known(self):
        drawn.kinds(self.folder, each=2)
        for name in ("data", "page", "thumbs"):
            (self.output / name).mkdir(parents=True)
        (self.output / "lock").write_text("")
        self.made()
        self.assertEqual(self.data()["pictures"], 6)

    def test_refuses_the_output_of_another_folder(self):
        drawn.kinds(self.folder, each=2)
        self.made()
        self.folder = self.home / "others"
        drawn.kinds(self.folder, each=2)
        self.refused(self.categorise(), "holds the groups of")

    def test_refuses_the_folder_itself_as_output(self):
        self.output = self.folder
        self.refused(self.categorise(), "another folder")

    def test_refuses_a_folder_that_was_emptied_and_keeps_what_it_knows(self):
        drawn.kinds(self.folder, each=4)
        self.made()
        moved = self.home / "moved"
        self.folder.rename(moved)
        self.folder.mkdir()
        self.refused(self.categorise(), "not mounted")
        self.assertEqual(self.query("SELECT count(*) FROM embeddings"), [(12,)])

    def test_an_empty_folder_makes_an_empty_page(self):
        self.made()
        self.assertEqual(self.data()["groups"], [])

    def test_one_picture_is_one_group(self):
        (self.folder / "one.png").write_bytes(drawn.plain((1, 2, 3)))
        self.made()
        self.assertEqual([group["size"] for group in self.data()["groups"]], [1])

    def test_equal_pictures_are_no_trouble(self):
        for number in range(20):
            (self.folder / f"{number}.png").write_bytes(drawn.plain((40, 80, 120)))
        self.made("--groups", "5")
        self.assertEqual(sum(group["size"] for group in self.data()["groups"]), 20)

    def test_two_at_one_output_are_one_too_many(self):
        drawn.kinds(self.folder, each=2)
        self.watch()
        self.refused(self.categorise(), "another driftcluster is at work")

    def test_another_encoder_is_refused(self):
        drawn.kinds(self.folder, each=4)
        model = str(self.home / "model.safetensors")
        trained = run("train", "--method", "ae", "--clusters", "2", "--epochs", "1", "--output",
                      model, str(self.folder))
        self.assertEqual(trained.returncode, 0, trained.stderr)
        self.made()
        self.refused(self.categorise("--model", model), "colour-gradient", "--fresh")
        self.made()  # what was refused is not remembered
        self.made("--model", model, "--fresh")
        self.assertTrue(self.data()["encoder"].startswith("sha256:"))
        self.made()  # the model of last time

    def test_a_model_that_is_not_there_is_refused(self):
        drawn.kinds(self.folder, each=2)
        self.refused(self.categorise("--model", "gone.onnx"), "gone.onnx")

    def test_beginning_anew_with_a_model_that_cannot_be_used_loses_nothing(self):
        drawn.kinds(self.folder, each=4)
        self.made("--groups", "3")
        before = self.query("SELECT path, group_id FROM pictures ORDER BY path")
        broken = self.home / "broken.safetensors"
        broken.write_bytes(b"no model")
        for model in (broken, self.home / "gone.safetensors"):
            self.refused(self.categorise("--fresh", "--model", str(model)), model.name)
            self.assertEqual(self.query("SELECT path, group_id FROM pictures ORDER BY path"), before)
        self.made()
        self.assertEqual(self.query("SELECT path, group_id FROM pictures ORDER BY path"), before)

    def test_a_full_disk_is_said_and_loses_nothing(self):
        drawn.kinds(self.folder, each=40)
        self.made("--groups", "3")
        page = (self.output / "data/index.js").read_bytes()
        known = self.query("SELECT count(*) FROM embeddings")[0][0]
        for number in range(200):
            (self.folder / f"more-{number}.png").write_bytes(drawn.stripes((200, 200, 0), number))
        # A limit to the size of files is met like a disk that is full.
        limit = (self.output / "collection.sqlite").stat().st_size // 2
        full = self.categorise(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE,
                                                                     (limit, limit)))
        self.refused(full, "collection.sqlite")
        self.assertGreaterEqual(self.query("SELECT count(*) FROM embeddings")[0][0], known)
        self.assertTrue(page)
        self.made()
        self.assertEqual(self.data()["pictures"], 320)

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody without permission")
    def test_no_permission_to_write_is_said(self):
        drawn.kinds(self.folder, each=2)
        self.skip_unless_nobody_may_run_the_program()
        self.refused(self.categorise(user=NOBODY), "cannot make the folder", "Permission denied")

    def test_refuses_a_foreign_database(self):
        drawn.kinds(self.folder, each=2)
        self.output.mkdir()
        (self.output / "collection.sqlite").write_bytes(b"no database, for certain" * 100)
        self.refused(self.categorise(), "collection.sqlite")

    def test_usage(self):
        for arguments in ([], ["a", "b", "c"], ["--groups", "-1", "x"], ["--threads", "0", "x"],
                          ["--seed", "-1", "x"]):
            self.assertEqual(run("categorise", *arguments).returncode, 2, arguments)
        self.assertEqual(run("serve").returncode, 2)
        self.assertEqual(run("serve", "--port", "99999", "x").returncode, 2)
        self.refused(run("serve", str(self.home / "nothing")), "there is no collection")

    def test_serve_says_what_to_do_about_a_port_in_use(self):
        drawn.kinds(self.folder, each=2)
        self.made()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            self.refused(run("serve", "--port", port, str(self.output)), f"port {port} is in use",
                         "--port 0")

    def test_serve_takes_numeric_addresses_only(self):
        drawn.kinds(self.folder, each=2)
        self.made()
        result = run("serve", "--address", "everywhere", str(self.output))
        self.assertEqual(result.returncode, 2)
        self.assertIn('"everywhere"', result.stderr)


if __name__ == "__main__":
    main()
