"""A database of the first release, kept as a dump, migrates in place: all that was stored is there, and packs."""

import gzip
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import pytest

from fakes.clock import FakeClock
from fakes.derived import SHAPES, Board, Samples
from fakes.packed import PackedStore
from fakes.postgres import run_apart
from fakes.processes import running_collector, wait_for
from gpufleet_collector.store.packing import Packing
from gpufleet_collector.store.times import HOUR_US, to_us

DUMP = Path(__file__).parents[2] / "data" / "schema-1.0.sql.gz"
TAKEN = 992 + 24
"""As that release's agents said when the dump was made; see the README beside it."""

END = datetime(2026, 11, 28, 3, tzinfo=UTC)
HOURS = 4
INVENTORY = ("hosts", "gpus", "placements")
FOR_EVER = {f"{name}_DAYS": "36500" for name in ("RETENTION", "GPUFLEET_RETENTION_5M", "GPUFLEET_RETENTION_1H")}

Rows: TypeAlias = list[dict[str, Any]]


@pytest.fixture
def first_release(empty_database_url: str) -> str:
    """The address of a database as the first release left it."""

    async def restore() -> None:
        connection = await asyncpg.connect(empty_database_url)
        try:
            await connection.execute(gzip.decompress(DUMP.read_bytes()).decode())
        finally:
            await connection.close()

    run_apart(restore)
    return empty_database_url


def rows(dsn: str, table: str) -> Rows:
    async def fetch() -> Rows:
        connection = await asyncpg.connect(dsn)
        try:
            return [dict(row) for row in await connection.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")]
        finally:
            await connection.close()

    return run_apart(fetch)


def read_values(row: Mapping[str, Any]) -> dict[str, float]:
    """What was read, without what was absent."""
    named = ((shape, row.get(shape.name)) for shape in SHAPES)
    return {shape.name: shape.metric.round(value) for shape, value in named if value is not None}


def stored_samples(dsn: str) -> Samples:
    found = {(row["gpu_id"], to_us(row["recorded_at"])): read_values(row) for row in rows(dsn, "gpu_stats")}
    assert len(found) == TAKEN
    return found


def without_new_columns(after: Rows, before: Rows) -> Rows:
    return [{name: row[name] for name in before[0]} for row in after]


async def test_everything_is_there_before_and_after_packing(first_release: str) -> None:
    samples = stored_samples(first_release)
    inventory = {table: rows(first_release, table) for table in INVENTORY}
    boards = [Board(row["name"]) for row in inventory["gpus"]]
    packed = PackedStore(first_release, boards, clock=FakeClock(to_us(END)))
    try:
        await packed.database.migrate()
        assert await packed.everything() == samples
        for table, before in inventory.items():
            assert without_new_columns(rows(first_release, table), before) == before
        assert rows(first_release, "events") == rows(first_release, "processes") == []

        packing, hours = Packing(packed.database, packed.clock, pack_after_hours=0), 0
        while await packing.step():
            hours += 1
        assert hours == HOURS
        assert await packed.everything() == samples
        await packed.check_derived(samples)
        assert sum(row["samples"] for row in rows(first_release, "gpu_stats_packed")) == TAKEN
    finally:
        await packed.database.close()


def where(dsn: str, samples: Samples) -> dict[tuple[str, int], tuple[str, dict[str, float]]]:
    """By UUID and instant: in which host the GPU was then, and what was read."""
    hosts = {row["id"]: row["name"] for row in rows(dsn, "hosts")}
    uuids = {row["id"]: row["uuid"] for row in rows(dsn, "gpus")}
    placements = rows(dsn, "placements")

    def host_of(gpu: int, at: int) -> str:
        (found,) = (
            place["host_id"]
            for place in placements
            if place["gpu_id"] == gpu and to_us(place["since"]) <= at < to_us(place["until"] or END)
        )
        return str(hosts[found])

    return {(uuids[gpu], at): (host_of(gpu, at), dict(values)) for (gpu, at), values in samples.items()}


def test_a_collector_of_today_serves_it_as_it_is(first_release: str, open_path: Path) -> None:
    expected = where(first_release, stored_samples(first_release))
    hosts = {row["name"]: row["labels"] for row in rows(first_release, "hosts")}
    since = datetime.fromtimestamp(END.timestamp() - HOURS * HOUR_US / 1_000_000, UTC)
    span = f"since={since:%Y-%m-%dT%H:%M:%SZ}&until={END:%Y-%m-%dT%H:%M:%SZ}"
    with running_collector(open_path, first_release, PACK_AFTER_HOURS="0", **FOR_EVER) as collector:
        wait_for(
            lambda: datetime.fromisoformat(collector.get("/api/v1/store")["packed_until"]) == END,
            "all hours are packed",
        )
        answer = collector.get(f"/api/system/gpu-stats/history?{span}&limit=10000")
        assert answer["next_cursor"] is None
        assert {
            (sample["gpu_uuid"], to_us(datetime.fromisoformat(sample["recorded_at"]))): (
                sample["host"],
                read_values(sample),
            )
            for sample in answer["samples"]
        } == expected
        assert answer["count"] == TAKEN
        assert {host["host"] for host in collector.get("/api/v1/hosts")["hosts"]} == set(hosts)
        gpus = {gpu["gpu_uuid"] for gpu in collector.get("/api/v1/gpus")["gpus"]}
        assert gpus == {uuid for uuid, _ in expected}
        assert collector.get(f"/api/v1/events?{span}")["events"] == []
