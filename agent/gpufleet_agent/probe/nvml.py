"""The NVML backend: opens the driver, finds its GPUs anew at every tick, and gives each its own reading, so that what
fails on one GPU or in one call costs nothing else."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from gpufleet_agent.probe.nvml_driver import (
    LIB_RM_VERSION_MISMATCH,
    LIBRARY_FOLDERS,
    LOST_CODES,
    CallFailed,
    GpuLost,
    NvmlDriver,
    SessionFailed,
    Unreadable,
)
from gpufleet_agent.probe.nvml_identity import identify
from gpufleet_agent.probe.nvml_notes import no_gpu_note, session_note, unopened_note
from gpufleet_agent.probe.pid_namespace import pid_namespace_is_host as judge_pid_namespace
from gpufleet_agent.probe.readers import READERS
from gpufleet_agent.probe.readers.device import Device
from gpufleet_agent.readings import (
    DRIVER_MISMATCH,
    ERROR,
    LOST,
    UNKNOWN,
    Breadcrumb,
    GpuIdentity,
    GpuReading,
    Reading,
)

MAX_GPUS = 256
"""Of one host; those with a higher index are not read, and the note says so."""
MAX_KNOWN_GPUS = 2 * MAX_GPUS
"""GPUs remembered, the lost ones included; past it those known longest and missing now are forgotten."""

LOST_REASON = "LOST"


@dataclass(frozen=True, slots=True)
class _Session:
    """An open driver and what it says about itself."""

    driver: NvmlDriver
    driver_version: str | None
    nvml_version: str | None


@dataclass(frozen=True, slots=True)
class _Known:
    """A GPU seen before. `settled` is whether its identity needs no second look."""

    gpu: GpuIdentity
    settled: bool


@dataclass(slots=True)
class _Tick:
    """What one reading has come to so far."""

    found: dict[str, GpuReading] = field(default_factory=dict)
    unopened: dict[int, int] = field(default_factory=dict)
    """Index to NVML's answer, for GPUs that are listed and cannot be opened or do not tell their UUID."""
    failed: SessionFailed | None = None


class NvmlBackend:
    """Reads GPUs through nvidia-ml-py. Nothing is loaded before the first `read`."""

    name = "nvml"

    def __init__(
        self,
        breadcrumb: Breadcrumb,
        *,
        pid_namespace_is_host: bool | None = None,
        library_folders: tuple[str, ...] = LIBRARY_FOLDERS,
    ) -> None:
        """`pid_namespace_is_host` is judged from /proc when None. `library_folders` are searched for the library after
        the loader's own."""
        self._breadcrumb = breadcrumb
        self._library_folders = library_folders
        if pid_namespace_is_host is None:
            pid_namespace_is_host = judge_pid_namespace(Path("/proc"))
        self._pid_namespace_is_host = pid_namespace_is_host
        self._session: _Session | None = None
        self._known: dict[str, _Known] = {}
        self._needs_new_process = False
        self._left_alone: frozenset[int] = frozenset()

    @property
    def needs_new_process(self) -> bool:
        """Whether the last reading met a library and a kernel module of different versions. A process keeps the library
        that it has loaded, so only a new one can pick up the new library."""
        return self._needs_new_process

    def read(self, instant_us: int) -> Reading:  # noqa: ARG002 - NVML answers for now
        """Read every GPU now. Opens NVML first where it is not open."""
        self._needs_new_process = False
        try:
            if self._session is None:
                self._session = self._open()
            return self._read(self._session)
        except SessionFailed as failed:
            self._end_session(failed)
            state = _state_after(failed)
            return Reading(
                backend=self.name,
                gpus=tuple(_unread(known.gpu, state, ERROR) for known in self._known.values()),
                note=session_note(failed.call, failed.code),
            )

    def leave_alone(self, indexes: frozenset[int]) -> None:
        """GPUs on which a call hung before: another call would hang this process too."""
        self._left_alone = indexes

    def close(self) -> None:
        """Release the driver and forget the GPUs that were seen."""
        self._release()
        self._known.clear()

    def _open(self) -> _Session:
        driver = NvmlDriver(self._breadcrumb, self._library_folders)
        return _Session(
            driver=driver,
            driver_version=_text(driver, "nvmlSystemGetDriverVersion"),
            nvml_version=_text(driver, "nvmlSystemGetNVMLVersion"),
        )

    def _release(self) -> None:
        if self._session is not None:
            self._session.driver.close()
            self._session = None
        # The next session may find the same boards with another VBIOS or in another slot.
        for uuid in self._known:
            self._unsettle(uuid)

    def _end_session(self, failed: SessionFailed) -> None:
        self._needs_new_process = failed.code == LIB_RM_VERSION_MISMATCH
        self._release()

    def _read(self, session: _Session) -> Reading:
        count = session.driver.call_whole("nvmlDeviceGetCount")
        tick = _Tick()
        for index in range(min(count, MAX_GPUS)):
            if index not in self._left_alone:
                self._read_index(session.driver, index, tick)
        gpus = (*tick.found.values(), *self._missing(tick))
        self._forget_excess(tick)
        if tick.failed is not None:
            self._end_session(tick.failed)
        elif not tick.found:
            # A session's list of GPUs is as old as the session: a new one looks again.
            self._release()
        return Reading(
            backend=self.name,
            gpus=gpus,
            driver_version=session.driver_version,
            nvml_version=session.nvml_version,
            note=_note(count, tick),
        )

    def _read_index(self, driver: NvmlDriver, index: int, tick: _Tick) -> None:
        """Read the GPU at `index`. Its UUID is asked for every time: indexes move, and a value must never be filed
        under the GPU that sat there before."""
        label = f"GPU {index}"
        try:
            handle = driver.open_gpu(index, label)
            uuid = driver.call("nvmlDeviceGetUUID", label, handle)
        except (CallFailed, GpuLost) as failed:
            tick.unopened[index] = failed.code
            return
        except SessionFailed as failed:
            tick.unopened[index] = failed.code
            tick.failed = failed
            return
        if uuid and uuid not in tick.found:
            device = Device(driver, handle, label, self._pid_namespace_is_host)
            tick.found[uuid] = self._read_gpu(device, uuid, index, tick)

    def _read_gpu(self, device: Device, uuid: str, index: int, tick: _Tick) -> GpuReading:
        try:
            gpu = self._identify(device, uuid, index)
            values, absent = _read_metrics(device)
        except GpuLost:
            return _unread(self._last_identity(uuid, index), LOST, LOST_REASON)
        except SessionFailed as failed:
            tick.failed = failed
            return _unread(self._last_identity(uuid, index), _state_after(failed), ERROR)
        return GpuReading(gpu=gpu, values=values, absent=absent)

    def _identify(self, device: Device, uuid: str, index: int) -> GpuIdentity:
        known = self._known.get(uuid)
        if known is None or not known.settled:
            known = _Known(*identify(device, uuid, index))
        elif known.gpu.index != index:
            known = replace(known, gpu=replace(known.gpu, index=index))
        self._known[uuid] = known
        return known.gpu

    def _last_identity(self, uuid: str, index: int) -> GpuIdentity:
        self._known.setdefault(uuid, _Known(GpuIdentity(uuid, index), settled=False))
        self._unsettle(uuid)
        return self._known[uuid].gpu

    def _unsettle(self, uuid: str) -> None:
        self._known[uuid] = replace(self._known[uuid], settled=False)

    def _missing(self, tick: _Tick) -> list[GpuReading]:
        """GPUs that were here before and are not now."""
        missing = []
        for uuid in self._known.keys() - tick.found.keys():
            self._unsettle(uuid)
            missing.append(_missing_reading(self._known[uuid].gpu, tick))
        return sorted(missing, key=lambda reading: (reading.gpu.index or 0, reading.gpu.uuid))

    def _forget_excess(self, tick: _Tick) -> None:
        excess = len(self._known) - MAX_KNOWN_GPUS
        if excess > 0:
            for uuid in [uuid for uuid in self._known if uuid not in tick.found][:excess]:
                del self._known[uuid]


def _read_metrics(device: Device) -> tuple[dict[str, int | float], dict[str, str]]:
    values: dict[str, int | float] = {}
    absent: dict[str, str] = {}
    for name, reader in READERS.items():
        try:
            values[name] = reader(device)
        except Unreadable as unreadable:
            absent[name] = unreadable.reason
    return values, absent


def _unread(gpu: GpuIdentity, state: str, reason: str) -> GpuReading:
    return GpuReading(gpu=gpu, state=state, absent=dict.fromkeys(READERS, reason))


def _missing_reading(gpu: GpuIdentity, tick: _Tick) -> GpuReading:
    """Lost, unless a GPU that cannot be opened for another reason sits where this one sat: then nobody knows."""
    code = tick.unopened.get(gpu.index) if gpu.index is not None else None
    if code is None or code in LOST_CODES:
        return _unread(gpu, LOST, LOST_REASON)
    state = DRIVER_MISMATCH if code == LIB_RM_VERSION_MISMATCH else UNKNOWN
    return _unread(gpu, state, CallFailed("nvmlDeviceGetHandleByIndex", code).reason)


def _state_after(failed: SessionFailed) -> str:
    return DRIVER_MISMATCH if failed.code == LIB_RM_VERSION_MISMATCH else UNKNOWN


def _text(driver: NvmlDriver, call: str) -> str | None:
    """A version of the driver; not to know it is no reason to read nothing."""
    try:
        return driver.call(call, "") or None
    except (CallFailed, GpuLost):
        return None


def _note(count: int, tick: _Tick) -> str | None:
    if tick.failed is not None:
        return session_note(tick.failed.call, tick.failed.code)
    if count == 0:
        return no_gpu_note()
    if count > MAX_GPUS:
        return f"NVML lists {count} GPUs: only the first {MAX_GPUS} are read."
    return unopened_note(tick.unopened)
