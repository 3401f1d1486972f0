#!/usr/bin/env python3
"""Everything at once: a full registry taken over, changed in every way while notifications are lost, doubled and
overtaken; then source and target are the same by skopeo's word, verification says so, and names what is broken later.

LONGSHORE_SEED repeats a run's choices; what the processes make of them depends on their timing.
"""

import json
import os
import random
import re
import sys
import time
import unittest

import support
import test_truth_verify
import truth_changes
import truth_comparison
import truth_damage
import unreliable_line
from longshore_testing import fleet, registry, registry_client, site, wait

sys.path.insert(0, str(site.ROOT / "bench/load/copy"))
import fleet as copy_bench  # noqa: E402

SHAPE = copy_bench.Shape(base_bytes=40_000, own_bytes_min=500, own_bytes_max=5_000)
ROUNDS = 3


class WholeTruth(test_truth_verify.Verifying):
    @classmethod
    def setUpClass(cls):
        support.Scratch.setUpClass.__func__(cls)
        cls.seed = int(os.environ.get("LONGSHORE_SEED", random.randrange(1 << 32)))
        print(f"LONGSHORE_SEED={cls.seed}", flush=True)
        cls.random = random.Random(cls.seed)
        cls.line = unreliable_line.Line(cls.seed)
        cls.addClassCleanup(cls.line.close)
        cls.fleet = fleet.Fleet(cls.directory, events_to=cls.line.url,
                                reconcile={"every": "1h", "requests_per_second": 2000})
        cls.addClassCleanup(cls.fleet.close)
        cls.line.upstream = cls.fleet.primary.url
        # A second process over the source's storage, which wants no tokens and notifies nobody.
        cls.silent = registry.Registry(cls.directory, "silent", storage=cls.fleet.source.storage)
        cls.addClassCleanup(cls.silent.kill)
        cls.at_silent = registry_client.RegistryClient(cls.silent.url)
        cls.addClassCleanup(cls.at_silent.close)
        cls.content = copy_bench.Fleet(SHAPE)
        cls.names = cls.content.repository_names()
        cls.began = time.monotonic()

    def tell(self, what):
        print(f"{time.monotonic() - self.began:6.1f} s  {what}", flush=True)

    def test_source_and_target_end_the_same_and_every_later_damage_is_named(self):
        self.fill()
        people = self.change_everything()
        self.line.let_all_through()
        self.assert_disturbed(people)
        self.reconcile()
        self.wait_rest()
        self.assert_same(people.tags)
        self.assert_verified()
        self.assert_damage_is_named()

    # While Longshore is off

    def fill(self):
        self.silent.start()
        made = self.content.fill(self.silent.url)
        self.assertEqual(made["tags"], SHAPE.repositories * SHAPE.tags)
        self.assertGreater(made["manifests"], made["tags"])
        self.tell(f"the source is filled: {made}")

    # While it runs

    def change_everything(self):
        self.fleet.start()
        people = truth_changes.People(self.random, self.fleet.at_source, self.at_silent, self.fleet.source.storage,
                                      self.names)
        for number in range(ROUNDS):
            if number == ROUNDS - 1:
                self.wait_taken_over(people)
            people.play_round()
            if number == 0:
                self.restart_source(people)
        last = people.push(True)
        self.tell(f"changed: {dict(people.counts)}")
        wait.until(lambda: last in self.line.pushed, "the registry has told all that it has to tell", 60)
        return people

    def wait_taken_over(self, people):
        """So that what is moved and deleted from now on is at the target."""
        def taken_over():
            missing = {tuple(name.split(":")) for name in self.content.missing_at(self.fleet.target.url)}
            return not missing & people.tags.keys()

        wait.until(taken_over, "the target has what the source was filled with", 90, every=0.2)
        self.tell("taken over")

    def restart_source(self, people):
        """While notifications wait in its memory, which go with it."""
        self.line.closed = True
        self.unheard = {people.push(True) for _ in range(4)}
        wait.until(lambda: self.line.refused, "a notification is refused")
        self.fleet.source.kill()
        self.fleet.source.start()
        self.line.closed = False

    def assert_disturbed(self, people):
        done = self.line.done
        self.tell(f"events, and whether they were news: {dict(done)}")
        for what in ("drop", "double", "reorder"):
            self.assertGreater(done[what, True], 0, done)
        unheard = self.unheard - people.put_again
        self.assertTrue(unheard)
        self.assertEqual(unheard & self.line.pushed, set(), "the restart lost them")
        self.assertEqual(self.line.failures, [], "the primary took all that came through")

    # Rest

    def source_state(self):
        return self.fleet.primary.get_json("/v1/reconcile")["sources"][0]

    def reconcile(self):
        def idle():
            state = self.source_state()
            return state["last_complete"] and not state["running"] and not state["queued"]

        wait.until(idle, "the backfill, and what the restart asked for, have ended", 90)
        primary = self.fleet.primary
        run = json.loads(primary.run("reconcile", "--config", primary.config_file, "--json", "--wait",
                                     "--digests").stdout)["runs"][0]
        self.assertTrue(run["complete"], run)
        self.assertIs(self.source_state()["suspected_loss"], False)
        self.tell(f"reconciled: {run['findings']} findings; before: "
                  f"{[(one['why'], one['findings']) for one in self.source_state()['ended']]}")

    def wait_rest(self):
        def at_rest():
            site_lag = [one["lag_events"] for one in self.fleet.primary.get_json("/v1/sites")["sites"]]
            unsettled = self.fleet.secondary.get_json("/v1/status")["lag"]["events"]
            states = {name: self.fleet.secondary.get_json(f"/v1/repositories/{name}")["state"] for name in self.names}
            restless = {name: state for name, state in states.items() if state != "synced"}
            return site_lag == [0] and unsettled == 0 and not restless

        try:
            wait.until(at_rest, "nothing is open", 90, every=0.1)
        except wait.TimedOut as late:
            open_items = {name: shown for name in self.names
                          if (shown := self.fleet.secondary.get_json(f"/v1/repositories/{name}"))["state"] != "synced"}
            raise wait.TimedOut(f"{late}\n{json.dumps(open_items, indent=1)}\n"
                                f"{self.fleet.secondary.get_json('/v1/status')['lag']}") from None
        self.tell("at rest")

    # The truth

    def compare(self):
        return truth_comparison.compare(truth_comparison.Side(self.fleet.source.host, fleet.USER),
                                        truth_comparison.Side(self.fleet.target.host),
                                        sorted({*self.names, *self.fleet.at_source.repositories(),
                                                *self.fleet.at_target.repositories()}))

    def assert_same(self, tags):
        found = self.compare()
        self.tell(f"compared {len(found.digests)} tags, {found.manifests} manifests on each side")
        self.assertEqual(found.differences, set())
        self.assertEqual(found.digests, tags, "the source shows what people did")
        self.assertGreater(found.manifests, len(tags), "indexes were gone through")

    def assert_verified(self):
        code, named, summary, unknown = self.verify("--deep", "--check-only")
        self.assertEqual((code, named, unknown), (0, set(), []), summary)
        self.assertEqual((summary["unsettled_tags"], summary["parked_tags"]), (0, 0), summary)
        self.tell(f"verified: {summary}")

    def assert_damage_is_named(self):
        done = self.damage()
        self.tell(f"damaged: {len(done.named)} tags")
        self.assertEqual(self.told_by_verification(), done.named)
        self.tell("verification names them")
        # What reading manifests can show, the other comparison shows too, so it was able to.
        self.assertEqual(self.compare().differences, done.differences)
        self.assertGreaterEqual(len(done.differences), 3)
        self.tell(f"the comparison sees those {len(done.differences)} that show in manifests")

    def told_by_verification(self):
        """(repository, tag, kind) of each line with a reason, as people read it."""
        secondary = self.fleet.secondary
        said = secondary.run("verify", "--config", secondary.config_file, "--deep", "--check-only", check=False)
        self.assertEqual(said.returncode, 1, said.stdout + said.stderr)
        self.assertIn(", 0 could not be compared", said.stdout)
        return set(re.findall(r"^(\S+):(\S+): (\w+): \S.*$", said.stdout, re.MULTILINE))

    def damage(self):
        contents = truth_damage.Contents(self.fleet.at_target, self.tags_at_target())
        done = truth_damage.Damage(self.random, self.fleet.at_target, self.fleet.target.storage, contents)
        sharing = [name for r, name in enumerate(self.names) if r % SHAPE.bases == 0]
        others = self.random.sample([name for name in self.names if name not in sharing], 5)
        for verb, repository in zip((done.remove_tag, done.move_tag, done.unlink_layer, done.remove_child,
                                     done.flip_bit), others):
            verb(repository)
        done.remove_shared_data(sharing)
        return done

    def tags_at_target(self):
        return {(name, tag): self.fleet.at_target.digest(name, tag)
                for name in self.names for tag in self.fleet.at_target.tags(name)}


if __name__ == "__main__":
    unittest.main()
