"""The door to PostgreSQL: migrations by several at once, versions it can work with, and errors that say what to do."""

import asyncio
from contextlib import suppress

import asyncpg
import pytest
from sqlalchemy import text

from gpufleet_collector.errors import ConfigurationError, DatabaseUnavailable, DataRefused, QueryTooLong, SchemaError
from gpufleet_collector.store.database import Database, check_server_version
from gpufleet_collector.store.migration import Version, known_version, needs_migration, parse_version

TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'gpufleet-collector'
"""


async def execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


async def migrate(dsn: str) -> None:
    database = Database(dsn)
    try:
        await database.migrate()
    finally:
        await database.close()


async def test_several_collectors_migrate_one_empty_database(empty_database_url: str) -> None:
    await asyncio.gather(*(migrate(empty_database_url) for _ in range(5)))
    await execute(empty_database_url, "SELECT count(*) FROM gpu_stats")


async def test_an_older_collector_runs_on_a_newer_minor_schema(database_url: str) -> None:
    newer = Version(known_version().major, known_version().minor + 1)
    await execute(database_url, f"UPDATE gpufleet_schema_version SET version_num = '{newer}'")
    await migrate(database_url)


async def test_an_older_collector_refuses_a_newer_major_schema(database_url: str) -> None:
    newer = Version(known_version().major + 1, 0)
    await execute(database_url, f"UPDATE gpufleet_schema_version SET version_num = '{newer}'")
    with pytest.raises(SchemaError, match=f"schema {newer}.*install a newer gpufleet-collector"):
        await migrate(database_url)


async def test_a_version_that_is_none_is_refused(database_url: str) -> None:
    await execute(database_url, "UPDATE gpufleet_schema_version SET version_num = 'ae1027a6acf'")
    with pytest.raises(SchemaError, match="no version of gpufleet's schema"):
        await migrate(database_url)


async def test_tables_of_somebody_else_are_left_alone(empty_database_url: str) -> None:
    await execute(
        empty_database_url, "CREATE TABLE theirs (id integer); CREATE TABLE alembic_version (version_num text)"
    )
    await execute(empty_database_url, "INSERT INTO alembic_version VALUES ('theirs')")
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    assert await connection.fetchval("SELECT version_num FROM alembic_version") == "theirs"
    assert await connection.fetchval("SELECT count(*) FROM theirs") == 0
    await connection.close()


async def test_a_table_of_somebody_else_with_our_name_is_not_touched(empty_database_url: str) -> None:
    await execute(empty_database_url, "CREATE TABLE hosts (address inet)")
    with pytest.raises(SchemaError, match=r"'hosts' that is not gpufleet's.*database of its own"):
        await migrate(empty_database_url)
    await execute(empty_database_url, "SELECT address FROM hosts")


@pytest.mark.parametrize("revision", ["", "1", "1.", ".1", "a.b", "1.2.3", "-1.0", "1.٣"])
def test_no_version(revision: str) -> None:
    with pytest.raises(SchemaError):
        parse_version(revision)


def test_versions_and_what_to_do() -> None:
    known = Version(2, 3)
    assert parse_version("2.10") > parse_version("2.9")
    assert needs_migration(None, known)
    assert needs_migration(Version(1, 9), known)
    assert needs_migration(Version(2, 2), known)
    assert not needs_migration(Version(2, 3), known)
    assert not needs_migration(Version(2, 4), known)
    with pytest.raises(SchemaError):
        needs_migration(Version(3, 0), known)


def test_a_server_that_is_too_old() -> None:
    check_server_version(150000)
    with pytest.raises(ConfigurationError, match="PostgreSQL 14; gpufleet needs 15 or newer"):
        check_server_version(140012)


@pytest.mark.parametrize("address", ["127.0.0.1:1/none", "/none?host=/nowhere"])
async def test_nobody_there(address: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        await migrate(f"postgresql://nobody@{address}")


async def test_no_such_database(database_url: str) -> None:
    await execute(database_url, "SELECT 1")
    with pytest.raises(ConfigurationError, match=r"DATABASE_URL.*does not exist"):
        await migrate(database_url.replace("gpufleet_test_", "gpufleet_test_no_"))


async def test_a_lost_connection_is_made_again(database_url: str) -> None:
    database = Database(database_url)
    with pytest.raises(DatabaseUnavailable):
        async with database.connect() as connection:
            await connection.execute(text("SELECT 1"))
            await execute(database_url, TERMINATE)
            await connection.execute(text("SELECT 1"))
    await database.ping()
    await execute(database_url, TERMINATE)
    # The server says that it ends a connection before it closes it: whoever asks in between hears so, once.
    with suppress(DatabaseUnavailable):
        await database.ping()
    await database.ping()
    await database.close()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT 1/0", DataRefused),
        ("INSERT INTO gpus (uuid, first_seen) VALUES (NULL, now())", DataRefused),
        ("SET LOCAL statement_timeout = 1; SELECT pg_sleep(5)", QueryTooLong),
        ("DO $$ BEGIN RAISE SQLSTATE '57P01'; END $$", DatabaseUnavailable),
        ("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", DatabaseUnavailable),
        ("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$", DatabaseUnavailable),
    ],
)
async def test_what_the_server_says_in_our_words(database_url: str, statement: str, expected: type[Exception]) -> None:
    database = Database(database_url)
    with pytest.raises(expected) as raised:
        async with database.begin() as connection:
            for part in statement.split("; ") if statement.startswith("SET") else [statement]:
                await connection.exec_driver_sql(part)
    assert "\n" not in str(raised.value)
    await database.close()


async def test_a_full_disk_is_named_with_what_to_do(database_url: str) -> None:
    database = Database(database_url)
    with pytest.raises(DatabaseUnavailable, match="the disk of the database is full, make room on it: no room for it"):
        async with database.begin() as connection:
            await connection.exec_driver_sql("DO $$ BEGIN RAISE 'no room for it' USING ERRCODE = '53100'; END $$")
    await database.close()


async def test_a_mistake_of_ours_passes_as_it_is(database_url: str) -> None:
    database = Database(database_url)
    with pytest.raises(Exception, match="does not exist") as raised:
        async with database.begin() as connection:
            await connection.exec_driver_sql("SELECT nonsense")
    assert type(raised.value).__module__.startswith("sqlalchemy")
    await database.close()


async def test_the_pool_is_bounded(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpufleet_collector.store.database.POOL_WAIT_SECONDS", 0.05)
    database = Database(database_url, connections=1)
    async with database.connect():
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
    await database.ping()
    await database.close()
    await database.close()
