"""An event is stored once by its id, in one transaction with the samples of its report, whoever tells it how often."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.fleet import event, sample
from fakes.postgres import run_apart
from fakes.storing import Store, store
from gpufleet_collector.model import Event, Refusal

STORED = "SELECT event_id, text FROM events ORDER BY occurred_at, event_id"


@pytest.fixture
async def made(database_url: str) -> AsyncIterator[Store]:
    async with store(database_url) as made:
        made.declare("host-1", "GPU-a")
        yield made


async def test_an_event_is_stored_whole(made: Store) -> None:
    made.tell_events("host-1", event("e1", 1.5))
    await made.flush()
    rows = await made.rows(
        "SELECT event_id, hosts.name, gpus.uuid, gpu_uuid, kind, severity, code, events.text,"
        " occurred_at = '2026-01-01 00:00:01.5Z', received_at = '2026-01-01 00:00:02.5Z'"
        " FROM events JOIN hosts ON hosts.id = host_id JOIN gpus ON gpus.id = gpu_id"
    )
    text = "GPU has fallen off the bus."
    assert rows == [("e1", "host-1", "GPU-a", "GPU-a", "xid", "critical", 79, text, True, True)]
    assert made.settled.refusals == [{}]
    assert made.writer.pending_samples == 0


async def test_an_event_of_a_gpu_that_nobody_declared_keeps_the_uuid_and_one_of_a_host_has_none(made: Store) -> None:
    made.tell_events("host-1", event("e1", 0, gpu_uuid="GPU-unknown"), event("e2", 1, gpu_uuid=None))
    await made.flush()
    rows = await made.rows("SELECT event_id, gpu_id, gpu_uuid FROM events ORDER BY 1")
    assert rows == [("e1", None, "GPU-unknown"), ("e2", None, None)]


async def test_an_event_of_a_host_without_an_inventory_is_kept_and_the_inventory_comes_later(made: Store) -> None:
    made.tell_events("host-2", event("e1", host="host-2"))
    await made.flush()
    made.declare("host-2", "GPU-b")
    await made.flush()
    hosts = "SELECT hosts.name, backend FROM events JOIN hosts ON hosts.id = host_id"
    assert await made.rows(hosts) == [("host-2", "nvml")]


async def test_events_and_samples_of_a_report_are_settled_together(made: Store) -> None:
    made.tell_events("host-1", event("e1"), samples=(sample("GPU-a", temperature_celsius=40),))
    await made.flush()
    assert await made.rows(STORED) == [("e1", "GPU has fallen off the bus.")]
    assert await made.rows("SELECT temperature_celsius FROM gpu_stats") == [(40,)]
    assert made.settled.refusals == [{}]


async def test_an_event_that_the_database_refuses_is_counted_and_the_others_are_stored(
    made: Store, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Event("e13", "host-1", event("e").occurred_at, "xid", "info", "nul\0")
    for number in range(20):
        made.tell_events("host-1", broken if number == 13 else event(f"e{number}"))
    await made.flush()
    assert len(await made.rows(STORED)) == 19
    assert sorted(map(str, made.settled.refusals)) == sorted(["{}"] * 19 + [str({Refusal.INVALID: 1})])
    assert made.counted("gpufleet_events_refused_total", {"reason": "invalid"}) == 1
    assert made.counted("gpufleet_samples_refused_total", {"reason": "invalid"}) == 0
    assert "is refused" in caplog.text


async def test_events_alone_fill_the_queue_as_samples_do(database_url: str) -> None:
    made = Store(database_url, max_pending_samples=3)
    assert made.tell_events("host-1", event("e1"), event("e2"))
    assert not made.tell_events("host-1", event("e3"), event("e4"))
    assert made.tell_events("host-1", event("e3"))
    assert made.writer.pending_samples == 3
    await made.database.close()


MONTH_SECONDS = 40 * 86_400
names = st.integers(0, 9)
tellings = st.lists(st.tuples(st.integers(0, 1), st.lists(names, min_size=1, max_size=6), st.booleans()), max_size=10)


async def _tell_all(dsn: str, story: list[tuple[int, list[int], bool]]) -> None:
    async with store(dsn) as one, store(dsn) as other:
        await one.rows("TRUNCATE events")
        for who, told, flush in story:
            made = (one, other)[who]
            made.tell_events("host-1", *(event(f"e{name}", name % 3 * MONTH_SECONDS) for name in told))
            if flush:
                await made.flush()
        await one.flush()
        await other.flush()
        found = [row[0] for row in await one.rows(STORED)]
        assert sorted(found) == sorted({f"e{name}" for _, told, _ in story for name in told})
        assert one.settled.refusals + other.settled.refusals == [{}] * len(story)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tellings)
def test_told_in_any_order_and_repeated_to_two_collectors_each_is_stored_once(
    database_url: str, story: list[tuple[int, list[int], bool]]
) -> None:
    run_apart(lambda: _tell_all(database_url, story))
