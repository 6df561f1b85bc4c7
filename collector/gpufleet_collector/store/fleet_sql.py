"""From the minutes of each GPU to those of the fleet, of each model and of labels: parts that add up over GPUs."""

# ruff: noqa: S608 - names come from the catalogue, the rest are parameters and literals made of numbers

from collections.abc import Iterator, Sequence

from gpufleet_collector.store.shapes import Shape
from gpufleet_collector.store.times import HOUR_US, to_sql


def scopes_sql(hour: int) -> str:
    """The statement that makes the temporary table of what each GPU counts for. A label is that which the GPU's host
    has now; the host is where the GPU was last in the hour. Parameter: `labels`, the names of labels."""
    since, until = to_sql(hour), to_sql(hour + HOUR_US)
    return f"""CREATE TEMPORARY TABLE hour_scopes ON COMMIT DROP AS
WITH known AS (SELECT DISTINCT gpu_id FROM hour_minutes)
SELECT gpu_id, 'fleet' AS scope, '' AS key, '' AS value FROM known
UNION ALL
SELECT gpu_id, 'model', '', coalesce(gpus.name, '') FROM known LEFT JOIN gpus ON gpus.id = known.gpu_id
UNION ALL
SELECT gpu_id, 'label', label, hosts.labels ->> label
FROM (
    SELECT DISTINCT ON (gpu_id) gpu_id, host_id
    FROM placements JOIN known USING (gpu_id)
    WHERE since < {until} AND (placements.until IS NULL OR placements.until > {since})
    ORDER BY gpu_id, since DESC
) AS placed JOIN hosts ON hosts.id = placed.host_id CROSS JOIN unnest(CAST(:labels AS text[])) AS label
WHERE hosts.labels ? label"""


def fleet_sql(shapes: Sequence[Shape], hour: int) -> Iterator[str]:
    """Statements that put exact minutes of the hour in the place of whatever is there. They change the temporary
    tables: rollups are made before."""
    summed = [shape for shape in shapes if shape.is_summed]
    if summed:
        yield _leave_out_parts(summed)
    since, until = to_sql(hour), to_sql(hour + HOUR_US)
    yield f"DELETE FROM fleet_stats_1m WHERE minute >= {since} AND minute < {until}"
    names = "".join(f", {column.name}" for shape in summed for column in shape.fleet_columns())
    whole = "FILTER (WHERE gpus.parent_uuid IS NULL)"
    yield f"""INSERT INTO fleet_stats_1m (scope, key, value, minute, exact, gpus, samples{names})
SELECT scope, key, value, {since} + minute * interval '1 minute', true,
    count(*) {whole}, coalesce(sum(samples) {whole}, 0){"".join(_parts(shape) for shape in summed)}
FROM hour_minutes JOIN hour_increases USING (gpu_id, minute) JOIN hour_scopes USING (gpu_id)
LEFT JOIN gpus ON gpus.id = gpu_id
GROUP BY scope, key, value, minute"""


def _leave_out_parts(shapes: Sequence[Shape]) -> str:
    """Of a MIG instance nothing counts that its parent has a value of in the same minute, nor what is a share of its
    parent's."""
    changes = ", ".join(
        f"{shape.name}_count = "
        + (
            "NULL"
            if shape.of_whole_gpus
            else f"CASE WHEN whole.{shape.name}_count IS NULL THEN m.{shape.name}_count END"
        )
        for shape in shapes
    )
    return f"""UPDATE hour_minutes AS m SET {changes}
FROM hour_minutes AS part
JOIN gpus ON gpus.id = part.gpu_id AND gpus.parent_uuid IS NOT NULL
LEFT JOIN gpus AS parents ON parents.uuid = gpus.parent_uuid
LEFT JOIN hour_minutes AS whole ON whole.gpu_id = parents.id AND whole.minute = part.minute
WHERE m.gpu_id = part.gpu_id AND m.minute = part.minute"""


def _parts(shape: Shape) -> str:
    there = f"FILTER (WHERE {shape.name}_count IS NOT NULL)"
    count = f"sum({shape.name}_count)::integer, "
    gpus = f"nullif(count({shape.name}_count), 0)"
    if shape.is_counter:
        rise = f"{shape.name}_increase"
        return f", sum({rise}) {there}, {count}min({rise}) {there}, max({rise}) {there}, {gpus}"
    mean = f"sum({shape.name}_sum / {shape.name}_count)"
    return f", {mean}, {count}min({shape.name}_min) {there}, max({shape.name}_max) {there}, {gpus}"
