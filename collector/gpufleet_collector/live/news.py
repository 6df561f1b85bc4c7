"""What one collector tells others of the hosts that it hears itself. Times are ages, so that no clock is compared with
that of another machine."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpufleet_collector.live.readings import TIERS
from gpufleet_collector.model import NO_VALUES, AgentCost, AgentInfo, HostState, Inventory, ProcessList

LONGEST_SECONDS = 1e9
"""Whatever is longer ago is told as this."""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """What comes with the heartbeats of a host."""

    interval_seconds: float
    skew_seconds: float | None = None
    cost: AgentCost | None = None


@dataclass(frozen=True, slots=True)
class HostNews:
    """One host. `silent_seconds` is how long ago it was last heard, `state_seconds` how long it is in its state, and
    `processes_seconds` how long ago it told of its processes; a part that is None is as told before. So many `rows` of
    the readings are of this host."""

    host: str
    silent_seconds: float
    state: HostState
    state_seconds: float
    left: bool = False
    agent: AgentInfo | None = None
    inventory: Inventory | None = None
    status: HostStatus | None = None
    processes: ProcessList | None = None
    processes_seconds: float = 0.0
    rows: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """The readings of GPUs, row by row in the order of their hosts: `recorded_at` is [rows, tiers], microseconds of the
    agents' clocks; `ages` are seconds since the receipt of each tier, infinite where it was never read; `values` is
    [rows, metrics], NaN where absent."""

    gpu_uuids: Sequence[str]
    recorded_at: NDArray[np.int64]
    ages: NDArray[np.float64]
    values: NDArray[np.float64]

    def part(self, start: int, stop: int) -> "Readings":
        """Rows [start, stop), without a copy."""
        rows = slice(start, stop)
        return Readings(self.gpu_uuids[rows], self.recorded_at[rows], self.ages[rows], self.values[rows])

    def __len__(self) -> int:
        return len(self.gpu_uuids)


NO_READINGS = Readings([], np.empty((0, len(TIERS)), np.int64), np.empty((0, len(TIERS))), NO_VALUES)


@dataclass(frozen=True, slots=True, eq=False)
class News:
    """Hosts, and the readings of their GPUs."""

    hosts: Sequence[HostNews] = ()
    readings: Readings = NO_READINGS


NO_NEWS = News()
