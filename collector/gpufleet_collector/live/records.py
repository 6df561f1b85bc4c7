"""The mutable records behind the views: what is known of one host and of one GPU."""

import math
from dataclasses import dataclass

from gpufleet_collector.live import readings
from gpufleet_collector.live.board import Board
from gpufleet_collector.live.freshness import Patience, patience
from gpufleet_collector.live.readings import SLOW, Freshness, Windows
from gpufleet_collector.live.views import NO_INDEX, GpuKey, GpuNow, HostNow, ProcessNow
from gpufleet_collector.model import AgentCost, AgentInfo, Gpu, HostState, Inventory, Process, ProcessList

DEFAULT_INTERVAL_SECONDS = 5.0
_DEFAULT_WINDOWS = readings.windows(DEFAULT_INTERVAL_SECONDS)
AT_ONCE = -math.inf


@dataclass(slots=True, eq=False)
class HostRecord:
    """`last_heard` is monotonic seconds; None until this collector has heard of the host. `quiet_since` is the same,
    and goes on from what the database remembers. `source` is the collector that heard it last; None is this one, which
    itself heard it last at `heard_here`. Time alone changes nothing about the host before `due`."""

    name: str
    state: HostState
    since: int
    agent: AgentInfo
    inventory: Inventory
    gpus: dict[str, Gpu]
    last_seen: int | None = None
    last_heard: float | None = None
    quiet_since: float = 0.0
    source: str | None = None
    heard_here: float = -math.inf
    due: float = AT_ONCE
    left: bool = False
    interval_seconds: float | None = None
    windows: Windows = _DEFAULT_WINDOWS
    is_paced: bool = False
    """Whether anything is known of how often it is read."""
    skew_seconds: float | None = None
    cost: AgentCost | None = None
    processes: ProcessList | None = None
    processes_received: float = 0.0
    """Monotonic seconds."""

    def set_interval(self, interval_seconds: float) -> bool:
        """Whether it is another one than before."""
        if interval_seconds == self.interval_seconds:
            return False
        self.interval_seconds = interval_seconds
        self.windows = readings.windows(interval_seconds)
        self.is_paced = True
        self.due = AT_ONCE
        return True

    def suppose_interval(self, interval_seconds: float) -> None:
        """It seems to be as short as this; what the agent says counts."""
        if self.interval_seconds is None:
            supposed = readings.windows(interval_seconds)
            self.windows = min(self.windows, supposed) if self.is_paced else supposed
            self.is_paced = True

    def patience(self, down_after_seconds: float) -> Patience:
        return patience(self.interval_seconds or DEFAULT_INTERVAL_SECONDS, down_after_seconds)

    def running(self, now: float) -> list[ProcessNow]:
        """The processes in order. Those of a host that is up are told as often as its slow tier: an older list is no
        longer what runs now. Of a host that is not up it is the last that is known."""
        told = self.processes
        if told is None or (self.state == "up" and now - self.processes_received > self.windows[SLOW]):
            return []
        views = (self._process(process, told.observed_at) for process in told.processes)
        return sorted(views, key=lambda view: view.key)

    def _process(self, process: Process, observed_at: int) -> ProcessNow:
        gpu = self.gpus.get(process.gpu_uuid)
        index, name = (None, None) if gpu is None else (gpu.index, gpu.name)
        key = (self.name, NO_INDEX if index is None else index, process.gpu_uuid, process.pid)
        return ProcessNow(key, self.name, self.state, index, name, process, observed_at)

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
    """What was read of the GPU is on the board, in `slot`."""

    host: HostRecord
    gpu: Gpu
    board: Board
    slot: int

    @property
    def key(self) -> GpuKey:
        index = self.gpu.index
        return self.host.name, NO_INDEX if index is None else index, self.gpu.uuid

    @property
    def version(self) -> int:
        return int(self.board.versions[self.slot])

    def freshness(self, now: float) -> Freshness:
        return self.board.freshness(self.slot, self.host.windows, now)

    def view(self, now: float) -> GpuNow:
        return GpuNow(
            key=self.key,
            host=self.host.name,
            host_state=self.host.state,
            simulated=self.host.inventory.simulated,
            gpu=self.gpu,
            recorded_at=self.board.core_recorded_at(self.slot),
            values=self.board.current(self.slot, self.freshness(now)),
        )
