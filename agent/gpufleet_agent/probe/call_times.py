"""How long driver calls take, by group: the agent says what its readings cost and where the time goes."""

import time
from collections.abc import Callable, Mapping

CORE, ACTIVITY, PROCESSES, EVENTS, SLOW = "core", "activity", "processes", "events", "slow"
_MARKS = (("nvmlGpm", ACTIVITY), ("nvmlEventSet", EVENTS), ("RunningProcesses", PROCESSES), ("ProcessUtil", PROCESSES))


def group_of(call: str) -> str:
    """The group of a function of NVML by its name."""
    return next((group for mark, group in _MARKS if mark in call), CORE)


class CallTimes:
    """Adds up the wall time of calls. The slow tier has one of its own, with `group`, because it runs beside ticks."""

    def __init__(self, group: str | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        self._group = group
        self._seconds: dict[str, float] = {}
        self._groups: dict[str, str] = {}
        self.clock = clock

    def add(self, call: str, began: float) -> None:
        """`call` has just ended; it began at `began` of `clock`."""
        self.spend(self._groups.get(call) or self._groups.setdefault(call, group_of(call)), began)

    def spend(self, group: str, began: float) -> None:
        """Calls of `group` have just ended; the first of them began at `began`."""
        into = self._group or group
        self._seconds[into] = self._seconds.get(into, 0.0) + self.clock() - began

    def take(self) -> Mapping[str, float]:
        """Milliseconds by group since this was asked last; a group without a call is not in it."""
        taken, self._seconds = self._seconds, {}
        return {group: round(seconds * 1000, 3) for group, seconds in taken.items()}
