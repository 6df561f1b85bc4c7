"""Two collectors on one bus and one database: each shows the whole fleet, whatever of them is killed, and every sample
is stored once."""

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from fakes.nats import NatsServer
from fakes.postgres import ThrowAwayPostgres, run_apart
from fakes.processes import Collector, final_count, running_fleet, wait_for
from fakes.watchers import Watcher, see_all, watching

HOSTS, GPUS = 200, 2
FLEET = ("--hosts", str(HOSTS), "--gpus", str(GPUS), "--interval", "2")
ALL = HOSTS * GPUS
CLIENTS = 2
"""Of each collector."""

AGAIN_SECONDS = 10.0

pytestmark = [pytest.mark.drill, pytest.mark.timeout(400)]


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    server = NatsServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def postgres() -> Iterator[ThrowAwayPostgres]:
    server = ThrowAwayPostgres()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def collectors(open_path: Path, nats: NatsServer, postgres: ThrowAwayPostgres) -> Iterator[list[Collector]]:
    made = []
    for name in ("first", "second"):
        (open_path / name).mkdir()
        made.append(Collector(open_path / name, postgres.dsn, GPUFLEET_BUS_URL=nats.url))
    yield made
    for collector in made:
        collector.process.stop()


def stored(dsn: str) -> int:
    async def count() -> int:
        connection = await asyncpg.connect(dsn)
        try:
            number: int = await connection.fetchval("SELECT count(*) FROM gpu_stats")
            return number
        finally:
            await connection.close()

    return run_apart(count)


def of(collector: Collector, watchers: list[Watcher]) -> list[Watcher]:
    return [watcher for watcher in watchers if watcher.collector is collector]


def unknown(watcher: Watcher) -> bool:
    """Whether the client knows of nothing about the hosts that stream to the other collector."""
    return list(watcher.states.values()).count("unknown") == HOSTS - streams(watcher.collector)


def streams(collector: Collector) -> float:
    return collector.metric("gpufleet_streams")


def test_clients_see_the_whole_fleet_again_whatever_is_killed_and_every_sample_is_stored_once(
    open_path: Path, nats: NatsServer, postgres: ThrowAwayPostgres, collectors: list[Collector]
) -> None:
    first, second = collectors
    for collector in collectors:
        collector.start()
    with running_fleet(open_path, collectors, *FLEET) as fleet, watching(*collectors, each=CLIENTS) as watchers:
        see_all(watchers, ALL, "everybody sees the fleet", 60)
        assert streams(first) + streams(second) == HOSTS
        assert min(streams(first), streams(second)) > HOSTS / 4, "the agents spread"

        nats.kill()
        wait_for(lambda: first.get("/readyz")["bus"] == "away", "the first says that the bus is away")
        assert first.get("/readyz")["status"] == "ready"
        wait_for(lambda: all(unknown(watcher) for watcher in watchers), "hosts of the other are unknown")
        nats.start()
        see_all(watchers, ALL, "NATS is back, and everybody sees the fleet", AGAIN_SECONDS)

        postgres.kill()
        wait_for(lambda: first.status("/readyz") == 503, "the first misses the database")
        postgres.start()
        see_all(watchers, ALL, "PostgreSQL is back, and everybody sees the fleet", AGAIN_SECONDS)

        first.process.kill()
        see_all(
            of(second, watchers), ALL, "the first was killed, and clients of the second see the fleet", AGAIN_SECONDS
        )
        assert streams(second) == HOSTS
        first.start()
        with watching(first, each=CLIENTS) as newcomers:
            see_all(newcomers, ALL, "the first is back, and shows what the second hears", AGAIN_SECONDS)
            second.process.kill()
            see_all(newcomers, ALL, "the second was killed, and clients of the first see the fleet", AGAIN_SECONDS)
        assert streams(first) == HOSTS
        count = final_count(fleet.stop())
    assert count["settled"] == count["taken"] > 0
    assert count["refused"] == count["dropped"] == 0
    assert stored(postgres.dsn) == count["taken"]
