"""One host's way to a collector: opens the stream, keeps it open, and sends again what was not settled."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

from gpufleet_agent.access.address import CollectorAddress
from gpufleet_agent.access.credentials import NO_CREDENTIALS, Credentials
from gpufleet_agent.access.door import Door
from gpufleet_agent.access.words import REFUSED, Attempt, explain
from gpufleet_agent.backoff import Backoff
from gpufleet_agent.errors import StreamEnded
from gpufleet_agent.outbox import Outbox
from gpufleet_agent.stream import Greeting, Stream, open_stream
from gpufleet_proto import telemetry_pb2 as pb

BACKOFF_BASE_SECONDS = 0.5
BACKOFF_CAP_SECONDS = 4.0
"""With a connection and a tick after it, live values are back within 5 s of the collector."""

REFUSED_CAP_SECONDS = 30.0
"""A fleet whose token has been revoked is not to keep a collector that is well busy with its handshakes."""

SETTLED_AFTER_SECONDS = 10.0
"""A stream that lived so long was a good one: the next outage starts with short delays again."""

FINISH_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.02, 0.5
"""Whether everything is settled is looked at ever less often: thousands of simulated hosts end at the same time."""
LEAVE_SECONDS = 1.0
"""How long a goodbye may take; a collector that does not hear it takes the host for silent."""

MAX_REASONS_SAID = 8
"""Within one outage each new reason is said once, and at most so many."""


APPOINTMENT_SPREAD_SECONDS = 0.5
"""Agents that were told the same time, by several collectors or by one that started anew, come apart by so much."""

BUSY = "lets agents in one after another, and has said when to come back"

T = TypeVar("T")


@dataclass(slots=True)
class UplinkState:
    """What the rest of the agent may want to know about the uplink."""

    connected: bool = False
    connections: int = 0
    last_error: str | None = None


class Uplink:
    """Streams the reports of `outbox` to one of `targets`, and to the next when that one fails. Each uplink has an
    order of its own: a fleet spreads over its collectors, and over those that are left when one dies.

    `greeting` is asked anew at every connection, so that a Hello always carries the inventory of now. `turn` is held
    while a stream is opened: a process that is many hosts opens only so many at once.
    """

    def __init__(
        self,
        targets: Sequence[CollectorAddress],
        outbox: Outbox,
        *,
        greeting: Callable[[], Greeting],
        heartbeat: Callable[[], pb.Heartbeat],
        on_welcome: Callable[[pb.Welcome], None],
        random: Callable[[], float],
        log: logging.Logger,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        turn: AbstractAsyncContextManager[object] | None = None,
        door: Door | None = None,
    ) -> None:
        self._turn = turn or nullcontext()
        self._door = door or Door()
        self._targets = shuffled(targets, random)
        self._outbox = outbox
        self._greeting = greeting
        self._heartbeat = heartbeat
        self._on_welcome = on_welcome
        self._backoff = Backoff(BACKOFF_BASE_SECONDS, BACKOFF_CAP_SECONDS, random)
        self._refused = Backoff(BACKOFF_BASE_SECONDS, REFUSED_CAP_SECONDS, random)
        self._random = random
        self._log = log
        self._sleep = sleep
        self._stream: Stream | None = None
        self._news: pb.Inventory | None = None
        self._processes: pb.Processes | None = None
        self._said: set[tuple[CollectorAddress, str]] = set()
        self._credentials: Credentials = NO_CREDENTIALS
        self._host = ""
        self._appointments: dict[CollectorAddress, float] = {}
        self.state = UplinkState()

    async def run(self) -> None:
        """Keep a stream open until cancelled or finished."""
        turn = 0
        while True:
            target = self._targets[turn % len(self._targets)]
            try:
                await self._stream_to(target)
                return
            except StreamEnded as error:
                backoff = self._refused if error.code in REFUSED else self._backoff
                if error.retry_after_seconds is None:
                    self._say_trouble(target, error)
                else:
                    self._take_appointment(target, error.retry_after_seconds)
            turn += 1
            await self._sleep(self._delay(self._targets[turn % len(self._targets)], backoff))

    def _take_appointment(self, target: CollectorAddress, seconds: float) -> None:
        """Nothing is wrong: the collector has many to let in, and this one is to stay away until its turn comes."""
        self._say_once(logging.INFO, target, BUSY, "collector %s: %s; readings are kept meanwhile")
        spread = self._random() * APPOINTMENT_SPREAD_SECONDS
        self._appointments[target] = asyncio.get_running_loop().time() + seconds + spread

    def _delay(self, target: CollectorAddress, backoff: Backoff) -> float:
        """Seconds until this one is to be tried."""
        appointment = self._appointments.pop(target, None)
        if appointment is None:
            return backoff.next_delay()
        return max(0.0, appointment - asyncio.get_running_loop().time())

    async def finish(self, timeout_seconds: float) -> bool:
        """Send what is left, wait until it is settled or nothing is lost by ending now, and take leave either way.
        False when time ran out first."""
        settled = await _within(timeout_seconds, self._may_stop)
        if self._stream is not None:
            self._stream.leave()
        await _within(LEAVE_SECONDS, lambda: self._stream is None)
        return settled

    def _may_stop(self) -> bool:
        return not len(self._outbox) or self._outbox.may_stop(connected=self.state.connected)

    def wake(self) -> None:
        """There is something new in the outbox."""
        if self._stream is not None:
            self._stream.wake()

    def beat(self) -> None:
        """There is something that heartbeats tell. Without a stream the first heartbeat of the next does."""
        if self._stream is not None:
            self._stream.beat()

    def announce(self, inventory: pb.Inventory) -> None:
        """The inventory has changed. Without a stream the next Hello carries it, unless it is on its way already."""
        self._news = inventory
        if self._stream is not None:
            self._stream.announce(inventory)

    def tell(self, processes: pb.Processes) -> None:
        """Who holds the GPUs now: the latest wins, and is not sent again. Without a stream it waits for the next."""
        if self._stream is not None:
            self._stream.tell(processes)
        else:
            self._processes = processes

    async def _stream_to(self, target: CollectorAddress) -> None:
        loop = asyncio.get_running_loop()
        opened_at = loop.time()
        way = self._door.open(target)
        self._show(way.credentials)
        opening = open_stream(way.channel, way.metadata, self._greet, self._outbox, self._heartbeat, self._turn)
        try:
            async with opening as (stream, welcome):
                self._stream = stream
                self._pass_on_news(stream)
                self._opened(target)
                self._on_welcome(welcome)
                await stream.run()
        finally:
            self._stream = None
            self.state.connected = False
            self._outbox.stream_lost()
            if loop.time() - opened_at >= SETTLED_AFTER_SECONDS:
                self._backoff.reset()
                self._refused.reset()

    def _show(self, credentials: Credentials) -> None:
        """With new ones whatever was said of the old ones may be over, or has to be said again."""
        if credentials != self._credentials:
            self._credentials = credentials
            self._said.clear()
            self._refused.reset()

    def _greet(self) -> Greeting:
        self._news = None
        greeting = self._greeting()
        self._host = greeting.host
        return greeting

    def _pass_on_news(self, stream: Stream) -> None:
        """What has been announced since the Hello was written is not in it."""
        if self._news is not None:
            stream.announce(self._news)
        if self._processes is not None:
            stream.tell(self._processes)
            self._processes = None

    def _opened(self, target: CollectorAddress) -> None:
        if self._said or not self.state.connections:
            self._log.info("streaming to %s", target)
        self._said.clear()
        self.state.connected = True
        self.state.connections += 1
        self.state.last_error = None

    def _say_trouble(self, target: CollectorAddress, error: StreamEnded) -> None:
        attempt = Attempt(target, self._host, self._door.access)
        reason = str(error if error.code is None else explain(error.code, str(error), attempt))
        self.state.last_error = reason
        self._say_once(logging.WARNING, target, reason, "collector %s: %s; readings are kept and sent again, trying on")

    def _say_once(self, level: int, target: CollectorAddress, reason: str, text: str) -> None:
        if (target, reason) not in self._said and len(self._said) < MAX_REASONS_SAID:
            self._said.add((target, reason))
            self._log.log(level, text, target, reason)


def shuffled(targets: Sequence[T], random: Callable[[], float]) -> list[T]:
    """The targets in an order that is any of the possible ones."""
    return sorted(targets, key=lambda _: random())


async def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    look = FINISH_LOOK_SECONDS
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(look)
                look = min(2 * look, LONGEST_LOOK_SECONDS)
    except TimeoutError:
        return False
    return True
