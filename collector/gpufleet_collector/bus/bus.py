"""The bus as one part of the collector: tells the other collectors what is new here, takes in what they tell, and says
how it is. Nothing of ingest ever waits for it."""

import asyncio
import logging

from prometheus_client import Counter

from gpufleet_collector.bus.codec import decode, encode
from gpufleet_collector.bus.happenings import EventSource, Happenings
from gpufleet_collector.bus.limits import AWAY_SECONDS, INTERVAL_SECONDS, MAX_ASKERS
from gpufleet_collector.bus.message import Envelope, EventKey, Kind, Message
from gpufleet_collector.bus.parts import Part, cut
from gpufleet_collector.bus.peers import Peers
from gpufleet_collector.bus.wire import Wire
from gpufleet_collector.clock import Clock
from gpufleet_collector.errors import BusAway, BusMessageRefused
from gpufleet_collector.live.news import NO_NEWS
from gpufleet_collector.live.relay import NOTHING_TOLD, Relay
from gpufleet_collector.model import BusState
from gpufleet_collector.selfmetrics import SelfMetrics

_NOTHING = Part(NO_NEWS, ())

_logger = logging.getLogger(__name__)


class Bus:
    """Start, stop, stop twice and stop unstarted are all fine. `name` is an id that no other collector has."""

    def __init__(
        self, name: str, wire: Wire, relay: Relay, events: EventSource, *, clock: Clock, metrics: SelfMetrics
    ) -> None:
        self._name = name
        self._wire = wire
        self._relay = relay
        self._clock = clock
        self._metrics = metrics
        self._peers = Peers()
        self.happenings = Happenings(events, clock, relay.tell, self._dropped("event").inc)
        self._told = NOTHING_TOLD
        self._events: list[EventKey] = []
        self._sequence = 0
        self._askers: set[str] = set()
        self._is_away: bool | None = None
        self._away_since: float | None = None
        self._dropped_by_wire = 0
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def state(self) -> BusState:
        """`up` or `away`."""
        return "up" if self._wire.is_up else "away"

    async def start(self, fleet: str) -> None:
        """Share with the collectors of this fleet. Returns at once; a bus that is away is waited for meanwhile."""
        if self._tasks:
            return
        await self._wire.start(fleet, self.take)
        self._tasks = [
            asyncio.create_task(self._run(), name="bus"),
            asyncio.create_task(self.happenings.run(), name="bus-events"),
        ]

    async def stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._wire.stop()

    async def ended(self) -> None:
        """Never returns; raises what ended the bus unasked."""
        await asyncio.gather(*self._tasks)

    # -------------------------------------------------------------------------------------------------------- tell

    async def _run(self) -> None:
        while True:
            await self.step()
            await asyncio.sleep(INTERVAL_SECONDS)

    async def step(self) -> None:
        """Tell what is new, answer who asked, and ask whom something is missing of."""
        self._look()
        if not self._wire.is_up:
            return
        try:
            await self._tell_news()
            await self._answer()
            for peer in self._peers.to_ask(self._clock.now().monotonic):
                await self._send(peer, self._encode("ask", self._clock.now().monotonic, _NOTHING))
        except BusAway as error:
            _logger.debug("not told: %s", error)

    def _look(self) -> None:
        """Say once when the bus goes and comes, and show how it is."""
        now = self._clock.now().monotonic
        self._notice(now)
        for peer in self._peers.forget_silent(now):
            _logger.info("the collector %s says nothing any more", peer)
        if self._wire.dropped > self._dropped_by_wire:
            self._dropped("slow").inc(self._wire.dropped - self._dropped_by_wire)
            self._dropped_by_wire = self._wire.dropped
            self._peers.suspect_all()
        self._metrics.bus_up.set(self._wire.is_up)
        self._metrics.bus_peers.set(len(self._peers))

    def _notice(self, now: float) -> None:
        if self._wire.is_up:
            if self._away_since is not None:
                self._peers.suspect_all()
            if self._is_away is not False:
                _logger.info("the bus answers: this collector shows the hosts of all")
            self._away_since, self._is_away = None, False
            return
        if self._away_since is None:
            self._away_since = now
        if not self._is_away and now - self._away_since >= AWAY_SECONDS:
            self._is_away = True
            _logger.warning(
                "the bus is away (%s): only the hosts of this collector are known as they are; trying on",
                self._wire.trouble,
            )
            self._relay.lose()

    async def _tell_news(self) -> None:
        self._events += [EventKey(event.id, event.occurred_at) for event in self._relay.happened()]
        events, at = self._events, self._clock.now().monotonic
        news, told = self._relay.news(self._told)
        for part in cut(news, events):
            self._sequence += 1
            await self._tell(self._encode("news", at, part))
            await asyncio.sleep(0)
        self._told, self._events = told, []

    async def _answer(self) -> None:
        if not self._askers:
            return
        askers, self._askers = self._askers, set()
        at, parts = self._clock.now().monotonic, []
        for part in cut(self._relay.news(NOTHING_TOLD)[0]):
            parts.append(part)
            await asyncio.sleep(0)
        for number, part in enumerate(parts):
            data = self._encode("whole", at, part, number, len(parts))
            for asker in askers:
                await self._send(asker, data)
            await asyncio.sleep(0)

    def _encode(self, kind: Kind, at: float, part: Part, number: int = 0, parts: int = 1) -> bytes:
        envelope = Envelope(self._name, kind, self._sequence, at, number, parts)
        return encode(Message(envelope, part.news, part.events), part.hosts)

    async def _tell(self, data: bytes) -> None:
        await self._wire.tell(data)
        self._count("out", data)

    async def _send(self, to: str, data: bytes) -> None:
        await self._wire.send(to, data)
        self._count("out", data)

    # -------------------------------------------------------------------------------------------------------- hear

    def take(self, data: bytes) -> None:
        """A message that came."""
        self._count("in", data)
        try:
            self._take(decode(data))
        except BusMessageRefused as error:
            self._dropped(error.reason).inc()
            _logger.debug("%s", error)

    def _take(self, message: Message) -> None:
        envelope = message.envelope
        if envelope.sender == self._name:
            return
        if envelope.kind == "ask":
            if len(self._askers) < MAX_ASKERS:
                self._askers.add(envelope.sender)
            return
        verdict = self._peers.hear(envelope, self._clock.now().monotonic)
        if not verdict.is_taken:
            self._dropped("order").inc()
            return
        if not self._relay.take(envelope.sender, message.news, verdict.sent_at):
            self._peers.suspect(envelope.sender)
        self.happenings.want(message.events)

    def _count(self, direction: str, data: bytes) -> None:
        self._metrics.bus_messages.labels(direction=direction).inc()
        self._metrics.bus_bytes.labels(direction=direction).inc(len(data))

    def _dropped(self, reason: str) -> Counter:
        return self._metrics.bus_dropped.labels(reason=reason)
