#!/usr/bin/env python3
"""Filters and operators' actions over real registries: what is left out is named, what follows comes along."""

import json
import pathlib
import unittest

import support
from longshore_testing import fleet, images, wait


def signed(image):
    """cosign's signature of an image: a tag that spells its digest."""
    tag = image.root.digest.replace(":", "-") + ".sig"
    data = json.dumps({"signs": image.root.digest}).encode()
    return images.artifact(image.repository, tag, "cosign .sig", images.OCI_CONFIG, images.config_for([data]),
                           [(data, "application/vnd.dev.cosign.simplesigning.v1+json")])


class Filters(support.Scratch):
    def setUp(self):
        own = pathlib.Path(self.directory) / self._testMethodName
        own.mkdir()
        self.fleet = fleet.Fleet(own, replication={
            "tags_include": ["semver:>=1.0 <2"], "tags_exclude": ["*-rc*"], "exclude": ["private/**"]})
        self.addCleanup(self.fleet.close)
        self.fleet.start()

    def push(self, image):
        image.push(self.fleet.at_source)
        return {(image.repository, image.tag): image.root.digest}

    def cli(self, *arguments, check=True):
        secondary = self.fleet.secondary
        return secondary.run(arguments[0], "--config", secondary.config_file, *arguments[1:], check=check)

    def shown(self, repository):
        answer = self.fleet.secondary.admin("GET", f"/v1/repositories/{repository}")
        return answer.json() if answer.status == 200 else {"state": "unknown"}

    def wait_synced(self, repository, **counts):
        def there():
            r = self.shown(repository)
            return r if r["state"] == "synced" and all(r[k] == v for k, v in counts.items()) else None

        return wait.until(there, f"{repository} is synced with {counts}")

    def test_tags_are_filtered_signatures_follow_and_other_filters_bring_the_rest(self):
        taken = images.simple("app", "1.2.0", ["base/0", "taken"])
        left = images.simple("app", "2.0.0", ["base/0", "left"])
        candidate = images.simple("app", "1.3.0-rc1", ["base/0", "candidate"])
        wanted = {**self.push(signed(taken)), **self.push(taken)}
        for image in (left, signed(left), candidate, images.simple("private/app", "1.0.0", ["secret"])):
            self.push(image)
        self.fleet.wait_same(wanted)
        told = self.wait_synced("app", skipped_items=3)
        self.assertEqual({item["tag"]: item["reason"].split(":")[0] for item in told["skipped"]},
                         {"2.0.0": "tags_include", "1.3.0-rc1": "tags_exclude",
                          signed(left).tag: "tags_include"})
        self.assertEqual(set(self.fleet.at_target.tags("app")), {"1.2.0", signed(taken).tag})
        self.assertEqual(self.shown("private/app")["skipped_by"], "exclude: private/**")
        self.assertIn("private/app", self.cli("status", "--state", "skipped").stdout)
        self.assertIn("tags_exclude: *-rc*", self.cli("status", "app").stdout)

        self.fleet.secondary.stop()
        self.fleet.secondary.change_config("[replication]", tags_include=[])
        self.fleet.secondary.start()
        self.fleet.wait_same({**wanted, ("app", "2.0.0"): left.root.digest,
                              ("app", signed(left).tag): signed(left).root.digest})
        self.wait_synced("app", skipped_items=1)

    def test_operators_skip_unpark_and_retry_by_pattern(self):
        broken = images.simple("ops/app", "1.0.0", ["ops/lost"])
        self.push(images.simple("ops/app", "1.1.0", ["ops/kept"]))
        self.wait_synced("ops/app")
        self.fleet.target.stop()
        self.push(broken)
        wait.until(lambda: self.shown("ops/app")["state"] == "failed", "the failure is shown")
        self.assertIn("asked for 1 item\n", self.cli("skip", "ops/*:1.0*", "--reason", "layer lost").stdout)
        told = wait.until(lambda: self.shown("ops/app")["skipped_items"] == 1 and self.shown("ops/app"), "it is skipped")
        self.assertEqual(told["skipped"][0]["reason"], "operator: layer lost")
        self.assertEqual(self.cli("skip", "nothing/*", "--reason", "x", check=False).returncode, 1)
        self.fleet.target.start()
        self.wait_synced("ops/app", skipped_items=1)
        self.cli("unpark", "ops/app:1.0.0")
        self.fleet.wait_same({("ops/app", "1.0.0"): broken.root.digest})
        self.wait_synced("ops/app", skipped_items=0)
        nothing = self.cli("unpark", "ops/app", check=False)
        self.assertEqual(nothing.returncode, 1)
        self.assertIn("nothing is parked", nothing.stderr)
        self.assertEqual(self.cli("retry", "ops/app", check=False).returncode, 1)
        self.cli("sync", "ops/*")
        self.assertIn("unmatched", self.cli("sync", "--json", "ops/*").stdout)

    def test_figures_are_served(self):
        self.fleet.wait_same(self.push(images.simple("figures", "1.0.0", ["figures/0"])))
        status = self.fleet.secondary.get_json("/v1/status")
        self.assertTrue(status["registries"])
        self.assertIn("bytes_per_second", status["replication"])
        metrics = self.fleet.secondary.admin("GET", "/metrics").text()
        for name in ("longshore_blob_bytes_copied_total", "longshore_copy_rate_bytes_per_second",
                     "longshore_registry_requests_total"):
            self.assertIn(name, metrics)


if __name__ == "__main__":
    unittest.main()
