"""A reader that keeps its transaction open for long: it holds up drops, and nothing else."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from bench.loading import HOUR_US, last_whole_hours
from drills.test_kills import FLEET

from fakes.loaded import load, packed_until
from fakes.processes import (
    Collector,
    Process,
    final_count,
    running_collector,
    running_fleet,
    wait_for,
)
from gpufleet_collector.clock import SystemClock
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.packing import Packing
from gpufleet_collector.store.partitions import GPU_STATS, GPU_STATS_PACKED, PartitionKeeper
from gpufleet_collector.upkeep import RETENTION_SECONDS

READER_SECONDS = 40.0
GPUS, OLD_HOURS, NEW_HOURS = 16, 2, 3
EMPTY_HOURS = 48
"""Before the old ones: every sweep waits for the lock of each of them, one after the other."""

OLD_AGO_HOURS = 72
"""Three days ago, where one day is kept."""

NO_COMMIT_SECONDS = 5.0
"""The longest time without new samples committed: a commit interval, and every drop's and closing's lock timeout."""

ANSWER_SECONDS = 5.0
SWEEP_SECONDS = 15.0
"""For a sweep to be over after its time has come."""

PAUSE_SECONDS = 0.1

QUESTIONS = (
    "/api/system/gpu-stats",
    "/api/system/gpu-stats/history?limit=100",
    "/api/v1/series?metrics=power_watts&group_by=host",
    "/api/v1/hosts",
    "/api/v1/store",
)

pytestmark = [pytest.mark.drill, pytest.mark.timeout(240)]


class Reader:
    """A transaction that sees the database as it was at its first question, and holds what it has read."""

    def __init__(self, runner: asyncio.Runner, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._runner = runner
        self._connection = connection

    def count(self, table: str = "gpu_stats_all") -> int:
        found: int = self._runner.run(self._connection.fetchval(f"SELECT count(*) FROM {table}"))
        return found

    def end(self) -> None:
        self._runner.run(self._connection.execute("COMMIT"))


@contextmanager
def reading(dsn: str) -> Iterator[Reader]:
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(dsn))
        try:
            runner.run(connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ"))
            yield Reader(runner, connection)
        finally:
            runner.run(connection.close())


@dataclass(slots=True)
class Watch:
    """How the collector fares meanwhile."""

    collector: Collector
    committed: float = 0.0
    committed_at: float = field(default_factory=time.monotonic)
    longest_gap: float = 0.0
    slowest: tuple[float, str] = (0.0, "")
    asked: int = 0

    def look(self) -> None:
        """Once at the counter of commits, and one question."""
        committed, now = self.collector.metric("gpufleet_samples_committed_total"), time.monotonic()
        self.longest_gap = max(self.longest_gap, now - self.committed_at)
        if committed > self.committed:
            self.committed, self.committed_at = committed, now
        question = QUESTIONS[self.asked % len(QUESTIONS)]
        self.asked += 1
        self.collector.get(question)
        self.slowest = max(self.slowest, (time.monotonic() - now, question))

    def while_(self, condition: Callable[[], bool]) -> None:
        """Look on and on."""
        while condition():
            self.look()
            time.sleep(PAUSE_SECONDS)

    def check(self) -> None:
        assert self.longest_gap <= NO_COMMIT_SECONDS, self
        assert self.slowest[0] <= ANSWER_SECONDS, self


async def prepare(dsn: str, old: int, new: int) -> None:
    """Old hours that are packed, whose rows are still there, and hours that are to be packed."""
    await load(dsn, GPUS, OLD_HOURS, old)
    database = Database(dsn)
    try:
        first = GPU_STATS.number(old)
        await PartitionKeeper(database).ensure(GPU_STATS, range(first - EMPTY_HOURS, first))
        packing = Packing(database, SystemClock(), pack_after_hours=0)
        assert [await packing.step() for _ in range(OLD_HOURS + 1)] == [True] * OLD_HOURS + [False]
    finally:
        await database.close()
    await load(dsn, GPUS, NEW_HOURS, new)


async def there(dsn: str, names: set[str]) -> set[str]:
    """Those of the tables that exist."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT relname FROM pg_class WHERE relname = ANY($1::text[])", sorted(names))
        return {row["relname"] for row in rows}
    finally:
        await connection.close()


def names_of_hours(since: int, hours: int) -> set[str]:
    return {GPU_STATS.name(GPU_STATS.number(since + hour * HOUR_US)) for hour in range(hours)}


def jobs(collector: Collector) -> dict[str, Any]:
    return {job["name"]: job for job in collector.get("/api/v1/store")["jobs"]}


def finished(collector: Collector, job: str) -> datetime:
    """When it went well last; before all times when it never did."""
    at = jobs(collector).get(job, {}).get("succeeded_at")
    return datetime.fromisoformat(at) if at else datetime.min.replace(tzinfo=UTC)


def sweep_by_hand(folder: Path, dsn: str, watch: Watch) -> str:
    """What `gpufleet-collector retention` says."""
    environ = {"DATABASE_URL": dsn, "RETENTION_DAYS": "1", "GPUFLEET_DATA_DIR": str(folder / "hand")}
    command = Process("gpufleet-collector", "retention", log=folder / "retention.log", environ=environ)
    command.start()
    try:
        watch.while_(lambda: command.running.poll() is None)
    finally:
        printed = command.stop()
    return printed


def test_a_long_reader_holds_up_drops_and_nothing_else(database_url: str, open_path: Path) -> None:
    new = last_whole_hours(datetime.now(UTC), NEW_HOURS)
    old, end = new - OLD_AGO_HOURS * HOUR_US, new + NEW_HOURS * HOUR_US
    asyncio.run(prepare(database_url, old, new))
    packed = GPU_STATS_PACKED.name(GPU_STATS_PACKED.number(old))
    due = names_of_hours(old - EMPTY_HOURS * HOUR_US, EMPTY_HOURS + OLD_HOURS) | {packed}
    later = names_of_hours(new, NEW_HOURS)
    assert asyncio.run(there(database_url, due | later)) == due | later

    with reading(database_url) as reader:
        opened = datetime.now(UTC)
        seen, seen_packed = reader.count(), reader.count(f"gpufleet_partitions.{packed}")
        until = time.monotonic() + READER_SECONDS
        assert seen_packed
        with (
            running_collector(open_path, database_url, PACK_AFTER_HOURS="0", RETENTION_DAYS="1") as collector,
            running_fleet(open_path, collector, *FLEET) as fleet,
        ):
            wait_for(lambda: collector.metric("gpufleet_samples_committed_total") > 0, "the fleet is stored")
            watch = Watch(collector)
            watch.while_(lambda: time.monotonic() < until - READER_SECONDS / 2)
            printed = sweep_by_hand(open_path, database_url, watch)
            assert "not dropped, somebody reads there" in printed
            assert packed in printed
            watch.while_(lambda: time.monotonic() < until)
            watch.check()
            assert asyncio.run(packed_until(database_url)) >= end, "packing goes on"
            tried = finished(collector, "retention")
            assert tried > opened, "drops were tried"
            assert asyncio.run(there(database_url, due | later)) == due | later
            assert reader.count() == seen
            reader.end()

            def gone() -> bool:
                watch.look()
                return not asyncio.run(there(database_url, due | later))

            wait_for(gone, "all that is due is dropped", RETENTION_SECONDS + SWEEP_SECONDS)
            wait_for(lambda: finished(collector, "retention") > tried, "the sweep is over", SWEEP_SECONDS)
            watch.check()
            check_end(collector, fleet)


def check_end(collector: Collector, fleet: Process) -> None:
    ended = jobs(collector)
    assert ended.keys() >= {"pack", "merge-late", "retention", "fleet-minutes"}
    assert all(job["succeeded_at"] and not job["error"] for job in ended.values()), ended
    count = final_count(fleet.stop())
    assert count["refused"] == count["dropped"] == count["pending"] == 0, count
    assert count["settled"] == count["taken"] > 0, count
    assert "Traceback" not in collector.process.errors, collector.process.errors[-4000:]
