"""A database user who may not do what gpufleet has to is one line that names what is missing and the remedy."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from fakes.fleet import sample
from fakes.postgres import run_apart
from fakes.processes import PATIENCE_SECONDS, Collector
from fakes.storing import store
from gpufleet_collector.__main__ import run

REMEDY = "must own the database"


def execute(dsn: str, *statements: str) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    run_apart(work)


def acting_as(dsn: str, role: str) -> str:
    """The address of the same database, by whoever may take on the role."""
    return f"{dsn}{'&' if '?' in dsn else '?'}role={role}"


@contextmanager
def stranger(dsn: str, *grants: str) -> Iterator[str]:
    """The name of a new role of the server of `dsn`; it has these privileges and no others."""
    role = f"gpufleet_test_{secrets.token_hex(6)}"
    execute(dsn, f"CREATE ROLE {role}", *(f"GRANT {grant} TO {role}" for grant in grants))
    try:
        yield role
    finally:
        execute(dsn, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def refusal(arguments: list[str], dsn: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(arguments, {"HOME": "/nowhere", "DATABASE_URL": dsn}) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("gpufleet-collector: DATABASE_URL: ")
    assert REMEDY in said
    return said


@pytest.mark.parametrize(
    ("grants", "missing"),
    [
        ((), "permission denied for schema public"),
        (("CREATE ON SCHEMA public",), "permission denied for database"),
    ],
)
def test_who_may_not_make_the_tables_is_told(
    grants: tuple[str, ...], missing: str, empty_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with stranger(empty_database_url, *grants) as role:
        assert missing in refusal(["migrate"], acting_as(empty_database_url, role), capsys)


def test_who_may_not_read_the_tables_is_told(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with stranger(database_url) as role:
        theirs = acting_as(database_url, role)
        assert "permission denied for table" in refusal(["migrate"], theirs, capsys)
        assert "permission denied for table" in refusal(["retention"], theirs, capsys)
        assert run(["doctor"], {"HOME": "/nowhere", "DATABASE_URL": theirs}) == 1
        said = capsys.readouterr().out
        assert "  fail  DATABASE_URL: permission denied for table" in said
        assert "-> correct the setting that is named" in said


def test_a_collector_that_may_not_read_the_tables_does_not_start(open_path: Path, database_url: str) -> None:
    with stranger(database_url) as role:
        collector = Collector(open_path, acting_as(database_url, role))
        collector.process.start()
        try:
            collector.process.running.communicate(timeout=PATIENCE_SECONDS)
        finally:
            collector.process.stop()
    assert collector.process.running.returncode == 2
    last = collector.process.errors.splitlines()[-1]
    assert last.startswith("gpufleet-collector: DATABASE_URL: permission denied for table")
    assert REMEDY in last
    assert "Traceback" not in collector.process.errors


@pytest.fixture
async def reader(database_url: str) -> AsyncIterator[str]:
    with stranger(database_url, "SELECT ON ALL TABLES IN SCHEMA public") as role:
        yield role


async def test_samples_wait_until_the_writer_is_given_what_it_lacks(
    database_url: str, reader: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with store(acting_as(database_url, reader)) as made:
        made.declare("a", "GPU-1")
        made.offer("a", sample("GPU-1", 0))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not made.counted("gpufleet_commit_failures_total"):
                await asyncio.sleep(0.01)
            assert made.writer.pending_samples == 1
            execute(database_url, f"GRANT {(await owner(database_url))} TO {reader}")
            while made.writer.pending_samples:
                await asyncio.sleep(0.01)
        assert made.settled.refusals == [{}]
    assert any(REMEDY in record.message for record in caplog.records)
    assert "Traceback" not in caplog.text


async def owner(dsn: str) -> str:
    """Who owns the tables."""
    connection = await asyncpg.connect(dsn)
    try:
        name: str = await connection.fetchval("SELECT tableowner FROM pg_tables WHERE tablename = 'hosts'")
        return name
    finally:
        await connection.close()
