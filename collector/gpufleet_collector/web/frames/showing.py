"""Sends what a view shows to its clients: frames every interval, and what happened the moment it did."""

import asyncio
from collections.abc import Callable

from gpufleet_collector.web.frames.outlet import Outlet
from gpufleet_collector.web.frames.view import FrameView

NOTICE_SECONDS = 0.05
"""What happens within this time of the last notice goes out with the next one."""

SENDS_AT_ONCE = 16
"""After so many clients everything else gets its turn."""


class Showing:
    """Runs until it is stopped. `pace` is told how long a frame took to make and says how long to rest after it began;
    `happened` is set when there is something to tell."""

    def __init__(self, view: FrameView, pace: Callable[[float], float], happened: asyncio.Event) -> None:
        self._view = view
        self._pace = pace
        self._happened = happened
        self._loop = asyncio.get_running_loop()
        self._running = asyncio.create_task(self._run())
        self._running.add_done_callback(self._ended)

    def stop(self) -> None:
        self._running.cancel()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tick())
            tasks.create_task(self._tell())

    def _ended(self, running: "asyncio.Task[None]") -> None:
        if not running.cancelled() and (error := running.exception()) is not None:
            for outlet in self._view.clients():
                outlet.end(error)

    async def _tick(self) -> None:
        due = self._loop.time() + self._view.wanted.interval_seconds
        while True:
            await asyncio.sleep(due - self._loop.time())
            began = self._loop.time()
            rest = self._pace(self._view.make())
            await self._to_all(self._view.show)
            due = max(due + self._view.wanted.interval_seconds, began + rest, self._loop.time())

    async def _tell(self) -> None:
        while True:
            await self._happened.wait()
            self._happened.clear()
            if (notices := self._view.notices()).pieces:
                await self._to_all(lambda outlet: outlet.tell(notices))
            await asyncio.sleep(NOTICE_SECONDS)

    async def _to_all(self, send: Callable[[Outlet], None]) -> None:
        for number, outlet in enumerate(self._view.clients(), 1):
            if outlet in self._view:
                send(outlet)
            if number % SENDS_AT_ONCE == 0:
                await asyncio.sleep(0)
