"""What people do to a registry while it is replicated: heard of, and behind everybody's back."""

import collections
import shutil

import support  # noqa: F401  (finds longshore_testing)
from longshore_testing import images

# A round: the verb, whether the registry notifies of it, how often.
ROUND = [("push", True, 8), ("retag", True, 4), ("delete", True, 2),
         ("push", False, 3), ("retag", False, 3), ("delete", False, 1), ("remove_files", False, 1)]


class People:
    """Changes one registry through two of its processes, of which only loud notifies, and in its files.

    tags is what the registry must show afterwards. No tag comes back to what it was before, because a tag that moved
    and moved back while its notifications were lost is the known blind spot of looking (tests/README.md). No repository
    loses many tags, because that stops and asks.
    """

    def __init__(self, random, loud, silent, storage, repositories):
        self._random, self._storage = random, storage
        self._clients = {True: loud, False: silent}
        self._repositories = repositories
        self.tags = {(repository, tag): silent.digest(repository, tag)
                     for repository in repositories for tag in silent.tags(repository)}
        self._were = collections.defaultdict(set)
        for name, digest in self.tags.items():
            self._were[name].add(digest)
        self._made = 0
        self.counts = collections.Counter()
        self.put_again = set()  # digests that a retag put, heard of, once more

    def play_round(self):
        verbs = [(verb, heard) for verb, heard, times in ROUND for _ in range(times)]
        self._random.shuffle(verbs)
        for verb, heard in verbs:
            getattr(self, verb)(heard)
            self.counts[verb, heard] += 1

    def push(self, heard):
        """A new image, every fourth of several platforms; every third takes the tag of another. Its digest."""
        self._made += 1
        name = f"made/{self._made}"
        repository = self._random.choice(self._repositories)
        tag = self._some_tag(repository) if self._made % 3 == 0 else f"n{self._made}"
        image = (images.multi_platform(repository, tag, name) if self._made % 4 == 0 else
                 images.simple(repository, tag, ["base/0", name], size=2_000))
        image.push(self._clients[heard])
        self._now((repository, tag), image.root.digest)
        return image.root.digest

    def retag(self, heard):
        """A tag becomes what another of its repository is."""
        client = self._clients[heard]
        while True:
            repository = self._random.choice(self._repositories)
            moved, to = self._some_tag(repository), self._some_tag(repository)
            digest = self.tags[repository, to]
            if digest not in self._were[repository, moved]:
                break
        manifest = client.manifest(repository, digest)
        client.put_manifest(repository, moved, manifest.media_type, manifest.body)
        if heard:
            self.put_again.add(digest)
        self._now((repository, moved), digest)

    def delete(self, heard):
        """A manifest, and with it all its tags."""
        repository = self._random.choice(self._repositories)
        digest = self.tags[repository, self._random.choice(self._that_may_go(repository))]
        self._clients[heard].delete_manifest(repository, digest)
        self._gone(repository, digest)

    def remove_files(self, heard):
        """A tag and its manifest, straight from the storage. A tag that shares its manifest could not follow alone:
        Distribution 2 deletes no tag by name, so that is parked."""
        assert not heard
        repository = self._random.choice(self._repositories)
        digests = collections.Counter(digest for (of, _), digest in self.tags.items() if of == repository)
        tag = self._random.choice([tag for tag in self._that_may_go(repository)
                                   if digests[self.tags[repository, tag]] == 1])
        digest = self.tags[repository, tag]
        place = self._storage / "docker/registry/v2/repositories" / repository / "_manifests"
        shutil.rmtree(place / "tags" / tag)
        shutil.rmtree(place / "revisions" / digest.replace(":", "/"))
        self._gone(repository, digest)

    def _that_may_go(self, repository):
        """Tags whose manifest has only tags that never moved. Where a move was not heard of, the target still has the tag
        at its old manifest, which the source still serves: there, too, Distribution 2 would have to delete the tag alone.
        """
        moved = {digest for (of, tag), digest in self.tags.items()
                 if of == repository and len(self._were[of, tag]) > 1}
        return sorted(tag for (of, tag), digest in self.tags.items() if of == repository and digest not in moved)

    def _some_tag(self, repository):
        return self._random.choice(sorted(tag for of, tag in self.tags if of == repository))

    def _now(self, name, digest):
        self.tags[name] = digest
        self._were[name].add(digest)

    def _gone(self, repository, digest):
        for name in [n for n, now in self.tags.items() if n[0] == repository and now == digest]:
            del self.tags[name]
