"""Reads series of groups of GPUs out of cells of single GPUs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import Any

import numpy as np

from gpufleet_collector.store import series_sql
from gpufleet_collector.store.celling import Celling, parameters_of, plan_cells
from gpufleet_collector.store.groups import Groups
from gpufleet_collector.store.parts import Span
from gpufleet_collector.store.plan import CELL_US, PERCENTILES, Aggregation, Source
from gpufleet_collector.store.question import Question
from gpufleet_collector.store.series_query import Incomplete, Series, Settled
from gpufleet_collector.store.times import HOUR_US
from gpufleet_proto.catalog import BY_NAME, Kind

MOST_RECENT_GPU_HOURS = 5_000
"""Hours of GPUs not packed yet that are computed from samples; more are left out, and it is said."""

LOOKBACK_US = HOUR_US
"""How long before the first step a counter's last value is looked for."""

AVERAGE_DIGITS = 3
"""Decimals of a computed value beyond those of the metric."""

Found = dict[tuple[str, str, str], Series]
"""By key of the group, metric and aggregation."""


@dataclass(slots=True)
class GroupReader:
    """Reads metrics of groups from one source, which has no samples any more before `samples_from`; `incomplete` is
    what it learns on the way."""

    database: Question
    asked: Settled
    groups: Groups
    source: Source
    samples_from: int = 0
    incomplete: set[Incomplete] = field(default_factory=set)

    async def read(self, metrics: Sequence[str]) -> Found:
        if not self.groups.keys:
            return {}
        found: Found = {}
        counters = [name for name in metrics if BY_NAME[name].kind is Kind.COUNTER]
        gauges = [name for name in metrics if name not in counters]
        kinds = self.asked.query.aggregations
        simple = [kind for kind in kinds if kind not in PERCENTILES]
        percentiles = [kind for kind in kinds if kind in PERCENTILES]
        if gauges and simple:
            found |= await self._gauges(gauges, simple)
        if gauges and percentiles:
            found |= await self._percentiles(gauges, percentiles)
        for name in counters:
            found |= await self._counter(name, kinds)
        return found

    async def _gauges(self, metrics: Sequence[str], kinds: Sequence[Aggregation]) -> Found:
        celling = await self._plan(self._span())
        statement = series_sql.of_gauges(
            metrics, kinds, celling.plan, self.asked.step_us, instances=self.groups.instances
        )
        return self._made(await self._fetch(statement, celling), metrics, kinds, CELL_US.get(self.source))

    async def _percentiles(self, metrics: Sequence[str], kinds: Sequence[Aggregation]) -> Found:
        span, step_us = self._span(), self.asked.step_us
        if self.source is Source.SAMPLES:
            statement = series_sql.of_sample_percentiles(metrics, kinds, span, self.database.moment, step_us)
            rows = await self.database.fetch(statement, group_parameters(self.groups))
            return self._made(rows, metrics, kinds, None)
        celling = await self._plan(span)
        statement = series_sql.of_percentiles(metrics, kinds, celling.plan, step_us, instances=self.groups.instances)
        return self._made(await self._fetch(statement, celling), metrics, kinds, celling.plan.cell_us)

    async def _counter(self, metric: str, kinds: Sequence[Aggregation]) -> Found:
        span = self._span()
        celling = await self._plan((max(0, span[0] - LOOKBACK_US), span[1]), looking_back=True)
        statement = series_sql.of_counter(
            metric, kinds, celling.plan, span, self.asked.step_us, instances=self.groups.instances
        )
        return self._made(await self._fetch(statement, celling), (metric,), kinds, None)

    def _span(self) -> Span:
        """Of the question, without what is not packed where that is too much to be computed now."""
        since, until = self.asked.span
        packed = self.database.moment.packed_until
        recent_hours = -(-(min(until, self.asked.now) - max(since, packed)) // HOUR_US)
        if self.source is Source.SAMPLES or recent_hours * self.groups.gpus <= MOST_RECENT_GPU_HOURS:
            return since, until
        begin = max(since, packed)
        self.incomplete.add(Incomplete(begin, until, "not_packed"))
        return since, begin

    async def _plan(self, span: Span, *, looking_back: bool = False) -> Celling:
        stays = self.groups.stays
        if looking_back:
            stays = [replace(stay, since=span[0]) if stay.since == self.asked.span[0] else stay for stay in stays]
        celling = await plan_cells(self.database, stays, span, self.source, self.asked.step_us, self.samples_from)
        self.incomplete.update(_missing(celling, self.asked))
        return celling

    async def _fetch(self, statement: str, celling: Celling) -> list[Any]:
        return await self.database.fetch(statement, group_parameters(self.groups, celling))

    def _made(
        self, rows: Sequence[Any], metrics: Sequence[str], kinds: Sequence[Aggregation], cell_us: int | None
    ) -> Found:
        found: Found = {}
        for row in rows:
            number, starts, *columns = row
            key, described = self.groups.keys[number - 1], self.groups.described[number - 1]
            names = [(metric, kind) for metric in metrics for kind in kinds]
            for (metric, kind), values in zip(names, columns, strict=True):
                points = known(metric, starts, values)
                if points[0]:
                    found[key, metric, kind] = Series(described, metric, kind, self.source, cell_us, *points)
        return found


def group_parameters(groups: Groups, celling: Celling | None = None) -> dict[str, object]:
    """The stays are those of the plan, which may begin earlier than those of the groups."""
    stays = groups.stays if celling is None else celling.stays
    return parameters_of(stays, None if celling is None else celling.plan) | {
        "numbers": list(range(1, len(groups.stays) + 1)),
        "group_numbers": list(groups.numbers),
        "parent_ids": list(groups.parents),
    }


def known(metric: str, starts: Sequence[int], values: Sequence[float | None]) -> tuple[Sequence[int], list[float]]:
    """The points that have a value, rounded to a little more than the metric is."""
    digits = len(str(BY_NAME[metric].steps_per_unit)) - 1 + AVERAGE_DIGITS
    column = np.array(values, np.float64)  # None becomes NaN
    is_known = column == column
    rounded: list[float] = np.round(column[is_known], digits).tolist()
    return (starts if is_known.all() else list(compress(starts, is_known.tolist()))), rounded


def _missing(celling: Celling, asked: Settled) -> Iterator[Incomplete]:
    if celling.all_unmerged and celling.plan.parts.rolled is not None:
        yield Incomplete(*celling.plan.parts.rolled, "late")
    for cells, reason in ((celling.unmerged, "late"), (celling.lost, "dropped")):
        for start in {start // asked.step_us * asked.step_us for _, start in cells}:
            yield Incomplete(start, start + asked.step_us, reason)
