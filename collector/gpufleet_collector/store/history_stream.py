"""The whole of a span of history, however long: every hour is read once, where pages would read it anew for each of
them, a batch at a time, and no snapshot of the database is held for long."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar

from gpufleet_collector.clock import Clock, SystemClock
from gpufleet_collector.errors import DatabaseUnavailable
from gpufleet_collector.store import history_sql
from gpufleet_collector.store.celling import parameters_of, plan_cells
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.history import (
    MOST_GPU_HOURS,
    SETTLE_US,
    Buckets,
    HistoryBucket,
    HistoryQuery,
    HistorySample,
    asked_of,
    check_size,
    fractions_of,
    page_after,
    scope_of,
    source_of,
    span_after,
    to_sample,
    windows,
)
from gpufleet_collector.store.plan import Kept, Source
from gpufleet_collector.store.question import Patience, Question, question
from gpufleet_collector.store.stored import find_stored, stored_span
from gpufleet_collector.store.times import HOUR_US

SNAPSHOT_SECONDS = 300.0
"""What is read within this time is of one moment. What takes longer goes on in a new snapshot after the last row known:
nothing that was stored all the while is missed or told twice, and vacuum and retention never wait longer. A reader who
pauses for as long loses its snapshot likewise, and nothing else."""

STATEMENT_SECONDS = 120.0
"""Of one window, whose rows are sorted before the first of them is given."""

SAMPLE_GPU_HOURS = 250
"""Hours of one GPU that one statement for samples reads, but at least one hour of all GPUs: an hour is packed whole."""

BATCH_ROWS = 1_000
"""Rows in memory at a time."""

R = TypeVar("R", HistorySample, HistoryBucket)


class HistoryStream:
    """As History, without a limit of rows. Whoever stops before the end closes the generator."""

    def __init__(self, database: Database, *, clock: Clock | None = None, kept: Kept | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()
        self._kept = kept or Kept()

    def samples(self, query: HistoryQuery) -> AsyncGenerator[list[HistorySample], None]:
        """Batches, sorted by instant and UUID; `query.limit` does not count. Raises BadRequest when too many GPUs match
        and QueryTooLong, before the first batch as a rule, and DatabaseUnavailable."""
        return self._in_snapshots(query, self._samples, lambda sample: (sample.recorded_at, sample.gpu_uuid))

    def buckets(self, query: HistoryQuery) -> AsyncGenerator[list[HistoryBucket], None]:
        """Batches, sorted by start and UUID, only buckets with samples. Raises QueryTooLong and DatabaseUnavailable."""
        return self._in_snapshots(query, self._buckets, lambda bucket: (bucket.start, bucket.gpu_uuid))

    async def _in_snapshots(
        self,
        query: HistoryQuery,
        read: Callable[[Question, HistoryQuery], AsyncGenerator[list[R], None]],
        key: Callable[[R], tuple[int, str]],
    ) -> AsyncGenerator[list[R], None]:
        patience = Patience(STATEMENT_SECONDS, SNAPSHOT_SECONDS, "export fewer GPUs or metrics at a time")
        is_over = False
        while not is_over:
            is_over, ends = True, self._clock.now().monotonic + SNAPSHOT_SECONDS
            try:
                async with question(self._database, patience) as asked, aclosing(read(asked, query)) as batches:
                    async for batch in batches:
                        yield batch
                        query = replace(query, after=key(batch[-1]))
                        if self._clock.now().monotonic >= ends:
                            is_over = False
                            break
            except DatabaseUnavailable:
                # Of a reader who paused for too long the database has ended the connection; the next one will do.
                if is_over:
                    raise

    async def _samples(self, asked: Question, query: HistoryQuery) -> AsyncGenerator[list[HistorySample], None]:
        fractions = fractions_of(query.metrics)
        span = await stored_span(asked, span_after(query), Source.SAMPLES)
        scope = await scope_of(asked, query)
        check_size(scope)
        parameters = parameters_of(scope.stays) | page_after(scope, query, None)
        for window in windows(span, scope.gpus, 1, HOUR_US, SAMPLE_GPU_HOURS):
            statement = history_sql.samples(query.metrics, window, asked.moment, after=query.after is not None)
            async with aclosing(asked.batches(statement, parameters, BATCH_ROWS)) as batches:
                async for rows in batches:
                    yield [to_sample(row, scope.stays[row["stay"] - 1], fractions) for row in rows]

    async def _buckets(self, asked: Question, query: HistoryQuery) -> AsyncGenerator[list[HistoryBucket], None]:
        step_us = query.step_us
        assert step_us is not None
        now = self._clock.now().wall_us
        source = source_of(query, step_us, now, self._kept)
        stored = await find_stored(asked, span_after(query), source, self._kept, now)
        scope = await scope_of(asked, query)
        whole = asked_of(scope, query)
        made = Buckets(query, step_us, whole, scope, now - SETTLE_US, stored)
        most = MOST_GPU_HOURS[source]
        for window in windows(stored.span, scope.gpus, 1, window_step(step_us, scope.gpus, most), most):
            celling = await plan_cells(asked, whole.stays, window, source, step_us, stored.samples_from)
            statement = history_sql.buckets(query.metrics, celling.plan, step_us, after=query.after is not None)
            parameters = parameters_of(whole.stays, celling.plan) | page_after(whole, query, None)
            async with aclosing(asked.batches(statement, parameters, BATCH_ROWS)) as batches:
                async for rows in batches:
                    yield [made.make(row, celling) for row in rows]


def window_step(step_us: int, gpus: int, most_gpu_hours: int) -> int:
    """Of what windows of buckets are multiples: whole steps, and whole hours, which are packed whole, where steps fit
    into them and not too much has to be read at once."""
    return HOUR_US if HOUR_US % step_us == 0 and gpus <= most_gpu_hours else step_us
