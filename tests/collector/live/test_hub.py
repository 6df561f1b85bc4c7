"""A subscriber has at most one pending event per GPU and host, and a slow one costs nobody else anything."""

from hypothesis import given
from hypothesis import strategies as st

from fakes.counting import Tally
from gpufleet_collector.live.hub import Hub
from gpufleet_collector.live.selection import Selection
from gpufleet_collector.live.subscriber import Due, Subscriber
from gpufleet_collector.model import PlacedEvent


def subscriber(selection: Selection | None = None, max_pending: int = 1000) -> Subscriber:
    return Subscriber(selection or Selection(), wake=lambda: None, max_pending=max_pending)


def drain(one: Subscriber) -> list[Due | PlacedEvent]:
    taken: list[Due | PlacedEvent] = []
    while (due := one.take()) is not None:
        taken.append(due)
    return taken


@given(st.lists(st.tuples(st.sampled_from("abc"), st.lists(st.sampled_from("123456"), max_size=6))))
def test_pending_is_the_set_of_gpus_published_and_every_repeat_is_counted(
    published: list[tuple[str, list[str]]],
) -> None:
    tally = Tally()
    hub = Hub(tally, Tally())
    one = subscriber()
    hub.add(one)
    for host, gpus in published:
        hub.publish_gpus(host, gpus, {})

    offered = [Due("gpu", gpu) for _, gpus in published for gpu in gpus]
    assert len(one) == len(set(offered))
    assert tally.total == len(offered) - len(set(offered))
    assert drain(one) == list(dict.fromkeys(offered))
    assert len(one) == 0


def test_an_event_taken_may_become_pending_again() -> None:
    one = subscriber()
    one.offer([Due("gpu", "a"), Due("gpu", "b")])
    assert one.take() == Due("gpu", "a")
    one.offer([Due("gpu", "a")])
    assert drain(one) == [Due("gpu", "b"), Due("gpu", "a")]


def test_beyond_the_limit_the_oldest_goes_and_is_counted() -> None:
    one = subscriber(max_pending=2)
    assert one.offer([Due("gpu", "a"), Due("gpu", "b"), Due("host", "h")]) == 1
    assert drain(one) == [Due("host", "h"), Due("gpu", "b")]


def test_only_what_was_selected_is_pending() -> None:
    hub = Hub(Tally(), Tally())
    by_host, by_gpu = subscriber(Selection(hosts=frozenset("h"))), subscriber(Selection(gpus=frozenset("x")))
    hub.add(by_host)
    hub.add(by_gpu)
    hub.publish_gpus("h", ["x", "y"], {})
    hub.publish_gpus("other", ["x"], {})
    hub.publish_host("h", ["y"], {})
    hub.publish_host("other", ["x"], {})
    assert drain(by_host) == [Due("host", "h"), Due("gpu", "x"), Due("gpu", "y")]
    assert drain(by_gpu) == [Due("host", "other"), Due("gpu", "x")]


def test_hosts_and_gpus_together_mean_both() -> None:
    both = Selection(hosts=frozenset("h"), gpus=frozenset("x"))
    assert both.wants_gpu("h", "x", {})
    assert not both.wants_gpu("h", "y", {})
    assert not both.wants_gpu("g", "x", {})
    assert not both.wants_host("h", ["y"], {})


def test_wake_is_called_only_when_something_is_pending() -> None:
    woken = Tally()
    one = Subscriber(Selection(), wake=lambda: woken(1))
    one.offer([])
    assert woken.total == 0
    one.offer([Due("gpu", "a")])
    assert woken.total == 1


def test_a_subscriber_that_was_removed_hears_no_more() -> None:
    hub = Hub(Tally(), Tally())
    one = subscriber()
    hub.add(one)
    hub.remove(one)
    hub.remove(one)
    hub.publish_gpus("h", ["x"], {})
    assert len(one) == 0
    assert len(hub) == 0
