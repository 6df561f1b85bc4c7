"""Reads series of the fleet, its models and its labels out of minutes that are summed over GPUs already."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gpufleet_collector.errors import BadRequest
from gpufleet_collector.store import late_sql, minutes_sql
from gpufleet_collector.store.celling import Celling
from gpufleet_collector.store.cells_sql import CellPlan
from gpufleet_collector.store.groups import Groups, describe_value
from gpufleet_collector.store.parts import Parts, Span
from gpufleet_collector.store.plan import CELL_US, MINUTE_US, Source
from gpufleet_collector.store.question import Question
from gpufleet_collector.store.series_query import MOST_POINTS, Incomplete, Series, Settled
from gpufleet_collector.store.series_reading import Found, group_parameters, known
from gpufleet_collector.store.times import HOUR_US, SECOND_US, to_datetime, to_us
from gpufleet_proto.catalog import BY_NAME, Kind

MOST_RECENT_GPU_HOURS = 100
"""Hours of GPUs not packed yet that are computed from samples; of more there are estimates."""


@dataclass(slots=True)
class FleetReader:
    """`groups` are needed for what is computed from samples; without them estimates are taken."""

    database: Question
    asked: Settled
    groups: Groups | None
    incomplete: set[Incomplete] = field(default_factory=set)

    async def read(self, metrics: Sequence[str]) -> Found:
        query = self.asked.query
        since, until = self.asked.span
        recent = self._recent(metrics)
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
            parameters |= {"until": to_datetime(recent.plan.parts.raw[0][0]), "group_values": list(self.groups.keys)}
        rows = await self.database.fetch(statement, parameters)
        self._check_size(rows)
        await self._note(rows)
        return self._made(rows, metrics)

    def _recent(self, metrics: Sequence[str]) -> Celling | None:
        """A plan for what is not packed yet, where it is little."""
        since, until = self.asked.span
        begin = max(since, self.database.moment.packed_until)
        end = min(until, self.asked.now + MINUTE_US)
        if self.groups is None or begin >= end or any(BY_NAME[name].kind is Kind.COUNTER for name in metrics):
            return None
        if -(-(end - begin) // HOUR_US) * self.groups.gpus > MOST_RECENT_GPU_HOURS:
            return None
        plan = CellPlan(Source.SAMPLES, MINUTE_US, Parts(None, ((begin, until),)), self.database.moment)
        return Celling(plan, self.groups.stays)

    def _check_size(self, rows: Sequence[Any]) -> None:
        query = self.asked.query
        points = sum(row["points"] for row in rows)
        if points * len(query.metrics) * len(query.aggregations) > MOST_POINTS:
            raise BadRequest(
                "step", f"would make more than {MOST_POINTS} points: ask for a longer step, fewer metrics or less time"
            )

    async def _note(self, rows: Sequence[Any]) -> None:
        """What is not final in these rows."""
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
