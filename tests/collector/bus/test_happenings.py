"""Events that others told of are read when the database has them, and not for ever."""

from fakes.clock import FakeClock
from fakes.ether import drive
from fakes.fleet import event
from fakes.history import FakeEvents
from gpufleet_collector.bus.happenings import Happenings
from gpufleet_collector.bus.limits import EVENT_SECONDS, EVENTS_AT_ONCE, MAX_EVENTS
from gpufleet_collector.bus.message import EventKey
from gpufleet_collector.errors import DatabaseUnavailable
from gpufleet_collector.model import PlacedEvent
from gpufleet_collector.store.event_history import EventQuery


class Desk:
    """Happenings with everything that they need."""

    def __init__(self) -> None:
        self.clock, self.source = FakeClock(), FakeEvents()
        self.told: list[PlacedEvent] = []
        self.dropped = 0
        self.happenings = Happenings(self.source, self.clock, self.told.append, self.count)

    def count(self, number: int) -> None:
        self.dropped += number

    def want(self, *names: str) -> None:
        self.happenings.want([EventKey(name, event(name).occurred_at) for name in names])

    def look(self) -> None:
        drive(self.happenings.look())


def test_an_event_is_told_as_soon_as_the_database_has_it_and_then_not_asked_for_again() -> None:
    desk = Desk()
    desk.want("a", "b")
    desk.source.found = [PlacedEvent(event("a"))]
    desk.look()
    desk.source.found.append(PlacedEvent(event("b")))
    desk.look()
    desk.look()
    assert [placed.event.id for placed in desk.told] == ["a", "b"]
    assert [query.ids for query in desk.source.asked] == [("a", "b"), ("b",)]


def test_an_event_that_does_not_come_is_given_up() -> None:
    desk = Desk()
    desk.want("a")
    desk.clock.advance(EVENT_SECONDS)
    desk.look()
    assert desk.dropped == 1
    desk.look()
    assert len(desk.source.asked) == 1


class Away:
    async def find(self, query: EventQuery) -> list[PlacedEvent]:
        raise DatabaseUnavailable("it was killed")


def test_while_the_database_is_away_no_event_is_given_up() -> None:
    desk = Desk()
    desk.want("a")
    away = Happenings(Away(), desk.clock, desk.told.append, desk.count)
    away.want([EventKey("a", event("a").occurred_at)])
    desk.clock.advance(10 * EVENT_SECONDS)
    drive(away.look())
    assert desk.dropped == 0


def test_too_many_at_once_are_dropped_the_oldest_first_and_asked_for_in_portions() -> None:
    desk = Desk()
    desk.want(*(f"e{number}" for number in range(MAX_EVENTS + 7)))
    assert desk.dropped == 7
    desk.look()
    assert [len(query.ids) for query in desk.source.asked] == [EVENTS_AT_ONCE] * (MAX_EVENTS // EVENTS_AT_ONCE)
    assert desk.source.asked[0].ids[0] == "e7"
