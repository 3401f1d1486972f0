"""What a run costs: wall and CPU time and peak memory of the tool, and what it made the registries do.

Everything is read from the operating system or from the registries' own access logs, so that every tool is
measured by the same rule and none has to be trusted.
"""

import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests" / "support" / "python"))

from longshore_testing import process, spent  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Usage:
    cpu_s: float
    read_bytes: int  # through read(): request bodies and heads, and a little from its files
    requests: int


class Registry:
    """A real registry on a loopback port, with a storage directory of its own."""

    def __init__(self, program, root):
        self.root = pathlib.Path(root)
        self.root.mkdir(parents=True, exist_ok=True)
        self.port = process.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._access_log = self.root / "access.log"
        config = self.root / "config.yml"
        config.write_text(
            "version: 0.1\n"
            "log: {level: error, accesslog: {disabled: false}}\n"
            f"storage: {{filesystem: {{rootdirectory: {self.root / 'data'}, maxthreads: 100}}, delete: {{enabled: true}}}}\n"
            f"http: {{addr: '127.0.0.1:{self.port}'}}\n"
        )
        with open(self._access_log, "wb") as log:
            self._process = subprocess.Popen([program, "serve", str(config)], stdout=log, stderr=log,
                                             env={**os.environ, "OTEL_TRACES_EXPORTER": "none"})
        self._wait()

    def _wait(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"registry ended: see {self._access_log}")
            try:
                urllib.request.urlopen(self.url + "/v2/", timeout=5).read()
                return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.02)  # nothing announces that a foreign process listens
        raise RuntimeError("the registry does not answer")

    def usage(self):
        with open(f"/proc/{self._process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        cpu = (int(fields[11]) + int(fields[12])) / TICKS
        with open(f"/proc/{self._process.pid}/io") as f:
            read = int(dict(line.split(": ") for line in f)["rchar"])
        with open(self._access_log, "rb") as f:
            requests = sum(1 for line in f if b" HTTP/1." in line and b'"' in line)
        return Usage(cpu, read, requests)

    def stop(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@dataclasses.dataclass
class Run:
    wall_s: float
    cpu_s: float
    peak_mib: float
    exit_code: int
    source: Usage
    target: Usage


def difference(after, before):
    return Usage(after.cpu_s - before.cpu_s, after.read_bytes - before.read_bytes, after.requests - before.requests)


def as_dict(run):
    return dataclasses.asdict(run)


def run_tool(commands, source, target, env=None, timeout_s=600):
    """Runs the commands one after another as one tool run; the peak is that of the largest process."""
    before = source.usage(), target.usage()
    wall = cpu = peak = 0.0
    code = 0
    for command in commands:
        done = spent.run(command, timeout_s, {**os.environ, **(env or {})})
        wall += done.wall_s
        cpu += done.cpu_s
        peak = max(peak, done.peak_mib)
        if done.exit_code != 0 and code == 0:
            code = done.exit_code
            print((done.output + done.errors)[-2000:])
    return Run(wall, cpu, peak, code, difference(source.usage(), before[0]), difference(target.usage(), before[1]))
