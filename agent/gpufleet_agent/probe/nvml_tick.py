"""What one reading through NVML has come to, and what is told of the GPUs that it could not read."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from gpufleet_agent.probe.nvml_driver import LIB_RM_VERSION_MISMATCH, LOST_CODES, CallFailed, SessionFailed
from gpufleet_agent.probe.nvml_notes import no_gpu_note, session_note, unopened_note
from gpufleet_agent.probe.readers import METRICS
from gpufleet_agent.probe.readers.device import Device
from gpufleet_agent.readings import DRIVER_MISMATCH, LOST, SUSPENDED, UNKNOWN, GpuIdentity, GpuReading

MAX_GPUS = 256
"""Of one host; those with a higher index are not read, and the note says so."""

LOST_REASON, SUSPENDED_REASON = "LOST", "SUSPENDED"


@dataclass(slots=True)
class Tick:
    """What one reading has come to so far; it began at `now` (monotonic seconds)."""

    now: float
    found: dict[str, GpuReading] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    """The whole GPUs that were read."""
    unopened: dict[int, int] = field(default_factory=dict)
    """Index to NVML's answer, for GPUs that are listed and cannot be opened or do not tell their UUID."""
    failed: SessionFailed | None = None


def unread(gpu: GpuIdentity, state: str, reason: str) -> GpuReading:
    """Of which nothing was read, for one reason."""
    return GpuReading(gpu=gpu, state=state, absent=dict.fromkeys(METRICS, reason))


def asleep(gpu: GpuIdentity) -> GpuReading:
    """Which was not touched."""
    return unread(gpu, SUSPENDED, SUSPENDED_REASON)


def in_order(readings: Iterable[GpuReading]) -> list[GpuReading]:
    """By index, an instance after its GPU, whoever was read first."""
    return sorted(readings, key=lambda reading: reading.gpu.index or 0)


def instances_in(readings: Iterable[GpuReading]) -> dict[tuple[str, int], str]:
    """The MIG instance that speaks for each GPU instance, by the UUID of its GPU and its number."""
    instances: dict[tuple[str, int], str] = {}
    for gpu in (reading.gpu for reading in readings):
        if gpu.parent_uuid is not None and gpu.mig_instance is not None:
            instances.setdefault((gpu.parent_uuid, gpu.mig_instance), gpu.uuid)
    return instances


def missing(gpu: GpuIdentity, tick: Tick) -> GpuReading:
    """Lost, unless a GPU that cannot be opened for another reason sits where this one sat: then nobody knows."""
    code = tick.unopened.get(gpu.index) if gpu.index is not None else None
    if code is None or code in LOST_CODES:
        return unread(gpu, LOST, LOST_REASON)
    state = DRIVER_MISMATCH if code == LIB_RM_VERSION_MISMATCH else UNKNOWN
    return unread(gpu, state, CallFailed("nvmlDeviceGetHandleByIndex", code).reason)


def state_after(failed: SessionFailed) -> str:
    """Of the GPUs of a session that ended so."""
    return DRIVER_MISMATCH if failed.code == LIB_RM_VERSION_MISMATCH else UNKNOWN


def note_of(count: int, tick: Tick) -> str | None:
    """What is wrong although NVML lists `count` GPUs, None when all is well."""
    if tick.failed is not None:
        return session_note(tick.failed.call, tick.failed.code)
    if count == 0:
        return no_gpu_note()
    if count > MAX_GPUS:
        return f"NVML lists {count} GPUs: only the first {MAX_GPUS} are read."
    return unopened_note(tick.unopened)
