"""From when until when there are samples at all, so that nobody looks for them hour by hour in all of time, and from
when on retention has dropped nothing of them, so that nobody takes what is left of a bucket for all of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from gpufleet_collector.store.partitions import (
    FLEET_STATS_1M,
    GPU_STATS,
    GPU_STATS_1H,
    GPU_STATS_5M,
    GPU_STATS_LATE,
    GPU_STATS_PACKED,
    Partitioning,
)
from gpufleet_collector.store.parts import Span
from gpufleet_collector.store.plan import MINUTE_US, PARTITIONED, Kept, Source
from gpufleet_collector.store.question import Question
from gpufleet_collector.store.times import DAY_US, to_datetime, to_us

SHORT_US = 2 * DAY_US
"""A span that is no longer is looked through faster than the partitions are listed; and of one that began no longer ago
nothing is dropped, unless less is kept."""

_BOUNDS = """
SELECT parent.relname, min(child.relname), max(child.relname)
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid JOIN pg_class AS parent ON parent.oid = inhparent
WHERE inhparent = ANY(CAST(CAST(:tables AS text[]) AS regclass[]))
GROUP BY 1
"""
# Minutes of the fleet are kept for longest, and the key of the fleet's own leads to the last one before an instant.
_LAST_BEFORE = """
SELECT (
    SELECT minute FROM fleet_stats_1m
    WHERE scope = 'fleet' AND key = '' AND value = '' AND minute < :first AND exact ORDER BY minute DESC LIMIT 1
) AS last, (SELECT min(first_seen) FROM hosts) AS first_seen
"""

_SAMPLES = (GPU_STATS, GPU_STATS_PACKED, GPU_STATS_LATE)
_TABLES: dict[Source, tuple[Partitioning, ...]] = {
    Source.SAMPLES: _SAMPLES,
    Source.FIVE_MINUTES: (*_SAMPLES, GPU_STATS_5M),
    Source.HOURS: (*_SAMPLES, GPU_STATS_1H),
    Source.FLEET_MINUTES: (*_SAMPLES, FLEET_STATS_1M),
}

_Bounds = Mapping[str, Span]
"""Of tables with partitions, by name: from the begin of the first to the end of the last."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What of a question's time is stored: `span` is what is left of it within the time that has partitions. Before
    `whole_from` retention has dropped something of the source's, and before `samples_from` of the samples; 0 where it
    has not."""

    span: Span
    whole_from: int = 0
    samples_from: int = 0


async def stored_span(asked: Question, span: Span, source: Source) -> Span:
    """What is left of [since, until) (microseconds) within the time that has partitions."""
    if span[1] - span[0] <= SHORT_US:
        return span
    return _within(span, await _bounds(asked, source))


async def find_stored(asked: Question, span: Span, source: Source, kept: Kept, now: int) -> Stored:
    """What is stored of [since, until), microseconds."""
    since, until = span
    surely_kept = now - min(SHORT_US, kept.us(source), kept.us(Source.SAMPLES))
    if since >= surely_kept and until - since <= SHORT_US:
        return Stored(span)
    bounds = await _bounds(asked, source)
    whole_from = await _whole_from(asked, since, source, bounds, kept, now)
    samples_from = whole_from
    if source is not Source.SAMPLES:
        samples_from = await _whole_from(asked, since, Source.SAMPLES, bounds, kept, now)
    return Stored(_within(span, bounds) if until - since > SHORT_US else span, whole_from, samples_from)


async def _bounds(asked: Question, source: Source) -> _Bounds:
    tables = {table.table: table for table in _TABLES[source]}
    found = {}
    for name, first, last in await asked.fetch(_BOUNDS, {"tables": list(tables)}):
        table = tables[name]
        found[name] = table.begin(table.parse(first)), table.begin(table.parse(last) + 1)
    return found


def _within(span: Span, bounds: _Bounds) -> Span:
    since, until = span
    if not bounds:
        return since, since
    begins, ends = zip(*bounds.values(), strict=True)
    return max(since, min(until, *begins)), min(until, max(since, *ends))


async def _whole_from(asked: Question, since: int, source: Source, bounds: _Bounds, kept: Kept, now: int) -> int:
    """The end of what the fleet has had, and the source has no more; 0 when that is nothing. A store that is younger
    than what is kept begins where its first sample is."""
    first = _first(source, bounds, asked.moment.packed_until)
    if since >= first:
        return 0
    ((last, first_seen),) = await asked.fetch(_LAST_BEFORE, {"first": to_datetime(first)})
    if last is not None:
        return to_us(last) + MINUTE_US
    # The fleet's minutes go no further back themselves. What is due is dropped, and it was there if the fleet was; what
    # was due before more is kept, nobody knows.
    dropped = min(first, kept.oldest(source, now))
    return dropped if first_seen is not None and to_us(first_seen) < dropped else 0


def _first(source: Source, bounds: _Bounds, packed_until: int) -> int:
    """The begin of the first partition; what is not packed yet is told by rows."""
    if source is Source.SAMPLES:
        return min(
            (bounds[table.table][0] for table in (GPU_STATS, GPU_STATS_PACKED) if table.table in bounds),
            default=packed_until,
        )
    own = bounds.get(PARTITIONED[source].table)
    return packed_until if own is None else min(own[0], packed_until)
