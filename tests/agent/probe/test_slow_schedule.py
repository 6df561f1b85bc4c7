"""When the slow tier is read, and what of it each tick tells."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.probe.slow_tier import (
    EARLY_SECONDS,
    LATE_SECONDS,
    PERIOD_SECONDS,
    STALE_SECONDS,
    Results,
    SlowReading,
    SlowSchedule,
)

READ = SlowReading({"pcie_link_width": 16}, {"recovery_action": "NOT_SUPPORTED"})
ONLY_REASONS = SlowReading({}, {"recovery_action": "NOT_SUPPORTED"})


def test_the_first_pass_starts_when_the_first_tick_has_ended() -> None:
    schedule = SlowSchedule()
    assert not schedule.due(100.0, tick_ended=False)
    assert schedule.due(100.0, tick_ended=True)


def test_a_pass_starts_after_the_tick_that_is_nearest_to_its_time() -> None:
    schedule = SlowSchedule()
    schedule.start(100.0)
    assert not schedule.due(109.4, tick_ended=True)
    assert schedule.due(109.6, tick_ended=True)
    assert not schedule.due(109.6, tick_ended=False)


def test_where_no_tick_ends_a_pass_starts_by_itself() -> None:
    schedule = SlowSchedule()
    schedule.start(100.0)
    assert schedule.wait_seconds(100.0) == PERIOD_SECONDS + LATE_SECONDS
    assert schedule.due(100.0 + PERIOD_SECONDS + LATE_SECONDS, tick_ended=False)
    assert schedule.wait_seconds(200.0) == 0.0


@given(st.floats(0.05, 120), st.lists(st.floats(0, 0.4), min_size=50, max_size=50))
def test_passes_are_neither_crowded_nor_rare_whatever_the_interval(interval: float, lateness: list[float]) -> None:
    schedule = SlowSchedule()
    passes: list[float] = []
    for number, late in enumerate(lateness):
        now = 1000.0 + number * interval + late * min(interval, 1.0)
        while passes and (alone := passes[-1] + PERIOD_SECONDS + LATE_SECONDS) < now:
            assert schedule.due(alone, tick_ended=False)
            schedule.start(alone)
            passes.append(alone)
        if schedule.due(now, tick_ended=True):
            schedule.start(now)
            passes.append(now)
    gaps = [after - before for before, after in pairwise(passes)]
    assert all(PERIOD_SECONDS - EARLY_SECONDS <= gap <= PERIOD_SECONDS + LATE_SECONDS + 1e-6 for gap in gaps)


def test_values_are_told_once_and_reasons_until_the_next_pass() -> None:
    results = Results()
    results.put("GPU-a", READ, 100.0)
    assert results.take("GPU-a", 101.0) == READ
    assert results.take("GPU-a", 102.0) == ONLY_REASONS
    results.put("GPU-a", SlowReading({"recovery_action": 0}), 110.0)
    assert results.take("GPU-a", 111.0) == SlowReading({"recovery_action": 0})


def test_what_is_not_read_yet_tells_nothing() -> None:
    assert Results().take("GPU-a", 0.0) == SlowReading()


def test_values_that_nobody_took_for_long_are_not_told_any_more() -> None:
    results = Results()
    results.put("GPU-a", READ, 100.0)
    assert results.take("GPU-a", 100.0 + STALE_SECONDS + 1) == ONLY_REASONS


def test_a_gpu_that_goes_takes_its_results_along() -> None:
    results = Results()
    results.put("GPU-a", READ, 100.0)
    results.put("GPU-b", READ, 100.0)
    results.keep({"GPU-b"})
    assert results.take("GPU-a", 100.0) == SlowReading()
    assert results.take("GPU-b", 100.0) == READ
