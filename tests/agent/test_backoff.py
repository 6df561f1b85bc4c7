"""Delays never exceed their ceiling, grow, and start small again after success."""

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.backoff import Backoff


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=60))
def test_a_delay_is_between_zero_and_a_ceiling_that_doubles_up_to_the_cap(draws: list[float]) -> None:
    remaining = iter(draws)
    backoff = Backoff(0.5, 5.0, lambda: next(remaining))
    for tries, draw in enumerate(draws):
        assert backoff.next_delay() == draw * min(5.0, 0.5 * 2.0**tries)


def test_success_starts_small_again() -> None:
    backoff = Backoff(0.5, 5.0, lambda: 0.999)
    delays = [backoff.next_delay() for _ in range(6)]
    backoff.reset()
    assert backoff.next_delay() == delays[0] < delays[-1]
