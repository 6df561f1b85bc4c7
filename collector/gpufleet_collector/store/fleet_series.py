"""Reads series of the fleet, its models and its labels out of minutes that are summed over GPUs already."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gpufleet_collector.errors import BadRequest
from gpufleet_collector.store import late_sql, minutes_sql
from gpufleet_collector.store.celling import Celling
from gpufleet_collector.store.cells_sql import CellPlan
from gpufleet_collector.store.gaps import first_outside, length, longest, recent_span
from gpufleet_collector.store.groups import Groups, describe_value
from gpufleet_collector.store.parts import Parts, Span
from gpufleet_collector.store.plan import CELL_US, MINUTE_US, MOST_GPU_HOURS, Source
from gpufleet_collector.store.question import Question
from gpufleet_collector.store.series_query import MOST_POINTS, Incomplete, Series, Settled
from gpufleet_collector.store.series_reading import Found, group_parameters, known
from gpufleet_collector.store.times import HOUR_US, SECOND_US, to_datetime, to_us
from gpufleet_proto.catalog import BY_NAME, Kind

MOST_RECENT_GPU_HOURS = 100
"""Hours of GPUs not packed yet that are computed from samples; of more there are estimates ..."""
MOST_GAP_GPU_HOURS = MOST_GPU_HOURS
"""... but in gaps, where there are none; of more nothing is told until it is packed."""
MOST_GAP_GPUS = 5_000
"""To know where they were costs as well."""
MOST_GAPS = 10
"""That are computed; the shorter ones are left out."""


@dataclass(slots=True)
class FleetReader:
    """`groups` are needed for what is computed from samples; without them estimates are taken. In `gaps` there are
    none."""

    database: Question
    asked: Settled
    groups: Groups | None
    gaps: Sequence[Span] = ()
    incomplete: set[Incomplete] = field(default_factory=set)

    async def read(self, metrics: Sequence[str]) -> Found:
        query = self.asked.query
        since, until = self.asked.span
        recent = self._plan(metrics)
        statement = minutes_sql.of_minutes(
            metrics,
            query.aggregations,
            self.asked.step_us,
            scope=query.group_by,
            models=bool(query.models),
            recent=None if recent is None else recent.plan,
            instances=self.groups is not None and self.groups.instances,
        )
        parameters: dict[str, object] = {
            "scope": query.group_by,
            "key": query.label or "",
            "since": to_datetime(since),
            "until": to_datetime(until),
            "values": list(query.models),
        }
        if recent is not None and self.groups is not None:
            parameters |= group_parameters(self.groups, recent)
            parameters |= {"group_values": list(self.groups.keys)}
            if recent.plan.parts.raw == self._whole:
                parameters |= {"until": to_datetime(self._whole[0][0])}
        rows = await self.database.fetch(statement, parameters)
        self._check_size(rows)
        self._note_recent(() if recent is None else recent.plan.parts.raw)
        await self._note(rows)
        return self._made(rows, metrics)

    def _plan(self, metrics: Sequence[str]) -> Celling | None:
        """Of what is computed from samples: all that is not packed yet, where it is little, else the gaps in it."""
        if self.groups is None or any(BY_NAME[name].kind is Kind.COUNTER for name in metrics):
            return None
        recent = self._recent
        if recent is None:
            return None
        raw = self._whole
        if -(-(recent[1] - recent[0]) // HOUR_US) * self.groups.gpus > MOST_RECENT_GPU_HOURS:
            raw = tuple(longest(self.gaps, MOST_GAPS))
            if not raw or length(raw) * self.groups.gpus > MOST_GAP_GPU_HOURS * HOUR_US:
                return None
        plan = CellPlan(Source.SAMPLES, MINUTE_US, Parts(None, raw), self.database.moment)
        return Celling(plan, self.groups.stays)

    @property
    def _recent(self) -> Span | None:
        return recent_span(self.asked.span, self.database.moment.packed_until, self.asked.now)

    @property
    def _whole(self) -> tuple[Span, ...]:
        """All that is not packed: clocks of agents may be ahead."""
        since, until = self.asked.span
        return ((max(since, self.database.moment.packed_until), until),)

    def _note_recent(self, computed: Sequence[Span]) -> None:
        """What is told of minutes from live values, and what is left out for want of them."""
        recent = self._recent
        if recent is None or computed == self._whole:
            return
        self.incomplete |= {Incomplete(*gap, "not_packed") for gap in self.gaps if gap not in computed}
        estimated = first_outside(self.gaps, recent)
        if estimated < recent[1]:
            self.incomplete.add(Incomplete(estimated, self.asked.span[1], "estimated"))

    def _check_size(self, rows: Sequence[Any]) -> None:
        query = self.asked.query
        points = sum(row["points"] for row in rows)
        if points * len(query.metrics) * len(query.aggregations) > MOST_POINTS:
            raise BadRequest(
                "step", f"would make more than {MOST_POINTS} points: ask for a longer step, fewer metrics or less time"
            )

    async def _note(self, rows: Sequence[Any]) -> None:
        """What else is not final in these rows."""
        estimated = [row["estimated"] for row in rows if row["estimated"] is not None]
        since, until = self.asked.span
        if estimated:
            self.incomplete.add(Incomplete(min(estimated) * SECOND_US, until, "estimated"))
        last = min(until, self.database.moment.packed_until)
        if self.database.moment.has_late and since < last:
            late = await self.database.fetch(late_sql.late_hours((since, last)), {})
            self.incomplete.update(_late(late, (since, last)))

    def _made(self, rows: Sequence[Any], metrics: Sequence[str]) -> Found:
        query, found = self.asked.query, Found()
        names = [(metric, kind) for metric in metrics for kind in query.aggregations]
        for row in rows:
            key, first, count, starts, _, *columns = row
            if starts is None:
                step = self.asked.step_us // SECOND_US
                starts = range(first, first + count * step, step)
            described = describe_value(query.group_by, query.label, key)
            for (metric, kind), values in zip(names, columns, strict=True):
                points = known(metric, starts, values)
                if points[0]:
                    cell_us = None if BY_NAME[metric].kind is Kind.COUNTER else CELL_US[Source.FLEET_MINUTES]
                    series = Series(described, metric, kind, Source.FLEET_MINUTES, cell_us, *points)
                    found[key, metric, kind] = series
        return found


def _late(rows: Sequence[Any], rolled: Span) -> Iterator[Incomplete]:
    if rows and rows[0]["seen"] >= late_sql.MOST_LATE_SAMPLES:
        yield Incomplete(*rolled, "late")
        return
    for row in rows:
        start = to_us(row["start"])
        yield Incomplete(start, start + HOUR_US, "late")
