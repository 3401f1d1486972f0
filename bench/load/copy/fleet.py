"""A fleet of images as a team would have them: shared base layers, own layers on top, a few multi-platform tags.

Everything follows from the seed, so every run and every tool under test copies the same bytes. Content is made
while it is sent and never kept: a fleet of any size fits in memory.
"""

import concurrent.futures
import dataclasses
import hashlib
import http.client
import json
import math
import random
import urllib.parse

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclasses.dataclass(frozen=True)
class Shape:
    """Sizes in bytes. The default holds 943 MB unique in 1,352 stored objects, 288 of them manifests."""

    repositories: int = 12
    tags: int = 20
    index_every: int = 10  # one tag in so many is an index of two images
    bases: int = 4
    base_bytes: int = 40_000_000  # of a base set, in two layers
    own_layers: int = 3
    own_bytes_min: int = 50_000
    own_bytes_max: int = 4_000_000
    seed: int = 84


@dataclasses.dataclass
class Blob:
    seed: str
    size: int
    digest: str = ""

    def bytes(self):
        return random.Random(self.seed).randbytes(self.size)


class Fleet:
    def __init__(self, shape=Shape()):
        self.shape = shape
        self._random = random.Random(shape.seed)
        half = shape.base_bytes // 2
        self._bases = [[self._blob(f"base/{b}/{n}", half) for n in range(2)] for b in range(shape.bases)]
        self._digests = {}

    def _blob(self, name, size):
        return Blob(f"{self.shape.seed}/{name}", size)

    def _own_size(self):
        low, high = math.log(self.shape.own_bytes_min), math.log(self.shape.own_bytes_max)
        return int(math.exp(self._random.uniform(low, high)))

    def repository_names(self):
        return [f"team{r % 4}/service-{r}" for r in range(self.shape.repositories)]

    def plan(self):
        """Yields (repository, tag, [layers of each image]); more than one image makes an index."""
        for r, repository in enumerate(self.repository_names()):
            for t in range(self.shape.tags):
                images = 2 if t % self.shape.index_every == 0 else 1
                yield repository, f"v{t}", [
                    self._bases[r % self.shape.bases]
                    + [self._blob(f"own/{r}/{t}/{i}/{n}", self._own_size()) for n in range(self.shape.own_layers)]
                    for i in range(images)
                ]

    def missing_at(self, url):
        """Tags that are not at the registry."""
        client = Client(url)
        missing = []
        for repository in self.repository_names():
            _, body = client.call("GET", f"/v2/{repository}/tags/list", expect=(200, 404))
            there = set(json.loads(body).get("tags") or [])
            missing += [f"{repository}:v{t}" for t in range(self.shape.tags) if f"v{t}" not in there]
        client.close()
        return missing

    def fill(self, url, workers=4):
        """Pushes the fleet. Returns {"unique_bytes", "blobs", "manifests", "tags"}; raises on any refusal."""
        unique = {}
        tags = 0
        plan = list(self.plan())
        # One worker per repository at a time keeps uploads of a shared base from racing.
        by_repository = {}
        for repository, tag, images in plan:
            by_repository.setdefault(repository, []).append((tag, images))

        def push_repository(repository):
            client = Client(url)
            stored = {}
            for tag, images in by_repository[repository]:
                stored.update(client.push_tag(repository, tag, images))
            client.close()
            return stored

        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            for stored in pool.map(push_repository, by_repository):
                unique.update(stored)
        tags = len(plan)
        manifests = sum(1 for kind, _ in unique.values() if kind == "manifest")
        return {
            "unique_bytes": sum(size for _, size in unique.values()),
            "blobs": len(unique) - manifests,
            "manifests": manifests,
            "tags": tags,
        }


class Client:
    """As much of the distribution API as filling needs, over one kept connection."""

    def __init__(self, url):
        self._netloc = urllib.parse.urlsplit(url).netloc
        self._connection = http.client.HTTPConnection(self._netloc, timeout=60)
        self._held = set()

    def close(self):
        self._connection.close()

    def call(self, method, path, body=None, headers=None, expect=(200, 201, 202)):
        self._connection.request(method, path, body=body, headers=headers or {})
        response = self._connection.getresponse()
        answer = response.read()
        if response.status not in expect:
            raise RuntimeError(f"{method} {path}: {response.status} {answer[:300]!r}")
        return response, answer

    def push_blob(self, repository, content):
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        if (repository, digest) in self._held:
            return digest
        response, _ = self.call("POST", f"/v2/{repository}/blobs/uploads/", headers={"Content-Length": "0"})
        location = urllib.parse.urlsplit(response.headers["Location"])
        query = (location.query + "&" if location.query else "") + "digest=" + urllib.parse.quote(digest, safe="")
        self.call("PUT", f"{location.path}?{query}", body=content,
                  headers={"Content-Type": "application/octet-stream"})
        self._held.add((repository, digest))
        return digest

    def push_manifest(self, repository, ref, media_type, document):
        self.call("PUT", f"/v2/{repository}/manifests/{ref}", body=document, headers={"Content-Type": media_type})

    def push_tag(self, repository, tag, images):
        stored = {}
        children = []
        for number, layers in enumerate(images):
            descriptors = []
            for layer in layers:
                if not (layer.digest and (repository, layer.digest) in self._held):
                    layer.digest = self.push_blob(repository, layer.bytes())
                descriptors.append({"mediaType": LAYER, "digest": layer.digest, "size": layer.size})
                stored[layer.digest] = ("blob", layer.size)
            config = json.dumps({"architecture": ["amd64", "arm64"][number], "os": "linux",
                                 "config": {"Labels": {"of": f"{repository}:{tag}/{number}"}},
                                 "rootfs": {"type": "layers",
                                            "diff_ids": [d["digest"] for d in descriptors]}}).encode()
            config_digest = self.push_blob(repository, config)
            stored[config_digest] = ("blob", len(config))
            manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST,
                                   "config": {"mediaType": CONFIG, "digest": config_digest, "size": len(config)},
                                   "layers": descriptors}).encode()
            digest = "sha256:" + hashlib.sha256(manifest).hexdigest()
            stored[digest] = ("manifest", len(manifest))
            self.push_manifest(repository, tag if len(images) == 1 else digest, MANIFEST, manifest)
            children.append({"mediaType": MANIFEST, "digest": digest, "size": len(manifest),
                             "platform": {"os": "linux", "architecture": ["amd64", "arm64"][number]}})
        if len(images) > 1:
            index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}).encode()
            stored["sha256:" + hashlib.sha256(index).hexdigest()] = ("manifest", len(index))
            self.push_manifest(repository, tag, INDEX, index)
        return stored
