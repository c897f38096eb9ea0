#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Groups of a running stream that are named and edited in a browser, by `driftcluster serve`.

gallery_edits.py GST_LAUNCH DRIFTCLUSTER

The parts with a browser are skipped where Chromium, its driver or python3-selenium are missing.
"""
import contextlib
import http.client
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

from tap.runner import TAPTestRunner

from chromium import DESKTOP, LOW_CONTRAST, PHONE, TOO_WIDE, UNNAMED, BrowserTest, Keys, wait_for
from drawn_stream import Stream

LAUNCH, PROGRAM = sys.argv[1:3]


class Served:
    """A stream of three kinds of pictures whose gallery takes edits, and the server of its page."""

    def __init__(self, edits=True):
        self.holder = tempfile.TemporaryDirectory()
        self.output = pathlib.Path(self.holder.name) / "gallery"
        self.stream = Stream(LAUNCH, self.output, edits=edits)
        self.stream.send_warm_up()
        wait_for(lambda: len(self.groups()) == 3)
        self.serve()

    def serve(self):
        self.server = subprocess.Popen([PROGRAM, "serve", "--port", "0", str(self.output)], text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.address = self.server.stdout.readline().strip()
        address, self.token = self.address.split("#token=")
        self.port = int(address.rstrip("/").rsplit(":", 1)[1])

    def close(self):
        self.stream.kill()
        self.server.send_signal(signal.SIGINT)
        self.server.wait(20)
        self.server.stdout.close()
        self.holder.cleanup()

    def goes_on_until(self, what):
        """An edit holds from the next frame on."""
        wait_for(lambda: self.stream.send(3) or what())

    def data(self):
        text = (self.output / "data/groups.js").read_text(encoding="utf-8")
        return json.loads(text[text.index("(") + 1:text.rindex(")")])

    def groups(self, state="present"):
        return [group for group in self.data()["groups"] if group["state"] == state]

    def labels(self):
        return sorted(group["label"] for group in self.groups())

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")

    def edit(self, body, token=None):
        text = body if isinstance(body, (bytes, str)) else json.dumps(body)
        return self.ask("POST", "/edit", text, {"Content-Type": "application/json",
                                                "X-Driftcluster-Token": token or self.token})


class EditTest(unittest.TestCase):
    def served(self, **options):
        served = Served(**options)
        self.addCleanup(served.close)
        return served

    def test_edits_reach_the_stream(self):
        served = self.served()
        first, second, third = served.groups()
        self.assertEqual(served.edit({"action": "rename-cluster", "cluster": first["uuid"],
                                      "label": 'a "van"; ,=\\'}), (200, "done"))
        served.goes_on_until(lambda: 'a "van"; ,=\\' in served.labels())
        self.assertEqual(served.edit({"action": "pin-cluster", "cluster": first["uuid"], "on": True}), (200, "done"))
        served.goes_on_until(lambda: [group["uuid"] for group in served.groups() if group["pinned"]] == [first["uuid"]])
        self.assertEqual(served.edit({"action": "ignore-cluster", "cluster": third["uuid"]}), (200, "done"))
        served.goes_on_until(lambda: [group["uuid"] for group in served.groups("ignored")] == [third["uuid"]])
        self.assertEqual(served.edit({"action": "merge-clusters", "cluster": first["uuid"], "other": second["uuid"]}),
                         (200, "done"))
        served.goes_on_until(lambda: [group["uuid"] for group in served.groups("gone")] == [second["uuid"]])
        self.assertEqual(served.edit({"action": "split-cluster", "cluster": first["uuid"]}), (200, "done"))
        served.goes_on_until(lambda: len(served.groups()) == 2)

    def test_what_the_stream_refuses_is_told(self):
        served = self.served()
        first = served.groups()[0]
        status, why = served.edit({"action": "split-cluster", "cluster": "no such one"})
        self.assertEqual(status, 400)
        self.assertIn("no such one", why)
        for edit in ({"action": "dance"}, {"action": "split-cluster", "cluster": "none"}, {"cluster": first["uuid"]},
                     {"action": "rename-cluster", "cluster": first["uuid"], "label": "x" * 100},
                     {"action": "rename-cluster", "cluster": first["uuid"], "label": ["x"]},
                     {"action": "pin-cluster", "cluster": first["uuid"], "on": "yes"},
                     {"action": "merge-clusters", "cluster": first["uuid"], "other": first["uuid"]},
                     [], "no JSON", b"\xff", b"", "{" * 2000):
            status, why = served.edit(edit)
            self.assertEqual(status, 400, (edit, why))
            self.assertTrue(why)
        before = served.labels()
        served.stream.send(6)
        self.assertEqual(served.labels(), before)
        self.assertEqual(served.edit({"action": "split-cluster", "cluster": "x" * 5000})[0], 413)

    def test_edits_need_the_token(self):
        served = self.served()
        edit = {"action": "rename-cluster", "cluster": served.groups()[0]["uuid"], "label": "mine"}
        self.assertEqual(served.edit(edit, token="0" * 32)[0], 403)
        self.assertEqual(served.ask("POST", "/edit", json.dumps(edit), {"Content-Type": "application/json"})[0], 403)
        served.stream.send(6)
        self.assertNotIn("mine", served.labels())

    def test_a_stream_that_takes_no_edits_or_has_ended_says_so(self):
        served = self.served(edits=False)
        edit = {"action": "split-cluster", "cluster": served.groups()[0]["uuid"]}
        status, why = served.edit(edit)
        self.assertEqual(status, 503)
        self.assertIn("edits=true", why)
        served.stream.end()
        self.assertEqual(served.edit(edit)[0], 503)
        self.assertEqual(served.ask("GET", "/")[0], 200)

    def test_gives_out_the_page_and_nothing_else(self):
        served = self.served()
        (served.output / "secret.txt").write_text("not for those who look")
        (served.output / "page/link.js").symlink_to(served.output / "secret.txt")
        exemplar = served.groups()[0]["exemplars"][0]["file"]
        for path in ("/", "/index.html", "/page/style.css", "/page/gallery-edit.js", "/data/groups.js", f"/{exemplar}"):
            self.assertEqual(served.ask("GET", path)[0], 200, path)
        for path in ("/secret.txt", "/gallery.lock", "/edits.socket", "/page/link.js", "/data/", "/exemplars/",
                     "/page/../secret.txt", "/exemplars/../secret.txt", "/exemplars/%2e%2e/secret.txt", "/picture/1",
                     "/thumbs/0/1.jpg", "/data/index.js"):
            status, text = served.ask("GET", path)
            self.assertIn(status, (400, 403, 404), path)
            self.assertNotIn("not for those who look", text)

    def test_what_is_no_gallery_is_refused(self):
        with tempfile.TemporaryDirectory() as home:
            (pathlib.Path(home) / "gallery.lock").write_bytes(b"")
            refused = subprocess.run([PROGRAM, "serve", "--port", "0", home], capture_output=True, text=True, timeout=20)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("there is no page", refused.stderr)


class PageTest(BrowserTest):
    def opened(self, **options):
        served = Served(**options)
        self.addCleanup(served.close)
        self.browser.get(served.address)
        wait_for(lambda: len(self.all("#view .card")) == 3)
        return served

    def open_group(self, served, group):
        self.browser.get(f"http://127.0.0.1:{served.port}/#/group/{group['id']}")
        wait_for(lambda: self.one(".view-head h2").text == group["label"])

    def button(self, text):
        return wait_for(lambda: [button for button in self.all(".view-head .buttons button") if button.text == text])[0]

    def test_a_name_reaches_the_stream_and_comes_back(self):
        served = self.opened()
        self.assertNotIn("token", self.browser.current_url)
        self.open_group(served, served.groups()[0])
        self.button("Rename").click()
        self.one("#ask-input").send_keys(Keys.CONTROL, "a")
        self.one("#ask-input").send_keys("<b>Vans</b>", Keys.ENTER)
        served.goes_on_until(lambda: self.one(".view-head h2").text == "<b>Vans</b>")
        self.assertIn("<b>Vans</b>", served.labels())
        self.browser.refresh()  # it is the stream that remembers
        wait_for(lambda: self.one(".view-head h2").text == "<b>Vans</b>")

    def test_merging_pinning_and_ignoring(self):
        served = self.opened()
        first, second, third = served.groups()
        self.open_group(served, third)
        self.button("Ignore").click()
        served.goes_on_until(lambda: self.button("Ignore").get_attribute("aria-pressed") == "true")
        self.open_group(served, first)
        self.button("Pin").click()
        served.goes_on_until(lambda: self.button("Pin").get_attribute("aria-pressed") == "true")
        wait_for(lambda: "pinned" in self.one(".view-head .card-facts").text)
        self.button("Merge").click()
        wait_for(lambda: self.texts("#ask option") == [second["label"]])  # what is ignored is no choice
        self.one("#ask-yes").click()
        served.goes_on_until(lambda: self.one(".view-head h2").text == second["label"])
        self.browser.get(f"http://127.0.0.1:{served.port}/#/groups")
        served.goes_on_until(lambda: len(self.all("#gone-list .card")) == 2)

    def test_why_something_was_not_done_is_shown(self):
        served = self.opened()
        self.open_group(served, served.groups()[0])
        self.button("Rename").click()
        self.one("#ask-input").send_keys(Keys.CONTROL, "a")
        self.one("#ask-input").send_keys("ü" * 50, Keys.ENTER)  # a hundred bytes
        wait_for(lambda: "bytes" in self.one("#toast").text)
        served.stream.end()
        wait_for(lambda: self.one("#state-text").text == "The stream has ended")
        wait_for(lambda: not self.browser.execute_script(
            "return document.querySelectorAll('.view-head .buttons button').length"))

    def test_without_token_or_edits_there_is_nothing_to_press(self):
        served = self.opened(edits=False)
        self.open_group(served, served.groups()[0])
        self.assertEqual(self.texts(".view-head .buttons button"), [])

    def test_fits_everybody(self):
        served = self.opened()
        group = served.groups()[0]
        for size in (PHONE, DESKTOP):
            self.sized(size)
            for scheme in ("light", "dark"):
                self.coloured(scheme)
                self.open_group(served, group)
                self.button("Rename")
                for problem in (TOO_WIDE, LOW_CONTRAST, UNNAMED):
                    self.assertEqual(self.script(problem), [], (size, scheme))
                self.button("Rename").click()
                for problem in (TOO_WIDE, LOW_CONTRAST, UNNAMED):
                    self.assertEqual(self.script(problem), [], (size, scheme, "dialog"))
                self.press(Keys.ESCAPE)
        self.coloured("light")


if __name__ == "__main__":
    runner = TAPTestRunner()
    runner.set_stream(True)
    unittest.main(argv=sys.argv[:1], testRunner=runner)
