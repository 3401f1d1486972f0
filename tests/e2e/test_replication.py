#!/usr/bin/env python3
"""From a push at one real registry to the image at the other, with everything real in between."""

import collections
import json
import os
import shutil
import time
import unittest

import support
from longshore_testing import fleet, images, schema1, skopeo, wait


class FleetTest(support.Scratch):
    """One fleet for the suite; each test uses repositories of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fleet = fleet.Fleet(cls.directory)
        cls.addClassCleanup(cls.fleet.close)
        cls.fleet.start()

    def push(self, image):
        image.push(self.fleet.at_source)
        return {(image.repository, image.tag): image.root.digest}

    def assert_whole(self, wanted):
        self.fleet.wait_same(wanted)
        self.assertEqual(self.fleet.target_faults(wanted), [])

    def synced(self, repository):
        answer = self.fleet.secondary.admin("GET", f"/v1/repositories/{repository}")
        return answer.json() if answer.status == 200 and answer.json()["state"] == "synced" else None


class EveryKind(FleetTest):
    def test_every_kind_of_image_arrives_with_the_same_digest_and_every_blob(self):
        kinds = images.every_kind(schema1.Signer(self.directory))
        wanted = {}
        for image in kinds:
            wanted.update(self.push(image))
        wanted.update(self._push_with_skopeo())
        self.assertGreaterEqual(len(wanted), 30)
        self.assertGreaterEqual(len({repository for repository, _ in wanted}), 10)
        everything = self.fleet.tags_at_source()
        self.assertEqual({name: everything[name] for name in wanted}, wanted, "the source has what was pushed")
        pushed = time.monotonic()
        self.fleet.wait_same(everything)
        print(f"{len(everything)} tags were at the target {time.monotonic() - pushed:.1f} s after the last push")
        self.assertEqual(self.fleet.target_faults(everything), [])
        for repository, tag in everything:
            source, target = (of.manifest(repository, tag) for of in (self.fleet.at_source, self.fleet.at_target))
            self.assertEqual(source.media_type, target.media_type, f"{repository}:{tag}")
            if source.media_type != schema1.SIGNED:  # signed anew with every answer
                self.assertEqual(source.body, target.body, f"{repository}:{tag}")
        self._assert_each_blob_sent_once()
        self._assert_foreign_layers_stay_away()

    def _push_with_skopeo(self):
        wanted = {}
        plain = images.simple("skopeo/plain", "v1", ["base/0", "base/1", "skopeo/1"])
        layout = skopeo.write_layout(self.directory / "plain", plain)
        for repository, form in [("skopeo/plain", None), ("skopeo/docker", "v2s2"), ("skopeo/old", "v2s1")]:
            skopeo.push(layout, "v1", self.fleet.source.host, repository, fleet.USER, form)
            wanted[repository, "v1"] = self.fleet.at_source.digest(repository, "v1")
        multi = images.multi_platform("skopeo/multi", "all", "skopeo/multi")
        skopeo.push(skopeo.write_layout(self.directory / "multi", multi), "all", self.fleet.source.host,
                    "skopeo/multi", fleet.USER, every_platform=True)
        wanted["skopeo/multi", "all"] = multi.root.digest
        self.assertEqual(wanted["skopeo/plain", "v1"], plain.root.digest)
        return wanted

    def _assert_each_blob_sent_once(self):
        sent = collections.Counter(path.split("digest=")[1].split("&")[0]
                                   for method, path, status in self.fleet.target.requests()
                                   if method == "PUT" and "/blobs/uploads/" in path and status == 201)
        self.assertGreater(len(sent), 50)
        again = {digest: count for digest, count in sent.items() if count > 1}
        self.assertEqual(again, {}, "blobs that crossed the wire more than once")

    def _assert_foreign_layers_stay_away(self):
        for repository in ("legacy/windows", "team/windows"):
            layers = json.loads(self.fleet.at_target.manifest(repository, "nano").body)["layers"]
            self.assertFalse(self.fleet.at_target.has_blob(repository, layers[0]["digest"]))
            self.assertTrue(self.fleet.at_target.has_blob(repository, layers[1]["digest"]))


class Changes(FleetTest):
    def test_a_deleted_manifest_goes_away_with_its_tags_and_others_stay(self):
        kept = images.simple("changes/deleted", "kept", ["base/0", "kept"])
        one = images.simple("changes/deleted", "one", ["base/0", "gone"])
        two = images.simple("changes/deleted", "two", ["base/0", "gone"])
        wanted = {**self.push(kept), **self.push(one), **self.push(two)}
        self.assert_whole(wanted)
        self.fleet.at_source.delete_manifest("changes/deleted", one.root.digest)
        self.fleet.wait_same({("changes/deleted", "one"): None, ("changes/deleted", "two"): None,
                              ("changes/deleted", one.root.digest): None})
        self.assert_whole({("changes/deleted", "kept"): kept.root.digest})

    def test_a_deleted_and_pushed_again_tag_is_there(self):
        image = images.simple("changes/again", "v1", ["again"])
        for _ in range(3):
            self.push(image)
            self.fleet.at_source.delete_manifest("changes/again", image.root.digest)
        self.assert_whole(self.push(image))

    def test_a_deleted_blob_of_a_living_image_takes_nothing_away_at_the_target(self):
        image = images.simple("changes/blob", "v1", ["blob/1", "blob/2"])
        wanted = self.push(image)
        self.assert_whole(wanted)
        self.fleet.at_source.delete_blob("changes/blob", next(iter(image.blobs)))
        marker = self.push(images.simple("changes/blob", "marker", ["blob/3"]))
        self.assert_whole({**marker, **wanted})

    def test_a_tag_that_moves_quickly_ends_where_the_source_has_it(self):
        layers = [["race/0"], ["race/0", "race/1"], ["race/2"], ["race/3", "race/0"]]
        made = [images.simple("changes/race", "latest", names) for names in layers]
        for image in made:
            self.push(image)
        last = {}
        for turn in range(40):
            last = self.push(made[turn * 7 % len(made)])
        self.assert_whole(last)

    def test_a_manifest_without_a_tag_arrives(self):
        image = images.simple("changes/untagged", "v1", ["untagged"])
        image.root.ref = ""
        image.push(self.fleet.at_source)
        self.assert_whole({("changes/untagged", image.root.digest): image.root.digest})


class Absences(FleetTest):
    def tearDown(self):
        for part in (self.fleet.primary, self.fleet.secondary):
            if not part.process.alive():
                part.start()

    def test_what_was_pushed_while_the_secondary_was_away_arrives(self):
        self.fleet.secondary.stop()
        wanted = self.push(images.simple("absences/secondary", "v1", ["base/0", "while/away"]))
        self.fleet.secondary.start()
        self.assert_whole(wanted)

    def test_what_was_pushed_while_the_primary_was_away_arrives(self):
        self.fleet.primary.stop()
        wanted = self.push(images.simple("absences/primary", "v1", ["base/0", "primary/away"]))
        wait.until(lambda: self.following() != "following", "the secondary notices")
        self.fleet.primary.start()
        self.assert_whole(wanted)
        wait.until(lambda: self.following() == "following", "the secondary follows again")

    def following(self):
        text = json.dumps(self.fleet.secondary.get_json("/v1/status"))
        return next(word for word in ("away", "refused", "connecting", "following") if f'"state": "{word}"' in text)

    def test_what_was_pushed_while_the_target_was_away_arrives(self):
        self.fleet.target.stop()
        try:
            wanted = self.push(images.simple("absences/target", "v1", ["base/0", "target/away"]))
            wait.until(lambda: self.failure_of("absences/target"), "the failure is shown")
        finally:
            self.fleet.target.start()
        self.assert_whole(wanted)

    def failure_of(self, repository):
        answer = self.fleet.secondary.admin("GET", f"/v1/repositories/{repository}")
        return answer.status == 200 and answer.json()["last_sync_failure"]

    def test_what_was_pushed_while_the_source_was_restarted_arrives(self):
        first = self.push(images.simple("absences/source", "v1", ["base/0", "source/1"]))
        self.assert_whole(first)
        self.fleet.source.stop()
        self.fleet.source.start()
        self.assert_whole(self.push(images.simple("absences/source", "v2", ["base/0", "source/2"])))

    def test_stopped_sites_hold_the_same_log_and_views_that_a_rebuild_equals(self):
        self.assert_whole(self.push(images.simple("absences/rest", "v1", ["base/0", "rest"])))
        self.fleet.primary.stop()
        self.fleet.secondary.stop()
        both = (self.fleet.primary, self.fleet.secondary)
        exports = [of.run("log", "export", of.data_dir).stdout for of in both]
        self.assertTrue(exports[0].startswith(exports[1]) and exports[1], "the secondary's log is a copy")
        state = [json.loads(of.run("audit", "state", "--json", "--at", str(exports[1].count("\n") - 1),
                                   of.data_dir).stdout) for of in both]
        self.assertEqual(state[0], state[1])
        self.assertTrue(state[0]["items"])
        for of in both:
            of.run("log", "verify", of.data_dir)
            for view in json.loads(of.run("rebuild-views", "--json", of.data_dir).stdout)["views"]:
                self.assertFalse(view["changed"], f"{of.name}: {view}")


class LostTarget(FleetTest):
    def empty_the_target(self):
        self.fleet.target.stop()
        shutil.rmtree(self.fleet.target.storage)
        self.fleet.target.storage.mkdir()
        self.fleet.target.start()

    def bring(self, name):
        wanted = self.push(images.simple(f"{name}/one", "v1", ["base/0", f"{name}/1"]))
        wanted.update(self.push(images.simple(f"{name}/two", "v1", ["base/0", f"{name}/2"])))
        self.assert_whole(wanted)
        return wanted

    def test_a_target_that_was_emptied_is_filled_again_after_a_start(self):
        wanted = self.bring("start")
        self.fleet.secondary.stop()
        self.empty_the_target()
        self.fleet.secondary.start()
        self.assert_whole(wanted)

    def test_a_target_that_was_emptied_is_filled_again_after_a_push(self):
        wanted = self.bring("push")
        self.empty_the_target()
        wanted.update(self.push(images.simple("push/one", "v2", ["base/0", "push/1", "push/more"])))
        self.assert_whole(wanted)


class Operating(FleetTest):
    def test_a_synced_repository_says_so_with_all_its_fields(self):
        self.assert_whole(self.push(images.simple("operating/one", "v1", ["base/0", "operating"])))
        told = wait.until(lambda: self.synced("operating/one"), "the repository is synced")
        for field in ("retry_count", "last_sync_failure", "retry_at", "last_synced_at", "created_at", "synced_seq"):
            self.assertIn(field, told)
        self.assertEqual(told["synced_seq"], told["newest_seq"])
        self.assertIsNotNone(told["last_synced_at"])

    def test_the_command_line_shows_it(self):
        self.assert_whole(self.push(images.simple("operating/two", "v1", ["base/0", "operating/2"])))
        wait.until(lambda: self.synced("operating/two"), "the repository is synced")
        secondary = self.fleet.secondary
        shown = json.loads(secondary.run("status", "--config", secondary.config_file, "--json", "operating/two").stdout)
        self.assertEqual(shown["state"], "synced")
        self.assertIn("operating/two", secondary.run("status", "--config", secondary.config_file,
                                                     "--repositories").stdout)
        primary = self.fleet.primary
        self.assertIn("operating/two", primary.run("log", "tail", "--config", primary.config_file, "-n", "50").stdout)

    def test_the_primary_knows_how_far_its_follower_is(self):
        self.assert_whole(self.push(images.simple("operating/three", "v1", ["base/0"])))
        wait.until(lambda: [s for s in self.fleet.primary.get_json("/v1/sites")["sites"]
                            if s["name"] == "second" and s["lag_events"] == 0], "the follower's position is shown")

    def test_what_somebody_deleted_at_the_target_comes_back_when_asked_for(self):
        image = images.simple("operating/resync", "v1", ["base/0", "resync"])
        wanted = self.push(image)
        self.assert_whole(wanted)
        wait.until(lambda: self.synced("operating/resync"), "the repository is synced")
        self.fleet.at_target.delete_manifest("operating/resync", image.root.digest)
        secondary = self.fleet.secondary
        secondary.run("sync", "--config", secondary.config_file, "operating/resync")
        self.assert_whole(wanted)

    def test_metrics_and_health_are_served(self):
        for of in (self.fleet.primary, self.fleet.secondary):
            for path in ("/healthz", "/readyz"):
                self.assertEqual(of.admin("GET", path).status, 200, f"{of.name} {path}")
            metrics = of.admin("GET", "/metrics")
            self.assertEqual(metrics.status, 200)
            self.assertIn("# TYPE longshore_", metrics.text())

    def test_the_doctor_finds_a_healthy_pair_healthy(self):
        self.assert_whole(self.push(images.simple("operating/doctor", "v1", ["base/0"])))
        for of in (self.fleet.primary, self.fleet.secondary):
            of.run("doctor", "--config", of.config_file)

    def test_the_doctor_leaves_nothing_at_the_target(self):
        secondary = self.fleet.secondary
        said = secondary.run("doctor", "--config", secondary.config_file).stdout
        self.assertIn("target_registry pushes: they are allowed", said)
        self.assertNotIn("longshore/doctor", self.fleet.at_target.repositories())
        left = [p for p in self.fleet.target.storage.rglob("*") if "longshore/doctor" in str(p) and p.is_file()]
        self.assertEqual(left, [])

    def test_status_says_first_how_a_site_is(self):
        self.assert_whole(self.push(images.simple("operating/verdict", "v1", ["base/0"])))
        wait.until(lambda: self.synced("operating/verdict"), "the repository is synced")
        for of in (self.fleet.primary, self.fleet.secondary):
            def first_line(of=of):
                return of.run("status", "--config", of.config_file).stdout.splitlines()[0]

            wait.until(lambda: first_line().endswith(": well"), f"{of.name} is well")
            lines = of.run("status", "--config", of.config_file).stdout.splitlines()
            self.assertRegex(lines[0], r"^\S+, (primary|secondary): well$")
            self.assertLess(len(lines), 12)
            self.assertGreater(len(of.run("status", "--config", of.config_file, "--all").stdout.splitlines()), 30)

    def test_scripts_are_told_how_a_site_is(self):
        self.assert_whole(self.push(images.simple("operating/scripts", "v1", ["base/0"])))
        wait.until(lambda: self.synced("operating/scripts"), "the repository is synced")
        for of in (self.fleet.primary, self.fleet.secondary):
            def checked(of=of, *more):
                return of.run("status", "--config", of.config_file, "--check", *more, check=False)

            wait.until(lambda: checked().returncode == 0, f"{of.name} is well")
            self.assertEqual(json.loads(checked(of, "--json").stdout)["verdict"], {"state": "well", "to_do": []})
            self.assertEqual(checked(of, "--repositories").returncode, 2)
        self.assertIn("scheduled", self.fleet.secondary.get_json("/v1/verify"))

    def test_a_follower_that_is_gone_is_taken_off_the_list(self):
        primary, secondary = self.fleet.primary, self.fleet.secondary
        wait.until(lambda: primary.get_json("/v1/sites")["sites"], "the secondary has reported")
        said = primary.run("forget-site", "--config", primary.config_file, "nobody", check=False)
        self.assertEqual(said.returncode, 1)
        self.assertIn("nobody", said.stderr)
        primary.run("forget-site", "--config", primary.config_file, secondary.name)
        self.assert_whole(self.push(images.simple("operating/again", "v1", ["base/0"])))
        wait.until(lambda: primary.get_json("/v1/sites")["sites"], "it reports again, and is shown again")

    def test_the_doctor_says_what_is_wrong(self):
        secondary = self.fleet.secondary
        broken = secondary.directory / "broken.toml"
        broken.write_text(secondary.config_file.read_text().replace(self.fleet.target.url, "http://127.0.0.1:9"))
        said = secondary.run("doctor", "--config", broken, check=False)
        self.assertNotEqual(said.returncode, 0)
        self.assertIn("127.0.0.1:9", said.stdout + said.stderr)


class OlderCopy(FleetTest):
    def told(self):
        return [one for one in self.fleet.primary.get_json("/v1/status")["verdict"]["to_do"] if "cannot follow" in one]

    def test_a_primary_that_was_set_back_to_an_older_copy_says_so(self):
        primary, secondary = self.fleet.primary, self.fleet.secondary
        self.assert_whole(self.push(images.simple("older/copy", "v1", ["base/0", "older/1"])))
        primary.stop()
        copy = primary.directory / "older"
        shutil.copytree(primary.data_dir, copy)
        primary.start()
        self.assert_whole(self.push(images.simple("older/copy", "v2", ["base/0", "older/2"])))
        self.assertEqual(self.told(), [])
        secondary.stop()
        primary.stop()
        newer = primary.directory / "newer"
        primary.data_dir.rename(newer)
        shutil.copytree(copy, primary.data_dir)
        primary.start()
        secondary.start()
        wait.until(self.told, "the follower has more records than the log")
        self.assertIn("longshore log verify", self.told()[0])
        site = primary.get_json("/v1/sites")["sites"][0]
        self.assertIsNone(site["lag_events"])
        # Longer again, and another history all the same.
        for n in range(4):
            self.push(images.simple("older/fork", f"v{n}", ["base/0", f"fork/{n}"]))
        wait.until(lambda: any("it has taken" not in one for one in self.told()), "the follower says that it refuses")
        self.assertIsNone(primary.get_json("/v1/sites")["sites"][0]["lag_events"])
        primary.stop()
        shutil.rmtree(primary.data_dir)
        newer.rename(primary.data_dir)
        primary.start()
        secondary.stop()
        secondary.start()
        wait.until(lambda: [s for s in primary.get_json("/v1/sites")["sites"] if s["reported"]], "it reports again")
        wait.until(lambda: not self.told(), "it follows again")
        self.assertIsNotNone(primary.get_json("/v1/sites")["sites"][0]["lag_events"])


class SourceAway(FleetTest):
    def test_a_verification_that_could_not_compare_wants_attention_until_one_can(self):
        self.assert_whole(self.push(images.simple("operating/uncompared", "v1", ["base/0"])))
        wait.until(lambda: self.synced("operating/uncompared"), "the repository is synced")
        secondary = self.fleet.secondary

        def state():
            return json.loads(secondary.run("status", "--config", secondary.config_file, "--json").stdout)["verdict"]

        self.fleet.source.stop()
        secondary.run("verify", "--config", secondary.config_file, "operating/uncompared", check=False)
        self.assertEqual(state()["state"], "attention", state())
        self.assertIn("operating/uncompared", " ".join(state()["to_do"]))
        self.fleet.source.start()
        secondary.run("verify", "--config", secondary.config_file, "operating/uncompared")
        wait.until(lambda: state()["state"] == "well", "nothing stands any more")


class WrongIssuer(support.Scratch):
    def test_a_wrong_issuer_is_named_in_status_and_in_the_log_file(self):
        all_of = fleet.Fleet(self.directory, issuer="somebody-else")
        self.addCleanup(all_of.close)
        all_of.start()
        images.simple("team/app", "v1", ["base/0"]).push(all_of.at_source)
        words = "token from untrusted issuer"
        secondary = all_of.secondary

        def shown():
            return words in secondary.run("status", "--config", secondary.config_file, "team/app", check=False).stdout

        wait.until(shown, "status names the issuer")
        wait.until(lambda: words in secondary.log_file.read_text(), "the log file names the issuer")
        said = secondary.run("status", "--config", secondary.config_file, "team/app").stdout
        self.assertIn("somebody-else", said, "the remedy names what to change")
        doctor = secondary.run("doctor", "--config", secondary.config_file, check=False)
        self.assertNotEqual(doctor.returncode, 0)
        self.assertIn("issuer", doctor.stdout + doctor.stderr)


class HalfWrittenCredentials(support.Scratch):
    def test_what_failed_for_them_goes_on_by_itself_when_they_are_right(self):
        all_of = fleet.Fleet(self.directory)
        self.addCleanup(all_of.close)
        secondary, file = all_of.secondary, self.directory / "config.json"
        right = json.dumps({"auths": {all_of.source.host: {"username": fleet.USER[0], "password": fleet.USER[1]}}})
        file.write_text(right[:20])
        secondary.write_config([table for table in secondary.tables if table[0] != "[source_registry.token]"])
        secondary.change_config("[source_registry]", docker_config=str(file))
        all_of.start()
        image = images.simple("team/app", "v1", ["base/0"])
        image.push(all_of.at_source)

        def repository():
            return secondary.admin("GET", "/v1/repositories/team/app").json()

        wait.until(lambda: repository().get("retry_count", 0) >= 2, "it was tried twice")
        self.assertIn(str(file), repository()["last_sync_failure"])
        self.assertEqual(repository()["parked_items"], 0)
        self.assertEqual(repository()["state"], "failed")
        file.write_text(right)
        all_of.wait_same({("team/app", "v1"): image.root.digest})


class LargeLayer(FleetTest):
    MIB = int(os.environ.get("LONGSHORE_LARGE_LAYER_MIB", "256"))

    def blocks(self):
        block = bytearray(1 << 20)
        for number in range(self.MIB):
            block[:8] = number.to_bytes(8, "big")
            yield bytes(block)

    def test_a_large_layer_does_not_grow_the_secondary(self):
        process = self.fleet.secondary.process
        process.reset_peak()
        before = process.resident_kib()
        image = images.Image("large", "large/app", "big")
        size = self.MIB << 20
        layer = {"mediaType": images.OCI_LAYER, "size": size,
                 "digest": self.fleet.at_source.push_stream("large/app", size, self.blocks())}
        config = image.blob(images.config_for([b"large"]), images.OCI_CONFIG)
        image.manifest(images.OCI_MANIFEST, {"schemaVersion": 2, "mediaType": images.OCI_MANIFEST, "config": config,
                                             "layers": [layer]}, "big")
        wanted = self.push(image)
        self.fleet.wait_same(wanted, 60 + self.MIB // 4)
        grown = process.peak_resident_kib() - before
        print(f"a layer of {self.MIB} MiB: resident memory grew by {grown / 1024:.1f} MiB from {before / 1024:.1f} MiB")
        self.assertLess(grown, 32 * 1024)
        self.assertEqual(self.fleet.target_faults(wanted), [])


if __name__ == "__main__":
    unittest.main()
