"""Which cells wait for late samples to be merged into them, as far as it is worth to know."""

from gpufleet_collector.store.cells_sql import bin_of
from gpufleet_collector.store.parts import Span
from gpufleet_collector.store.times import HOUR_US, to_sql

MOST_LATE_SAMPLES = 50_000
"""Late samples that are looked at; where more wait, every cell may be incomplete."""


def late_cells(span: Span, cell_us: int) -> str:
    """Columns `gpu_id`, `start`, `seen` (the same in every row: how many late samples were looked at). Parameter:
    `gpu_ids`."""
    return f"""
SELECT gpu_id, {bin_of(cell_us, "recorded_at")} AS start, CAST(sum(count(*)) OVER () AS integer) AS seen
FROM ({_late(span)} AND gpu_id = ANY(CAST(:gpu_ids AS integer[])) LIMIT {MOST_LATE_SAMPLES}) AS late
GROUP BY 1, 2
"""  # noqa: S608


def late_hours(span: Span) -> str:
    """Columns `start`, `seen`, of all GPUs."""
    return f"""
SELECT {bin_of(HOUR_US, "recorded_at")} AS start, CAST(sum(count(*)) OVER () AS integer) AS seen
FROM ({_late(span)} LIMIT {MOST_LATE_SAMPLES}) AS late
GROUP BY 1
"""  # noqa: S608


def _late(span: Span) -> str:
    since, until = map(to_sql, span)
    return f"SELECT gpu_id, recorded_at FROM gpu_stats_late WHERE recorded_at >= {since} AND recorded_at < {until}"  # noqa: S608
