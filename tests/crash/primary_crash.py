#!/usr/bin/env python3
"""Kills a primary with SIGKILL at random moments under concurrent ingest, and holds its log against an oracle.

usage: primary_crash.py [--kills 10] [--workers 8] [--seed N] [--program LONGSHORE] [--power-cut LIBRARY]
                        [--defect ack_before_sync|no_dedup] [--keep]

--power-cut preloads a library that also makes each kill forget what was written and not yet synced.
--defect is for the negative control: the program must be longshore-broken, the harness must find the defect's damage,
and the exit code is 0 only if it does.
--keep leaves the directory of a run that found something, and says where it is.
Prints one JSON line of figures. Exit code 0: as it should be; 1: not.
"""

import argparse
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support" / "python"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import oracle  # noqa: E402
from longshore_testing import notifications, site, web  # noqa: E402

TOKEN = "crash-test-source-token"
FOLLOWER_TOKEN = "crash-test-follower-token"
HEADERS = {"Content-Type": notifications.MEDIA_TYPE, "Authorization": "Bearer " + TOKEN}


class Round:
    """Workers that send until the primary dies; one of them kills it, at a moment that chance chose."""

    def __init__(self, primary, known, chance, retries, delivered):
        self._primary, self._oracle, self._retries = primary, known, retries
        self._delivered = delivered  # envelopes acknowledged in earlier rounds and this one, newest last
        self._lock = threading.Lock()
        self._left = chance.randrange(1, 400)  # requests until the kill
        self._before_answer = chance.random() < 0.5  # kill as the last one was sent, or as it was answered
        self._seeds = [chance.randrange(1 << 60) for _ in range(64)]
        self.unanswered = []
        self.refusals = []

    def run(self, workers):
        """Envelopes whose fate is not known."""
        threads = [threading.Thread(target=self._work, args=(n,)) for n in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._primary.kill()
        if self.refusals:
            raise AssertionError(f"ingest refused: {self.refusals[0]}")
        return self.unanswered + self._retries

    def _count(self, answered):
        with self._lock:
            if answered != self._before_answer:
                self._left -= 1
                if self._left == 0:
                    os.kill(self._primary.process.pid, signal.SIGKILL)

    def _next(self, chance):
        with self._lock:
            if self._retries:
                return self._retries.pop()
            if self._delivered and chance.random() < 0.05:
                return chance.choice(self._delivered[-200:])  # a registry that did not see the answer
        many = chance.randrange(2, 400) if chance.random() < 0.05 else 1
        events = [notifications.event(repository=f"team/r{chance.randrange(20)}", tag=f"t{chance.randrange(30)}")
                  for _ in range(many)]
        return [e["id"] for e in events], notifications.envelope(events)

    def _work(self, number):
        chance = random.Random(self._seeds[number])
        connection = http.client.HTTPConnection("127.0.0.1", self._primary.port, timeout=10)
        while True:
            ids, body = self._next(chance)
            self._oracle.sent(ids)
            try:
                connection.request("POST", "/v1/events/main", body, HEADERS)
                self._count(answered=False)
                response = connection.getresponse()
                answer = response.read()
            except (OSError, http.client.HTTPException):
                with self._lock:
                    self.unanswered.append((ids, body))
                connection.close()
                return
            if response.status == 200:  # 202 says that something was put aside, and all of these can be understood
                self._oracle.acknowledged(ids)
                with self._lock:
                    self._delivered.append((ids, body))
            else:
                with self._lock:
                    self.refusals.append(f"{response.status} {answer[:300]!r}")
                return
            self._count(answered=True)


def read_log(primary, start):
    """(seq, id) of the records from start on, over HTTP."""
    records = []
    while True:
        path = "/v1/log/events?wait=0&max_bytes=4000000" + (f"&after={start - 1}" if start else "")
        answer = web.ask("GET", primary.url + path, headers={"Authorization": "Bearer " + FOLLOWER_TOKEN,
                                                              "Accept": "application/x-ndjson"})
        if answer.status != 200:
            raise AssertionError(f"reading the log: {answer.status} {answer.text()[:300]}")
        page = [json.loads(line) for line in answer.body.splitlines() if line.strip()]
        page = [(record["seq"], record["id"]) for record in page if "seq" in record and "kind" in record]
        if not page:
            return records
        records += page
        start = page[-1][0] + 1


def read_directory(primary):
    text = primary.run("log", "export", primary.data_dir).stdout
    return [(record["seq"], record["id"]) for record in map(json.loads, text.splitlines())]


def history_of(primary, known, found):
    """What a finding needs to be understood: where lost events are now, and records that are not where they were."""
    now = {event_id: seq for seq, event_id in read_log(primary, 0)}
    moved = [(event_id, seq, now.get(event_id)) for event_id, seq in known.positions().items() if now.get(event_id) != seq]
    return {"records_now": len(now), "records_read": known.records_read(), "lost_now_at": [
        (event_id, now.get(event_id)) for event_id in found.lost[:20]], "moved": moved[:20]}


def check_at_rest(primary, known, problems):
    """The whole directory, offline: the log against the oracle, its hashes, and the views against a rebuild."""
    again = oracle.Oracle()
    again._sent, again._acknowledged = known._sent, known._acknowledged
    found = again.check(read_directory(primary))
    if found.any():
        problems.append(f"the exported log: {found}")
    verified = primary.run("log", "verify", "--json", primary.data_dir, check=False)
    if verified.returncode != 0:
        problems.append(f"log verify: {verified.stdout}{verified.stderr}")
    rebuilt = json.loads(primary.run("rebuild-views", "--json", primary.data_dir).stdout)
    for view in rebuilt["views"]:
        if view["digest"] != view["digest_before"]:
            problems.append(f"view {view['view']} is not the fold of its log: {view}")


def make_primary(directory, options):
    environment = {}
    if options.power_cut:
        environment.update(LD_PRELOAD=str(pathlib.Path(options.power_cut).resolve()), LONGSHORE_LOSSY_DIR=directory)
    if options.defect:
        environment["LONGSHORE_DEFECT"] = options.defect
    return site.Site(directory, "primary", "primary", program=options.program, environment=environment, more=[
        ("[[source]]", {"name": "main", "token": TOKEN}), ("[[follower]]", {"name": "reader", "token": FOLLOWER_TOKEN})])


def run(options, directory):
    chance = random.Random(options.seed)
    primary, known = make_primary(directory, options), oracle.Oracle()
    retries, delivered, problems = [], [], []
    began, kills, killed_at_start, start_seconds = time.monotonic(), 0, 0, 0.1
    last_kills = []  # of which kind; the newest last
    while kills < options.kills and not problems:
        primary.start(ready=False)
        if chance.random() < 0.1:  # before it is ready, too
            deadline = time.monotonic() + chance.random() * start_seconds
            while time.monotonic() < deadline and primary.process.alive():
                time.sleep(0.001)
            primary.kill()
            killed_at_start += 1
            kills += 1
            last_kills = [*last_kills[-9:], "start"]
            continue
        started = time.monotonic()
        primary.wait_ready()
        start_seconds = (start_seconds + 1.2 * (time.monotonic() - started)) / 2  # recovery is a moment, too
        found = known.check(read_log(primary, known.records_read()))
        if found.any():
            problems.append(f"after {kills} kills: {found}")
            if not options.defect:
                problems.append(f"last kills {last_kills}; {json.dumps(history_of(primary, known, found))}")
            break
        retries = Round(primary, known, chance, retries, delivered).run(options.workers)
        del delivered[:-1000]
        kills += 1
        last_kills = [*last_kills[-9:], "ingest"]
    if not problems:
        primary.start()
        found = known.check(read_log(primary, known.records_read()))
        if found.any():
            problems.append(f"after {kills} kills: {found}")
        primary.stop()
        check_at_rest(primary, known, problems)
    else:
        primary.kill()
    return {"kills": kills, "during_start": killed_at_start, "seed": options.seed, "power_cut": bool(options.power_cut),
            "defect": options.defect, **known.counts(), "unacknowledged_in_log": known.unacknowledged_in_log(),
            "seconds": round(time.monotonic() - began, 1), "problems": problems}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=int(os.environ.get("LONGSHORE_CRASH_KILLS", "10")))
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--program", default=str(site.binary()))
    parser.add_argument("--power-cut", metavar="LIBRARY")
    parser.add_argument("--defect", choices=["ack_before_sync", "no_dedup"])
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="longshore-crash-")
    figures = {"problems": ["the run did not end"]}
    try:
        figures = run(options, directory)
    finally:
        if options.keep and figures["problems"]:
            print(f"kept: {directory}", file=sys.stderr)
        else:
            shutil.rmtree(directory, ignore_errors=True)
    print(json.dumps(figures))
    seen = bool(figures["problems"])
    if options.defect:
        expected = "lost" if options.defect == "ack_before_sync" else "doubled"
        seen = any(f"{expected} 0" not in problem and expected in problem for problem in figures["problems"])
        if not seen:
            print(f"the harness did not see what {options.defect} does: it proves nothing", file=sys.stderr)
        return 0 if seen else 1
    for problem in figures["problems"]:
        print(problem, file=sys.stderr)
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())
