"""After a restart every reading is as old as it was, and whatever is read now takes its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import START_US, FakeClock
from fakes.fleet import agent, inventory, sample, values
from gpufleet_collector.live.live import Live
from gpufleet_collector.live.selection import Selection
from gpufleet_collector.live.subscriber import Due
from gpufleet_collector.model import Gpu, KnownHost, Sample, SampleColumns
from gpufleet_collector.selfmetrics import SelfMetrics


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def live(clock: FakeClock) -> Live:
    made = Live(clock, SelfMetrics())
    made.restore([KnownHost("h", START_US - 1, agent(), inventory("x", "y"))])
    return made


def recall(live: Live, *samples: Sample) -> None:
    live.recall(SampleColumns.of(samples))


def shown(live: Live, gpu_uuid: str = "x") -> tuple[int | None, object]:
    view = live.gpu(gpu_uuid)
    assert view is not None
    assert view.host_state == "unknown" or live.host("h") is not None
    return view.recorded_at, view.values


def at(seconds: float) -> int:
    return START_US + round(seconds * 1_000_000)


def test_a_reading_of_a_moment_ago_is_shown_for_the_rest_of_its_time(live: Live, clock: FakeClock) -> None:
    recall(live, sample("x", -10, power_watts=1.0), sample("x", -5, power_watts=2.0))
    assert shown(live) == (at(-5), values(power_watts=2.0))
    clock.advance(7.5)
    assert shown(live) == (at(-5), values(power_watts=2.0))
    clock.advance(0.1)
    assert shown(live) == (at(-5), values())
    assert (view := live.host("h")) is not None and view.state == "unknown"


def test_an_old_reading_says_when_it_was_and_nothing_else(live: Live) -> None:
    recall(live, sample("x", -3600, power_watts=1.0))
    assert shown(live) == (at(-3600), values())
    assert shown(live, "y") == (None, values())


def test_each_tier_lasts_for_its_own_time(live: Live) -> None:
    recall(live, sample("x", -20, pcie_link_width=16, power_watts=1.0), sample("x", -15, power_watts=2.0))
    assert shown(live) == (at(-15), values(pcie_link_width=16))


def test_who_is_read_every_second_is_not_current_for_longer(live: Live) -> None:
    recall(live, sample("x", -4, power_watts=1.0), sample("x", -3, power_watts=2.0))
    assert shown(live) == (at(-3), values())


def test_of_a_single_sample_nobody_knows_how_long_it_lasts(live: Live) -> None:
    recall(live, sample("x", -1, power_watts=1.0))
    assert shown(live) == (at(-1), values())


def test_what_its_neighbour_tells_of_the_pace_holds_for_a_gpu(live: Live) -> None:
    recall(live, sample("x", -9, power_watts=1.0), sample("x", -4, power_watts=2.0), sample("y", -4, power_watts=3.0))
    assert shown(live, "y") == (at(-4), values(power_watts=3.0))


def test_samples_far_apart_do_not_make_a_reading_last_longer(live: Live) -> None:
    recall(live, sample("x", -313, power_watts=1.0), sample("x", -13, power_watts=2.0))
    assert shown(live) == (at(-13), values())


def test_how_old_a_reading_from_the_future_is_nobody_knows(live: Live) -> None:
    recall(live, sample("x", -4, power_watts=1.0), sample("x", 1, power_watts=1.0))
    assert shown(live) == (at(1), values())
    live.connected("h", agent(), inventory("x"), 5.0, 0.0)
    live.samples("h", [sample("x", 0, power_watts=2.0)])
    assert shown(live) == (at(0), values(power_watts=2.0))


def test_a_sample_that_arrives_takes_the_place_of_one_recalled(live: Live) -> None:
    recall(live, sample("x", -10, power_watts=1.0), sample("x", -5, power_watts=1.0, pcie_link_width=16))
    live.connected("h", agent(), inventory("x"), 5.0, 0.0)
    live.samples("h", [sample("x", -1, power_watts=2.0)])
    assert shown(live) == (at(-1), values(power_watts=2.0, pcie_link_width=16))


def test_a_sample_that_arrived_is_not_touched(live: Live) -> None:
    live.connected("h", agent(), inventory("x"), 5.0, 0.0)
    live.samples("h", [sample("x", -3, power_watts=2.0)])
    recall(live, sample("x", -2, power_watts=1.0), sample("y", -2, power_watts=1.0))
    assert shown(live) == (at(-3), values(power_watts=2.0))


def test_a_gpu_that_nobody_declares_is_left_out(live: Live) -> None:
    recall(live, sample("nobody", -1, power_watts=1.0))
    assert live.gpu("nobody") is None


def test_the_other_gpu_of_a_host_may_be_read_in_another_part(live: Live) -> None:
    recall(live, sample("x", -4, power_watts=1.0), sample("x", -3, power_watts=2.0))
    recall(live, sample("y", -3, power_watts=2.0))
    assert shown(live, "y") == (at(-3), values())


def test_subscribers_are_told_of_it_and_of_its_end(live: Live, clock: FakeClock) -> None:
    subscriber = live.subscribe(Selection(gpus=frozenset(("x",))), lambda: None)
    assert subscriber.take() == Due("gpu", "x")
    recall(
        live, sample("x", -15, power_watts=1.0), sample("x", -10, power_watts=1.0), sample("y", -10, power_watts=1.0)
    )
    assert (subscriber.take(), subscriber.take()) == (Due("gpu", "x"), None)
    clock.advance(2.6)
    live.refresh()
    assert (subscriber.take(), subscriber.take()) == (Due("gpu", "x"), None)


ages = st.lists(st.integers(-5, 40), min_size=1, max_size=6, unique=True)


@given(ages, st.sampled_from([0.0, 3.0, 12.0, 30.0]))
def test_nothing_is_current_that_was_not_read_within_two_and_a_half_periods(ages: list[int], later: float) -> None:
    clock = FakeClock()
    live = Live(clock, SelfMetrics())
    live.restore([KnownHost("h", START_US, agent(), inventory(Gpu("x")))])
    recall(live, *(sample("x", -age, power_watts=float(age + 5)) for age in sorted(ages, reverse=True)))
    clock.advance(later)
    newest = min(ages)
    recorded_at, shown_values = shown(live)
    assert recorded_at == at(-newest)
    distances = [older - newer for newer, older in zip(sorted(ages), sorted(ages)[1:], strict=False)]
    period = min([5, *distances]) if distances else 0
    is_current = bool(distances) and newest >= 0 and newest + later <= 2.5 * period
    assert shown_values == (values(power_watts=float(newest + 5)) if is_current else values())
