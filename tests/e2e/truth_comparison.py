"""Whether two registries show the same, asked of skopeo and of nobody else."""

import concurrent.futures
import dataclasses
import json

import support  # noqa: F401  (finds longshore_testing)
from longshore_testing import registry_client, skopeo


@dataclasses.dataclass(frozen=True)
class Side:
    host: str
    credentials: tuple = None

    def tags(self, repository):
        return skopeo.tags(self.host, repository, self.credentials) or set()

    def raw(self, repository, ref):
        return skopeo.raw(self.host, repository, ref, self.credentials)


@dataclasses.dataclass
class Comparison:
    """digests: what the source's tags are; differences: (repository, tag, what); manifests: how many were compared."""

    digests: dict = dataclasses.field(default_factory=dict)
    differences: set = dataclasses.field(default_factory=set)
    manifests: int = 0


def compare(source, target, repositories, workers=4):
    """Every tag that either side lists, manifest by manifest, down through indexes."""
    found = Comparison()
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        listed = list(pool.map(lambda name: (source.tags(name), target.tags(name)), repositories))
        asked = []
        for repository, (here, there) in zip(repositories, listed):
            found.differences |= {(repository, tag, "not at the target") for tag in here - there}
            found.differences |= {(repository, tag, "at the target only") for tag in there - here}
            asked += [(repository, tag) for tag in sorted(here & there)]
        for (repository, tag), (digest, differences, manifests) in zip(
                asked, pool.map(lambda one: _compare_tag(source, target, *one), asked)):
            found.digests[repository, tag] = digest
            found.differences |= {(repository, tag, what) for what in differences}
            found.manifests += manifests
    return found


def _compare_tag(source, target, repository, tag):
    """The source's digest, what differs, and how many manifests were looked at on each side."""
    here, there = source.raw(repository, tag), target.raw(repository, tag)
    if here is None or there is None:
        return None, {"listed and not served"}, 1
    if here != there:
        return registry_client.digest_of(here), {"another manifest"}, 1
    digest, differences, count, below = registry_client.digest_of(here), set(), 1, _children(here)
    while below:
        child = below.pop()
        here, there = source.raw(repository, child), target.raw(repository, child)
        count += 1
        if here is None or here != there:
            differences.add("child " + child)
        below += _children(here) if here is not None else []
    return digest, differences, count


def _children(manifest):
    return [child["digest"] for child in json.loads(manifest).get("manifests", [])]
