"""A database in which hours are packed in a test: samples are put in as a writer would, and everything is read back."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from fakes.clock import START_US, FakeClock
from fakes.derived import SHAPES, Board, Parts, Samples, bucket, by_gpu, fleet
from gpufleet_collector.model import METRIC_NAMES
from gpufleet_collector.store import watermark
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.late import LateMerge
from gpufleet_collector.store.packing import Packing
from gpufleet_collector.store.partitions import GPU_STATS, GPU_STATS_LATE, PartitionKeeper
from gpufleet_collector.store.samples_sql import samples_source
from gpufleet_collector.store.times import HOUR_US, to_datetime, to_us

COLUMNS = ("gpu_id", "recorded_at", *METRIC_NAMES)
_INSERT = "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO NOTHING".format(
    "{}", ", ".join(COLUMNS), ", ".join(f":{name}" for name in COLUMNS)
)
FIVE_MINUTES_US = HOUR_US // 12
_HOST = text(
    "INSERT INTO hosts (name, labels, agent_id, boot_id, agent_version, platform, backend, simulated, inventory_at,"
    " first_seen, last_seen) VALUES (:name, CAST(CAST(:labels AS text) AS jsonb), '', '', '', '', '', true,"
    " to_timestamp(0), to_timestamp(0), to_timestamp(0))"
)
_GPU = text("INSERT INTO gpus (uuid, name, parent_uuid, first_seen) VALUES (:uuid, :name, :parent, to_timestamp(0))")
_PLACEMENT = text("INSERT INTO placements (gpu_id, host_id, since) VALUES (:gpu, :host, to_timestamp(0))")


class PackedStore:
    """GPUs are numbered from 1, in the order of `boards`."""

    def __init__(
        self, dsn: str, boards: Sequence[Board] = (), labels: Sequence[str] = (), clock: FakeClock | None = None
    ) -> None:
        self.clock = clock or FakeClock()
        self.database = Database(dsn)
        self.keeper = PartitionKeeper(self.database)
        self.labels = labels
        self.boards = dict(enumerate(boards, 1))
        self.packing = self.another()
        self.merge = LateMerge(self.database, self.clock, labels)

    def another(self) -> Packing:
        return Packing(self.database, self.clock, 2, self.labels)

    async def declare(self) -> None:
        """Hosts, GPUs and placements: a host for each GPU."""
        async with self.database.begin() as connection:
            for gpu, board in self.boards.items():
                labels = json.dumps(dict(board.labels))
                await connection.execute(_HOST, {"name": f"host-{gpu}", "labels": labels})
                parent = None if board.parent is None else f"GPU-{board.parent}"
                await connection.execute(_GPU, {"uuid": f"GPU-{gpu}", "name": board.model, "parent": parent})
                await connection.execute(_PLACEMENT, {"gpu": gpu, "host": gpu})

    async def put(self, samples: Samples) -> None:
        """As a writer: rows of open hours, late samples of closed ones."""
        numbers = {GPU_STATS.number(at) for _, at in samples}
        await self.keeper.ensure(GPU_STATS, numbers)
        await self.keeper.ensure(GPU_STATS_LATE, {GPU_STATS_LATE.number(at) for _, at in samples})
        async with self.database.begin() as connection:
            closed = await watermark.closed_until(connection)
            for table, late in (("gpu_stats", False), ("gpu_stats_late", True)):
                rows = [_row(key, read) for key, read in samples.items() if (key[1] < closed) is late]
                if rows:
                    await connection.execute(text(_INSERT.format(table)), rows)

    async def query(self, sql: str, **parameters: object) -> list[Any]:
        async with self.database.begin() as connection:
            return list((await connection.execute(text(sql), parameters)).all())

    async def pack(self) -> int:
        """How many hours were packed."""
        count = 0
        while await self.packing.step():
            count += 1
        return count

    async def everything(self, source: str = "gpu_stats_all", **parameters: object) -> Samples:
        """Every sample that a reader sees; one seen twice fails."""
        rows = await self.query(f"SELECT {', '.join(COLUMNS)} FROM {source} AS every", **parameters)
        found = {(row[0], to_us(row[1])): _read(row[2:]) for row in rows}
        assert len(found) == len(rows), "a sample is there twice"
        return found

    async def asked(self, since: int, until: int) -> Samples:
        source = samples_source(METRIC_NAMES, since, until)
        return await self.everything(source, gpu_ids=[*range(1, 100)])

    async def check(self, samples: Samples) -> None:
        """Every reader sees exactly these samples, and whatever is derived is derived from them."""
        expected = {key: {name: read[name] for name in METRIC_NAMES if name in read} for key, read in samples.items()}
        assert await self.everything() == expected
        span = (START_US - 100 * HOUR_US, START_US + 100 * HOUR_US)
        assert await self.asked(*span) == expected
        between = f"gpu_stats_between('{to_datetime(span[0])}', '{to_datetime(span[1])}')"
        assert await self.everything(between) == expected
        async with self.database.begin() as connection:
            until = (await watermark.read(connection)).packed_until
        await self.check_derived({key: read for key, read in expected.items() if key[1] < until})

    async def check_derived(self, packed: Samples) -> None:
        """The derived tables hold what follows from the samples of packed hours, and nothing else."""
        hours = {at // HOUR_US * HOUR_US for _, at in packed}
        readings = by_gpu(packed)
        keys = {(gpu, at // HOUR_US * HOUR_US) for gpu, at in packed}
        assert await self._buckets("gpu_stats_1h", _whole) == approximately(
            {key: bucket(readings, *key, HOUR_US) for key in keys}
        )
        assert await self._buckets("gpu_stats_5m", _twelve) == approximately(
            {
                (gpu, begin): bucket(readings, gpu, begin, FIVE_MINUTES_US)
                for gpu, hour in keys
                for begin in range(hour, hour + HOUR_US, FIVE_MINUTES_US)
            }
        )
        expected = {
            key: found for hour in hours for key, found in fleet(packed, self.boards, self.labels, hour).items()
        }
        assert await self._fleet() == approximately(expected)

    async def _buckets(self, table: str, read: Any) -> dict[tuple[int, int], Parts]:
        names = ["samples", *(f"{s.name}{suffix}" for s in SHAPES for suffix, _, _ in s.rollup_parts())]
        rows = await self.query(f"SELECT gpu_id, hour, {', '.join(names)} FROM {table}")
        return {key: parts for row in rows for key, parts in read(names, row)}

    async def _fleet(self) -> dict[tuple[Any, ...], Parts]:
        names = ["gpus", "samples", *(c.name for s in SHAPES if s.is_summed for c in s.fleet_columns())]
        rows = await self.query(f"SELECT scope, key, value, minute, {', '.join(names)} FROM fleet_stats_1m WHERE exact")
        return {(*row[:3], to_us(row[3])): dict(zip(names, row[4:], strict=True)) for row in rows}


def approximately(buckets: Mapping[Any, Parts]) -> dict[Any, Any]:
    """Averages are rounded to `real`; everything else of a size that shows is exact."""
    return {key: {name: _near(value) for name, value in parts.items()} for key, parts in buckets.items()}


def _near(value: Any) -> Any:
    return value if value is None else pytest.approx(value, rel=1e-6, abs=1e-6)


def _row(key: tuple[int, int], read: Mapping[str, float]) -> dict[str, object]:
    return {**dict.fromkeys(METRIC_NAMES), **read, "gpu_id": key[0], "recorded_at": to_datetime(key[1])}


def _read(values: Sequence[Any]) -> dict[str, float]:
    named = zip(METRIC_NAMES, values, strict=True)
    shapes = {shape.name: shape for shape in SHAPES}
    return {name: shapes[name].metric.round(value) for name, value in named if value is not None}


def _whole(names: Sequence[str], row: Sequence[Any]) -> list[tuple[tuple[int, int], Parts]]:
    return [((row[0], to_us(row[1])), dict(zip(names, row[2:], strict=True)))]


def _twelve(names: Sequence[str], row: Sequence[Any]) -> list[tuple[tuple[int, int], Parts]]:
    hour: datetime = row[1]
    assert all(array is None or len(array) == 12 for array in row[2:])
    return [
        (
            (row[0], to_us(hour) + number * FIVE_MINUTES_US),
            {name: None if array is None else array[number] for name, array in zip(names, row[2:], strict=True)},
        )
        for number in range(12)
    ]


@asynccontextmanager
async def packed_store(dsn: str, boards: Sequence[Board], labels: Sequence[str] = ()) -> AsyncIterator[PackedStore]:
    made = PackedStore(dsn, boards, labels)
    await made.declare()
    try:
        yield made
    finally:
        await made.database.close()
