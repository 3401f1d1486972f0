#!/usr/bin/env python3
"""Which requests cost a target registry least: its own CPU time and the wall time of each way to bring a blob.

usage: python3 bench/load/target_cost [--repetitions 3] [--peers DIR] [--only TEXT ...]

Raw sockets send prepared content; only the registry's process is counted (utime and stime of /proc/PID/stat). All
cases run once per repetition, in an order that is turned round; medians. A registry that is not there is named.
"""

import argparse
import concurrent.futures
import itertools
import json
import pathlib
import shutil
import statistics
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "copy")]

import cases  # noqa: E402
import measure  # noqa: E402
import peers  # noqa: E402
import wire  # noqa: E402

REGISTRIES = {"docker-registry": "docker-registry", "distribution3": "registry"}


def measured(registry, case, repository):
    """(CPU seconds, wall seconds) of the registry for all of the case's blobs."""
    blobs = [cases.blob(size) for size in case.sizes]
    wires = [wire.Wire(registry.url) for _ in range(case.connections)]
    try:
        case.before(wires[0], repository, blobs)
        work, lock = iter(list(enumerate(blobs))), threading.Lock()

        def one(w):
            while True:
                with lock:
                    number, b = next(work, (None, None))
                if b is None:
                    return
                case.work(w, repository, b, number)

        with concurrent.futures.ThreadPoolExecutor(case.connections) as pool:
            before, began = registry.usage().cpu_s, time.monotonic()
            for done in [pool.submit(one, w) for w in wires]:
                done.result()
            wall = time.monotonic() - began
            return registry.usage().cpu_s - before, wall
    finally:
        for w in wires:
            w.close()


def post_only_status(registry):
    """What the registry says to a whole blob in one POST, and whether it then has the blob."""
    w, b = wire.Wire(registry.url), cases.blob(cases.KIB)
    status = w.post_only("post-only", b.digest, b.body)
    w.close()
    w = wire.Wire(registry.url)
    there = w.ask("HEAD", f"/v2/post-only/blobs/{b.digest}", expect=()).status
    w.close()
    return status, there == 200


def repetition(program, work, chosen, number):
    """{case name: (cpu, wall)} of one fresh registry, and what it says to a POST alone."""
    place = work / f"registry-{number}"
    registry = measure.Registry(program, place)
    try:
        status = post_only_status(registry)
        costs = {}
        for n, case in enumerate(chosen if number % 2 == 0 else reversed(chosen)):
            costs[case.section, case.name] = measured(registry, case, f"team/case-{n}")
            for part in ("repositories", "blobs"):  # what is removed need not be written to the disk
                shutil.rmtree(place / "data/docker/registry/v2" / part, ignore_errors=True)
        return costs, status
    finally:
        registry.stop()
        shutil.rmtree(place, ignore_errors=True)


def table(chosen, found, as_json):
    for section, group in itertools.groupby(chosen, key=lambda c: c.section):
        group = list(group)
        if not as_json:
            print(f"\n{section}, {len(group[0].sizes)} each" + " " * 6
                  + "".join(f"{name}: CPU ms, ms/MB, wall ms   " for name in found))
        for case in group:
            count, megabytes = len(case.sizes), sum(case.sizes) / 1e6
            cells = []
            for name, runs in found.items():
                cpu, wall = ([run[case.section, case.name][i] for run in runs] for i in (0, 1))
                c, w = statistics.median(cpu), statistics.median(wall)
                if as_json:
                    print(json.dumps({"scenario": "target_cost", "registry": name, "section": section,
                                      "case": case.name, "connections": case.connections,
                                      "cpu_ms": round(1e3 * c / count, 3), "cpu_ms_per_mb": round(1e3 * c / megabytes, 3),
                                      "wall_ms": round(1e3 * w / count, 3)}))
                spread = f"{1e3 * c / count:8.2f} ({1e3 * min(cpu) / count:.2f}-{1e3 * max(cpu) / count:.2f})"
                cells.append(f"{spread:26}{1e3 * c / megabytes:7.1f} {1e3 * w / count:7.2f}")
            if not as_json:
                print(f"  {case.name:40}" + "   ".join(cells))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--registry", action="append", choices=sorted(REGISTRIES), help="default: those that are there")
    parser.add_argument("--peers", default="", help="a directory with registries' programs, besides the PATH")
    parser.add_argument("--only", action="append", help="only cases whose section or name has this in it")
    parser.add_argument("--directory", default="/var/tmp", help="where the registries keep their data")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chosen = [c for c in cases.all_cases()
              if not options.only or any(o in f"{c.section}: {c.name}" for o in options.only)]
    work = pathlib.Path(tempfile.mkdtemp(prefix="longshore-target-cost-", dir=options.directory))
    found = {}
    try:
        for name in options.registry or sorted(REGISTRIES, reverse=True):
            program = peers.find(REGISTRIES[name], [options.peers] if options.peers else [])
            if not program:
                print(f"{name} is not here: not measured")
                continue
            found[name] = []
            for number in range(options.repetitions):
                costs, (status, there) = repetition(program, work, chosen, number)
                found[name].append(costs)
            print(f"{name}: a blob in one POST with ?digest= is answered with {status} and is "
                  f"{'there' if there else 'not there'} then", flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    table(chosen, found, options.json)


if __name__ == "__main__":
    main()
