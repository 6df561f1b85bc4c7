"""Collectors on a bus within one process, reduced to their live states: a test decides what becomes of each message."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from fakes.clock import START_US, FakeClock
from fakes.history import FakeEvents
from gpufleet_collector.bus.bus import Bus
from gpufleet_collector.errors import BusAway
from gpufleet_collector.live.live import Live
from gpufleet_collector.selfmetrics import SelfMetrics


@dataclass(slots=True)
class Parcel:
    """A message on its way to one collector."""

    to: str
    data: bytes


class Ether:
    """What carries the messages, each of them on its way until it is delivered or lost."""

    def __init__(self) -> None:
        self.sides: dict[str, Side] = {}
        self.on_their_way: list[Parcel] = []
        self.is_up = True

    def join(self, name: str, clock: FakeClock | None = None) -> "Side":
        self.sides[name] = side = Side(name, self, clock or FakeClock())
        return side

    def leave(self, name: str) -> None:
        """As a collector that is killed."""
        del self.sides[name]
        self.on_their_way = [parcel for parcel in self.on_their_way if parcel.to != name]

    def deliver(self) -> None:
        """Everything that is on its way arrives, in order."""
        parcels, self.on_their_way = self.on_their_way, []
        for parcel in parcels:
            self.arrive(parcel)

    def arrive(self, parcel: Parcel) -> None:
        if parcel.to in self.sides:
            self.sides[parcel.to].bus.take(parcel.data)

    def advance(self, seconds: float) -> None:
        """Time passes for everybody."""
        for side in self.sides.values():
            side.clock.advance(seconds)
            side.live.refresh()

    def rounds(self, number: int = 4) -> None:
        """So many seconds in which nothing goes wrong."""
        for _ in range(number):
            self.advance(1.0)
            for side in list(self.sides.values()):
                side.step()
                self.deliver()


@dataclass(slots=True)
class EtherWire:
    ether: Ether
    name: str
    trouble: str = "the test says so"
    dropped: int = 0

    @property
    def is_up(self) -> bool:
        return self.ether.is_up

    async def start(self, fleet: str, take: Callable[[bytes], None]) -> None:
        """What comes is handed over anyway."""

    async def stop(self) -> None:
        """There is nothing to stop."""

    async def tell(self, data: bytes) -> None:
        for name in self.ether.sides:
            if name != self.name:
                await self.send(name, data)

    async def send(self, to: str, data: bytes) -> None:
        if not self.ether.is_up:
            raise BusAway(self.trouble)
        self.ether.on_their_way.append(Parcel(to, data))


@dataclass
class Side:
    """A collector: its clocks are its own."""

    name: str
    ether: Ether
    clock: FakeClock
    metrics: SelfMetrics = field(default_factory=SelfMetrics)
    events: FakeEvents = field(default_factory=FakeEvents)

    def __post_init__(self) -> None:
        self.live = Live(self.clock, self.metrics)
        self.wire = EtherWire(self.ether, self.name)
        self.bus = Bus(self.name, self.wire, self.live.relay(), self.events, clock=self.clock, metrics=self.metrics)

    def step(self) -> None:
        drive(self.bus.step())

    def read_events(self) -> None:
        """Look whether the database has the events that others told of."""
        drive(self.bus.happenings.look())

    def counted(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


def odd_clock(number: int) -> FakeClock:
    """Clocks that agree with nobody's."""
    return FakeClock(START_US + 7_777_777 * number, 1000.0 + 333.3 * number)


def drive(work: Coroutine[Any, Any, None]) -> None:
    """Run what waits for nothing but its turn."""
    try:
        while True:
            work.send(None)
    except StopIteration:
        return
