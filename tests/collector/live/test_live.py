"""What the live state shows and tells, from what arrived and when."""

from dataclasses import replace

import pytest

from fakes.clock import START_US, FakeClock
from fakes.fleet import agent, inventory, sample, values
from gpufleet_collector.live.limits import LiveLimits
from gpufleet_collector.live.live import Live
from gpufleet_collector.live.selection import Selection
from gpufleet_collector.live.subscriber import Due, Subscriber
from gpufleet_collector.model import AgentCost, Gpu, Inventory, KnownHost, PlacedEvent
from gpufleet_collector.selfmetrics import SelfMetrics


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def metrics() -> SelfMetrics:
    return SelfMetrics()


@pytest.fixture
def live(clock: FakeClock, metrics: SelfMetrics) -> Live:
    return Live(clock, metrics, LiveLimits(max_hosts=3, max_gpus=5))


def connect(live: Live, host: str, gpus: Inventory, interval: float = 5.0) -> None:
    live.connected(host, agent(), gpus, interval_seconds=interval, skew_seconds=0.0)


def shown(live: Live) -> list[tuple[str, str]]:
    return [(gpu.host, gpu.gpu.uuid) for gpu in live.gpus(live.gpu_keys(Selection()))]


def state(live: Live, host: str) -> str:
    view = live.host(host)
    assert view is not None
    return view.state


def everything(live: Live, selection: Selection | None = None) -> Subscriber:
    return live.subscribe(selection or Selection(), wake=lambda: None)


def drain(subscriber: Subscriber) -> list[Due | PlacedEvent]:
    taken: list[Due | PlacedEvent] = []
    while (due := subscriber.take()) is not None:
        taken.append(due)
    return taken


def refused(metrics: SelfMetrics, what: str) -> float | None:
    return metrics.registry.get_sample_value("gpufleet_live_refused_total", {"what": what})


def test_gpus_are_known_before_their_first_sample_with_every_value_absent(live: Live) -> None:
    connect(live, "h", inventory("x"))
    view = live.gpu("x")
    assert view is not None
    assert (view.host, view.host_state, view.recorded_at, view.values) == ("h", "up", None, values())


def test_gpus_are_listed_by_host_index_and_uuid_unknown_indexes_last(live: Live) -> None:
    connect(live, "b", inventory("z", "y"))
    connect(live, "a", inventory(Gpu("n"), Gpu("m", index=1), Gpu("k", index=1)))
    assert shown(live) == [("a", "k"), ("a", "m"), ("a", "n"), ("b", "z"), ("b", "y")]


def test_a_gpu_that_is_gone_meanwhile_is_left_out(live: Live) -> None:
    connect(live, "h", inventory("x", "y", "z"))
    keys = live.gpu_keys(Selection())
    live.inventory("h", inventory("x", "z"))
    assert [view.gpu.uuid for view in live.gpus(keys)] == ["x", "z"]


@pytest.mark.parametrize("hosts", [(), ("a",), ("b", "a"), ("nobody",)])
@pytest.mark.parametrize("gpus", [(), ("x",), ("z", "y", "none")])
@pytest.mark.parametrize("indexes", [(), (0,), (1, 7)])
def test_what_is_selected_is_exactly_that_in_order(
    live: Live, hosts: tuple[str, ...], gpus: tuple[str, ...], indexes: tuple[int, ...]
) -> None:
    connect(live, "b", inventory("z", "y"))
    connect(live, "a", inventory("x", Gpu("n"), Gpu("m", index=7)))
    expected = [
        view.key
        for view in live.gpus(live.gpu_keys(Selection()))
        if (not hosts or view.host in hosts)
        and (not gpus or view.gpu.uuid in gpus)
        and (not indexes or view.gpu.index in indexes)
    ]
    assert live.gpu_keys(Selection(frozenset(hosts), frozenset(gpus)), indexes) == expected


def test_values_go_absent_when_they_are_too_old_and_recorded_at_stays(live: Live, clock: FakeClock) -> None:
    connect(live, "h", inventory("x"))
    live.samples("h", [sample("x", 0, power_watts=300.0)])
    clock.advance(12.5)
    assert (fresh := live.gpu("x")) is not None and fresh.values == values(power_watts=300.0)
    clock.advance(0.1)
    assert (stale := live.gpu("x")) is not None and stale.values == values()
    assert stale.recorded_at == START_US


def test_a_gpu_that_left_the_inventory_is_gone_and_a_sample_from_before_does_not_bring_it_back(live: Live) -> None:
    connect(live, "h", inventory("x", "y"))
    live.inventory("h", inventory("x", seconds=10))
    live.samples("h", [sample("y", 9, power_watts=1.0)])
    assert shown(live) == [("h", "x")]
    assert live.gpu("y") is None


def test_a_sample_of_a_gpu_not_yet_declared_is_shown(live: Live) -> None:
    connect(live, "h", inventory())
    live.samples("h", [sample("x", 0, power_watts=1.0)])
    view = live.gpu("x")
    assert view is not None and (view.gpu.state, view.values) == ("unknown", values(power_watts=1.0))


def test_a_gpu_that_moved_is_shown_once_at_the_newest_claim(live: Live, clock: FakeClock) -> None:
    connect(live, "old", inventory("x"))
    live.samples("old", [sample("x", 0, power_watts=1.0)])
    connect(live, "new", inventory("x", seconds=5))
    assert shown(live) == [("new", "x")]
    live.samples("old", [sample("x", 4, power_watts=2.0)])
    assert shown(live) == [("new", "x")]
    live.samples("new", [sample("x", 6, power_watts=3.0)])
    view = live.gpu("x")
    assert view is not None and view.values == values(power_watts=3.0)
    live.inventory("old", inventory(seconds=7))
    assert shown(live) == [("new", "x")]


def test_states_of_a_host_from_hello_to_silence_to_goodbye(live: Live, clock: FakeClock) -> None:
    connect(live, "h", inventory("x"))
    subscriber = everything(live)
    drain(subscriber)
    seen = []
    for seconds in (9, 1, 49, 1):
        clock.advance(seconds)
        live.refresh()
        seen.append((state(live, "h"), drain(subscriber)))
    told = [Due("host", "h")]
    assert seen == [("up", []), ("late", told), ("late", []), ("down", told)]

    live.heartbeat("h", AgentCost(), 5.0, 0.0)
    assert (state(live, "h"), drain(subscriber)) == ("up", told)
    live.disconnected("h", clean=True)
    assert (state(live, "h"), drain(subscriber)) == ("left", told)
    clock.advance(1000)
    live.refresh()
    assert (state(live, "h"), drain(subscriber)) == ("left", [])
    connect(live, "h", inventory("x"))
    assert state(live, "h") == "up"


def test_a_broken_stream_changes_nothing_until_time_has_passed(live: Live, clock: FakeClock) -> None:
    connect(live, "h", inventory("x"))
    live.disconnected("h", clean=False)
    assert state(live, "h") == "up"
    clock.advance(60)
    live.refresh()
    assert state(live, "h") == "down"


def test_since_is_when_the_state_changed(live: Live, clock: FakeClock) -> None:
    connect(live, "h", inventory("x"))
    clock.advance(10)
    live.refresh()
    clock.advance(5)
    live.refresh()
    view = live.host("h")
    assert view is not None and (view.state, view.since, view.last_seen) == ("late", START_US + 10_000_000, START_US)


def test_hosts_from_the_database_are_unknown_until_they_are_heard(live: Live, clock: FakeClock) -> None:
    live.restore([KnownHost("h", START_US - 1, agent(), inventory("x"))])
    clock.advance(1000)
    live.refresh()
    view = live.gpu("x")
    assert view is not None and (view.host_state, view.values) == ("unknown", values())
    connect(live, "h", inventory("x"))
    assert state(live, "h") == "up"


def test_a_host_that_had_left_before_the_collector_started_has_still_left(live: Live) -> None:
    live.restore([KnownHost("h", START_US - 9, agent(), inventory("x"), left_at=START_US - 5)])
    live.refresh()
    view = live.host("h")
    assert view is not None and (view.state, view.since) == ("left", START_US - 5)
    connect(live, "h", inventory("x"))
    assert state(live, "h") == "up"


def test_subscribers_from_before_the_database_answered_are_told_of_what_it_remembers(live: Live) -> None:
    subscriber = everything(live)
    live.restore([KnownHost("h", START_US - 1, agent(), inventory("x"))])
    assert drain(subscriber) == [Due("gpu", "x")]


def test_a_host_from_the_database_makes_room_by_when_it_was_seen(live: Live, clock: FakeClock) -> None:
    live.restore([KnownHost("old", START_US - 9, agent(), inventory("x"))])
    live.restore([KnownHost("older", START_US - 2_000_000, agent(), inventory("y"))])
    live.restore([KnownHost("new", START_US - 5, agent(), inventory("z"))])
    connect(live, "h", inventory("w"))
    assert shown(live) == [("h", "w"), ("new", "z"), ("old", "x")]


def test_who_is_silent_for_too_long_is_forgotten(clock: FakeClock, metrics: SelfMetrics) -> None:
    live = Live(clock, metrics, forget_after_seconds=1000)
    live.restore([KnownHost("known", START_US - 900_000_000, agent(), inventory("x"))])
    for host in ("gone", "left", "here"):
        connect(live, host, inventory(f"{host}-gpu"))
    live.disconnected("left", clean=True)
    seen = []
    for seconds in (99, 1, 899, 1):
        clock.advance(seconds)
        live.heartbeat("here", AgentCost(), 5.0, 0.0)
        live.refresh()
        seen.append([host.host for host in live.hosts((), after=None, limit=10)])
    heard = ["gone", "here", "left"]
    assert seen == [[*heard[:2], "known", "left"], heard, heard, ["here"]]
    assert shown(live) == [("here", "here-gpu")]


def test_the_database_does_not_overrule_a_host_that_was_heard(live: Live) -> None:
    connect(live, "h", inventory("x"))
    live.restore([KnownHost("h", START_US, agent(), inventory("y"))])
    assert shown(live) == [("h", "x")]


def test_subscribers_are_told_when_values_stop_being_current(live: Live, clock: FakeClock) -> None:
    connect(live, "h", inventory("x", "y", "z"))
    live.samples("h", [sample("x", 0, power_watts=1.0), sample("y", 0, power_watts=1.0, pcie_link_width=16)])
    subscriber = everything(live)
    seen = []
    for seconds in (0, 5, 7.5, 0.1, 10, 2.4, 0.1, 100):
        drain(subscriber)
        clock.advance(seconds)
        live.heartbeat("h", AgentCost(), 5.0, 0.0)
        live.refresh()
        seen.append(drain(subscriber))
    both, slow = [Due("gpu", "x"), Due("gpu", "y")], [Due("gpu", "y")]
    assert seen == [[], [], [], both, [], [], slow, []]


def test_values_lapse_as_often_as_the_agent_last_said_it_reads(live: Live, clock: FakeClock) -> None:
    connect(live, "h", inventory("x"))
    live.samples("h", [sample("x", 0, power_watts=1.0)])
    live.heartbeat("h", AgentCost(), 1.0, 0.0)
    subscriber = everything(live)
    drain(subscriber)
    clock.advance(2.6)
    live.refresh()
    assert drain(subscriber) == [Due("gpu", "x")]
    assert (view := live.gpu("x")) is not None and view.values == values()


def test_a_new_subscriber_is_owed_the_current_state_and_then_what_changes(live: Live) -> None:
    connect(live, "h", inventory("x", "y"))
    subscriber = everything(live)
    assert drain(subscriber) == [Due("gpu", "x"), Due("gpu", "y")]
    live.samples("h", [sample("y", 0, power_watts=1.0), sample("y", 5, power_watts=2.0)])
    assert drain(subscriber) == [Due("gpu", "y")]
    live.samples("h", [sample("y", 1, power_watts=1.0)])
    assert drain(subscriber) == []
    live.unsubscribe(subscriber)
    live.samples("h", [sample("y", 9, power_watts=1.0)])
    assert drain(subscriber) == []


def test_subscribers_are_told_when_the_state_of_a_gpu_changes(live: Live) -> None:
    connect(live, "h", inventory(Gpu("x", index=0, state="ok"), Gpu("y", index=1, state="ok")))
    subscriber = everything(live)
    drain(subscriber)
    live.inventory("h", inventory(Gpu("x", index=0, state="lost"), Gpu("y", index=1, state="ok")))
    assert drain(subscriber) == [Due("gpu", "x")]


def test_the_signature_changes_exactly_when_the_view_does(live: Live, clock: FakeClock) -> None:
    connect(live, "h", inventory("x"))
    live.samples("h", [sample("x", 0, power_watts=1.0)])
    first = live.signature("x")
    clock.advance(1)
    assert live.signature("x") == first
    clock.advance(9.5)
    live.refresh()
    late = live.signature("x")
    clock.advance(3)
    stale = live.signature("x")
    live.inventory("h", replace(inventory("x"), simulated=True))
    assert len({first, late, stale, live.signature("x")}) == 4
    assert live.signature("nobody") is None


def test_gpus_beyond_the_limit_are_not_shown_and_counted(live: Live, metrics: SelfMetrics) -> None:
    connect(live, "h", inventory(*"abcdefg"))
    assert live.gpu_count == 5
    assert refused(metrics, "gpu") == 2


def test_at_the_limit_a_silent_host_makes_room_but_never_one_that_is_up(
    live: Live, clock: FakeClock, metrics: SelfMetrics
) -> None:
    for host in ("a", "b", "c"):
        connect(live, host, inventory(host + "0"))
        clock.advance(1)
    connect(live, "d", inventory("d0"))
    assert refused(metrics, "host") == 1
    live.disconnected("b", clean=True)
    connect(live, "d", inventory("d0"))
    assert shown(live) == [("a", "a0"), ("c", "c0"), ("d", "d0")]
    live.samples("b", [sample("b0", 0, power_watts=1.0)])
    assert live.gpu("b0") is None


def test_of_too_many_known_hosts_those_seen_last_are_kept(live: Live, metrics: SelfMetrics) -> None:
    live.restore([KnownHost(f"h{number}", number, agent(), inventory()) for number in range(5)])
    assert [host.host for host in live.hosts((), after=None, limit=10)] == ["h2", "h3", "h4"]
    assert refused(metrics, "host") == 2


def test_hosts_are_listed_by_name_filtered_and_paged(live: Live) -> None:
    for host in ("c", "a", "b"):
        connect(live, host, inventory())
    assert [host.host for host in live.hosts((), after="a", limit=1)] == ["b"]
    assert [host.host for host in live.hosts(("c", "a", "nobody"), after=None, limit=10)] == ["a", "c"]


def test_only_whole_gpus_are_counted_as_gpus_of_a_host(live: Live) -> None:
    connect(live, "h", inventory(Gpu("x", index=0), Gpu("MIG-1", index=0, parent_uuid="x", mig_instance=0)))
    view = live.host("h")
    assert view is not None and view.gpu_count == 1
    assert live.gpu_count == 2


def test_a_heartbeat_brings_cost_interval_and_skew(live: Live) -> None:
    connect(live, "h", inventory())
    live.heartbeat("h", AgentCost(samples_taken_total=7), interval_seconds=1.0, skew_seconds=0.25)
    view = live.host("h")
    assert view is not None and view.cost == AgentCost(samples_taken_total=7)
    assert (view.interval_seconds, view.skew_seconds) == (1.0, 0.25)


def test_what_comes_from_a_host_nobody_knows_is_ignored(live: Live) -> None:
    live.inventory("nobody", inventory("x"))
    live.samples("nobody", [sample("x", 0, power_watts=1.0)])
    live.heartbeat("nobody", AgentCost(), 5.0, 0.0)
    live.disconnected("nobody", clean=True)
    assert live.hosts((), after=None, limit=10) == []
