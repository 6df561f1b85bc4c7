"""The ticks of thousands of hosts in one task: a task and a timer for each host would cost more than the ticks."""

import asyncio
import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass

SLOT_SECONDS = 0.01
"""Ticks that are due within so long are taken together: whoever waits for the network is woken once for all of them."""

MOST_AT_ONCE = 50
"""After so many ticks the streams get their turn, however late the rest is."""

MICROSECONDS = 1_000_000


def tick_grid(phase_us: int, interval_us: int, since_us: int) -> int:
    """The first instant at or after `since_us` on the grid of multiples of `interval_us` shifted by `phase_us`."""
    return since_us + (phase_us - since_us) % interval_us


@dataclass(frozen=True, slots=True)
class Ticking:
    """A host whose `take` is called with every instant of its grid."""

    phase_us: int
    take: Callable[[int], None]


class TickWheel:
    """Calls every host at each of its instants from `since_us` on. A host that is called too late for its next instant
    goes on with the first one that is still to come; the instants left out are counted as `skipped`."""

    def __init__(self, hosts: Iterable[Ticking], interval_us: int, since_us: int, wall_us: Callable[[], int]) -> None:
        self._hosts = tuple(hosts)
        self._interval_us = interval_us
        self._wall_us = wall_us
        self._due = [(tick_grid(host.phase_us, interval_us, since_us), at) for at, host in enumerate(self._hosts)]
        heapq.heapify(self._due)
        self.skipped = 0
        self.latest_seconds = 0.0
        """How late the latest tick was taken."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            seconds = self.turn(self._wall_us())
            await asyncio.sleep(max(SLOT_SECONDS, seconds) if seconds else 0)

    def turn(self, now_us: int) -> float:
        """Take what is due at `now_us`; seconds until the next tick is due, 0 where some are left."""
        for _ in range(MOST_AT_ONCE):
            due_us, at = self._due[0]
            if due_us > now_us:
                return (due_us - now_us) / MICROSECONDS
            self._hosts[at].take(due_us)
            heapq.heapreplace(self._due, (self._next(due_us, now_us), at))
            self.latest_seconds = max(self.latest_seconds, (now_us - due_us) / MICROSECONDS)
        return 0.0

    def _next(self, due_us: int, now_us: int) -> int:
        late = max(0, (now_us - due_us - 1) // self._interval_us)
        self.skipped += late
        return due_us + (late + 1) * self._interval_us
