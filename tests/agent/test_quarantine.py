"""A GPU that hung is left alone for a pause that doubles with every further hang, and others never are."""

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.quarantine import (
    FIRST_PAUSE_SECONDS,
    FORGET_AFTER_SECONDS,
    LONGEST_PAUSE_SECONDS,
    Quarantine,
)


def test_a_gpu_is_left_alone_for_its_pause_and_tried_again_after_it() -> None:
    quarantine = Quarantine()
    quarantine.hang("GPU 3", 100.0)
    assert quarantine.left_alone(100.0 + FIRST_PAUSE_SECONDS - 1) == {3}
    assert quarantine.left_alone(100.0 + FIRST_PAUSE_SECONDS) == frozenset()


def test_a_hang_of_the_driver_as_a_whole_puts_nobody_aside() -> None:
    quarantine = Quarantine()
    quarantine.hang("", 0.0)
    quarantine.hang("all GPUs", 0.0)
    assert quarantine.left_alone(0.0) == frozenset()


@given(st.lists(st.floats(0, 100), max_size=20))
def test_pauses_double_up_to_the_longest(waits: list[float]) -> None:
    quarantine, now, pause = Quarantine(), 0.0, 0.0
    for wait in waits:
        quarantine.hang("GPU 0", now)
        pause = min(LONGEST_PAUSE_SECONDS, 2 * pause) if pause else FIRST_PAUSE_SECONDS
        assert quarantine.left_alone(now + pause - 0.01) == {0}
        assert quarantine.left_alone(now + pause) == frozenset()
        now += pause + wait


def test_one_that_was_well_for_long_starts_small_again() -> None:
    quarantine = Quarantine()
    quarantine.hang("GPU 0", 0.0)
    later = FIRST_PAUSE_SECONDS + FORGET_AFTER_SECONDS
    quarantine.hang("GPU 0", later)
    assert quarantine.left_alone(later + FIRST_PAUSE_SECONDS) == frozenset()
