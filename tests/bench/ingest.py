"""What a sample costs on its way from 2,000 streams to the disk: the real collector and its own PostgreSQL, acks,
heartbeats and a client of the WebSocket included, packing apart."""

import contextlib
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import websockets.exceptions
import websockets.sync.client
from bench import prometheus_scrape
from bench.folders import open_folder
from bench.loading import GPUS_PER_HOST, host_name
from bench.report import Peer, Row
from bench.usage import children, cores_beside, on_cores, own_cpu, rss_bytes, tree_cpu

from fakes import prometheus
from fakes.postgres import run_apart
from fakes.processes import Collector, running_closed_collector, running_collector, wait_for
from fakes.secured import Secured, secured

HOSTS = int(os.environ.get("BENCH_HOSTS", "2000"))
WINDOWS, WINDOW_SECONDS, WARM_SECONDS = 5, 12.0, 12.0
MICRO = 1e6
MOST_BEHIND = 3 * HOSTS * GPUS_PER_HOST
"""Samples on their way: of three seconds."""


@dataclass(frozen=True, slots=True)
class Load:
    """One way of streaming: what the row is called, its budget, and the options of the generator."""

    name: str
    budget: float
    options: tuple[str, ...]
    is_secured: bool = False


LOADS = (
    Load("ingest_cpu_us_per_gpu_sample", 38, ()),
    Load("ingest_cpu_us_per_gpu_sample_5_ticks", 18, ("--ticks", "5")),
    Load("ingest_cpu_us_per_gpu_sample_whole_catalogue", 46, ("--whole-catalogue",)),
)
SECURED = Load("ingest_cpu_us_per_gpu_sample_tls", 0, (), is_secured=True)
MOST_FOR_SECURITY = 1.5
"""Times what the same load takes without TLS and tokens, in the same run."""


def measure() -> list[Row]:
    """Median CPU per sample over windows, for each way of streaming on a database of its own; and what Prometheus takes
    for the first of them, where it is installed."""
    rows = [_measure(load) for load in LOADS]
    rows.append(_measure(replace(SECURED, budget=MOST_FOR_SECURITY * rows[0].value)))
    if prometheus.is_installed():
        with open_folder() as folder:
            cpu, rss = prometheus_scrape.measure(folder)
        note = f"{rows[0].note}; {prometheus.NAME} {rss:.0f} MB for {prometheus_scrape.HOSTS} hosts"
        rows[0] = replace(rows[0], peer=Peer(prometheus.NAME, cpu), note=note)
    return rows


def _measure(load: Load) -> Row:
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder())
        closed = secured(folder / "secrets") if load.is_secured else None
        collector = stack.enter_context(_collector(folder, closed))
        options = (*load.options, *_secrets(closed))
        beside = on_cores(cores_beside(collector.process.running.pid))
        with beside, running_generator(collector, options) as generator, watching(collector, closed) as heard:
            figures = _windows(collector, generator)
            total = generator.finish()
            stored = rows_stored(collector)
        assert total["taken"] == total["acked"] == stored, f"{total}, and {stored} rows are stored"
        assert heard.events, "the client of the WebSocket heard nothing"
    return Row(load.name, figures.median, "µs", load.budget, note=f"{figures.note}; {stored} taken, acked and stored")


def _collector(folder: Path, closed: Secured | None) -> AbstractContextManager[Collector]:
    if closed is None:
        return running_collector(folder, GPUFLEET_WS_EVENTS_MAX_GPUS="100000")
    return running_closed_collector(folder, closed, GPUFLEET_WS_EVENTS_MAX_GPUS="100000")


def _secrets(closed: Secured | None) -> tuple[str, ...]:
    return () if closed is None else ("--ca-file", str(closed.ca_file), "--token", closed.tokens["agent"])


@dataclass(frozen=True, slots=True)
class Figures:
    """CPU of collector and PostgreSQL per sample, µs, by window; the generator's for comparison."""

    collector: list[float]
    postgres: list[float]
    generator: list[float]
    per_second: float
    rss_mb: float
    late_ms: float

    @property
    def median(self) -> float:
        return statistics.median(one + other for one, other in zip(self.collector, self.postgres, strict=True))

    @property
    def note(self) -> str:
        parts = (statistics.median(self.collector), statistics.median(self.postgres), statistics.median(self.generator))
        return (
            "collector {:.1f} + PostgreSQL {:.1f} (generator {:.1f}) at {:.0f}/s, "
            "collector {:.0f} MB, sent at most {:.0f} ms late".format(
                *parts, self.per_second, self.rss_mb, self.late_ms
            )
        )


def _windows(collector: Collector, generator: "Generator") -> Figures:
    pid = collector.process.running.pid
    time.sleep(WARM_SECONDS)
    _wait_until_it_keeps_up(generator)
    begun, seen = time.monotonic(), [_reading(pid, generator)]
    for _ in range(WINDOWS):
        time.sleep(WINDOW_SECONDS)
        seen.append(_reading(pid, generator))
    elapsed = time.monotonic() - begun
    steps = [[after - before for before, after in zip(*pair, strict=True)] for pair in itertools.pairwise(seen)]
    assert all(step[0] > 0 for step in steps), f"the collector does not keep up: {generator.counts()}"
    collector_cpu, postgres_cpu, generator_cpu = ([MICRO * step[at] / step[0] for step in steps] for at in (1, 2, 3))
    return Figures(
        collector_cpu,
        postgres_cpu,
        generator_cpu,
        per_second=(seen[-1][0] - seen[0][0]) / elapsed,
        rss_mb=rss_bytes(pid) / 1e6,
        late_ms=generator.counts()["late_ms"],
    )


def _wait_until_it_keeps_up(generator: "Generator") -> None:
    """The hosts that are new to the database at first, and all at once, are no part of the figure."""

    def behind() -> float:
        counts = generator.counts()
        return counts["taken"] - counts["acked"]

    wait_for(lambda: behind() < MOST_BEHIND, "the collector keeps up")


def _reading(pid: int, generator: "Generator") -> tuple[float, float, float, float]:
    """Samples acked; CPU seconds of the collector, of everything it started (its PostgreSQL), and of the generator."""
    acked = generator.counts()["acked"]
    own = own_cpu(pid)
    return acked, own, sum(tree_cpu(child) for child in children(pid)), own_cpu(generator.pid)


class Generator:
    """The load generator as a process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid = process.pid

    def counts(self) -> dict[str, float]:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self.read()

    def read(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the load generator ended"
        read: dict[str, float] = json.loads(line)
        return read

    def finish(self) -> dict[str, float]:
        """Wait until everything is acked; the final counts."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self.read()


@contextmanager
def running_generator(collector: Collector, options: tuple[str, ...], hosts: int = HOSTS) -> Iterator[Generator]:
    program = Path(__file__).with_name("load_generator.py")
    command = [sys.executable, str(program), f"127.0.0.1:{collector.grpc_port}", "--hosts", str(hosts), *options]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    generator = Generator(process)
    try:
        generator.read()
        yield generator
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()


class Heard:
    """What a client of the WebSocket heard."""

    events = 0


@contextmanager
def watching(collector: Collector, closed: Secured | None = None) -> Iterator[Heard]:
    """A client that is told every event of one host, for as long as the load lasts."""
    heard = Heard()
    url = collector.url.replace("http", "ws", 1) + "/ws"
    context = None if closed is None else closed.context()
    headers = None if closed is None else closed.headers()
    with websockets.sync.client.connect(
        url, proxy=None, compression=None, ssl=context, additional_headers=headers
    ) as socket:
        socket.send(json.dumps({"type": "subscribe", "format": "events", "hosts": [host_name(0)]}))

        def hear() -> None:
            with contextlib.suppress(websockets.exceptions.ConnectionClosed):
                for text in socket:
                    heard.events += '"gpu_stats"' in str(text)

        thread = threading.Thread(target=hear, daemon=True)
        thread.start()
        yield heard
    thread.join()


def rows_stored(collector: Collector) -> int:
    dsn = collector.database_url()

    async def count() -> int:
        connection = await asyncpg.connect(dsn)
        try:
            found: int = await connection.fetchval("SELECT count(*) FROM gpu_stats")
            return found
        finally:
            await connection.close()

    return run_apart(count)
