"""Histories that answer with what they were given, and remember what they were asked."""

from collections.abc import Sequence

from gpufleet_collector.model import PlacedEvent
from gpufleet_collector.store.event_history import EventQuery
from gpufleet_collector.store.history import HistoryBucket, HistoryQuery, HistorySample
from gpufleet_collector.store.process_history import ProcessSpan, SpanQuery
from gpufleet_collector.store.series_query import SeriesAnswer, SeriesQuery


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


class FakeSeries:
    def __init__(self) -> None:
        self.found: SeriesAnswer | None = None
        self.asked: list[SeriesQuery] = []

    async def ask(self, query: SeriesQuery) -> SeriesAnswer:
        self.asked.append(query)
        return self.found or SeriesAnswer(query.since, query.until, query.step_us or 60_000_000, (), (), None)


class FakeEvents:
    """Its events are in order; it answers as a store does, but for the filters."""

    def __init__(self) -> None:
        self.found: list[PlacedEvent] = []
        self.asked: list[EventQuery] = []

    async def find(self, query: EventQuery) -> list[PlacedEvent]:
        self.asked.append(query)
        before = query.before or (2**62, "")
        rest = [placed for placed in self.found if (placed.event.occurred_at, placed.event.id) < before]
        return rest[: query.limit]


class FakeSpans:
    def __init__(self) -> None:
        self.found: list[ProcessSpan] = []
        self.asked: list[SpanQuery] = []

    async def spans(self, query: SpanQuery) -> list[ProcessSpan]:
        self.asked.append(query)
        rest = [span for span in self.found if query.after is None or span.key > query.after]
        return rest[: query.limit]
