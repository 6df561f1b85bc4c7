"""What GPUs did, read back: sample by sample or in buckets of time, always a bounded number, oldest first."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gpufleet_collector.clock import Clock, SystemClock
from gpufleet_collector.errors import TooMuch
from gpufleet_collector.store import history_sql
from gpufleet_collector.store.celling import Celling, parameters_of, plan_cells
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.parts import Span
from gpufleet_collector.store.plan import Kept, Source, first_kept, sources_of_step
from gpufleet_collector.store.question import Question, question
from gpufleet_collector.store.scope import Scope, Stay, find_scope
from gpufleet_collector.store.stored import Stored, find_stored, stored_span
from gpufleet_collector.store.times import HOUR_US, SECOND_US, to_datetime, to_us
from gpufleet_proto.catalog import BY_NAME, Metric

MAX_GPUS = 1_000
"""GPUs that one question for samples may match."""

SETTLE_US = 15 * SECOND_US
"""How long after its end a bucket may still get samples that were on their way."""

FIRST_WINDOW_US = 60 * SECOND_US
WINDOW_GROWTH = 8
"""Rows are looked for in windows of time, each so many times longer than the one before ..."""
MOST_GPU_HOURS = {Source.SAMPLES: 1_000, Source.FIVE_MINUTES: 10_000, Source.HOURS: 100_000}
"""... up to so many hours of one GPU."""

AVERAGE_DIGITS = 3
"""Decimals of an average beyond those of the metric."""


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Samples of [since, until), microseconds; empty filters match all. By host or index means the placement at that
    instant. `after` is the key of the last row already known: instant or start of the bucket, and UUID. With `step_us`,
    buckets of that length."""

    since: int
    until: int
    hosts: tuple[str, ...] = ()
    gpu_uuids: tuple[str, ...] = ()
    gpu_indexes: tuple[int, ...] = ()
    metrics: tuple[str, ...] = ()
    limit: int = 1000
    after: tuple[int, str] | None = None
    step_us: int | None = None


@dataclass(frozen=True, slots=True)
class HistorySample:
    """One GPU at one instant, and where it was then; `values` in the order of the query's metrics. Host and index are
    None when no host declared the GPU at that instant."""

    host: str | None
    gpu_uuid: str
    gpu_index: int | None
    gpu_name: str | None
    recorded_at: int
    values: tuple[int | float | None, ...]


@dataclass(frozen=True, slots=True)
class HistoryBucket:
    """One GPU over one step from `start`, a multiple of the step since the epoch; `values` are (average, smallest,
    largest) in the order of the query's metrics. `host` is the last one that had the GPU in that time. `complete` says
    that the bucket lies within the question and gets no further samples, but late ones, that all late ones that came by
    now are in it, and that retention has dropped nothing of it."""

    host: str | None
    gpu_uuid: str
    gpu_index: int | None
    start: int
    count: int
    complete: bool
    values: tuple[tuple[float, float, float] | None, ...]


class History:
    """Questions about the past. An unknown host or GPU has none: the answer is empty."""

    def __init__(self, database: Database, *, clock: Clock | None = None, kept: Kept | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()
        self._kept = kept or Kept()

    async def samples(self, query: HistoryQuery) -> list[HistorySample]:
        """At most `query.limit`, sorted by instant and UUID. Raises TooMuch when too many GPUs match, QueryTooLong
        when the database takes longer than `asking` allows, DatabaseUnavailable."""
        fractions = fractions_of(query.metrics)
        async with question(self._database) as asked:
            span = await stored_span(asked, span_after(query), Source.SAMPLES)
            scope = await scope_of(asked, query)
            check_size(scope)
            found: list[HistorySample] = []
            for window in windows(span, scope.gpus, query.limit, 1):
                parameters = parameters_of(scope.stays) | page_after(scope, query, query.limit - len(found))
                statement = history_sql.samples(query.metrics, window, asked.moment, after=query.after is not None)
                rows = await asked.fetch(statement, parameters)
                found += [to_sample(row, scope.stays[row["stay"] - 1], fractions) for row in rows]
                if len(found) >= query.limit:
                    break
            return found

    async def buckets(self, query: HistoryQuery) -> list[HistoryBucket]:
        """At most `query.limit`, sorted by start and UUID, and only those with samples, from the cheapest table that
        can answer; the figures are the same whichever it is. Raises QueryTooLong and DatabaseUnavailable."""
        step_us = query.step_us
        assert step_us is not None
        now = self._clock.now().wall_us
        source = source_of(query, step_us, now, self._kept)
        async with question(self._database) as asked:
            stored = await find_stored(asked, span_after(query), source, self._kept, now)
            scope = await scope_of(asked, query)
            whole = asked_of(scope, query)
            made = Buckets(query, step_us, whole, scope, now - SETTLE_US, stored)
            found: list[HistoryBucket] = []
            for window in windows(stored.span, scope.gpus, query.limit, step_us, MOST_GPU_HOURS[source]):
                celling = await plan_cells(asked, whole.stays, window, source, step_us, stored.samples_from)
                statement = history_sql.buckets(query.metrics, celling.plan, step_us, after=query.after is not None)
                page = page_after(whole, query, query.limit - len(found))
                rows = await asked.fetch(statement, parameters_of(whole.stays, celling.plan) | page)
                found += [made.make(row, celling) for row in rows]
                if len(found) >= query.limit:
                    break
            return found


def windows(
    span: Span, gpus: int, limit: int, step_us: int, most_gpu_hours: int = MOST_GPU_HOURS[Source.SAMPLES]
) -> Iterator[Span]:
    """[since, until) cut into windows that begin and end at multiples of the step, each longer than the one before up
    to a bound, so that the first rows are found without reading them all."""
    since, until = span
    if gpus == 0:
        return
    width = max(FIRST_WINDOW_US, step_us, limit * max(step_us, SECOND_US) // gpus)
    longest = max(step_us, most_gpu_hours * HOUR_US // gpus)
    while since < until:
        end = min(until, (since + min(width, longest)) // step_us * step_us)
        yield since, end
        since, width = end, width * WINDOW_GROWTH


def source_of(query: HistoryQuery, step_us: int, now: int, kept: Kept) -> Source:
    """The same for every page, whose figures are the same whichever it is."""
    return first_kept(sources_of_step(step_us), query.since, now, kept)


def span_after(query: HistoryQuery) -> Span:
    """What is left of the query's span after its cursor."""
    return query.since if query.after is None else max(query.since, query.after[0]), query.until


async def scope_of(asked: Question, query: HistoryQuery) -> Scope:
    return await find_scope(
        asked,
        host_names=query.hosts,
        gpu_uuids=query.gpu_uuids,
        gpu_indexes=query.gpu_indexes,
        since=query.since,
        until=query.until,
    )


def asked_of(scope: Scope, query: HistoryQuery) -> Scope:
    """The stays whose samples make buckets: not asked by place, a bucket has the whole time of its GPU in it."""
    return scope if query.hosts or query.gpu_indexes else scope.whole(query.since, query.until)


def check_size(scope: Scope) -> None:
    if scope.gpus > MAX_GPUS:
        raise TooMuch(
            "gpu_uuid",
            f"{scope.gpus} GPUs match and at most {MAX_GPUS} may: say which with host, gpu_uuid or gpu_index, "
            "or ask for buckets with step",
        )


def page_after(scope: Scope, query: HistoryQuery, limit: int | None) -> dict[str, object]:
    """Parameters: after which row to go on, and how many more; None for all."""
    after_at, after_uuid = query.after or (query.since - (query.step_us or 0) - 1, "")
    return {
        "after_at": to_datetime(after_at),
        "after_stay": scope.first_after(after_uuid),
        "row_limit": limit,
    }


def fractions_of(metrics: Sequence[str]) -> list[int]:
    """Steps of the resolution that make one unit; 0 for metrics whose values are whole and stored as such."""
    return [0 if BY_NAME[name].is_whole else BY_NAME[name].steps_per_unit for name in metrics]


def to_sample(row: Sequence[Any], stay: Stay, fractions: Sequence[int]) -> HistorySample:
    """Rounded to what was stored before it became a float of 32 bits."""
    recorded_at, _, *found = row
    values = tuple(
        [
            value if value is None or not steps else round(value * steps) / steps
            for steps, value in zip(fractions, found, strict=True)
        ]
    )
    return HistorySample(stay.host, stay.gpu_uuid, stay.gpu_index, stay.gpu_name, to_us(recorded_at), values)


Summary = Callable[[float | None, float, float], tuple[float, float, float] | None]
"""From average, smallest and largest as stored to what is shown."""


class Buckets:
    """What is made of the rows that answer a query. A page has up to 10,000 of them."""

    def __init__(
        self,
        query: HistoryQuery,
        step_us: int,
        whole: Scope,
        places: Scope,
        settled: int,
        stored: Stored,
    ) -> None:
        """`whole` is `asked_of` the scope `places`; nothing more is on its way for the time before `settled`."""
        self._step_us = step_us
        self._columns = list(enumerate(_summary(BY_NAME[name]) for name in query.metrics))
        self._asked_of = whole.stays
        self._places = places
        self._complete = max(query.since, stored.whole_from), min(query.until, settled) - step_us

    def make(self, row: Sequence[Any], celling: Celling) -> HistoryBucket:
        start, number, samples = row[:_FIRST_SUMMARY]
        gpu = self._asked_of[number - 1]
        span = start, start + self._step_us
        place = self._places.last_place(gpu, span)
        values = []
        for column, summary in self._columns:
            at = _FIRST_SUMMARY + 3 * column
            values.append(summary(row[at], row[at + 1], row[at + 2]))
        first, last = self._complete
        complete = first <= start <= last and not celling.is_missing(gpu.gpu_id, span)
        return HistoryBucket(place.host, gpu.gpu_uuid, place.gpu_index, start, samples, complete, tuple(values))


_FIRST_SUMMARY = 3
"""Columns of a row before those of the metrics."""


def _summary(metric: Metric) -> Summary:
    """Whole numbers are stored as such; what is stored as a float of 32 bits is rounded to what it was."""
    digits = len(str(metric.steps_per_unit)) - 1 + AVERAGE_DIGITS
    steps = metric.steps_per_unit

    def of_whole(average: float | None, smallest: float, largest: float) -> tuple[float, float, float] | None:
        return None if average is None else (round(average, digits), smallest, largest)

    def of_parts(average: float | None, smallest: float, largest: float) -> tuple[float, float, float] | None:
        if average is None:
            return None
        return round(average, digits), round(smallest * steps) / steps, round(largest * steps) / steps

    return of_whole if metric.is_whole else of_parts
