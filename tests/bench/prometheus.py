"""Prometheus as a process beside ours, where it is installed: the same fleet, in the manner of a DCGM exporter."""

import contextlib
import json
import shutil
import subprocess
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.loading import BOARD, GPUS_PER_HOST, gpu_uuid, host_name

from fakes.processes import LOOPBACK, STOP_SECONDS, free_port, wait_for
from gpufleet_proto.catalog import BY_NAME

NAME = "prometheus"
QUERY_SECONDS = 60


def is_installed() -> bool:
    return shutil.which("prometheus") is not None and shutil.which("promtool") is not None


def family(metric: str) -> str:
    """The name that DCGM's exporter gives; ours in its manner where it has none."""
    return BY_NAME[metric].dcgm or f"DCGM_FI_DEV_{metric.upper()}"


def labels(gpu: int) -> str:
    """As DCGM's exporter labels a GPU."""
    index, host = gpu % GPUS_PER_HOST, host_name(gpu // GPUS_PER_HOST)
    return (
        f'gpu="{index}",UUID="{gpu_uuid(gpu)}",pci_bus_id="00000000:{index:02X}:00.0",device="nvidia{index}",'
        f'modelName="{BOARD}",Hostname="{host}"'
    )


class Prometheus:
    """A server on loopback with its data in `folder`."""

    def __init__(self, folder: Path, targets: Sequence[tuple[str, str]] = ()) -> None:
        self._folder, self._port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "prometheus.yml").write_text(json.dumps(_configuration(targets)))

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


def _configuration(targets: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """YAML, of which JSON is a part. Each target is the address of an exporter and a path there."""
    jobs = [
        {
            "job_name": path.strip("/"),
            "metrics_path": path,
            "honor_labels": True,
            "static_configs": [{"targets": [address]}],
        }
        for address, path in targets
    ]
    return {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}


@contextmanager
def running_prometheus(folder: Path, targets: Sequence[tuple[str, str]] = ()) -> Iterator[Prometheus]:
    server = Prometheus(folder, targets)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def make_blocks(text: Path, data: Path) -> None:
    """From OpenMetrics text to blocks as Prometheus would have written them after two hours."""
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(text), str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
