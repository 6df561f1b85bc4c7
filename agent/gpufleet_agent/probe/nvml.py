"""The NVML backend: opens the driver, finds its GPUs anew at every tick, and gives each its own reading, so that what
fails on one GPU or in one call costs nothing else."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpufleet_agent.probe.call_times import CallTimes
from gpufleet_agent.probe.gpm import SHORTEST_GAP_SECONDS, GpmSampler, Subject
from gpufleet_agent.probe.mig import MigReader, parent_absences
from gpufleet_agent.probe.nvml_driver import (
    LIB_RM_VERSION_MISMATCH,
    LIBRARY_FOLDERS,
    NOT_FOUND,
    CallFailed,
    GpuLost,
    NvmlDriver,
    SessionFailed,
)
from gpufleet_agent.probe.nvml_known import KnownGpus
from gpufleet_agent.probe.nvml_notes import no_xids_note, session_note
from gpufleet_agent.probe.nvml_tick import (
    LOST_REASON,
    MAX_GPUS,
    Tick,
    asleep,
    in_order,
    instances_in,
    missing,
    note_of,
    state_after,
    unread,
)
from gpufleet_agent.probe.pid_namespace import pid_namespace_is_host as judge_pid_namespace
from gpufleet_agent.probe.process_table import ProcessTable
from gpufleet_agent.probe.processes import ProcessWatch
from gpufleet_agent.probe.questions import Questions
from gpufleet_agent.probe.readers import CORE, TRAFFIC
from gpufleet_agent.probe.readers.device import Device, continued
from gpufleet_agent.probe.runtime_power import RuntimePower
from gpufleet_agent.probe.sleepers import Sleep, sleep_of
from gpufleet_agent.probe.slow_tier import NOTHING_READ, SlowTier, read_metrics
from gpufleet_agent.probe.xid_events import XidEvents
from gpufleet_agent.readings import ERROR, LOST, Breadcrumb, GpuIdentity, GpuReading, Reading

SETTLE_SECONDS = 4.0
"""For the slow tier when one reading is to have everything: 32 GPUs take 1.3 s."""


@dataclass(frozen=True, slots=True)
class _Session:
    """An open driver, and what is read through it from one tick to the next."""

    driver: NvmlDriver
    gpm: GpmSampler | None
    mig: MigReader
    xids: XidEvents | None


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
        self._known = KnownGpus()
        self._times = CallTimes()
        self._questions = Questions()
        self._devices: dict[str, Device] = {}
        """Those that the tick before has read, by UUID."""
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
        sleep = sleep_of(self._power, self._known)
        if sleep.everybody:
            return Reading(self.name, tuple(map(asleep, sleep.gpus)), *self._versions)
        try:
            if self._session is None:
                self._session = self._open()
            return self._read(self._session, sleep, instant_us)
        except SessionFailed as failed:
            self._end_session(failed)
            state = state_after(failed)
            return Reading(
                backend=self.name,
                gpus=tuple(unread(gpu, state, ERROR) for gpu in self._known),
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
        self._power.close()
        self._known.clear()
        self._devices = {}

    def _open(self) -> _Session:
        driver = NvmlDriver(self._breadcrumb, self._library_folders, self._times, self._questions)
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
        self._known.unsettle()

    def _end_session(self, failed: SessionFailed) -> None:
        self._needs_new_process = failed.code == LIB_RM_VERSION_MISMATCH
        self._release()

    def _read(self, session: _Session, sleep: Sleep, instant_us: int) -> Reading:
        count = session.driver.call_whole("nvmlDeviceGetCount")
        tick = Tick(self._clock(), {gpu.uuid: asleep(gpu) for gpu in sleep.gpus})
        for slot in sleep.awake[:MAX_GPUS]:
            self._read_slot(session, slot, tick)
        for index in range(min(count, MAX_GPUS) if not sleep.gpus else 0):
            if index not in self._left_alone:
                self._read_index(session, index, tick)
        events = () if session.xids is None else session.xids.read(tick.devices, instant_us)
        processes = self._processes.read(tick.devices, instant_us, instances_in(tick.found.values()))
        if self._slow_tier is not None:
            counting = filter(session.gpm.tells_traffic, tick.devices) if session.gpm is not None else ()
            self._slow_tier.tick_ended(tuple(tick.found[uuid].gpu for uuid in tick.devices), frozenset(counting))
        gpus = (*in_order(tick.found.values()), *(missing(gpu, tick) for gpu in self._known.missing(tick.found)))
        self._known.forget_excess(tick.found)
        self._devices = tick.devices
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
            note=note_of(count, tick) or no_xids_note(None if session.xids is None else session.xids.trouble),
            events=events,
            processes=processes,
            milliseconds=self._milliseconds(),
        )

    def _milliseconds(self) -> Mapping[str, float]:
        """What the calls of this tick took by group, and those of the slow tier since the tick before."""
        return {**self._times.take(), **(self._slow_tier.times.take() if self._slow_tier else {})}

    def _read_index(self, session: _Session, index: int, tick: Tick) -> None:
        """Read the GPU at `index`. Its UUID is asked for every time: indexes move, and a value must never be filed
        under the GPU that sat there before."""
        label, driver = f"GPU {index}", session.driver
        try:
            handle = driver.open_gpu(index, label)
            uuid = driver.uuid(handle, label)
        except (CallFailed, GpuLost) as failed:
            tick.unopened[index] = failed.code
            return
        except SessionFailed as failed:
            tick.unopened[index] = failed.code
            tick.failed = failed
            return
        self._read_opened(session, handle, uuid, index, tick)

    def _read_slot(self, session: _Session, slot: str, tick: Tick) -> None:
        """Read the GPU in `slot`. Which index that is matters to nobody but the reader of the reading."""
        known = self._known.in_slot(slot)
        index = None if known is None else known.index
        if index in self._left_alone:
            return
        label, driver = f"PCI {slot}" if index is None else f"GPU {index}", session.driver
        try:
            handle = driver.open_slot(slot, label)
            uuid = driver.uuid(handle, label)
            index_now = driver.call("nvmlDeviceGetIndex", label, handle)
        except (CallFailed, GpuLost) as failed:
            if index is not None and failed.code != NOT_FOUND:
                tick.unopened[index] = failed.code
            return
        except SessionFailed as failed:
            tick.failed = failed
            return
        self._read_opened(session, handle, uuid, index_now, tick)

    def _read_opened(self, session: _Session, handle: Any, uuid: str, index: int, tick: Tick) -> None:
        if uuid and uuid not in tick.found:
            device = continued(
                self._devices.get(uuid),
                session.driver,
                handle,
                f"GPU {index}",
                tick.now,
                pid_namespace_is_host=self._pid_namespace_is_host,
            )
            for reading in self._read_gpu(session, device, uuid, index, tick):
                tick.found[reading.gpu.uuid] = reading

    def _read_gpu(self, session: _Session, device: Device, uuid: str, index: int, tick: Tick) -> list[GpuReading]:
        """The GPU, and its MIG instances after it."""
        try:
            gpu = self._known.identify(device, uuid, index)
            readings = self._read_tiers(session, device, gpu, tick.now)
        except GpuLost:
            if session.gpm is not None:
                session.gpm.forget(uuid)
            return [unread(self._known.last(uuid, index), LOST, LOST_REASON)]
        except SessionFailed as failed:
            tick.failed = failed
            return [unread(self._known.last(uuid, index), state_after(failed), ERROR)]
        tick.devices[uuid] = device
        return readings

    def _read_tiers(self, session: _Session, device: Device, gpu: GpuIdentity, now: float) -> list[GpuReading]:
        partition = session.mig.partition(device.handle, gpu, now)
        device.in_mig_mode(partition.on)
        values, absent = read_metrics(device, CORE)
        slow = self._slow_tier.take(gpu.uuid) if self._slow_tier is not None else NOTHING_READ
        if session.gpm is not None:
            activity, inactive = session.gpm.read(Subject(gpu.uuid, device.gpu, device.handle), now)
            values |= activity
            absent |= inactive
            slow = slow.without(TRAFFIC) if session.gpm.tells_traffic(gpu.uuid) else slow
        values |= slow.values
        absent |= slow.absent
        if not partition.on:
            return [GpuReading(gpu=gpu, values=values, absent=absent)]
        parent = GpuReading(gpu=gpu, values=values, absent=parent_absences(absent, partition))
        return [parent, *session.mig.read(device.handle, partition, now)]


def _text(driver: NvmlDriver, call: str) -> str | None:
    """A version of the driver; not to know it is no reason to read nothing."""
    try:
        return driver.call(call, "") or None
    except (CallFailed, GpuLost):
        return None
