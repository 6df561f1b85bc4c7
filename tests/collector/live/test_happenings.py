"""What happens on hosts is told once to whoever selected it; what runs on GPUs is the newest list of each host."""

from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import START_US, FakeClock
from fakes.counting import Tally
from fakes.fleet import agent, event, inventory
from gpufleet_collector.live.hub import Hub
from gpufleet_collector.live.live import Live
from gpufleet_collector.live.recent import RecentEvents
from gpufleet_collector.live.selection import Selection
from gpufleet_collector.live.subscriber import Subscriber
from gpufleet_collector.model import PlacedEvent, Process, ProcessList
from gpufleet_collector.selfmetrics import SelfMetrics


def live_host(clock: FakeClock | None = None) -> Live:
    live = Live(clock or FakeClock(), SelfMetrics())
    live.connected("host-1", agent(), inventory("GPU-a", "GPU-b"), 5.0, 0.0)
    return live


def told(subscriber: Subscriber) -> list[str]:
    taken = []
    while (due := subscriber.take()) is not None:
        if isinstance(due, PlacedEvent):
            taken.append(due.event.id)
    return taken


def processes(*found: Process, host: str = "host-1") -> ProcessList:
    return ProcessList(host, START_US, found)


def test_an_event_tells_where_its_gpu_is() -> None:
    live = live_host()
    subscriber = live.subscribe(Selection(gpus=frozenset(["GPU-b"])), lambda: None)
    subscriber.take()
    live.events("host-1", [event("e1", gpu_uuid="GPU-b")])
    assert subscriber.take() == PlacedEvent(event("e1", gpu_uuid="GPU-b"), 1, "NVIDIA H200")


def test_only_those_are_told_who_selected_the_host_or_the_gpu() -> None:
    live = live_host()
    wanted = {
        "all": Selection(),
        "host": Selection(hosts=frozenset(["host-1"])),
        "other host": Selection(hosts=frozenset(["host-2"])),
        "gpu": Selection(gpus=frozenset(["GPU-b"])),
        "other gpu": Selection(gpus=frozenset(["GPU-x"])),
    }
    subscribers = {name: live.subscribe(selection, lambda: None) for name, selection in wanted.items()}
    live.events("host-1", [event("b", gpu_uuid="GPU-b"), event("host", gpu_uuid=None), event("x", gpu_uuid="GPU-x")])
    assert {name: told(subscriber) for name, subscriber in subscribers.items()} == {
        "all": ["b", "host", "x"],
        "host": ["b", "host", "x"],
        "other host": [],
        "gpu": ["b", "host"],
        "other gpu": ["x"],
    }


def test_events_of_a_host_that_is_not_shown_are_told_too() -> None:
    live = live_host()
    subscriber = live.subscribe(Selection(), lambda: None)
    live.events("host-9", [event("e1", host="host-9")])
    assert told(subscriber) == ["e1"]


def test_an_event_is_a_sign_of_life() -> None:
    clock = FakeClock()
    live = live_host(clock)
    clock.advance(30)
    live.refresh()
    live.events("host-1", [event("e1")])
    view = live.host("host-1")
    assert view is not None
    assert view.state == "up"


@given(st.lists(st.integers(0, 20), max_size=60), st.integers(1, 8))
def test_an_id_is_new_unless_it_is_among_those_seen_last(ids: list[int], most: int) -> None:
    recent = RecentEvents(most)
    model: list[int] = []
    for number in ids:
        assert recent.is_new(str(number)) is (number not in model)
        if number not in model:
            model = [*model, number][-most:]


def test_beyond_the_limit_of_a_client_the_oldest_events_are_dropped_and_counted() -> None:
    dropped = Tally()
    hub = Hub(Tally(), dropped)
    slow, fast = (Subscriber(Selection(), lambda: None, max_events=2) for _ in range(2))
    hub.add(slow)
    hub.add(fast)
    for number in range(5):
        hub.publish_event(PlacedEvent(event(f"e{number}")), (), {})
        assert told(fast) == [f"e{number}"]
    assert len(slow) == 2
    assert told(slow) == ["e3", "e4"]
    assert dropped.total == 3


def test_the_newest_list_counts_and_is_sorted_by_gpu_and_pid() -> None:
    live = live_host()
    live.processes(processes(Process("GPU-a", 1)))
    live.processes(processes(Process("GPU-x", 1), Process("GPU-b", 9), Process("GPU-b", 2), Process("GPU-a", 5)))
    assert [(view.gpu_index, view.process.pid) for view in live.running("host-1")] == [
        (0, 5),
        (1, 2),
        (1, 9),
        (None, 1),
    ]
    live.processes(processes())
    assert live.running("host-1") == []


def test_processes_of_nobody() -> None:
    live = live_host()
    live.processes(processes(Process("GPU-a", 1), host="host-9"))
    assert live.running("host-9") == live.running("host-1") == []
    assert live.host_names(()) == live.host_names(["host-1", "host-9"]) == ["host-1"]


def test_a_list_that_is_not_told_again_is_no_longer_what_runs_but_the_last_that_is_known_of_a_silent_host() -> None:
    clock = FakeClock()
    live = live_host(clock)
    live.processes(processes(Process("GPU-a", 1)))
    clock.advance(25)
    live.samples("host-1", [])
    assert len(live.running("host-1")) == 1
    clock.advance(1)
    live.samples("host-1", [])
    assert live.running("host-1") == []
    clock.advance(100)
    live.refresh()
    (view,) = live.running("host-1")
    assert (view.host_state, view.observed_at) == ("down", START_US)
