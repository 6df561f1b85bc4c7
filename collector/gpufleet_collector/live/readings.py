"""What was read of the GPUs, by tier: each tier keeps its newest reading until that is too old to be called now."""

from gpufleet_proto.catalog import METRICS, Tier

FRESH_PERIODS = 2.5
"""A reading is the current value for this many periods of its tier."""

TIERS: tuple[Tier, ...] = tuple(Tier)
CORE = TIERS.index(Tier.CORE)
SLOW = TIERS.index(Tier.SLOW)

COLUMNS_OF_TIER: tuple[tuple[int, ...], ...] = tuple(
    tuple(index for index, metric in enumerate(METRICS) if metric.tier is tier) for tier in TIERS
)
"""The positions in METRICS of each tier's metrics."""

Windows = tuple[float, ...]
"""For how many seconds after its receipt the reading of each tier is the current value."""

Freshness = tuple[bool, ...]
"""Which tiers have a current value."""

_EXAMPLES = tuple(METRICS[columns[0]] for columns in COLUMNS_OF_TIER)


def windows(interval_seconds: float) -> Windows:
    """How long readings of each tier stay current with an agent that polls at this interval."""
    return tuple(FRESH_PERIODS * metric.period_seconds(interval_seconds) for metric in _EXAMPLES)
