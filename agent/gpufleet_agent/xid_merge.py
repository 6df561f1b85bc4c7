"""The driver tells an XID twice, through NVML and in the kernel's log: told apart here from two XIDs that are equal."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from gpufleet_agent.readings import GpuEvent

NVML, KERNEL_LOG = "nvml", "kernel log"
"""The two sources."""

WINDOW_US = 5_000_000
"""The same XID is seen by both sources within so long of each other, at least."""
MAX_WAITING = 1024
"""Events whose double may still come; past it the oldest are forgotten, and their double is told as well."""


def window_us(interval_seconds: float) -> int:
    """For a probe that reads every `interval_seconds`: NVML's instant is that of the tick at which it was asked, so an
    XID may be a whole interval older."""
    return WINDOW_US + round(interval_seconds * 1_000_000)


@dataclass(frozen=True, slots=True)
class _Waiting:
    source: str
    event: GpuEvent


class XidMerge:
    """Lets every XID through once, as its first source tells it. Events are matched one to one: the second source may
    only hide as many as the first has told. Time is that of the events."""

    def __init__(self, within_us: int = WINDOW_US) -> None:
        self.within_us = within_us
        self._waiting: deque[_Waiting] = deque(maxlen=MAX_WAITING)

    def new(self, source: str, events: Iterable[GpuEvent]) -> tuple[GpuEvent, ...]:
        """Those of `events` that the other source has not told already, in their order. Events without a code or a GPU
        are none that could be matched, and all pass."""
        return tuple(event for event in events if self._is_new(source, event))

    def _is_new(self, source: str, event: GpuEvent) -> bool:
        if event.code is None or event.gpu_uuid is None:
            return True
        double = next((waiting for waiting in self._waiting if self._is_double(waiting, source, event)), None)
        if double is None:
            self._waiting.append(_Waiting(source, event))
            return True
        self._waiting.remove(double)
        return False

    def _is_double(self, waiting: _Waiting, source: str, event: GpuEvent) -> bool:
        before = waiting.event
        return (
            waiting.source != source
            and (before.kind, before.gpu_uuid, before.code) == (event.kind, event.gpu_uuid, event.code)
            and abs(before.instant_us - event.instant_us) <= self.within_us
        )
