#!/usr/bin/env python3
"""Copies a fleet of images from one real registry to another with Longshore and with the tools people use for it.

usage: python3 bench/load/copy --program build/release/tools/longshore [--repetitions 3] [--target docker-registry ...]

Every tool runs to a fresh target of its own; the order is turned round between repetitions. A second run with nothing
new follows each. `longshore --state` remembers the target between the two, and is told that no tag moves;
peers have no such mode. Prints wall and own CPU time, peak memory, CPU and requests of both registries, and the bytes
the target was sent over the unique bytes; then the machine's floor for the same bytes. Peers that are not on the PATH (or
in --peers DIR) are named as missing.
"""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import fleet as fleets
import floor
import measure
import peers

REGISTRIES = {"docker-registry": "docker-registry", "distribution3": "registry"}


def longshore(program, fleet, source, target, work, more=()):
    jobs = pathlib.Path(work) / "jobs"
    jobs.write_text("".join(f"docker://{peers.host(source)}/{name} docker://{peers.host(target)}/{name}\n"
                            for name in fleet.repository_names()))
    return [[program, "copy", "--json", "--from-file", str(jobs), *more]]


def remembering(work):
    """A target that was copied to is known, and tags that are never moved are not asked for again."""
    return ["--state", str(pathlib.Path(work) / "state"), "--immutable-tags", "*"]


def arguments():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("--program", required=True, help="the longshore to measure")
    a.add_argument("--repetitions", type=int, default=3)
    a.add_argument("--target", action="append", choices=sorted(REGISTRIES), help="default: those that are there")
    a.add_argument("--peers", default="", help="a directory with peers' programs, besides the PATH")
    a.add_argument("--only", action="append", help="only these tools")
    a.add_argument("--directory", default="/var/tmp", help="where the registries keep their data")
    a.add_argument("--json", action="store_true")
    a.add_argument("--longshore-options", default="", help="more options for longshore copy, in one string")
    for name in ("repositories", "tags", "index_every", "bases", "base_bytes", "own_layers", "own_bytes_min",
                 "own_bytes_max", "seed"):
        a.add_argument("--" + name.replace("_", "-"), type=int, default=getattr(fleets.Shape(), name))
    return a.parse_args()


class Bench:
    def __init__(self, options):
        self.options = options
        shape = {f: getattr(options, f) for f in fleets.Shape.__dataclass_fields__}
        self.fleet = fleets.Fleet(fleets.Shape(**shape))
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="longshore-copy-", dir=options.directory))
        self.results = []
        self.number = 0

    def tools(self):
        places = [self.options.peers] if self.options.peers else []
        known = {"longshore": lambda *a: longshore(self.options.program, *a, self.options.longshore_options.split()),
                 "longshore --state": lambda *a: longshore(self.options.program, *a, remembering(a[-1])),
                 "skopeo": None, "regsync": None, "crane": None}
        makers = {"skopeo": peers.skopeo, "regsync": peers.regsync, "crane": peers.crane}
        for name, maker in makers.items():
            program = peers.find(name, places)
            if program:
                known[name] = lambda *a, m=maker, p=program: m(p, *a)
            else:
                print(f"{name} is not here: not measured" +
                      (f" (go install {peers.PEERS[name]}@latest)" if name in peers.PEERS else ""))
        return {n: t for n, t in known.items() if t and (not self.options.only or n in self.options.only)}

    def run(self):
        source_program = shutil.which("docker-registry")
        self.source = measure.Registry(source_program, self.work / "source")
        try:
            self.content = self.fleet.fill(self.source.url)
            print(f"fleet: {self.content['unique_bytes'] / 1e6:.0f} MB unique in {self.content['blobs']} blobs and "
                  f"{self.content['manifests']} manifests, {self.content['tags']} tags, "
                  f"{len(self.fleet.repository_names())} repositories")
            for target in self.options.target or sorted(REGISTRIES):
                self.to(target)
            floor.print_floor(self.fleet, self.content["unique_bytes"], self.work)
        finally:
            self.source.stop()
            shutil.rmtree(self.work, ignore_errors=True)

    def to(self, target):
        program = peers.find(REGISTRIES[target], [self.options.peers] if self.options.peers else [])
        if not program:
            print(f"{target} is not here: not measured")
            return
        tools = self.tools()
        runs = {name: [] for name in tools}
        for repetition in range(self.options.repetitions):
            order = list(tools) if repetition % 2 == 0 else list(reversed(tools))
            for name in order:
                runs[name].append(self.one(name, tools[name], program, target))
        self.table(target, runs)

    def one(self, name, maker, program, target):
        self.number += 1
        place = self.work / f"target-{self.number}"
        subprocess.run(["sync"], check=True)  # what an earlier run left to write is not this one's cost
        registry = measure.Registry(program, place)
        try:
            work = self.work / f"work-{self.number}"
            work.mkdir()
            first = measure.run_tool(maker(self.fleet, self.source.url, registry.url, work), self.source, registry)
            again = measure.run_tool(maker(self.fleet, self.source.url, registry.url, work), self.source, registry)
            if first.exit_code or again.exit_code:
                raise RuntimeError(f"{name} failed with {first.exit_code}, {again.exit_code}")
            missing = self.fleet.missing_at(registry.url)
            if missing:
                raise RuntimeError(f"{name} left out {len(missing)} tags, among them {missing[:3]}")
        finally:
            registry.stop()
            shutil.rmtree(place, ignore_errors=True)
        if self.options.json:
            print(json.dumps({"tool": name, "target": target, "first": measure.as_dict(first),
                              "again": measure.as_dict(again)}), flush=True)
        else:
            print(f"  {target} {name}: {first.wall_s:.2f} s, again {again.wall_s:.2f} s", flush=True)
        return first, again

    def table(self, target, runs):
        print(f"\nto {target}, medians of {self.options.repetitions} (min-max)")
        head = ("tool", "wall s", "own CPU s", "peak MiB", "source CPU s", "target CPU s", "source requests",
                "target requests", "sent/unique", "again: wall s", "requests")
        rows = [head]
        for name, pairs in runs.items():
            def spread(of, digits=2):
                values = sorted(of(p) for p in pairs)
                return f"{statistics.median(values):.{digits}f} ({values[0]:.{digits}f}-{values[-1]:.{digits}f})"

            def middle(of):
                return f"{statistics.median(of(p) for p in pairs):.0f}"

            ratio = statistics.median(p[0].target.read_bytes for p in pairs) / self.content["unique_bytes"]
            rows.append((name, spread(lambda p: p[0].wall_s), spread(lambda p: p[0].cpu_s),
                         spread(lambda p: p[0].peak_mib, 0), spread(lambda p: p[0].source.cpu_s, 1),
                         spread(lambda p: p[0].target.cpu_s, 1), middle(lambda p: p[0].source.requests),
                         middle(lambda p: p[0].target.requests), f"{ratio:.3f}", spread(lambda p: p[1].wall_s),
                         middle(lambda p: p[1].source.requests + p[1].target.requests)))
        widths = [max(len(r[i]) for r in rows) for i in range(len(head))]
        for row in rows:
            print("  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip())


if __name__ == "__main__":
    started = time.monotonic()
    Bench(arguments()).run()
    print(f"\ntook {time.monotonic() - started:.0f} s")
