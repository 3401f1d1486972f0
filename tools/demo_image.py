#!/usr/bin/env python3
"""Writes a small but real image as an OCI image layout (image-spec image-layout.md).

usage: demo_image.py DIRECTORY TAG
"""

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile


def layer(files):
    """The tar of the files, and its gzip form; the same bytes each time."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o644
            tar.addfile(info, io.BytesIO(content))
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as out:
        out.write(raw.getvalue())
    return raw.getvalue(), packed.getvalue()


def noise(size):
    """Bytes that do not compress, so that the copy has something to carry."""
    out = bytearray()
    block = b"longshore"
    while len(out) < size:
        block = hashlib.sha256(block).digest()
        out += block
    return bytes(out[:size])


def write_layout(directory, tag):
    blobs = os.path.join(directory, "blobs", "sha256")
    os.makedirs(blobs, exist_ok=True)

    def put(content, media_type):
        name = hashlib.sha256(content).hexdigest()
        with open(os.path.join(blobs, name), "wb") as out:
            out.write(content)
        return {"mediaType": media_type, "digest": "sha256:" + name, "size": len(content)}

    def put_json(value, media_type):
        return put(json.dumps(value, separators=(",", ":")).encode(), media_type)

    layers, diff_ids = [], []
    for files in ([("etc/motd", b"Shipped along the shore.\n")],
                  [("usr/share/demo/cargo", noise(1 << 20)), ("usr/share/demo/manifest", tag.encode() + b"\n")]):
        raw, packed = layer(files)
        layers.append(put(packed, "application/vnd.oci.image.layer.v1.tar+gzip"))
        diff_ids.append("sha256:" + hashlib.sha256(raw).hexdigest())
    config = put_json({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/true"]},
                       "rootfs": {"type": "layers", "diff_ids": diff_ids}},
                      "application/vnd.oci.image.config.v1+json")
    manifest = put_json({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                         "config": config, "layers": layers},
                        "application/vnd.oci.image.manifest.v1+json")
    manifest["annotations"] = {"org.opencontainers.image.ref.name": tag}
    with open(os.path.join(directory, "oci-layout"), "w", encoding="utf-8") as out:
        json.dump({"imageLayoutVersion": "1.0.0"}, out)
    with open(os.path.join(directory, "index.json"), "w", encoding="utf-8") as out:
        json.dump({"schemaVersion": 2, "manifests": [manifest]}, out)
    return manifest["digest"]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    print(write_layout(sys.argv[1], sys.argv[2]))
