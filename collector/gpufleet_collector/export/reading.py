"""The rows of an export, oldest first, a batch at a time: nothing is read before it is asked for."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from gpufleet_collector.export import tables
from gpufleet_collector.export.columns import Batch, Row
from gpufleet_collector.export.tables import Query
from gpufleet_collector.model import PlacedEvent
from gpufleet_collector.store.event_history import EventQuery
from gpufleet_collector.store.history import HistoryBucket, HistoryQuery, HistorySample
from gpufleet_collector.store.process_history import ProcessSpan, SpanQuery

PAGE_ROWS = 1_000
"""Events and processes, of which there are few, are read page by page, each page a question of its own."""

T = TypeVar("T")
Q = TypeVar("Q", EventQuery, SpanQuery)


class SampleStream(Protocol):
    """Part of `HistoryStream`."""

    def samples(self, query: HistoryQuery) -> AsyncGenerator[list[HistorySample], None]: ...
    def buckets(self, query: HistoryQuery) -> AsyncGenerator[list[HistoryBucket], None]: ...


class EventPages(Protocol):
    """Part of `EventHistory`."""

    async def find(self, query: EventQuery) -> list[PlacedEvent]: ...


class ProcessPages(Protocol):
    """Part of `ProcessHistory`."""

    async def spans(self, query: SpanQuery) -> list[ProcessSpan]: ...


@dataclass(frozen=True, slots=True)
class Reader:
    stream: SampleStream
    events: EventPages
    processes: ProcessPages

    def batches(self, query: Query) -> AsyncGenerator[Batch, None]:
        """None of them empty. Whoever stops before the end closes the generator. Raises as those who read."""
        if isinstance(query, EventQuery):
            events = _pages(self.events.find, query, _after_event)
            return _batches(events, tables.event_row, lambda placed: placed.event.occurred_at)
        if isinstance(query, SpanQuery):
            spans = _pages(self.processes.spans, query, _after_span)
            return _batches(spans, tables.process_row, lambda span: span.first_seen)
        if query.step_us is None:
            return _batches(self.stream.samples(query), tables.sample_row, lambda sample: sample.recorded_at)
        return _batches(self.stream.buckets(query), tables.bucket_row, lambda bucket: bucket.start)


async def _batches(
    found: AsyncGenerator[list[T], None], to_row: Callable[[T], Row], instant_of: Callable[[T], int]
) -> AsyncGenerator[Batch, None]:
    async with aclosing(found):
        async for some in found:
            yield Batch([to_row(one) for one in some], instant_of(some[-1]))


async def _pages(
    find: Callable[[Q], Awaitable[Sequence[T]]], query: Q, following: Callable[[Q, T], Q]
) -> AsyncGenerator[list[T], None]:
    query = replace(query, limit=PAGE_ROWS)
    while page := list(await find(query)):
        yield page
        if len(page) < PAGE_ROWS:
            return
        query = following(query, page[-1])


def _after_event(query: EventQuery, last: PlacedEvent) -> EventQuery:
    return replace(query, known=(last.event.occurred_at, last.event.id))


def _after_span(query: SpanQuery, last: ProcessSpan) -> SpanQuery:
    return replace(query, after=last.key)
