"""The tests' own view of a registry: pushing what skopeo would not push, and reading back every byte.

It shares nothing with Longshore's client, so that it can be its judge.
"""

import dataclasses
import hashlib
import json
import urllib.parse

from . import schema1, web

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
ACCEPT = ", ".join([OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST, schema1.SIGNED, schema1.UNSIGNED,
                    "application/vnd.oci.artifact.manifest.v1+json"])
MANIFEST_TYPES = set(ACCEPT.split(", "))
UNSETTLED = "unsettled"


class Refused(AssertionError):
    """The registry said no."""

    def __init__(self, doing, answer):
        super().__init__(f"{doing}: {answer.status} {answer.text()[:300]}")
        self.status = answer.status


@dataclasses.dataclass
class Manifest:
    media_type: str
    body: bytes
    digest: str  # as the registry says


def digest_of(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


class RegistryClient:
    """issuer: signs the tokens that the registry wants; none for an open registry. One thread at a time."""

    def __init__(self, url, issuer=None):
        self.url = url
        self._issuer = issuer
        self._client = web.Client(url, timeout=120)

    def close(self):
        self._client.close()

    def _headers(self, scopes, more=None):
        headers = dict(more or {})
        if self._issuer is not None:
            headers["Authorization"] = "Bearer " + self._issuer.token(scopes)
        return headers

    def _ask(self, method, repository, rest, body=None, headers=None, actions="pull,push,delete"):
        return self._client.ask(method, f"/v2/{repository}/{rest}", body,
                                self._headers([f"repository:{repository}:{actions}"], headers))

    # Blobs

    def has_blob(self, repository, digest):
        return self._ask("HEAD", repository, f"blobs/{digest}").status == 200

    def push_blob(self, repository, data, digest=None):
        digest = digest or digest_of(data)
        if not self.has_blob(repository, digest):
            self._finish_upload(repository, self._begin_upload(repository), digest, data)
        return digest

    def push_stream(self, repository, size, blocks):
        """A blob of any size, sent as it is made; its digest is found on the way."""
        location = self._begin_upload(repository)
        hashed = hashlib.sha256()

        def counted():
            for block in blocks:
                hashed.update(block)
                yield block

        headers = self._headers([f"repository:{repository}:pull,push"],
                                {"Content-Length": str(size), "Content-Type": "application/octet-stream"})
        answer = self._client.ask("PATCH", location, counted(), headers)
        if answer.status != 202:
            raise Refused(f"uploading {size} bytes to {repository}", answer)
        digest = "sha256:" + hashed.hexdigest()
        self._finish_upload(repository, self._path_of(answer.headers["location"]), digest, b"")
        return digest

    @staticmethod
    def _path_of(location):
        parts = urllib.parse.urlsplit(location)
        return parts.path + ("?" + parts.query if parts.query else "")

    def _begin_upload(self, repository):
        answer = self._ask("POST", repository, "blobs/uploads/", b"")
        if answer.status != 202:
            raise Refused(f"beginning an upload to {repository}", answer)
        return self._path_of(answer.headers["location"])

    def _finish_upload(self, repository, location, digest, data):
        headers = self._headers([f"repository:{repository}:pull,push"], {"Content-Type": "application/octet-stream"})
        path = f"{location}{'&' if '?' in location else '?'}digest={urllib.parse.quote(digest)}"
        answer = self._client.ask("PUT", path, data, headers)
        if answer.status != 201:
            raise Refused(f"pushing blob {digest} to {repository}", answer)

    def delete_blob(self, repository, digest):
        answer = self._ask("DELETE", repository, f"blobs/{digest}")
        if answer.status != 202:
            raise Refused(f"deleting blob {digest} of {repository}", answer)

    def check_blob(self, repository, digest):
        """Reads the blob to its end; None, or what is wrong with it."""
        response = self._client.open("GET", f"/v2/{repository}/blobs/{digest}",
                                     headers=self._headers([f"repository:{repository}:pull"]))
        if response.status != 200:
            return f"{response.status} {response.read()[:200]!r}"
        hashed = hashlib.new(digest.split(":")[0])
        while block := response.read(1 << 20):
            hashed.update(block)
        found = f"{digest.split(':')[0]}:{hashed.hexdigest()}"
        return None if found == digest else f"its content has digest {found}"

    # Manifests

    def put_manifest(self, repository, ref, media_type, body):
        answer = self._ask("PUT", repository, f"manifests/{ref}", body, {"Content-Type": media_type})
        if answer.status != 201:
            raise Refused(f"pushing {media_type} {repository}:{ref}", answer)
        return answer.headers["docker-content-digest"]

    def manifest(self, repository, ref):
        """None when the registry says that there is none."""
        answer = self._ask("GET", repository, f"manifests/{ref}", headers={"Accept": ACCEPT}, actions="pull")
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise Refused(f"reading {repository}:{ref}", answer)
        return Manifest(answer.headers["content-type"].split(";")[0], answer.body,
                        answer.headers["docker-content-digest"])

    def digest(self, repository, ref):
        """What ref is now; none: it is not there."""
        answer = self._ask("HEAD", repository, f"manifests/{ref}", headers={"Accept": ACCEPT}, actions="pull")
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise Refused(f"resolving {repository}:{ref}", answer)
        return answer.headers["docker-content-digest"]

    def digest_if_settled(self, repository, ref):
        """As digest, and UNSETTLED while the registry answers 500: Distribution truncates a tag's link before it
        writes it, so who reads in between is told of an internal error."""
        try:
            return self.digest(repository, ref)
        except Refused as refused:
            if refused.status != 500:
                raise
            return UNSETTLED

    def delete_manifest(self, repository, digest):
        answer = self._ask("DELETE", repository, f"manifests/{digest}")
        if answer.status != 202:
            raise Refused(f"deleting {repository}@{digest}", answer)

    def tags(self, repository):
        answer = self._ask("GET", repository, "tags/list", actions="pull")
        if answer.status == 404:
            return []
        if answer.status != 200:
            raise Refused(f"listing tags of {repository}", answer)
        return sorted(answer.json()["tags"] or [])

    def repositories(self):
        answer = self._client.ask("GET", "/v2/_catalog?n=1000", headers=self._headers(["registry:catalog:*"]))
        if answer.status != 200:
            raise Refused("listing repositories", answer)
        return answer.json()["repositories"]

    # Whole images

    def closure_faults(self, repository, ref, seen=None):
        """What is wrong with an image as a whole: every manifest and every blob of it is read and hashed."""
        seen = set() if seen is None else seen
        if ref in seen:
            return []
        seen.add(ref)
        found = self.manifest(repository, ref)
        if found is None:
            return [f"{repository}@{ref}: no such manifest"]
        faults = [] if schema1.manifest_digest(found.media_type, found.body) == found.digest else [
            f"{repository}@{ref}: the bytes do not have the digest {found.digest}"]
        if ref.startswith("sha256:") and ref != found.digest:
            faults.append(f"{repository}@{ref}: served under another digest, {found.digest}")
        content = json.loads(found.body)
        for layer in content.get("fsLayers", []):
            faults += self._blob_faults(repository, layer["blobSum"], seen)
        for part in [content.get("config"), *content.get("layers", []), *content.get("blobs", [])]:
            if part is not None and not is_foreign(part["mediaType"]):
                faults += self._blob_faults(repository, part["digest"], seen)
        for child in content.get("manifests", []):
            if child["mediaType"] in MANIFEST_TYPES:
                faults += self.closure_faults(repository, child["digest"], seen)
            else:  # BuildKit's cache: layers stand where manifests should
                faults += self._blob_faults(repository, child["digest"], seen)
        return faults

    def _blob_faults(self, repository, digest, seen):
        if digest in seen:
            return []
        seen.add(digest)
        wrong = self.check_blob(repository, digest)
        return [f"{repository}: blob {digest}: {wrong}"] if wrong else []


def is_foreign(media_type):
    return ".nondistributable." in media_type or ".rootfs.foreign." in media_type
