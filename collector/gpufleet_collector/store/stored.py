"""From when until when there are samples at all, so that nobody looks for them hour by hour in all of time."""

from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.store.partitions import (
    GPU_STATS,
    GPU_STATS_1H,
    GPU_STATS_5M,
    GPU_STATS_LATE,
    GPU_STATS_PACKED,
    Partitioning,
)
from gpufleet_collector.store.parts import Span
from gpufleet_collector.store.plan import Source
from gpufleet_collector.store.times import DAY_US

SHORT_US = 2 * DAY_US
"""A span that is no longer is looked through faster than the partitions are listed."""

_SAMPLES = (GPU_STATS, GPU_STATS_PACKED, GPU_STATS_LATE)
_TABLES: dict[Source, tuple[Partitioning, ...]] = {
    Source.SAMPLES: _SAMPLES,
    Source.FIVE_MINUTES: (*_SAMPLES, GPU_STATS_5M),
    Source.HOURS: (*_SAMPLES, GPU_STATS_1H),
}


async def stored_span(connection: AsyncConnection, span: Span, source: Source) -> Span:
    """What is left of [since, until) (microseconds) within the time that has partitions."""
    since, until = span
    if until - since <= SHORT_US:
        return span
    found = [(table, await table.stored(connection)) for table in _TABLES[source]]
    begins = [table.begin(numbers.start) for table, numbers in found if numbers]
    ends = [table.begin(numbers.stop) for table, numbers in found if numbers]
    return max(since, min(begins, default=until)), min(until, max(ends, default=since))
