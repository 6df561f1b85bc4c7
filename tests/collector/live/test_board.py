"""Per tier: the newest reading stays current for 2.5 of its periods, and only what was read is a value."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.fleet import sample, values
from gpufleet_collector.live import readings
from gpufleet_collector.live.board import Board, stretches
from gpufleet_collector.live.readings import CORE, TIERS
from gpufleet_collector.model import Sample, SampleColumns, Values
from gpufleet_proto.catalog import METRICS, Tier

PROFILING, SLOW = TIERS.index(Tier.PROFILING), TIERS.index(Tier.SLOW)
LASTING = readings.windows(5.0)
EVERY_TIER = (True, True, True)


class Held:
    """One GPU's slot of a board."""

    def __init__(self, board: Board | None = None) -> None:
        self.board = board or Board(slots=1)
        self.slot = self.board.add(claimed_at=0)

    def accept(self, one: Sample, now: float) -> bool:
        return bool(self.accept_all([one], now)[0])

    def accept_all(self, several: list[Sample], now: float) -> list[bool]:
        slots = np.full(len(several), self.slot)
        lasting = np.tile(np.array(LASTING), (len(several), 1))
        changed: list[bool] = self.board.accept(slots, SampleColumns.of(several), lasting, now).tolist()
        return changed

    def current(self, now: float) -> Values:
        return self.board.current(self.slot, self.board.freshness(self.slot, LASTING, now))


def test_the_slow_tier_lasts_longer_than_the_polling_interval() -> None:
    assert readings.windows(1.0)[CORE] == 2.5
    assert readings.windows(1.0)[SLOW] == 25.0
    assert readings.windows(60.0)[SLOW] == 150.0


def test_a_sample_replaces_only_the_tiers_it_carries() -> None:
    held = Held()
    held.accept(sample("g", 0, power_watts=100.0, pcie_link_width=16), now=0)
    held.accept(sample("g", 5, temperature_celsius=40), now=5)
    assert held.current(now=5) == values(temperature_celsius=40, pcie_link_width=16)


@given(st.lists(st.integers(0, 60), unique=True).map(sorted))
def test_stretches_hold_exactly_the_positions_and_never_touch(positions: list[int]) -> None:
    found = list(stretches(positions))
    assert [at for some in found for at in range(some.start, some.stop)] == positions
    assert all(one.stop < other.start for one, other in pairwise(found))


@pytest.mark.parametrize(("age", "current"), [(12.5, True), (12.6, False)])
def test_a_reading_is_current_for_two_and_a_half_periods(age: float, current: bool) -> None:
    held = Held()
    held.accept(sample("g", 0, power_watts=100.0), now=0)
    assert held.board.freshness(held.slot, LASTING, now=age)[CORE] is current
    assert held.current(now=age) == (values(power_watts=100.0) if current else values())


def test_zero_is_a_value_of_its_tier_alone() -> None:
    held = Held()
    held.accept(sample("g", 0, gpu_utilization_percent=0), now=0)
    assert held.board.freshness(held.slot, LASTING, now=0) == (True, False, False)
    assert held.current(now=0) == values(gpu_utilization_percent=0)


def test_a_sample_without_values_changes_nothing() -> None:
    held = Held()
    assert not held.accept(sample("g", 0), now=0)
    assert held.board.core_recorded_at(held.slot) is None


def test_an_older_instant_never_replaces_a_current_reading() -> None:
    held = Held()
    assert held.accept(sample("g", 10, power_watts=100.0), now=0)
    assert not held.accept(sample("g", 9, power_watts=1.0), now=1)
    assert not held.accept(sample("g", 10, power_watts=1.0), now=1)
    assert held.board.current(held.slot, EVERY_TIER) == values(power_watts=100.0)


def test_a_clock_that_was_set_back_does_not_hide_the_gpu_for_longer_than_its_last_reading_lasts() -> None:
    held = Held()
    held.accept(sample("g", 3600, power_watts=100.0), now=0)
    assert held.accept(sample("g", 15, power_watts=1.0), now=15)
    assert held.current(now=15) == values(power_watts=1.0)


def test_recorded_at_is_of_the_core_tick_however_old() -> None:
    held = Held()
    assert held.board.core_recorded_at(held.slot) is None
    held.accept(sample("g", 0, power_watts=1.0), now=0)
    held.accept(sample("g", 100, pcie_link_width=8), now=100)
    assert held.board.core_recorded_at(held.slot) == sample("g", 0).recorded_at


def test_every_metric_belongs_to_the_reading_of_its_tier() -> None:
    held = Held()
    held.accept(sample("g", 0, **{metric.name: 1 for metric in METRICS}), now=0)
    for tier, fresh in ((CORE, (True, False, False)), (PROFILING, (False, True, False)), (SLOW, (False, False, True))):
        expected = values(**{metric.name: 1 for metric in METRICS if metric.tier is TIERS[tier]})
        assert held.board.current(held.slot, fresh) == expected


def test_a_slot_that_was_given_back_is_given_out_again_empty() -> None:
    held = Held()
    held.accept(sample("g", 0, power_watts=1.0), now=0)
    version = held.board.versions[held.slot]
    held.board.remove(held.slot)
    again = Held(held.board)
    assert again.slot == held.slot
    assert again.current(now=0) == values()
    assert again.board.versions[again.slot] > version


def test_a_board_grows_and_keeps_what_it_has() -> None:
    first = Held()
    first.accept(sample("g", 0, power_watts=1.0), now=0)
    others = [Held(first.board) for _ in range(10)]
    assert len({first.slot, *(other.slot for other in others)}) == 11
    assert first.current(now=0) == values(power_watts=1.0)
    assert all(other.current(now=0) == values() for other in others)


NAMES = ("power_watts", "temperature_celsius", "sm_active_percent", "pcie_replay_total")
taken = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 4), st.dictionaries(st.sampled_from(NAMES), st.integers(0, 9))),
    max_size=8,
)


@given(st.lists(st.tuples(taken, st.sampled_from([0.0, 1.0, 20.0, 60.0])), max_size=5))
def test_many_samples_at_once_are_as_one_after_the_other(
    story: list[tuple[list[tuple[int, int, dict[str, int]]], float]],
) -> None:
    many, single = Board(slots=4), Board(slots=4)
    slots = [[board.add(0) for _ in range(3)] for board in (many, single)]
    now = 0.0
    for several, seconds in story:
        now += seconds
        samples = [sample("g", instant, **named) for _, instant, named in several]
        lasting = np.tile(np.array(LASTING), (len(samples), 1))
        many.accept(
            np.array([slots[0][gpu] for gpu, _, _ in several], np.int64), SampleColumns.of(samples), lasting, now
        )
        for (gpu, _, _), one in zip(several, samples, strict=True):
            single.accept(np.array([slots[1][gpu]]), SampleColumns.of([one]), lasting[:1], now)
        for one_slot, other_slot in zip(*slots, strict=True):
            assert many.current(one_slot, EVERY_TIER) == single.current(other_slot, EVERY_TIER)
            assert many.received[one_slot].tolist() == single.received[other_slot].tolist()
            assert many.core_recorded_at(one_slot) == single.core_recorded_at(other_slot)
            assert many.claimed_at[one_slot] == single.claimed_at[other_slot]
