"""Processes are stored as the time in which they were seen, whatever the order in which they come and go."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.postgres import run_apart
from fakes.storing import Store, store
from gpufleet_collector.model import Process
from gpufleet_collector.store.process_table import LONGEST_GAP_SECONDS

TRAINING = Process("GPU-a", 100, 1_767_000_000_000_000, "python train.py", 4096, 97)
SEEN = """
    SELECT uuid, pid, extract(epoch FROM processes.first_seen - timestamptz '2026-01-01 00:00Z')::float8,
           extract(epoch FROM last_seen - timestamptz '2026-01-01 00:00Z')::float8
    FROM processes JOIN gpus ON gpus.id = gpu_id ORDER BY uuid, pid, processes.first_seen
"""


@pytest.fixture
async def made(database_url: str) -> AsyncIterator[Store]:
    async with store(database_url) as made:
        made.declare("host-1", "GPU-a", "GPU-b")
        yield made


async def test_a_process_is_stored_whole(made: Store) -> None:
    made.tell_processes("host-1", 0, TRAINING, Process("GPU-b", 7, graphics=True))
    await made.flush()
    assert await made.rows(
        "SELECT pid, started_at = '2025-12-29 09:20:00Z', processes.name, graphics, memory_used_mb, memory_max_mb,"
        " sm_utilization_percent, hosts.name FROM processes JOIN hosts ON hosts.id = host_id ORDER BY pid"
    ) == [
        (7, None, None, True, None, None, None, "host-1"),
        (100, True, "python train.py", False, 4096, 4096, 97, "host-1"),
    ]


async def test_a_process_that_stays_has_one_row_also_across_collectors(made: Store, database_url: str) -> None:
    made.tell_processes("host-1", 0, replace(TRAINING, memory_used_mb=9000))
    await made.flush()
    async with store(database_url) as other:
        other.tell_processes("host-1", 60, TRAINING)
        await other.flush()
    made.tell_processes("host-1", 120, TRAINING)
    made.tell_processes("host-1", 130)
    await made.flush()
    assert await made.rows(SEEN) == [("GPU-a", 100, 0.0, 120.0)]
    assert await made.rows("SELECT memory_used_mb, memory_max_mb FROM processes") == [(4096, 9000)]


async def test_after_a_long_gap_and_after_midnight_a_new_row_begins(made: Store) -> None:
    for seconds in (0, 100, 100 + LONGEST_GAP_SECONDS, 101 + 2 * LONGEST_GAP_SECONDS, 86_390, 86_400, 86_410):
        made.tell_processes("host-1", seconds, TRAINING)
        await made.flush()
    assert [row[2:] for row in await made.rows(SEEN)] == [
        (0.0, 100.0 + LONGEST_GAP_SECONDS),
        (101.0 + 2 * LONGEST_GAP_SECONDS, 101.0 + 2 * LONGEST_GAP_SECONDS),
        (86_390.0, 86_390.0),
        (86_400.0, 86_410.0),
    ]


async def test_a_pid_that_is_used_again_is_another_process(made: Store) -> None:
    made.tell_processes("host-1", 0, TRAINING)
    made.tell_processes("host-1", 10, replace(TRAINING, started_at=1_767_225_605_000_000))
    await made.flush()
    assert [row[2:] for row in await made.rows(SEEN)] == [(0.0, 0.0), (10.0, 10.0)]


async def test_a_start_that_is_worked_out_anew_is_the_same_process(made: Store) -> None:
    assert TRAINING.started_at is not None
    for seconds, moved in ((0, 0), (10, 1_500_000), (20, -400_000)):
        made.tell_processes("host-1", seconds, replace(TRAINING, started_at=TRAINING.started_at + moved))
        await made.flush()
    assert [row[2:] for row in await made.rows(SEEN)] == [(0.0, 20.0)]


async def test_a_gpu_that_nobody_declared_costs_the_others_nothing(made: Store) -> None:
    made.tell_processes("host-1", 0, Process("GPU-x", 1), TRAINING)
    made.tell_processes("nowhere", 0, Process("GPU-a", 5))
    await made.flush()
    assert [row[:2] for row in await made.rows(SEEN)] == [("GPU-a", 100)]


async def test_two_hosts_that_claim_one_process_disturb_nobody(made: Store) -> None:
    made.declare("host-2", "GPU-b")
    for seconds in (0, 60):
        for host in ("host-1", "host-2"):
            made.tell_processes(host, seconds, Process("GPU-a", 1))
        await made.flush()
    assert [row[:2] for row in await made.rows(SEEN)] == [("GPU-a", 1)]


async def test_a_process_that_the_database_refuses_stops_nobody_else(
    made: Store, caplog: pytest.LogCaptureFixture
) -> None:
    made.tell_processes("host-1", 0, Process("GPU-a", 1), Process("GPU-a", 2, name="nul\0"), Process("GPU-b", 3))
    await made.flush()
    assert [row[1] for row in await made.rows(SEEN)] == [1, 3]
    assert "a process of host 'host-1' could not be written" in caplog.text


async def test_while_everything_stays_a_list_is_stored_once_a_minute(made: Store) -> None:
    async def stored_until(seconds: float) -> None:
        async with asyncio.timeout(20):
            while [row[3] for row in await made.rows(SEEN)] != [seconds]:
                await asyncio.sleep(0.01)

    made.tell_processes("host-1", 0, TRAINING)
    await stored_until(0)
    for seconds in range(10, 70, 10):
        assert made.writer._pending._processes.due == 0
        made.clock.advance(10)
        made.tell_processes("host-1", seconds, TRAINING)
    await stored_until(60)


ticks = st.lists(
    st.tuples(
        st.sampled_from([10, 60, LONGEST_GAP_SECONDS, LONGEST_GAP_SECONDS + 1, 40_000]),
        st.frozensets(st.sampled_from([("GPU-a", 1), ("GPU-a", 2), ("GPU-b", 1)])),
        st.sampled_from(["wait", "flush", "restart"]),
    ),
    max_size=12,
)


def modelled(story: list[tuple[int, frozenset[tuple[str, int]], str]]) -> list[tuple[str, int, float, float]]:
    """What ought to be stored: spans without a gap that is too long, cut at midnight."""
    spans: dict[tuple[str, int], list[list[int]]] = {}
    now = 0
    for step, running, _ in story:
        now += step
        for process in running:
            found = spans.setdefault(process, [])
            if found and now - found[-1][1] <= LONGEST_GAP_SECONDS and now // 86_400 == found[-1][0] // 86_400:
                found[-1][1] = now
            else:
                found.append([now, now])
    return sorted((gpu, pid, float(a), float(b)) for (gpu, pid), found in spans.items() for a, b in found)


async def _play(dsn: str, story: list[tuple[int, frozenset[tuple[str, int]], str]]) -> None:
    made = Store(dsn)
    await made.writer.start()
    await made.rows("TRUNCATE processes")
    made.declare("host-1", "GPU-a", "GPU-b")
    seconds = 0
    for step, running, then in story:
        seconds += step
        made.clock.advance(step)
        made.tell_processes("host-1", seconds, *(Process(gpu, pid) for gpu, pid in sorted(running)))
        # A gap ends a span in the table; what waits to be stored is written at least every minute.
        await made.flush()
        if then == "restart":
            await made.writer.stop()
            await made.database.close()
            made = Store(dsn)
            made.clock.advance(seconds)
            await made.writer.start()
    await made.writer.stop()
    found = await made.rows(SEEN)
    await made.database.close()
    assert [tuple(row) for row in found] == modelled(story)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ticks)
def test_against_a_plain_model(database_url: str, story: list[tuple[int, frozenset[tuple[str, int]], str]]) -> None:
    run_apart(lambda: _play(database_url, story))
