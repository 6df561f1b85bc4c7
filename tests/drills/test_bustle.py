"""A quarter of an hour (SOAK_SECONDS) in which hosts join, leave and are killed, GPUs fail, and dashboards come, go and
stall: the collector's memory stays what it is, nothing stays behind, and what the others take is stored once."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg
import pytest
from bench.report import Row, publish
from drills.bustle import STALLED, Clients, Guests
from drills.test_soak import FIGURES, LOOK_SECONDS, MEBIBYTE, MOST_GARBAGE_MIB, SECONDS, row_of_collector
from e2e.test_happenings import running_faulty_fleet

from fakes import faulty_fleet
from fakes.processes import Collector, final_count, running_collector, running_fleet, wait_for
from fakes.vitals import Vitals, growth, look, opened, risen

HOSTS, GUESTS, CLIENTS = 20, 5, 12
GUESTS_STAY = (9.0, 14.0)
WARM = 0.4
"""From this share of the run on is watched: caches are full then."""

MOST_GROWTH_MIB = MOST_GARBAGE_MIB
"""From the first quarter of the watch to the last: what jumps as well. Several hundred visits of clients and hosts are
in between: 10 KiB left behind by each would show."""
MOST_FILES = 20
"""The pools open a connection to the database when one more is needed, ten each; a leak would be one for each visit."""
MOST_THREADS = 4
"""The executor makes them as they are needed, up to a few."""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(SECONDS + 300)]


@contextmanager
def running_clients(collector: Collector, hosts: list[str]) -> Iterator[Clients]:
    clients = Clients(collector, CLIENTS, hosts, seed=0)
    clients.start()
    try:
        yield clients
    finally:
        clients.end()


def bustle(collector: Collector, guests: list[Guests]) -> list[Vitals]:
    """What was seen of the collector in the watch."""
    seen: list[Vitals] = []
    started, next_look = time.monotonic(), 0.0
    while (now := time.monotonic() - started) < SECONDS:
        for group in guests:
            group.step(now)
        if now >= next_look:
            next_look = now + LOOK_SECONDS
            ask(collector)
            if now >= WARM * SECONDS:
                seen.append(look(collector.process.running.pid, now))
        time.sleep(0.1)
    return seen


def ask(collector: Collector) -> None:
    """What a page asks for at a look."""
    assert collector.get("/api/system/gpu-stats?limit=100")["count"] == 100
    assert collector.get("/api/v1/hosts?limit=1000")["count"] >= HOSTS
    collector.get("/api/system/gpu-stats/history?host=base-001&step=60&metrics=power_watts")
    collector.get("/api/v1/series?metrics=power_watts")


def stored(address: str, host: str) -> tuple[int, int]:
    """Rows of GPUs of hosts whose names are LIKE `host`, and different (GPU, instant) among them."""

    async def count() -> tuple[int, int]:
        connection = await asyncpg.connect(address)
        try:
            row = await connection.fetchrow(
                "SELECT count(*) AS rows, count(DISTINCT (gpu_id, recorded_at)) AS samples FROM gpu_stats"
                " WHERE gpu_id IN (SELECT gpu_id FROM placements JOIN hosts ON hosts.id = host_id WHERE name LIKE $1)",
                host,
            )
            return row["rows"], row["samples"]
        finally:
            await connection.close()

    return asyncio.run(count())


def rows_of_collector(seen: list[Vitals]) -> list[Row]:
    grown = growth([one.rss_bytes for one in seen]) / MEBIBYTE
    return [
        row_of_collector("busy collector", seen),
        Row("busy collector RSS, last quarter - first", grown, "MiB", MOST_GROWTH_MIB),
        Row("busy collector threads, rise", risen([one.threads for one in seen]), "", MOST_THREADS),
        Row("busy collector open files, rise", risen([one.descriptors for one in seen]), "", MOST_FILES),
    ]


def test_nothing_stays_behind_of_who_comes_and_goes(open_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"base-{number:03d}" for number in range(1, HOSTS + 1)]
    base = ("--prefix", "base-", "--hosts", str(HOSTS), "--gpus", "8", "--interval", "1")
    with ExitStack() as running:
        collector = running.enter_context(running_collector(open_path))
        fleet = running.enter_context(running_fleet(open_path, collector, *base))
        running.enter_context(running_faulty_fleet(open_path, collector))
        wait_for(lambda: collector.get("/api/v1/hosts")["count"] == HOSTS + faulty_fleet.HOSTS, "all hosts are there")
        guests = [
            Guests(collector, open_path, f"guest-{number}-", GUESTS, stay) for number, stay in enumerate(GUESTS_STAY)
        ]
        for group in guests:
            running.callback(group.end)
        with running_clients(collector, names) as clients:
            seen = bustle(collector, guests)
        for group in guests:
            group.say_goodbye()
        check_that_nobody_is_left(collector)
        count = final_count(fleet.stop())
        assert count["settled"] == count["taken"] > 0
        assert stored(collector.database_url(), "base-%") == (count["taken"], count["taken"])
    rows = rows_of_collector(seen)
    with capsys.disabled():
        publish(rows, FIGURES)
    came = clients.seen
    assert min(came["reads"], came["vanishes"], came["chooses"], came["stalls"]) > SECONDS / 20, came
    assert came["host_state told"] and came["event told"] and came["frame told"] and came[f"closed with {STALLED}"], (
        came
    )
    assert min(group.killed for group in guests) > SECONDS / 60
    assert all(row.ok for row in rows), ([row for row in rows if not row.ok], opened(seen), came)


def check_that_nobody_is_left(collector: Collector) -> None:
    """What is live is bounded by who there is: the same guests a hundred times are a few hosts."""
    for form in ("events", "frames"):
        name = f'gpufleet_websocket_clients{{format="{form}"}}'
        wait_for(lambda: collector.metric(name) == 0, f"every client of {form} is gone")  # noqa: B023
    wait_for(lambda: collector.metric("gpufleet_streams") == HOSTS + faulty_fleet.HOSTS, "every guest is gone")
    hosts = collector.get("/api/v1/hosts?limit=1000")["hosts"]
    states = {host["host"]: host["state"] for host in hosts}
    assert len(states) == HOSTS + faulty_fleet.HOSTS + len(GUESTS_STAY) * GUESTS
    assert {state for host, state in states.items() if host.startswith("guest-")} == {"left"}
    assert {state for host, state in states.items() if not host.startswith("guest-")} == {"up"}
