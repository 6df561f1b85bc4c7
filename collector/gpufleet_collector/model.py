"""What travels between ingest, live, store and web: frozen values without protobuf, SQL or HTTP in them."""

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gpufleet_proto.catalog import METRICS

Values: TypeAlias = tuple[int | float | None, ...]
"""One value per metric in the order of `METRICS`, rounded to its resolution; None is absent."""

METRIC_NAMES: tuple[str, ...] = tuple(metric.name for metric in METRICS)
METRIC_INDEX: dict[str, int] = {name: index for index, name in enumerate(METRIC_NAMES)}

EIGHT_METRICS: tuple[str, ...] = METRIC_NAMES[:8]
"""The metrics that existing clients of the WebSocket know."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as its agent declares it. `state` is lower case (`ok`, `lost`, ...); `absent` maps metric to reason."""

    uuid: str
    index: int | None = None
    name: str | None = None
    pci_bus_id: str | None = None
    serial: str | None = None
    vbios: str | None = None
    parent_uuid: str | None = None
    mig_profile: str | None = None
    mig_instance: int | None = None
    state: str = "unknown"
    absent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The GPUs of a host since `observed_at` (microseconds of wall time, the agent's clock)."""

    observed_at: int
    backend: str
    simulated: bool = False
    driver_version: str | None = None
    nvml_version: str | None = None
    note: str | None = None
    gpus: tuple[Gpu, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentInfo:
    """The agent at the other end of a stream, from its Hello. `agent_id` is new with every start of the process."""

    agent_id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    boot_id: str = ""
    version: str = ""
    platform: str = ""


@dataclass(frozen=True, slots=True)
class AgentCost:
    """What the agent itself uses, from its heartbeat. None is not known."""

    supervisor_rss_bytes: int | None = None
    probe_rss_bytes: int | None = None
    supervisor_cpu_seconds_total: float | None = None
    probe_cpu_seconds_total: float | None = None
    samples_taken_total: int = 0
    samples_dropped_total: int = 0
    reconnects_total: int = 0
    unacked_reports: int = 0
    unacked_bytes: int = 0
    probe_restarts_total: int = 0
    tick_milliseconds: Mapping[str, float] = field(default_factory=dict)
    hung_call: str | None = None
    hung_seconds: float | None = None
    spool_reports: int | None = None
    spool_bytes: int | None = None
    spool_dropped_samples_total: int = 0
    spool_failures_total: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One GPU at one instant (microseconds of wall time at the tick)."""

    gpu_uuid: str
    recorded_at: int
    values: Values


_IS_WHOLE = tuple(metric.is_whole for metric in METRICS)


def to_values(row: NDArray[np.float64]) -> Values:
    """One row of SampleColumns.values: None where it is NaN, whole numbers as such."""
    return tuple(
        [
            None if value != value else int(value) if whole else value
            for value, whole in zip(row.tolist(), _IS_WHOLE, strict=True)
        ]
    )


@dataclass(frozen=True, slots=True, eq=False)
class SampleColumns:
    """Samples by column, in the order in which they were taken. `recorded_at` is int64 [n], microseconds; `values` is
    float64 [n, metrics] in the order of METRICS, rounded, NaN where absent. Iterating makes Samples."""

    gpu_uuids: Sequence[str]
    recorded_at: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> Self:
        rows = list(samples)
        values = np.array([sample.values for sample in rows], np.float64).reshape(len(rows), len(METRICS))
        instants = np.array([sample.recorded_at for sample in rows], np.int64)
        return cls([sample.gpu_uuid for sample in rows], instants, values)

    @classmethod
    def join(cls, parts: Sequence["SampleColumns"]) -> Self:
        """All rows of the parts, in this order."""
        return cls(
            list(chain.from_iterable([part.gpu_uuids for part in parts])),
            np.concatenate([part.recorded_at for part in parts] or [NO_INSTANTS]),
            np.concatenate([part.values for part in parts] or [NO_VALUES]),
        )

    def part(self, start: int, stop: int) -> "SampleColumns":
        """Rows [start, stop), without a copy of their values."""
        return SampleColumns(self.gpu_uuids[start:stop], self.recorded_at[start:stop], self.values[start:stop])

    def only(self, rows: Sequence[int]) -> "SampleColumns":
        """These rows, copied."""
        names = self.gpu_uuids
        return SampleColumns([names[row] for row in rows], self.recorded_at[rows], self.values[rows])

    def __len__(self) -> int:
        return len(self.gpu_uuids)

    def __iter__(self) -> Iterator[Sample]:
        for uuid, instant, row in zip(self.gpu_uuids, self.recorded_at.tolist(), self.values, strict=True):
            yield Sample(uuid, instant, to_values(row))


NO_INSTANTS = np.empty(0, np.int64)
NO_VALUES = np.empty((0, len(METRICS)))
NO_SAMPLES = SampleColumns([], NO_INSTANTS, NO_VALUES)


EVENT_KINDS = (
    "xid",
    "gpu_lost",
    "gpu_found",
    "gpu_hung",
    "gpu_reset",
    "driver_changed",
    "agent_started",
    "duplicate_host",
    "unspecified",
)
"""What an event may be; `unspecified` is one that only a newer agent has a name for."""

SEVERITIES = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened once on `host`. `kind` is one of EVENT_KINDS, `severity` one of SEVERITIES; `occurred_at`
    is microseconds of wall time, the agent's clock, `received_at` the collector's."""

    id: str
    host: str
    occurred_at: int
    kind: str
    severity: str
    text: str
    gpu_uuid: str | None = None
    code: int | None = None
    received_at: int = 0


@dataclass(frozen=True, slots=True)
class PlacedEvent:
    """An event with the driver's number and the name of its GPU at that time; None where they are not known."""

    event: Event
    gpu_index: int | None = None
    gpu_name: str | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """A process that holds a context on a GPU. `started_at` is microseconds of wall time; memory is in MiB."""

    gpu_uuid: str
    pid: int
    started_at: int | None = None
    name: str | None = None
    memory_used_mb: int | None = None
    sm_utilization_percent: int | None = None
    graphics: bool = False


@dataclass(frozen=True, slots=True)
class ProcessList:
    """All processes on the GPUs of a host at `observed_at` (microseconds of wall time, the agent's clock), each GPU and
    pid once."""

    host: str
    observed_at: int
    processes: tuple[Process, ...] = ()


WHOLE_GPU_PANELS = ("Power", "Memory")
"""What is summed over whole GPUs only: the values of MIG instances are parts of their parent's."""


@dataclass(frozen=True, slots=True)
class MinuteGroup:
    """One minute of a group of GPUs: the fleet, a model, or those whose hosts have a label. Of each metric in the order
    of METRICS: the sum of the GPUs' values (of a counter: of their increases), how many values, the smallest, the
    largest (NaN without any), and how many GPUs. `minute` is its first microsecond."""

    minute: int
    scope: str
    key: str
    value: str
    gpus: int
    sums: NDArray[np.float64]
    smallest: NDArray[np.float64]
    largest: NDArray[np.float64]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class KnownHost:
    """A host as the database remembers it. `last_seen` and `left_at` are microseconds of wall time; `left_at` is None
    unless its agent said goodbye."""

    host: str
    last_seen: int | None
    agent: AgentInfo
    inventory: Inventory
    left_at: int | None = None


class Refusal(enum.Enum):
    """Why a sample was refused for good; the values are the names on the wire and on /metrics."""

    FUTURE = "future"
    TOO_OLD = "too_old"
    INVALID = "invalid"
    LIMIT = "limit"


HOST_STATES = ("up", "late", "down", "left", "unknown")
HostState: TypeAlias = str
"""One of HOST_STATES."""

GPU_STATES = ("ok", "lost", "hung", "driver_mismatch", "suspended", "unknown")
"""How a GPU may be, as its agent says; `unknown` is one that only a newer agent has a name for, too."""

BUS_STATES = ("none", "up", "away")
BusState: TypeAlias = str
"""One of BUS_STATES: how the bus is that a collector shares with others; `none` where it shares with nobody."""
