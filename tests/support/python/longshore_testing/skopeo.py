"""Pushing and looking as people do: an OCI layout on disk, and Debian's skopeo."""

import json
import pathlib
import shutil
import subprocess

from .registry_client import digest_of

PROGRAM = shutil.which("skopeo") or "/usr/bin/skopeo"


def write_layout(directory, image):
    """image as an OCI image layout (image-spec image-layout.md), its root named by its tag."""
    directory = pathlib.Path(directory)
    (directory / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    for data in [*image.blobs.values(), *(m.body for m in image.manifests)]:
        (directory / "blobs" / digest_of(data).replace(":", "/")).write_bytes(data)
    root = {"mediaType": image.root.media_type, "digest": image.root.digest, "size": len(image.root.body),
            "annotations": {"org.opencontainers.image.ref.name": image.tag}}
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [root]}))
    return directory


def push(layout, tag, host, repository, credentials=None, form=None, every_platform=False):
    """form: oci, v2s2 or v2s1, when skopeo is to convert; the target tag is the layout's."""
    argv = [PROGRAM, "--insecure-policy", "copy", "--dest-tls-verify=false"]
    if credentials:
        argv += ["--dest-creds", ":".join(credentials)]
    if form:
        argv += ["--format", form]
    if every_platform:
        argv += ["--all"]
    argv += [f"oci:{layout}:{tag}", f"docker://{host}/{repository}:{tag}"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}\n{done.stdout}{done.stderr}")


def _look(argv, where, credentials, absent):
    """What skopeo prints; None when it says in one of the words of absent that there is no such thing."""
    argv = [PROGRAM, *argv, "--tls-verify=false", *(["--creds", ":".join(credentials)] if credentials else []),
            f"docker://{where}"]
    done = subprocess.run(argv, capture_output=True, timeout=60, check=False)
    said = done.stderr.decode(errors="replace")
    if done.returncode != 0 and not any(words in said for words in absent):
        raise AssertionError(f"{' '.join(argv)}\n{said}")
    return done.stdout if done.returncode == 0 else None


def tags(host, repository, credentials=None):
    """None when there is no such repository."""
    said = _look(["list-tags"], f"{host}/{repository}", credentials, ["404 (Not Found)", "name unknown"])
    return None if said is None else set(json.loads(said)["Tags"] or [])


def raw(host, repository, ref, credentials=None):
    """The manifest's own bytes, or None. ref: a tag or a digest."""
    where = f"{host}/{repository}{'@' if ref.startswith('sha256:') else ':'}{ref}"
    return _look(["inspect", "--raw"], where, credentials, ["manifest unknown", "name unknown"])
