"""Whether the fleet has minutes of a label for all of a time. An hour has those of the labels that the collector which
packed it was told of, and that may have been another one, or before the label was added."""

from collections.abc import Sequence

from gpufleet_collector.store.parts import Span
from gpufleet_collector.store.question import Question
from gpufleet_collector.store.times import HOUR_US, to_datetime

_HOUR = "date_bin(interval '1 hour', minute, timestamptz 'epoch')"
_LEFT_OUT = f"""
SELECT EXISTS (
    SELECT {_HOUR} FROM fleet_stats_1m
    WHERE scope = 'fleet' AND key = '' AND value = '' AND minute >= :since AND minute < :until
    EXCEPT
    SELECT {_HOUR} FROM fleet_stats_1m WHERE scope = 'label' AND key = :label AND minute >= :since AND minute < :until
)
"""  # noqa: S608


async def has_minutes(asked: Question, label: str, span: Span) -> bool:
    """Whether each packed hour of [since, until) (microseconds) that has minutes of the fleet has some of the label. An
    hour in which no host had it counts as one without: other tables know as well."""
    since, until = span[0] // HOUR_US * HOUR_US, min(-(-span[1] // HOUR_US) * HOUR_US, asked.moment.packed_until)
    if since >= until:
        return True
    parameters = {"label": label, "since": to_datetime(since), "until": to_datetime(until)}
    rows: Sequence[Sequence[bool]] = await asked.fetch(_LEFT_OUT, parameters)
    return not rows[0][0]
