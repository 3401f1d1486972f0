"""Two registries, a primary and a secondary: what replication is, as real processes.

The source registry wants tokens; people push with a user and a password through the token server, and the secondary
signs its own pull tokens with the key that it shares with the registry. The target registry is open.
"""

import pathlib
import secrets

from . import process, registry, registry_client, site, tokens, wait

USER = ("pusher", "correct-horse")


class Fleet:
    """issuer: what the secondary says it is, when not what the registry trusts.

    reconcile: the primary looks at the source registry, with these settings.
    events_to: who takes the source's notifications in the primary's stead, as a URL without a path.
    """

    def __init__(self, directory, issuer=None, program=None, replication=None, secondary_program=None,
                 primary_environment=None, reconcile=None, events_to=None):
        self.directory = pathlib.Path(directory)
        self.source_token, self.follower_token = secrets.token_hex(16), secrets.token_hex(16)
        key = tokens.SigningKey(self.directory)
        self.issuer = tokens.Issuer(key)
        self.token_server = tokens.TokenServer(self.issuer, process.free_port(), *USER)
        self.source_port = process.free_port()
        self.primary = site.Site(self.directory, "primary", "primary", program=program,
                                 environment=primary_environment, more=[
                                     ("[[source]]", {"name": "main", "token": self.source_token}),
                                     *self._source_registry(key, reconcile),
                                     ("[[follower]]", {"name": "second", "token": self.follower_token})])
        auth = registry.TokenAuth(self.token_server.realm, self.issuer.issuer, key.certificate_file)
        self.source = registry.Registry(self.directory, "source", auth=auth, port=self.source_port, notify=[
            ("longshore", (events_to or self.primary.url) + "/v1/events/main", self.source_token)])
        self.target = registry.Registry(self.directory, "target")
        self.secondary = site.Site(self.directory, "second", "secondary", program=secondary_program or program, more=[
            ("[primary]", {"url": self.primary.url, "token": self.follower_token}),
            ("[source_registry]", {"url": self.source.url}),
            ("[source_registry.token]", {"key_file": str(key.key_file), "issuer": issuer or self.issuer.issuer,
                                         "audience": self.issuer.service}),
            ("[target_registry]", {"url": self.target.url}),
            ("[replication]", {"retry_min": "100ms", "retry_max": "2s", **(replication or {})})])
        self.at_source = registry_client.RegistryClient(self.source.url, self.issuer)
        self.at_target = registry_client.RegistryClient(self.target.url)

    def _source_registry(self, key, reconcile):
        if reconcile is None:
            return []
        return [("[source.registry]", {"url": f"http://127.0.0.1:{self.source_port}"}),
                ("[source.registry.token]", {"key_file": str(key.key_file), "issuer": self.issuer.issuer,
                                             "audience": self.issuer.service}),
                ("[reconcile]", reconcile)]

    def start(self):
        self.primary.start()
        self.source.start()
        self.target.start()
        self.secondary.start()
        return self

    def close(self):
        for part in (self.secondary.process, self.primary.process, self.source, self.target):
            part.kill()
        self.token_server.close()
        self.at_source.close()
        self.at_target.close()

    def tags_at_source(self):
        return {(r, tag): self.at_source.digest(r, tag)
                for r in self.at_source.repositories() for tag in self.at_source.tags(r)}

    def wait_same(self, wanted, seconds=120):
        """Until the target shows every (repository, tag) of wanted at its digest; None: gone."""
        missing = dict(wanted)

        def arrived():
            for (repository, tag), digest in list(missing.items()):
                if self.at_target.digest_if_settled(repository, tag) == digest:
                    del missing[repository, tag]
            return not missing

        try:
            wait.until(arrived, "the target shows what the source shows", seconds)
        except wait.TimedOut as late:
            raise wait.TimedOut(f"{late}\nmissing: {sorted(missing.items())[:10]} of {len(wanted)}\n"
                                f"secondary: {self.secondary.all_logs()}\n"
                                f"primary: {self.primary.all_logs()}") from None

    def target_faults(self, wanted):
        """What is wrong with the images at the target, read blob by blob."""
        return [fault for repository, tag in wanted
                for fault in self.at_target.closure_faults(repository, tag)]
