"""Series of the fleet, its models and its labels out of minutes, in which the GPUs are summed up already."""

from collections.abc import Sequence

from gpufleet_collector.store.cells_sql import GAUGE_PARTS, CellPlan, bin_of, gauges
from gpufleet_collector.store.plan import MINUTE_US, Aggregation
from gpufleet_collector.store.series_query import MOST_POINTS
from gpufleet_collector.store.series_sql import members_with
from gpufleet_proto.catalog import BY_NAME, Kind


def of_minutes(
    metrics: Sequence[str],
    aggregations: Sequence[Aggregation],
    step_us: int,
    *,
    scope: str,
    models: bool,
    recent: CellPlan | None,
    instances: bool,
) -> str:
    """One row per group: `value`; `first` (seconds), `points` (their number) and `starts` (seconds, or null where one
    step follows another from `first` on); `estimated` (seconds: since when minutes are not exact, or null); then the
    values of each aggregation of each metric, as arrays of equal length. Parameters: `scope`, `key`, `since`,
    `until`, and with `models` the `values` that count. With `recent`, gauges of that time are computed from samples:
    parameters as `series_sql.of_gauges`, and `group_values`.

    The average is over GPUs and minutes, the sum the mean of the minutes' sums; a counter's sum is its increase, and
    its average the mean increase of a GPU, minute by minute."""
    wanted = "AND value = ANY(CAST(:values AS text[]))" if models else ""
    value, grouping = "value", "GROUP BY value ORDER BY value"
    if scope == "fleet":
        # The one value that there is: named, the index gives its minutes in order, and nothing has to be sorted.
        value, wanted, grouping = "''", "AND value = ''", "HAVING count(*) > 0"
    columns = "".join(f", {name}_{part}" for name in metrics for part in ("sum", "gpus", "min", "max"))
    ahead, more = "", ""
    if recent is not None:
        ahead = f"WITH {members_with(gauges(metrics, recent), metrics, GAUGE_PARTS, instances=instances)}"
        more = f"UNION ALL {_of_samples(metrics)}"
    minutes = f"""
        SELECT {value} AS value, minute, exact{columns} FROM fleet_stats_1m
        WHERE scope = :scope AND key = :key AND minute >= :since AND minute < :until {wanted}
        {more}"""  # noqa: S608
    asked = [(name, kind) for name in metrics for kind in aggregations]
    names = [f"v{at}" for at, _ in enumerate(asked)]
    # A day of minutes without a gap is told by its first: to make and send a number for each takes a third of the time.
    return f"""
{ahead}
SELECT value, {_seconds("first")} AS first, points,
    CASE WHEN last - first <> (points - 1) * interval '{step_us} microseconds'
        THEN ARRAY(SELECT {_seconds("start")} FROM unnest(starts) AS start) END AS starts,
    {_seconds("estimated")} AS estimated, {", ".join(names)}
FROM (
    SELECT {value} AS value, min(start) AS first, max(start) AS last, count(*) AS points, array_agg(start) AS starts,
        min(estimated) AS estimated, {", ".join(f"array_agg({name}) AS {name}" for name in names)}
    FROM ({_steps(minutes, asked, step_us)}) AS points
    {grouping}
) AS series
"""  # noqa: S608


def _seconds(instant: str) -> str:
    return f"CAST(date_part('epoch', {instant}) AS bigint)"


def _steps(minutes: str, asked: Sequence[tuple[str, Aggregation]], step_us: int) -> str:
    """Points in order; where each is a minute there is nothing to sum up."""
    of_step, start, estimated, grouped = (
        _of_steps,
        bin_of(step_us, "minute"),
        "min(minute) FILTER (WHERE NOT exact)",
        "",
    )
    if step_us == MINUTE_US:
        of_step, start, estimated = _of_one_minute, "minute", "CASE WHEN NOT exact THEN minute END"
    else:
        grouped = f"GROUP BY value, {start}"
    values = "".join(f", CAST({of_step(*one)} AS double precision) AS v{at}" for at, one in enumerate(asked))
    return f"""
    SELECT value, {start} AS start, {estimated} AS estimated{values}
    FROM ({minutes}
    ) AS minutes
    {grouped} ORDER BY value, {start}
    LIMIT {MOST_POINTS + 1}"""  # noqa: S608


def _of_samples(metrics: Sequence[str]) -> str:
    parts = "".join(f", sum({name}_avg), count({name}_avg), min({name}_min), max({name}_max)" for name in metrics)
    return f"""
        SELECT (CAST(:group_values AS text[]))[group_number], start, true{parts}
        FROM counted GROUP BY group_number, start"""  # noqa: S608


def _of_one_minute(name: str, kind: Aggregation) -> str:
    return f"{name}_sum / nullif({name}_gpus, 0)" if kind == "avg" else f"{name}_{kind}"


def _of_steps(name: str, kind: Aggregation) -> str:
    if kind in {"min", "max"}:
        return f"{kind}({name}_{kind})"
    if BY_NAME[name].kind is Kind.COUNTER:
        return f"sum({name}_sum)" if kind == "sum" else f"sum({name}_sum / nullif({name}_gpus, 0))"
    if kind == "sum":
        return f"sum({name}_sum) / nullif(count({name}_sum), 0)"
    return f"sum({name}_sum) / nullif(sum({name}_gpus), 0)"
