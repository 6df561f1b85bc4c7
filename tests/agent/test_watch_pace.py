"""A probe is looked at just after the deadline of its call, and seldom before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.breadcrumb import Call
from gpufleet_agent.watch_pace import CALM_SECONDS, MARGIN_SECONDS, until_next_look

DEADLINE = 5.0


def call(started: float) -> Call:
    return Call("nvmlDeviceGetTemperature", "GPU 3", started, DEADLINE)


def test_looks_are_few_until_a_deadline_is_near() -> None:
    assert until_next_look(None, 100.0, DEADLINE) == CALM_SECONDS
    assert until_next_look(call(100.0), 100.0, DEADLINE) == CALM_SECONDS
    assert until_next_look(call(100.0), 104.0, DEADLINE) == pytest.approx(1.0 + MARGIN_SECONDS)
    assert until_next_look(call(100.0), 105.0, DEADLINE) == MARGIN_SECONDS


@given(st.floats(0.0, 10.0), st.floats(0.05, 8.0))
def test_a_hang_is_found_soon_after_its_deadline_whenever_it_begins(begins: float, deadline: float) -> None:
    now, looks = 0.0, 0
    while True:
        hanging = Call("x", "", begins, deadline) if now >= begins else None
        if hanging is not None and hanging.overdue(now):
            break
        now += until_next_look(hanging, now, deadline)
        looks += 1
    assert now - (begins + deadline) <= 2 * MARGIN_SECONDS
    assert looks <= 3 + (begins + deadline) / min(CALM_SECONDS, deadline)
