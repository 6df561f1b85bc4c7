"""Activity counters of Hopper and newer: one sample of each GPU at every tick, differenced with the one of the tick
before (NVML's GPM). An idle counter is a zero; one that is not offered is absent.

The same samples tell what went over PCIe since this was told last, once in a period of the slow tier: an average over
the whole period, where the call that other GPUs need looks at 20 ms and blocks meanwhile.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gpufleet_agent.probe.gpm_question import GpmQuestion
from gpufleet_agent.probe.nvml_driver import CallFailed, GpuLost, NvmlDriver, SessionFailed, Unreadable
from gpufleet_agent.probe.readers import pcie, profiling
from gpufleet_agent.probe.slow_tier import EARLY_SECONDS, PERIOD_SECONDS
from gpufleet_agent.readings import ERROR, NOT_SUPPORTED

SHORTEST_GAP_SECONDS = 0.1
"""The driver renews its counters no faster (nvml.h: nvmlGpmSampleGet)."""
LONGEST_GAP_SECONDS = 600.0
"""Two samples further apart tell nothing of now: the machine slept, or the GPU was not read."""
TRAFFIC_SECONDS = PERIOD_SECONDS - EARLY_SECONDS
"""PCIe traffic is told no more often."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is sampled: a whole GPU, or with `instance` (the id of a GPU instance) a part of the GPU of `handle`."""

    uuid: str
    label: str
    handle: Any
    instance: int | None = None


class _Sample(NamedTuple):
    """`buffer` holds what was sampled at `taken` (monotonic seconds)."""

    buffer: Any
    taken: float


@dataclass(slots=True)
class _Counted:
    """A subject and its samples: `last` is that of the tick before, `first` the one from which on PCIe traffic is to be
    told, None where it is not. There is always a buffer for another one. `tells_traffic` is whether it was told."""

    buffers: tuple[Any, ...]
    last: _Sample | None = None
    first: _Sample | None = None
    tells_traffic: bool = False
    absent: Mapping[str, str] = field(default_factory=dict)

    def free_buffer(self) -> Any:
        used = [sample.buffer for sample in (self.last, self.first) if sample is not None]
        return next(buffer for buffer in self.buffers if not any(buffer is other for other in used))

    def begin_again(self, sample: _Sample | None) -> None:
        """From `sample` on; what was before it is compared with nothing."""
        self.last, self.tells_traffic = sample, False
        self.first = sample if len(self.buffers) == BUFFERS_OF_A_GPU else None


BUFFERS_OF_A_GPU, BUFFERS_OF_AN_INSTANCE = 3, 2
"""PCIe is the GPU's: an instance needs no sample for it."""


class GpmSampler:
    """The samples of one session with the driver. `close` frees them, before the session ends."""

    def __init__(self, driver: NvmlDriver) -> None:
        self._driver = driver
        self._counted: dict[str, _Counted] = {}
        self._denied: dict[str, str] = {}
        """GPUs without GPM, and the reason: it does not change while a session lasts."""
        self._activity = GpmQuestion(driver, profiling.METRICS, profiling.WORTH)
        self._traffic = GpmQuestion(driver, pcie.GPM_METRICS, pcie.GPM_WORTH)

    def read(self, subject: Subject, now: float) -> tuple[dict[str, int | float], Mapping[str, str]]:
        """Activity since the tick before, and why metrics are absent. Both are empty at the first tick, and values also
        when the tick before is too near or too far. Of a whole GPU also PCIe traffic, when that is due and told.
        Raises the errors that cost the GPU."""
        try:
            counted = self._counted.get(subject.uuid) or self._begin(subject)
        except Unreadable as unreadable:
            return {}, dict.fromkeys(profiling.METRICS, unreadable.reason)
        if counted.last is not None and 0 <= now - counted.last.taken < SHORTEST_GAP_SECONDS:
            return {}, counted.absent
        try:
            return self._difference(subject, counted, now), counted.absent
        except CallFailed as failed:
            counted.begin_again(None)
            counted.absent = dict.fromkeys(profiling.METRICS, failed.reason)
            return {}, counted.absent

    def tells_traffic(self, uuid: str) -> bool:
        """Whether this GPU's PCIe traffic comes from here, so that nobody needs to wait for it."""
        counted = self._counted.get(uuid)
        return counted is not None and counted.tells_traffic

    def forget(self, uuid: str) -> None:
        """The next sample of this subject is a first one: it is gone, or another one under the same name."""
        counted = self._counted.pop(uuid, None)
        self._denied.pop(uuid, None)
        if counted is not None:
            self._free(counted)

    def close(self) -> None:
        """Free all samples. Safe to call twice."""
        for uuid in list(self._counted):
            self.forget(uuid)
        self._denied.clear()

    def _begin(self, subject: Subject) -> _Counted:
        if subject.uuid in self._denied:
            raise Unreadable(self._denied[subject.uuid])
        try:
            self._require_support(subject)
            count = BUFFERS_OF_A_GPU if subject.instance is None else BUFFERS_OF_AN_INSTANCE
            counted = _Counted(tuple(self._allocate() for _ in range(count)))
        except Unreadable as unreadable:
            if unreadable.reason != ERROR:
                self._denied[subject.uuid] = unreadable.reason
            raise
        self._counted[subject.uuid] = counted
        return counted

    def _require_support(self, subject: Subject) -> None:
        if not self._driver.call("nvmlGpmQueryDeviceSupport", subject.label, subject.handle).isSupportedDevice:
            raise Unreadable(NOT_SUPPORTED)

    def _difference(self, subject: Subject, counted: _Counted, now: float) -> dict[str, int | float]:
        """Take a sample and compare it with the one before, where that is near enough."""
        before, sample = counted.last, _Sample(counted.free_buffer(), now)
        self._sample(subject, sample.buffer)
        if before is None or not 0 < now - before.taken <= LONGEST_GAP_SECONDS:
            counted.begin_again(sample)
            return {}
        counted.last = sample
        values, counted.absent = self._activity.compare(subject.label, before.buffer, sample.buffer)
        return values | self._traffic_until(subject, counted, sample)

    def _traffic_until(self, subject: Subject, counted: _Counted, now: _Sample) -> dict[str, int | float]:
        """What went over PCIe until `now`: at the first chance, and then once a period. All of it or nothing, and where
        the GPU does not count it, it is not asked again."""
        first = counted.first
        if first is None or (counted.tells_traffic and now.taken - first.taken < TRAFFIC_SECONDS):
            return {}
        try:
            values, absent = self._traffic.compare(subject.label, first.buffer, now.buffer)
        except CallFailed as failed:
            values, absent = {}, dict.fromkeys(pcie.TRAFFIC, failed.reason)
        counted.tells_traffic = not absent
        counted.first = now if set(absent.values()) <= {ERROR} else None
        return {} if absent else values

    def _sample(self, subject: Subject, into: Any) -> None:
        if subject.instance is None:
            self._driver.answer(("nvmlGpmSampleGet",), subject.label, subject.handle, into)
        else:
            self._driver.answer(("nvmlGpmMigSampleGet",), subject.label, subject.handle, subject.instance, into)

    def _allocate(self) -> Any:
        return self._driver.call("nvmlGpmSampleAlloc", "")

    def _free(self, counted: _Counted) -> None:
        try:
            for buffer in counted.buffers:
                self._driver.call("nvmlGpmSampleFree", "", buffer)
        except (CallFailed, GpuLost, SessionFailed):
            # Without a session the driver has forgotten the samples already.
            return
