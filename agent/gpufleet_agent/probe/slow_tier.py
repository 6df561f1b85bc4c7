"""The slow tier: metrics whose calls take long (20 ms for one PCIe throughput) are read by a thread of their own, so
that no tick ever waits for them.

The thread has a session of its own with the driver, opened for each pass (NVML counts its users), so that neither side
closes the library under a call of the other, and it opens only GPUs that the last tick has read and that do not sleep
now, by their slots, so that it wakes none.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gpufleet_agent.pci_slot import slot_key
from gpufleet_agent.probe import call_times
from gpufleet_agent.probe.nvml_driver import (
    LIBRARY_FOLDERS,
    CallFailed,
    GpuLost,
    NvmlDriver,
    SessionFailed,
    Unreadable,
)
from gpufleet_agent.probe.questions import Questions
from gpufleet_agent.probe.readers import SLOW, TRAFFIC, Reader
from gpufleet_agent.probe.readers.device import Device, continued
from gpufleet_agent.probe.runtime_power import RuntimePower
from gpufleet_agent.readings import Breadcrumb, GpuIdentity

PERIOD_SECONDS = 10.0
EARLY_SECONDS = 0.5
"""A pass may start so much before its time where a tick has just ended: the next one would make it late."""
LATE_SECONDS = 5.0
"""Where ticks are rarer than the period, a pass waits so long for one to end and then starts by itself."""
WITHOUT_TRAFFIC = {name: reader for name, reader in SLOW.items() if name not in TRAFFIC}
"""What is read of a GPU that counts its PCIe traffic, for which nobody has to wait then."""
STALE_SECONDS = 2 * (PERIOD_SECONDS + LATE_SECONDS)
"""Values that no tick has taken for so long are not told any more."""
JOIN_SECONDS = 1.0
"""`close` waits so long for the call under way; a thread that hangs in one is left behind."""


class SlowSchedule:
    """When a pass is to start: as far as possible when a tick has just ended, because then none is about to."""

    def __init__(self) -> None:
        self._started: float | None = None

    def due(self, now: float, *, tick_ended: bool) -> bool:
        """Whether a pass is to start at `now` (monotonic seconds); `tick_ended` says that a tick ends just then."""
        return self._wait(now, tick_ended=tick_ended) <= 0

    def wait_seconds(self, now: float) -> float:
        """Seconds from `now` until a pass starts even when no tick ends."""
        return max(0.0, self._wait(now, tick_ended=False))

    def start(self, now: float) -> None:
        """A pass starts."""
        self._started = now

    def _wait(self, now: float, *, tick_ended: bool) -> float:
        if self._started is None:
            return 0.0 if tick_ended else PERIOD_SECONDS + LATE_SECONDS
        return self._started + PERIOD_SECONDS + (-EARLY_SECONDS if tick_ended else LATE_SECONDS) - now


@dataclass(frozen=True, slots=True)
class SlowReading:
    """What a pass read of one GPU: values, and for each metric without one the reason."""

    values: Mapping[str, int | float] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    def without(self, names: frozenset[str]) -> "SlowReading":
        """The same but for these metrics, of which somebody else tells."""
        return SlowReading(
            {name: value for name, value in self.values.items() if name not in names},
            {name: reason for name, reason in self.absent.items() if name not in names},
        )


NOTHING_READ = SlowReading()
NEVER_READ = NOTHING_READ, -math.inf


class Results:
    """What the passes have read and the ticks are to tell: values once, reasons until the next pass. Not locked."""

    def __init__(self) -> None:
        self._untold: dict[str, tuple[SlowReading, float]] = {}
        self._reasons: dict[str, SlowReading] = {}

    def put(self, uuid: str, reading: SlowReading, now: float) -> None:
        """A pass has read this GPU at `now` (monotonic seconds)."""
        self._untold[uuid] = reading, now
        self._reasons[uuid] = SlowReading(absent=reading.absent)

    def take(self, uuid: str, now: float) -> SlowReading:
        """What is to be told of this GPU by the tick at `now`."""
        reading, finished = self._untold.pop(uuid, NEVER_READ)
        if now - finished <= STALE_SECONDS:
            return reading
        return self._reasons.get(uuid, NOTHING_READ)

    def keep(self, uuids: set[str]) -> None:
        """Forget all other GPUs: what comes back may have changed."""
        for uuid in self._reasons.keys() - uuids:
            del self._reasons[uuid]
            self._untold.pop(uuid, None)


def read_metrics(device: Device, readers: Mapping[str, Reader]) -> tuple[dict[str, int | float], dict[str, str]]:
    """What `readers` read of one GPU, and for each that could not the reason."""
    values: dict[str, int | float] = {}
    absent: dict[str, str] = {}
    for name, reader in readers.items():
        try:
            values[name] = reader(device)
        except Unreadable as unreadable:
            absent[name] = unreadable.reason
    return values, absent


class SlowTier:
    """The thread and what it shares with the ticks. `breadcrumb` is its own: another thread makes calls meanwhile."""

    def __init__(
        self,
        breadcrumb: Breadcrumb,
        *,
        library_folders: tuple[str, ...] = LIBRARY_FOLDERS,
        clock: Callable[[], float] = time.monotonic,
        power: RuntimePower | None = None,
    ) -> None:
        self._breadcrumb = breadcrumb
        self.times = call_times.CallTimes(call_times.SLOW)
        """How long the calls of the passes take; read by the ticks."""
        self._library_folders = library_folders
        self._questions = Questions()
        self._devices: dict[tuple[str, bool], Device] = {}
        """By UUID and by whether the GPU's traffic is read: what is not to be read must not be in the plan either."""
        self._clock = clock
        self._power = power or RuntimePower()
        self._changed = threading.Condition()
        self._schedule = SlowSchedule()
        self._results = Results()
        self._targets: tuple[GpuIdentity, ...] = ()
        self._counting: frozenset[str] = frozenset()
        self._busy = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, uuid: str) -> SlowReading:
        """What the tick now under way is to tell of a GPU: values that no tick has told yet, and reasons."""
        with self._changed:
            return self._results.take(uuid, self._clock())

    def tick_ended(self, targets: tuple[GpuIdentity, ...], counting: frozenset[str] = frozenset()) -> None:
        """A tick has read these whole GPUs: they are to be read from now on, and a pass that is due may start.
        `counting` are the UUIDs of those that count their PCIe traffic."""
        with self._changed:
            self._targets, self._counting = targets, counting
            self._results.keep({target.uuid for target in targets})
            if targets and self._schedule.due(self._clock(), tick_ended=True):
                self._busy = True
                self._start()
                self._changed.notify_all()

    def settle(self, seconds: float) -> bool:
        """Wait until no pass is under way, for at most `seconds`; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, seconds)

    def close(self) -> None:
        """End the thread. One that hangs in a call is not waited for: it ends with its process."""
        with self._changed:
            self._stop.set()
            self._changed.notify_all()
            self._targets, self._counting, self._busy = (), frozenset(), False
            self._results, self._schedule = Results(), SlowSchedule()
        if self._thread is not None:
            self._thread.join(JOIN_SECONDS)

    def _start(self) -> None:
        """At most one thread, also after one that was left behind."""
        if self._thread is None or not self._thread.is_alive():
            self._stop = threading.Event()
            self._thread = threading.Thread(target=self._run, name="slow-tier", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (targets := self._wait_for_pass()) is not None:
            self._read_all(targets)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _wait_for_pass(self) -> tuple[GpuIdentity, ...] | None:
        with self._changed:
            tick_ended = True
            while not self._stop.is_set() and not self._schedule.due(self._clock(), tick_ended=tick_ended):
                tick_ended = self._changed.wait(self._schedule.wait_seconds(self._clock()))
            if self._stop.is_set():
                return None
            self._schedule.start(self._clock())
            self._busy = True
            return self._targets

    def _read_all(self, targets: tuple[GpuIdentity, ...]) -> None:
        """One pass. What fails here is told by the ticks, which ask the same driver."""
        try:
            driver = NvmlDriver(self._breadcrumb, self._library_folders, self.times, self._questions)
        except SessionFailed:
            return
        here = {target.uuid for target in targets}
        self._devices = {key: device for key, device in self._devices.items() if key[0] in here}
        try:
            for target in targets:
                if self._stop.is_set():
                    return
                self._read(driver, target)
        except SessionFailed:
            return
        finally:
            driver.close()

    def _read(self, driver: NvmlDriver, gpu: GpuIdentity) -> None:
        label, slot = f"GPU {gpu.index}", slot_key(gpu.pci_bus_id or "")
        if slot is not None and self._power.asleep((slot,)):
            return
        try:
            handle = _open(driver, gpu, slot, label)
            if driver.uuid(handle, label) != gpu.uuid:
                return
            counts = gpu.uuid in self._counting
            before = self._devices.get((gpu.uuid, counts))
            device = continued(before, driver, handle, label, self._clock(), pid_namespace_is_host=False)
            self._devices[gpu.uuid, counts] = device
            values, absent = read_metrics(device, WITHOUT_TRAFFIC if counts else SLOW)
        except (CallFailed, GpuLost):
            return
        with self._changed:
            if not self._stop.is_set():
                self._results.put(gpu.uuid, SlowReading(values, absent), self._clock())


def _open(driver: NvmlDriver, gpu: GpuIdentity, slot: str | None, label: str) -> Any:
    """The handle, with the usual deadline: the tick before has opened the GPU already."""
    if slot is None:
        return driver.answer(("nvmlDeviceGetHandleByIndex", gpu.index), label)
    return driver.answer(("nvmlDeviceGetHandleByPciBusId", f"{slot}.0"), label)
