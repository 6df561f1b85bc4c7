"""What a backend reads, as plain values: the border between the drivers and the wire."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

OK, LOST, HUNG, DRIVER_MISMATCH, SUSPENDED, UNKNOWN = "ok", "lost", "hung", "driver_mismatch", "suspended", "unknown"
"""States of a GPU; in upper case they are the names of `Gpu.State` on the wire."""

NOT_SUPPORTED, NO_PERMISSION, NAMESPACE, BACKEND = "NOT_SUPPORTED", "NO_PERMISSION", "NAMESPACE", "BACKEND"
ERROR = "ERROR"
"""Reasons for absence, the names of `Absence.Reason` on the wire (there are also MIG, LOST, HUNG and SUSPENDED)."""


@dataclass(frozen=True, slots=True)
class GpuIdentity:
    """Who a GPU is and where it sits. A GPU is its UUID; everything else may change."""

    uuid: str
    index: int | None = None
    name: str | None = None
    pci_bus_id: str | None = None
    serial: str | None = None
    vbios: str | None = None
    parent_uuid: str | None = None
    mig_profile: str | None = None
    mig_instance: int | None = None


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One GPU at one tick. `values` holds what was read, by catalogue name and in catalogue units; `absent` says why
    each metric that was asked for is not there (catalogue name to reason)."""

    gpu: GpuIdentity
    state: str = OK
    values: Mapping[str, int | float] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GpuEvent:
    """Something that happened once. `kind` and `severity` are names of `Event.Kind` and `Event.Severity` on the wire;
    `code` is the number of an XID; `instant_us` is wall time in microseconds."""

    instant_us: int
    kind: str
    severity: str
    text: str
    gpu_uuid: str | None = None
    code: int | None = None


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that holds a context on a GPU. `started_at_us` is wall time in microseconds, memory is in MiB; None is
    not known."""

    gpu_uuid: str
    pid: int
    started_at_us: int | None = None
    name: str | None = None
    memory_used_mb: int | None = None
    sm_utilization_percent: int | None = None
    graphics: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """All GPUs of a host at one tick, with what is known of the driver. `note` says in one sentence for the operator
    why there is no GPU or what is wrong with the driver; None when all is well. `events` are those that the driver told
    since the reading before; `processes` is None at ticks at which they were not read.
    `milliseconds` is the wall time of driver calls by group (`core`, `slow`, ...)."""

    backend: str
    gpus: tuple[GpuReading, ...] = ()
    driver_version: str | None = None
    nvml_version: str | None = None
    note: str | None = None
    simulated: bool = False
    events: tuple[GpuEvent, ...] = ()
    processes: tuple[GpuProcess, ...] | None = None
    milliseconds: Mapping[str, float] = field(default_factory=dict)


class Breadcrumb(Protocol):
    """Where a backend says which driver call it is about to make, so that a hang can be named."""

    def enter(self, call: str, gpu: str, deadline_seconds: float | None = None) -> None:
        """`call` on `gpu` ("GPU 3", or "" for the whole driver) begins now. None means the usual deadline."""

    def leave(self) -> None:
        """The call has returned."""


@runtime_checkable
class CanLeaveAlone(Protocol):
    """A backend that can read some GPUs and not touch others."""

    def leave_alone(self, indexes: frozenset[int]) -> None:
        """From now on make no driver call on the GPUs with these indexes; they are not in the readings."""


@runtime_checkable
class CanWarmUp(Protocol):
    """A backend whose first reading lacks what takes time: differences, and calls that are slow."""

    def warm_up(self, instant_us: int) -> None:
        """Read once for nothing and wait, for a few seconds at most, so that the next reading is whole."""


class Backend(Protocol):
    """One way to read the GPUs of a host.

    `read` never raises for what a driver does: a field that fails costs that field, a GPU that fails costs that GPU,
    and a driver that is missing gives a `Reading` without GPUs and with a note. It may be called again at any time and
    then looks again.
    """

    name: str

    def read(self, instant_us: int) -> Reading:
        """Read every GPU now. `instant_us` is the wall time of the tick in microseconds."""

    def close(self) -> None:
        """Release the driver. Safe to call twice and without a read before."""
