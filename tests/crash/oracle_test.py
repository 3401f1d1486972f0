#!/usr/bin/env python3
"""The oracle itself: it must see what it is for."""

import datetime
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support" / "python"))

import oracle  # noqa: E402
from longshore_testing import notifications  # noqa: E402


def known(sent, acknowledged):
    made = oracle.Oracle()
    made.sent(sent)
    made.acknowledged(acknowledged)
    return made


class TheOracle(unittest.TestCase):
    def test_is_content_when_unacknowledged_events_are_there_or_not(self):
        self.assertFalse(known("abcd", "ab").check([(0, "b"), (1, "a"), (2, "d")]).any())

    def test_sees_an_acknowledged_event_that_is_missing(self):
        self.assertEqual(known("ab", "ab").check([(0, "a")]).lost, ["b"])

    def test_sees_a_double_also_over_two_readings(self):
        judge = known("ab", "ab")
        self.assertFalse(judge.check([(0, "a"), (1, "b")]).any())
        self.assertEqual(len(judge.check([(2, "a")]).doubled), 1)

    def test_sees_a_gap(self):
        self.assertEqual(len(known("ab", "").check([(0, "a"), (2, "b")]).gaps), 1)

    def test_sees_what_was_never_sent(self):
        self.assertEqual(len(known("a", "").check([(0, "a"), (1, "z")]).unknown), 1)


class TheNotifications(unittest.TestCase):
    def test_are_times_of_a_registry_also_on_the_full_second(self):
        full = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
        for moment in (full, full.replace(microsecond=120)):
            self.assertRegex(notifications.event(moment=moment)["timestamp"], r"^2026-01-01T00:00:00\.\d{9}Z$")


if __name__ == "__main__":
    unittest.main()
