"""Images of every kind that registries hold, made from names alone: the same name gives the same bytes.

An Image is what a client pushes: blobs, then manifests in an order that a registry accepts, the last one under a tag.
Kinds follow image-spec, Docker's manifest formats, BuildKit's cache and attestation formats, and cosign's tags.
"""

import base64
import dataclasses
import gzip
import hashlib
import io
import json
import random
import tarfile

from . import schema1
from .registry_client import (DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, digest_of)

DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
DOCKER_PLUGIN = "application/vnd.docker.plugin.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"
IN_TOTO = "application/vnd.in-toto+json"
# What Docker's tools send for a step that changes no file: a gzipped tar of nothing.
EMPTY_LAYER = bytes.fromhex("1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000")


@dataclasses.dataclass
class Manifest:
    media_type: str
    body: bytes
    ref: str = ""  # a tag; empty: by digest

    @property
    def digest(self):
        return schema1.manifest_digest(self.media_type, self.body)


@dataclasses.dataclass
class Image:
    kind: str
    repository: str
    tag: str
    blobs: dict = dataclasses.field(default_factory=dict)  # digest -> bytes
    manifests: list = dataclasses.field(default_factory=list)

    @property
    def root(self):
        return self.manifests[-1]

    def blob(self, content, media_type, algorithm="sha256", **more):
        """Adds a blob; its descriptor."""
        digest = digest_of(content, algorithm)
        self.blobs[digest] = content
        return {"mediaType": media_type, "digest": digest, "size": len(content), **more}

    def manifest(self, media_type, content, ref="", **more):
        """Adds a manifest; its descriptor."""
        body = content if isinstance(content, bytes) else json.dumps(content, indent=2).encode()
        made = Manifest(media_type, body, ref)
        self.manifests.append(made)
        return {"mediaType": media_type, "digest": made.digest, "size": len(body), **more}

    def push(self, client):
        """Everything, through a RegistryClient; the root's digest."""
        for digest, data in self.blobs.items():
            client.push_blob(self.repository, data, digest)
        for manifest in self.manifests:
            digest = client.put_manifest(self.repository, manifest.ref or manifest.digest, manifest.media_type,
                                         manifest.body)
            if digest != manifest.digest:
                raise AssertionError(f"{self.kind}: pushed {manifest.digest}, the registry says {digest}")
        return self.root.digest


def noise(name, size):
    """Bytes that do not compress, the same for the same name."""
    return random.Random(name).randbytes(size)


def tar_of(name, size):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo(f"opt/{name.replace('/', '-')}.bin")
        entry.size = size
        tar.addfile(entry, io.BytesIO(noise(name, size)))
    return out.getvalue()


def gzipped(data):
    return gzip.compress(data, compresslevel=1, mtime=0)


def config_for(tars, architecture="amd64", **more):
    history = [{"created": "2026-01-01T00:00:00Z", "created_by": f"COPY layer-{n} /"} for n in range(len(tars))]
    return json.dumps({
        "created": "2026-01-01T00:00:00Z", "architecture": architecture, "os": "linux",
        "config": {"Env": ["PATH=/usr/bin"], "Cmd": ["/bin/app"]},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(t) for t in tars]}, "history": history, **more,
    }).encode()


def _runnable(image, layers, oci, architecture, ref, size=20_000, **more):
    """A manifest of an ordinary image with these layers, by name."""
    tars = [tar_of(name, size) for name in layers]
    config = image.blob(config_for(tars, architecture), OCI_CONFIG if oci else DOCKER_CONFIG)
    described = [image.blob(gzipped(tar), OCI_LAYER if oci else DOCKER_LAYER) for tar in tars]
    media_type = OCI_MANIFEST if oci else DOCKER_MANIFEST
    return image.manifest(media_type, {"schemaVersion": 2, "mediaType": media_type, "config": config,
                                       "layers": described}, ref, **more)


def simple(repository, tag, layers, oci=True, kind=None, size=20_000):
    image = Image(kind or ("OCI image" if oci else "Docker schema 2"), repository, tag)
    _runnable(image, layers, oci, "amd64", tag, size)
    return image


def multi_platform(repository, tag, name, oci=True, nested=False, attested=False, size=20_000):
    kind = "OCI index" if oci else "Docker manifest list"
    image = Image("nested " + kind if nested else kind + (" with attestations" if attested else ""), repository, tag)
    index_type = OCI_INDEX if oci else DOCKER_LIST
    children = []
    for architecture in ("amd64", "arm64"):
        children.append(_runnable(image, ["base/0", f"{name}/{architecture}"], oci, architecture, "", size,
                                  platform={"architecture": architecture, "os": "linux"}))
    if attested:
        children += [_attestation(image, child) for child in list(children)]
    if nested:
        inner = image.manifest(index_type, {"schemaVersion": 2, "mediaType": index_type, "manifests": children})
        lone = _runnable(image, ["base/1", f"{name}/lone"], oci, "riscv64", "",
                         platform={"architecture": "riscv64", "os": "linux"})
        children = [inner, lone]
    image.manifest(index_type, {"schemaVersion": 2, "mediaType": index_type, "manifests": children}, tag)
    return image


def _attestation(image, of):
    statement = json.dumps({"_type": "https://in-toto.io/Statement/v0.1", "subject": [{"name": of["digest"]}],
                            "predicateType": "https://slsa.dev/provenance/v0.2"}).encode()
    layer = image.blob(statement, IN_TOTO,
                       annotations={"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"})
    config = image.blob(config_for([statement], "unknown"), OCI_CONFIG)
    return image.manifest(OCI_MANIFEST, {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config,
                                         "layers": [layer]}, "",
                          platform={"architecture": "unknown", "os": "unknown"},
                          annotations={"vnd.docker.reference.type": "attestation-manifest",
                                       "vnd.docker.reference.digest": of["digest"]})


def buildkit_cache(repository, tag, name, oci=True, as_image=False):
    image = Image("BuildKit cache " + ("image" if as_image else "index" if oci else "list"), repository, tag)
    layer_type = OCI_LAYER if oci else DOCKER_LAYER
    layers = [image.blob(gzipped(tar_of(f"{name}/{n}", 9_000)), layer_type,
                         annotations={"buildkit/createdat": "2026-01-01T00:00:00Z"}) for n in range(3)]
    config = image.blob(json.dumps({"layers": [{"blob": l["digest"], "parent": n - 1} for n, l in enumerate(layers)],
                                    "records": []}).encode(), CACHE_CONFIG)
    if as_image:
        content = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}
        image.manifest(OCI_MANIFEST, content, tag)
    else:
        media_type = OCI_INDEX if oci else DOCKER_LIST
        image.manifest(media_type, {"schemaVersion": 2, "mediaType": media_type, "manifests": [*layers, config]}, tag)
    return image


def unknown_entries(repository, tag, name):
    """An index whose entries are blobs of a type that tells nothing: manifests to whoever guesses."""
    image = Image("index of unknown entries", repository, tag)
    entries = [image.blob(noise(f"{name}/{n}", 1_500), "application/vnd.example.entry") for n in range(2)]
    image.manifest(OCI_INDEX, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}, tag)
    return image


def artifact(repository, tag, kind, config_type, config, layers, subject=None, **more):
    """layers: (bytes, media type)."""
    image = Image(kind, repository, tag)
    content = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": image.blob(config, config_type),
               "layers": [image.blob(data, media_type) for data, media_type in layers], **more}
    if subject is not None:
        content["subject"] = subject
    image.manifest(OCI_MANIFEST, content, tag)
    return image


def with_layers(repository, tag, kind, describe, oci=True, config=None):
    """An image whose layers describe(image) returns."""
    image = Image(kind, repository, tag)
    media_type = OCI_MANIFEST if oci else DOCKER_MANIFEST
    config_type, data = config or (OCI_CONFIG if oci else DOCKER_CONFIG, config_for([tag.encode()]))
    content = {"schemaVersion": 2, "mediaType": media_type, "config": image.blob(data, config_type),
               "layers": describe(image)}
    image.manifest(media_type, content, tag)
    return image


def without_media_type(repository, tag):
    """image-spec lets mediaType be absent from an OCI manifest."""
    image = Image("OCI manifest without mediaType", repository, tag)
    config = image.blob(config_for([b"plain"]), OCI_CONFIG)
    layer = image.blob(gzipped(tar_of("base/0", 20_000)), OCI_LAYER)
    image.manifest(OCI_MANIFEST, {"schemaVersion": 2, "config": config, "layers": [layer]}, tag)
    return image


def signed_schema1(repository, tag, signer, name):
    image = Image("Docker schema 1, signed", repository, tag)
    layers = [image.blob(gzipped(tar_of(n, 20_000)), DOCKER_LAYER)["digest"] for n in (f"{name}/top", "base/0")]
    history = [{"v1Compatibility": json.dumps({"id": hashlib.sha256(f"{name}/{n}".encode()).hexdigest(),
                                               "architecture": "amd64", "os": "linux"})} for n in range(2)]
    image.manifest(schema1.SIGNED, signer.sign({
        "schemaVersion": 1, "name": repository, "tag": tag, "architecture": "amd64",
        "fsLayers": [{"blobSum": digest} for digest in layers], "history": history}), tag)
    return image


def _foreign(image, media_type):
    absent = noise("foreign layer that no registry holds", 500)
    return {"mediaType": media_type, "digest": digest_of(absent), "size": len(absent),
            "urls": ["https://example.org/layer.tar.gz"]}


def _signature(of, suffix, repository, payload_type):
    """cosign's convention: a tag that spells the digest it belongs to."""
    tag = of.root.digest.replace(":", "-") + "." + suffix
    data = json.dumps({"critical": {"image": {"docker-manifest-digest": of.root.digest}}, "what": suffix}).encode()
    return artifact(repository, tag, f"cosign .{suffix}", OCI_CONFIG, config_for([data]), [(data, payload_type)])


def referrers_of(of):
    """A referrer pushed by digest, and the index under the fallback tag that names it (distribution-spec)."""
    subject = {"mediaType": of.root.media_type, "digest": of.root.digest, "size": len(of.root.body)}
    image = Image("referrers fallback tag", of.repository, of.root.digest.replace(":", "-"))
    content = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/vnd.example.sbom",
               "config": image.blob(b"{}", OCI_EMPTY),
               "layers": [image.blob(b'{"sbom":true}', "application/spdx+json")], "subject": subject}
    referrer = image.manifest(OCI_MANIFEST, content, "", artifactType="application/vnd.example.sbom")
    image.manifest(OCI_INDEX, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [referrer]}, image.tag)
    return image


def every_kind(signer):
    """At least thirty images over several repositories, with layers in common."""
    made = [simple("team/app", f"v{n}", ["base/0", "base/1", f"app/{n}"]) for n in range(5)]
    made += [simple("team/worker", f"v{n}", ["base/0", "base/1", f"worker/{n}"]) for n in range(2)]
    made += [simple("legacy/app", f"d{n}", ["base/0", f"app/{n}"], oci=False) for n in range(3)]
    made += [multi_platform("team/multi", "index", "multi"), multi_platform("legacy/multi", "list", "multi", oci=False),
             multi_platform("team/multi", "nested", "nested", nested=True),
             multi_platform("team/multi", "attested", "attested", attested=True)]
    made += [signed_schema1("legacy/old", f"s{n}", signer, f"old/{n}") for n in range(2)]
    made += [buildkit_cache("cache/build", "index", "cache/a"), buildkit_cache("cache/build", "list", "cache/b", False),
             buildkit_cache("cache/build", "image", "cache/c", as_image=True),
             unknown_entries("cache/build", "unknown", "cache/d")]
    made += _artifacts() + _odd_layers()
    signed = made[0]
    simple_signing = "application/vnd.dev.cosign.simplesigning.v1+json"
    made += [_signature(signed, "sig", signed.repository, simple_signing),
             _signature(signed, "att", signed.repository, "application/vnd.dsse.envelope.v1+json"),
             _signature(signed, "sbom", signed.repository, "text/spdx"), referrers_of(made[1])]
    again = simple("team/app", "latest", ["base/0", "base/1", "app/4"], kind="second tag of a manifest")
    deep = simple("deep/er/and/deep_er/still", "T" * 128, ["base/1"], kind="long names")
    return made + [again, deep, without_media_type("team/plain", "untyped")]


def _artifacts():
    chart = artifact("charts/web", "1.2.3", "Helm chart", "application/vnd.cncf.helm.config.v1+json", b'{"name":"web"}',
                     [(noise("chart", 3_000), "application/vnd.cncf.helm.chart.content.v1.tar+gzip")])
    unknown = artifact("things/any", "unknown", "unknown media types", "application/vnd.example.thing+json", b'{"x":1}',
                       [(b"bytes", "application/vnd.example.part"), (b"text", "text/plain; charset=utf-8")],
                       annotations={"org.example.größe": "grün ✓"})
    empty = artifact("things/any", "empty", "artifact of the empty descriptor", OCI_EMPTY, b"{}", [(b"{}", OCI_EMPTY)],
                     artifactType="application/vnd.example.note")
    zero = artifact("things/any", "zero", "zero-byte layer", OCI_CONFIG, config_for([b""]), [(b"", OCI_LAYER)])
    bare = artifact("things/any", "bare", "no layers at all", OCI_EMPTY, b"{}", [])
    return [chart, unknown, empty, zero, bare]


def _odd_layers():
    def estargz(image):
        return [image.blob(gzipped(tar_of("stargz", 8_000)), OCI_LAYER,
                           annotations={"containerd.io/snapshot/stargz/toc.digest": digest_of(b"toc")})]

    def twice(image):
        layer = image.blob(gzipped(tar_of("base/0", 20_000)), OCI_LAYER)
        return [layer, image.blob(noise("zstd", 900), "application/vnd.oci.image.layer.v1.tar+zstd"), layer]

    def embedded(image):
        data = b"small enough to travel along"
        return [image.blob(data, "text/plain", data=base64.b64encode(data).decode())]

    return [
        with_layers("legacy/empty", "steps", "Docker empty layers",
                    lambda i: [i.blob(gzipped(tar_of("base/0", 20_000)), DOCKER_LAYER),
                               i.blob(EMPTY_LAYER, DOCKER_LAYER)], oci=False),
        with_layers("legacy/windows", "nano", "Docker foreign layer",
                    lambda i: [_foreign(i, DOCKER_FOREIGN), i.blob(gzipped(tar_of("win", 5_000)), DOCKER_LAYER)],
                    oci=False),
        with_layers("team/windows", "nano", "OCI nondistributable layer",
                    lambda i: [_foreign(i, OCI_FOREIGN), i.blob(gzipped(tar_of("win", 5_000)), OCI_LAYER)]),
        with_layers("legacy/plugin", "p1", "Docker plugin", lambda i: [i.blob(gzipped(tar_of("plug", 700)), DOCKER_LAYER)],
                    oci=False, config=(DOCKER_PLUGIN, b'{"description":"plugin"}')),
        with_layers("team/lazy", "estargz", "eStargz", estargz),
        with_layers("team/lazy", "twice", "zstd, and one layer twice", twice),
        with_layers("team/lazy", "raw", "uncompressed layer",
                    lambda i: [i.blob(tar_of("raw", 4_000), "application/vnd.oci.image.layer.v1.tar")]),
        with_layers("team/lazy", "embedded", "embedded data", embedded),
        with_layers("team/lazy", "many", "a hundred layers",
                    lambda i: [i.blob(gzipped(noise(f"many/{n}", 200)), OCI_LAYER) for n in range(100)]),
        with_layers("team/sha512", "long", "sha512 layer",
                    lambda i: [i.blob(gzipped(tar_of("sha512", 2_000)), OCI_LAYER, algorithm="sha512")]),
    ]
