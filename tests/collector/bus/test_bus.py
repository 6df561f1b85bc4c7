"""What several collectors show of one fleet, whatever becomes of their messages."""

import logging

import pytest

from fakes.clock import START_US
from fakes.ether import Ether, Side, odd_clock
from fakes.fleet import agent, event, inventory, sample
from gpufleet_collector.live.selection import Selection
from gpufleet_collector.live.subscriber import Due, Subscriber
from gpufleet_collector.model import AgentCost, KnownHost, PlacedEvent, Process, ProcessList


@pytest.fixture
def ether() -> Ether:
    return Ether()


@pytest.fixture
def first(ether: Ether) -> Side:
    return ether.join("first", odd_clock(1))


@pytest.fixture
def second(ether: Ether) -> Side:
    return ether.join("second", odd_clock(2))


def connect(side: Side, host: str, *gpus: str, labels: dict[str, str] | None = None) -> None:
    side.live.connected(host, agent(labels), inventory(*gpus), interval_seconds=5.0, skew_seconds=0.25)


def beat(side: Side, host: str) -> None:
    side.live.heartbeat(host, AgentCost(reconnects_total=3), 5.0, 0.5)


def watts(side: Side, gpu: str) -> float | None:
    view = side.live.gpu(gpu)
    return None if view is None else next((value for value in view.values if value is not None), None)


def state(side: Side, host: str) -> str | None:
    view = side.live.host(host)
    return None if view is None else view.state


def drain(subscriber: Subscriber) -> list[Due | PlacedEvent]:
    taken: list[Due | PlacedEvent] = []
    while (due := subscriber.take()) is not None:
        taken.append(due)
    return taken


def test_a_host_looks_the_same_at_every_collector(ether: Ether, first: Side, second: Side) -> None:
    connect(first, "h", "x", "y", labels={"rack": "r1"})
    first.live.samples("h", [sample("x", 1, power_watts=100.1, energy_joules_total=2**52 + 1)])
    first.live.processes(ProcessList("h", START_US, (Process("x", 7, name="train", memory_used_mb=80),)))
    beat(first, "h")
    ether.rounds()
    here, there = first.live.host("h"), second.live.host("h")
    assert here is not None and there is not None
    for name in ("host", "state", "agent", "inventory", "interval_seconds", "skew_seconds", "cost"):
        assert getattr(there, name) == getattr(here, name)
    assert second.live.gpus([("h", 0, "x"), ("h", 1, "y")]) == first.live.gpus([("h", 0, "x"), ("h", 1, "y")])
    assert second.live.running("h") == first.live.running("h")


def test_times_are_those_of_the_collector_that_is_asked_whatever_the_clocks_say(
    ether: Ether, first: Side, second: Side
) -> None:
    connect(first, "h", "x")
    ether.rounds(1)
    since = second.clock.moment.wall_us
    ether.advance(3)
    beat(first, "h")
    ether.rounds(2)
    view = second.live.host("h")
    assert view is not None
    assert view.since == pytest.approx(since - 1_000_000, abs=2_000)
    assert view.last_seen == pytest.approx(second.clock.moment.wall_us - 2_000_000, abs=2_000)


def test_subscribers_are_told_of_hosts_that_others_hear(ether: Ether, first: Side, second: Side) -> None:
    connect(first, "h", "x")
    ether.rounds()
    subscriber = second.live.subscribe(Selection(), lambda: None)
    drain(subscriber)
    first.live.samples("h", [sample("x", 1, power_watts=100.0)])
    ether.rounds(1)
    assert subscriber.take() == Due("gpu", "x")
    ether.rounds(1)
    assert subscriber.take() is None, "what is told again is no news"
    ether.rounds(12)
    assert subscriber.take() == Due("host", "h")
    assert state(second, "h") == state(first, "h") == "late"


def test_what_was_recalled_from_the_database_does_not_keep_a_host_from_being_told(
    ether: Ether, first: Side, second: Side
) -> None:
    first.live.restore([KnownHost("h", START_US - 10**9, agent(), inventory("x"))])
    first.live.recall_processes(ProcessList("h", START_US - 10**9, (Process("x", 7),)))
    ether.rounds()
    assert state(second, "h") is None, "whoever has not heard it says nothing of it"
    connect(first, "h", "x")
    ether.rounds()
    assert state(second, "h") == "up"
    assert second.live.running("h") == first.live.running("h") == []


def test_who_comes_later_is_told_everything(ether: Ether, first: Side) -> None:
    connect(first, "h", "x")
    first.live.samples("h", [sample("x", 1, power_watts=100.0)])
    ether.rounds()
    joiner = ether.join("joiner", odd_clock(9))
    ether.rounds(2)
    assert watts(joiner, "x") == 100.0
    assert state(joiner, "h") == "up"


def test_a_host_moves_with_its_agent_and_the_older_news_of_it_do_not_count(
    ether: Ether, first: Side, second: Side
) -> None:
    third = ether.join("third", odd_clock(3))
    connect(first, "h", "x", labels={"at": "first"})
    first.live.samples("h", [sample("x", 1, power_watts=1.0)])
    ether.rounds()
    connect(second, "h", "x", labels={"at": "second"})
    second.live.samples("h", [sample("x", 5, power_watts=5.0)])
    first.live.disconnected("h", clean=False)
    ether.rounds()
    for side in (first, second, third):
        view = side.live.host("h")
        assert view is not None and view.agent.labels == {"at": "second"}
        assert watts(side, "x") == 5.0


def test_the_hosts_of_a_collector_that_died_stay_and_grow_old(ether: Ether, first: Side, second: Side) -> None:
    connect(first, "h", "x")
    ether.rounds()
    ether.leave("first")
    ether.rounds(8)
    assert state(second, "h") == "late"
    ether.rounds(60)
    assert state(second, "h") == "down"
    connect(second, "h", "x")
    assert state(second, "h") == "up"


def test_a_goodbye_is_heard_everywhere(ether: Ether, first: Side, second: Side) -> None:
    connect(first, "h", "x")
    ether.rounds()
    first.live.disconnected("h", clean=True)
    ether.rounds(1)
    assert state(second, "h") == "left"


def test_a_lost_message_is_noticed_and_made_good(ether: Ether, first: Side, second: Side) -> None:
    ether.rounds()
    connect(first, "h", "x")
    first.step()
    ether.on_their_way.clear()
    ether.rounds(1)
    assert state(second, "h") is None
    ether.rounds(3)
    assert state(second, "h") == "up"


def test_without_the_bus_hosts_of_others_are_unknown_until_it_is_back(
    ether: Ether, first: Side, second: Side, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    connect(first, "h", "x")
    connect(second, "own", "y")
    ether.rounds()
    ether.is_up = False
    assert second.bus.state == "away"
    ether.rounds(2)
    assert state(second, "h") == "up", "a short interruption is none"
    for _ in range(4):
        beat(first, "h")
        beat(second, "own")
        ether.rounds(2)
    assert (state(second, "h"), state(second, "own")) == ("unknown", "up")
    assert (state(first, "h"), state(first, "own")) == ("up", "unknown")
    assert second.counted("gpufleet_bus_up") == 0
    beat(first, "h")
    ether.is_up = True
    ether.rounds()
    assert state(second, "h") == "up"
    assert second.counted("gpufleet_bus_up") == second.counted("gpufleet_bus_peers") == 1
    said = [record.message for record in caplog.records if "bus is away" in record.message]
    assert len(said) == 2, "each says it once"


def test_a_message_that_was_held_up_is_as_old_as_it_is(ether: Ether, first: Side, second: Side) -> None:
    connect(first, "h", "x")
    ether.rounds()
    beat(first, "h")
    first.step()
    held, ether.on_their_way = ether.on_their_way, []
    ether.advance(11)
    for parcel in held:
        ether.arrive(parcel)
    second.live.refresh()
    assert state(second, "h") == "late"


def test_what_is_told_after_an_outage_is_what_happened_meanwhile(ether: Ether, first: Side, second: Side) -> None:
    connect(first, "h", "x")
    ether.rounds()
    ether.is_up = False
    ether.rounds(2)
    first.live.samples("h", [sample("x", 2, power_watts=2.0)])
    ether.rounds(2)
    ether.is_up = True
    ether.rounds(1)
    assert watts(second, "x") == 2.0


def test_an_event_is_read_from_the_database_and_told_once(ether: Ether, first: Side, second: Side) -> None:
    connect(first, "h", "x")
    ether.rounds()
    everywhere = second.live.subscribe(Selection(), lambda: None)
    happened = event("e1", host="h", gpu_uuid="x")
    first.live.events("h", [happened])
    ether.rounds(1)
    second.read_events()
    told = PlacedEvent(happened, 3, "as placed then")
    assert told not in drain(everywhere), "the database does not have it yet"
    second.events.found = [told]
    second.read_events()
    second.read_events()
    second.live.events("h", [happened])  # sent again, to the other collector
    assert drain(everywhere).count(told) == 1


def test_garbage_is_dropped_and_counted(ether: Ether, first: Side) -> None:
    first.bus.take(b"")
    first.bus.take(b"GFB\x01\x02\x00\x00\x00{}")
    first.bus.take(b"GFB\x09 from the future")
    assert first.counted("gpufleet_bus_dropped_total", reason="malformed") == 2
    assert first.counted("gpufleet_bus_dropped_total", reason="version") == 1
    assert first.counted("gpufleet_bus_messages_total", direction="in") == 3


def test_what_a_slow_collector_dropped_it_asks_for_again(ether: Ether, first: Side, second: Side) -> None:
    ether.rounds()
    second.wire.dropped = 5
    second.step()
    assert [parcel.to for parcel in ether.on_their_way] == ["first", "first"], "its news, and the asking"
    assert second.counted("gpufleet_bus_dropped_total", reason="slow") == 5
