"""What waits to be stored is bounded, in order, and folds what hosts declare in between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import START_US
from fakes.fleet import agent, inventory, sample
from gpufleet_collector.model import SampleColumns
from gpufleet_collector.store import pending as pending_module
from gpufleet_collector.store.pending import SEEN_INTERVAL_US, Pending
from gpufleet_collector.store.records import HostRecord, ReportWrite

NOW = START_US


def record(host: str, *gpus: str) -> HostRecord:
    return HostRecord(host, agent(), inventory(*gpus))


def report(host: str, samples: int = 1, *, replayed: bool = False) -> ReportWrite:
    taken = SampleColumns.of(sample("GPU-a", second) for second in range(samples))
    return ReportWrite(host, taken, replayed, lambda _: None)


def test_what_is_declared_again_without_samples_in_between_is_written_once() -> None:
    pending = Pending(100)
    for gpu in ("GPU-a", "GPU-b"):
        pending.declare(record("host-1", gpu), NOW)
    (change,) = pending.take(NOW, 100).changes
    assert change.record == record("host-1", "GPU-b")


def test_what_is_declared_before_and_after_samples_is_written_twice() -> None:
    pending = Pending(100)
    pending.declare(record("host-1", "GPU-a"), NOW)
    pending.offer(report("host-1"))
    pending.declare(record("host-1", "GPU-b"), NOW)
    assert [change.record for change in pending.take(NOW, 100).changes] == [
        record("host-1", "GPU-a"),
        record("host-1", "GPU-b"),
    ]


def test_what_was_taken_is_not_changed_any_more() -> None:
    pending = Pending(100)
    pending.declare(record("host-1", "GPU-a"), NOW)
    (taken,) = pending.take(NOW, 100).changes
    pending.leave("host-1", NOW)
    assert taken.left_at is None
    assert [change.left_at for change in pending.take(NOW, 100).changes] == [NOW]


def test_the_last_of_leaving_and_declaring_counts() -> None:
    pending = Pending(100)
    pending.leave("host-1", NOW)
    pending.declare(record("host-1"), NOW)
    assert [change.left_at for change in pending.take(NOW, 100).changes] == [None]


def test_a_bound_on_samples_and_one_on_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_module, "MAX_PENDING_HOSTS", 1)
    pending = Pending(3)
    assert pending.offer(report("host-1", 2))
    assert not pending.offer(report("host-1", 2))
    assert pending.offer(report("host-1", 1))
    for host in ("host-1", "host-2"):
        pending.declare(record(host), NOW)
        pending.hear(host, NOW)
    batch = pending.take(NOW, 100, everything=True)
    assert [change.host for change in batch.changes] == ["host-1"]
    assert batch.seen == {"host-1": NOW}


def test_hosts_are_noted_as_seen_now_and_then() -> None:
    pending = Pending(100)
    pending.hear("host-1", NOW)
    assert pending.take(NOW, 100).seen == {"host-1": NOW}
    pending.hear("host-1", NOW + 1)
    assert pending.take(NOW + 1, 100).seen == {}
    assert pending.take(NOW + SEEN_INTERVAL_US, 100).seen == {"host-1": NOW + 1}


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), max_size=30), st.integers(1, 8))
def test_everything_taken_is_what_was_offered_in_order(offers: list[tuple[int, int]], at_once: int) -> None:
    pending = Pending(40)
    accepted = []
    for host, samples in offers:
        pending.declare(record(f"host-{host}"), NOW)
        if samples and pending.offer(made := report(f"host-{host}", samples)):
            accepted.append(made)
        assert pending.samples <= 40
        assert len(pending) <= len(accepted) * 2 + 3
    taken: list[ReportWrite] = []
    while pending:
        batch = pending.take(NOW, at_once)
        assert sum(len(made.samples) for made in batch.reports[:-1]) < at_once
        taken += batch.reports
    assert [id(made) for made in taken] == [id(made) for made in accepted]


def test_backlogs_leave_room_for_what_is_live() -> None:
    pending = Pending(10)
    assert pending.offer(report("host-1", 5, replayed=True))
    assert not pending.offer(report("host-1", 1, replayed=True))
    assert pending.offer(report("host-1", 5))


def test_how_long_the_oldest_report_has_waited_is_known_until_it_is_settled() -> None:
    pending = Pending(100)
    assert pending.oldest_since() is None
    for at in (1.0, 2.0, 3.0):
        assert pending.offer(report("host-1", 2), at)
    assert pending.oldest_since() == 1.0
    pending.take(NOW, 4)
    assert pending.oldest_since() == 1.0
    pending.settled(4)
    assert pending.oldest_since() == 3.0
    pending.take(NOW, 4)
    pending.settled(2)
    assert pending.oldest_since() is None
    pending.offer(report("host-1"), 9.0)
    pending.drop()
    assert pending.oldest_since() is None
