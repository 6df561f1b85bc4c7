"""The newest samples of every GPU, so that a collector that starts knows when each was last read, and what was read if
that is a moment ago."""

# ruff: noqa: S608 - names come from the catalogue, values are parameters or literals made of numbers

from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np

from gpufleet_collector.model import METRIC_NAMES, SampleColumns
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.question import Patience, question
from gpufleet_collector.store.times import HOUR_US, SECOND_US, to_sql, to_us
from gpufleet_proto.catalog import METRICS

LOOK_BACK_US = 2 * HOUR_US
"""Before the fleet was last heard of. It is about what is in rows; packed hours are not looked at."""

AHEAD_US = 600 * SECOND_US
"""The clock of an agent may be as much ahead."""

MOST_ROWS = 100_000
MOST_OF_A_GPU, LEAST_OF_A_GPU = 12, 2
"""Of each GPU so many of its newest samples are read as make MOST_ROWS of all: 12 hold a reading of the slow tier also
at one a second, and of two the distance is known."""

_STEPS = np.array([metric.steps_per_unit for metric in METRICS], np.float64)

_ELEMENT = np.dtype([("size", ">i4"), ("value", ">f8")])
_ARRAY = np.dtype([("header", "V20"), ("elements", _ELEMENT, len(METRICS))])
"""What array_send() makes of an array of double precision of one dimension that has no null. Read so, a row takes a
tenth of the time, and after a restart there are two for every GPU of the fleet."""

GPUS_AT_ONCE = 2_000
STATEMENT_SECONDS = 5


async def newest_samples(database: Database, gpu_uuids: Sequence[str], last_seen: int) -> AsyncIterator[SampleColumns]:
    """Those of a fleet that was last heard of at `last_seen` (microseconds), in parts, of each GPU the oldest first.
    Raises QueryTooLong, and as `Database.connect`."""
    number = max(LEAST_OF_A_GPU, min(MOST_OF_A_GPU, MOST_ROWS // max(1, len(gpu_uuids))))
    statement = _statement(last_seen - LOOK_BACK_US, last_seen + AHEAD_US)
    for start in range(0, len(gpu_uuids), GPUS_AT_ONCE):
        parameters = {"uuids": list(gpu_uuids[start : start + GPUS_AT_ONCE]), "number": number}
        async with question(database, Patience(STATEMENT_SECONDS)) as asked:
            rows = await asked.fetch(statement, parameters)
        yield _samples(rows)


def _statement(since: int, until: int) -> str:
    """Each GPU is looked up in the index by itself, from the newest hour on: no other way costs as little, and the
    planner, which may not know of the rows of the last minutes, is not to find one."""
    values = ", ".join(f"coalesce(CAST(s.{name} AS double precision), 'NaN')" for name in METRIC_NAMES)
    return f"""
SELECT gpus.uuid, newest.recorded_at, newest.measured
FROM unnest(CAST(:uuids AS text[])) AS asked (uuid)
JOIN gpus ON gpus.uuid = asked.uuid
CROSS JOIN LATERAL (
    SELECT s.recorded_at, array_send(ARRAY[{values}]) AS measured FROM gpu_stats AS s
    WHERE s.gpu_id = gpus.id AND s.recorded_at >= {to_sql(since)} AND s.recorded_at < {to_sql(until)}
    ORDER BY s.recorded_at DESC LIMIT :number
) AS newest
"""


def _samples(rows: Sequence[Any]) -> SampleColumns:
    """The rows of a GPU come newest first."""
    rows = rows[::-1]
    arrays = np.frombuffer(b"".join([row["measured"] for row in rows]), _ARRAY)
    # Rounded to what was stored before it became a float of 32 bits.
    values = np.rint(arrays["elements"]["value"] * _STEPS) / _STEPS
    instants = np.array([to_us(row["recorded_at"]) for row in rows], np.int64)
    return SampleColumns([row["uuid"] for row in rows], instants, values)
