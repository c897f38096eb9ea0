#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""driftcluster timeline: timeline.py DRIFTCLUSTER"""
import csv
import json
import os
import subprocess
import sys
import unittest

from tap.runner import TAPTestRunner

from cli import PROGRAM, CommandLineTest, run

SECOND = 10**9


def region(cluster, track=None, novel=False, label=None):
    described = None if cluster is None else {
        "id": cluster, "uuid": f"uuid-{cluster}", "label": label or f"cluster-{cluster}",
        "confidence": 0.9, "distance": 1.5, "novel": novel, "version": 1}
    return {"x": 0, "y": 0, "w": 4, "h": 4, "roi_type": "tile",
            "region_id": 2**32 if track is None else track, "cluster": described}


def line(seconds, *regions, **more):
    time = None if seconds is None else round(seconds * SECOND)
    return json.dumps({"schema": 1, "frame": 0, "timestamp": time, "stream_time": time} | more
                      | {"width": 8, "height": 8, "regions": regions}, ensure_ascii=False) + "\n"


class TimelineTest(CommandLineTest):
    def table(self, *files, options=()):
        """The lines of the CSV file as dictionaries, and what was said."""
        result = run("timeline", *files, "--csv", self.home / "out.csv", *options)
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(self.home / "out.csv", encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream)), result.stderr

    def rows(self, text, *options):
        rows, said = self.table(self.file("a.jsonl", text), options=options)
        self.assertEqual(said, "")
        return [(row["cluster"], row["start"], row["end"], row["regions"], row["tracks"],
                 row["novel"]) for row in rows]


class PresenceTest(TimelineTest):
    def test_presence_is_cut_at_gaps(self):
        text = "".join(line(t, region(0, 1)) for t in (0, 1, 3, 5.5, 6))
        self.assertEqual(self.rows(text), [("cluster-0", "0.000", "3.000", "3", "1", "0"),
                                           ("cluster-0", "5.500", "6.000", "2", "1", "0")])
        self.assertEqual(self.rows(text, "--gap", "3"),
                         [("cluster-0", "0.000", "6.000", "5", "1", "0")])

    def test_tracks_and_novel_regions_are_counted(self):
        text = (line(0, region(0, 1), region(0, 2), region(0)) + line(1, region(0, 1, novel=True))
                + line(2, region(0, 3), region(None, 4)) + line(3, region(0, 1)))
        self.assertEqual(self.rows(text), [("cluster-0", "0.000", "3.000", "6", "3", "1")])

    def test_clusters_are_in_order_and_keep_their_newest_name(self):
        text = (line(0, region(2, 1), region(0, 2)) + line(1, region(2, 1, label="Łódź, \"day\""))
                + line(1, region(1, 3)))
        self.assertEqual([row[0] for row in self.rows(text)],
                         ["cluster-0", "cluster-1", "Łódź, \"day\""])

    def test_cameras_are_apart(self):
        rows, said = self.table(self.file("a.jsonl", line(0, region(0, 1))),
                                self.file("b.jsonl", line(9, region(0, 1))))
        self.assertEqual(said, "")
        self.assertEqual([(row["uuid"], row["start"], os.path.basename(row["source"]))
                          for row in rows],
                         [("uuid-0", "0.000", "a.jsonl"), ("uuid-0", "9.000", "b.jsonl")])

    def test_time_of_day_is_used_where_all_files_tell_it(self):
        told = self.file("a.jsonl", line(5, region(0, 1), unix_time=1700000000 * SECOND + SECOND // 2))
        silent = self.file("b.jsonl", line(5, region(0, 1)))
        self.assertEqual(self.table(told)[0][0]["start"], "2023-11-14T22:13:20.500Z")
        self.assertEqual(self.table(told, options=["--stream-time"])[0][0]["start"], "5.000")
        self.assertEqual(self.table(told, silent)[0][0]["start"], "5.000")

    def test_picture_is_drawn(self):
        text = "".join(line(t, region(t % 3, t % 5, novel=t == 40)) for t in range(100))
        events, picture = self.file("a.jsonl", text), self.home / "out.png"
        self.assertEqual(run("timeline", events, "-o", picture).returncode, 0)
        content = picture.read_bytes()
        self.assertEqual(content[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(int.from_bytes(content[16:20], "big"), 1200)
        self.assertEqual(int.from_bytes(content[20:24], "big"), 2 * 16 + 3 * 30 + 28 + 44)
        run("timeline", events, "-o", self.home / "again.png")
        self.assertEqual((self.home / "again.png").read_bytes(), content)

    def test_standard_input_is_read_and_goes_by_stream_time_as_the_help_says(self):
        done = subprocess.run([PROGRAM, "timeline", "-", "--csv", self.home / "out.csv"],
                              input=line(1, region(0, 1), unix_time=1700000000 * SECOND), text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("cluster-0,uuid-0,1.000,1.000,1,1,0,-", (self.home / "out.csv").read_text())
        self.assertIn("stream time, by which the standard input always goes", run("timeline", "--help").stdout)

    def test_memory_does_not_grow_with_the_lines(self):
        def peak(count):
            path = self.home / "long.jsonl"
            with open(path, "w", encoding="utf-8") as stream:
                stream.writelines(line(t / 10, region(0, 1), region(1, 2)) for t in range(count))
            process = subprocess.Popen([PROGRAM, "timeline", path, "--csv", self.home / "out.csv"])
            _, status, usage = os.wait4(process.pid, 0)
            self.assertEqual(status, 0)
            return usage.ru_maxrss

        # The longer file has 12 MB.
        self.assertLess(peak(30000) - peak(300), 4096)


class DamageTest(TimelineTest):
    def test_line_that_was_cut_is_left_out_with_a_warning(self):
        whole = line(0, region(0, 1)) + line(1, region(0, 1))
        for text in (whole + whole[:40], whole[:-1] + "\n" + whole[:40] + "\n" + line(2, region(0, 1))):
            rows, said = self.table(self.file("a.jsonl", text))
            self.assertIn("warning", said)
            self.assertIn("1 of the lines were cut", said)
            self.assertEqual(len(rows), 1)

    def test_lines_without_time_are_left_out_with_a_warning(self):
        rows, said = self.table(self.file("a.jsonl", line(None, region(0, 1)) + line(1, region(0, 1))))
        self.assertIn("1 of the lines tell no time", said)
        self.assertEqual(rows[0]["regions"], "1")

    def test_time_that_goes_back_is_said(self):
        rows, said = self.table(self.file("a.jsonl", line(9, region(0, 1)) + line(1, region(0, 1))))
        self.assertIn("goes back 1 times", said)
        self.assertEqual(len(rows), 2)

    def test_empty_file_is_a_warning(self):
        empty = self.file("empty.jsonl", "")
        result = run("timeline", empty, "-o", self.home / "out.png", "--csv", self.home / "out.csv")
        self.assertEqual(result.returncode, 0)
        self.assertIn("there is no line in it", result.stderr)
        self.assertTrue((self.home / "out.png").exists())
        self.assertEqual((self.home / "out.csv").read_text().strip().count("\n"), 0)

    def test_values_of_other_types_are_no_cluster(self):
        text = line(0, {"cluster": 5}, {"cluster": {"id": -1}}, {"cluster": {"id": "x"}}, {}, 7,
                    {"cluster": {"id": 2**40}}, {"cluster": {"id": 0, "label": 5, "uuid": None}})
        self.assertEqual(self.rows(text), [("cluster-0", "0.000", "0.000", "1", "0", "0")])

    def test_files_of_other_programs_are_refused(self):
        for content in (b"\x89PNG\r\n\x1a\n\0\0\0", b"a,b,c\n1,2,3\n", b"[1, 2]\n", b"{}\n",
                        b'{"objects":[]}\n', b'{"schema":1,"regions":5}\n', b"\0" * 100000):
            path = self.file("other", content)
            self.assert_refused(run("timeline", path, "--csv", self.home / "out.csv"), 1, path,
                                "line 1", "publish-clusters")
            self.assertFalse((self.home / "out.csv").exists())

    def test_other_json_in_the_middle_is_refused(self):
        path = self.file("a.jsonl", line(0) + "{}\n")
        self.assert_refused(run("timeline", path, "--csv", self.home / "out.csv"), 1, "line 2")

    def test_newer_lines_are_refused(self):
        path = self.file("a.jsonl", line(0, schema=2))
        self.assert_refused(run("timeline", path, "--csv", self.home / "out.csv"), 1, "newer")

    def test_files_that_cannot_be_used_are_refused(self):
        events = self.file("a.jsonl", line(0, region(0, 1)))
        self.assert_refused(run("timeline", self.home / "none", "--csv", self.home / "out.csv"), 1,
                            "No such file")
        self.assert_refused(run("timeline", self.home, "--csv", self.home / "out.csv"), 1,
                            "directory")
        self.assert_refused(run("timeline", events, "-o", self.home / "none/out.png"), 1, "none")
        self.assert_refused(run("timeline", events, "--csv", self.home / "none/out.csv"), 1, "none")

    def test_command_lines_that_make_no_sense_are_refused(self):
        events = self.file("a.jsonl", line(0, region(0, 1)))
        for arguments, word in (((), "files"), ((events,), "--output"),
                                ((events, "--csv", "x", "--gap", "-1"), "--gap"),
                                ((events, "--csv", "x", "--gap", "nan"), "--gap"),
                                ((*[events] * 101, "--csv", "x"), "101 files")):
            self.assert_refused(run("timeline", *arguments), 2, word)


if __name__ == "__main__":
    runner = TAPTestRunner()
    runner.set_stream(True)
    unittest.main(argv=sys.argv[:1], testRunner=runner)
