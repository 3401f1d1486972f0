#!/usr/bin/env python3
"""What the target holds is compared with the source, every damage is named; and nothing is deleted on a guess."""

import http.server
import json
import pathlib
import shutil
import threading
import unittest
import urllib.parse

import support
from longshore_testing import fleet, images, wait, web


class Verifying(support.Scratch):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fleet = fleet.Fleet(cls.directory)
        cls.addClassCleanup(cls.fleet.close)
        cls.fleet.start()

    def verify(self, *arguments):
        done = self.ask("--json", *arguments)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertTrue(lines, done.stderr)
        named = {(one["repository"], one["tag"], one["kind"]) for one in lines if "kind" in one}
        return done.returncode, named, lines[-1], [one for one in lines if "kind" not in one][:-1]

    def ask(self, *arguments):
        """Again while a verification runs that the site began by itself."""
        secondary = self.fleet.secondary

        def asked():
            done = secondary.run("verify", "--config", secondary.config_file, *arguments, check=False)
            return None if "a verification runs already" in done.stderr else done

        return wait.until(asked, "no other verification runs", 60)

    def push(self, name, tag="v1"):
        image = images.multi_platform(name, tag, name) if name.endswith("index") else images.simple(
            name, tag, [name + "/1", name + "/2"])
        image.push(self.fleet.at_source)
        return image

    def storage(self, *parts):
        return pathlib.Path(self.fleet.target.storage, "docker/registry/v2", *parts)

    def data_of(self, digest):
        algorithm, value = digest.split(":")
        return self.storage("blobs", algorithm, value[:2], value, "data")

    @staticmethod
    def parts_of(manifest):
        content = json.loads(manifest.body)
        return content["config"]["digest"], [layer["digest"] for layer in content["layers"]]

    def wait_synced(self, names):
        def synced():
            return all(self.fleet.secondary.get_json(f"/v1/repositories/{name}")["state"] == "synced" for name in names)

        wait.until(synced, "all are synced", 60)


class EveryDamage(Verifying):
    KINDS = {"tag": "missing_tag", "other": "other_digest", "layer": "missing_blob", "config": "missing_blob",
             "index": "missing_manifest", "size": "wrong_size", "bytes": "wrong_bytes", "extra": "extra_tag"}

    def damage(self, made):
        at_target = self.fleet.at_target
        shutil.rmtree(self.storage("repositories/truth/tag/_manifests/tags/v1"))
        config, layers = self.parts_of(made["other"].root)
        other = json.loads(made["other"].root.body)
        other["layers"] = other["layers"][:1]
        at_target.put_manifest("truth/other", "v1", made["other"].root.media_type, json.dumps(other).encode())
        self.data_of(self.parts_of(made["layer"].root)[1][0]).unlink()
        at_target.delete_blob("truth/config", self.parts_of(made["config"].root)[0])
        at_target.delete_manifest("truth/index", made["index"].manifests[0].digest)
        short = self.data_of(self.parts_of(made["size"].root)[1][1])
        short.write_bytes(short.read_bytes()[:-3])
        wrong = self.data_of(self.parts_of(made["bytes"].root)[1][1])
        content = bytearray(wrong.read_bytes())
        content[7] ^= 1
        wrong.write_bytes(content)
        at_target.put_manifest("truth/extra", "more", made["extra"].root.media_type, made["extra"].root.body)
        return short, wrong

    def test_each_damage_done_by_hand_is_named_and_mended_where_that_can_be(self):
        made = {name: self.push("truth/" + name) for name in self.KINDS}
        self.fleet.wait_same({("truth/" + name, "v1"): image.root.digest for name, image in made.items()})
        names = ["truth/" + name for name in self.KINDS]
        self.wait_synced(names)
        code, named, summary, _ = self.verify("--deep")
        self.assertEqual((code, named), (0, set()), summary)
        self.assertGreater(summary["bytes"], 100_000)
        for name in names:
            here, there = (of.get_json(f"/v1/repositories/{name}") for of in (self.fleet.secondary, self.fleet.primary))
            self.assertEqual(here["verified_checksum"], there["checksum"])
            self.assertEqual(here["checksum"], there["checksum"])
            self.assertIsNotNone(here["verified_at"])

        short, wrong = self.damage(made)
        wanted = {("truth/" + name, "more" if name == "extra" else "v1", kind) for name, kind in self.KINDS.items()}
        code, named, summary, _ = self.verify("--deep", "--check-only", "truth/*")
        self.assertEqual(named, wanted, summary)
        self.assertEqual(code, 1)
        self.assertIsNone(self.fleet.at_target.digest("truth/tag", "v1"), "it was only told")
        seen = self.fleet.secondary.get_json("/v1/repositories/truth/tag")["state"]
        self.assertEqual(seen, "failed", "which shows until it is mended")
        secondary = self.fleet.secondary
        def cli(*arguments):
            return secondary.run(arguments[0], "--config", secondary.config_file, *arguments[1:], check=False)
        listed = cli("items", "--state", "failed", "truth/*")
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertIn("truth/tag: failed: verification left", listed.stdout)
        for name, kind in self.KINDS.items():
            self.assertIn(f"truth/{name}:{'more' if name == 'extra' else 'v1'}: {kind}: ", listed.stdout)
        self.assertNotEqual(cli("items", "truht/*").returncode, 0, "a name that nobody knows is no empty list")
        last = cli("verify", "--status")
        self.assertEqual(last.returncode, 1, last.stderr)
        self.assertIn("deep, check only", last.stdout)
        self.assertEqual(cli("verify", "--status", "--deep").returncode, 2, "it would not be deep")

        stuck = self.ask("--deep", "truth/bytes", "truth/extra").stdout
        self.assertNotIn("is being mended", stuck, "nothing of this can be")
        self.assertIn("has wrong bytes at the target", stuck)
        self.assertIn("not mended from here", stuck)
        # What was opened again for that is tried first.
        wait.until(lambda: secondary.get_json("/v1/repositories/truth/bytes")["state"] == "failed", "the pass is over", 60)

        to_do = json.loads(cli("status", "--json").stdout)["verdict"]["to_do"]
        self.assertIn("wrong bytes at the target in ", to_do[0])
        self.assertIn("the target differs in ", to_do[1])
        self.assertGreaterEqual(secondary.get_json("/v1/repositories/truth/extra")["mismatches"], 1)
        self.assertIn("truth/extra", cli("status", "--state", "troubled").stdout)

        # A registry keeps what it has under a digest, and the target's own tag is its own affair.
        short.unlink()
        wrong.unlink()
        self.fleet.at_target.delete_manifest("truth/extra", made["extra"].root.digest)
        code, named, found, _ = self.verify("truth/*")
        self.assertEqual(code, 1)
        self.assertIn(("truth/bytes", "v1", "missing_blob"), named)
        self.assertIn(("truth/extra", "v1", "missing_tag"), named)
        tags = {("truth/" + name, "v1"): image.root.digest for name, image in made.items()}
        self.fleet.wait_same(tags)
        had_wrong_bytes = ["truth/bytes", "truth/size"]
        self.wait_synced([name for name in names if name not in had_wrong_bytes])
        self.assertEqual(self.fleet.target_faults(tags), [])
        for name in had_wrong_bytes:
            shown = secondary.get_json(f"/v1/repositories/{name}")
            if secondary.get_json("/v1/verify")["run"] > found["run"]:
                break  # the site reads them by itself, since it lost much at once
            self.assertEqual(shown["state"], "failed", "what came in their place was not read yet")
            self.assertIn("longshore verify", shown["last_sync_failure"])
        code, named, summary, _ = self.verify("truth/*")
        self.assertEqual((code, named), (0, set()), summary)
        self.wait_synced(names)
        metrics = self.fleet.secondary.admin("GET", "/metrics").text()
        self.assertIn("longshore_verify_mismatches 0", metrics)


class Unreachable(Verifying):
    def test_what_cannot_be_compared_is_unknown_and_never_clean(self):
        for name in ("gone/a", "gone/b"):
            self.push(name)
        self.fleet.wait_same({(n, "v1"): self.fleet.at_source.digest(n, "v1") for n in ("gone/a", "gone/b")})
        self.wait_synced(["gone/a", "gone/b"])
        self.fleet.target.stop()
        try:
            code, named, summary, unknown = self.verify("gone/*")
        finally:
            self.fleet.target.start()
        self.assertEqual((code, named), (1, set()))
        self.assertEqual(summary["repositories"]["unknown"], 2)
        self.assertEqual({one["repository"] for one in unknown}, {"gone/a", "gone/b"})

    def test_a_repository_that_nobody_has_is_an_error(self):
        secondary = self.fleet.secondary
        done = secondary.run("verify", "--config", secondary.config_file, "no/such", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no repository", done.stderr)


class Proxy:
    """In front of the source; `mode` says what it does to listings ("nothing": to everything), `only` of which path."""

    def __init__(self, upstream):
        proxy = self
        self.mode, self.only = "pass", ""
        self.upstream = urllib.parse.urlsplit(upstream)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                proxy.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler):
        path = urllib.parse.urlsplit(handler.path)
        listing = path.path.endswith("/tags/list")
        mode = self.mode if self.only in path.path else "pass"
        if mode == "nothing" and path.path != "/v2/":
            return self.send(handler, 200, b"")
        if not listing or mode == "pass":
            return self.forward(handler)
        if mode == "half":
            if "last=" in path.query:
                return self.send(handler, 503, b"")
            status, headers, body = self.ask(handler)
            content = json.loads(body)
            content["tags"] = sorted(content["tags"])[:1]
            more = f'<{path.path}?n=1&last={content["tags"][0]}>; rel="next"'
            return self.send(handler, status, json.dumps(content).encode(),
                             {"Content-Type": "application/json", "Link": more})
        return self.send(handler, int(mode), b"", {"Retry-After": "1"} if mode == "429" else {})

    def ask(self, handler):
        headers = {k: v for k, v in handler.headers.items() if k.lower() != "connection"}
        client = web.Client(f"http://{self.upstream.netloc}")
        try:
            answer = client.ask(handler.command, handler.path, headers=headers)
        finally:
            client.close()
        return answer.status, answer.headers, answer.body

    def forward(self, handler):
        status, headers, body = self.ask(handler)
        kept = {k: v for k, v in headers.items() if k not in ("connection", "transfer-encoding", "date", "server")}
        if handler.command != "HEAD":
            kept["content-length"] = str(len(body))
        self.send(handler, status, body, kept)

    @staticmethod
    def send(handler, status, body, headers=None):
        handler.send_response(status)
        headers = {"content-length": str(len(body)), **(headers or {})}
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)


class Guessing(Verifying):
    @classmethod
    def setUpClass(cls):
        support.Scratch.setUpClass.__func__(cls)
        cls.fleet = fleet.Fleet(cls.directory)
        cls.proxy = Proxy(cls.fleet.source.url)
        cls.addClassCleanup(cls.fleet.close)
        cls.addClassCleanup(cls.proxy.close)
        cls.fleet.secondary.change_config("[source_registry]", url=cls.proxy.url)
        cls.fleet.start()

    def state(self, name):
        return self.fleet.secondary.get_json(f"/v1/repositories/{name}")

    def test_a_listing_that_does_not_come_whole_deletes_nothing_and_nothing_turns_synced(self):
        for mode in ("half", "401", "403", "429", "503", "nothing"):
            with self.subTest(mode):
                name = "guess/" + mode
                kept, gone = self.push(name, "kept"), images.simple(name, "gone", [name + "/3"])
                gone.push(self.fleet.at_source)
                self.fleet.wait_same({(name, "kept"): kept.root.digest, (name, "gone"): gone.root.digest})
                self.wait_synced([name])
                self.proxy.mode = mode
                try:
                    self.fleet.at_source.delete_manifest(name, gone.root.digest)
                    wait.until(lambda: self.state(name)["last_sync_failure"], "the failure is shown", 60)
                    self.assertEqual(self.fleet.at_target.digest(name, "gone"), gone.root.digest)
                    self.assertEqual(self.fleet.at_target.digest(name, "kept"), kept.root.digest)
                    self.assertNotEqual(self.state(name)["state"], "synced")
                    code, named, summary, unknown = self.verify(name)
                    self.assertEqual((code, named), (1, set()), summary)
                    self.assertEqual([one["repository"] for one in unknown], [name])
                finally:
                    self.proxy.mode = "pass"
                self.fleet.wait_same({(name, "gone"): None, (name, "kept"): kept.root.digest})
                self.wait_synced([name])

    def test_what_could_be_compared_is_told_apart_from_what_could_not(self):
        made = {(name, "v1"): self.push(name).root.digest for name in ("part/a", "part/b")}
        self.fleet.wait_same(made)
        self.wait_synced(["part/a", "part/b"])
        self.proxy.mode, self.proxy.only = "503", "/part/a/"
        try:
            code, named, summary, unknown = self.verify("part/*")
        finally:
            self.proxy.mode, self.proxy.only = "pass", ""
        self.assertEqual((code, named), (3, set()), summary)
        self.assertEqual([one["repository"] for one in unknown], ["part/a"])
        self.assertEqual(summary["repositories"]["clean"], 1)

    def test_a_mass_deletion_stops_and_asks(self):
        name = "guess/mass"
        made = [images.simple(name, f"v{n}", [f"{name}/{n}"], size=500) for n in range(12)]
        for image in made:
            image.push(self.fleet.at_source)
        self.fleet.wait_same({(name, image.tag): image.root.digest for image in made})
        self.wait_synced([name])
        self.fleet.secondary.stop()
        for image in made[:8]:
            self.fleet.at_source.delete_manifest(name, image.root.digest)
        self.fleet.secondary.start()
        wait.until(lambda: self.state(name)["parked_items"] >= 8, "they are held back", 60)
        self.assertEqual(len(self.fleet.at_target.tags(name)), 12)
        held = self.state(name)["parked"]
        self.assertTrue(all("would remove 8 of 12 tags" in item["reason"] for item in held), held)
        code, named, summary, _ = self.verify("--check-only", name)
        self.assertEqual((code, named), (3, set()), "they differ, so this is not all equal")
        self.assertEqual(summary["parked_tags"] + summary["unsettled_tags"], 8, summary)
        secondary = self.fleet.secondary
        secondary.run("sync", "--config", secondary.config_file, "--allow-deletes", name)
        wait.until(lambda: len(self.fleet.at_target.tags(name)) == 4, "they are gone", 60)
        self.wait_synced([name])
        self.assertEqual(self.state(name)["parked_items"], 0)


if __name__ == "__main__":
    unittest.main()
