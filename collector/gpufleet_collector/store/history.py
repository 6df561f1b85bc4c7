"""What GPUs did, read back: sample by sample or in buckets of time, always a bounded number, oldest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.clock import Clock, SystemClock
from gpufleet_collector.errors import BadRequest
from gpufleet_collector.store import history_sql
from gpufleet_collector.store.asking import asking
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.partitions import GPU_STATS
from gpufleet_collector.store.scope import Scope, Stay, find_scope
from gpufleet_collector.store.times import HOUR_US, SECOND_US, to_datetime, to_us
from gpufleet_proto.catalog import BY_NAME, Metric

MAX_GPUS = 1_000
"""GPUs that one question for samples may match."""

SETTLE_US = 15 * SECOND_US
"""How long after its end a bucket may still get samples that were on their way."""

FIRST_WINDOW_US = 60 * SECOND_US
WINDOW_GROWTH = 8
"""Rows are looked for in windows of time, each so many times longer than the one before ..."""
MOST_GPU_HOURS = 1_000
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
    largest) in the order of the query's metrics. `host` is the last one in the bucket. `complete` says that the bucket
    lies within the question and gets no further samples, but late ones."""

    host: str | None
    gpu_uuid: str
    gpu_index: int | None
    start: int
    count: int
    complete: bool
    values: tuple[tuple[float, float, float] | None, ...]


class History:
    """Questions about the past. An unknown host or GPU has none: the answer is empty."""

    def __init__(self, database: Database, *, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    async def samples(self, query: HistoryQuery) -> list[HistorySample]:
        """At most `query.limit`, sorted by instant and UUID. Raises BadRequest when too many GPUs match, QueryTooLong
        when the database takes longer than `asking` allows, DatabaseUnavailable."""
        metrics = [BY_NAME[name] for name in query.metrics]
        async with asking(self._database) as connection:
            span = await _stored_span(connection, query)
            scope = await _scope(connection, query)
            _check_size(scope)
            found: list[HistorySample] = []
            for since, until in windows(span, scope.gpus, query.limit, 1):
                statement = history_sql.samples(query.metrics, since, until)
                parameters = _parameters(scope, query, query.limit - len(found))
                rows = await connection.execute(text(statement), parameters)
                found += [_sample(row, scope.stays[row.stay - 1], metrics) for row in rows]
                if len(found) >= query.limit:
                    break
            return found

    async def buckets(self, query: HistoryQuery) -> list[HistoryBucket]:
        """At most `query.limit`, sorted by start and UUID, and only those with samples. Raises QueryTooLong and
        DatabaseUnavailable."""
        assert query.step_us is not None
        metrics = [BY_NAME[name] for name in query.metrics]
        last = min(query.until, self._clock.now().wall_us - SETTLE_US) - query.step_us
        async with asking(self._database) as connection:
            span = await _stored_span(connection, query)
            scope = await _scope(connection, query)
            found: list[HistoryBucket] = []
            for since, until in windows(span, scope.gpus, query.limit, query.step_us):
                statement = history_sql.buckets(query.metrics, since, until, query.step_us)
                parameters = _parameters(scope, query, query.limit - len(found))
                rows = await connection.execute(text(statement), parameters)
                found += [_bucket(row, scope.stays[row.stay - 1], metrics, query.since, last) for row in rows]
                if len(found) >= query.limit:
                    break
            return found


def windows(span: tuple[int, int], gpus: int, limit: int, step_us: int) -> Iterator[tuple[int, int]]:
    """[since, until) cut into windows that begin and end at multiples of the step, each longer than the one before up
    to a bound, so that the first rows are found without reading them all."""
    since, until = span
    if gpus == 0:
        return
    width = max(FIRST_WINDOW_US, step_us, limit * max(step_us, SECOND_US) // gpus)
    longest = max(step_us, MOST_GPU_HOURS * HOUR_US // gpus)
    while since < until:
        end = min(until, (since + min(width, longest)) // step_us * step_us)
        yield since, end
        since, width = end, width * WINDOW_GROWTH


async def _stored_span(connection: AsyncConnection, query: HistoryQuery) -> tuple[int, int]:
    """What is left of the query's span after its cursor, within the hours that have a partition."""
    hours = await GPU_STATS.stored(connection)
    since = query.since if query.after is None else max(query.since, query.after[0])
    return max(since, hours.start * HOUR_US), min(query.until, hours.stop * HOUR_US)


async def _scope(connection: AsyncConnection, query: HistoryQuery) -> Scope:
    return await find_scope(
        connection,
        host_names=query.hosts,
        gpu_uuids=query.gpu_uuids,
        gpu_indexes=query.gpu_indexes,
        since=query.since,
        until=query.until,
    )


def _check_size(scope: Scope) -> None:
    if scope.gpus > MAX_GPUS:
        raise BadRequest(
            "gpu_uuid",
            f"{scope.gpus} GPUs match and at most {MAX_GPUS} may: say which with host, gpu_uuid or gpu_index, "
            "or ask for buckets with step",
        )


def _parameters(scope: Scope, query: HistoryQuery, limit: int) -> dict[str, Any]:
    after_at, after_uuid = query.after or (query.since - 1, "")
    return {
        "gpu_ids": [stay.gpu_id for stay in scope.stays],
        "sinces": [to_datetime(stay.since) for stay in scope.stays],
        "untils": [to_datetime(stay.until) for stay in scope.stays],
        "after_at": to_datetime(after_at),
        "after_stay": scope.first_after(after_uuid),
        "row_limit": limit,
    }


def _sample(row: Row[Any], stay: Stay, metrics: Sequence[Metric]) -> HistorySample:
    found: Sequence[float | None] = row[2:]
    values = tuple(None if value is None else metric.round(value) for metric, value in zip(metrics, found, strict=True))
    return HistorySample(stay.host, stay.gpu_uuid, stay.gpu_index, stay.gpu_name, to_us(row.recorded_at), values)


def _bucket(row: Row[Any], stay: Stay, metrics: Sequence[Metric], first: int, last: int) -> HistoryBucket:
    start = to_us(row.start)
    values = tuple(_summary(metric, row[at : at + 3]) for at, metric in zip(count(3, 3), metrics, strict=False))
    return HistoryBucket(stay.host, stay.gpu_uuid, stay.gpu_index, start, row.samples, first <= start <= last, values)


def _summary(metric: Metric, found: Sequence[Any]) -> tuple[float, float, float] | None:
    average, smallest, largest = found
    if average is None:
        return None
    digits = len(str(metric.steps_per_unit)) - 1 + AVERAGE_DIGITS
    return round(average, digits), metric.round(smallest), metric.round(largest)
