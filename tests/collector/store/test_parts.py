"""A rollup speaks for its whole cells below the watermark; samples for all the rest, and nothing is told twice."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.store.parts import Parts, cut_cells, divide, hours_of
from gpufleet_collector.store.times import HOUR_US

instants = st.integers(0, 1000)


def test_what_is_not_packed_or_not_a_whole_cell_comes_from_samples() -> None:
    assert divide((0, 100), 10, 60) == Parts((0, 60), ((60, 100),))
    assert divide((3, 57), 10, 60) == Parts((10, 50), ((3, 10), (50, 57)))
    assert divide((60, 100), 10, 60) == Parts(None, ((60, 100),))
    assert divide((3, 9), 10, 60) == Parts(None, ((3, 9),))
    assert divide((0, 100), None, 60) == Parts(None, ((0, 100),))


@given(since=instants, length=st.integers(1, 500), cell=st.integers(1, 60), packed=instants)
def test_the_parts_are_the_span_and_do_not_overlap(since: int, length: int, cell: int, packed: int) -> None:
    until = since + length
    parts = divide((since, until), cell, packed)
    spans = sorted([*parts.raw, *([parts.rolled] if parts.rolled else [])])
    assert spans[0][0] == since
    assert spans[-1][1] == until
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    if parts.rolled is not None:
        assert parts.rolled[0] % cell == parts.rolled[1] % cell == 0
        assert parts.rolled[1] <= packed


def test_cells_that_a_stay_cuts() -> None:
    stays = [(1, 0, 34), (2, 34, 100), (3, 40, 100), (4, 3, 97)]
    assert sorted(cut_cells(stays, (10, 90), 10)) == [(1, 30), (2, 30)]


def test_hours_that_are_read_for_cells() -> None:
    assert hours_of([]) == 0
    assert hours_of([(1, 0), (2, 3 * HOUR_US), (1, HOUR_US)]) == 8
