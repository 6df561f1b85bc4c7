"""Which minutes of the fleet are missing of the time that is not packed yet. Samples that come after their minute make
none: the backlog of an outage, a backfill, and whatever was read while no collector was up."""

from collections.abc import Sequence

from gpufleet_collector.store.parts import Span
from gpufleet_collector.store.plan import MINUTE_US
from gpufleet_collector.store.question import Question
from gpufleet_collector.store.times import SECOND_US, to_datetime

FRESH_US = 3 * MINUTE_US
"""A gap that began no longer ago may be filled yet: a minute is written some seconds after its end."""

_KNOWN = """
SELECT array_agg(CAST(date_part('epoch', minute) AS bigint) ORDER BY minute) FROM fleet_stats_1m
WHERE scope = 'fleet' AND key = '' AND value = '' AND minute >= :since AND minute < :until
"""


def recent_span(span: Span, packed_until: int, now: int) -> Span | None:
    """What of a span that lies on whole minutes is not packed yet, up to the minute that goes on at `now`."""
    begin, end = max(span[0], packed_until), min(span[1], (now // MINUTE_US + 1) * MINUTE_US)
    return (begin, end) if begin < end else None


async def find_gaps(asked: Question, span: Span, now: int) -> Sequence[Span]:
    """The gaps in what is not packed of [since, until) (microseconds), in order."""
    recent = recent_span(span, asked.moment.packed_until, now)
    if recent is None:
        return ()
    since, until = map(to_datetime, recent)
    ((known,),) = await asked.fetch(_KNOWN, {"since": since, "until": until})
    gaps = gaps_of([second * SECOND_US for second in known or ()], recent)
    return [gap for gap in gaps if gap[0] < now - FRESH_US]


def gaps_of(known: Sequence[int], span: Span) -> Sequence[Span]:
    """The times between minutes, which are given by their begins and in order."""
    found, (reached, until) = [], span
    for minute in (*known, until):
        if reached < minute:
            found.append((reached, minute))
        reached = minute + MINUTE_US
    return found


def longest(gaps: Sequence[Span], most: int) -> Sequence[Span]:
    """At most so many of them, in order."""
    return sorted(sorted(gaps, key=lambda gap: gap[0] - gap[1])[:most])


def length(gaps: Sequence[Span]) -> int:
    return sum(until - since for since, until in gaps)


def first_outside(gaps: Sequence[Span], span: Span) -> int:
    """The first instant of a span that is in none of its gaps, or the end of the span."""
    reached, until = span
    for begin, end in gaps:
        if begin > reached:
            break
        reached = end
    return min(reached, until)
