#!/usr/bin/env python3
"""Kills a secondary with SIGKILL at random moments while it copies; in the end the target must be complete.

usage: secondary_crash.py [--kills 3] [--seed N] [--program LONGSHORE]

The secondary is killed when the target registry's access log has grown by a random amount since an image was pushed:
during the walk, the copying of blobs, or the publishing. At the end every tag must be at the target with every blob
readable, both logs the same bytes, both sites' logs sound, and every view the fold of its log.
Prints one JSON line of figures. Exit code 0: as it should be; 1: not.
"""

import argparse
import json
import os
import pathlib
import random
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support" / "python"))

from longshore_testing import fleet, images, site, wait  # noqa: E402


def push_images(all_of, chance, number):
    """One round's work; what it made true."""
    made = {}
    for n in range(chance.randrange(1, 4)):
        repository = f"team/r{chance.randrange(6)}"
        layers = ["base/0", "base/1", *(f"round/{number}/{n}/{i}" for i in range(chance.randrange(1, 6)))]
        image = images.simple(repository, f"t{chance.randrange(8)}", layers, oci=chance.random() < 0.7,
                              size=chance.choice([20_000, 300_000, 2_000_000]))
        made[repository, image.tag] = image.push(all_of.at_source)
    return made


def kill_while_copying(all_of, chance):
    """True when it was killed with work going on."""
    access_log = all_of.target.directory / "registry.log"
    start, wanted = access_log.stat().st_size, chance.randrange(0, 12_000)
    try:
        wait.until(lambda: access_log.stat().st_size >= start + wanted, "the target is asked", 3, every=0.0005)
        busy = True
    except wait.TimedOut:
        busy = False  # less work than hoped for: idle is a moment, too
    all_of.secondary.kill()
    return busy


def check_end(all_of, wanted, problems):
    all_of.secondary.start()
    try:
        all_of.wait_same(wanted, 120)
    except wait.TimedOut as late:
        problems.append(str(late))
        return
    problems += all_of.target_faults(wanted)
    all_of.primary.stop()
    all_of.secondary.stop()
    exports = [one.run("log", "export", one.data_dir).stdout for one in (all_of.primary, all_of.secondary)]
    if not exports[0].startswith(exports[1]):
        problems.append(f"the secondary's log is no copy: {[len(text) for text in exports]} bytes")
    for one in (all_of.primary, all_of.secondary):
        verified = one.run("log", "verify", "--json", one.data_dir, check=False)
        if verified.returncode != 0:
            problems.append(f"{one.name}: log verify: {verified.stdout}{verified.stderr}")
        for view in json.loads(one.run("rebuild-views", "--json", one.data_dir).stdout)["views"]:
            if view["digest"] != view["digest_before"]:
                problems.append(f"{one.name}: view {view['view']} is not the fold of its log: {view}")


def run(options, directory):
    chance = random.Random(options.seed)
    all_of = fleet.Fleet(directory, program=options.program)
    wanted, problems, busy, began = {}, [], 0, time.monotonic()
    try:
        all_of.start()
        for number in range(options.kills):
            wanted.update(push_images(all_of, chance, number))
            busy += kill_while_copying(all_of, chance)
            all_of.secondary.start()
        all_of.secondary.kill()
        check_end(all_of, wanted, problems)
    finally:
        all_of.close()
    return {"kills": options.kills, "while_busy": busy, "seed": options.seed, "tags": len(wanted),
            "seconds": round(time.monotonic() - began, 1), "problems": problems}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=int(os.environ.get("LONGSHORE_SECONDARY_CRASH_KILLS", "3")))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--program", default=str(site.binary()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="longshore-crash-") as directory:
        figures = run(options, directory)
    print(json.dumps(figures))
    for problem in figures["problems"]:
        print(problem, file=sys.stderr)
    return 1 if figures["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
