"""Series of groups of GPUs out of cells of single GPUs. A GPU's value in a step is the mean of its values there, and a
group's is made of its GPUs' values. A MIG instance counts where its parent has no value, and not at all in what whole
GPUs alone have (see Shape)."""

from collections.abc import Sequence

from gpufleet_collector.store.cells_sql import (
    COUNTER_PARTS,
    GAUGE_PARTS,
    STAYS,
    CellPlan,
    bin_of,
    counter,
    gauges,
    of_stays,
    step_up,
)
from gpufleet_collector.store.history_sql import average
from gpufleet_collector.store.parts import Span
from gpufleet_collector.store.plan import PERCENTILES, Aggregation
from gpufleet_collector.store.samples_sql import Moment
from gpufleet_collector.store.shapes import Shape
from gpufleet_collector.store.times import to_sql
from gpufleet_proto.catalog import BY_NAME

_MEMBERS = """members AS (
    SELECT number, group_number, parent_id FROM unnest(
        CAST(:numbers AS integer[]), CAST(:group_numbers AS integer[]), CAST(:parent_ids AS integer[])
    ) AS member (number, group_number, parent_id)
)"""


def of_gauges(
    metrics: Sequence[str], aggregations: Sequence[Aggregation], plan: CellPlan, step_us: int, *, instances: bool
) -> str:
    """One row per group: `group_number`, `starts` (seconds), then the values of each aggregation of each metric, as
    arrays of equal length. Parameters: those of cells, and `numbers` (of stays), `group_numbers`, `parent_ids`."""
    means = "".join(
        f", {average(name)} AS {name}_mean, min({name}_min) AS {name}_min, max({name}_max) AS {name}_max"
        for name in metrics
    )
    values = [_OVER_GPUS[kind].format(name) for name in metrics for kind in aggregations]
    return f"""
WITH {members_with(gauges(metrics, plan), metrics, GAUGE_PARTS, instances=instances)},
gpus AS (
    SELECT group_number, gpu_id, {bin_of(step_us, "start")} AS start{means} FROM counted GROUP BY 1, 2, 3
)
{_arrays("gpus", "start", values)}
"""  # noqa: S608


def of_percentiles(
    metrics: Sequence[str], aggregations: Sequence[Aggregation], plan: CellPlan, step_us: int, *, instances: bool
) -> str:
    """As `of_gauges`, of percentiles over all cells of a group in a step: each is one GPU's mean."""
    values = [f"{_percentile(kind)} WITHIN GROUP (ORDER BY {name}_avg)" for name in metrics for kind in aggregations]
    return f"""
WITH {members_with(gauges(metrics, plan), metrics, ("_avg", "_count"), instances=instances)}
{_arrays("counted", bin_of(step_us, "start"), values)}
"""


def of_sample_percentiles(
    metrics: Sequence[str], aggregations: Sequence[Aggregation], span: Span, moment: Moment, step_us: int
) -> str:
    """As `of_gauges`, of percentiles over all samples in a step."""
    values = [f"{_percentile(kind)} WITHIN GROUP (ORDER BY {name})" for name in metrics for kind in aggregations]
    return f"""
WITH {STAYS}, {_MEMBERS}, samples AS (
    SELECT * FROM ({of_stays(metrics, span, moment)}) AS every JOIN members USING (number)
)
{_arrays("samples", bin_of(step_us, "recorded_at"), values)}
"""  # noqa: S608


def of_counter(
    metric: str, aggregations: Sequence[Aggregation], plan: CellPlan, span: Span, step_us: int, *, instances: bool
) -> str:
    """As `of_gauges`, of the increase per GPU and step within `span`; the cells begin before it, so that the first step
    knows what the counter was. An increase between two cells counts at the later."""
    over = {"avg": "avg(mean)", "min": "min(mean)", "max": "max(mean)", "sum": "sum(mean)"}
    values = [over.get(kind) or f"{_percentile(kind)} WITHIN GROUP (ORDER BY mean)" for kind in aggregations]
    return f"""
WITH {members_with(counter(metric, plan), (metric,), COUNTER_PARTS, instances=instances)},
neighbours AS (
    SELECT group_number, gpu_id, start, {metric}_first AS first, {metric}_increase AS within, {metric}_count AS samples,
        lag({metric}_last) OVER (PARTITION BY gpu_id ORDER BY start, number) AS before
    FROM counted WHERE {metric}_last IS NOT NULL
),
gpus AS (
    SELECT group_number, gpu_id, {bin_of(step_us, "start")} AS start,
        sum(within + {step_up("before", "first")}) FILTER (WHERE before IS NOT NULL OR samples > 1) AS mean
    FROM neighbours WHERE start >= {to_sql(span[0])} GROUP BY 1, 2, 3
)
{_arrays("gpus", "start", values)}
"""  # noqa: S608


_OVER_GPUS: dict[str, str] = {
    "avg": "avg({}_mean)",
    "sum": "sum({}_mean)",
    "min": "min({}_min)",
    "max": "max({}_max)",
}


def members_with(cells: str, metrics: Sequence[str], parts: Sequence[str], *, instances: bool) -> str:
    """The beginning of a statement: `counted` are the cells that count, with `group_number`. With `instances` there are
    MIG instances whose parent is asked for as well."""
    return f"{STAYS}, {_MEMBERS}, cells AS ({cells}){_counted(metrics, parts, instances)}"


def _percentile(kind: Aggregation) -> str:
    return f"percentile_cont({PERCENTILES[kind]})"


def _counted(metrics: Sequence[str], suffixes: Sequence[str], instances: bool) -> str:
    """What of the cells counts in which group. Cells of a parent outside every group only keep its instances out."""
    if not instances:
        return ",\ncounted AS (SELECT * FROM cells JOIN members USING (number))"
    has = "".join(f", max({name}_count) AS {name}_count" for name in metrics)
    columns = ""
    for name in metrics:
        counts = "members.parent_id IS NULL"
        if not Shape(BY_NAME[name]).of_whole_gpus:
            counts = f"({counts} OR coalesce(parents.{name}_count, 0) = 0)"
        columns += "".join(
            f", CASE WHEN {counts} THEN cells.{name}{suffix} END AS {name}{suffix}" for suffix in suffixes
        )
    return f""",
parents AS (
    SELECT gpu_id, start{has} FROM cells WHERE gpu_id = ANY(CAST(:parent_ids AS integer[])) GROUP BY 1, 2
),
counted AS (
    SELECT members.group_number, cells.number, cells.gpu_id, cells.start{columns}
    FROM cells JOIN members USING (number)
    LEFT JOIN parents ON parents.gpu_id = members.parent_id AND parents.start = cells.start
    WHERE members.group_number IS NOT NULL
)"""  # noqa: S608


def _arrays(relation: str, start: str, values: Sequence[str]) -> str:
    """As arrays, which a client takes in many times faster than rows."""
    named = "".join(f", CAST({value} AS double precision) AS v{at}" for at, value in enumerate(values))
    arrays = "".join(f", array_agg(v{at}) AS v{at}" for at, _ in enumerate(values))
    return f"""SELECT group_number, array_agg(start) AS starts{arrays}
FROM (
    SELECT group_number, CAST(date_part('epoch', {start}) AS bigint) AS start{named}
    FROM {relation} GROUP BY 1, {start} ORDER BY 1, 2
) AS points
GROUP BY group_number"""  # noqa: S608
