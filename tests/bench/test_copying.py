"""What is loaded in bulk is in the table as if it had been written row by row."""

import asyncpg
import numpy as np
from bench.loading import Fleet, Loader, declare
from bench.realistic import ALL_METRICS, RealisticFleet

from gpufleet_collector.store.database import Database
from gpufleet_proto.catalog import BY_NAME

SINCE_US = 1_767_225_600_000_000
GPUS, TICKS = 48, 30


async def test_every_value_and_every_absence_arrives(database_url: str) -> None:
    database = Database(database_url)
    fleet = Fleet(GPUS)
    ids = await declare(database, fleet, SINCE_US)
    made = RealisticFleet(GPUS, TICKS / 720, since_us=SINCE_US, metrics=ALL_METRICS)
    loader = Loader(database, database_url, ids, ALL_METRICS)
    (hour,) = [hour async for hour in loader.load(made.hours())]
    assert loader.samples == GPUS * TICKS
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT * FROM gpu_stats ORDER BY gpu_id, recorded_at")
    await connection.close()
    await database.close()
    assert len(rows) == GPUS * TICKS
    order = np.argsort(ids)
    for name in ALL_METRICS:
        values, present = hour.columns[name][order], hour.present.get(name)
        stored = [None if row[name] is None else BY_NAME[name].round(row[name]) for row in rows]
        shown = np.ones(values.shape, bool) if present is None else present[order]
        expected = [one if there else None for one, there in zip(values.ravel(), shown.ravel(), strict=True)]
        assert stored == expected, name
