"""What clients see who look at the same GPUs and metrics at the same pace: made once, and sent to all of them."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import count

from gpufleet_collector.live.live import Live
from gpufleet_collector.live.picture import Roster
from gpufleet_collector.model import METRIC_INDEX, PlacedEvent
from gpufleet_collector.web.events import encode_bytes, happened_event, host_event
from gpufleet_collector.web.frames import encoding
from gpufleet_collector.web.frames.message import Message
from gpufleet_collector.web.frames.outlet import Outlet
from gpufleet_collector.web.subscriptions import Subscription

REUSE_SECONDS = 0.1
"""Who joins gets the latest frame if it is no older than this: a thousand who come at once cost no thousand frames."""

NOTICE_SECONDS = 0.05
"""What happens within this time of the last notice goes out with the next one."""

SENDS_AT_ONCE = 16
"""After so many clients everything else gets its turn."""

MAX_LAYOUT_SECONDS = 5.0
LAYOUT_GPUS_PER_SECOND = 2_000
"""A layout of n GPUs lasts for n / 2,000 s, and at most 5 s, before GPUs that come or go make another: a fleet that
joins does not have the whole list sent again every second. Until then those that went show nothing."""


NO_LAYOUT = -1


class FrameView:
    """Owned by `FrameViews`. `pace` is told how long a frame took to make and says how long to rest."""

    def __init__(self, live: Live, wanted: Subscription, numbers: "count[int]", pace: Callable[[float], float]) -> None:
        self.wanted = wanted
        self._live = live
        self._numbers = numbers
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._columns = [METRIC_INDEX[name] for name in wanted.metrics]
        self._has: dict[Outlet, int] = {}
        """The layout that each client has, or is about to get."""
        self._begin_layout(live.roster(wanted.selection))
        self._make()
        self._happened = asyncio.Event()
        self._subscriber = live.subscribe(wanted.selection, self._happened.set, gpus=False)
        self._hosts: Message | None = None
        self._hosts_revision = NO_LAYOUT
        self._running = asyncio.create_task(self._run())
        self._running.add_done_callback(self._ended)

    def __len__(self) -> int:
        return len(self._has)

    def join(self, outlet: Outlet) -> None:
        """From now on this client gets everything, beginning with the current state."""
        if self._loop.time() - self._made_at > REUSE_SECONDS:
            self._make()
        self._has[outlet] = NO_LAYOUT
        self._show(outlet)
        if (states := self._host_states()).size:
            outlet.tell(states)

    def leave(self, outlet: Outlet) -> None:
        self._has.pop(outlet, None)

    def close(self) -> None:
        self._live.unsubscribe(self._subscriber)
        self._running.cancel()

    # ------------------------------------------------------------------------------------------------------- tasks

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tick())
            tasks.create_task(self._tell())

    def _ended(self, running: "asyncio.Task[None]") -> None:
        if not running.cancelled() and (error := running.exception()) is not None:
            for outlet in list(self._has):
                outlet.end(error)

    async def _tick(self) -> None:
        due = self._loop.time()
        while True:
            due = max(due + self.wanted.interval_seconds, self._loop.time())
            await asyncio.sleep(due - self._loop.time())
            self._make()
            await self._to_all(self._show)
            due = max(due, self._made_at + self._pace(self._making_seconds) - self.wanted.interval_seconds)

    async def _tell(self) -> None:
        while True:
            await self._happened.wait()
            self._happened.clear()
            if (notices := self._notices()).size:
                await self._to_all(lambda outlet: outlet.tell(notices))
            await asyncio.sleep(NOTICE_SECONDS)

    async def _to_all(self, send: Callable[[Outlet], None]) -> None:
        for number, outlet in enumerate(list(self._has), 1):
            if outlet in self._has:
                send(outlet)
            if number % SENDS_AT_ONCE == 0:
                await asyncio.sleep(0)

    # ------------------------------------------------------------------------------------------------------ frames

    def _show(self, outlet: Outlet) -> None:
        layout = None if self._has[outlet] == self._number else self._layout
        self._has[outlet] = self._number
        outlet.show(self._frame, layout)

    def _make(self) -> None:
        """The frame of this moment, and another layout where that is due."""
        began = self._loop.time()
        if self._live.revision != self._roster.revision:
            self._keep_up(began)
        picture = self._live.picture(self._roster, self._columns)
        self._frame = Message.of(encoding.frame_text(self._number, self.wanted.metrics, self._states, picture))
        self._made_at = self._loop.time()
        self._making_seconds = self._made_at - began

    def _keep_up(self, now: float) -> None:
        """With what has moved in the fleet."""
        if now < self._lasts_until:
            roster = self._live.followed(self._roster)
        else:
            roster = self._live.roster(self.wanted.selection)
        if roster.rows != self._roster.rows:
            self._begin_layout(roster)
        else:
            self._take(roster)

    def _begin_layout(self, roster: Roster) -> None:
        self._take(roster)
        self._number = next(self._numbers)
        wanted = self.wanted
        self._layout = Message.of(encoding.layout_text(self._number, wanted.metrics, wanted.interval_seconds, roster))
        self._lasts_until = self._loop.time() + min(MAX_LAYOUT_SECONDS, len(roster.rows) / LAYOUT_GPUS_PER_SECOND)

    def _take(self, roster: Roster) -> None:
        self._roster = roster
        self._states = encoding.states_text(roster)

    # ----------------------------------------------------------------------------------------------------- notices

    def _host_states(self) -> Message:
        """Of all hosts that are selected; made again only after something has changed."""
        if self._hosts is None or len(self._subscriber) or self._hosts_revision != self._live.revision:
            hosts = self._live.hosts_of(self.wanted.selection)
            self._hosts = Message.joined(encode_bytes(host_event(view)) for view in hosts)
            self._hosts_revision = self._live.revision
        return self._hosts

    def _notices(self) -> Message:
        """Everything that has happened and was not told yet."""
        self._hosts = None
        return Message.joined(self._told())

    def _told(self) -> Iterator[bytes]:
        while (due := self._subscriber.take()) is not None:
            if isinstance(due, PlacedEvent):
                yield encode_bytes(happened_event(due))
            elif (view := self._live.host(due.name)) is not None:
                yield encode_bytes(host_event(view))
