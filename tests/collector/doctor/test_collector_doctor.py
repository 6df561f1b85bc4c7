"""`gpufleet-collector doctor` on real databases: one that is well, one that is empty, one that is not there."""

import io
import time
from pathlib import Path

from fakes.clock import FakeClock
from fakes.machine import surroundings
from fakes.nats import NatsServer, running_nats
from gpufleet_collector.clock import Clock, SystemClock
from gpufleet_collector.config import read_config
from gpufleet_collector.doctor import run
from gpufleet_collector.store import job_table
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.partitions import GPU_STATS, PartitionKeeper


async def doctor(environ: dict[str, str], clock: Clock, home: Path | None = None) -> tuple[int, str]:
    said = io.StringIO()
    config = read_config({"HOME": "/nowhere"} | environ, {}, user_id=1)
    status = await run(config, clock=clock, stdout=said, around=surroundings(home) if home else None)
    return status, said.getvalue()


async def test_a_store_that_is_well_is_all_ok(database_url: str) -> None:
    database, now = Database(database_url), time.time_ns() // 1000
    await PartitionKeeper(database).ensure(GPU_STATS, GPU_STATS.numbers_from(now))
    async with database.begin() as connection:
        await job_table.begin(connection, now, "pack")
        await job_table.succeed(connection, now, "pack")
    await database.close()
    status, said = await doctor({"DATABASE_URL": database_url}, SystemClock())
    assert status == 0
    assert "warn" not in said
    for part in (
        "PostgreSQL 1",
        "it answers within",
        "differ by",
        "this collector knows",
        "partitions for now and the",
    ):
        assert part in said
    for part in ("0 late samples", "pack: succeeded", "gpu_stats: ", "server of its own"):
        assert part in said


async def test_clocks_apart_fail_and_what_nobody_keeps_is_a_warning(database_url: str) -> None:
    status, said = await doctor({"DATABASE_URL": database_url}, FakeClock())
    assert status == 1
    assert "  fail  its clock is " in said
    assert "  warn  no partition gpu_stats_" in said
    assert "  warn  no job has ever run" in said


async def test_a_database_without_tables_is_to_be_migrated_and_asked_no_further(empty_database_url: str) -> None:
    status, said = await doctor({"DATABASE_URL": empty_database_url}, SystemClock())
    assert status == 1
    assert "  fail  no schema yet" in said
    assert "-> run gpufleet-collector migrate" in said
    assert "Jobs" not in said


async def test_a_database_that_is_not_there_is_one_finding(tmp_path: Path) -> None:
    status, said = await doctor({"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/d"}, SystemClock())
    assert status == 1
    assert "  fail  the database does not answer" in said
    assert "hunter2" not in said


async def test_a_bus_that_answers_and_one_that_does_not(database_url: str) -> None:
    away = NatsServer()
    with running_nats() as nats:
        servers = f"{nats.url},nats://u:hunter2@127.0.0.1:{away.port}"
        _, said = await doctor({"DATABASE_URL": database_url, "GPUFLEET_BUS_URL": servers}, SystemClock())
    assert f"  ok    {nats.url} answers within " in said
    assert f"  warn  {away.url} does not answer: " in said
    assert "hunter2" not in said


async def test_an_own_database_that_was_never_made_is_not_made(open_path: Path) -> None:
    status, said = await doctor({"GPUFLEET_DATA_DIR": str(open_path / "data")}, SystemClock(), open_path)
    assert status == 1
    assert "nothing was ever stored" in said
    assert " free at /" in said
    assert not (open_path / "data").exists()
