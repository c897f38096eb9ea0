#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `driftcluster categorise` writes for other programs: tables, links and tags.

collection_exports.py DRIFTCLUSTER NO_XATTR_MODULE
"""
import contextlib
import csv
import os
import sqlite3
import sys
import xml.etree.ElementTree

import drawn
from collection_case import CollectionTest, main, run


class ExportTest(CollectionTest):
    def test_csv_has_a_line_for_each_picture(self):
        drawn.kinds(self.folder, each=4)
        (self.folder / 'a "quoted", name.png').write_bytes(drawn.plain((250, 0, 0)))
        (self.folder / "broken.png").write_bytes(b"no")
        table = self.home / "table.csv"
        self.made("--groups", "3", "--csv", str(table))
        with open(table, newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        self.assertEqual(len(rows), 13)
        self.assertIn('a "quoted", name.png', [row["path"] for row in rows])
        names = {group["uuid"]: group["name"] for group in self.data()["groups"]}
        for row in rows:
            self.assertEqual(row["group"], names[row["uuid"]])
            self.assertTrue(0.5 <= float(row["sure"]) <= 1)

    def test_links_lead_to_the_pictures_and_are_replaced(self):
        drawn.kinds(self.folder, each=4)
        links = self.home / "links"
        for groups in ("3", "2"):
            self.made("--regroup", "--groups", groups, "--links", str(links))
            self.assertEqual({entry.name for entry in links.iterdir()},
                             {group["name"] for group in self.data()["groups"]})
            leads = sorted(str(link.resolve()) for link in links.glob("*/*"))
            self.assertEqual(leads, sorted(str(path.resolve()) for path in self.folder.glob("*/*")))

    def test_links_are_not_made_among_other_files(self):
        drawn.kinds(self.folder, each=2)
        for name in ("mine.txt", "Group 1/mine.txt"):
            links = self.home / name.replace("/", "-")
            (links / name).parent.mkdir(parents=True)
            (links / name).write_text("mine")
            (links / "Group 0").mkdir()
            (links / "Group 0/1-a.png").symlink_to("a.png")
            self.refused(self.categorise("--links", str(links)), "name")
            self.assertEqual((links / name).read_text(), "mine")
            self.assertTrue((links / "Group 0/1-a.png").is_symlink())

    def test_groups_have_a_folder_each_whatever_their_names(self):
        drawn.kinds(self.folder, each=4)
        self.made("--groups", "3")
        groups = [number for number, in self.query("SELECT id FROM groups ORDER BY id")]
        with contextlib.closing(sqlite3.connect(self.output / "collection.sqlite")) as database:
            database.executemany("UPDATE groups SET name = ?, edited = 1 WHERE id = ?",
                                 zip([".a/b", "_a/b", "_a_b"], groups))
            database.commit()
        links = self.home / "links"
        for _ in range(2):
            self.made("--links", str(links))
            for name, group in zip(["_a_b (2)", "_a_b (3)", "_a_b"], groups):
                pictures = self.query("SELECT path FROM pictures WHERE group_id = ?", group)
                self.assertEqual({link.resolve() for link in (links / name).iterdir()},
                                 {(self.folder / path.decode()).resolve() for path, in pictures})

    def test_links_of_others_stay(self):
        drawn.kinds(self.folder, each=2)
        picture, elsewhere = self.folder / "red/red-00.png", self.home / "elsewhere.png"
        for number, (name, target) in enumerate([("mine.png", picture), ("1-mine.png", elsewhere),
                                                 ("1mine.png", picture), ("1-mine.png", "red-00.png")]):
            links = self.home / f"links-{number}"
            for group, link, leads in (("Group 0", "1-a.png", picture), ("Mine", name, target),
                                       ("Zoo", "2-a.png", picture)):
                (links / group).mkdir(parents=True)
                (links / group / link).symlink_to(leads)
            before = sorted(links.glob("*/*"))
            self.refused(self.categorise("--links", str(links)), f"Mine/{name}", "name an empty or a new folder")
            self.assertEqual(sorted(links.glob("*/*")), before)

    def test_links_are_not_made_where_they_would_be_pictures(self):
        drawn.kinds(self.folder, each=2)
        (self.home / "also").symlink_to(self.folder)
        before = sorted(self.folder.rglob("*"))
        for links in (self.folder, self.folder / "links", self.folder / "new/links",
                      self.home / "also/links", self.home / "x/../pictures/links"):
            result = self.categorise("--links", str(links))
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn(f"{links} lies in {self.folder}", result.stderr)
            self.assertFalse(self.output.exists())
        self.assertEqual(sorted(self.folder.rglob("*")), before)

    def test_links_in_an_output_within_the_folder_are_no_pictures(self):
        drawn.kinds(self.folder, each=2)
        self.output = self.folder / "groups"
        for _ in range(2):
            self.made("--groups", "3", "--links", str(self.output / "links"))
            self.assertEqual(self.data()["pictures"], 6)

    def test_exports_that_cannot_be_written_are_said(self):
        drawn.kinds(self.folder, each=2)
        self.refused(self.categorise("--csv", str(self.home / "no/such/table.csv")), "table.csv")
        (self.home / "file").write_text("")
        self.refused(self.categorise("--links", str(self.home / "file")), "file")

    def test_exports_that_cannot_be_written_cost_no_groups(self):
        drawn.kinds(self.folder, each=2)
        self.made("--groups", "3")
        groups = self.query("SELECT id FROM groups")
        (self.home / "file").write_text("")
        for options in (("--csv", self.home / "no/such/table.csv"), ("--csv", self.home),
                        ("--links", self.home / "file"), ("--links", self.output)):
            result = self.categorise("--fresh", *map(str, options))
            self.refused(result, str(options[1]))
            self.assertEqual(result.stdout, "")
            self.assertEqual(self.query("SELECT id FROM groups"), groups)

    def test_a_table_may_lie_in_a_folder_that_is_to_be_made(self):
        drawn.kinds(self.folder, each=2)
        self.made("--csv", str(self.output / "table.csv"), "--links", str(self.output / "links"))
        self.assertTrue((self.output / "table.csv").exists())
        self.made("--csv", "/dev/null")


class TagTest(CollectionTest):
    RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"

    def subjects(self, path):
        tree = xml.etree.ElementTree.parse(path)
        return [item.text for item in tree.iter(self.RDF + "li")]

    def test_sidecars_are_xmp_and_lie_in_output(self):
        drawn.kinds(self.folder, each=4)
        before = sorted(self.folder.rglob("*"))
        self.made("--groups", "3")
        with contextlib.closing(sqlite3.connect(self.output / "collection.sqlite")) as database:
            database.execute("UPDATE groups SET name = '<&\"|>', edited = 1 WHERE id = 1")
            database.commit()
        self.made("--tag", "xmp")
        found = {str(path.relative_to(self.output / "xmp")): self.subjects(path)
                 for path in (self.output / "xmp").rglob("*.xmp")}
        groups = {path.decode() + ".xmp": name for path, name in self.query(
            "SELECT path, name FROM pictures p JOIN groups g ON g.id = group_id")}
        self.assertEqual({path: texts[0] for path, texts in found.items()}, groups)
        for subject, hierarchy in found.values():
            family, leaf = hierarchy.split("|")
            self.assertRegex(family, r"^Family \d+$")
            self.assertEqual(leaf, subject.replace("|", "/"))
        self.assertEqual(sorted(self.folder.rglob("*")), before)

    def test_sidecars_of_others_are_left(self):
        drawn.kinds(self.folder, each=4)
        other = self.folder / "red/red-00.png.xmp"
        other.write_text("<mine/>")
        result = self.made("--tag", "xmp-beside")
        self.assertIn("1 sidecars of other programs were left", result.stderr)
        self.assertEqual(other.read_text(), "<mine/>")
        own = self.folder / "red/red-01.png.xmp"
        own.write_text(own.read_text().replace("Group", "Gone"))
        self.made("--tag", "xmp-beside")
        self.assertNotIn("Gone", own.read_text())

    def test_sidecars_that_cannot_be_written_are_said(self):
        drawn.kinds(self.folder, each=2)
        self.made()
        (self.output / "xmp").write_text("in the way")
        self.refused(self.categorise("--tag", "xmp"), "xmp")
        self.assertEqual(run("categorise", "--tag", "ink", "x").returncode, 2)

    def test_attributes_are_added_and_those_of_others_kept(self):
        drawn.kinds(self.folder, each=4)
        picture = self.folder / "red/red-00.png"
        try:
            os.setxattr(picture, "user.xdg.tags", b"holiday")
        except OSError:
            self.skipTest("this file system has no extended attributes")
        content, modified = picture.read_bytes(), picture.stat().st_mtime_ns
        self.made("--groups", "3", "--tag", "xattr")
        group = os.getxattr(picture, "user.driftcluster.group").decode()
        self.assertEqual(os.getxattr(picture, "user.xdg.tags").decode(), f"holiday,{group}")
        with contextlib.closing(sqlite3.connect(self.output / "collection.sqlite")) as database:
            database.execute("UPDATE groups SET name = 'One, two', edited = 1 WHERE name = ?", [group])
            database.commit()
        self.made("--tag", "xattr")
        self.assertEqual(os.getxattr(picture, "user.xdg.tags").decode(), "holiday,One  two")
        self.assertEqual((picture.read_bytes(), picture.stat().st_mtime_ns), (content, modified))

    def without_attributes(self, text):
        """An environment in which files whose path holds `text` take no attributes."""
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return os.environ | {"LD_PRELOAD": sys.argv[2], "NO_XATTR": text, "ASAN_OPTIONS": sanitizer}

    def test_a_file_system_without_attributes_is_said(self):
        drawn.kinds(self.folder, each=2)
        self.made("--groups", "3")
        refused = self.categorise("--tag", "xattr", env=self.without_attributes("/"))
        self.refused(refused, "no picture could be tagged", "this file system has no extended attributes",
                     "use --tag xmp")
        self.assertEqual(self.data()["status"], "done")  # the groups are there all the same
        self.assertEqual(os.listxattr(self.folder / "red/red-00.png"), [])
        self.made("--tag", "xmp", env=self.without_attributes("/"))

    def test_files_that_take_no_attributes_are_counted(self):
        drawn.kinds(self.folder, each=2)
        try:
            os.setxattr(self.folder / "red/red-00.png", "user.test", b"")
        except OSError:
            self.skipTest("this file system has no extended attributes")
        result = self.made("--groups", "3", "--tag", "xattr", env=self.without_attributes("/blue/"))
        self.assertIn("2 pictures could not be tagged; the first:", result.stderr)
        self.assertIn("use --tag xmp", result.stderr)
        self.assertIn("user.driftcluster.group", os.listxattr(self.folder / "red/red-00.png"))


if __name__ == "__main__":
    main()
