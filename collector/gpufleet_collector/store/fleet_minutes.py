"""Minutes of the fleet as the live values had them, until their hour is packed and exact ones take their place."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from gpufleet_collector.model import MinuteGroup
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.partitions import FLEET_STATS_1M, PartitionKeeper
from gpufleet_collector.store.schema import metadata
from gpufleet_collector.store.shapes import Shape
from gpufleet_collector.store.times import to_datetime
from gpufleet_proto.catalog import METRICS

_table = metadata.tables["fleet_stats_1m"]
_SUMMED = [(index, shape) for index, shape in enumerate(map(Shape, METRICS)) if shape.is_summed]
_KEY = ("scope", "key", "value", "minute")


class FleetMinuteTable:
    """Writes provisional minutes; exact ones are never touched. Of several collectors that tell of the same minute, the
    one that knows more of it counts, and of equals the first: on a bus all know the same."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keeper = PartitionKeeper(database)

    async def write(self, groups: Sequence[MinuteGroup]) -> None:
        """In place of what is there of the same groups and minutes, unless that is exact or knows as much. Raises as
        `Database.begin`."""
        rows = [_row(group) for group in groups]
        if not rows:
            return
        await self._keeper.ensure(FLEET_STATS_1M, {FLEET_STATS_1M.number(group.minute) for group in groups})
        statement = insert(_table)
        new = {name: statement.excluded[name] for name in rows[0] if name not in _KEY}
        is_better = ~_table.c.exact & (_knowledge(statement.excluded) > _knowledge(_table.c))
        async with self._database.begin() as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=_KEY, set_=new, where=is_better), rows
            )


def _knowledge(columns: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[int]:
    """How many GPUs, and how many of their counters: a collector that has just started does not know by how much these
    rose."""
    counters = [func.coalesce(columns[f"{shape.name}_count"], 0) for _, shape in _SUMMED if shape.is_counter]
    return sum(counters, columns["gpus"])


def _row(group: MinuteGroup) -> Mapping[str, object]:
    row: dict[str, object] = {
        "scope": group.scope,
        "key": group.key,
        "value": group.value,
        "minute": to_datetime(group.minute),
        "exact": False,
        "gpus": group.gpus,
        "samples": group.gpus,
    }
    for index, shape in _SUMMED:
        row.update(_parts(group, index, shape))
    return row


def _parts(group: MinuteGroup, index: int, shape: Shape) -> Mapping[str, object]:
    count = int(group.counts[index])
    if not count:
        return dict.fromkeys(f"{shape.name}_{part}" for part in ("sum", "count", "min", "max", "gpus"))
    smallest, largest = float(group.smallest[index]), float(group.largest[index])
    is_whole = shape.metric.is_whole and not shape.is_counter
    return {
        f"{shape.name}_sum": float(group.sums[index]),
        f"{shape.name}_count": count,
        f"{shape.name}_min": int(smallest) if is_whole else smallest,
        f"{shape.name}_max": int(largest) if is_whole else largest,
        f"{shape.name}_gpus": count,
    }
