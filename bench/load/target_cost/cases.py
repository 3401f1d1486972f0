"""What is asked of the registry: each case is a piece of work for every blob, over some connections."""

import dataclasses
import hashlib
import itertools
import json
import os
import typing

import fleet

KIB, MIB = 1 << 10, 1 << 20
COUNTS = {64 * KIB: 160, MIB: 48, 16 * MIB: 6}
SMALL = 200  # requests of a case without content

_serial = itertools.count()
_filler = os.urandom(16 * MIB)


@dataclasses.dataclass
class Blob:
    digest: str
    body: bytes


def blob(size):
    """Another one each time: a registry that has it already does less."""
    body = next(_serial).to_bytes(8, "big") + _filler[:size - 8]
    return Blob("sha256:" + hashlib.sha256(body).hexdigest(), body)


@dataclasses.dataclass
class Case:
    name: str
    section: str
    sizes: list  # of blobs made for it; their number is what costs are divided by
    work: typing.Callable  # (wire, repository, blob, number)
    connections: int = 4
    before: typing.Callable = lambda wire, repository, blobs: None  # not measured


def shown(size):
    return f"{size // MIB} MiB" if size >= MIB else f"{size // KIB} KiB"


def put(write):
    return lambda w, r, b, n: w.put(r, b.digest, b.body, write)


def of_size(size):
    """The ways to send one blob."""
    sizes, at = [size] * COUNTS[size], f"upload of {shown(size)}"
    cases = [Case("POST, PUT" if k == 128 * KIB else f"POST, PUT, writes of {shown(k)}", at, sizes, put(k))
             for k in (16 * KIB, 64 * KIB, 128 * KIB, MIB) if k <= 2 * size]
    if size < MIB:
        cases.append(Case("POST, PUT, head and body in one write", at, sizes, put(0)))
    cases += [Case("POST, PUT, 1 connection", at, sizes, put(128 * KIB), 1),
              Case("POST, PUT, 8 connections", at, sizes, put(128 * KIB), 8)]
    if size <= MIB:
        cases.append(Case("POST, PUT, 16 connections", at, sizes, put(128 * KIB), 16))
    cases.append(Case("POST, PATCH of all, empty PUT", at, sizes,
                      lambda w, r, b, n: w.patch(r, b.digest, b.body, 128 * KIB, size)))
    for chunk in (c for c in (MIB, 4 * MIB) if c < size):
        cases.append(Case(f"POST, PATCHes of {shown(chunk)}, empty PUT", at, sizes,
                          lambda w, r, b, n, c=chunk: w.patch(r, b.digest, b.body, 128 * KIB, c)))
        cases.append(Case(f"POST, PATCHes of {shown(chunk)}, PUT of the last", at, sizes,
                          lambda w, r, b, n, c=chunk: w.patch_and_rest(r, b.digest, b.body, 128 * KIB, c)))
    return cases


def ordered():
    mix = [16 * MIB] * 4 + [MIB] * 16 + [64 * KIB] * 60
    return [Case("large first", "mixed sizes, POST, PUT", mix, put(128 * KIB)),
            Case("small first", "mixed sizes, POST, PUT", mix[::-1], put(128 * KIB))]


def manifest_of(config, layer, number):
    described = [{"mediaType": t, "digest": b.digest, "size": len(b.body)}
                 for t, b in ((fleet.CONFIG, config), (fleet.LAYER, layer))]
    return json.dumps({"schemaVersion": 2, "mediaType": fleet.MANIFEST, "config": described[0],
                       "layers": described[1:], "annotations": {"n": str(number)}}).encode()


def put_manifest(wire, repository, ref, body):
    wire.ask("PUT", f"/v2/{repository}/manifests/{ref}", body, 0, [f"Content-Type: {fleet.MANIFEST}"], (201,))


def put_all(wire, repository, blobs):
    for b in blobs:
        wire.put(repository, b.digest, b.body, 128 * KIB)


def small():
    """Requests beside uploads. base holds every blob; the repository itself is what `before` makes of it."""
    at, sizes = "small requests", [KIB] * SMALL

    def base(w, r, blobs):
        put_all(w, r + "-base", blobs)

    made = {}

    def tagged(w, r, blobs):
        put_all(w, r, blobs[:2])
        for n in range(20):
            put_manifest(w, r, f"v{n}", manifest_of(*blobs[:2], 0))
        made[r] = blobs

    def manifest_each(w, r, b, n):
        put_manifest(w, r, f"v{n}", manifest_of(*made[r][:2], n))

    def manifest_same(w, r, b, n):
        put_manifest(w, r, f"t{n}", manifest_of(*made[r][:2], 0))

    def manifest_by_digest(w, r, b, n):
        body = manifest_of(*made[r][:2], n)
        put_manifest(w, r, "sha256:" + hashlib.sha256(body).hexdigest(), body)

    accept = [f"Accept: {fleet.MANIFEST}"]

    def get(method, path, expect=(200,)):
        return lambda w, r, b, n: w.ask(method, f"/v2/{r}{path(b, n)}", headers=accept, expect=expect)

    return [
        Case("POST, PUT of 1 KiB", at, sizes, put(0)),
        Case("mount", at, sizes,
             lambda w, r, b, n: w.ask("POST", f"/v2/{r}/blobs/uploads/?mount={b.digest}&from={r}-base", expect=(201,)),
             before=base),
        Case("mount of what is not there (202)", at, sizes,
             lambda w, r, b, n: w.ask("POST", f"/v2/{r}/blobs/uploads/?mount={b.digest}&from={r}-base", expect=(202,)),
             before=lambda w, r, blobs: put_all(w, r + "-base", [blob(KIB)])),
        Case("HEAD of a blob", at, sizes, get("HEAD", lambda b, n: f"/blobs/{b.digest}"), before=put_all),
        Case("HEAD of a blob that is not there", at, sizes, get("HEAD", lambda b, n: f"/blobs/{b.digest}", (404,))),
        Case("PUT of a manifest, a tag each", at, sizes, manifest_each, before=tagged),
        Case("PUT of a manifest, by digest", at, sizes, manifest_by_digest, before=tagged),
        Case("PUT of one manifest under many tags", at, sizes, manifest_same, before=tagged),
        Case("HEAD of a manifest by tag", at, sizes, get("HEAD", lambda b, n: f"/manifests/v{n % 20}"), before=tagged),
        Case("GET of a manifest by tag", at, sizes, get("GET", lambda b, n: f"/manifests/v{n % 20}"), before=tagged),
        Case("GET of a list of 20 tags", at, sizes, get("GET", lambda b, n: "/tags/list"), before=tagged),
        Case("GET of tags of no repository", at, sizes, get("GET", lambda b, n: "/tags/list", (404,))),
    ]


def all_cases():
    return [c for size in COUNTS for c in of_size(size)] + ordered() + small()
