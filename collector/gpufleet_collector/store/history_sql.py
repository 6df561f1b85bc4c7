"""The two questions put to the history of single GPUs: their samples, and buckets of them. Bounds are literals, which
lets the planner leave out partitions."""

from collections.abc import Sequence

from gpufleet_collector.store.cells_sql import STAYS, CellPlan, bin_of, gauges, of_stays
from gpufleet_collector.store.parts import Span
from gpufleet_collector.store.samples_sql import Moment


def samples(metrics: Sequence[str], span: Span, moment: Moment, *, after: bool = True) -> str:
    """Columns `recorded_at`, `stay` (position among the stays, from 1), then the metrics. Parameters: those of cells,
    `row_limit`, and with `after` the key of the last row known, `after_at` and `after_stay`."""
    columns = "".join(f", {name}" for name in metrics)
    return f"""
WITH {STAYS}
SELECT recorded_at, number AS stay{columns}
FROM ({of_stays(metrics, span, moment)}) AS every
{_after("recorded_at") if after else ""}
ORDER BY recorded_at, number
LIMIT CAST(:row_limit AS integer)
"""  # noqa: S608


def buckets(metrics: Sequence[str], plan: CellPlan, step_us: int, *, after: bool = True) -> str:
    """Columns `start` (microseconds), `stay` (of any sample in the bucket), `samples`, then average, smallest and
    largest of each metric. Parameters as for `samples`."""
    bucket = bin_of(step_us, "start")
    columns = "".join(f", {average(name)}, min({name}_min), max({name}_max)" for name in metrics)
    return f"""
WITH {STAYS}, cells AS ({gauges(metrics, plan)})
SELECT CAST(extract(epoch FROM {bucket}) * 1000000 AS bigint) AS start, max(number) AS stay,
    CAST(sum(samples) AS bigint) AS samples{columns}
FROM cells
{_after(bucket) if after else ""}
GROUP BY {bucket}, gpu_id
ORDER BY {bucket}, max(number)
LIMIT CAST(:row_limit AS integer)
"""  # noqa: S608


def _after(instant: str) -> str:
    return f"""WHERE {instant} > CAST(:after_at AS timestamptz)
    OR ({instant} = CAST(:after_at AS timestamptz) AND number > CAST(:after_stay AS integer))"""


def average(metric: str) -> str:
    """Of cells, each by the number of its values."""
    return f"sum(CAST({metric}_avg AS double precision) * {metric}_count) / nullif(sum({metric}_count), 0)"
