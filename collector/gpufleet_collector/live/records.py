"""The mutable records behind the views: what is known of one host and of one GPU."""

from dataclasses import dataclass, field

from gpufleet_collector.live import readings
from gpufleet_collector.live.readings import Freshness, Readings, Windows
from gpufleet_collector.live.views import NO_INDEX, GpuKey, GpuNow, HostNow
from gpufleet_collector.model import AgentCost, AgentInfo, Gpu, HostState, Inventory

DEFAULT_INTERVAL_SECONDS = 5.0
_DEFAULT_WINDOWS = readings.windows(DEFAULT_INTERVAL_SECONDS)


@dataclass(slots=True, eq=False)
class HostRecord:
    """`last_heard` is monotonic seconds; None until this collector has heard of the host."""

    name: str
    state: HostState
    since: int
    agent: AgentInfo
    inventory: Inventory
    gpus: dict[str, Gpu]
    last_seen: int | None = None
    last_heard: float | None = None
    left: bool = False
    interval_seconds: float | None = None
    windows: Windows = _DEFAULT_WINDOWS
    skew_seconds: float | None = None
    cost: AgentCost | None = None

    def set_interval(self, interval_seconds: float) -> None:
        if interval_seconds != self.interval_seconds:
            self.interval_seconds = interval_seconds
            self.windows = readings.windows(interval_seconds)

    def view(self) -> HostNow:
        return HostNow(
            host=self.name,
            state=self.state,
            since=self.since,
            last_seen=self.last_seen,
            agent=self.agent,
            inventory=self.inventory,
            interval_seconds=self.interval_seconds,
            skew_seconds=self.skew_seconds,
            cost=self.cost,
        )


@dataclass(slots=True, eq=False)
class GpuRecord:
    """`claimed_at` is the newest instant at which a host said that the GPU is its own (that host's wall clock)."""

    host: HostRecord
    gpu: Gpu
    claimed_at: int
    version: int
    """New, and never used before, with every change of what is shown, except freshness and what belongs to the host."""
    readings: Readings = field(default_factory=readings.no_readings)

    @property
    def key(self) -> GpuKey:
        index = self.gpu.index
        return self.host.name, NO_INDEX if index is None else index, self.gpu.uuid

    def freshness(self, now: float) -> Freshness:
        return readings.freshness(self.readings, self.host.windows, now)

    def view(self, now: float) -> GpuNow:
        return GpuNow(
            key=self.key,
            host=self.host.name,
            host_state=self.host.state,
            simulated=self.host.inventory.simulated,
            gpu=self.gpu,
            recorded_at=readings.recorded_at(self.readings),
            values=readings.merge(self.readings, self.freshness(now)),
        )
