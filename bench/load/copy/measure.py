"""What a run costs: wall and CPU time and peak memory of the tool, and what it made the registries do.

Everything is read from the operating system or from the registries' own access logs, so that every tool is
measured by the same rule and none has to be trusted.
"""

import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


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
        self.port = free_port()
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


def resident_peak_mib(pid):
    """Of the program alone: the system's own figure for ended processes starts with their parent's size."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return next((int(line.split()[1]) / 1024 for line in f if line.startswith("VmHWM:")), 0.0)
    except OSError:
        return 0.0  # it has just ended


def run_tool(commands, source, target, env=None, timeout_s=600):
    """Runs the commands one after another as one tool run; the peak is that of the largest process."""
    before = source.usage(), target.usage()
    wall = cpu = peak = 0.0
    code = 0
    for command in commands:
        with tempfile.TemporaryFile() as out:
            start = time.monotonic()
            process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **(env or {})})
            deadline = start + timeout_s
            highest = 0.0
            while True:
                pid, status, spent = os.wait4(process.pid, os.WNOHANG)
                if pid:
                    break
                highest = max(highest, resident_peak_mib(process.pid))
                if time.monotonic() > deadline:
                    process.kill()
                time.sleep(0.005)
            process.returncode = os.waitstatus_to_exitcode(status)
            wall += time.monotonic() - start
            cpu += spent.ru_utime + spent.ru_stime
            peak = max(peak, highest)
            if process.returncode != 0 and code == 0:
                code = process.returncode
                out.seek(0)
                print(out.read()[-2000:].decode(errors="replace"))
    return Run(wall, cpu, peak, code, difference(source.usage(), before[0]), difference(target.usage(), before[1]))
