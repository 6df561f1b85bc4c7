"""What was read of one GPU, per tier: each tier keeps its newest reading until that is too old to be called now."""

from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple

from gpufleet_collector.model import Sample, Values
from gpufleet_proto.catalog import METRICS, Tier

FRESH_PERIODS = 2.5
"""A reading is the current value for this many periods of its tier."""

TIERS: tuple[Tier, ...] = tuple(Tier)
CORE = TIERS.index(Tier.CORE)
SLOW = TIERS.index(Tier.SLOW)
NOTHING: Values = (None,) * len(METRICS)


class Reading(NamedTuple):
    """One tier of a sample. `recorded_at` is the agent's wall clock in microseconds, `received` monotonic seconds."""

    recorded_at: int
    received: float
    values: Values


Readings = list[Reading | None]
"""The newest reading of each tier, in the order of TIERS."""

Windows = tuple[float, ...]
"""For how many seconds after its receipt the reading of each tier is the current value."""

Freshness = tuple[bool, ...]
"""Which tiers have a current value."""

_TIER_OF_METRIC = tuple(TIERS.index(metric.tier) for metric in METRICS)
_OF_TIER = tuple(itemgetter(*(index for index, metric in enumerate(METRICS) if metric.tier is tier)) for tier in TIERS)
_EXAMPLES = tuple(next(metric for metric in METRICS if metric.tier is tier) for tier in TIERS)


def no_readings() -> Readings:
    return [None] * len(TIERS)


def windows(interval_seconds: float) -> Windows:
    """How long readings of each tier stay current with an agent that polls at this interval."""
    return tuple(FRESH_PERIODS * metric.period_seconds(interval_seconds) for metric in _EXAMPLES)


def carries(values: Values, tier: int) -> bool:
    """Whether anything of this tier was read."""
    of_tier: Values = _OF_TIER[tier](values)
    return of_tier.count(None) < len(of_tier)


def is_fresh(reading: Reading | None, window: float, now: float) -> bool:
    return reading is not None and now - reading.received <= window


def freshness(readings: Sequence[Reading | None], lasting: Windows, now: float) -> Freshness:
    return tuple(is_fresh(reading, window, now) for reading, window in zip(readings, lasting, strict=True))


def accept(readings: Readings, sample: Sample, lasting: Windows, now: float) -> bool:
    """Put the sample's tiers in place of older ones; whether anything was.

    An older instant never takes the place of a current reading. It does take the place of one that is no longer
    current: otherwise a host whose clock was set back would show nothing until its clock has caught up.
    """
    changed = False
    reading = Reading(sample.recorded_at, now, sample.values)
    for tier, window in enumerate(lasting):
        held = readings[tier]
        if not carries(sample.values, tier):
            continue
        if held is None or sample.recorded_at > held.recorded_at or not is_fresh(held, window, now):
            readings[tier] = reading
            changed = True
    return changed


def merge(readings: Sequence[Reading | None], fresh: Freshness) -> Values:
    """The current value of every metric: that of its tier's reading, absent where the tier is not fresh."""
    sources = tuple(
        reading.values if reading is not None and is_current else NOTHING
        for reading, is_current in zip(readings, fresh, strict=True)
    )
    if all(source is sources[0] for source in sources):
        return sources[0]
    return tuple([sources[tier][index] for index, tier in enumerate(_TIER_OF_METRIC)])


def recorded_at(readings: Sequence[Reading | None]) -> int | None:
    """Instant of the newest core tick, however old."""
    core = readings[CORE]
    return None if core is None else core.recorded_at
