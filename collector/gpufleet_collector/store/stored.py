"""From when until when there are samples at all, so that nobody looks for them hour by hour in all of time."""

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
from gpufleet_collector.store.question import Question
from gpufleet_collector.store.times import DAY_US

SHORT_US = 2 * DAY_US
"""A span that is no longer is looked through faster than the partitions are listed."""

_BOUNDS = """
SELECT parent.relname, min(child.relname), max(child.relname)
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid JOIN pg_class AS parent ON parent.oid = inhparent
WHERE inhparent = ANY(CAST(CAST(:tables AS text[]) AS regclass[]))
GROUP BY 1
"""

_SAMPLES = (GPU_STATS, GPU_STATS_PACKED, GPU_STATS_LATE)
_TABLES: dict[Source, tuple[Partitioning, ...]] = {
    Source.SAMPLES: _SAMPLES,
    Source.FIVE_MINUTES: (*_SAMPLES, GPU_STATS_5M),
    Source.HOURS: (*_SAMPLES, GPU_STATS_1H),
}


async def stored_span(asked: Question, span: Span, source: Source) -> Span:
    """What is left of [since, until) (microseconds) within the time that has partitions."""
    since, until = span
    if until - since <= SHORT_US:
        return span
    tables = {table.table: table for table in _TABLES[source]}
    begins, ends = [until], [since]
    found = await asked.fetch(_BOUNDS, {"tables": list(tables)})
    for name, first, last in found:
        table = tables[name]
        begins.append(table.begin(table.parse(first)))
        ends.append(table.begin(table.parse(last) + 1))
    if not found:
        return since, since
    return max(since, min(begins)), min(until, max(ends))
