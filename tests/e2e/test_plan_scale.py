#!/usr/bin/env python3
"""longshore plan of many tags and many repositories: it counts them all, in bounded memory and with few requests."""

import json
import os
import unittest

import support
from longshore_testing import images, registry, spent, stored

PROGRAM = os.environ.get("SITE_PROGRAM", "longshore")
TAGS, REPOSITORIES = 500, 200
CEILING_MIB = 200
MANY = "team/many"


class Scale(support.Scratch):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.source = registry.Registry(cls.directory, "source")
        cls.empty = registry.Registry(cls.directory, "empty")
        cls.full = registry.Registry(cls.directory, "full")
        cls.full.storage.symlink_to(cls.source.storage)
        storage = stored.Storage(cls.source.storage)
        for n in range(TAGS):
            storage.add(images.simple(MANY, f"v{n}", ["base", f"own/{n}"], size=200))
        for n in range(REPOSITORIES):
            storage.add(images.simple(f"app{n % 10}/service-{n}", "latest", ["base", f"own/{n % 50}"], size=200))
        for one in (cls.source, cls.empty, cls.full):
            one.start()
            cls.addClassCleanup(one.kill)

    def plan(self, target, rest=""):
        done = spent.run([PROGRAM, "plan", "--json", f"docker://{self.source.host}{rest}",
                          f"docker://{target.host}{rest}"], 120, {**os.environ, "HOME": "/nonexistent"})
        self.assertEqual(done.exit_code, 0, done.errors)
        self.assertGreater(done.peak_mib, 0)
        self.assertLess(done.peak_mib, CEILING_MIB)
        lines = [json.loads(line) for line in done.output.splitlines()]
        self.assertEqual(lines[-1]["summary"]["images"], len(lines) - 1)
        return lines[-1]["summary"]

    def test_many_tags_cost_one_request_each_at_the_source_and_none_at_an_empty_target(self):
        told = self.plan(self.empty, f"/{MANY}")
        self.assertEqual((told["images"], told["to_copy"]), (TAGS, TAGS))
        self.assertLess(told["source_requests"], TAGS * 1.05 + 20)
        self.assertEqual(told["target_requests"], 1)

    def test_many_tags_that_the_target_has_are_unchanged_at_one_request_each(self):
        told = self.plan(self.full, f"/{MANY}")
        self.assertEqual((told["images"], told["unchanged"]), (TAGS, TAGS))
        self.assertLess(told["source_requests"], TAGS * 1.05 + 20)
        self.assertLess(told["target_requests"], TAGS * 1.05 + 20)

    def test_a_catalog_of_many_repositories_is_planned_whole(self):
        for target, to_copy in ((self.empty, TAGS + REPOSITORIES), (self.full, 0)):
            told = self.plan(target)
            self.assertEqual((told["images"], told["to_copy"]), (TAGS + REPOSITORIES, to_copy))
            self.assertLess(told["source_requests"], TAGS + 2 * REPOSITORIES + 100)


if __name__ == "__main__":
    unittest.main()
