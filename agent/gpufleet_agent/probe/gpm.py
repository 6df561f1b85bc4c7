"""Activity counters of Hopper and newer: one sample of each GPU at every tick, differenced with the one of the tick
before (NVML's GPM). An idle counter is a zero; one that is not offered is absent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gpufleet_agent.probe.nvml_driver import REASONS, CallFailed, GpuLost, NvmlDriver, SessionFailed, Unreadable
from gpufleet_agent.probe.readers.profiling import METRICS, WORTH
from gpufleet_agent.readings import ERROR, NOT_SUPPORTED

SHORTEST_GAP_SECONDS = 0.1
"""The driver renews its counters no faster (nvml.h: nvmlGpmSampleGet)."""
LONGEST_GAP_SECONDS = 600.0
"""Two samples further apart tell nothing of now: the machine slept, or the GPU was not read."""

_VERSION = 1
"""NVML_GPM_METRICS_GET_VERSION"""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is sampled: a whole GPU, or with `instance` (the id of a GPU instance) a part of the GPU of `handle`."""

    uuid: str
    label: str
    handle: Any
    instance: int | None = None


@dataclass(slots=True)
class _Counted:
    """A subject with its two sample buffers, one of which holds the sample taken at `taken` (monotonic seconds)."""

    older: Any
    newer: Any
    taken: float | None = None
    absent: Mapping[str, str] = field(default_factory=dict)


class GpmSampler:
    """The samples of one session with the driver. `close` frees them, before the session ends."""

    def __init__(self, driver: NvmlDriver) -> None:
        self._driver = driver
        self._counted: dict[str, _Counted] = {}
        self._denied: dict[str, str] = {}
        """GPUs without GPM, and the reason: it does not change while a session lasts."""
        self._question: Any = None
        self._answers: list[tuple[str, Any]] = []

    def read(self, subject: Subject, now: float) -> tuple[dict[str, int | float], Mapping[str, str]]:
        """Activity since the tick before, and why metrics are absent. Both are empty at the first tick, and values also
        when the tick before is too near or too far. Raises the errors that cost the GPU."""
        try:
            counted = self._counted.get(subject.uuid) or self._begin(subject)
        except Unreadable as unreadable:
            return {}, dict.fromkeys(METRICS, unreadable.reason)
        if counted.taken is not None and 0 <= now - counted.taken < SHORTEST_GAP_SECONDS:
            return {}, counted.absent
        try:
            return self._difference(subject, counted, now), counted.absent
        except CallFailed as failed:
            counted.taken = None
            counted.absent = dict.fromkeys(METRICS, failed.reason)
            return {}, counted.absent

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
            counted = _Counted(self._allocate(), self._allocate())
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
        counted.older, counted.newer = counted.newer, counted.older
        before, counted.taken = counted.taken, None
        self._sample(subject, counted.newer)
        counted.taken = now
        if before is None or not 0 < now - before <= LONGEST_GAP_SECONDS:
            return {}
        values, counted.absent = self._compare(subject, counted)
        return values

    def _sample(self, subject: Subject, into: Any) -> None:
        if subject.instance is None:
            self._driver.answer(("nvmlGpmSampleGet",), subject.label, subject.handle, into)
        else:
            self._driver.answer(("nvmlGpmMigSampleGet",), subject.label, subject.handle, subject.instance, into)

    def _compare(self, subject: Subject, counted: _Counted) -> tuple[dict[str, int | float], dict[str, str]]:
        question = self._ask()
        question.sample1, question.sample2 = counted.older, counted.newer
        try:
            self._driver.answer(("nvmlGpmMetricsGet",), subject.label, question)
        except GpuLost as lost:
            # Two samples are compared without the GPU: whether that is lost, the next sample says.
            raise CallFailed(lost.call, lost.code) from None
        values: dict[str, int | float] = {}
        absent: dict[str, str] = {}
        for name, answer in self._answers:
            try:
                values[name] = _value(name, answer)
            except Unreadable as unreadable:
                absent[name] = unreadable.reason
        return values, absent

    def _ask(self) -> Any:
        """The structure of question and answer, made once: it has room for hundreds of metrics."""
        if self._question is None:
            self._question = self._driver.structure("c_nvmlGpmMetricsGet_t")
            self._question.version, self._question.numMetrics = _VERSION, len(METRICS)
            self._answers = list(zip(METRICS, self._question.metrics, strict=False))
            for name, answer in self._answers:
                answer.metricId = METRICS[name]
        return self._question

    def _allocate(self) -> Any:
        return self._driver.call("nvmlGpmSampleAlloc", "")

    def _free(self, counted: _Counted) -> None:
        try:
            for sample in (counted.older, counted.newer):
                self._driver.call("nvmlGpmSampleFree", "", sample)
        except (CallFailed, GpuLost, SessionFailed):
            # Without a session the driver has forgotten the samples already.
            return


def _value(name: str, answer: Any) -> int | float:
    """Each metric has a code of its own; its value counts only when that says success."""
    if answer.nvmlReturn:
        raise Unreadable(REASONS.get(answer.nvmlReturn, ERROR))
    return WORTH[name](answer.value)
