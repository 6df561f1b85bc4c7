"""What was stored of events and processes is found again, with the place of the GPU at that time, page by page."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from fakes.clock import START_US
from fakes.fleet import event
from fakes.storing import Store, store
from gpufleet_collector.model import Gpu, PlacedEvent, Process
from gpufleet_collector.store.event_history import EventHistory, EventQuery
from gpufleet_collector.store.process_history import ProcessHistory, ProcessSpan, SpanQuery
from gpufleet_collector.store.times import DAY_US

WEEKS = EventQuery(since=START_US - 30 * DAY_US, until=START_US + 60 * DAY_US)
SPANS = SpanQuery(since=START_US, until=START_US + 3 * DAY_US)


@pytest.fixture
async def made(database_url: str) -> AsyncIterator[Store]:
    async with store(database_url) as made:
        made.clock.advance(3600)
        made.declare("host-1", Gpu("GPU-a", index=2, name="NVIDIA H200"), Gpu("GPU-b", index=3), seconds=10)
        await made.flush()
        yield made


async def ids(made: Store, query: EventQuery) -> list[str]:
    return [placed.event.id for placed in await EventHistory(made.database).find(query)]


async def test_an_event_comes_back_as_it_was_with_the_place_of_its_gpu(made: Store) -> None:
    made.declare("host-1", Gpu("GPU-a", index=5, name="NVIDIA H200"), Gpu("GPU-b", index=3), seconds=100)
    told = [event("before", 5), event("then", 20), event("later", 200), event("unknown", 300, gpu_uuid="GPU-x")]
    made.tell_events("host-1", *told, event("host", 400, gpu_uuid=None))
    await made.flush()
    found = await EventHistory(made.database).find(WEEKS)
    assert found == [
        PlacedEvent(event("host", 400, gpu_uuid=None)),
        PlacedEvent(event("unknown", 300, gpu_uuid="GPU-x")),
        PlacedEvent(event("later", 200), 5, "NVIDIA H200"),
        PlacedEvent(event("then", 20), 2, "NVIDIA H200"),
        PlacedEvent(event("before", 5), None, "NVIDIA H200"),
    ]


async def test_filters_and_the_span(made: Store) -> None:
    made.declare("host-2", "GPU-c")
    made.tell_events("host-1", event("a", 1), event("b", 2, gpu_uuid="GPU-b"), event("none", 3, gpu_uuid=None))
    lost = replace(event("c", 4, host="host-2", gpu_uuid="GPU-c"), kind="gpu_lost", severity="warning")
    made.tell_events("host-2", lost)
    await made.flush()
    assert await ids(made, WEEKS) == ["c", "none", "b", "a"]
    assert await ids(made, replace(WEEKS, hosts=("host-2", "nobody"))) == ["c"]
    assert await ids(made, replace(WEEKS, hosts=("nobody",))) == []
    assert await ids(made, replace(WEEKS, gpu_uuids=("GPU-b", "GPU-c"))) == ["c", "b"]
    assert await ids(made, replace(WEEKS, kinds=("xid",), gpu_uuids=("GPU-a", "GPU-c"))) == ["a"]
    assert await ids(made, replace(WEEKS, severities=("warning", "info"))) == ["c"]
    assert await ids(made, EventQuery(START_US + 2_000_000, START_US + 4_000_000)) == ["none", "b"]


async def test_pages_go_by_instant_and_id_over_months(made: Store) -> None:
    told = [event(f"e{number:02}", number // 3 * 86_400 * 9) for number in range(14)]
    made.tell_events("host-1", *told)
    await made.flush()
    found: list[str] = []
    before: tuple[int, str] | None = None
    while page := await EventHistory(made.database).find(replace(WEEKS, limit=4, known=before)):
        found += [placed.event.id for placed in page]
        before = (page[-1].event.occurred_at, page[-1].event.id)
    assert found == [f"e{number:02}" for number in range(13, -1, -1)]


TRAINING = Process("GPU-a", 100, START_US, "python train.py", 4096, 97)


@pytest.fixture
async def running(made: Store) -> None:
    for seconds in (20, 80, 86_400 + 5):
        made.tell_processes("host-1", seconds, TRAINING, Process("GPU-b", 7))
        await made.flush()
    made.tell_processes("host-1", 86_400 + 15, Process("GPU-b", 7))
    await made.flush()


async def keys(made: Store, query: SpanQuery) -> list[tuple[int, str, int]]:
    spans = await ProcessHistory(made.database).spans(query)
    return [((span.first_seen - START_US) // 1_000_000, span.process.gpu_uuid, span.process.pid) for span in spans]


@pytest.mark.usefixtures("running")
async def test_a_process_comes_back_as_it_was(made: Store) -> None:
    (first, *_) = await ProcessHistory(made.database).spans(SPANS)
    begin, end = START_US + 20_000_000, START_US + 80_000_000
    expected = ProcessSpan(first.key, "host-1", 2, "NVIDIA H200", TRAINING, begin, end, 4096)
    assert first == expected
    assert first.key[::2] == (begin, 100)


@pytest.mark.usefixtures("running")
async def test_spans_that_were_seen_within_the_time_are_found(made: Store) -> None:
    today, tomorrow = [(20, "GPU-a", 100), (20, "GPU-b", 7)], [(86_405, "GPU-a", 100), (86_405, "GPU-b", 7)]
    assert await keys(made, SPANS) == today + tomorrow
    assert await keys(made, replace(SPANS, since=START_US + 80_000_000, until=START_US + 90_000_000)) == today
    assert await keys(made, replace(SPANS, since=START_US + 81_000_000, until=START_US + 90_000_000)) == []
    assert await keys(made, replace(SPANS, since=START_US + DAY_US + 10_000_000)) == tomorrow[1:]
    assert await keys(made, replace(SPANS, gpu_uuids=("GPU-b", "GPU-x"))) == [today[1], tomorrow[1]]
    assert await keys(made, replace(SPANS, gpu_indexes=(2, 9))) == [today[0], tomorrow[0]]
    assert await keys(made, replace(SPANS, hosts=("host-1",), limit=1)) == today[:1]
    assert await keys(made, replace(SPANS, hosts=("nobody",))) == []


@pytest.mark.usefixtures("running")
async def test_pages_of_processes_go_by_key(made: Store) -> None:
    found: list[tuple[int, int, int]] = []
    after: tuple[int, int, int] | None = None
    while page := await ProcessHistory(made.database).spans(replace(SPANS, limit=3, after=after)):
        found += [span.key for span in page]
        after = found[-1]
    assert found == sorted(set(found))
    assert len(found) == 4
