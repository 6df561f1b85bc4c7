"""A command reaches the own PostgreSQL whether it runs or not, and leaves it as it was."""

from pathlib import Path

import asyncpg
import pytest

from fakes.machine import surroundings
from gpufleet_collector.config import CollectorConfig, read_config
from gpufleet_collector.errors import DataDirectoryError
from gpufleet_collector.store.embedded.launch import answers
from gpufleet_collector.store.embedded.reach import reach
from gpufleet_collector.store.embedded.server import EmbeddedPostgres


def config_at(home: Path, **environ: str) -> CollectorConfig:
    return read_config({"GPUFLEET_DATA_DIR": str(home / "data"), **environ}, {}, user_id=1)


async def answer(dsn: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval("SELECT 41")
    finally:
        await connection.close()


async def test_a_server_that_runs_goes_on_and_one_that_does_not_is_up_meanwhile(home: Path) -> None:
    config, around = config_at(home), surroundings(home)
    postgres = EmbeddedPostgres(config.collector_dir, around=around)
    await postgres.start()
    try:
        async with reach(config, around) as dsn:
            assert await answer(dsn) == 41
        assert await answers(postgres.sockets)
    finally:
        await postgres.stop()
    assert not await answers(postgres.sockets)
    async with reach(config, around) as dsn:
        assert await answer(dsn) == 41
    assert not await answers(postgres.sockets)


async def test_nothing_is_made_where_nothing_is(home: Path) -> None:
    with pytest.raises(DataDirectoryError, match="nothing was ever stored"):
        async with reach(config_at(home), surroundings(home)):
            pass
    assert not (home / "data").exists()


async def test_a_configured_database_is_given_as_asyncpg_takes_it(home: Path) -> None:
    async with reach(config_at(home, DATABASE_URL="postgresql+asyncpg://h/d")) as dsn:
        assert dsn == "postgresql://h/d"
