"""A command that is run to its end, and what it cost: its most resident memory, wall and CPU time."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import tempfile
import time


@dataclasses.dataclass
class Spent:
    exit_code: int
    output: str
    errors: str
    wall_s: float
    cpu_s: float
    peak_mib: float


def _peak_mib(pid):
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0  # it has just ended
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def run(argv, timeout_s, env=None):
    """VmHWM is asked for until the command ends: the kernel's own figure for ended ones begins with their parent's."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        setpriv = shutil.which("setpriv")  # the command shall not outlive the test
        dies = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
        began = time.monotonic()
        process = subprocess.Popen([*dies, *map(str, argv)], stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                                   env=env)
        peak = 0.0
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            peak = max(peak, _peak_mib(process.pid))
            if time.monotonic() - began > timeout_s:
                process.kill()
            time.sleep(0.005)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, errors):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return Spent(process.returncode, *texts, wall, used.ru_utime + used.ru_stime, peak)
