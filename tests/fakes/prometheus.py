"""Prometheus as a process on loopback, where it is installed, and its program that checks what it is given."""

import contextlib
import json
import shutil
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fakes.browser import skip_or_fail
from fakes.processes import LOOPBACK, STOP_SECONDS, free_port, wait_for

NAME = "prometheus"
CHECKER = "promtool"
QUERY_SECONDS = 60
CHECK_SECONDS = 60


def is_installed() -> bool:
    return all(shutil.which(program) is not None for program in (NAME, CHECKER))


def require_prometheus() -> None:
    """Skips the test where it is not installed."""
    if not is_installed():
        skip_or_fail("no Prometheus is on the PATH: install prometheus and promtool")


def promtool(*arguments: str, given: bytes = b"") -> tuple[int, list[str]]:
    """How promtool ended on these arguments with this on its standard input, and what it said, line by line."""
    done = subprocess.run([CHECKER, *arguments], input=given, capture_output=True, timeout=CHECK_SECONDS, check=False)
    return done.returncode, (done.stdout + done.stderr).decode().splitlines()


class Prometheus:
    """A server on loopback with its data in `folder`."""

    def __init__(self, folder: Path, configuration: str) -> None:
        self._folder, self._port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "prometheus.yml").write_text(configuration)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        command = [
            "prometheus",
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            "--storage.tsdb.retention.time=10y",
            f"--web.listen-address=127.0.0.1:{self._port}",
        ]
        with (self._folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait_for(self._is_ready, "Prometheus is ready")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
            self._process.kill()
            self._process.wait()

    def query(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series that there is now."""
        path = f"{self._url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        with LOOPBACK.open(path, timeout=QUERY_SECONDS) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def query_range(self, query: str, since_us: int, until_us: int, step_seconds: int) -> tuple[float, int]:
        """Milliseconds until the answer was read whole, and how many points it had."""
        span = {"query": query, "start": since_us / 1e6, "end": until_us / 1e6, "step": step_seconds}
        began = time.perf_counter()
        with LOOPBACK.open(
            f"{self._url}/api/v1/query_range?{urllib.parse.urlencode(span)}", timeout=QUERY_SECONDS
        ) as answer:
            body = answer.read()
        elapsed = 1000 * (time.perf_counter() - began)
        return elapsed, sum(len(series["values"]) for series in json.loads(body)["data"]["result"])

    def scraped(self) -> float:
        """Series samples taken in so far."""
        with LOOPBACK.open(f"{self._url}/metrics", timeout=QUERY_SECONDS) as answer:
            lines = answer.read().decode().splitlines()
        return sum(
            float(line.split()[-1]) for line in lines if line.startswith("prometheus_tsdb_head_samples_appended_total")
        )

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "prometheus.log").read_text()[-2000:]
        with contextlib.suppress(OSError), LOOPBACK.open(f"{self._url}/-/ready", timeout=5) as answer:
            return bool(answer.status == 200)
        return False


@contextmanager
def running_prometheus(folder: Path, configuration: str) -> Iterator[Prometheus]:
    """Ready to be asked, with its data in `folder`, and stopped at the end."""
    server = Prometheus(folder, configuration)
    try:
        server.start()
        yield server
    finally:
        server.stop()
