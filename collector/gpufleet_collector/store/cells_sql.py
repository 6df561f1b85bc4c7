"""Cells of single GPUs, from a rollup where it speaks and from samples elsewhere: pieces of SQL that give the same
figures whichever they come from.

Parameters of all of them: `gpu_ids`, `sinces`, `untils` of the stays, in their order; `redo_ids`, `redo_starts` of the
cells that the rollup does not know well (see CellPlan)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gpufleet_collector.store.parts import Cell, Parts, Span
from gpufleet_collector.store.plan import CELL_US, Source
from gpufleet_collector.store.samples_sql import Moment, samples_source
from gpufleet_collector.store.shapes import Shape
from gpufleet_collector.store.times import HOUR_US, to_sql
from gpufleet_proto.catalog import BY_NAME

STAYS = """stays AS (
    SELECT gpu_id, since, until, CAST(number AS integer) AS number
    FROM unnest(CAST(:gpu_ids AS integer[]), CAST(:sinces AS timestamptz[]), CAST(:untils AS timestamptz[]))
        WITH ORDINALITY AS stay (gpu_id, since, until, number)
)"""


@dataclass(frozen=True, slots=True)
class CellPlan:
    """Where the cells of a time come from. `cell_us` is their length; `redo` are cells of the rollup that have to be
    computed from samples all the same: late samples wait for them, or a GPU was elsewhere for a part of them."""

    source: Source
    cell_us: int
    parts: Parts
    moment: Moment
    redo: Sequence[Cell] = ()

    @property
    def redo_span(self) -> Span:
        starts = [start for _, start in self.redo]
        return min(starts), max(starts) + self.cell_us


GAUGE_PARTS = ("_avg", "_count", "_min", "_max")
COUNTER_PARTS = ("_first", "_last", "_increase", "_count")

Aggregate = Callable[[Sequence[str], str, CellPlan], str]
"""From metrics, a relation of samples that belong to stays (`number`, `gpu_id`, `recorded_at`, metrics) and the plan to
a statement for their cells."""


def gauges(metrics: Sequence[str], plan: CellPlan) -> str:
    """Columns `number` (of the stay), `gpu_id`, `start`, `samples`, and of each metric `_avg`, `_count`, `_min`,
    `_max`."""
    return _union(metrics, plan, GAUGE_PARTS, _gauges_of_samples)


def counter(metric: str, plan: CellPlan) -> str:
    """Columns `number`, `gpu_id`, `start`, `samples`, and `_first`, `_last`, `_increase`, `_count` of the metric: the
    increase is that between its own samples in the cell."""
    return _union((metric,), plan, COUNTER_PARTS, _counter_of_samples)


def bin_of(step_us: int, instant: str) -> str:
    """The begin of the step that an instant lies in; steps count from the epoch."""
    return f"date_bin(interval '{step_us} microseconds', {instant}, timestamptz 'epoch')"


def _union(metrics: Sequence[str], plan: CellPlan, suffixes: Sequence[str], aggregate: Aggregate) -> str:
    return "\nUNION ALL\n".join(_pieces(metrics, plan, suffixes, aggregate))


def _pieces(metrics: Sequence[str], plan: CellPlan, suffixes: Sequence[str], aggregate: Aggregate) -> Iterator[str]:
    if plan.parts.rolled is not None:
        yield _rolled(metrics, plan, suffixes, plan.parts.rolled)
    for span in plan.parts.raw:
        yield aggregate(metrics, of_stays(metrics, span, plan.moment), plan)
    if plan.redo:
        yield aggregate(metrics, _of_redo(metrics, plan), plan)


def of_stays(metrics: Sequence[str], span: Span, moment: Moment) -> str:
    """The samples of a time that lie within stays: `number`, `gpu_id`, `recorded_at`, and the metrics."""
    columns = "".join(f", s.{name}" for name in metrics)
    return f"""
SELECT stays.number, s.gpu_id, s.recorded_at{columns}
FROM stays JOIN {samples_source(metrics, *span, moment)} AS s
    ON s.gpu_id = stays.gpu_id AND s.recorded_at >= stays.since AND s.recorded_at < stays.until"""  # noqa: S608


def _of_redo(metrics: Sequence[str], plan: CellPlan) -> str:
    few = of_stays(metrics, plan.redo_span, plan.moment).replace(":gpu_ids", ":redo_ids")
    return f"""{few}
WHERE (s.gpu_id, {bin_of(plan.cell_us, "s.recorded_at")}) IN (
        SELECT * FROM unnest(CAST(:redo_ids AS integer[]), CAST(:redo_starts AS timestamptz[])))"""  # noqa: S608


def _rolled(metrics: Sequence[str], plan: CellPlan, suffixes: Sequence[str], span: Span) -> str:
    """Cells that lie within one stay as a whole, but for those to be redone."""
    first, last = span
    hours = f"p.hour >= {to_sql(first // HOUR_US * HOUR_US)} AND p.hour < {to_sql(last)}"
    redo = ""
    if plan.redo:
        redo = """
    AND (cell.gpu_id, cell.start) NOT IN (
        SELECT * FROM unnest(CAST(:redo_ids AS integer[]), CAST(:redo_starts AS timestamptz[])))"""
    columns = [f"{metric}{suffix}" for metric in metrics for suffix in suffixes]
    names = "".join(f", {column}" for column in columns)
    relation = _FORMS[plan.source](columns)
    return f"""
SELECT stays.number, cell.gpu_id, cell.start, cell.samples{"".join(f", cell.{column}" for column in columns)}
FROM stays JOIN LATERAL (
    SELECT gpu_id, start, samples{names} FROM ({relation}
    WHERE p.gpu_id = stays.gpu_id AND {hours}) AS every
) AS cell ON cell.start >= stays.since AND cell.start + interval '{plan.cell_us} microseconds' <= stays.until
WHERE cell.samples > 0 AND cell.start >= {to_sql(first)} AND cell.start < {to_sql(last)}{redo}"""  # noqa: S608


def _five_minutes(columns: Sequence[str]) -> str:
    arrays = "".join(f", p.{column}" for column in columns)
    names = "".join(f", {column}" for column in columns)
    return f"""
    SELECT p.gpu_id, p.hour + (u.position - 1) * interval '{CELL_US[Source.FIVE_MINUTES]} microseconds' AS start,
        u.samples{"".join(f", u.{column}" for column in columns)}
    FROM gpu_stats_5m AS p
    CROSS JOIN LATERAL unnest(p.samples{arrays}) WITH ORDINALITY AS u (samples{names}, position)"""  # noqa: S608


def _hours(columns: Sequence[str]) -> str:
    return f"""
    SELECT p.gpu_id, p.hour AS start, p.samples{"".join(f", p.{column}" for column in columns)}
    FROM gpu_stats_1h AS p"""  # noqa: S608


_FORMS: dict[Source, Callable[[Sequence[str]], str]] = {Source.FIVE_MINUTES: _five_minutes, Source.HOURS: _hours}


def _gauges_of_samples(metrics: Sequence[str], samples: str, plan: CellPlan) -> str:
    """An average is rounded as the rollup's column rounds it, so that both are the same to the last digit."""
    columns = ""
    for metric in metrics:
        average = Shape(BY_NAME[metric]).sql_average if plan.source in CELL_US else "double precision"
        columns += (
            f", CAST(avg({metric}) AS {average}) AS {metric}_avg, CAST(count({metric}) AS integer) AS {metric}_count"
        )
        columns += f", min({metric}) AS {metric}_min, max({metric}) AS {metric}_max"
    return f"""
SELECT number, gpu_id, {bin_of(plan.cell_us, "recorded_at")} AS start, CAST(count(*) AS integer) AS samples{columns}
FROM ({samples}) AS every GROUP BY 1, 2, 3"""  # noqa: S608


def _counter_of_samples(metrics: Sequence[str], samples: str, plan: CellPlan) -> str:
    (metric,) = metrics
    return f"""
SELECT number, gpu_id, start, CAST(count(*) AS integer) AS samples,
    max(value) FILTER (WHERE before IS NULL) AS {metric}_first,
    max(value) FILTER (WHERE after IS NULL) AS {metric}_last,
    CAST(sum({step_up("before", "value")}) AS double precision) AS {metric}_increase,
    CAST(count(*) AS integer) AS {metric}_count
FROM (
    SELECT *, lag(value) OVER cell AS before, lead(value) OVER cell AS after
    FROM (
        SELECT number, gpu_id, recorded_at, {bin_of(plan.cell_us, "recorded_at")} AS start, {metric} AS value
        FROM ({samples}) AS every WHERE {metric} IS NOT NULL
    ) AS known
    WINDOW cell AS (PARTITION BY number, gpu_id, start ORDER BY recorded_at)
) AS neighbours
GROUP BY number, gpu_id, start"""  # noqa: S608


def step_up(before: str, value: str) -> str:
    """By how much a counter grew; one that stepped down began again at 0."""
    return f"CASE WHEN {before} IS NULL THEN 0 WHEN {value} >= {before} THEN {value} - {before} ELSE {value} END"
