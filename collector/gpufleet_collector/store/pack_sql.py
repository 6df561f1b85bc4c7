"""From the samples of an hour to arrays: the packed row of each GPU, where its buckets end, what its counters rose by.

One statement goes over the samples of each GPU once, in the order of their key, and uses the arrays it collects three
times: to pack them, to pick the last value of each bucket, and to take increases from running totals. OFFSET 0 keeps
the planner from putting the expressions of a subquery in the place of their names, to be worked out at every use.
"""

# ruff: noqa: S608 - names come from the catalogue, the rest are literals made of numbers

from collections.abc import Iterator, Sequence

from gpufleet_collector.store.shapes import Shape
from gpufleet_collector.store.times import HOUR_US, SECOND_US, to_sql

BUCKETS = 12
WHOLE_HOUR = BUCKETS
"""Number of the bucket that is the whole hour, after those of five minutes."""

_LARGEST = {"smallint": (-(2**15), 2**15 - 1), "integer": (-(2**31), 2**31 - 1)}
_STEP = "CASE WHEN {0} >= 0 THEN {0} ELSE {1} END"
"""What a counter rose by from one value to the next: a step down is a reset, since when it counted from 0."""


def tables_sql(shapes: Sequence[Shape]) -> Iterator[str]:
    """The temporary tables that `pack_sql` fills besides the packed rows."""
    columns = "".join(f", {name} {kind}" for shape in shapes for name, kind in _end_columns(shape))
    yield f"CREATE TEMPORARY TABLE hour_ends (gpu_id integer, bucket integer{columns}) ON COMMIT DROP"
    rises = "".join(f", {shape.name}_increase double precision" for shape in shapes if shape.is_counter)
    yield f"CREATE TEMPORARY TABLE hour_increases (gpu_id integer, minute integer{rises}) ON COMMIT DROP"


def pack_sql(shapes: Sequence[Shape], source: str, hour: int, condition: str = "true") -> str:
    """The statement that packs the samples of `source`, a relation with the columns of `gpu_stats`, all of the hour
    that begins at `hour` (microseconds). Rows that do not meet `condition`, on gpu_id, are not stored."""
    return f"""WITH ready AS MATERIALIZED ({_running(shapes, source, hour)}
), packed AS (
    INSERT INTO gpu_stats_packed (gpu_id, hour, samples, first_at, instants, instants_wide{_names(shapes)})
    SELECT gpu_id, {to_sql(hour)}, samples, first_at, {_fitting("instants", "integer")}{_packed(shapes)}
    FROM ready WHERE {condition}
), increases AS (
    INSERT INTO hour_increases
    SELECT gpu_id, minute{"".join(_minute_increase(shape) for shape in shapes if shape.is_counter)}
    FROM ready CROSS JOIN LATERAL (
        SELECT minute, width_bucket(minute * {60 * SECOND_US}::bigint - 1, offsets) AS a,
            width_bucket((minute + 1) * {60 * SECOND_US}::bigint - 1, offsets) AS b
        FROM generate_series(0, 59) AS minute OFFSET 0
    ) AS ends WHERE b > a
)
INSERT INTO hour_ends
SELECT gpu_id, bucket{"".join(_end(shape) for shape in shapes)}
FROM ready CROSS JOIN LATERAL (
    SELECT bucket, a, b{"".join(_within(shape) for shape in shapes if shape.is_counter)}
    FROM (
        SELECT bucket, CASE WHEN bucket = {WHOLE_HOUR} THEN 0
            ELSE width_bucket(bucket * {HOUR_US // BUCKETS}::bigint - 1, offsets) END AS a,
            width_bucket(least(bucket + 1, {BUCKETS}) * {HOUR_US // BUCKETS}::bigint - 1, offsets) AS b
        FROM generate_series(0, {WHOLE_HOUR}) AS bucket OFFSET 0
    ) AS places WHERE b > a OFFSET 0
) AS ends WHERE {condition}"""


def _collected(shapes: Sequence[Shape], source: str, hour: int) -> str:
    """One row per GPU: offsets from the begin of the hour in microseconds, and the scaled values of each metric."""
    values = "".join(f", {scaled(shape)} AS {shape.name}" for shape in shapes)
    arrays = "".join(f", array_agg({shape.name}) AS {shape.name}" for shape in shapes)
    present = "".join(
        f", array_agg({shape.name}) FILTER (WHERE {shape.name} IS NOT NULL) AS {shape.name}_present"
        for shape in shapes
        if shape.is_counter
    )
    return f"""
    SELECT gpu_id, count(*)::integer AS samples, min(recorded_at) AS first_at,
        array_agg((date_part('epoch', recorded_at - {to_sql(hour)}) * {SECOND_US})::bigint) AS offsets{arrays}{present}
    FROM (SELECT gpu_id, recorded_at{values} FROM {source} ORDER BY gpu_id, recorded_at) AS ordered
    GROUP BY gpu_id"""


def scaled(shape: Shape) -> str:
    """A value as the whole number that is packed, in the type of the array that it is collected in."""
    kind = "bigint" if shape.has_wide or shape.is_counter else shape.sql_narrow
    if shape.steps > 1:
        return f"({shape.name}::double precision * {shape.steps})::{kind}"
    return shape.name if kind == shape.sql_type else f"{shape.name}::{kind}"


def _differences(shapes: Sequence[Shape], source: str, hour: int) -> str:
    """In addition the steps between instants, and of each counter those between neighbouring values."""
    steps = "".join(f", {_steps(shape.name)} AS {shape.name}_steps" for shape in shapes if shape.is_counter)
    return f"""
    SELECT *, 0::bigint || (
        SELECT array_agg(step) FROM (SELECT unnest(offsets[2:]) - unnest(trim_array(offsets, 1)) AS step) AS steps
    ) AS instants{steps}
    FROM ({_collected(shapes, source, hour)}
    OFFSET 0) AS collected"""


def _steps(name: str) -> str:
    there = f"{name}_present"
    return f"""CASE
        WHEN {there} IS NULL THEN NULL
        WHEN {there}[1] = ALL ({there}) THEN array_replace({name}, {there}[1], 0)
        WHEN cardinality({there}) = samples THEN 0::bigint || (
            SELECT array_agg(step) FROM (SELECT unnest({name}[2:]) - unnest(trim_array({name}, 1)) AS step) AS steps)
        ELSE (
            SELECT array_agg(
                CASE WHEN value IS NOT NULL THEN value - coalesce({there}[number - 1], value) END ORDER BY place)
            FROM (
                SELECT value, place, (count(value) OVER (ORDER BY place ROWS UNBOUNDED PRECEDING))::integer AS number
                FROM unnest({name}) WITH ORDINALITY AS every (value, place)
            ) AS numbered)
        END"""


def _running(shapes: Sequence[Shape], source: str, hour: int) -> str:
    """In addition running totals of each counter, of what it rose by and, where it was reset, of its resets."""
    totals = "".join(
        f", {_risen(shape.name)} AS {shape.name}_risen, {_resets(shape.name)} AS {shape.name}_resets"
        for shape in shapes
        if shape.is_counter
    )
    return f"""
    SELECT *{totals}
    FROM ({_differences(shapes, source, hour)}
    OFFSET 0) AS differences"""


def _risen(name: str) -> str:
    """A counter that was read with every sample and never reset is its own running total."""
    step = _STEP.format("step", "value")
    return f"""CASE
        WHEN {name}_present IS NULL THEN NULL
        WHEN {name}_present[1] = ALL ({name}_present) THEN array_fill(0::bigint, ARRAY[samples])
        WHEN cardinality({name}_present) = samples AND NOT 0 > ANY ({name}_steps) THEN {name}
        ELSE (
            SELECT array_agg(total ORDER BY place) FROM (
                SELECT place, coalesce(sum(({step})::double precision)
                    OVER (ORDER BY place ROWS UNBOUNDED PRECEDING), 0)::bigint AS total
                FROM unnest({name}, {name}_steps) WITH ORDINALITY AS every (value, step, place)
            ) AS totals)
        END"""


def _resets(name: str) -> str:
    return f"""CASE WHEN 0 > ANY ({name}_steps) THEN (
        SELECT array_agg(total ORDER BY place) FROM (
            SELECT place, count(*) FILTER (WHERE step < 0) OVER (ORDER BY place ROWS UNBOUNDED PRECEDING) AS total
            FROM unnest({name}_steps) WITH ORDINALITY AS every (step, place)
        ) AS totals) END"""


def _names(shapes: Sequence[Shape]) -> str:
    return "".join(f", {column.name}" for shape in shapes for column in shape.packed_columns())


def _packed(shapes: Sequence[Shape]) -> str:
    """The expressions for `_names`."""
    return "".join(f", {part}" for shape in shapes for part in _packed_parts(shape))


def _packed_parts(shape: Shape) -> Iterator[str]:
    array = f"{shape.name}_steps" if shape.is_counter else shape.name
    if not shape.is_counter:
        # An array of nulls alone is null itself.
        kind = "bigint" if shape.has_wide else shape.sql_narrow
        array = f"(CASE WHEN {array} <> array_fill(NULL::{kind}, ARRAY[samples]) THEN {array} END)"
    yield _fitting(array, shape.sql_narrow) if shape.has_wide else f"{array}::{shape.sql_narrow}[]"
    if shape.is_counter:
        yield f"{shape.name}_present[1]"


def _fitting(array: str, narrow: str) -> str:
    """The narrow array and the wide one, one of which is null; both are when nothing is in it."""
    smallest, largest = _LARGEST[narrow]
    overflows = f"{largest} < ANY ({array}) OR {smallest} > ANY ({array})"
    return f"CASE WHEN {overflows} THEN NULL ELSE {array}::{narrow}[] END, CASE WHEN {overflows} THEN {array} END"


def _minute_increase(shape: Shape) -> str:
    """From the end of the minute before, or from the first value of the hour, to that of the minute."""
    risen = f"{shape.name}_risen"
    return f", ({risen}[b] - coalesce({risen}[a], {risen}[1]))::double precision / {shape.steps}"


def _end_columns(shape: Shape) -> Iterator[tuple[str, str]]:
    yield f"{shape.name}_last", shape.sql_type
    if shape.is_counter:
        yield f"{shape.name}_first", shape.sql_type
        yield f"{shape.name}_increase", "double precision"
        yield f"{shape.name}_resets", "integer"


def _within(shape: Shape) -> str:
    """The values of a counter in a bucket, and the steps to them."""
    name = shape.name
    return (
        f", array_remove({name}[a + 1:b], NULL) AS {name}_within"
        f", array_remove({name}_steps[a + 1:b], NULL) AS {name}_steps_within"
    )


def _end(shape: Shape) -> str:
    """The expressions for `_end_columns`, of the samples after `a` up to `b`."""
    name = shape.name
    if not shape.is_counter:
        present = f"array_remove({name}[a + 1:b], NULL)"
        return f", {_real(shape, f'coalesce({name}[b], ({present})[cardinality({present})])')}"
    last, first = f"{name}_within[cardinality({name}_within)]", f"{name}_within[1]"
    first_step = f"{name}_steps_within[1]"
    begin = _STEP.format(first_step, first)
    rise = f"({name}_risen[b] - coalesce({name}_risen[a], {name}_risen[1]) - CASE WHEN a > 0 THEN {begin} ELSE 0 END)"
    resets = (
        f"CASE WHEN {first} IS NOT NULL THEN coalesce({name}_resets[b] - coalesce({name}_resets[a], 0)"
        f" - CASE WHEN {first_step} < 0 THEN 1 ELSE 0 END, 0) END"
    )
    return (
        f", {_real(shape, last)}, {_real(shape, first)}"
        f", CASE WHEN {first} IS NOT NULL THEN {rise}::double precision / {shape.steps} END, {resets}"
    )


def _real(shape: Shape, value: str) -> str:
    """A scaled value in real units."""
    if shape.steps > 1:
        return f"(({value})::double precision / {shape.steps})::{shape.sql_type}"
    return f"({value})::{shape.sql_type}"
