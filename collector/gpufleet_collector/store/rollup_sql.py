"""From the samples of an hour to the buckets of each GPU: minutes first, merged into five minutes and the hour."""

# ruff: noqa: S608 - names come from the catalogue, the rest are literals made of numbers

from collections.abc import Iterator, Sequence

from gpufleet_collector.store.pack_sql import BUCKETS, WHOLE_HOUR
from gpufleet_collector.store.plan import MINUTE_US
from gpufleet_collector.store.shapes import Shape
from gpufleet_collector.store.times import to_sql


def minutes_sql(shapes: Sequence[Shape], source: str, hour: int) -> Iterator[str]:
    """Statements that make the temporary table of minutes, from `source`, a relation with the columns of `gpu_stats`,
    all of the hour that begins at `hour` (microseconds). A count is null where there was no value."""
    parts = "".join(
        f", sum({shape.name}::double precision) AS {shape.name}_sum, nullif(count({shape.name}), 0)::integer"
        f" AS {shape.name}_count, min({shape.name}) AS {shape.name}_min, max({shape.name}) AS {shape.name}_max"
        for shape in shapes
    )
    values = "".join(f", {shape.name}" for shape in shapes)
    begin = f"date_bin('{MINUTE_US} microseconds', recorded_at, {to_sql(hour)})"
    minute = f"(date_part('epoch', begin - {to_sql(hour)}) / 60)::integer"
    yield f"""CREATE TEMPORARY TABLE hour_minutes ON COMMIT DROP AS
SELECT gpu_id, {minute} AS minute, count(*)::integer AS samples{parts}
FROM (SELECT gpu_id, {begin} AS begin{values} FROM {source}) AS minutes
GROUP BY gpu_id, begin"""
    yield "ANALYZE hour_minutes (gpu_id, minute)"


def counts_sql(shapes: Sequence[Shape], source: str) -> str:
    """The statement that counts the values of each metric in `source`; a column per shape."""
    return f"SELECT {', '.join(f'count({shape.name})' for shape in shapes)} FROM {source}"


def rollups_sql(shapes: Sequence[Shape], hour: int, condition: str = "true") -> Iterator[str]:
    """Statements that make the buckets of five minutes and of the hour from the temporary tables, for the GPUs that
    meet `condition`, on gpu_id."""
    yield _five_minutes(shapes, hour, condition)
    yield _hours(shapes, hour, condition)


def _five_minutes(shapes: Sequence[Shape], hour: int, condition: str) -> str:
    """Every GPU gets all twelve buckets; a metric without a value in any of them gets no arrays."""
    arrays = "".join(
        f", CASE WHEN count({shape.name}_count) > 0 THEN array_agg({shape.name}{suffix}) END"
        for shape in shapes
        for suffix, _, _ in shape.rollup_parts()
    )
    return f"""INSERT INTO gpu_stats_5m (gpu_id, hour, samples{_names(shapes)})
SELECT gpu_id, {to_sql(hour)}, array_agg(coalesce(samples, 0)){arrays}
FROM (
    SELECT gpu_id, bucket, samples{_names(shapes)}
    FROM (SELECT DISTINCT gpu_id FROM hour_ends WHERE {condition}) AS gpus
    CROSS JOIN generate_series(0, {BUCKETS - 1}) AS bucket
    LEFT JOIN ({_merged(shapes, "minute / 5")}) AS merged USING (gpu_id, bucket)
    ORDER BY gpu_id, bucket
) AS ordered
GROUP BY gpu_id"""


def _hours(shapes: Sequence[Shape], hour: int, condition: str) -> str:
    return f"""INSERT INTO gpu_stats_1h (gpu_id, hour, samples{_names(shapes)})
SELECT gpu_id, {to_sql(hour)}, samples{_names(shapes)}
FROM ({_merged(shapes, str(WHOLE_HOUR))}) AS merged WHERE {condition}"""


def _merged(shapes: Sequence[Shape], bucket: str) -> str:
    """One row per GPU and `bucket`, an expression on the minute."""
    sums = "".join(
        f", (sum({shape.name}_sum) / sum({shape.name}_count))::{shape.sql_average} AS {shape.name}_avg,"
        f" min({shape.name}_min) AS {shape.name}_min, max({shape.name}_max) AS {shape.name}_max,"
        f" sum({shape.name}_count)::integer AS {shape.name}_count"
        for shape in shapes
    )
    return f"""
        SELECT * FROM (
            SELECT gpu_id, {bucket} AS bucket, sum(samples)::integer AS samples{sums}
            FROM hour_minutes GROUP BY 1, 2
        ) AS sums JOIN hour_ends USING (gpu_id, bucket)
    """


def _names(shapes: Sequence[Shape]) -> str:
    return "".join(f", {shape.name}{suffix}" for shape in shapes for suffix, _, _ in shape.rollup_parts())
