"""Gaps are the minutes that nobody wrote, and nothing else."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.store.gaps import first_outside, gaps_of, length, longest, recent_span
from gpufleet_collector.store.plan import MINUTE_US

minutes = st.sets(st.integers(0, 59)).map(lambda found: [minute * MINUTE_US for minute in sorted(found)])
SPAN = (0, 60 * MINUTE_US)


@given(known=minutes)
def test_every_minute_is_known_or_in_one_gap(known: list[int]) -> None:
    gaps = gaps_of(known, SPAN)
    missing = [minute for begin, end in gaps for minute in range(begin, end, MINUTE_US)]
    assert sorted([*known, *missing]) == list(range(*SPAN, MINUTE_US))
    assert all(before[1] < after[0] for before, after in pairwise(gaps))
    assert length(gaps) == SPAN[1] - len(known) * MINUTE_US
    assert first_outside(gaps, SPAN) == min(known, default=SPAN[1])


@given(known=minutes, most=st.integers(0, 5))
def test_the_longest_are_in_order(known: list[int], most: int) -> None:
    gaps = gaps_of(known, SPAN)
    kept = longest(gaps, most)
    assert kept == [gap for gap in gaps if gap in kept]
    assert len(kept) == min(most, len(gaps))
    shortest = min((length([gap]) for gap in kept), default=0)
    assert not kept or all(length([gap]) <= shortest for gap in gaps if gap not in kept)


def test_what_is_recent_is_not_packed_and_has_begun() -> None:
    hour = 60 * MINUTE_US
    assert recent_span((0, 3 * hour), hour, 2 * hour + 1) == (hour, 2 * hour + MINUTE_US)
    assert recent_span((0, 3 * hour), hour, 9 * hour) == (hour, 3 * hour)
    assert recent_span((0, hour), hour, 9 * hour) is None
    assert recent_span((3 * hour, 4 * hour), hour, 2 * hour) is None
