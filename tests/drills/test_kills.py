"""Kills under load: whatever is killed, every sample taken is stored exactly once."""

import asyncio
import os
import signal
import time
from pathlib import Path

import asyncpg
import pytest

from fakes.processes import Collector, final_count, running_collector, running_fleet, wait_for

FLEET = ("--hosts", "20", "--gpus", "8", "--interval", "0.5")
RUN_SECONDS, OUTAGE_SECONDS = 6.0, 4.0

pytestmark = pytest.mark.drill


def stored(address: str, table: str = "gpu_stats") -> tuple[int, int]:
    """Rows, and different (GPU, instant) among them."""

    async def count() -> tuple[int, int]:
        connection = await asyncpg.connect(address)
        try:
            row = await connection.fetchrow(
                f"SELECT count(*) AS rows, count(DISTINCT (gpu_id, recorded_at)) AS samples FROM {table}"
            )
            return row["rows"], row["samples"]
        finally:
            await connection.close()

    return asyncio.run(count())


def postmaster(collector: Collector) -> int:
    (pid_file,) = collector.data_dir.glob("collector/**/postmaster.pid")
    return int(pid_file.read_text().splitlines()[0])


def check(collector: Collector, printed: str) -> None:
    count = final_count(printed)
    assert count["refused"] == count["dropped"] == count["pending"] == 0, count
    assert count["settled"] == count["taken"] > 0
    assert stored(collector.database_url()) == (count["taken"], count["taken"])


def test_a_collector_killed_under_load_and_started_again_loses_and_doubles_nothing(open_path: Path) -> None:
    with running_collector(open_path) as collector, running_fleet(open_path, collector, *FLEET) as fleet:
        wait_for(lambda: collector.get("/api/v1/hosts")["count"] == 20, "the fleet is there")
        for _ in range(2):
            time.sleep(RUN_SECONDS)
            collector.process.kill()
            time.sleep(OUTAGE_SECONDS)
            collector.start()
        time.sleep(RUN_SECONDS)
        check(collector, fleet.stop())


def test_a_postgres_killed_under_load_is_started_again_and_loses_and_doubles_nothing(open_path: Path) -> None:
    with running_collector(open_path) as collector, running_fleet(open_path, collector, *FLEET) as fleet:
        wait_for(lambda: collector.get("/api/v1/hosts")["count"] == 20, "the fleet is there")
        for _ in range(2):
            time.sleep(RUN_SECONDS)
            killed = postmaster(collector)
            os.kill(killed, signal.SIGKILL)
            wait_for(lambda: collector.status("/readyz") == 200 and postmaster(collector) != killed, "it is back")  # noqa: B023
        time.sleep(RUN_SECONDS)
        check(collector, fleet.stop())
