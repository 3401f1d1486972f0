"""Images written straight into the storage of a Distribution registry, thousands in a second.

The registry may run or not: it keeps nothing of its storage in memory. What is written is what a push leaves there.
"""

import pathlib


class Storage:
    """root: the registry's rootdirectory."""

    def __init__(self, root):
        self._v2 = pathlib.Path(root) / "docker" / "registry" / "v2"
        self._blobs = set()

    def add(self, image, repository=None, tags=None):
        """An images.Image, there under its own name and tag or under those given."""
        repository = repository or image.repository
        below = self._v2 / "repositories" / repository
        for digest, data in image.blobs.items():
            self._blob(digest, data)
            self._link(below / "_layers", digest)
        for manifest in image.manifests:
            self._blob(manifest.digest, manifest.body)
            self._link(below / "_manifests" / "revisions", manifest.digest)
        for tag in tags or [image.tag]:
            self._link(below / "_manifests" / "tags" / tag / "index", image.root.digest)
            current = below / "_manifests" / "tags" / tag / "current"
            current.mkdir(parents=True, exist_ok=True)
            (current / "link").write_text(image.root.digest)

    def _blob(self, digest, data):
        if digest in self._blobs:
            return
        self._blobs.add(digest)
        algorithm, hexadecimal = digest.split(":")
        place = self._v2 / "blobs" / algorithm / hexadecimal[:2] / hexadecimal
        place.mkdir(parents=True, exist_ok=True)
        (place / "data").write_bytes(data)

    @staticmethod
    def _link(folder, digest):
        place = folder.joinpath(*digest.split(":"))
        place.mkdir(parents=True, exist_ok=True)
        (place / "link").write_text(digest)
