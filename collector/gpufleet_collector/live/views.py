"""What the live state says about GPUs and hosts, as frozen values for those who show it."""

from collections import Counter
from dataclasses import dataclass

from gpufleet_collector.model import AgentCost, AgentInfo, Gpu, HostState, Inventory, Process, Values

HEARD = frozenset({"up", "late"})
"""The states of hosts that say how their GPUs are."""

GpuKey = tuple[str, int, str]
"""Order of GPUs in every list: host, index (unknown ones last), UUID."""

NO_INDEX = 2**31
"""Stands in a key for an index that is not known."""


@dataclass(frozen=True, slots=True)
class GpuNow:
    """One GPU now. `recorded_at` is the newest core tick in microseconds, None if never; absent values are None."""

    key: GpuKey
    host: str
    host_state: HostState
    simulated: bool
    gpu: Gpu
    recorded_at: int | None
    values: Values


@dataclass(frozen=True, slots=True)
class HostNow:
    """One host now. `since` (of the state) and `last_seen` are microseconds of the collector's wall clock."""

    host: str
    state: HostState
    since: int
    last_seen: int | None
    agent: AgentInfo
    inventory: Inventory
    interval_seconds: float | None
    skew_seconds: float | None
    cost: AgentCost | None

    @property
    def gpu_count(self) -> int:
        """Whole GPUs; MIG instances are parts of them."""
        return sum(gpu.parent_uuid is None for gpu in self.inventory.gpus)


@dataclass(frozen=True, slots=True)
class Census:
    """How many hosts, and how many GPUs with their MIG instances, are in each state; a state that nobody is in may be
    missing. How a GPU is, nobody knows while nothing is heard of its host."""

    hosts: Counter[str]
    gpus: Counter[str]


ProcessKey = tuple[str, int, str, int]
"""Order of processes in every list: that of their GPUs, then the pid."""


@dataclass(frozen=True, slots=True)
class ProcessNow:
    """One process on a GPU, as its host told of it at `observed_at` (microseconds of the agent's clock). Index and name
    of the GPU are None while the host does not declare it."""

    key: ProcessKey
    host: str
    host_state: HostState
    gpu_index: int | None
    gpu_name: str | None
    process: Process
    observed_at: int
