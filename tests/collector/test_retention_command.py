"""`gpufleet-collector retention` says what goes, lets it go, and says what it had to leave."""

import io
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import text

from fakes.clock import START_US, FakeClock
from gpufleet_collector.__main__ import run as run_command_line
from gpufleet_collector.config import CollectorConfig, read_config
from gpufleet_collector.errors import DatabaseUnavailable
from gpufleet_collector.retention_command import drop_all, run
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.partitions import GPU_STATS_PACKED, PartitionKeeper
from gpufleet_collector.store.retention import Partition, partitions_of
from gpufleet_collector.store.times import DAY_US

DAY = GPU_STATS_PACKED.number(START_US)
OLD = [GPU_STATS_PACKED.name(DAY - 40), GPU_STATS_PACKED.name(DAY - 39)]


def config_of(dsn: str) -> CollectorConfig:
    return read_config({"HOME": "/nowhere", "DATABASE_URL": dsn}, {}, user_id=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Two days that are due, and one that is not."""
    made = Database(database_url)
    await PartitionKeeper(made).ensure(GPU_STATS_PACKED, [DAY - 40, DAY - 39, DAY])
    yield made
    await made.close()


async def names(database: Database) -> list[str]:
    async with database.begin() as connection:
        return [partition.name for partition in await partitions_of(connection, GPU_STATS_PACKED)]


async def retention(dsn: str, *, dry_run: bool = False) -> tuple[int, list[str]]:
    said = io.StringIO()
    status = await run(config_of(dsn), dry_run=dry_run, clock=FakeClock(), stdout=said)
    return status, said.getvalue().splitlines()


async def test_a_dry_run_says_what_would_go_and_leaves_it(database: Database, database_url: str) -> None:
    status, lines = await retention(database_url, dry_run=True)
    assert status == 0
    assert [line.split()[:3] for line in lines[:2]] == [["would", "go", name] for name in OLD]
    assert "2025-11-22T00:00Z to 2025-11-23T00:00Z" in lines[0]
    assert lines[0].endswith("(1 of 2)")
    assert lines[2].startswith("2 partitions, ")
    assert lines[2].endswith("would be freed")
    assert len(await names(database)) == 3


async def test_what_is_due_goes_with_a_line_each_and_the_rest_stays(database: Database, database_url: str) -> None:
    status, lines = await retention(database_url)
    assert status == 0
    assert [line.split()[:2] for line in lines[:2]] == [["dropped", name] for name in OLD]
    assert lines[2].startswith("2 partitions dropped, ")
    assert await names(database) == [GPU_STATS_PACKED.name(DAY)]
    assert await retention(database_url) == (0, ["0 partitions dropped, 0 B (0 bytes) freed"])


async def test_what_a_reader_holds_is_said_and_status_1(database: Database, database_url: str) -> None:
    async with database.begin() as reader:
        await reader.execute(text("SELECT count(*) FROM gpu_stats_packed"))
        status, lines = await retention(database_url)
    assert status == 1
    assert [line.split()[:3] for line in lines[:2]] == [["in", "use", name] for name in OLD]
    assert lines[-1].startswith(f"not dropped, somebody reads there: {', '.join(OLD)} (")
    assert len(await names(database)) == 3


class Flaky:
    """Drops one partition and is gone."""

    def __init__(self) -> None:
        self.calls = 0

    async def drop(self, partition: Partition) -> bool:
        self.calls += 1
        if self.calls > 1:
            raise DatabaseUnavailable("gone")
        return True


async def test_what_was_freed_is_said_also_when_the_database_fails_in_between() -> None:
    due = [Partition("t", f"t_{day}", day * DAY_US, (day + 1) * DAY_US, 2048) for day in range(3)]
    said = io.StringIO()
    with pytest.raises(DatabaseUnavailable):
        await drop_all(Flaky(), due, said)
    assert said.getvalue().splitlines()[-1] == "1 partition dropped, 2.0 KiB (2048 bytes) freed"


def test_a_database_that_is_not_migrated_is_left_alone(
    empty_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["retention", "--database-url", empty_database_url], {"HOME": "/nowhere"}) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "run gpufleet-collector migrate" in said.err


@pytest.fixture
def command_line(database_url: str, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def call(*flags: str) -> str:
        assert run_command_line(["retention", *flags, "--database-url", database_url], {"HOME": "/nowhere"}) == 0
        return capsys.readouterr().out

    return call


def test_the_flag_reaches_the_command(command_line: Callable[..., str]) -> None:
    assert command_line("--dry-run").endswith("would be freed\n")
    assert command_line().endswith(" dropped, 0 B (0 bytes) freed\n")
