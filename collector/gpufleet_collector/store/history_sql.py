"""The two questions put to the rows. Their bounds are literals, which lets the planner leave out partitions, and they
go GPU by GPU over the primary key, within the stays that matter."""

from collections.abc import Sequence

from gpufleet_collector.store.times import to_sql

_FROM_STAYS = """
FROM unnest(CAST(:gpu_ids AS integer[]), CAST(:sinces AS timestamptz[]), CAST(:untils AS timestamptz[]))
    WITH ORDINALITY AS stays (gpu_id, since, until, number)
JOIN gpu_stats AS s ON s.gpu_id = stays.gpu_id AND s.recorded_at >= stays.since AND s.recorded_at < stays.until
"""


def samples(metrics: Sequence[str], since: int, until: int) -> str:
    """Columns `recorded_at`, `stay` (position among the stays, from 1), then the metrics. Parameters: `gpu_ids`,
    `sinces` and `untils` of the stays; `after_at`, `after_stay`: the key of the last row known; `row_limit`."""
    columns = "".join(f", s.{name}" for name in metrics)
    return f"""
SELECT s.recorded_at, stays.number AS stay{columns}
{_FROM_STAYS}
WHERE s.recorded_at >= {to_sql(since)} AND s.recorded_at < {to_sql(until)}
    AND (s.recorded_at > :after_at OR (s.recorded_at = :after_at AND stays.number > :after_stay))
ORDER BY s.recorded_at, stays.number
LIMIT :row_limit
"""


def buckets(metrics: Sequence[str], since: int, until: int, step_us: int) -> str:
    """Columns `start`, `stay` (of the last sample in the bucket), `samples`, then average, smallest and largest of each
    metric. Parameters as for `samples`."""
    columns = "".join(f", avg(s.{name})::double precision, min(s.{name}), max(s.{name})" for name in metrics)
    return f"""
SELECT date_bin(interval '{step_us} microseconds', s.recorded_at, timestamptz 'epoch') AS start,
    max(stays.number) AS stay, count(*) AS samples{columns}
{_FROM_STAYS}
WHERE s.recorded_at >= {to_sql(since)} AND s.recorded_at < {to_sql(until)}
    AND (s.recorded_at >= CAST(:after_at AS timestamptz) + interval '{step_us} microseconds'
        OR stays.number > :after_stay)
GROUP BY 1, s.gpu_id
ORDER BY 1, max(stays.number)
LIMIT :row_limit
"""
