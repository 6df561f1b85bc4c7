"""Every host ticks on its own grid, whoever else ticks and however late the process is."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gpufleet_agent.tick_wheel import MOST_AT_ONCE, Ticking, TickWheel, tick_grid

START_US = 1_790_000_000_000_123
phases = st.lists(st.integers(0, 999), min_size=1, max_size=8)


def wheel_of(phases_us: list[int], interval_us: int) -> tuple[TickWheel, list[list[int]]]:
    taken: list[list[int]] = [[] for _ in phases_us]
    hosts = [Ticking(phase_us, instants.append) for phase_us, instants in zip(phases_us, taken, strict=True)]
    return TickWheel(hosts, interval_us, START_US, lambda: START_US), taken


def run_until(wheel: TickWheel, now_us: int) -> None:
    while wheel.turn(now_us) == 0.0:
        pass


@given(phases, st.integers(1, 1000), st.lists(st.integers(0, 5000), min_size=1, max_size=10))
@settings(deadline=None)
def test_each_host_ticks_at_instants_of_its_grid_once_and_what_is_left_out_is_counted(
    phases_us: list[int], interval_us: int, waits: list[int]
) -> None:
    wheel, taken = wheel_of(phases_us, interval_us)
    now_us = START_US
    for wait in waits:
        now_us += wait
        run_until(wheel, now_us)
    due = 0
    for phase_us, instants in zip(phases_us, taken, strict=True):
        grid = range(tick_grid(phase_us, interval_us, START_US), now_us + 1, interval_us)
        assert sorted(set(instants)) == instants
        assert set(instants) <= set(grid)
        due += len(grid)
    assert sum(map(len, taken)) + wheel.skipped == due


@given(phases, st.integers(1, 50))
def test_a_wheel_that_is_turned_in_time_leaves_nothing_out(phases_us: list[int], ticks: int) -> None:
    wheel, taken = wheel_of(phases_us, 1000)
    for step in range(ticks * 10):
        run_until(wheel, START_US + step * 100)
    assert wheel.skipped == 0
    assert all(abs(len(instants) - ticks) <= 1 for instants in taken)


def test_the_streams_get_their_turn_however_much_is_due() -> None:
    wheel, taken = wheel_of([0] * (MOST_AT_ONCE + 1), 1_000_000)
    assert wheel.turn(START_US + 1_000_000) == 0.0
    assert sum(map(len, taken)) == MOST_AT_ONCE
    assert wheel.turn(START_US + 1_000_000) > 0.0
