"""Everything that is made from the samples of one hour, within the transaction of whoever asks for it."""

from collections.abc import Iterator, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.store import fleet_sql, pack_sql, rollup_sql
from gpufleet_collector.store.partitions import (
    FLEET_STATS_1M,
    GPU_STATS_1H,
    GPU_STATS_5M,
    GPU_STATS_PACKED,
    PartitionKeeper,
)
from gpufleet_collector.store.shapes import Shape
from gpufleet_proto.catalog import METRICS

SHAPES: tuple[Shape, ...] = tuple(Shape(metric) for metric in METRICS)

WORK_MEMORY = "128MB"
"""For each sort of the transaction; beyond it PostgreSQL uses its disk."""

FIRST_ROWS = 10_000
"""Of an hour that are looked at for what it has."""


async def ensure_partitions(keeper: PartitionKeeper, hour: int) -> None:
    """Have the partitions that an hour's derived rows go to, in a transaction of their own. `hour` in microseconds."""
    for partitioning in (GPU_STATS_PACKED, GPU_STATS_5M, GPU_STATS_1H, FLEET_STATS_1M):
        await keeper.ensure(partitioning, [partitioning.number(hour)])


async def settle_in(connection: AsyncConnection) -> None:
    """Settings for the transaction: room for sorts, and none of what costs more than it gives on large statements."""
    await connection.exec_driver_sql(f"SET LOCAL work_mem = '{WORK_MEMORY}'")
    await connection.exec_driver_sql("SET LOCAL jit = off")
    await connection.exec_driver_sql("SET LOCAL max_parallel_workers_per_gather = 0")


async def derive(
    connection: AsyncConnection, source: str, hour: int, labels: Sequence[str], condition: str = "true"
) -> None:
    """Pack the samples of `source` and roll them up. `source` is a relation with the columns of `gpu_stats`, all of the
    hour that begins at `hour` (microseconds), each key once. Rows of their own get those GPUs that meet `condition`, on
    gpu_id; none may be there yet. The minutes of the fleet are of all of them, and replace what is there."""
    shapes = await _read_at_all(connection, source)
    # The minutes before the packed hours, which may add to the source.
    for statement in rollup_sql.minutes_sql(shapes, source, hour):
        await connection.exec_driver_sql(statement)
    for statement in _after_minutes(shapes, source, hour, condition):
        await connection.exec_driver_sql(statement)
    await connection.execute(text(fleet_sql.scopes_sql(hour)), {"labels": list(labels)})
    for statement in fleet_sql.fleet_sql(shapes, hour):
        await connection.exec_driver_sql(statement)


async def _read_at_all(connection: AsyncConnection, source: str) -> list[Shape]:
    """The metrics that have a value in the hour: the others would cost as much. Most are found in the first rows, and
    only of the rest all have to be looked at."""
    found = await _found_in(connection, SHAPES, f"(SELECT * FROM {source} LIMIT {FIRST_ROWS}) AS first")  # noqa: S608
    missing = [shape for shape in SHAPES if shape not in found]
    if missing:
        found |= await _found_in(connection, missing, source)
    return [shape for shape in SHAPES if shape in found]


async def _found_in(connection: AsyncConnection, shapes: Sequence[Shape], source: str) -> set[Shape]:
    row = (await connection.exec_driver_sql(rollup_sql.counts_sql(shapes, source))).one()
    return {shape for shape, count in zip(shapes, row, strict=True) if count}


def _after_minutes(shapes: Sequence[Shape], source: str, hour: int, condition: str) -> Iterator[str]:
    yield from pack_sql.tables_sql(shapes)
    yield pack_sql.pack_sql(shapes, source, hour, condition)
    yield "ANALYZE hour_ends (gpu_id, bucket)"
    yield "ANALYZE hour_increases (gpu_id, minute)"
    yield from rollup_sql.rollups_sql(shapes, hour, condition)
