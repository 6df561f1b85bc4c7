"""Histories that answer with what they were given, and remember what they were asked."""

from collections.abc import AsyncGenerator, Sequence
from typing import TypeVar

from gpufleet_collector.model import PlacedEvent
from gpufleet_collector.store.event_history import EventQuery
from gpufleet_collector.store.history import HistoryBucket, HistoryQuery, HistorySample
from gpufleet_collector.store.process_history import ProcessSpan, SpanQuery
from gpufleet_collector.store.series_query import SeriesAnswer, SeriesQuery

T = TypeVar("T")


class FakeHistory:
    def __init__(self) -> None:
        self.found_samples: Sequence[HistorySample] = ()
        self.found_buckets: Sequence[HistoryBucket] = ()
        self.asked: list[HistoryQuery] = []
        self.failure: Exception | None = None

    def _ask(self, query: HistoryQuery) -> None:
        self.asked.append(query)
        if self.failure is not None:
            raise self.failure

    async def samples(self, query: HistoryQuery) -> Sequence[HistorySample]:
        self._ask(query)
        return self.found_samples[: query.limit]

    async def buckets(self, query: HistoryQuery) -> Sequence[HistoryBucket]:
        self._ask(query)
        return self.found_buckets[: query.limit]


class FakeStream:
    """Gives its batches one by one, then fails when it is to, and remembers how many were asked for."""

    def __init__(self) -> None:
        self.found_samples: Sequence[list[HistorySample]] = ()
        self.found_buckets: Sequence[list[HistoryBucket]] = ()
        self.failure: Exception | None = None
        self.asked: list[HistoryQuery] = []
        self.given = 0
        self.closed = 0

    def samples(self, query: HistoryQuery) -> AsyncGenerator[list[HistorySample], None]:
        return self._give(query, self.found_samples)

    def buckets(self, query: HistoryQuery) -> AsyncGenerator[list[HistoryBucket], None]:
        return self._give(query, self.found_buckets)

    async def _give(self, query: HistoryQuery, found: Sequence[list[T]]) -> AsyncGenerator[list[T], None]:
        self.asked.append(query)
        try:
            for batch in found:
                self.given += 1
                yield batch
            if self.failure is not None:
                raise self.failure
        finally:
            self.closed += 1


class FakeSeries:
    def __init__(self) -> None:
        self.found: SeriesAnswer | None = None
        self.asked: list[SeriesQuery] = []

    async def ask(self, query: SeriesQuery) -> SeriesAnswer:
        self.asked.append(query)
        return self.found or SeriesAnswer(query.since, query.until, query.step_us or 60_000_000, (), (), None)


class FakeEvents:
    """Its events are in order, newest first; it answers as a store does, but for the filters other than ids."""

    def __init__(self) -> None:
        self.found: list[PlacedEvent] = []
        self.asked: list[EventQuery] = []

    async def find(self, query: EventQuery) -> list[PlacedEvent]:
        self.asked.append(query)
        rest = self.found[::-1] if query.oldest_first else list(self.found)
        if query.ids:
            rest = [placed for placed in rest if placed.event.id in query.ids]
        keys = [(placed.event.occurred_at, placed.event.id) for placed in rest]
        return rest[0 if query.known is None else keys.index(query.known) + 1 :][: query.limit]


class FakeSpans:
    def __init__(self) -> None:
        self.found: list[ProcessSpan] = []
        self.asked: list[SpanQuery] = []

    async def spans(self, query: SpanQuery) -> list[ProcessSpan]:
        self.asked.append(query)
        rest = [span for span in self.found if query.after is None or span.key > query.after]
        return rest[: query.limit]
