"""Ticks keep to their grid whatever a reading costs, and no two stamps in a row are equal."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.agent import phase_of
from gpufleet_agent.ticks import InstantStamp, TickSchedule

seconds = st.floats(0, 1e6, allow_nan=False)


@given(seconds, st.floats(0.01, 3600), st.lists(st.floats(0, 5000), max_size=30))
def test_ticks_stay_on_the_grid_and_missed_ones_are_skipped(start: float, interval: float, delays: list[float]) -> None:
    schedule, now = TickSchedule(start, interval), start
    for delay in delays:
        now += schedule.wait_seconds(now)
        elapsed = (now - start) / interval
        assert abs(elapsed - round(elapsed)) < 1e-3
        now += delay
        schedule.advance(now)
        assert 0 <= schedule.wait_seconds(now) <= interval * 1.001


def test_a_shorter_interval_takes_effect_at_once_and_a_longer_one_after_the_next_tick() -> None:
    schedule = TickSchedule(0.0, 60.0)
    schedule.advance(0.0)
    schedule.change_interval(1.0, 10.0)
    assert schedule.wait_seconds(10.0) == 1.0
    schedule.change_interval(60.0, 10.0)
    assert schedule.wait_seconds(10.0) == 1.0


@given(st.lists(st.integers(1, 10), min_size=2, max_size=50))
def test_stamps_in_a_row_differ_and_stay_close_to_the_clock(clock: list[int]) -> None:
    stamp = InstantStamp()
    stamps = [stamp.stamp(wall) for wall in clock]
    assert all(0 <= given - wall < len(clock) for given, wall in zip(stamps, clock, strict=True))
    assert all(before != after for before, after in itertools.pairwise(stamps))


def test_while_the_clock_stands_still_no_stamp_is_given_twice() -> None:
    stamp = InstantStamp()
    assert [stamp.stamp(100) for _ in range(4)] == [100, 101, 102, 103]
    assert stamp.stamp(50) == 50, "a clock that was set back is believed"


@given(st.just(0.0) | st.floats(0.001, 0.999), st.floats(0.1, 100))
def test_a_phase_shifts_the_grid_after_the_first_tick_which_comes_at_once(phase: float, interval: float) -> None:
    schedule = TickSchedule(1000.0, interval, phase)
    assert schedule.wait_seconds(1000.0) == 0.0
    schedule.advance(1000.0)
    first = schedule.wait_seconds(1000.0)
    assert first == pytest.approx((phase or 1.0) * interval, abs=1e-6)
    schedule.advance(1000.0 + first)
    assert schedule.wait_seconds(1000.0 + first) == pytest.approx(interval, abs=1e-6)


def test_hosts_are_spread_evenly_over_an_interval() -> None:
    tenths = Counter(int(phase_of(f"node-{number}") * 10) for number in range(2000))
    assert set(tenths) == set(range(10))
    assert max(tenths.values()) < 1.4 * min(tenths.values())
