"""The state of a host follows from how long it has been silent, and from nothing it says about time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.live.freshness import host_state, patience


@pytest.mark.parametrize(
    ("silent", "interval", "state"),
    [
        (None, 5, "unknown"),
        (0, 5, "up"),
        (9.9, 1, "up"),
        (10, 1, "late"),
        (19.9, 10, "up"),
        (20, 10, "late"),
        (59.9, 5, "late"),
        (60, 5, "down"),
        (60, 20, "down"),
    ],
)
def test_state_by_silence(silent: float | None, interval: float, state: str) -> None:
    assert host_state(silent, left=False, patience=patience(interval)) == state


@pytest.mark.parametrize(
    ("silent", "state"), [(599.9, "up"), (600, "late"), (899.9, "late"), (900, "down"), (1e9, "down")]
)
def test_who_polls_slower_than_hosts_go_down_is_late_first(silent: float, state: str) -> None:
    assert host_state(silent, left=False, patience=patience(300)) == state


def test_a_host_that_said_goodbye_has_left_and_is_never_down() -> None:
    assert host_state(0, left=True, patience=patience(5)) == "left"
    assert host_state(1e9, left=True, patience=patience(5)) == "left"


@pytest.mark.parametrize(("down_after", "silent"), [(120, 120), (16, 16), (15, 15), (2, 15)])
def test_the_time_until_down_can_be_set_to_three_heartbeats_and_more(down_after: float, silent: float) -> None:
    settled = patience(1, down_after)
    assert host_state(silent - 0.1, left=False, patience=settled) == "late"
    assert host_state(silent, left=False, patience=settled) == "down"


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.1, 86_400), st.floats(0.1, 86_400))
def test_silence_never_makes_it_better(one: float, other: float, interval: float, down_after: float) -> None:
    order = ["up", "late", "down"]
    settled = patience(interval, down_after)
    states = [host_state(silent, left=False, patience=settled) for silent in sorted((one, other))]
    assert order.index(states[0]) <= order.index(states[1])


@given(st.floats(0.1, 86_400), st.floats(0.1, 86_400))
def test_everybody_is_late_before_being_down(interval: float, down_after: float) -> None:
    settled = patience(interval, down_after)
    assert 2 * 5.0 <= settled.late < settled.down
