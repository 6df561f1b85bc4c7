"""What a day of 1,000 GPUs costs to pack, to keep and to ask for: loaded through the store into the collector's own
PostgreSQL, packed by the collector's own code, and asked for over REST."""

import asyncio
import http.client
import json
import statistics
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench import prometheus_history
from bench.folders import open_folder
from bench.loading import HOUR_US, Fleet, Loader, declare, drop_hours, generated, last_whole_hours
from bench.prometheus_history import Answers, Tape
from bench.realistic import DCGM_METRICS
from bench.report import Peer, Row
from bench.usage import children, tree_cpu
from sqlalchemy import text

from fakes import prometheus
from fakes.processes import Collector, running_collector
from gpufleet_collector.clock import SystemClock
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.packing import Packing
from gpufleet_collector.web import instants

GPUS, HOURS = 1000, 24
PACK_AFTER_HOURS = 2
NEVER_BY_ITSELF = "168"
"""The hours after which the collector itself packs: the bench does, to know what it takes."""

QUERIES, WARM_QUERIES = 20, 5
GPU_STEP_SECONDS = 300
ASKED = ("power_watts", "gpu_utilization_percent", "temperature_celsius", "memory_used_mb", "tensor_active_percent")
"""Questions take turns among metrics and GPUs."""

_PACKED_SIZE = text("""
    SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = to_regclass(:table)
""")
_PACKED_SAMPLES = text("SELECT sum(samples) FROM gpu_stats_packed")
DERIVED = ("gpu_stats_packed", "gpu_stats_5m", "gpu_stats_1h", "fleet_stats_1m")


@dataclass
class Packed:
    """What packing took: CPU seconds of PostgreSQL and of the collector's part, and bytes per sample by table."""

    samples: int = 0
    postgres: float = 0.0
    collector: float = 0.0
    sizes: dict[str, float] = field(default_factory=dict)

    def row(self) -> Row:
        cost = 1e6 * (self.postgres + self.collector) / self.samples
        note = f"collector {1e6 * self.collector / self.samples:.2f} of it; {self.samples} samples"
        return Row("pack_cpu_us_per_gpu_sample", cost, "µs", 10, note=note)

    def disk_row(self, answers: Answers | None) -> Row:
        derived = sum(size for table, size in self.sizes.items() if table != "gpu_stats_packed")
        peer = None if answers is None else Peer(prometheus.NAME, answers.disk_bytes)
        note = f"index and TOAST included; rollups and fleet minutes take {derived:.1f} B more"
        return Row("disk_bytes_per_gpu_sample", self.sizes["gpu_stats_packed"], "B", 28, peer, note)


def measure() -> list[Row]:
    """Load, pack, ask; and the same of Prometheus where it is installed."""
    since_us = last_whole_hours(datetime.now(UTC), HOURS)
    until_us = since_us + HOURS * HOUR_US
    fleet, tape = Fleet(GPUS), Tape()
    with open_folder() as folder, running_collector(folder, PACK_AFTER_HOURS=NEVER_BY_ITSELF) as collector:
        packed = asyncio.run(_prepare(collector, fleet, since_us, tape))
        gpu = Asking(collector, fleet, since_us, until_us).gpu_days()
        asyncio.run(_pack_rest(collector.database_url()))
        whole = Asking(collector, fleet, since_us, until_us).fleet_days()
    answers = None
    if prometheus.is_installed():
        with open_folder() as folder:
            answers = prometheus_history.measure(tape, folder, since_us, until_us, fleet.uuids[::37])
    return [
        packed.row(),
        packed.disk_row(answers),
        _query_row("query_gpu_24h_ms", gpu, 12, None if answers is None else answers.gpu_ms),
        _query_row("query_fleet_24h_ms", whole, 5, None if answers is None else answers.fleet_ms),
    ]


def _query_row(name: str, times: list[float], budget: float, peer_ms: float | None) -> Row:
    times = sorted(times)
    peer = None if peer_ms is None else Peer(prometheus.NAME, peer_ms)
    return Row(
        name, statistics.median(times), "ms", budget, peer, f"p95 {times[int(0.95 * len(times))]:.1f} of {len(times)}"
    )


async def _prepare(collector: Collector, fleet: Fleet, since_us: int, tape: Tape) -> Packed:
    """In the database of a collector that is up, as a day of a fleet is."""
    dsn = collector.database_url()
    (server,) = children(collector.process.running.pid)
    database = Database(dsn)
    try:
        loader = Loader(database, dsn, await declare(database, fleet, since_us), DCGM_METRICS)
        return await _load_and_pack(database, loader, fleet, since_us, tape, server)
    finally:
        await database.close()


async def _load_and_pack(
    database: Database, loader: Loader, fleet: Fleet, since_us: int, tape: Tape, server: int
) -> Packed:
    """As in production: an hour is packed when it is two hours old."""
    packed = Packed()
    packing = Packing(database, SystemClock(), PACK_AFTER_HOURS, ())
    hours = 0
    async for hour in loader.load(generated(fleet, HOURS, since_us, DCGM_METRICS)()):
        tape.keep(hour)
        hours += 1
        if hours > PACK_AFTER_HOURS:
            await _pack_hour(packing, packed, server)
            await drop_hours(database, since_us + (hours - PACK_AFTER_HOURS) * HOUR_US)
    await _weigh(database, packed)
    return packed


async def _pack_rest(dsn: str) -> None:
    """The fleet minutes of hours that are not packed come from live values, which nobody streamed here."""
    database = Database(dsn)
    try:
        while await Packing(database, SystemClock(), 0, ()).step():
            continue
    finally:
        await database.close()


async def _pack_hour(packing: Packing, packed: Packed, server: int) -> None:
    own, theirs = time.process_time(), tree_cpu(server)
    assert await packing.step(), "no hour was due"
    packed.collector += time.process_time() - own
    packed.postgres += tree_cpu(server) - theirs


async def _weigh(database: Database, packed: Packed) -> None:
    async with database.connect() as connection:
        packed.samples = int((await connection.execute(_PACKED_SAMPLES)).scalar_one())
        for table in DERIVED:
            size = int((await connection.execute(_PACKED_SIZE, {"table": table})).scalar_one())
            packed.sizes[table] = size / packed.samples


class Asking:
    """Questions over REST about the whole time, on one connection, each about another GPU or metric than the last."""

    def __init__(self, collector: Collector, fleet: Fleet, since_us: int, until_us: int) -> None:
        self._collector = collector
        self._connection = http.client.HTTPConnection("127.0.0.1", collector.http_port, timeout=60)
        self._uuids = fleet.uuids
        self._span = {"since": instants.write(since_us), "until": instants.write(until_us)}

    def gpu_days(self) -> list[float]:
        """Milliseconds of each question for one GPU's day in steps of five minutes."""

        def ask(number: int) -> float:
            gpu = self._uuids[number * 389 % len(self._uuids)]
            asked = {"gpu_uuid": gpu, "metrics": ASKED[number % len(ASKED)], "step": GPU_STEP_SECONDS}
            elapsed, answer = self._get("/api/system/gpu-stats/history", asked)
            assert answer["count"] == HOURS * 3600 // GPU_STEP_SECONDS, answer["count"]
            return elapsed

        return _in_turn(ask)

    def fleet_days(self) -> list[float]:
        """Milliseconds of each question for the fleet's average by the minute."""

        def ask(number: int) -> float:
            asked = {"metrics": ASKED[number % len(ASKED)], "agg": "avg", "group_by": "fleet", "step": 60}
            elapsed, answer = self._get("/api/v1/series", asked)
            (series,) = answer["series"]
            assert len(series["points"]) >= HOURS * 60 - 1, len(series["points"])
            return elapsed

        return _in_turn(ask)

    def _get(self, path: str, asked: dict[str, object]) -> tuple[float, dict[str, Any]]:
        query = urllib.parse.urlencode({**asked, **self._span})
        began = time.perf_counter()
        self._connection.request("GET", f"{path}?{query}")
        answer = self._connection.getresponse()
        body = answer.read()
        elapsed = 1000 * (time.perf_counter() - began)
        assert answer.status == 200, self._collector.process.errors[-2000:] + body[:500].decode()
        return elapsed, json.loads(body)


def _in_turn(ask: Callable[[int], float]) -> list[float]:
    return [ask(number) for number in range(WARM_QUERIES + QUERIES)][WARM_QUERIES:]
