"""An export is read as it is taken, and no faster; whoever stops ends the reading."""

from contextlib import aclosing

import pytest

from fakes.clock import START_US
from fakes.fleet import event
from fakes.history import FakeEvents, FakeSpans, FakeStream
from gpufleet_collector.export import reading
from gpufleet_collector.export.csv_form import CsvForm
from gpufleet_collector.export.encoding import encode
from gpufleet_collector.export.reading import Reader
from gpufleet_collector.export.tables import columns_of
from gpufleet_collector.model import PlacedEvent
from gpufleet_collector.store.event_history import EventQuery
from gpufleet_collector.store.history import HistoryQuery, HistorySample

QUERY = HistoryQuery(START_US, START_US + 10, metrics=("power_watts",))


def stream(batches: int) -> FakeStream:
    made = FakeStream()
    made.found_samples = [
        [HistorySample("alpha", f"GPU-{gpu}", gpu, None, START_US + at, (1.5,)) for gpu in range(2)]
        for at in range(batches)
    ]
    return made


async def test_a_batch_is_read_when_its_piece_is_asked_for() -> None:
    source = stream(3)
    pieces = encode(CsvForm(columns_of(QUERY)), Reader(source, FakeEvents(), FakeSpans()).batches(QUERY))
    assert source.given == 0
    async with aclosing(pieces):
        first = await anext(pieces)
        assert (source.given, first.rows, first.reached) == (1, 2, START_US)
        assert first.data.count(b"\r\n") == 3
        second = await anext(pieces)
        assert (source.given, second.rows, second.reached) == (2, 4, START_US + 1)
        assert source.closed == 0
    assert (source.given, source.closed) == (2, 1)


async def test_nothing_found_is_a_header() -> None:
    pieces = encode(CsvForm(columns_of(QUERY)), Reader(stream(0), FakeEvents(), FakeSpans()).batches(QUERY))
    (piece,) = [piece async for piece in pieces]
    assert (piece.data, piece.rows, piece.reached) == (
        b"host,gpu_uuid,gpu_index,gpu_name,recorded_at,power_watts\r\n",
        0,
        None,
    )


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
async def test_pages_of_events_are_the_whole_oldest_first(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE_ROWS", 2)
    events = FakeEvents()
    events.found = [PlacedEvent(event(f"e{number}", number)) for number in reversed(range(count))]
    query = EventQuery(START_US, START_US + 10**9, oldest_first=True)
    batches = [batch async for batch in Reader(FakeStream(), events, FakeSpans()).batches(query)]
    assert [row[0] for batch in batches for row in batch.rows] == [f"e{number}" for number in range(count)]
    assert len(events.asked) == count // 2 + 1
