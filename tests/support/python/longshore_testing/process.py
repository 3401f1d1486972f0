"""A program that runs beside the test, with its output in a file, and dies with the test."""

import pathlib
import random
import shutil
import signal
import socket
import subprocess


_reservations = []


def free_port():
    """A loopback port that nobody uses, from below the range the kernel takes for outgoing connections.

    It is this process's for as long as it lives: tests that run beside it get others."""
    for _ in range(500):
        port = random.randrange(20_000, 32_000)
        mine = socket.socket(socket.AF_UNIX)
        try:
            mine.bind(f"\0longshore-test-port-{port}")  # an abstract name: gone with the process
            with socket.socket() as candidate:
                candidate.bind(("127.0.0.1", port))
        except OSError:
            mine.close()
            continue
        _reservations.append(mine)
        return port
    raise RuntimeError("no free loopback port between 20000 and 32000")


class Process:
    """Start it from the main thread only: the kernel ends the child with the thread that started it."""

    def __init__(self, argv, log_path, env=None, cwd=None):
        self.argv = [str(a) for a in argv]
        self.log_path = pathlib.Path(log_path)
        self._env = env
        self._cwd = cwd
        self._process = None

    def start(self):
        if self.alive():
            raise RuntimeError(f"{self.argv[0]} runs already")
        setpriv = shutil.which("setpriv")
        argv = [setpriv, "--pdeathsig", "KILL", "--", *self.argv] if setpriv else self.argv
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             env=self._env, cwd=self._cwd)
        return self

    @property
    def pid(self):
        return self._process.pid

    def alive(self):
        return self._process is not None and self._process.poll() is None

    def exit_code(self):
        return None if self._process is None else self._process.poll()

    def wait(self, seconds=30):
        return self._process.wait(timeout=seconds)

    def kill(self):
        """SIGKILL, and reaped on return."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()

    def stop(self, seconds=30):
        """SIGTERM; its exit code. A program that does not end in time is killed, and that is an error."""
        if self._process is None:
            return None
        if self.alive():
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.argv[0]} did not end within {seconds} s after SIGTERM; its log ends\n"
                                 f"{self.log_tail()}") from None

    def peak_resident_kib(self):
        """VmHWM: the most memory it ever had resident."""
        return self._status_kib("VmHWM")

    def resident_kib(self):
        return self._status_kib("VmRSS")

    def reset_peak(self):
        """Makes VmHWM start anew from what is resident now (proc(5), clear_refs 5)."""
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def _status_kib(self, field):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise RuntimeError(f"/proc/{self.pid}/status has no {field}")

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_tail(self, lines=30):
        return "\n".join(self.log_text().splitlines()[-lines:])
