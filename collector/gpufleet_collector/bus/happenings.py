"""Events that peers told of by their ids, read from the database as soon as it has them, and told once."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Protocol

from gpufleet_collector.bus.limits import EVENT_SECONDS, EVENTS_AT_ONCE, MAX_EVENTS
from gpufleet_collector.bus.message import EventKey
from gpufleet_collector.clock import Clock
from gpufleet_collector.errors import CollectorError
from gpufleet_collector.model import PlacedEvent
from gpufleet_collector.store.event_history import EventQuery

LOOK_SECONDS = 0.5

_logger = logging.getLogger(__name__)


class EventSource(Protocol):
    async def find(self, query: EventQuery) -> list[PlacedEvent]:
        """The events asked for that are there. Raises CollectorError."""


class Happenings:
    """`count_dropped` is told of those that will never be told: too many at once, or not in the database in time."""

    def __init__(
        self,
        source: EventSource,
        clock: Clock,
        tell: Callable[[PlacedEvent], None],
        count_dropped: Callable[[int], None],
    ) -> None:
        self._source = source
        self._clock = clock
        self._tell = tell
        self._count_dropped = count_dropped
        self._wanted: OrderedDict[str, tuple[EventKey, float]] = OrderedDict()
        self._there = asyncio.Event()

    def want(self, keys: Iterable[EventKey]) -> None:
        now = self._clock.now().monotonic
        for key in keys:
            self._wanted.setdefault(key.id, (key, now))
        while len(self._wanted) > MAX_EVENTS:
            self._wanted.popitem(last=False)
            self._count_dropped(1)
        if self._wanted:
            self._there.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._there.wait()
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Tell of what the database has by now. Time only runs out while it answers."""
        wanted = list(self._wanted.values())
        for start in range(0, len(wanted), EVENTS_AT_ONCE):
            some = [key for key, _ in wanted[start : start + EVENTS_AT_ONCE]]
            try:
                found = await self._source.find(_query(some))
            except CollectorError as error:
                _logger.debug("events of other collectors wait: %s", error)
                return
            for placed in found:
                self._wanted.pop(placed.event.id, None)
                self._tell(placed)
        self._give_up(self._clock.now().monotonic - EVENT_SECONDS)
        if not self._wanted:
            self._there.clear()

    def _give_up(self, before: float) -> None:
        late = [name for name, (_, since) in self._wanted.items() if since <= before]
        for name in late:
            del self._wanted[name]
        if late:
            self._count_dropped(len(late))


def _query(keys: list[EventKey]) -> EventQuery:
    instants = [key.occurred_at for key in keys]
    ids = tuple(key.id for key in keys)
    return EventQuery(since=min(instants), until=max(instants) + 1, ids=ids, limit=len(keys), oldest_first=True)
