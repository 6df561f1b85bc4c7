"""Nothing is lost, nothing is unbounded, and live reports go first: the outbox against a plain model."""

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gpufleet_agent.outbox import BACKLOG_WINDOW, MAX_LIVE_UNDER_WAY, REPLAYS_PER_SECOND, SPOOL_AFTER_SECONDS, Outbox
from gpufleet_agent.spool_orders import Amount, DiskContents, DiskOutcome


class OutboxMachine(RuleBasedStateMachine):
    """Every report is somewhere: under way, queued, settled, refused or dropped and counted."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(max_bytes=400, replays_per_second=math.inf)
        self.under_way: dict[int, bytes] = {}
        self.added = 0
        self.connected = False

    @rule(size=st.integers(1, 60), samples=st.integers(1, 9), replayed=st.booleans())
    def add(self, size: int, samples: int, replayed: bool) -> None:
        self.outbox.add(bytes(size), samples, replayed=replayed)
        self.added += samples

    @rule(live_seconds=st.sampled_from([-1.0, 60.0]))
    def connect(self, live_seconds: float) -> None:
        self.outbox.stream_opened(live_seconds)
        self.connected = True

    @rule()
    def lose(self) -> None:
        self.outbox.stream_lost()
        self.under_way.clear()
        self.connected = False

    @rule()
    def send(self) -> None:
        report = self.outbox.next() if self.connected else None
        if report is not None:
            sequence, entry = report
            assert sequence not in self.under_way
            self.under_way[sequence] = entry.payload

    @rule(data=st.data(), refused=st.integers(0, 3))
    def settle(self, data: st.DataObject, refused: int) -> None:
        if self.under_way:
            sequence = data.draw(st.sampled_from(sorted(self.under_way)))
            del self.under_way[sequence]
            self.outbox.settle([sequence, 999_999], refused)

    @rule(data=st.data())
    def defer(self, data: st.DataObject) -> None:
        if self.under_way:
            sequence = data.draw(st.sampled_from(sorted(self.under_way)))
            del self.under_way[sequence]
            self.outbox.defer([sequence])

    @invariant()
    def every_sample_is_accounted_for(self) -> None:
        tally = self.outbox.tally
        assert tally.taken == self.added
        assert tally.taken == tally.settled + tally.refused + tally.dropped + self.outbox.pending_samples

    @invariant()
    def memory_is_bounded(self) -> None:
        assert self.outbox.bytes <= 400 or len(self.outbox) == 1
        assert (self.outbox.bytes == 0) == (len(self.outbox) == 0)
        assert self.outbox.bytes == self.outbox.unsettled_bytes


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def drain(outbox: Outbox) -> list[tuple[int, bytes, bool]]:
    sent = []
    while (report := outbox.next()) is not None:
        sent.append((report[0], report[1].payload, report[1].replayed))
    return sent


def test_after_an_outage_the_newest_report_goes_first_and_the_rest_is_marked_as_replayed() -> None:
    outbox = Outbox()
    for payload in (b"1", b"2", b"3"):
        outbox.add(payload, 1)
    outbox.stream_opened(60.0)
    assert drain(outbox) == [(1, b"3", False), (2, b"1", True), (3, b"2", True)]


def test_what_was_under_way_when_a_stream_broke_is_sent_again_under_new_numbers() -> None:
    outbox = Outbox()
    outbox.stream_opened(60.0)
    outbox.add(b"a", 1)
    outbox.add(b"b", 1)
    assert [number for number, _, _ in drain(outbox)] == [1, 2]
    outbox.settle([1], 0)
    outbox.stream_lost()
    outbox.stream_opened(60.0)
    assert drain(outbox) == [(1, b"b", True)]
    assert outbox.tally.settled == 1


def test_a_backlog_has_only_so_many_reports_under_way_and_live_ones_overtake_it() -> None:
    outbox = Outbox(replays_per_second=math.inf)
    outbox.stream_opened(60.0)
    for number in range(BACKLOG_WINDOW + 5):
        outbox.add(bytes([number]), 1, replayed=True)
    assert len(drain(outbox)) == BACKLOG_WINDOW
    assert outbox.replay_in() is None, "not time but an answer decides when the next goes"
    outbox.add(b"live", 1)
    assert [payload for _, payload, _ in drain(outbox)] == [b"live"]
    outbox.settle([1, 2], 0)
    assert len(drain(outbox)) == 2


@pytest.mark.parametrize(("asked", "rate"), [(0.5, 0.5), (2.0, 2.0), (1000.0, REPLAYS_PER_SECOND)])
def test_a_collector_may_ask_for_less_of_the_backlog(asked: float, rate: float) -> None:
    now = 1000.0
    outbox = Outbox(clock=lambda: now)
    outbox.stream_opened(60.0, asked)
    for _ in range(1000):
        outbox.add(b"past", 1, replayed=True)
    sent = 0
    for _ in range(2000):
        numbers = [number for number, _, _ in drain(outbox)]
        sent += len(numbers)
        outbox.settle(numbers, 0)
        now += 0.01
    assert 20 * rate * 0.9 <= sent <= 20 * rate + min(BACKLOG_WINDOW, max(1.0, rate))


def test_a_backlog_goes_at_a_bounded_rate_however_fast_it_is_settled() -> None:
    now = 1000.0
    outbox = Outbox(clock=lambda: now)
    outbox.stream_opened(60.0)
    for _ in range(1000):
        outbox.add(b"past", 1, replayed=True)
    sent = 0
    while now < 1010.0:
        numbers = [number for number, _, _ in drain(outbox)]
        sent += len(numbers)
        outbox.settle(numbers, 0)
        wait = outbox.replay_in()
        assert wait is not None
        assert wait > 0
        now += wait + 0.001
    assert 10 * REPLAYS_PER_SECOND * 0.9 <= sent <= 10 * REPLAYS_PER_SECOND + BACKLOG_WINDOW


def test_a_collector_that_settles_nothing_gets_only_so_many_live_reports() -> None:
    outbox = Outbox()
    outbox.stream_opened(60.0)
    for _ in range(MAX_LIVE_UNDER_WAY + 3):
        outbox.add(b"live", 1)
    assert len(drain(outbox)) == MAX_LIVE_UNDER_WAY
    outbox.settle([1, 2], 0)
    assert len(drain(outbox)) == 2


def test_at_the_limit_the_oldest_goes_and_is_counted() -> None:
    outbox = Outbox(max_bytes=10)
    for payload in (b"aaaa", b"bbbb", b"cccc"):
        outbox.add(payload, 8)
    assert outbox.tally.dropped == 8
    assert [payload for _, payload, _ in drain(outbox)] == [b"bbbb", b"cccc"]


def test_a_reading_that_was_the_newest_of_a_long_outage_is_history_too() -> None:
    now = 100.0
    outbox = Outbox(clock=lambda: now)
    outbox.add(b"1", 1)
    now = 112.0
    outbox.add(b"0", 1, replayed=True)
    outbox.stream_opened(12.0)
    assert drain(outbox)[0] == (1, b"1", False)
    outbox.stream_lost()
    outbox.add(b"2", 1)
    now = 124.1
    outbox.stream_opened(12.0)
    assert all(replayed for _, _, replayed in drain(outbox))


def test_what_the_disk_should_have_and_has_not_is_counted_as_dropped_and_nothing_else() -> None:
    now = 100.0
    outbox = Outbox(clock=lambda: now)
    outbox.disk_opened(DiskContents(Amount(3, 9, 300)))
    outbox.stream_opened(60.0)
    outbox.add(b"1", 2)
    outbox.add(b"2", 2)
    now += SPOOL_AFTER_SECONDS
    orders = outbox.disk_orders()
    assert (len(orders.keep), orders.load > 0) == (2, True)
    outbox.disk_done(DiskOutcome(stored_reports=2))
    tally = outbox.tally
    assert (tally.recovered, tally.dropped, tally.spool_dropped, outbox.pending_samples) == (9, 9, 9, 4)
