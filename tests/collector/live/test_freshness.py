"""The state of a host follows from how long it has been silent, and from nothing it says about time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.live.freshness import host_state


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
        (60, 300, "down"),
    ],
)
def test_state_by_silence(silent: float | None, interval: float, state: str) -> None:
    assert host_state(silent, left=False, interval_seconds=interval) == state


def test_a_host_that_said_goodbye_has_left_and_is_never_down() -> None:
    assert host_state(0, left=True, interval_seconds=5) == "left"
    assert host_state(1e9, left=True, interval_seconds=5) == "left"


def test_the_time_until_down_can_be_set() -> None:
    assert host_state(3, left=False, interval_seconds=1, down_after_seconds=2) == "down"


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.1, 3600))
def test_silence_never_makes_it_better(one: float, other: float, interval: float) -> None:
    order = ["up", "late", "down"]
    shorter, longer = sorted((one, other))
    states = [host_state(silent, left=False, interval_seconds=interval) for silent in (shorter, longer)]
    assert order.index(states[0]) <= order.index(states[1])
