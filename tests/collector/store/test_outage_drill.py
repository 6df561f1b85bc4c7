"""PostgreSQL is killed and started again and again under load: every sample is there exactly once."""

import asyncio
import random
from itertools import count

import pytest

from fakes.fleet import sample
from fakes.postgres import ThrowAwayPostgres
from fakes.storing import Store, store
from gpufleet_collector.store.database import Database

HOSTS = [f"host-{number}" for number in range(30)]
KILLS = 6


async def load(made: Store, stopping: asyncio.Event) -> int:
    """Offer reports of all hosts without a break, sometimes one again; how many different samples there were."""
    for second in count():
        for host in HOSTS:
            names = [f"GPU-{host}-{number}" for number in range(4)]
            while not made.offer(host, *(sample(name, second, temperature_celsius=1) for name in names)):
                await asyncio.sleep(0.01)
            if second % 7 == 0:
                made.offer(host, *(sample(name, second, temperature_celsius=2) for name in names), replayed=True)
        if stopping.is_set():
            return (second + 1) * len(HOSTS) * 4
        await asyncio.sleep(0.005)
    raise AssertionError


@pytest.mark.drill
async def test_killed_under_load() -> None:
    chance, cluster = random.Random(7), ThrowAwayPostgres()
    try:
        cluster.start()
        database = Database(cluster.dsn)
        await database.migrate()
        await database.close()
        async with store(cluster.dsn, max_pending_samples=20_000) as made:
            for host in HOSTS:
                made.declare(host, *(f"GPU-{host}-{number}" for number in range(4)))
            stopping = asyncio.Event()
            loading = asyncio.create_task(load(made, stopping))
            for _ in range(KILLS):
                await asyncio.sleep(chance.uniform(0.5, 1.5))
                await asyncio.to_thread(cluster.kill)
                await asyncio.sleep(chance.uniform(0, 0.5))
                await asyncio.to_thread(cluster.start)
            stopping.set()
            taken = await loading
            async with asyncio.timeout(60):
                while made.writer.pending_samples:
                    await asyncio.sleep(0.05)
            assert await made.rows("SELECT count(*), max(temperature_celsius) FROM gpu_stats") == [(taken, 1)]
            assert all(refused == {} for refused in made.settled.refusals)
            assert made.counted("gpufleet_commit_failures_total") >= KILLS / 2
    finally:
        await asyncio.to_thread(cluster.remove)
