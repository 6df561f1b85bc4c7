"""Between outbox and disk: carries orders to the spool and outcomes back, and comes back to a disk that has failed."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from gpufleet_agent.alarm import Alarm
from gpufleet_agent.backoff import Backoff
from gpufleet_agent.errors import SpoolBroken
from gpufleet_agent.outbox import Outbox
from gpufleet_agent.spool import Spool
from gpufleet_agent.spool_orders import DiskContents, DiskOrders, DiskOutcome
from gpufleet_agent.spool_thread import SpoolThread

LOOK_SECONDS, IDLE_LOOK_SECONDS = 0.25, 1.0
"""So often the outbox is asked for work as long as the disk has something: while there are reports, and while there are
none. As long as the disk has nothing the outbox says when there will be work."""

RETRY_BASE_SECONDS = 1.0
RETRY_CAP_SECONDS = 60.0


@dataclass(slots=True)
class SpoolState:
    """What the heartbeat tells of the spool."""

    working: bool = False
    reports: int = 0
    file_bytes: int = 0
    failures: int = 0


class NoSpooler:
    """What an agent has that keeps nothing on disk."""

    def __init__(self) -> None:
        self.state = SpoolState()

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.get_running_loop().create_future()

    def added(self) -> None:
        """Nothing to do."""

    def hurry(self) -> None:
        """Nothing to do."""

    async def close(self, _timeout_seconds: float) -> bool:
        """Nothing to do."""
        return True


class Spooler:
    """Keeps the reports of `outbox` in `spool`, all disk work in `thread`. `on_loaded` says that there is something to
    send again. A spool that does not work costs nothing but the spool."""

    def __init__(
        self,
        spool: Spool,
        outbox: Outbox,
        thread: SpoolThread,
        *,
        on_loaded: Callable[[], None],
        random: Callable[[], float],
        log: logging.Logger,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._spool = spool
        self._outbox = outbox
        self._thread = thread
        self._on_loaded = on_loaded
        self._backoff = Backoff(RETRY_BASE_SECONDS, RETRY_CAP_SECONDS, random)
        self._log = log
        self._sleep = sleep
        self._is_open = False
        self._said: str | None = None
        self._said_full = False
        self._hurry = False
        self._ring = asyncio.Event()
        self._alarm = Alarm(self._ring.set)
        self._calm = False
        self.state = SpoolState()

    async def run(self) -> None:
        """Until cancelled. `close` comes after it."""
        while True:
            try:
                await self._begin()
                await self._serve()
            except SpoolBroken as error:
                self._failed(str(error))
            await self._sleep(self._backoff.next_delay())

    def hurry(self) -> None:
        """From now on everything goes to the disk at once: the agent is about to end."""
        self._hurry = True
        self._ring.set()

    def added(self) -> None:
        """The outbox has got a report."""
        if self._calm:
            self._set_alarm(self._outbox.disk_in())

    async def close(self, timeout_seconds: float) -> bool:
        """Write what is left and let go of the file; False when that did not work in time. `run` has ended before."""
        self._hurry = True
        self._outbox.disk_failed()
        try:
            async with asyncio.timeout(timeout_seconds):
                if not self._is_open and self._outbox.wants_disk(everything=True):
                    await self._open()
                while self._is_open and await self._step():
                    pass
                await self._thread.call(self._spool.close)
        except (SpoolBroken, TimeoutError) as error:
            self._log.warning("the spool could not be closed: %s", str(error) or "the disk is too slow")
            return False
        return True

    async def _begin(self) -> None:
        """Claim the place now, so that a wrong one is said at the start; open no file as long as none is needed."""
        if not await self._thread.call(self._spool.claim):
            self.state.working = True
            while not self._outbox.wants_disk(everything=self._hurry):
                await self._look()
        await self._open()

    async def _look(self) -> None:
        """Come back when there may be work; in the usual case, that of a collector that settles at once, never."""
        work_in = self._outbox.disk_in()
        if self._hurry or work_in == 0:
            await self._sleep(LOOK_SECONDS if len(self._outbox) else IDLE_LOOK_SECONDS)
            return
        self._calm = True
        self._ring.clear()
        self._set_alarm(work_in)
        try:
            await self._ring.wait()
        finally:
            self._calm = False
            self._alarm.set(None)

    def _set_alarm(self, seconds: float | None) -> None:
        self._alarm.set(None if seconds is None else time.monotonic() + seconds)

    async def _open(self) -> None:
        held = self._outbox.disk_asked()
        contents = await self._thread.call(partial(self._spool.open, held))
        known = self._outbox.tally.recovered
        self._outbox.disk_opened(contents)
        self._opened(contents, self._outbox.tally.recovered - known)

    async def _serve(self) -> None:
        while True:
            if not await self._step():
                await self._look()

    async def _step(self) -> bool:
        orders = self._outbox.disk_orders(everything=self._hurry)
        if not orders:
            return False
        self._done(orders, await self._thread.call(partial(self._spool.apply, orders)))
        return True

    def _done(self, orders: DiskOrders, outcome: DiskOutcome) -> None:
        dropped = self._outbox.tally.spool_dropped
        self._outbox.disk_done(outcome)
        self._backoff.reset()
        self.state.reports, self.state.file_bytes = outcome.stored_reports, outcome.file_bytes
        if orders.keep and self._said is not None:
            self._said = None
            self._log.info("the spool works again")
        self._tell_full(self._outbox.tally.spool_dropped - dropped)
        if outcome.loaded:
            self._on_loaded()

    def _opened(self, contents: DiskContents, recovered: int) -> None:
        self._is_open = self.state.working = True
        self.state.reports, self.state.file_bytes = contents.others.reports, contents.file_bytes
        if recovered:
            self._log.info("%d samples of before are in the spool %s and will be sent", recovered, self._spool.path)

    def _failed(self, reason: str) -> None:
        self._outbox.disk_failed()
        self.state.failures += self.state.working or not self.state.failures
        self._is_open = self.state.working = False
        if reason != self._said:
            self._said = reason
            self._log.warning("no spool: %s; readings that wait for a collector are kept in memory only", reason)

    def _tell_full(self, dropped: int) -> None:
        if dropped and not self._said_full:
            self._said_full = True
            self._log.warning("the spool has reached its bound in size or age: the oldest readings are dropped")
        elif not self.state.reports:
            self._said_full = False
