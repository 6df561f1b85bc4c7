"""Fills a database with a day of a fleet: hosts and GPUs as the collector declares them, samples by binary COPY."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import numpy as np
import numpy.typing as npt
from bench.copying import encode, sql_columns
from bench.realistic import HOUR_SECONDS, MICROSECONDS, Hour, RealisticFleet
from sqlalchemy import text

from gpufleet_collector.model import AgentInfo, Gpu, Inventory
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.partitions import GPU_STATS, PartitionKeeper
from gpufleet_collector.store.records import HostChange, HostRecord
from gpufleet_collector.store.registry import Registry
from gpufleet_collector.store.schema import PARTITION_SCHEMA

HOUR_US = HOUR_SECONDS * MICROSECONDS
GPUS_PER_HOST = 8
BOARD = "NVIDIA H100 80GB HBM3"


@dataclass(frozen=True, slots=True)
class Fleet:
    """Which GPUs there are, in the order of the generated columns."""

    gpus: int

    @property
    def hosts(self) -> list[str]:
        return [host_name(number) for number in range(-(-self.gpus // GPUS_PER_HOST))]

    @property
    def uuids(self) -> list[str]:
        return [gpu_uuid(number) for number in range(self.gpus)]

    def inventory(self, host: int, observed_at: int) -> Inventory:
        numbers = range(host * GPUS_PER_HOST, min(self.gpus, (host + 1) * GPUS_PER_HOST))
        found = (Gpu(gpu_uuid(number), number % GPUS_PER_HOST, BOARD, state="ok") for number in numbers)
        return Inventory(observed_at, backend="nvml", gpus=tuple(found))


def host_name(number: int) -> str:
    return f"bench-{number:05d}"


def gpu_uuid(number: int) -> str:
    return f"GPU-{number * 2654435761 % 2**32:08x}-0000-4000-8000-{number:012x}"


def last_whole_hours(now: datetime, hours: int) -> int:
    """Where so many hours begin, the last of which ended just now; microseconds."""
    end = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return round((end - timedelta(hours=hours)).timestamp()) * MICROSECONDS


async def declare(database: Database, fleet: Fleet, since_us: int) -> npt.NDArray[np.int64]:
    """Write hosts, GPUs and placements; the ids of the GPUs in the order of the fleet."""
    registry = Registry()
    changes = []
    for number, host in enumerate(fleet.hosts):
        record = HostRecord(host, AgentInfo(f"agent-{host}"), fleet.inventory(number, since_us))
        changes.append(HostChange(host, record, since_us))
    async with database.begin() as connection:
        await registry.apply(connection, changes)
        ids = await registry.resolve(connection, fleet.uuids)
    registry.committed()
    return np.array([ids[uuid] for uuid in fleet.uuids], dtype=np.int64)


class Loader:
    """Loads hours into `gpu_stats` through a connection of its own."""

    def __init__(self, database: Database, dsn: str, gpu_ids: npt.NDArray[np.int64], metrics: tuple[str, ...]) -> None:
        self._keeper = PartitionKeeper(database)
        self._dsn = dsn
        self._ids = gpu_ids
        self._columns = sql_columns(metrics)
        self.samples = 0

    async def load(self, hours: Iterable[Hour]) -> AsyncIterator[Hour]:
        """Each hour after it is stored."""
        for hour in hours:
            touched = np.unique(hour.instants // HOUR_US)
            await self._keeper.ensure(GPU_STATS, [int(number) for number in touched])
            await self._copy(encode(hour, self._ids))
            self.samples += hour.samples
            yield hour

    async def _copy(self, copies: Iterator[bytes]) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            for copy in copies:
                await connection.copy_to_table(
                    "gpu_stats", source=_feed(copy), columns=list(self._columns), format="binary", timeout=600
                )
            # Autovacuum does so every minute while an hour fills over an hour.
            await connection.execute("ANALYZE gpu_stats")
        finally:
            await connection.close()


async def _feed(copy: bytes) -> AsyncIterator[bytes]:
    yield copy


async def drop_hours(database: Database, until_us: int) -> None:
    """Drop the partitions of samples before `until_us`, which are packed by then."""
    async with database.begin() as connection:
        for number in await GPU_STATS.stored(connection):
            if GPU_STATS.begin(number + 1) <= until_us:
                await connection.execute(text(f"DROP TABLE IF EXISTS {PARTITION_SCHEMA}.{GPU_STATS.name(number)}"))


def generated(fleet: Fleet, hours: float, since_us: int, metrics: tuple[str, ...]) -> Callable[[], Iterator[Hour]]:
    """The same hours whenever it is called."""
    return RealisticFleet(fleet.gpus, hours, since_us=since_us, metrics=metrics, gpus_per_host=GPUS_PER_HOST).hours
