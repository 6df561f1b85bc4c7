"""The NVML backend: opens the driver, finds its GPUs anew at every tick, and gives each its own reading, so that what
fails on one GPU or in one call costs nothing else."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gpufleet_agent.pci_slot import slot_key
from gpufleet_agent.probe.gpm import SHORTEST_GAP_SECONDS, GpmSampler, Subject
from gpufleet_agent.probe.mig import MigReader, parent_absences
from gpufleet_agent.probe.nvml_driver import (
    LIB_RM_VERSION_MISMATCH,
    LIBRARY_FOLDERS,
    LOST_CODES,
    NOT_FOUND,
    CallFailed,
    GpuLost,
    NvmlDriver,
    SessionFailed,
)
from gpufleet_agent.probe.nvml_identity import identify
from gpufleet_agent.probe.nvml_notes import no_gpu_note, no_xids_note, session_note, unopened_note
from gpufleet_agent.probe.pid_namespace import pid_namespace_is_host as judge_pid_namespace
from gpufleet_agent.probe.process_table import ProcessTable
from gpufleet_agent.probe.processes import ProcessWatch
from gpufleet_agent.probe.readers import CORE, METRICS
from gpufleet_agent.probe.readers.device import Device
from gpufleet_agent.probe.runtime_power import RuntimePower
from gpufleet_agent.probe.sleepers import Sleep, sleep_of
from gpufleet_agent.probe.slow_tier import SlowTier, read_metrics
from gpufleet_agent.probe.xid_events import XidEvents
from gpufleet_agent.readings import (
    DRIVER_MISMATCH,
    ERROR,
    LOST,
    SUSPENDED,
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

SETTLE_SECONDS = 4.0
"""For the slow tier when one reading is to have everything: 32 GPUs take 1.3 s."""

LOST_REASON, SUSPENDED_REASON = "LOST", "SUSPENDED"


@dataclass(frozen=True, slots=True)
class _Session:
    """An open driver, and what is read through it from one tick to the next."""

    driver: NvmlDriver
    gpm: GpmSampler | None
    mig: MigReader
    xids: XidEvents | None


@dataclass(frozen=True, slots=True)
class _Known:
    """A GPU seen before. `settled` is whether its identity needs no second look."""

    gpu: GpuIdentity
    settled: bool


@dataclass(slots=True)
class _Tick:
    """What one reading has come to so far; it began at `now` (monotonic seconds)."""

    now: float
    found: dict[str, GpuReading] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    """The whole GPUs that were read."""
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
        gpm: bool = False,
        slow_tier: SlowTier | None = None,
        clock: Callable[[], float] = time.monotonic,
        release_handles: bool = False,
        proc: Path = Path("/proc"),
        power: RuntimePower | None = None,
    ) -> None:
        """`pid_namespace_is_host` is judged from `proc` when None. `library_folders` are searched for the library after
        the loader's own. Without `gpm` and without a slow tier their metrics are not asked for. With `release_handles`
        the driver is open during readings only, so that it can be unloaded: there is neither activity, which is a
        difference of two readings, nor an XID then. `power` says which GPUs sleep."""
        self._breadcrumb = breadcrumb
        self._library_folders = library_folders
        if pid_namespace_is_host is None:
            pid_namespace_is_host = judge_pid_namespace(proc)
        self._pid_namespace_is_host = pid_namespace_is_host
        self._gpm = gpm and not release_handles
        self._release_handles = release_handles
        self._processes = ProcessWatch(ProcessTable(proc) if pid_namespace_is_host else None)
        self._power = power or RuntimePower()
        self._versions: tuple[str | None, str | None] = (None, None)
        self._slow_tier = slow_tier
        self._clock = clock
        self._session: _Session | None = None
        self._known: dict[str, _Known] = {}
        self._needs_new_process = False
        self._left_alone: frozenset[int] = frozenset()

    @property
    def needs_new_process(self) -> bool:
        """Whether the last reading met a library and a kernel module of different versions. A process keeps the library
        that it has loaded, so only a new one can pick up the new library."""
        return self._needs_new_process

    def read(self, instant_us: int) -> Reading:
        """Read every GPU now, but those that sleep. Opens NVML first where it is not open."""
        self._needs_new_process = False
        sleep = sleep_of(self._power, (known.gpu for known in self._known.values()))
        if sleep.everybody:
            return Reading(self.name, tuple(map(_asleep, sleep.gpus)), *self._versions)
        try:
            if self._session is None:
                self._session = self._open()
            return self._read(self._session, sleep, instant_us)
        except SessionFailed as failed:
            self._end_session(failed)
            state = _state_after(failed)
            return Reading(
                backend=self.name,
                gpus=tuple(_unread(known.gpu, state, ERROR) for known in self._known.values()),
                note=session_note(failed.call, failed.code),
            )
        finally:
            if self._release_handles:
                self._release()

    def warm_up(self, instant_us: int) -> None:
        """Wait for a first pass of the slow tier, and until a second sample can be compared with the first."""
        if not self.read(instant_us).gpus:
            return
        began = self._clock()
        if self._slow_tier is not None:
            self._slow_tier.settle(SETTLE_SECONDS)
        if self._gpm:
            time.sleep(max(0.0, 2 * SHORTEST_GAP_SECONDS - (self._clock() - began)))

    def leave_alone(self, indexes: frozenset[int]) -> None:
        """GPUs on which a call hung before: another call would hang this process too."""
        self._left_alone = indexes

    def close(self) -> None:
        """Release the driver and forget the GPUs that were seen."""
        if self._slow_tier is not None:
            self._slow_tier.close()
        self._release()
        self._known.clear()

    def _open(self) -> _Session:
        driver = NvmlDriver(self._breadcrumb, self._library_folders)
        gpm = GpmSampler(driver) if self._gpm else None
        self._versions = (_text(driver, "nvmlSystemGetDriverVersion"), _text(driver, "nvmlSystemGetNVMLVersion"))
        return _Session(
            driver=driver,
            gpm=gpm,
            mig=MigReader(driver, gpm, pid_namespace_is_host=self._pid_namespace_is_host),
            xids=None if self._release_handles else XidEvents(driver),
        )

    def _release(self) -> None:
        if self._session is not None:
            if self._session.gpm is not None:
                self._session.gpm.close()
            if self._session.xids is not None:
                self._session.xids.close()
            self._session.driver.close()
            self._session = None
        # The next session may find the same boards with another VBIOS or in another slot.
        for uuid in self._known:
            self._unsettle(uuid)

    def _end_session(self, failed: SessionFailed) -> None:
        self._needs_new_process = failed.code == LIB_RM_VERSION_MISMATCH
        self._release()

    def _read(self, session: _Session, sleep: Sleep, instant_us: int) -> Reading:
        count = session.driver.call_whole("nvmlDeviceGetCount")
        tick = _Tick(self._clock(), {gpu.uuid: _asleep(gpu) for gpu in sleep.gpus})
        for slot in sleep.awake[:MAX_GPUS]:
            self._read_slot(session, slot, tick)
        for index in range(min(count, MAX_GPUS) if not sleep.gpus else 0):
            if index not in self._left_alone:
                self._read_index(session, index, tick)
        events = () if session.xids is None else session.xids.read(tick.devices, instant_us)
        processes = self._processes.read(tick.devices, instant_us, _instances(tick.found.values()))
        if self._slow_tier is not None:
            self._slow_tier.tick_ended(tuple(tick.found[uuid].gpu for uuid in tick.devices))
        gpus = (*_in_order(tick.found.values()), *self._missing(tick))
        self._forget_excess(tick)
        if tick.failed is not None:
            self._end_session(tick.failed)
        elif not tick.found:
            # A session's list of GPUs is as old as the session: a new one looks again.
            self._release()
        return Reading(
            backend=self.name,
            gpus=gpus,
            driver_version=self._versions[0],
            nvml_version=self._versions[1],
            note=_note(count, tick) or no_xids_note(None if session.xids is None else session.xids.trouble),
            events=events,
            processes=processes,
        )

    def _read_index(self, session: _Session, index: int, tick: _Tick) -> None:
        """Read the GPU at `index`. Its UUID is asked for every time: indexes move, and a value must never be filed
        under the GPU that sat there before."""
        label, driver = f"GPU {index}", session.driver
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
        self._read_opened(session, handle, uuid, index, tick)

    def _read_slot(self, session: _Session, slot: str, tick: _Tick) -> None:
        """Read the GPU in `slot`. Which index that is matters to nobody but the reader of the reading."""
        known = next((each.gpu for each in self._known.values() if slot_key(each.gpu.pci_bus_id or "") == slot), None)
        index = None if known is None else known.index
        if index in self._left_alone:
            return
        label, driver = f"PCI {slot}" if index is None else f"GPU {index}", session.driver
        try:
            handle = driver.open_slot(slot, label)
            uuid, index = (
                driver.call("nvmlDeviceGetUUID", label, handle),
                driver.call("nvmlDeviceGetIndex", label, handle),
            )
        except (CallFailed, GpuLost) as failed:
            if index is not None and failed.code != NOT_FOUND:
                tick.unopened[index] = failed.code
            return
        except SessionFailed as failed:
            tick.failed = failed
            return
        self._read_opened(session, handle, uuid, index, tick)

    def _read_opened(self, session: _Session, handle: Any, uuid: str, index: int, tick: _Tick) -> None:
        if uuid and uuid not in tick.found:
            device = Device(session.driver, handle, f"GPU {index}", self._pid_namespace_is_host)
            for reading in self._read_gpu(session, device, uuid, index, tick):
                tick.found[reading.gpu.uuid] = reading

    def _read_gpu(self, session: _Session, device: Device, uuid: str, index: int, tick: _Tick) -> list[GpuReading]:
        """The GPU, and its MIG instances after it."""
        try:
            gpu = self._identify(device, uuid, index)
            readings = self._read_tiers(session, device, gpu, tick.now)
        except GpuLost:
            if session.gpm is not None:
                session.gpm.forget(uuid)
            return [_unread(self._last_identity(uuid, index), LOST, LOST_REASON)]
        except SessionFailed as failed:
            tick.failed = failed
            return [_unread(self._last_identity(uuid, index), _state_after(failed), ERROR)]
        tick.devices[uuid] = device
        return readings

    def _read_tiers(self, session: _Session, device: Device, gpu: GpuIdentity, now: float) -> list[GpuReading]:
        values, absent = read_metrics(device, CORE)
        if session.gpm is not None:
            activity, inactive = session.gpm.read(Subject(gpu.uuid, device.gpu, device.handle), now)
            values |= activity
            absent |= inactive
        if self._slow_tier is not None:
            slow = self._slow_tier.take(gpu.uuid)
            values |= slow.values
            absent |= slow.absent
        partition = session.mig.partition(device.handle, gpu, now)
        if not partition.on:
            return [GpuReading(gpu=gpu, values=values, absent=absent)]
        parent = GpuReading(gpu=gpu, values=values, absent=parent_absences(absent, partition))
        return [parent, *session.mig.read(device.handle, partition, now)]

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


def _unread(gpu: GpuIdentity, state: str, reason: str) -> GpuReading:
    return GpuReading(gpu=gpu, state=state, absent=dict.fromkeys(METRICS, reason))


def _asleep(gpu: GpuIdentity) -> GpuReading:
    return _unread(gpu, SUSPENDED, SUSPENDED_REASON)


def _in_order(readings: Iterable[GpuReading]) -> list[GpuReading]:
    """By index, an instance after its GPU, whoever was read first."""
    return sorted(readings, key=lambda reading: reading.gpu.index or 0)


def _instances(readings: Iterable[GpuReading]) -> dict[tuple[str, int], str]:
    """The MIG instance that speaks for each GPU instance, by the UUID of its GPU and its number."""
    instances: dict[tuple[str, int], str] = {}
    for gpu in (reading.gpu for reading in readings):
        if gpu.parent_uuid is not None and gpu.mig_instance is not None:
            instances.setdefault((gpu.parent_uuid, gpu.mig_instance), gpu.uuid)
    return instances


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
