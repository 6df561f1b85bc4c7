"""What Prometheus takes of CPU for the same fleet: it scrapes an exporter of 200 hosts at 1 s."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.loading import GPUS_PER_HOST
from bench.prometheus import configuration, family, labels
from bench.realistic import DCGM_METRICS, Hour, RealisticFleet
from bench.usage import own_cpu, rss_bytes

from fakes.prometheus import running_prometheus

HOSTS = 200
WARM_SECONDS, MEASURE_SECONDS = 15.0, 40.0
BANK_TICKS = 60


class Exporter:
    """Answers GET /<host> with the text of its GPUs at this second."""

    def __init__(self, hour: Hour) -> None:
        self._columns = {name: values.tolist() for name, values in hour.columns.items()}
        self._present = {name: mask.tolist() for name, mask in hour.present.items()}
        self._heads = [
            {name: f"{family(name)}{{{labels(gpu)}}} " for name in hour.columns} for gpu in range(len(hour.instants))
        ]
        self._ticks = hour.instants.shape[1]

    def text(self, host: int, tick: int) -> bytes:
        at = tick % self._ticks
        gpus = range(host * GPUS_PER_HOST, (host + 1) * GPUS_PER_HOST)
        lines: list[str] = []
        for name, values in self._columns.items():
            there = self._present.get(name)
            lines.append(f"# TYPE {family(name)} gauge\n")
            lines += [f"{self._heads[gpu][name]}{values[gpu][at]}\n" for gpu in gpus if there is None or there[gpu][at]]
        return "".join(lines).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Prometheus cuts connections when it stops."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def running_exporter(exporter: Exporter) -> Iterator[str]:
    """Its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = exporter.text(int(self.path.strip("/")), int(time.time()))
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """A line per scrape is too much."""

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def measure(folder: Path) -> tuple[float, float]:
    """CPU in µs per GPU-sample of 25 metrics, and RSS in MB."""
    made = RealisticFleet(
        HOSTS * GPUS_PER_HOST, BANK_TICKS / 3600, since_us=0, interval_seconds=1.0, metrics=DCGM_METRICS
    )
    hour = next(iter(made.hours()))
    absent = sum(1 - float(mask.mean()) for mask in hour.present.values())
    with (
        running_exporter(Exporter(hour)) as address,
        running_prometheus(folder, configuration([(address, f"/{host}") for host in range(HOSTS)])) as server,
    ):
        time.sleep(WARM_SECONDS)
        before, cpu = server.scraped(), own_cpu(server.pid)
        time.sleep(MEASURE_SECONDS)
        used, scraped = own_cpu(server.pid) - cpu, server.scraped() - before
        rss = rss_bytes(server.pid) / 1e6
    # Beside the metrics Prometheus stores five series of its own per scrape.
    per_gpu = len(DCGM_METRICS) - absent + 5 / GPUS_PER_HOST
    return 1e6 * used / (scraped / per_gpu), rss
