"""What the outbox asks of the disk and makes of its answers: nothing is counted as lost that is not, nothing that was
read back is forgotten, and what is settled leaves the disk even when a step fails."""

from gpufleet_agent.outbox import FORGET_AFTER_SECONDS, SPOOL_AFTER_SECONDS, Outbox
from gpufleet_agent.spool_orders import Amount, DiskContents, DiskOrders, DiskOutcome, Gone, StoredReport


class Desk:
    """An outbox with a clock that the test sets, and a disk that answers what the test says."""

    def __init__(self, max_bytes: int = 1000, contents: Amount | None = None) -> None:
        self.now = 1000.0
        self.outbox = Outbox(max_bytes=max_bytes, clock=lambda: self.now)
        self.outbox.disk_opened(DiskContents(contents or Amount()))

    def take(self, *payloads: bytes, samples: int = 2) -> None:
        for payload in payloads:
            self.outbox.add(payload, samples)

    def orders(self) -> DiskOrders:
        self.now += max(SPOOL_AFTER_SECONDS, FORGET_AFTER_SECONDS)
        return self.outbox.disk_orders()

    def keep(self, *payloads: bytes) -> None:
        """Take reports that reach the disk."""
        self.take(*payloads)
        assert [report.payload for report in self.orders().keep] == list(payloads)
        self.outbox.disk_done(DiskOutcome(stored_reports=len(payloads)))

    def send(self) -> dict[int, bytes]:
        """Everything that may go now, by number on the stream."""
        sent = {}
        while (report := self.outbox.next()) is not None:
            sent[report[0]] = report[1].payload
        return sent

    def open_stream(self) -> dict[int, bytes]:
        self.outbox.stream_opened(60.0)
        return self.send()

    @property
    def dropped(self) -> tuple[int, int]:
        """Samples, and those of them that the disk let go."""
        return self.outbox.tally.dropped, self.outbox.tally.spool_dropped


# Drops.


def test_what_memory_lets_go_is_not_blamed_on_the_disk() -> None:
    desk = Desk(max_bytes=10)
    desk.take(b"aaaa", b"bbbb", b"cccc")
    assert desk.dropped == (2, 0)


def test_what_the_disk_let_go_first_and_memory_after_it_is_counted_once_and_blamed_on_the_disk() -> None:
    desk = Desk(max_bytes=10)
    desk.keep(b"aaaa")
    desk.outbox.disk_orders()
    desk.outbox.disk_done(DiskOutcome(gone=(Gone(1, Amount(1, 2, 4)),)))
    assert desk.dropped == (0, 0), "memory has it still"
    desk.take(b"bbbb", b"cccc")
    assert desk.dropped == (2, 2)
    assert desk.outbox.pending_samples == 4


def test_what_is_settled_while_the_disk_lets_it_go_is_not_dropped() -> None:
    desk = Desk()
    desk.keep(b"a")
    assert desk.open_stream() == {1: b"a"}
    desk.outbox.disk_orders()
    desk.outbox.settle([1], 0)
    desk.outbox.disk_done(DiskOutcome(gone=(Gone(1, Amount(1, 2, 1)),)))
    assert desk.dropped == (0, 0)
    assert (desk.outbox.tally.settled, desk.outbox.pending_samples) == (2, 0)
    assert desk.orders().forget == (), "it is gone from there"


def test_what_only_the_disk_has_is_dropped_with_it() -> None:
    desk = Desk(contents=Amount(1, 9, 100))
    desk.outbox.disk_orders()
    desk.outbox.disk_done(DiskOutcome(gone=(Gone(0, Amount(1, 9, 100)),)))
    assert desk.dropped == (9, 9)
    assert desk.outbox.pending_samples == 0


def test_what_memory_left_to_the_disk_while_that_was_read_is_not_taken_for_missing() -> None:
    desk = Desk(contents=Amount(1, 9, 100))
    desk.keep(b"a")
    assert desk.open_stream() == {1: b"a"}
    orders = desk.orders()
    assert (orders.load > 0, orders.held) == (True, frozenset({1}))
    desk.outbox.stream_lost()
    desk.outbox.disk_done(DiskOutcome(stored_reports=1))
    assert desk.dropped == (0, 0)
    desk.open_stream()
    assert desk.orders().load > 0
    desk.outbox.disk_done(DiskOutcome(loaded=(StoredReport(1, b"a", 2),), stored_reports=1))
    assert list(desk.send().values()) == [b"a"]
    desk.orders()
    desk.outbox.disk_done(DiskOutcome(stored_reports=1))
    assert desk.dropped == (9, 9), "what was not there in a quiet moment is"


def test_what_memory_left_to_the_disk_before_it_is_opened_again_is_neither_found_nor_missed() -> None:
    desk = Desk()
    desk.keep(b"a")
    desk.open_stream()
    desk.outbox.stream_lost()
    desk.outbox.disk_failed()
    desk.outbox.disk_asked()
    desk.outbox.disk_opened(DiskContents(Amount(1, 2, 1)))
    assert (desk.outbox.tally.recovered, desk.dropped, desk.outbox.pending_samples) == (0, (0, 0), 2)


def test_on_a_disk_begun_anew_what_memory_has_is_written_again_and_what_it_has_not_is_dropped_once() -> None:
    desk = Desk()
    desk.keep(b"a", b"b")
    assert desk.open_stream() == {1: b"b"}
    desk.take(b"c")
    desk.outbox.disk_failed()
    desk.outbox.disk_asked()
    desk.outbox.disk_opened(DiskContents(begun_anew=True))
    assert desk.dropped == (2, 2), "the first, which only the disk had"
    assert [report.payload for report in desk.orders().keep] == [b"c"]
    desk.outbox.disk_failed()
    desk.outbox.stream_lost()
    assert desk.dropped == (4, 4), "the second was under way, and on no disk any more"
    assert desk.outbox.pending_samples == 2


def test_on_a_disk_begun_anew_what_was_on_the_old_one_and_in_memory_is_written_again() -> None:
    desk = Desk()
    desk.keep(b"a")
    desk.outbox.disk_opened(DiskContents(begun_anew=True))
    assert [report.payload for report in desk.orders().keep] == [b"a"]
    assert desk.dropped == (0, 0)


# Reading back.


def test_all_that_is_read_back_is_sent_in_order_of_age_and_counted_in_memory() -> None:
    desk = Desk(contents=Amount(3, 6, 3))
    desk.take(b"d", b"e")
    assert list(desk.open_stream().values()) == [b"e", b"d"]
    desk.outbox.defer([2])
    assert desk.outbox.disk_orders().load > 0
    desk.outbox.disk_done(DiskOutcome(loaded=tuple(StoredReport(number, b"%d" % -number, 2) for number in (-2, -1, 0))))
    assert desk.outbox.bytes == 5
    assert len(desk.outbox) == 5
    assert list(desk.send().values()) == [b"2", b"1", b"0", b"d"]


def test_what_is_read_back_and_settled_leaves_the_disk() -> None:
    desk = Desk(contents=Amount(2, 4, 2))
    desk.open_stream()
    desk.orders()
    desk.outbox.disk_done(DiskOutcome(loaded=(StoredReport(-1, b"a", 2), StoredReport(0, b"b", 2))))
    desk.outbox.settle(desk.send(), 0)
    assert (desk.outbox.tally.settled, len(desk.outbox), desk.outbox.bytes) == (4, 0, 0)
    assert desk.orders().forget == (-1, 0)


# Deletes.


def test_a_delete_that_failed_is_ordered_again_beside_those_that_have_come_since() -> None:
    desk = Desk()
    desk.keep(b"a")
    (first,) = desk.open_stream()
    desk.keep(b"b")
    (second,) = desk.send()
    desk.outbox.settle([first], 0)
    assert desk.orders().forget == (1,)
    desk.outbox.settle([second], 0)
    desk.outbox.disk_failed()
    assert desk.outbox.disk_asked() == {1, 2}, "settled: the disk need not count them, nor read them back"
    assert desk.orders().forget == (1, 2)


def test_a_delete_that_was_done_is_not_ordered_again() -> None:
    desk = Desk()
    desk.keep(b"a")
    desk.outbox.settle(desk.open_stream(), 0)
    assert desk.orders().forget == (1,)
    desk.outbox.disk_done(DiskOutcome())
    desk.outbox.disk_failed()
    assert (desk.outbox.disk_asked(), desk.orders().forget) == (frozenset(), ())


def test_on_a_disk_begun_anew_there_is_nothing_to_delete() -> None:
    desk = Desk()
    desk.keep(b"a")
    desk.outbox.settle(desk.open_stream(), 0)
    desk.outbox.disk_opened(DiskContents(begun_anew=True))
    assert desk.orders().forget == ()
