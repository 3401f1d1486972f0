"""Ways to damage a registry by hand, each with what a verification has to name for it: (repository, tag, kind)."""

import collections
import json
import shutil

import support  # noqa: F401  (finds longshore_testing)


class Contents:
    """What every tag of a registry needs, read while it is whole. tags: {(repository, tag): digest}."""

    def __init__(self, client, tags):
        self.tags = tags
        self.manifests = {}  # (repository, digest) -> its JSON
        self.needs = {name: self._closure(client, name[0], digest) for name, digest in tags.items()}

    def _closure(self, client, repository, digest):
        if (repository, digest) not in self.manifests:
            self.manifests[repository, digest] = json.loads(client.manifest(repository, digest).body)
        content = self.manifests[repository, digest]
        needed = {digest, *(part["digest"] for part in [content.get("config"), *content.get("layers", [])] if part)}
        for child in content.get("manifests", []):
            needed |= self._closure(client, repository, child["digest"])
        return needed

    def with_needs(self, digest, repositories):
        return {name for name, needs in self.needs.items() if name[0] in repositories and digest in needs}

    def images(self, repository):
        """(tag, digest, manifest) of each tag that is one image."""
        return [(tag, digest, self.manifests[of, digest]) for (of, tag), digest in sorted(self.tags.items())
                if of == repository and "layers" in self.manifests[of, digest]]

    def indexes(self, repository):
        return [(tag, digest, self.manifests[of, digest]) for (of, tag), digest in sorted(self.tags.items())
                if of == repository and "manifests" in self.manifests[of, digest]]

    def own_layer(self, repository, manifest):
        """A layer that nothing but this image, under whatever tags, has."""
        uses = collections.Counter(layer["digest"] for (_, _), other in self.manifests.items()
                                   for layer in other.get("layers", []))
        return next(layer["digest"] for layer in manifest["layers"] if uses[layer["digest"]] == 1)


class Damage:
    """Each verb harms another kind of thing, remembers what is to be named, and what differs to who reads manifests."""

    def __init__(self, random, client, storage, contents):
        self._random, self._client, self._contents = random, client, contents
        self._root = storage / "docker/registry/v2"
        self.named, self.differences = set(), set()

    def _manifests(self, repository):
        return self._root / "repositories" / repository / "_manifests"

    def _data(self, digest):
        algorithm, value = digest.split(":")
        return self._root / "blobs" / algorithm / value[:2] / value / "data"

    def _name(self, digest, repositories, kind):
        names = self._contents.with_needs(digest, repositories)
        assert names
        self.named |= {(*name, kind) for name in names}
        return names

    def remove_tag(self, repository):
        tag, _, _ = self._random.choice(self._contents.images(repository))
        shutil.rmtree(self._manifests(repository) / "tags" / tag)
        self.named.add((repository, tag, "missing_tag"))
        self.differences.add((repository, tag, "not at the target"))

    def move_tag(self, repository):
        """To another image of the repository, which is whole."""
        images = self._contents.images(repository)
        tag, digest, _ = self._random.choice(images)
        _, other, _ = self._random.choice([image for image in images if image[1] != digest])
        manifest = self._client.manifest(repository, other)
        self._client.put_manifest(repository, tag, manifest.media_type, manifest.body)
        self.named.add((repository, tag, "other_digest"))
        self.differences.add((repository, tag, "another manifest"))

    def unlink_layer(self, repository):
        """The repository no longer has it, though its bytes are there."""
        _, _, manifest = self._random.choice(self._contents.images(repository))
        layer = self._contents.own_layer(repository, manifest)
        shutil.rmtree(self._root / "repositories" / repository / "_layers" / layer.replace(":", "/"))
        self._name(layer, [repository], "missing_blob")

    def remove_child(self, repository):
        """One image of an index."""
        _, _, index = self._random.choice(self._contents.indexes(repository))
        child = self._random.choice(index["manifests"])["digest"]
        shutil.rmtree(self._manifests(repository) / "revisions" / child.replace(":", "/"))
        self.differences |= {(*name, "child " + child)
                             for name in self._name(child, [repository], "missing_manifest")}

    def flip_bit(self, repository):
        """In a layer, whose size stays."""
        _, _, manifest = self._random.choice(self._contents.images(repository))
        layer = self._contents.own_layer(repository, manifest)
        content = bytearray(self._data(layer).read_bytes())
        content[self._random.randrange(len(content))] ^= 1 << self._random.randrange(8)
        self._data(layer).write_bytes(content)
        self._name(layer, [repository], "wrong_bytes")

    def remove_shared_data(self, repositories):
        """Of a base layer: every tag on it, in all these repositories, is broken at once."""
        of_all = [set.union(*(needs for name, needs in self._contents.needs.items() if name[0] == repository))
                  for repository in repositories]
        layers = {layer["digest"] for manifest in self._contents.manifests.values()
                  for layer in manifest.get("layers", [])}
        shared = sorted(layers.intersection(*of_all) - self._needed_elsewhere(repositories))
        layer = self._random.choice(shared)
        self._data(layer).unlink()
        self._name(layer, repositories, "missing_blob")

    def _needed_elsewhere(self, repositories):
        return set().union(*(needs for name, needs in self._contents.needs.items() if name[0] not in repositories))
