#!/usr/bin/env python3
"""longshore copy and longshore plan between real registries, and from and to files."""

import collections
import contextlib
import gzip
import http.server
import json
import os
import re
import signal
import subprocess
import tarfile
import threading
import time
import unittest

import support
from longshore_testing import images, registry, registry_client, schema1, skopeo, wait

PROGRAM = os.environ.get("SITE_PROGRAM", "longshore")


def run(*arguments, check=True, stdin=None):
    """(exit code, lines of JSON, standard error) of one command."""
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False,
                          input=stdin, env={**os.environ, "HOME": "/nonexistent"})
    if check and done.returncode != 0:
        raise AssertionError(f"{arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def summary(lines):
    return lines[-1]["summary"]


class Pair(support.Scratch):
    """A filled source, and a fresh target for each test."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.source = registry.Registry(cls.directory, "source").start()
        cls.addClassCleanup(cls.source.stop)
        cls.at_source = registry_client.RegistryClient(cls.source.url)
        cls.addClassCleanup(cls.at_source.close)
        for image in images.every_kind(schema1.Signer(cls.directory)):
            image.push(cls.at_source)

    def setUp(self):
        self.target = registry.Registry(self.directory, self.id().rsplit(".", 1)[1]).start()
        self.addCleanup(self.target.stop)
        self.at_target = registry_client.RegistryClient(self.target.url)
        self.addCleanup(self.at_target.close)

    def at(self, of, rest=""):
        return f"docker://{of.host}{rest}"

    def tags(self, client):
        return {(r, t): client.digest(r, t) for r in client.repositories() for t in client.tags(r)}

    def writes(self, of):
        return [r for r in of.requests() if r[0] in ("POST", "PUT", "PATCH", "DELETE")]


def on_terminal(*arguments):
    """(exit code, what a terminal showed) of one command."""
    leader, follower = os.openpty()
    with subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=follower, stderr=follower,
                          env={**os.environ, "HOME": "/nonexistent"}) as running:
        os.close(follower)
        shown = b""
        with contextlib.suppress(OSError):  # the end of a terminal whose other side is closed
            while more := os.read(leader, 65536):
                shown += more
    os.close(leader)
    return running.returncode, shown.decode()


class OnTerminal(Pair):
    def test_the_bar_of_one_image_moves_by_its_bytes(self):
        images.simple("large/app", "v1", ["large/0"], size=12 << 20).push(self.at_source)
        code, shown = on_terminal("copy", self.at(self.source, "/large/app:v1"), self.at(self.target, "/large/app:v1"),
                                  "--dst-bytes-per-second", "5MB")
        self.assertEqual(code, 0, shown)
        frames = [f for f in re.split(r"\r\x1b\[K", shown) if f.startswith("[")]
        bars = [f.split("]")[0].count("#") for f in frames]
        self.assertEqual(bars, sorted(bars))
        self.assertTrue(any(0 < b < 20 for b in bars), frames)
        self.assertTrue(any(re.search(r" 0/1 images .* to go .*ETA [0-9]+s", f) for f in frames), frames)


class UnderAnotherName(Pair):
    def test_what_the_target_has_under_the_sources_name_is_mounted_under_another(self):
        images.simple("team/named", "v1", ["base/0", "named/1"]).push(self.at_source)
        run("copy", self.at(self.source, "/team/named"), self.at(self.target, "/team/named"))
        for verb in ("plan", "copy"):
            _, lines, _ = run(verb, self.at(self.source, "/team/named"), self.at(self.target, "/mirror/named"))
            moved = summary(lines)["blobs"]
            self.assertEqual(moved["copied"]["blobs"], 0, verb)
            self.assertEqual(moved["mounted"]["blobs"], 3, verb)
        self.assertEqual(self.at_target.digest("mirror/named", "v1"), self.at_source.digest("team/named", "v1"))


class Registries(Pair):
    def test_a_whole_registry_arrives_with_every_kind_of_image_and_a_second_run_sends_nothing(self):
        code, lines, _ = run("copy", "--json", self.at(self.source), self.at(self.target))
        self.assertEqual(code, 0)
        wanted = self.tags(self.at_source)
        self.assertGreaterEqual(len(wanted), 30)
        self.assertEqual(self.tags(self.at_target), wanted)
        self.assertEqual([f for r, t in wanted for f in self.at_target.closure_faults(r, t)], [])
        self.assertEqual(summary(lines)["copied"], len(wanted))
        sent = collections.Counter(path.split("digest=")[1].split("&")[0] for method, path, status
                                   in self.target.requests() if method == "PUT" and "/uploads/" in path)
        self.assertEqual({d: n for d, n in sent.items() if n > 1}, {}, "sent more than once")
        before = len(self.writes(self.target))
        code, lines, _ = run("copy", "--json", self.at(self.source), self.at(self.target))
        self.assertEqual(code, 0)
        self.assertEqual(summary(lines)["unchanged"], len(wanted))
        self.assertEqual(len(self.writes(self.target)), before)

    def test_a_plan_tells_the_bytes_and_touches_nothing_and_the_copy_then_does_just_that(self):
        source, target = self.at(self.source, "/team/*"), self.at(self.target)
        code, planned, _ = run("plan", "--json", source, target)
        self.assertEqual(code, 0)
        self.assertEqual(self.writes(self.target), [])
        self.assertFalse([r for r in self.source.requests() if r[0] not in ("GET", "HEAD", "PUT", "POST", "PATCH")])
        code, done, _ = run("copy", "--json", source, target)
        self.assertEqual(code, 0)
        self.assertGreater(summary(planned)["to_copy"], 0)
        self.assertEqual(summary(planned)["to_copy"], summary(done)["copied"])
        self.assertEqual(summary(planned)["blobs"], summary(done)["blobs"])

    def test_with_a_state_directory_the_target_is_not_asked_again_and_immutable_tags_nobody(self):
        state = self.directory / "state"
        wanted = {t: d for (r, t), d in self.tags(self.at_source).items() if r == "team/app"}
        arguments = ["copy", "--json", "--state", state, self.at(self.source, "/team/app"),
                     self.at(self.target, "/team/app")]
        run(*arguments)
        self.assertTrue(wanted)
        before = len(self.target.requests())
        lines = run(*arguments)[1]
        self.assertEqual(len(self.target.requests()), before)
        self.assertEqual(summary(lines)["unchanged"], len(wanted))
        lines = run(*arguments, "--immutable-tags", "*")[1]
        self.assertEqual(summary(lines)["source_requests"], 1, "the listing")
        self.assertEqual(summary(lines)["target_requests"], 0)
        other = run("copy", "--json", "--state", state, self.at(self.source, "/team/app"), "docker://127.0.0.1:9/x",
                    check=False)
        self.assertEqual(other[0], 1)
        self.assertIn("another --state", other[2])

    def test_one_bad_image_does_not_stop_the_others_and_the_exit_code_says_so(self):
        images.simple("bad/one", "good", ["good"]).push(self.at_source)
        broken = images.simple("bad/one", "broken", ["broken"])
        broken.push(self.at_source)
        layer = max(broken.blobs, key=lambda d: len(broken.blobs[d]))
        self.at_source.delete_blob("bad/one", layer)
        code, lines, said = run("copy", "--json", self.at(self.source, "/bad/one"), self.at(self.target, "/bad/one"),
                                check=False)
        self.assertEqual(code, 3)
        outcomes = {line["ref"]: line for line in lines[:-1]}
        self.assertEqual(outcomes["good"]["outcome"], "copied")
        self.assertEqual(outcomes["broken"]["outcome"], "failed")
        self.assertIn(layer, outcomes["broken"]["error"]["message"])
        self.assertIn("bad/one:broken", said)
        self.assertEqual(self.at_target.tags("bad/one"), ["good"])

    def test_what_the_images_moved_adds_up_to_the_summary_however_often_one_was_tried(self):
        images.simple("adds/up", "good", ["adds/base", "adds/good"]).push(self.at_source)
        images.simple("adds/up", "broken", ["adds/base", "adds/broken"]).push(self.at_source)
        layout = self.directory / "adds-up"
        run("copy", self.at(self.source, "/adds/up"), f"oci:{layout}")
        bad = json.loads(self.at_source.manifest("adds/up", "broken").body)["layers"][-1]["digest"]
        file = layout / "blobs" / "sha256" / bad.removeprefix("sha256:")
        file.chmod(0o644)
        file.write_bytes(bytes(byte ^ 1 for byte in file.read_bytes()))
        code, lines, _ = run("copy", "--json", f"oci:{layout}", self.at(self.target, "/adds/up"), check=False)
        self.assertEqual(code, 3)
        for kind in ("copied", "mounted", "present", "manifests"):
            for unit in ("blobs", "bytes"):
                told = sum(line.get("blobs", {}).get(kind, {}).get(unit, 0) for line in lines[:-1])
                self.assertEqual(summary(lines)["blobs"][kind][unit], told, (kind, unit))
        moved = summary(lines)["blobs"]
        self.assertLessEqual(sum(moved[kind]["blobs"] for kind in ("copied", "mounted", "present")), 6)
        self.assertGreaterEqual(summary(lines)["bytes_sent"], moved["copied"]["bytes"])

    def test_an_interrupted_copy_tells_what_is_left_as_interrupted_and_the_next_one_brings_it(self):
        images.simple("stop/app", "small", ["stop/small"]).push(self.at_source)
        images.simple("stop/app", "large", ["stop/large"], size=12 << 20).push(self.at_source)
        pair = [self.at(of, "/stop/app") for of in (self.source, self.target)]
        copy = subprocess.Popen([PROGRAM, "copy", *pair, "--images", "1", "--dst-bytes-per-second", "1MB"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(copy.kill)
        self.addCleanup(copy.stdout.close)
        self.addCleanup(copy.stderr.close)
        wait.until(lambda: any(r[0] == "POST" for r in self.target.requests()), "something is sent")
        copy.send_signal(signal.SIGINT)
        out, said = copy.communicate(timeout=60)
        lines = [json.loads(line) for line in out.splitlines()]
        outcomes = {line["ref"]: line for line in lines[:-1]}
        self.assertEqual(outcomes["large"]["outcome"], "interrupted")
        self.assertEqual(outcomes["large"]["error"], {"code": "stopped", "message": "interrupted; run it again"})
        self.assertEqual(summary(lines)["failed"], 0)
        self.assertEqual(summary(lines)["copied"] + summary(lines)["interrupted"], 2)
        self.assertEqual(copy.returncode, 3 if summary(lines)["copied"] else 1)
        self.assertTrue(said.startswith("longshore: interrupted; run it again"), said)
        self.assertEqual(run("copy", *pair)[0], 0)

    def test_many_pairs_come_from_a_file_and_tags_are_chosen_by_pattern(self):
        for tag in ("v1.0", "v1.1", "v2.0", "nightly"):
            images.simple("choose/from", tag, [tag]).push(self.at_source)
        jobs = self.directory / "jobs.txt"
        jobs.write_text(f"# two of them\n{self.at(self.source, '/choose/from')} {self.at(self.target, '/a')}\n"
                        f"{self.at(self.source, '/choose/from:v2.0')} {self.at(self.target, '/b:two')}\n")
        lines = run("copy", "--json", "--from-file", jobs, "--tags", "v*")[1]
        self.assertEqual(self.at_target.tags("a"), ["v1.0", "v1.1", "v2.0"])
        self.assertEqual(self.at_target.tags("b"), ["two"])
        self.assertEqual(summary(lines)["skipped"], 1)
        names = {(line["source"], line["target"]): line for line in lines[:-1]}
        source, target = self.at(self.source, "/choose/from"), self.at(self.target)
        wanted = {(f"{source}:{tag}", f"{target}/a:{tag}") for tag in ("v1.0", "v1.1", "v2.0", "nightly")}
        self.assertEqual(set(names), wanted | {(f"{source}:v2.0", f"{target}/b:two")})
        self.assertEqual(names[f"{source}:nightly", f"{target}/a:nightly"]["rule"], "--tags: v*")
        _, _, said = run("copy", "--json", "--from-file", jobs, "--tags", "regex:(", check=False)
        self.assertIn("--tags: \"regex:(\" is no regular expression", said)

    def test_where_nothing_matches_or_a_name_does_not_fit_the_exit_code_says_so(self):
        code, lines, said = run("copy", "--json", self.at(self.source, "/no/such/*"), self.at(self.target), check=False)
        self.assertEqual((code, lines[-1]["errors"][0]["code"]), (1, "not_found"))
        self.assertIn('matches "no/such/*"', said)
        code, _, said = run("copy", "--json", self.at(self.target), self.at(self.source), check=False)
        self.assertEqual(code, 1)
        self.assertIn("lists no repositories", said)
        jobs = self.directory / "no-such.txt"
        jobs.write_text(f"{self.at(self.source, '/no/such/*')} {self.at(self.target)}\n"
                        f"{self.at(self.source, '/team/app')} {self.at(self.target)}\n")
        code, lines, _ = run("copy", "--json", "--from-file", jobs, check=False)
        self.assertEqual((code, summary(lines)["failed"]), (3, 1))
        for name in ("fits/short", "fits/" + "x" * 150):
            images.simple(name, "v1", [name]).push(self.at_source)
        prefix = "p" * 120
        code, lines, _ = run("copy", "--json", self.at(self.source, "/fits/*"), self.at(self.target, f"/{prefix}/"),
                             check=False)
        self.assertEqual((code, summary(lines)["copied"], summary(lines)["failed"]), (3, 1, 1))
        self.assertEqual(self.at_target.tags(f"{prefix}/fits/short"), ["v1"])

    def test_a_catalog_whose_empty_pages_never_end_is_a_failure(self):
        class Endless(http.server.BaseHTTPRequestHandler):
            pages = 0

            def do_GET(self):
                Endless.pages += 1
                body = b'{"repositories":[]}' if "_catalog" in self.path else b"{}"
                self.send_response(200)
                self.send_header("Link", f'</v2/_catalog?n=1&last={Endless.pages}>; rel="next"')
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        code, _, said = run("copy", "--json", f"docker://127.0.0.1:{server.server_port}", self.at(self.target),
                            check=False)
        self.assertEqual(code, 1)
        self.assertIn("do not go on", said)

    def test_platforms_that_an_earlier_copy_left_out_are_brought_by_one_that_takes_them(self):
        repository, tag = next((r, t) for (r, t) in self.tags(self.at_source) if r.startswith("team")
                               and self.at_source.manifest(r, t).media_type == registry_client.OCI_INDEX)
        pair = [self.at(of, f"/{repository}:{tag}") for of in (self.source, self.target)]
        run("copy", "--json", *pair)
        children = [d["digest"] for d in json.loads(self.at_target.manifest(repository, tag).body)["manifests"]]
        self.at_target.delete_manifest(repository, children[-1])
        self.assertNotEqual(self.at_target.closure_faults(repository, tag), [])
        lines = run("copy", "--json", *pair)[1]
        self.assertEqual(summary(lines)["copied"], 1)
        self.assertEqual(self.at_target.closure_faults(repository, tag), [])
        self.assertEqual(summary(run("copy", "--json", *pair)[1])["unchanged"], 1)

    def test_a_file_that_names_a_repository_as_a_whole_and_a_tag_of_it_copies_all_tags_once(self):
        for tag in ("t1", "t2", "t3"):
            images.simple("whole/from", tag, [tag]).push(self.at_source)
        jobs = self.directory / "whole.txt"
        source, target = self.at(self.source, "/whole/from"), self.at(self.target, "/whole/to")
        jobs.write_text(f"{source} {target}\n{source}:t1 {target}:t1\n{source}:t2 {target}:t2\n")
        lines = run("copy", "--json", "--from-file", jobs)[1]
        self.assertEqual(self.at_target.tags("whole/to"), ["t1", "t2", "t3"])
        self.assertEqual((summary(lines)["images"], summary(lines)["copied"]), (3, 3))

    def test_wrong_usage_is_told_apart_from_failure(self):
        self.assertEqual(run("copy", check=False)[0], 2)
        self.assertEqual(run("copy", "docker://a.example", "docker://b.example/x", check=False)[0], 2)
        code, _, said = run("copy", "--json", "docker://127.0.0.1:9/x:1", self.at(self.target, "/x:1"), check=False)
        self.assertEqual(code, 1)
        self.assertIn("127.0.0.1:9", said)

    def test_one_password_is_not_given_to_two_registries(self):
        pairs, password = self.directory / "two.txt", self.directory / "password"
        password.write_text("secret")
        pairs.write_text(f"{self.at(self.source, '/team/app')} oci:{self.directory}/two\n"
                         f"{self.at(self.target, '/team/app')} oci:{self.directory}/two\n")
        asked = len(self.target.requests())
        code, _, said = run("copy", "--json", "--src-user", "me", "--src-password-file", password, "--from-file", pairs,
                            check=False)
        self.assertEqual(code, 2)
        self.assertIn(self.source.host, said)
        self.assertIn(self.target.host, said)
        self.assertEqual(len(self.target.requests()), asked)

    def test_a_file_of_credentials_that_is_not_there_is_a_failure(self):
        code, _, said = run("copy", "--json", "--docker-config", self.directory / "nofile.json",
                            self.at(self.source, "/team/app:v1"), self.at(self.target, "/x:v1"), check=False)
        self.assertEqual(code, 1)
        self.assertIn("nofile.json", said)
        self.assertEqual(self.at_target.repositories(), [])


class Deletions(Pair):
    def setUp(self):
        super().setUp()
        self.repository = "del/" + self.id().rsplit("_", 1)[1]
        self.from_to = [self.at(of, "/" + self.repository) for of in (self.source, self.target)]
        for tag in ("v1", "v2", "v3", "v4", "v5", "other"):
            images.simple(self.repository, tag, [tag]).push(self.at_source)
        run("copy", "--json", *self.from_to)

    def outcomes(self, lines):
        return {line["ref"]: line for line in lines[:-1] if "delete" in line["outcome"]}

    def test_what_the_source_has_no_longer_goes_as_planned_unless_a_kept_tag_shares_its_digest(self):
        shared = self.at_target.manifest(self.repository, "v1")
        self.at_target.put_manifest(self.repository, "v0", shared.media_type, shared.body)
        for tag in ("v5", "other"):
            self.at_source.delete_manifest(self.repository, self.at_source.digest(self.repository, tag))
        before = self.writes(self.target)
        code, lines, _ = run("plan", "--json", *self.from_to, "--delete", "--tags", "v*")
        self.assertEqual(code, 0)
        self.assertEqual(self.writes(self.target), before)
        self.assertEqual({t: o["outcome"] for t, o in self.outcomes(lines).items()}, {"v0": "delete_by_name", "v5": "delete"})
        self.assertIn("tag v1 has " + shared.digest, self.outcomes(lines)["v0"]["note"])
        self.assertEqual((summary(lines)["to_delete"], summary(lines)["to_delete_by_name"]), (1, 1))
        self.assertEqual(summary(lines)["not_deleted"], 0)
        code, lines, said = run("copy", "--json", *self.from_to, "--delete", "--tags", "v*", check=False)
        self.assertEqual(code, 3)
        self.assertEqual({t: o["outcome"] for t, o in self.outcomes(lines).items()},
                         {"v0": "not_deleted", "v5": "deleted"})
        self.assertEqual((summary(lines)["deleted"], summary(lines)["not_deleted"]), (1, 1))
        self.assertIn(f"{self.repository}:v0: not deleted: ", said)
        self.assertEqual(self.at_target.tags(self.repository), ["other", "v0", "v1", "v2", "v3", "v4"])

    def test_too_many_at_once_or_one_image_alone_delete_nothing_and_a_layout_loses_the_tag(self):
        layout = f"oci:{self.directory}/{self.target.name}-layout"
        run("copy", "--json", self.from_to[0], layout)
        for tag in ("v2", "v3", "v4", "v5"):
            self.at_source.delete_manifest(self.repository, self.at_source.digest(self.repository, tag))
        before = self.writes(self.target)
        code, lines, said = run("copy", "--json", *self.from_to, "--delete", check=False)
        self.assertEqual((code, summary(lines)["not_deleted"]), (3, 4))
        self.assertIn("would delete 4 of 6 tags", said)
        code, _, said = run("copy", "--json", self.from_to[0] + ":v1", self.from_to[1] + ":v1", "--delete",
                            check=False)
        self.assertEqual(code, 2)
        self.assertIn("whole repositories", said)
        self.assertEqual(self.writes(self.target), before)
        images.simple(self.repository + "-b", "b1", ["b1"]).push(self.at_source)
        jobs = self.directory / "two.txt"
        jobs.write_text(f"{' '.join(self.from_to)}\n{self.from_to[0]}-b {self.from_to[1]}\n")
        code, lines, said = run("copy", "--json", "--from-file", jobs, "--delete", "--delete-max-share", "1",
                                check=False)
        self.assertEqual((code, summary(lines)["copied"], summary(lines)["deleted"]), (3, 1, 0))
        self.assertIn("several SRC are copied there", said)
        lines = run("copy", "--json", self.from_to[0], layout, "--delete", "--delete-max-share", "0.7")[1]
        self.assertEqual(summary(lines)["deleted"], 4)
        left = json.loads((self.directory / f"{self.target.name}-layout" / "index.json").read_text())["manifests"]
        self.assertEqual(sorted(m["annotations"]["org.opencontainers.image.ref.name"] for m in left), ["other", "v1"])


class Files(Pair):
    def held(self, layout):
        return {"sha256:" + f.name for f in (self.directory / layout / "blobs" / "sha256").iterdir()}

    def test_an_image_goes_through_a_layout_and_an_archive_and_comes_back_the_same(self):
        index = next((r, t) for (r, t) in self.tags(self.at_source) if self.at_source.manifest(r, t).media_type
                     == registry_client.OCI_INDEX and r.startswith("team"))
        repository, tag = index
        digest = self.at_source.digest(repository, tag)
        layout, archive = self.directory / "layout", self.directory / "image.tar"
        run("copy", "--json", self.at(self.source, f"/{repository}:{tag}"), f"oci:{layout}:{tag}")
        run("copy", "--json", f"oci:{layout}:{tag}", f"oci-archive:{archive}:again")
        run("copy", "--json", f"oci-archive:{archive}:again", self.at(self.target, "/back:again"))
        self.assertEqual(self.at_target.digest("back", "again"), digest)
        self.assertEqual(self.at_target.closure_faults("back", "again"), [])
        seen = subprocess.run([skopeo.PROGRAM, "inspect", "--raw", f"oci-archive:{archive}:again"],
                              capture_output=True, check=True, timeout=60).stdout
        self.assertEqual(registry_client.digest_of(seen), digest)

    def test_an_index_comes_into_a_layout_and_an_archive_with_the_platforms_that_are_asked_for(self):
        image = images.multi_platform("chosen/app", "v1", "chosen")
        image.push(self.at_source)
        source = self.at(self.source, "/chosen/app:v1")
        children = json.loads(self.at_source.manifest("chosen/app", "v1").body)["manifests"]
        wanted = next(c["digest"] for c in children if c["platform"]["architecture"] == "amd64")
        for to in (f"oci:{self.directory}/sparse:v1", f"oci-archive:{self.directory}/sparse.tar:v1"):
            lines = run("copy", "--json", "--platforms", "linux/amd64", source, to)[1]
            self.assertEqual(summary(lines)["copied"], 1, lines)
            seen = subprocess.run([skopeo.PROGRAM, "inspect", "--raw", to], capture_output=True, check=True, timeout=60)
            self.assertEqual(registry_client.digest_of(seen.stdout), image.root.digest)
            subprocess.run([skopeo.PROGRAM, "--override-arch", "amd64", "inspect", to], capture_output=True, check=True,
                           timeout=60)
        self.assertEqual({c["digest"] for c in children} & self.held("sparse"), {wanted})
        # What an index must have is still asked for where no platform was chosen.
        run("copy", "--json", source, f"oci:{self.directory}/sparse:v1")
        self.assertEqual({c["digest"] for c in children} - self.held("sparse"), set())

    def test_a_target_that_is_a_file_takes_no_state_directory_and_nothing_is_made(self):
        state = self.directory / "state-of-files"
        for target in (f"oci-archive:{self.directory}/kept.tar:v1", f"oci:{self.directory}/kept:v1"):
            code, _, said = run("copy", "--json", "--state", state, self.at(self.source, "/team/app:v1"), target,
                                check=False)
            self.assertEqual(code, 2)
            self.assertIn("leave --state out", said)
        self.assertEqual([p.name for p in self.directory.glob("kept*")], [])
        self.assertFalse(state.exists())

    def test_a_copy_of_a_large_archive_ends_promptly_when_it_is_interrupted(self):
        archive, temporary = self.directory / "large.tar.gz", self.directory / "temporary"
        temporary.mkdir()
        # Passed over by what unpacks it: 28 GiB that nobody has to keep.
        header = tarfile.TarInfo("manifest.json")
        header.size = 7 << 30
        with archive.open("wb") as to:
            to.write((gzip.compress(header.tobuf()) + gzip.compress(bytes(64 << 20)) * 112) * 4)
        copy = subprocess.Popen([PROGRAM, "copy", "--json", f"oci-archive:{archive}", f"oci:{self.directory}/large"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**os.environ, "TMPDIR": str(temporary)})
        self.addCleanup(copy.kill)
        wait.until(lambda: any(temporary.iterdir()) or copy.poll() is not None, "it is being unpacked")
        self.assertIsNone(copy.poll(), "it takes longer than that")
        began = time.monotonic()
        copy.send_signal(signal.SIGINT)
        _, said = copy.communicate(timeout=60)
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(copy.returncode, 1)
        self.assertIn("interrupted; run it again", said)
        self.assertEqual(list(temporary.iterdir()), [])

    def test_a_registrys_storage_is_imported_while_the_registry_is_off(self):
        wanted = self.tags(self.at_source)
        # Distribution stores schema 1 without its signature and signs anew what it serves: storage alone has none.
        unsigned = {(r, t) for r, t in wanted if self.at_source.manifest(r, t).media_type == schema1.SIGNED}
        self.source.stop()
        try:
            code, lines, said = run("copy", "--json", f"distribution:{self.source.storage}", self.at(self.target),
                                    check=False)
        finally:
            self.source.start()
        self.assertEqual(code, 3, said)
        failed = {(line["repository"], line["ref"]) for line in lines[:-1] if line["outcome"] == "failed"}
        self.assertEqual(failed, unsigned)
        wanted = {name: digest for name, digest in wanted.items() if name not in unsigned}
        self.assertGreaterEqual(len(wanted), 30)
        self.assertEqual(self.tags(self.at_target), wanted)
        self.assertEqual([f for r, t in wanted for f in self.at_target.closure_faults(r, t)], [])


if __name__ == "__main__":
    unittest.main()
