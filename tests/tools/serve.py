#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `driftcluster serve` gives out and takes, and what it refuses, request by request.

serve.py DRIFTCLUSTER

Skipped where the program is built without its server.
"""
import concurrent.futures
import contextlib
import http.client
import ipaddress
import json
import pathlib
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

from tap.runner import TAPTestRunner

import drawn

PROGRAM = sys.argv[1]
SECRET = b"not for those who look at pictures"
MOST_EDIT = 4096  # bytes
MOST_LISTENERS = 64


def wait_for(what, seconds=20):
    """Waits until `what()` is true, and returns what it gave."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError):
            if found := what():
                return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


class Server:
    """A running server, and a client of it."""

    def __init__(self, output, *options):
        self.process = subprocess.Popen([PROGRAM, "serve", "--port", "0", *options, str(output)],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.address, self.token = self.process.stdout.readline().strip().split("#token=")
        host, port = self.address.removeprefix("http://").rstrip("/").rsplit(":", 1)
        self.host, self.port = host.strip("[]"), int(port)

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        status = self.process.wait(20)
        self.process.stdout.close()
        return status

    def ask(self, method, path, body=None, headers=None):
        """Status, headers and body of the answer."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def status(self, method, path, body=None, headers=None):
        return self.ask(method, path, body, headers)[0]

    def edit(self, body, **headers):
        """Sends an edit as the page does; `headers` replace or, as None, leave out its own."""
        sent = {"Content-Type": "application/json", "X-Driftcluster-Token": self.token}
        for name, value in headers.items():
            sent[name.replace("_", "-")] = value
        text = body if isinstance(body, (bytes, str)) else json.dumps(body)
        status, _, answer = self.ask("POST", "/edit", text,
                                     {name: value for name, value in sent.items() if value is not None})
        return status, answer.decode()

    def raw(self, data, finish=True):
        """What the server answers to `data`, byte by byte; it may hang up before it has read all of it."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            with contextlib.suppress(ConnectionError):
                connection.sendall(data)
            if finish:
                with contextlib.suppress(OSError):  # not connected any more
                    connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while part := connection.recv(65536):
                    answer += part
        return answer

    def raw_status(self, target):
        """The status that a request for `target`, as it stands, is answered with."""
        lines = [b"GET " + target + b" HTTP/1.1", b"Host: 127.0.0.1:%d" % self.port, b"Connection: close"]
        answer = self.raw(b"\r\n".join(lines) + b"\r\n\r\n", finish=False)
        return (int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else None), answer


class Collection:
    """Three kinds of pictures with their groups, in a folder that goes with the test."""

    def __init__(self):
        self.holder = tempfile.TemporaryDirectory()
        self.home = pathlib.Path(self.holder.name)
        self.folder, self.output = self.home / "pictures", self.home / "groups"
        drawn.kinds(self.folder, each=6)

    def categorise(self, *options):
        made = subprocess.run([PROGRAM, "categorise", "--groups", "3", *options, self.folder, self.output],
                              capture_output=True, text=True, timeout=120)
        assert made.returncode == 0, made.stderr

    def data(self, name="index"):
        text = (self.output / f"data/{name}.js").read_text(encoding="utf-8")
        return json.loads(text[text.index("(") + 1:-3])

    def groups(self):
        return {group["id"]: group for group in self.data()["groups"]}

    def group_of(self, path):
        for number in self.groups():
            for picture, known, *_ in self.data(f"group-{number}")["pictures"]:
                if known == path:
                    return number, picture
        return None


def may_bind(address, port=0):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def own_ipv6_address():
    """An address of this machine that is not the loopback's, or None."""
    with contextlib.suppress(OSError), open("/proc/net/if_inet6", encoding="ascii") as lines:
        for line in lines:
            digits, _, _, scope, *_ = line.split()
            address = str(ipaddress.ip_address(bytes.fromhex(digits)))
            if scope == "00" and may_bind(address):
                return address
    return None


class AddressTest(unittest.TestCase):
    """Which hosts a request may name, for each address to listen at."""

    @classmethod
    def setUpClass(cls):
        cls.collection = Collection()
        cls.addClassCleanup(cls.collection.holder.cleanup)
        cls.collection.categorise()

    def serve(self, *options):
        server = Server(self.collection.output, *options)
        self.addCleanup(server.end)
        return server

    def assert_hosts(self, server, hosts, status):
        for host in hosts:
            origin = {"Host": host, "Origin": f"http://{host}"}
            self.assertEqual(server.status("GET", "/data/index.js", headers=origin), status, host)

    def test_this_machine_only(self):
        server = self.serve()
        port = server.port
        self.assert_hosts(server, [f"127.0.0.1:{port}", f"LocalHost:{port}", f"[::1]:{port}", f"[0:0::1]:{port}"], 200)
        self.assert_hosts(server, ["127.0.0.1", f"192.0.2.7:{port}", f"[fd00::7]:{port}",
                                   f"evil.example:{port}", f"127.0.0.1.evil.example:{port}"], 403)

    def test_all_addresses_are_named_by_number(self):
        for address in ("0.0.0.0", "::"):
            if not may_bind(address):
                continue  # no IPv6 here
            server = self.serve("--address", address)
            port = server.port
            self.assert_hosts(server, [f"127.0.0.1:{port}", f"localhost:{port}", f"192.0.2.7:{port}",
                                       f"[fd00::7]:{port}"], 200)
            self.assert_hosts(server, [f"evil.example:{port}", f"192.0.2.7.evil.example:{port}",
                                       f"192.0.2.7:{port + 1}", "192.0.2.7"], 403)

    @unittest.skipUnless(own_ipv6_address(), "no IPv6 address")
    def test_an_ipv6_address(self):
        address = own_ipv6_address()
        server = self.serve("--address", ipaddress.ip_address(address).exploded)
        self.assert_hosts(server, [f"[{address}]:{server.port}", f"[{address.upper()}]:{server.port}"], 200)
        self.assert_hosts(server, [f"[fd00::7:7]:{server.port}", f"evil.example:{server.port}"], 403)

    @unittest.skipUnless(may_bind("127.0.0.1", 80), "port 80 cannot be listened at")
    def test_port_80_goes_without_saying(self):
        server = self.serve("--port", "80")
        self.assert_hosts(server, ["127.0.0.1", "127.0.0.1:80", "localhost", "[::1]"], 200)
        self.assert_hosts(server, ["127.0.0.1:81", "evil.example", ""], 403)


class RefusalTest(unittest.TestCase):
    """Nothing of this changes anything, so that one server stands all of it."""

    @classmethod
    def setUpClass(cls):
        cls.collection = Collection()
        cls.addClassCleanup(cls.collection.holder.cleanup)
        outside = cls.collection.home / "outside"
        outside.mkdir()
        (outside / "secret.png").write_bytes(drawn.plain((1, 2, 3)) + SECRET)
        (outside / "secret.txt").write_bytes(SECRET)
        (cls.collection.folder / "leads-out.png").symlink_to(outside / "secret.png")
        (cls.collection.folder / "folder-leads-out").symlink_to(outside)
        cls.collection.categorise()
        cls.server = Server(cls.collection.output)
        cls.addClassCleanup(cls.server.end)

    def setUp(self):
        self.before = self.collection.groups()

    def tearDown(self):
        self.assertEqual(self.collection.groups(), self.before)
        self.assertEqual(self.server.status("GET", "/"), 200)  # it lives

    def first(self):
        return next(iter(self.before))

    def rename(self, **more):
        return {"action": "rename-cluster", "group": self.first(), "name": "Changed", **more}

    # --- who may edit ---

    def test_edits_need_the_token(self):
        token = self.server.token
        for wrong in (None, "", "x", token[:-1], token + "0", f"{token},{token}", "0" * len(token)):
            status, answer = self.server.edit(self.rename(), X_Driftcluster_Token=wrong)
            self.assertEqual(status, 403, wrong)
            self.assertIn("token", answer)

    def test_the_token_counts_in_its_header_only(self):
        token = self.server.token
        for path, headers in ((f"/edit?token={token}", {}), ("/edit", {"Cookie": f"driftcluster-token={token}"}),
                              ("/edit", {"Authorization": f"Bearer {token}"})):
            status = self.server.status("POST", path, json.dumps(self.rename()),
                                        {"Content-Type": "application/json", **headers})
            self.assertEqual(status, 403, path)

    def test_a_form_of_another_page_is_no_edit(self):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None):
            self.assertEqual(self.server.edit(self.rename(), Content_Type=kind)[0], 403, kind)

    def test_requests_of_other_pages_are_refused(self):
        port = self.server.port
        for headers in ({"Host": "evil.example"}, {"Host": f"evil.example:{port}"}, {"Host": ""},
                        {"Host": f"127.0.0.1:{port + 1}"}, {"Origin": "http://evil.example"},
                        {"Origin": "null"}, {"Origin": f"https://127.0.0.1:{port}"},
                        {"Sec-Fetch-Site": "cross-site"}):
            named = {name.replace("-", "_"): value for name, value in headers.items()}
            self.assertEqual(self.server.edit(self.rename(), **named)[0], 403, headers)
            self.assertEqual(self.server.status("GET", "/data/index.js", headers=headers), 403, headers)

    def test_a_request_without_a_host_is_refused(self):
        answer = self.server.raw(b"GET /data/index.js HTTP/1.0\r\n\r\n", finish=False)
        self.assertRegex(answer, rb"^HTTP/1\.\d 40[03] ")

    # --- what an edit is ---

    def test_other_methods_are_refused(self):
        for method, path in (("GET", "/edit"), ("PUT", "/edit"), ("DELETE", "/edit"), ("PATCH", "/edit"),
                             ("OPTIONS", "/edit"), ("POST", "/"), ("POST", "/data/index.js"),
                             ("PUT", "/data/index.js"), ("DELETE", "/picture/1"), ("TRACE", "/"),
                             ("PROPFIND", "/")):
            status = self.server.status(method, path, headers={"X-Driftcluster-Token": self.server.token,
                                                               "Content-Type": "application/json"})
            self.assertEqual(status, 405, (method, path))

    def test_what_is_no_json_object_is_refused(self):
        for text in (b"", b"{", b"[]", b"null", b"7", b'"text"', b"\xff\xfe", b"\0", b'{"action": "rename-cluster"',
                     b"[" * MOST_EDIT, b'{"a":' * (MOST_EDIT // 5)):
            status, answer = self.server.edit(text)
            self.assertEqual(status, 400, text[:20])
            self.assertIn("the request is not", answer)

    def test_edits_that_make_no_sense_are_refused(self):
        group = self.first()
        for edit in ({}, {"action": None}, {"action": "drop-everything"}, {"action": ["rename-cluster"]},
                     self.rename(group=None), self.rename(group="1"), self.rename(group=0), self.rename(group=-1),
                     self.rename(group=1.5), self.rename(group=99999), self.rename(group=2**63), self.rename(name=7),
                     self.rename(name=""), self.rename(name="   "), self.rename(name="x" * 64),
                     self.rename(name="two\nlines"), self.rename(name=list(self.before.values())[1]["name"]),
                     {"action": "merge-clusters", "group": group, "into": group},
                     {"action": "merge-clusters", "group": group, "into": 99999},
                     {"action": "merge-clusters", "group": group},
                     {"action": "split-cluster", "group": 99999},
                     {"action": "pin-cluster", "group": group, "pinned": 1},
                     {"action": "pin-cluster", "group": 99999, "pinned": True},
                     {"action": "move-picture", "picture": 99999, "group": group},
                     {"action": "move-picture", "picture": 1, "group": 99999},
                     {"action": "move-picture", "group": group}):
            status, answer = self.server.edit(edit)
            self.assertEqual(status, 400, edit)
            self.assertTrue(answer, edit)

    def test_names_are_no_sql(self):
        for name in ("'; DROP TABLE groups; --", "' OR 1=1 --"):
            status, _ = self.server.edit(self.rename(group=99999, name=name))
            self.assertEqual(status, 400)

    # --- how much ---

    def test_large_edits_are_refused_before_they_are_read(self):
        padded = json.dumps(self.rename(padding="x" * MOST_EDIT))
        self.assertEqual(self.server.edit(padded)[0], 413)
        head = (f"POST /edit HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\nContent-Type: application/json\r\n"
                f"X-Driftcluster-Token: {self.server.token}\r\nConnection: close\r\n").encode()
        # A body of any length, which is not sent, and one without a length.
        for length in (b"Content-Length: 99999999999\r\n", b"Transfer-Encoding: chunked\r\n"):
            answer = self.server.raw(head + length + b"\r\n" + b"1000\r\n" + b"x" * 4096 + b"\r\n")
            self.assertNotRegex(answer, rb"^HTTP/1\.\d 200 ")
        answer = self.server.raw(head + b"Transfer-Encoding: chunked\r\n\r\n"
                                 + b"".join(b"1000\r\n" + b"x" * 4096 + b"\r\n" for _ in range(64)) + b"0\r\n\r\n")
        self.assertRegex(answer, rb"^HTTP/1\.\d 413 ")

    def test_an_edit_that_breaks_off_does_nothing(self):
        body = json.dumps(self.rename()).encode()
        head = (f"POST /edit HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\nContent-Type: application/json\r\n"
                f"X-Driftcluster-Token: {self.server.token}\r\nContent-Length: {len(body)}\r\n\r\n").encode()
        self.assertNotRegex(self.server.raw(head + body[:-1]), rb"^HTTP/1\.\d 200 ")

    def test_bytes_that_are_no_request_do_no_harm(self):
        for data in (b"", b"\0" * 100, b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost", b"x" * 200000, b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n"):
            self.assertNotRegex(self.server.raw(data), rb"^HTTP/1\.\d 200 ")
            self.assertEqual(self.server.status("GET", "/"), 200)

    def test_pages_beyond_what_is_told_of_changes_are_refused(self):
        with contextlib.ExitStack() as stack:
            for _ in range(MOST_LISTENERS):
                connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
                stack.enter_context(contextlib.closing(connection))
                connection.request("GET", "/events")
                self.assertEqual(connection.getresponse().status, 200)
            self.assertEqual(self.server.status("GET", "/events"), 503)
        # They are closed now, and others may take their places.
        for _ in range(2 * MOST_LISTENERS):
            wait_for(self.may_listen)

    def may_listen(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", "/events")
            return connection.getresponse().status == 200

    # --- which files ---

    def test_paths_lead_nowhere_else(self):
        home = str(self.collection.home).encode()
        targets = [b"/../pictures/red/red-00.png", b"/../outside/secret.txt", b"/data/../../outside/secret.txt",
                   b"/%2e%2e/outside/secret.txt", b"/data/%2e%2e/%2e%2e/outside/secret.txt",
                   b"/data/..%2f..%2foutside%2fsecret.txt", b"/%2e%2e%2foutside%2fsecret.txt",
                   b"/%252e%252e/outside/secret.txt", b"/..\\outside\\secret.txt", b"/data/..%5c..%5coutside%5csecret.txt",
                   b"//" + home + b"/outside/secret.txt", home + b"/outside/secret.txt",
                   b"/%2f" + home[1:] + b"/outside/secret.txt", b"/data/index.js%00.txt", b"/data/index.js/",
                   b"/data/", b"/thumbs/", b"/page/", b"/thumbs/0/../../collection.sqlite", b"/collection.sqlite",
                   b"/data/../collection.sqlite", b"/data/.lock", b"/lock", b"/data/group--1.js",
                   b"/data/group-1.js.1-0.tmp", b"/thumbs/0/1.jpg%0a", b"/thumbs/0/%2e%2e/1.jpg",
                   b"/picture/../../outside/secret.txt", b"/picture/%2e%2e%2foutside%2fsecret.txt", b"/picture/",
                   b"/picture/0", b"/picture/-1", b"/picture/1e0", b"/picture/1%20", b"/picture/+1", b"/picture/0x1",
                   b"/picture/999999999999999999", b"/picture/9999999999999999999999",
                   b"/picture/red/red-00.png", b"/page/page.js/..%2f..%2findex.html", b"/" + b"a/" * 4000,
                   b"/" + b"../" * 1000 + b"etc/passwd"]
        for target in targets:
            status, answer = self.server.raw_status(target)
            self.assertIn(status, (400, 403, 404, 414), target[:60])
            for found in (SECRET, b"SQLite format", b"root:", b"\x89PNG"):
                self.assertNotIn(found, answer, target[:60])

    def test_addresses_of_elsewhere_are_not_fetched(self):
        for target in (b"http://evil.example/", b"file:///etc/passwd", b"http://127.0.0.1:1/data/index.js"):
            _, answer = self.server.raw_status(target)
            self.assertNotIn(b"root:", answer)
        answer = self.server.raw(b"CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\n"
                                 b"Connection: close\r\n\r\n")
        self.assertNotRegex(answer, rb"^HTTP/1\.\d 200 ")

    def test_links_that_lead_out_of_the_folder_are_not_followed(self):
        for path in ("leads-out.png", "folder-leads-out/secret.png"):
            _, picture = self.collection.group_of(path)
            status, _, answer = self.server.ask("GET", f"/picture/{picture}")
            self.assertEqual(status, 403, path)
            self.assertNotIn(SECRET, answer)
            self.assertEqual(self.server.status("GET", f"/thumbs/0/{picture}.jpg"), 200)

    def test_a_picture_that_becomes_a_link_is_not_followed(self):
        path = self.collection.folder / "red/red-00.png"
        content = path.read_bytes()
        _, picture = self.collection.group_of("red/red-00.png")
        self.assertEqual(self.server.ask("GET", f"/picture/{picture}")[2], content)
        path.unlink()
        self.assertEqual(self.server.status("GET", f"/picture/{picture}"), 403)
        path.symlink_to(self.collection.home / "outside/secret.txt")
        status, _, answer = self.server.ask("GET", f"/picture/{picture}")
        self.assertEqual(status, 403)
        self.assertNotIn(SECRET, answer)
        path.unlink()
        path.write_bytes(content)

    def test_links_in_the_output_are_not_followed(self):
        _, picture = self.collection.group_of("red/red-01.png")
        for name in (f"thumbs/0/{picture}.jpg", "data/outliers.js"):
            path = self.collection.output / name
            moved = path.rename(path.with_suffix(".moved"))
            path.symlink_to(self.collection.home / "outside/secret.txt")
            status, _, answer = self.server.ask("GET", f"/{name}")
            self.assertEqual(status, 404, name)
            self.assertNotIn(SECRET, answer)
            path.unlink()
            moved.rename(path)


class ServedTest(unittest.TestCase):
    def setUp(self):
        self.collection = Collection()
        self.addCleanup(self.collection.holder.cleanup)
        self.collection.categorise()
        self.server = self.serve()

    def serve(self):
        server = Server(self.collection.output)
        self.addCleanup(server.end)
        return server

    def done(self, **edit):
        self.assertEqual(self.server.edit(edit), (200, "done"))

    def test_gives_out_the_page_and_nothing_may_be_made_of_it(self):
        _, picture = self.collection.group_of("red/red-00.png")
        kinds = {"/": "text/html; charset=utf-8", "/index.html": "text/html; charset=utf-8",
                 "/page/style.css": "text/css; charset=utf-8", "/page/common.js": "text/javascript; charset=utf-8",
                 "/page/page.js": "text/javascript; charset=utf-8", "/page/edit.js": "text/javascript; charset=utf-8",
                 "/data/index.js": "text/javascript; charset=utf-8", f"/thumbs/0/{picture}.jpg": "image/jpeg",
                 f"/picture/{picture}": "image/png"}
        for path, kind in kinds.items():
            status, headers, body = self.server.ask("GET", path)
            self.assertEqual((status, headers["Content-Type"]), (200, kind), path)
            self.assertTrue(body)
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
            self.assertNotIn("Access-Control-Allow-Origin", headers)
            status, headers, nothing = self.server.ask("HEAD", path)
            self.assertEqual((status, nothing), (200, b""), path)
        self.assertEqual(self.server.ask("GET", f"/picture/{picture}")[2],
                         (self.collection.folder / "red/red-00.png").read_bytes())

    def test_every_edit_is_done_and_survives_a_restart(self):
        red, picture = self.collection.group_of("red/red-00.png")
        green, _ = self.collection.group_of("green/green-00.png")
        blue, _ = self.collection.group_of("blue/blue-00.png")
        self.done(action="rename-cluster", group=red, name="Füchse <b>")
        self.done(action="pin-cluster", group=red, pinned=True)
        self.done(action="move-picture", picture=picture, group=green)
        self.done(action="merge-clusters", group=blue, into=green)
        self.done(action="split-cluster", group=red)
        after = self.collection.groups()
        self.assertEqual(len(after), 3)
        self.assertEqual(after[red]["name"], "Füchse <b>")
        self.assertTrue(after[red]["pinned"])
        self.assertEqual(after[green]["size"], 13)
        self.assertNotIn(blue, after)
        token = self.server.token
        self.assertEqual(self.server.end(), 0)

        self.server = self.serve()
        self.assertEqual(self.server.status("GET", "/data/index.js"), 200)
        self.assertEqual(self.collection.groups(), after)
        self.assertEqual(self.collection.group_of("red/red-00.png")[0], green)
        self.assertNotEqual(self.server.token, token)
        rename = {"action": "rename-cluster", "group": red, "name": "Other"}
        self.assertEqual(self.server.edit(rename, X_Driftcluster_Token=token)[0], 403)
        self.collection.categorise("--regroup")
        self.assertEqual(self.collection.groups()[red]["name"], "Füchse <b>")

    def test_edits_at_once_are_all_done(self):
        groups = list(self.collection.groups())
        pictures = [self.collection.group_of(f"red/red-{number:02}.png")[1] for number in range(6)]
        edits = [{"action": "rename-cluster", "group": group, "name": f"Name {group}-{turn}"}
                 for turn in range(4) for group in groups]
        edits += [{"action": "move-picture", "picture": picture, "group": groups[turn % 3]}
                  for turn, picture in enumerate(pictures)]
        edits += [{"action": "pin-cluster", "group": group, "pinned": True} for group in groups]
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(self.server.edit, edits))
        self.assertEqual(answers, [(200, "done")] * len(edits))
        after = self.collection.groups()
        self.assertEqual(sum(group["size"] for group in after.values()), 18)
        for number, group in after.items():
            self.assertRegex(group["name"], rf"^Name {number}-\d$")
            self.assertTrue(group["pinned"])
        for turn in range(6):
            self.assertEqual(self.collection.group_of(f"red/red-{turn:02}.png")[0], groups[turn % 3])
        with contextlib.closing(sqlite3.connect(self.collection.output / "collection.sqlite")) as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            self.assertEqual(database.execute("SELECT value FROM meta WHERE key = 'edits'").fetchone()[0],
                             len(edits))

    def test_of_two_that_want_one_name_one_has_it(self):
        groups = list(self.collection.groups())[:2]
        edits = [{"action": "rename-cluster", "group": group, "name": "Mine"} for group in groups]
        with concurrent.futures.ThreadPoolExecutor(2) as threads:
            answers = list(threads.map(self.server.edit, edits))
        self.assertEqual(sorted(status for status, _ in answers), [200, 400])
        names = [group["name"] for group in self.collection.groups().values()]
        self.assertEqual(names.count("Mine"), 1)

    def test_open_pages_are_told_of_an_edit(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        self.addCleanup(connection.close)
        connection.request("GET", "/events")
        answer = connection.getresponse()
        self.assertEqual(answer.headers["Content-Type"], "text/event-stream")
        self.assertEqual(answer.readline() + answer.readline(), b"data: hello\n\n")
        self.done(action="rename-cluster", group=next(iter(self.collection.groups())), name="New name")
        self.assertEqual(answer.readline(), b"data: changed\n")


class RunningTest(unittest.TestCase):
    """Edits reach the pipeline that is at work on the collection."""

    def setUp(self):
        self.collection = Collection()
        self.addCleanup(self.collection.holder.cleanup)
        self.watching = subprocess.Popen(
            [PROGRAM, "categorise", "--watch", "--groups", "3", str(self.collection.folder),
             str(self.collection.output)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.end)
        wait_for(lambda: self.collection.data()["status"] == "watching")
        self.server = Server(self.collection.output)
        self.addCleanup(self.server.end)

    def end(self):
        if self.watching.poll() is None:
            self.watching.send_signal(signal.SIGINT)
            self.watching.wait(20)

    def arrives(self, name, kind, number):
        """The group that a new picture is put into."""
        (self.collection.folder / name).write_bytes(drawn.stripes(drawn.COLOURS[kind], number))
        return wait_for(lambda: self.collection.group_of(name))[0]

    def done(self, **edit):
        self.assertEqual(self.server.edit(edit), (200, "done"))

    def test_merged_groups_take_what_comes_for_either(self):
        red, _ = self.collection.group_of("red/red-00.png")
        blue, _ = self.collection.group_of("blue/blue-00.png")
        self.done(action="merge-clusters", group=red, into=blue)
        self.done(action="rename-cluster", group=blue, name="Both")
        self.assertEqual(self.arrives("late-red.png", "red", 31), blue)
        self.assertEqual(self.arrives("late-blue.png", "blue", 31), blue)
        wait_for(lambda: self.collection.groups()[blue]["size"] == 14)
        self.assertEqual(self.collection.groups()[blue]["name"], "Both")

    def test_a_group_that_was_split_takes_as_two(self):
        red, _ = self.collection.group_of("red/red-00.png")
        green, _ = self.collection.group_of("green/green-00.png")
        self.done(action="merge-clusters", group=red, into=green)
        self.done(action="split-cluster", group=green)
        known_red, _ = self.collection.group_of("red/red-00.png")
        known_green, _ = self.collection.group_of("green/green-00.png")
        self.assertNotEqual(known_red, known_green)
        self.assertEqual(self.arrives("late-red.png", "red", 33), known_red)
        self.assertEqual(self.arrives("late-green.png", "green", 33), known_green)

    def test_a_picture_that_was_moved_is_not_taken_back(self):
        _, picture = self.collection.group_of("red/red-00.png")
        blue, _ = self.collection.group_of("blue/blue-00.png")
        self.done(action="move-picture", picture=picture, group=blue)
        self.arrives("late-red.png", "red", 35)
        self.assertEqual(self.collection.group_of("red/red-00.png")[0], blue)

    def test_an_edit_that_is_refused_changes_nothing_there(self):
        red, _ = self.collection.group_of("red/red-00.png")
        self.assertEqual(self.server.edit({"action": "merge-clusters", "group": red, "into": 99999})[0], 400)
        self.assertEqual(self.arrives("late-red.png", "red", 37), red)


if __name__ == "__main__":
    if "no web server" in subprocess.run([PROGRAM, "serve", "x"], capture_output=True, text=True,
                                         timeout=60).stderr:
        print("1..0 # SKIP the program is built without its server")
        sys.exit(0)
    runner = TAPTestRunner()
    runner.set_stream(True)
    unittest.main(argv=sys.argv[:1], testRunner=runner)
