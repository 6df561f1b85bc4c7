"""Placements: the same again changes nothing, a move closes and opens, and no GPU is in two places at once."""

from collections.abc import Mapping
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.store.placement import Ledger, Place, Placement, placement_at, reach_back

HERE, THERE = Place(1, 0, "0000:01:00.0"), Place(2, 3, "0000:81:00.0")
NOW = 1_000


def ledger(*placements: Placement) -> Ledger:
    return Ledger({placement.gpu_id: placement for placement in placements})


def test_a_new_gpu_gets_a_placement_since_it_was_observed() -> None:
    book = ledger()
    book.declare(1, 100, NOW, {7: HERE})
    assert list(book.opened.values()) == [Placement(7, HERE, since=100)]


def test_the_same_again_changes_nothing() -> None:
    book = ledger(Placement(7, HERE, since=100, id=1))
    book.declare(1, 500, NOW, {7: HERE})
    assert (book.opened, book.changed, book.removed) == ({}, {}, set())


def test_a_move_to_another_host_closes_and_opens() -> None:
    book = ledger(Placement(7, HERE, since=100, id=1))
    book.declare(2, 500, NOW, {7: THERE})
    assert list(book.changed.values()) == [Placement(7, HERE, since=100, until=500, id=1)]
    assert list(book.opened.values()) == [Placement(7, THERE, since=500)]


def test_an_older_observation_of_another_host_does_not_take_a_gpu() -> None:
    book = ledger(Placement(7, HERE, since=100, id=1))
    book.declare(2, 100, NOW, {7: THERE})
    assert (book.opened, book.changed) == ({}, {})


def test_another_slot_of_the_same_host_is_another_placement() -> None:
    book = ledger(Placement(7, HERE, since=100, id=1))
    book.declare(1, 500, NOW, {7: Place(1, 4, "0000:01:00.0")})
    assert list(book.opened.values()) == [Placement(7, Place(1, 4, "0000:01:00.0"), since=500)]


def test_a_gpu_gone_from_the_inventory_closes_its_placement() -> None:
    book = ledger(Placement(7, HERE, since=100, id=1), Placement(8, THERE, since=100, id=2))
    book.declare(1, 500, NOW, {})
    assert {number: placement.until for number, placement in book.changed.items()} == {1: 500}


def test_a_gpu_that_comes_back_begins_after_it_went() -> None:
    book = ledger(Placement(7, HERE, since=100, until=300, id=1))
    book.declare(2, 200, NOW, {7: THERE})
    assert list(book.opened.values()) == [Placement(7, THERE, since=300)]


def test_a_host_whose_clock_was_set_back_changes_from_now() -> None:
    book = ledger(Placement(7, HERE, since=100, id=1))
    book.declare(1, 50, NOW, {7: Place(1, 9, None)})
    assert (book.changed[1].until, next(iter(book.opened.values())).since) == (NOW, NOW)


def test_a_placement_of_no_length_disappears() -> None:
    book = ledger(Placement(7, HERE, since=NOW, id=1))
    book.declare(1, 50, NOW, {7: Place(1, 9, None)})
    assert book.removed == {1}
    book.declare(1, 50, NOW, {7: HERE})
    assert list(book.opened.values()) == [Placement(7, HERE, since=NOW)]


def test_an_early_sample_moves_the_beginning_back() -> None:
    history = [Placement(7, HERE, since=100, until=200, id=1), Placement(7, HERE, since=300, id=2)]
    assert [placement.id for placement in reach_back(history, 1, [40, 50, 60, 250, 400])] == [2, 1]
    assert [placement.since for placement in history] == [40, 250]


def test_samples_of_another_host_move_nothing() -> None:
    history = [Placement(7, HERE, since=100)]
    assert reach_back(history, 2, [50]) == []


places = st.builds(Place, st.integers(1, 3), st.integers(0, 2), st.just(None))
Story = list[tuple[int, int, dict[int, int], list[tuple[int, int]]]]
"""Host, time of observation, index by GPU; then samples of that host: GPU and instant."""

inventories = st.tuples(
    st.integers(1, 3),
    st.integers(0, 60),
    st.dictionaries(st.integers(1, 3), st.integers(0, 2)),
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 60)), max_size=3),
)


class Memory:
    """Placements as the database would keep them."""

    def __init__(self) -> None:
        self.stored: dict[int, Placement] = {}

    def of(self, gpu_id: int) -> list[Placement]:
        found = [placement for placement in self.stored.values() if placement.gpu_id == gpu_id]
        return sorted(found, key=lambda placement: placement.since)

    def declare(self, host_id: int, observed_at: int, now: int, claims: Mapping[int, Place]) -> None:
        book = Ledger({gpu_id: self.of(gpu_id)[-1] for gpu_id in (1, 2, 3) if self.of(gpu_id)})
        book.declare(host_id, observed_at, now, claims)
        for number in book.removed:
            del self.stored[number]
        for placement in book.opened.values():
            placement.id = max(self.stored, default=0) + 1
            self.stored[placement.id] = placement


@given(st.lists(inventories, max_size=12))
def test_one_place_at_a_time_whatever_is_declared(
    story: list[tuple[int, int, dict[int, int], list[tuple[int, int]]]],
) -> None:
    memory = Memory()
    for now, (host_id, observed_at, gpus, samples) in enumerate(story, start=50):
        claims = {gpu_id: Place(host_id, index, None) for gpu_id, index in gpus.items()}
        memory.declare(host_id, min(observed_at, now), now, claims)
        for gpu_id, instant in samples:
            first = next(iter(memory.of(gpu_id)), None)
            reach_back(memory.of(gpu_id), host_id, [instant])
            if first is not None and first.place.host_id == host_id and instant < first.since:
                raise AssertionError("a sample before the first placement, of the same host, is covered")
        for gpu_id in (1, 2, 3):
            history = memory.of(gpu_id)
            assert all(placement.until is None or placement.since < placement.until for placement in history)
            for earlier, later in pairwise(history):
                assert earlier.until is not None
                assert earlier.until <= later.since
            for instant in range(60):
                covering = [placement for placement in history if placement.covers(instant)]
                assert placement_at(history, instant) == (covering[0] if covering else None)
