#!/usr/bin/env python3
"""What comes in that should not: a primary answers it, keeps it or drops it, and goes on."""

import json
import pathlib
import random
import socket
import struct
import time
import unittest

import support
from longshore_testing import notifications, process, site, wait, web

TOKEN = "bad-input-source-token"
OTHER_TOKEN = "bad-input-other-source-token"
PATH = "/v1/events/main"
GITLAB_PATH = "/api/v4/container_registry_event/events"


class PrimaryTest(support.Scratch):
    LISTEN = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = site.Site(cls.directory, "primary", "primary", listen=cls.LISTEN, more=[
            ("[[source]]", {"name": "main", "token": TOKEN}), ("[[source]]", {"name": "other", "token": OTHER_TOKEN})])
        cls.addClassCleanup(cls.primary.kill)
        cls.primary.start()

    def post(self, body, path=PATH, token="Bearer " + TOKEN, content_type=notifications.MEDIA_TYPE):
        headers = {"Content-Type": content_type}
        if token is not None:
            headers["Authorization"] = token
        return web.ask("POST", self.primary.url + path, body, headers)

    def recorded(self):
        """Ids in the log."""
        answer = self.primary.admin("GET", "/v1/log/events?wait=0&max_bytes=8000000")
        self.assertEqual(answer.status, 200)
        text = web.ask("GET", self.primary.url + "/v1/log/events?wait=0&max_bytes=8000000", headers={
            "Authorization": "Bearer " + self.primary.admin_token, "Accept": "application/x-ndjson"}).text()
        return [record["id"] for record in map(json.loads, text.splitlines()) if "kind" in record]

    def quarantined(self):
        return self.primary.get_json("/v1/quarantine?limit=1000")

    def assert_goes_on(self):
        event = notifications.event()
        self.assertEqual(self.post(notifications.envelope([event])).status, 200)
        self.assertIn(event["id"], self.recorded())


class Tokens(PrimaryTest):
    def test_a_wrong_or_missing_token_is_401_and_records_nothing(self):
        event = notifications.event()
        body = notifications.envelope([event])
        for path in (PATH, GITLAB_PATH):
            for token in (None, "", "Bearer", "Bearer ", "Bearer wrong", "wrong", "Bearer " + TOKEN + "x", TOKEN[:-1],
                          "Basic " + TOKEN):
                self.assertEqual(self.post(body, path, token).status, 401, f"{path} with {token!r}")
        self.assertNotIn(event["id"], self.recorded())
        log = self.primary.all_logs()
        self.assertNotIn(TOKEN, log)

    def test_the_token_of_another_source_is_401_on_a_named_path(self):
        self.assertEqual(self.post(notifications.envelope([notifications.event()]), PATH, "Bearer " + OTHER_TOKEN).status,
                         401)

    def test_both_forms_of_the_token_are_taken_on_both_paths(self):
        for path in (PATH, GITLAB_PATH):
            for token in (TOKEN, "Bearer " + TOKEN, "bearer " + TOKEN):
                event = notifications.event()
                self.assertEqual(self.post(notifications.envelope([event]), path, token).status, 200)
                self.assertIn(event["id"], self.recorded())

    def test_every_registry_content_type_is_taken(self):
        for content_type in (notifications.MEDIA_TYPE, "application/vnd.docker.distribution.events.v2+json",
                             "application/json", "application/json; charset=utf-8"):
            event = notifications.event()
            self.assertEqual(self.post(notifications.envelope([event]), content_type=content_type).status, 200)
            self.assertIn(event["id"], self.recorded())

    def test_administration_needs_the_administrators_token(self):
        for token in (None, "Bearer wrong", "Bearer " + TOKEN):
            headers = {"Authorization": token} if token else {}
            for path in ("/v1/status", "/v1/repositories", "/v1/quarantine", "/v1/log/events"):
                self.assertEqual(web.ask("GET", self.primary.url + path, headers=headers).status, 401, f"{path} {token}")

    def test_a_redelivery_is_acknowledged_and_recorded_once(self):
        event = notifications.event()
        for _ in range(3):
            self.assertEqual(self.post(notifications.envelope([event])).status, 200)
        self.assertEqual(self.recorded().count(event["id"]), 1)


class Sizes(PrimaryTest):
    LISTEN = {"body_bytes_max": 65_536, "header_bytes_max": 4_096}

    def test_an_oversized_body_is_413_and_records_nothing(self):
        before = len(self.recorded())
        self.assertEqual(self.post(b" " * 65_537).status, 413)
        self.assertEqual(len(self.recorded()), before)
        self.assert_goes_on()

    def test_an_oversized_chunked_body_is_413_or_dropped(self):
        before = len(self.recorded())
        with socket.create_connection(("127.0.0.1", self.primary.port), timeout=10) as s:
            s.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n".encode())
            try:
                for _ in range(100):
                    s.sendall(b"1000\r\n" + b" " * 4_096 + b"\r\n")
                s.sendall(b"0\r\n\r\n")
                answer = s.recv(4_096)
            except ConnectionError:
                answer = b""
        self.assertTrue(answer == b"" or b" 413 " in answer.split(b"\r\n")[0], answer[:200])
        self.assertEqual(len(self.recorded()), before)
        self.assert_goes_on()

    def test_a_body_of_exactly_the_limit_is_taken(self):
        event = notifications.event()
        body = notifications.envelope([event])
        self.assertEqual(self.post(body + b" " * (65_536 - len(body))).status, 200)
        self.assertIn(event["id"], self.recorded())

    def test_headers_over_the_limit_are_refused(self):
        with socket.create_connection(("127.0.0.1", self.primary.port), timeout=10) as s:
            s.sendall(f"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: {'y' * 8_192}\r\n\r\n".encode())
            try:
                answer = s.recv(4_096)
            except ConnectionError:
                answer = b""
        self.assertTrue(answer == b"" or answer.split()[1] in (b"400", b"413", b"431"), answer[:200])
        self.assert_goes_on()


class Quarantine(PrimaryTest):
    def assert_quarantined(self, body, name):
        before = self.total()
        answer = self.post(body)
        self.assertIn(answer.status, (200, 202), f"{name}: a registry must not be jammed")
        self.assertEqual(self.total(), before + 1, f"{name}: kept in quarantine")

    def total(self):
        return self.primary.get_json("/v1/quarantine?limit=1")["count"]

    def test_what_cannot_be_understood_is_kept_and_acknowledged(self):
        deep = b'{"events":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
        bodies = {
            "broken JSON": b'{"events": [', "no JSON": b"hello, world", "nothing": b"", "a number": b"7",
            "null": b"null", "a list": b"[]", "no events": b'{"event": []}', "events of text": b'{"events": "x"}',
            "events of numbers": b'{"events": [1, 2, 3]}', "deep": deep, "NULs": b"\0" * 100,
            "not UTF-8": b'{"events": [{"id": "\xff\xfe", "action": 3}]}',
            "two documents": b'{"events": []} {"events": []}',
            "an event without a target": b'{"events": [{"id": "no-target", "action": "push"}]}',
            "a target of the wrong shape": b'{"events": [{"id": "odd", "action": "push", "target": [1]}]}',
        }
        for name, body in bodies.items():
            with self.subTest(name):
                self.assert_quarantined(body, name)
        self.assert_goes_on()

    def test_the_good_events_of_a_half_bad_envelope_are_recorded(self):
        good = notifications.event()
        body = json.dumps({"events": [good, {"id": "bad", "action": 5, "target": "x"}]}).encode()
        self.assert_quarantined(body, "half bad")
        self.assertIn(good["id"], self.recorded())

    def test_absurd_values_never_jam(self):
        def changed(**target):
            event = notifications.event()
            event["target"].update(target)
            return event

        events = [changed(size=-1), changed(size=1e308), changed(size="big"), changed(size=2**63), changed(size=2**64),
                  changed(digest="sha256:zz"), changed(digest="x" * 5_000), changed(tag="t" * 20_000),
                  changed(tag="../../etc/passwd"), changed(repository="../../x"), changed(repository="r" * 30_000),
                  changed(mediaType="\u0000\u0001"), changed(references=[{}] * 3_000),
                  {**notifications.event(), "timestamp": "99999-01-01T00:00:00Z"},
                  {**notifications.event(), "timestamp": "yesterday"}, {**notifications.event(), "timestamp": 5},
                  {**notifications.event(), "action": "explode"}, {**notifications.event(), "action": ""},
                  {**notifications.event(), "id": ""}, {**notifications.event(), "id": "i" * 10_000},
                  {**notifications.event(), "actor": {"name": "n" * 60_000}}]
        for event in events:
            text = json.dumps({"events": [event]})
            self.assertIn(self.post(text.encode()).status, (200, 202), text[:300])
        self.assert_goes_on()

    def test_random_changes_of_a_notification_never_jam(self):
        chance = random.Random(20_260_101)
        for turn in range(300):
            body = bytearray(notifications.envelope([notifications.event()]))
            for _ in range(chance.randrange(1, 6)):
                at = chance.randrange(len(body))
                if chance.random() < 0.5:
                    body[at] = chance.randrange(256)
                else:
                    del body[at:at + chance.randrange(1, 40)]
            self.assertIn(self.post(bytes(body)).status, (200, 202), f"turn {turn}: {bytes(body)!r}")
        self.assert_goes_on()

    def test_delete_events_of_both_versions_are_understood(self):
        second = {"id": "v2-delete", "timestamp": "2026-01-01T00:00:00Z", "action": "delete",
                  "target": {"repository": "team/app", "tag": "v1"}}
        third = {"id": "v3-delete", "timestamp": "2026-01-01T00:00:00Z", "action": "delete",
                 "target": {"mediaType": "", "digest": "", "size": 0, "repository": "team/app", "tag": "v1"}}
        for event in (second, third):
            self.assertEqual(self.post(notifications.envelope([event])).status, 200)
            self.assertIn(event["id"], self.recorded())

    def test_quarantine_survives_a_kill(self):
        self.assert_quarantined(b"kept over a restart", "before the kill")
        before = self.total()
        self.primary.kill()
        self.primary.start()
        self.assertEqual(self.total(), before)


class Sockets(PrimaryTest):
    LISTEN = {"header_timeout": "700ms", "idle_timeout": "1s", "connections_max": 40}

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.primary.port), timeout=15)
        self.addCleanup(s.close)
        return s

    def assert_dropped(self, s, within=10):
        """The site ends the connection, after an answer or without."""
        s.settimeout(within)
        try:
            while s.recv(65_536):
                pass
        except ConnectionError:
            return
        except TimeoutError:
            self.fail(f"still open after {within} s")

    def test_garbage_is_dropped(self):
        hello = bytes.fromhex("16030100c8010000c40303") + bytes(200)
        chance = random.Random(5)
        for junk in (b"\0" * 1_000, hello, b"GET\r\n\r\n", b"\r\n" * 200, chance.randbytes(20_000),
                     b"POST / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                     b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                     b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
                     b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"):
            with self.subTest(junk[:30]):
                s = self.connect()
                try:
                    s.sendall(junk)
                except ConnectionError:
                    continue
                self.assert_dropped(s)
        self.assert_goes_on()

    def test_a_request_that_never_ends_is_dropped_at_the_limit(self):
        s = self.connect()
        began = time.monotonic()
        text = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-Slow: ".encode() + b"y" * 10_000
        try:
            for byte in text:
                s.sendall(bytes([byte]))
                time.sleep(0.05)
                if time.monotonic() - began > 10:
                    self.fail("a client that sends a byte now and then keeps its connection")
        except ConnectionError:
            pass
        self.assert_goes_on()

    def test_a_body_that_never_comes_is_dropped_at_the_limit(self):
        s = self.connect()
        s.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 1000\r\n\r\n"
                  .encode() + b"{")
        self.assert_dropped(s)
        self.assert_goes_on()

    def test_an_idle_connection_is_dropped_at_the_limit(self):
        self.assert_dropped(self.connect())

    def test_idle_connections_over_the_limit_do_not_lock_others_out_for_long(self):
        held = [self.connect() for _ in range(60)]

        def answered():
            return web.ask("GET", self.primary.url + "/healthz", timeout=2).status == 200

        wait.until(answered, "a new client is served", 15)
        for s in held:
            s.close()
        self.assert_goes_on()

    def test_a_client_that_resets_in_the_middle_harms_nobody(self):
        for size in (0, 10, 200):
            s = self.connect()
            s.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 1000\r\n\r\n"
                      .encode() + b"x" * size)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        self.assert_goes_on()

    def test_pipelined_requests_are_all_answered(self):
        s = self.connect()
        events = [notifications.event() for _ in range(5)]
        for event in events:
            body = notifications.envelope([event])
            s.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
                      f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        got = b""
        while got.count(b"HTTP/1.1 200") < len(events):
            more = s.recv(65_536)
            self.assertTrue(more, got)
            got += more
        recorded = self.recorded()
        self.assertEqual([i for i in recorded if i in {e["id"] for e in events}], [e["id"] for e in events])

    def test_whoever_only_holds_connections_keeps_no_registry_out(self):
        held = [self.connect() for _ in range(self.LISTEN["connections_max"] + 8)]
        self.assert_goes_on()
        for s in held:
            s.close()


class Descriptors(support.Scratch):
    """A site that ran out of descriptors could not open its next log file: it asks for enough, or does not start."""

    def site(self, soft, hard):
        one = site.Site(self.directory, f"limited-{hard}", "primary", more=[
            ("[[source]]", {"name": "main", "token": TOKEN})])
        limited = ["prlimit", f"--nofile={soft}:{hard}", "--", *one.process.argv]
        one.process = process.Process(limited, one.directory / "process.log")
        self.addCleanup(one.kill)
        return one

    def test_the_soft_limit_is_raised_to_what_is_needed(self):
        one = self.site(256, 4096).start()
        limits = pathlib.Path(f"/proc/{one.process.pid}/limits").read_text()
        soft = next(int(line.split()[3]) for line in limits.splitlines() if line.startswith("Max open files"))
        self.assertGreater(soft, 1024 + 512)

    def test_a_hard_limit_below_it_is_refused_with_what_to_do(self):
        one = self.site(256, 1024).start(ready=False)
        self.assertEqual(one.process.wait(), 1)
        said = one.all_logs()
        for word in ("1024", "LimitNOFILE", "listen.connections_max"):
            self.assertIn(word, said)


if __name__ == "__main__":
    unittest.main()
