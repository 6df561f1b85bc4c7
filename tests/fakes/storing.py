"""A store at work in a test: a writer over a real database, and what a reader of the tables finds."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from fakes.clock import START_US, FakeClock
from fakes.fleet import agent, inventory
from gpufleet_collector.model import Event, Gpu, Process, ProcessList, Refusal, Sample, SampleColumns
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.records import HostRecord, ReportWrite
from gpufleet_collector.store.writer import Writer


@dataclass
class Settled:
    """What became of reports: how often each was settled, and with which refusals."""

    refusals: list[Mapping[Refusal, int]] = field(default_factory=list)

    def report(
        self, host: str, *samples: Sample, replayed: bool = False, events: tuple[Event, ...] = ()
    ) -> ReportWrite:
        return ReportWrite(host, SampleColumns.of(samples), replayed, self.refusals.append, events)


class Store:
    """A writer, its clock and what it settled."""

    def __init__(self, dsn: str, clock: FakeClock | None = None, **options: Any) -> None:
        self.dsn = dsn
        self.clock = clock or FakeClock()
        self.metrics = SelfMetrics()
        self.database = Database(dsn)
        self.settled = Settled()
        self.writer = Writer(
            self.database, clock=self.clock, metrics=self.metrics, commit_interval_seconds=0.005, **options
        )

    def declare(self, host: str, *gpus: Gpu | str, seconds: float = -1) -> None:
        self.writer.declare(HostRecord(host, agent(), inventory(*gpus, seconds=seconds)))

    def offer(self, host: str, *samples: Sample, replayed: bool = False) -> bool:
        return self.writer.offer(self.settled.report(host, *samples, replayed=replayed))

    def tell_events(self, host: str, *events: Event, samples: tuple[Sample, ...] = ()) -> bool:
        return self.writer.offer(self.settled.report(host, *samples, events=events))

    def tell_processes(self, host: str, seconds: float, *processes: Process) -> None:
        """The list of the instant so many seconds after 2026-01-01T00:00:00Z."""
        self.writer.tell(ProcessList(host, START_US + round(seconds * 1_000_000), processes))

    async def flush(self) -> None:
        """Commit everything offered so far, by a stop and a start."""
        await self.writer.stop()
        await self.writer.start()

    def counted(self, name: str, labels: Mapping[str, str] | None = None) -> float:
        return self.metrics.registry.get_sample_value(name, dict(labels or {})) or 0.0

    async def rows(self, query: str, *arguments: object) -> Sequence[tuple[Any, ...]]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return [tuple(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()


@asynccontextmanager
async def store(dsn: str, **options: Any) -> AsyncIterator[Store]:
    """A started store over the migrated database at `dsn`."""
    made = Store(dsn, **options)
    await made.writer.start()
    try:
        yield made
    finally:
        await made.writer.stop()
        await made.database.close()
