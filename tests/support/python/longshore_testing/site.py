"""One Longshore site as a process: its configuration file, its life and its command line."""

import json
import os
import pathlib
import secrets
import subprocess

from . import process, wait, web

ROOT = pathlib.Path(__file__).resolve().parents[4]


def binary():
    """The longshore to test: SITE_PROGRAM, else that of the dev build."""
    return pathlib.Path(os.environ.get("SITE_PROGRAM", ROOT / "build/dev/tools/longshore"))


def _toml(tables):
    """tables: (header, {key: value}) in order; values are text, numbers, booleans or lists of text. JSON's are TOML's."""
    lines = []
    for header, values in tables:
        lines.append(header)
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        lines.append("")
    return "\n".join(lines)


class Site:
    """start(), kill(), stop() as often as wanted: port, data directory and tokens stay.

    more: further tables of the configuration, as (header, values).
    """

    def __init__(self, directory, name, role, more=(), program=None, listen=None, environment=None, space_min=None):
        self.directory = pathlib.Path(directory) / name
        self.directory.mkdir(parents=True, exist_ok=True)
        self.name, self.role = name, role
        self.data_dir = self.directory / "data"
        self.config_file = self.directory / "longshore.toml"
        self.log_file = self.directory / "longshore.log"
        self.port = process.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.admin_token = secrets.token_hex(16)
        self.program = pathlib.Path(program or binary())
        self.environment = {**os.environ, **(environment or {})}
        tables = [("[site]", {"name": name, "role": role, "data_dir": str(self.data_dir)}),
                  ("[listen]", {"address": f"127.0.0.1:{self.port}", **(listen or {})}),
                  ("[admin]", {"token": self.admin_token}),
                  ("[log]", {"space_min": space_min or "64MiB"}),
                  ("[log_file]", {"path": str(self.log_file), "level": "info"}), *more]
        self.write_config(tables)
        self.process = process.Process([self.program, "serve", "--config", self.config_file],
                                       self.directory / "process.log", env=self.environment)

    def write_config(self, tables):
        self.tables = list(tables)
        self.config_file.write_text(_toml(self.tables))

    def change_config(self, header, **values):
        """Takes effect at the next start."""
        self.write_config([(h, {**v, **values} if h == header else v) for h, v in self.tables])

    def start(self, ready=True):
        self.process.start()
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=30):
        def answers():
            if not self.process.alive():
                raise AssertionError(f"site {self.name} ended with {self.process.exit_code()}:\n{self.all_logs()}")
            # Whatever it answers: it listens only once everything behind it is ready.
            return web.ask("GET", self.url + "/healthz").status > 0

        wait.until(answers, f"site {self.name} answers", seconds, every=0.005)

    def kill(self):
        self.process.kill()

    def stop(self):
        code = self.process.stop()
        if code not in (0, None):
            raise AssertionError(f"site {self.name} ended with {code}:\n{self.all_logs()}")

    def all_logs(self):
        own = self.log_file.read_text(errors="replace") if self.log_file.exists() else ""
        return self.process.log_tail() + "\n" + "\n".join(own.splitlines()[-30:])

    # HTTP

    def admin(self, method, path, body=None, timeout=30):
        return web.ask(method, self.url + path, body, {"Authorization": "Bearer " + self.admin_token}, timeout)

    def get_json(self, path):
        answer = self.admin("GET", path)
        if answer.status != 200:
            raise AssertionError(f"GET {path} at {self.name}: {answer.status} {answer.text()[:300]}")
        return answer.json()

    # Command line

    def run(self, *arguments, check=True, timeout=120):
        """longshore ARGUMENTS, to its end."""
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True,
                              timeout=timeout, check=False, env=self.environment)
        if check and done.returncode != 0:
            raise AssertionError(f"longshore {' '.join(map(str, arguments))}: exit {done.returncode}\n"
                                 f"{done.stdout}{done.stderr}")
        return done
