"""A real registry (Debian's docker-registry, CNCF Distribution 2.8) with a configuration and a storage of its own."""

import json
import os
import pathlib
import re
import shutil

from . import process, wait, web

PROGRAM = os.environ.get("LONGSHORE_TEST_REGISTRY") or shutil.which("docker-registry") or "/usr/bin/docker-registry"


class TokenAuth:
    """What a registry needs to know to trust tokens."""

    def __init__(self, realm, issuer, certificate_file, service="container_registry"):
        self.realm, self.issuer, self.certificate_file, self.service = realm, issuer, certificate_file, service

    def config(self):
        return {"token": {"realm": self.realm, "service": self.service, "issuer": self.issuer,
                          "rootcertbundle": str(self.certificate_file)}}


class Registry:
    """start(), kill() and stop() as often as wanted: the port and the storage stay."""

    def __init__(self, directory, name, auth=None, notify=(), port=None, storage=None):
        """notify: (name, url, bearer token) of each endpoint. storage: of another registry, which this one serves too."""
        self.directory = pathlib.Path(directory) / name
        self.directory.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.port = port or process.free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = "http://" + self.host
        self.storage = pathlib.Path(storage or self.directory / "storage")
        self._auth, self._notify = auth, list(notify)
        self._write_config()
        self._process = process.Process([PROGRAM, "serve", self.directory / "config.yml"],
                                        self.directory / "registry.log",
                                        env={**os.environ, "OTEL_TRACES_EXPORTER": "none"})

    def _write_config(self):
        config = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(self.storage), "maxthreads": 100},
                        "delete": {"enabled": True},
                        "maintenance": {"uploadpurging": {"enabled": False}}},
            "http": {"addr": self.host, "secret": "longshore-tests"},
            "compatibility": {"schema1": {"enabled": True}},
            # Distribution forbids any urls unless some are allowed.
            "validation": {"manifests": {"urls": {"allow": ["^https?://"]}}},
        }
        if self._auth is not None:
            config["auth"] = self._auth.config()
        if self._notify:
            config["notifications"] = {"endpoints": [
                {"name": name, "url": url, "headers": {"Authorization": ["Bearer " + token]}, "timeout": "1s",
                 "threshold": 5, "backoff": "100ms"} for name, url, token in self._notify]}
        # JSON is YAML.
        (self.directory / "config.yml").write_text(json.dumps(config, indent=1))

    def start(self):
        self._process.start()

        def answers():
            if not self._process.alive():
                raise AssertionError(f"registry {self.name} ended: {self._process.log_tail()}")
            return web.ask("GET", self.url + "/v2/").status in (200, 401)

        wait.until(answers, f"registry {self.name} answers", 20)
        return self

    def kill(self):
        self._process.kill()

    def stop(self):
        # Distribution ends on SIGTERM without draining; nothing is lost that is on disk.
        self._process.kill()

    def requests(self):
        """(method, path, status) of everything it was asked since it first started, oldest first."""
        found = re.findall(r'"(GET|HEAD|PUT|POST|PATCH|DELETE) (\S+) HTTP/[\d.]+" (\d{3}) ', self._process.log_text())
        return [(method, path, int(status)) for method, path, status in found]

    def log_tail(self):
        return self._process.log_tail()
