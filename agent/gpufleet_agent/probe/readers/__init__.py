"""Which metric the NVML backend reads how, one file per concern. Names are the catalogue's; the probe does not import
the catalogue itself, which would cost it the memory of protobuf, so a contract test compares the two."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from gpufleet_agent.probe.readers import (
    clocks,
    ecc,
    memory,
    nvlink,
    pcie,
    power,
    processes,
    profiling,
    recovery,
    remapping,
    thermals,
    throttling,
    utilization,
)
from gpufleet_agent.probe.readers.device import Device

Reader: TypeAlias = Callable[[Device], int | float]
"""Reads one metric of one GPU in the catalogue's unit, or raises `Unreadable` with the reason."""


def merge(*tables: Mapping[str, Reader]) -> dict[str, Reader]:
    """All readers in one table. Two readers of one metric are a mistake: ValueError names it."""
    merged: dict[str, Reader] = {}
    for table in tables:
        for name, reader in table.items():
            if name in merged:
                raise ValueError(f"two readers for {name}")
            merged[name] = reader
    return merged


CORE: Mapping[str, Reader] = merge(
    thermals.READERS,
    power.READERS,
    memory.READERS,
    utilization.READERS,
    clocks.READERS,
    processes.READERS,
)
"""Read at every tick."""

SLOW: Mapping[str, Reader] = merge(
    pcie.READERS,
    ecc.READERS,
    remapping.READERS,
    nvlink.READERS,
    throttling.READERS,
    recovery.READERS,
)
"""Read beside the ticks: see `probe.slow_tier`."""

TRAFFIC = frozenset(pcie.TRAFFIC)
"""Those of the slow tier that the activity counters may tell instead: see `probe.gpm`."""

PROFILING = tuple(profiling.METRICS)
"""Differences of two samples: see `probe.gpm`."""

METRICS: tuple[str, ...] = (*merge(CORE, SLOW), *PROFILING)
"""Everything that this backend reads."""

NOT_READ: Mapping[str, str] = {}
"""The catalogue's other metrics, and why this backend has no reader for them."""
