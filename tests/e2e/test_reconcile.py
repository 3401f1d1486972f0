#!/usr/bin/env python3
"""What notifications did not tell is found by looking: real registries, a primary that reads the source, a secondary."""

import json
import unittest

import support
from longshore_testing import fleet, images, wait


class ReconcileTest(support.Scratch):
    RECONCILE = {"every": "0s", "requests_per_second": 2000}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fleet = fleet.Fleet(cls.directory, reconcile=cls.RECONCILE)
        cls.addClassCleanup(cls.fleet.close)

    def push(self, repository, tag, layer):
        image = images.simple(repository, tag, ["base/0", layer])
        image.push(self.fleet.at_source)
        return image.root.digest

    def reconcile(self, *arguments, check=True):
        primary = self.fleet.primary
        return primary.run("reconcile", "--config", primary.config_file, "--json", *arguments, check=check)

    def run_of(self, *arguments, check=True):
        return json.loads(self.reconcile("--wait", *arguments, check=check).stdout)["runs"][0]

    def state(self):
        return self.fleet.primary.get_json("/v1/reconcile")["sources"][0]

    def kinds(self):
        primary = self.fleet.primary
        lines = primary.run("log", "tail", "--config", primary.config_file, "--json", "-n", "10000").stdout.splitlines()
        return [(json.loads(line)["kind"], json.loads(line)) for line in lines if line]


class Backfill(ReconcileTest):
    RECONCILE = {"every": "1h", "requests_per_second": 2000}

    def test_a_registry_that_was_filled_before_is_brought_to_the_target(self):
        self.fleet.source.start()
        wanted = {(f"old/r{r}", f"v{t}"): self.push(f"old/r{r}", f"v{t}", f"old/{r}/{t}")
                  for r in range(12) for t in range(3)}
        # The registry forgets what it would have notified.
        self.fleet.source.kill()
        self.fleet.source.start()
        self.fleet.target.start()
        self.fleet.primary.start()
        self.fleet.secondary.start()
        # Live events go on meanwhile.
        wanted["old/r3", "v1"] = self.push("old/r3", "v1", "moved/3/1")
        wanted["new/app", "v1"] = self.push("new/app", "v1", "new/1")
        self.fleet.wait_same(wanted)
        self.assertEqual(self.fleet.target_faults(wanted), [])
        last = wait.until(lambda: self.state()["last_complete"], "the backfill is complete")
        self.assertEqual(last["why"], "backfill")
        self.assertGreaterEqual(last["findings"], 35)
        kinds = [kind for kind, _ in self.kinds()]
        self.assertIn("observed", kinds)
        source = self.fleet.primary.get_json("/v1/status")["sources"][0]
        self.assertEqual(source["last_complete_reconcile"]["run"], last["run"])
        self.assertIs(source["suspected_loss"], False)
        metrics = self.fleet.primary.admin("GET", "/metrics").text()
        self.assertIn('longshore_source_suspected_loss{source="main"} 0', metrics)
        lag = self.fleet.secondary.get_json("/v1/status")["lag"]
        self.assertIn("oldest_open_item", lag)
        self.assertIn("longshore_replication_lag_seconds", self.fleet.secondary.admin("GET", "/metrics").text())


class BehindItsBack(ReconcileTest):
    def test_what_was_deleted_and_moved_while_nobody_listened_is_found(self):
        self.fleet.start()
        wanted = {("team/app", f"v{n}"): self.push("team/app", f"v{n}", f"app/{n}") for n in range(5)}
        wanted["team/app", "latest"] = self.push("team/app", "latest", "app/latest")
        wanted["team/gone", "v1"] = self.push("team/gone", "v1", "gone/1")
        self.fleet.wait_same(wanted)

        self.fleet.primary.stop()
        self.fleet.at_source.delete_manifest("team/app", wanted["team/app", "v2"])
        wanted["team/app", "v2"] = None
        self.fleet.at_source.delete_manifest("team/gone", wanted["team/gone", "v1"])
        wanted["team/gone", "v1"] = None
        wanted["team/app", "latest"] = self.push("team/app", "latest", "app/later")
        wanted["team/new", "v1"] = self.push("team/new", "v1", "new/1")
        # With its process go the notifications that it had queued.
        self.fleet.source.kill()
        self.fleet.source.start()
        self.fleet.primary.start()
        told = self.run_of("--digests")
        self.assertTrue(told["complete"], told)
        self.assertEqual(told["findings"], 4, told)
        mixed = self.reconcile("--wait", "team/*", "taem/*", check=False)
        self.assertEqual(mixed.returncode, 3, mixed.stderr)
        self.assertEqual(json.loads(mixed.stdout)["unmatched"], ["taem/*"])
        self.assertEqual(self.reconcile("taem/*", check=False).returncode, 1, "nothing was begun")
        unknown = self.reconcile("--wait", "team/unheard", check=False)
        self.assertEqual(unknown.returncode, 1, unknown.stderr)
        self.assertIn("neither the log nor the source knows team/unheard", unknown.stderr)
        self.assertEqual(json.loads(unknown.stdout)["runs"][0]["findings"], 0)
        mistyped = self.reconcile("--wait", "team/app", "team/unheard", check=False)
        self.assertEqual(mistyped.returncode, 3, mistyped.stderr)
        self.assertEqual(self.reconcile("--status", "team/app", check=False).returncode, 2)
        self.fleet.wait_same({name: digest for name, digest in wanted.items() if name[0] != "team/gone"})

        # The last tags of a repository, and the registry never told of it: somebody has to say that it is meant.
        secondary = self.fleet.secondary
        gone = wait.until(lambda: (secondary.get_json("/v1/repositories/team/gone") or {}).get("parked"),
                          "it is held back")
        self.assertTrue(all("the source never told of" in item["reason"] for item in gone), gone)
        self.assertTrue(self.fleet.at_target.digest("team/gone", "v1"))
        secondary.run("sync", "--config", secondary.config_file, "--allow-deletes", "team/gone")
        self.fleet.wait_same(wanted)
        shown = {name: digest for name, digest in wanted.items() if digest}
        self.assertEqual(self.fleet.target_faults(shown), [])

        # Reading a new tag made the registry notify a pull, from a process that was not known: looked into by itself.
        wait.until(lambda: any("may have been lost" in run["why"] and run["complete"] for run in self.state()["ended"]),
                   "the restart is looked into")
        wait.until(lambda: not self.state()["running"] and not self.state()["queued"], "nothing runs")
        self.assertIs(self.state()["suspected_loss"], False)

        # Nothing changed: one request for the catalog and one per repository; and a condition per tag.
        again = self.run_of()
        self.assertEqual((again["findings"], again["requests"]), (0, 1 + again["repositories"]))
        before = len(self.fleet.source.requests())
        self.assertEqual(self.run_of("--digests")["findings"], 0)
        unchanged = [status for method, path, status in self.fleet.source.requests()[before:]
                     if method == "HEAD" and "/manifests/" in path and status == 304]
        self.assertGreaterEqual(len(unchanged), len(shown))

        self.fleet.primary.stop()
        self.fleet.primary.run("log", "verify", self.fleet.primary.data_dir)
        for view in json.loads(self.fleet.primary.run("rebuild-views", "--json",
                                                      self.fleet.primary.data_dir).stdout)["views"]:
            self.assertFalse(view["changed"], view)


class Refused(ReconcileTest):
    def test_a_registry_that_refuses_takes_nothing_away_and_a_primary_without_one_says_so(self):
        self.fleet.start()
        wanted = {("team/app", "v1"): self.push("team/app", "v1", "app/1")}
        self.fleet.wait_same(wanted)
        self.assertTrue(self.run_of("--digests")["complete"])
        # From now on the primary's tokens are nobody's.
        self.fleet.primary.stop()
        self.fleet.primary.change_config("[source.registry.token]", issuer="somebody-else")
        self.fleet.primary.start()
        said = self.reconcile("--wait", "--digests", check=False)
        self.assertEqual(said.returncode, 3, said.stdout + said.stderr)
        told = json.loads(said.stdout)["runs"][0]
        self.assertFalse(told["complete"])
        self.assertIn("issuer", told["reason"])
        self.assertEqual([e for kind, e in self.kinds() if kind == "observed" and not e.get("digest")], [])
        self.assertEqual(self.fleet.at_target.digest("team/app", "v1"), wanted["team/app", "v1"])
        secondary = self.fleet.secondary
        none = secondary.run("reconcile", "--config", secondary.config_file, check=False)
        self.assertEqual(none.returncode, 1)


class SourceAway(ReconcileTest):
    RECONCILE = {"every": "1h", "requests_per_second": 2000}

    def check(self):
        primary = self.fleet.primary
        return primary.run("status", "--check", "--config", primary.config_file, check=False)

    def test_a_source_that_cannot_be_reached_is_told_of_until_all_was_looked_at(self):
        primary = self.fleet.primary
        primary.start()
        wait.until(lambda: self.check().returncode == 3, "the backfill broke off, and it is told")
        self.assertIn("its last reconcile of all repositories broke off", self.check().stdout)
        self.assertIn('longshore_reconcile_last_complete{source="main"} 0', primary.admin("GET", "/metrics").text())
        self.assertEqual(self.reconcile("--wait", "nosuch", check=False).returncode, 3)
        status = primary.get_json("/v1/status")
        told = status["sources"][0]["incomplete_reconcile"]
        self.assertTrue(told["whole"] and told["broken_off"] and not told["complete"], told)
        self.assertEqual(len([one for one in status["warnings"] if "broke off" in one]), 1, status["warnings"])
        primary.stop()
        primary.start()
        self.assertEqual(self.check().returncode, 3, "a restart forgets nothing of it")
        self.fleet.source.start()
        self.assertTrue(self.run_of()["complete"])
        self.assertEqual(self.check().returncode, 0, self.check().stdout)
        self.assertIsNone(primary.get_json("/v1/status")["sources"][0]["incomplete_reconcile"])


if __name__ == "__main__":
    unittest.main()
