"""Run one command as a fresh process and measure what it took."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

_SAMPLE_SECONDS = 0.02
_TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one process took.

    wall_s: monotonic clock around the process. cpu_s: user + system, its children included.
    peak_bytes: largest resident set (VmHWM), in which mapped input files count. anon_bytes: largest
    anonymous resident set seen by sampling at 50 Hz, the memory that was really held; 0 where
    /proc does not tell. output_bytes: size of what was written. error: last lines of standard
    error if the process failed.
    """

    returncode: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
    anon_bytes: int
    output_bytes: int
    error: str = ""


def measure(
    command: Sequence[str],
    environment: Mapping[str, str],
    output: Path,
    limit_s: float | None = None,
) -> Measurement:
    """Run `command`, which writes below `output`, and wait for it, at most `limit_s` seconds.

    NOTE: the kernel counts the resident set of the process that forks into the peak of the
    child, so the harness itself must stay small: it imports no numpy, and whatever needs it
    (making models, comparing outputs) runs as a process of its own.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
    )
    watcher = _Watcher(process, limit_s)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    anon, error = watcher.finish()
    if limit_s is not None and process.returncode == -signal.SIGKILL and wall > limit_s:
        error = f"no error, but it had not ended after {limit_s:g} s"
    return Measurement(
        returncode=process.returncode,
        wall_s=wall,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_bytes=usage.ru_maxrss * 1024,
        anon_bytes=anon,
        output_bytes=sum(path.stat().st_size for path in output.rglob("*") if path.is_file()),
        error=error if process.returncode else "",
    )


class _Watcher:
    """Samples a process's memory, drains its standard error and ends it when its time is over."""

    def __init__(self, process: subprocess.Popen[bytes], limit_s: float | None) -> None:
        self._process = process
        self._deadline = inf if limit_s is None else time.monotonic() + limit_s
        self._anon_bytes = 0
        self._tail = b""
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._drain = threading.Thread(target=self._read_error, daemon=True)
        self._sampler.start()
        self._drain.start()

    def finish(self) -> tuple[int, str]:
        """Anonymous peak in bytes and the end of standard error."""
        self._ended.set()
        self._sampler.join()
        self._drain.join(timeout=5)  # a grandchild may hold the pipe open
        return self._anon_bytes, self._tail.decode(errors="replace").strip()

    def _sample(self) -> None:
        status = Path(f"/proc/{self._process.pid}/status")
        while not self._ended.wait(_SAMPLE_SECONDS):
            try:
                if time.monotonic() > self._deadline:
                    os.kill(self._process.pid, signal.SIGKILL)
                lines = status.read_text().splitlines()
            except OSError:
                return
            for line in lines:
                if line.startswith("RssAnon:"):
                    self._anon_bytes = max(self._anon_bytes, int(line.split()[1]) * 1024)

    def _read_error(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        with stream:
            while chunk := os.read(stream.fileno(), 65536):
                self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
