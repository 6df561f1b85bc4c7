"""Whatever comes, and however a client reads: it gets the newest frame, under its layout, and everything that happened,
in whole messages and in order."""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fakes.port import FakePort, FakeTimer
from gpufleet_collector.web.departure import ClientStalled
from gpufleet_collector.web.frames.message import FRAGMENT_BYTES, Message
from gpufleet_collector.web.frames.outlet import MAX_NOTICES, Outlet


class Bench:
    """An outlet with everything around it."""

    def __init__(self, room: int = 0) -> None:
        self.port = FakePort(room)
        self.timers: list[FakeTimer] = []
        self.ended: list[BaseException] = []
        self.frames = self.superseded = self.bytes = 0
        self.outlet = Outlet(self.port, self, self.arm, self.ended.append)

    def arm(self, ring: Callable[[], None]) -> FakeTimer:
        self.timers.append(FakeTimer(ring))
        return self.timers[-1]

    def sent(self, size: int) -> None:
        self.bytes += size

    def frame_sent(self) -> None:
        self.frames += 1

    def frame_superseded(self) -> None:
        self.superseded += 1

    def read(self, pieces: int) -> None:
        self.port.room = pieces
        self.outlet.resume()

    @property
    def armed(self) -> list[FakeTimer]:
        return [timer for timer in self.timers if not timer.is_cancelled]


def message(name: str, pieces: int = 1) -> Message:
    return Message(tuple(f"{name}/{number}/{pieces}".encode() for number in range(pieces)), pieces)


def names(bench: Bench) -> list[str]:
    """The messages that were written whole; pieces of one are never mixed with those of another."""
    found, expected = [], 0
    for piece in bench.port.written:
        name, number, pieces = piece.decode().split("/")
        assert int(number) == expected, "a message was broken up"
        expected = (expected + 1) % int(pieces)
        if not expected:
            found.append(name)
    return found


def test_while_a_client_does_not_read_only_the_newest_frame_waits_and_no_layout_is_lost() -> None:
    bench = Bench()
    bench.outlet.show(message("frame 1"), message("layout 1"))
    bench.outlet.show(message("frame 2"), None)
    bench.outlet.show(message("frame 3"), None)
    bench.read(100)
    assert names(bench) == ["layout 1", "frame 3"]
    assert (bench.frames, bench.superseded) == (1, 2)


def test_a_frame_that_is_on_its_way_is_finished_and_then_the_newest_follows() -> None:
    bench = Bench(room=2)
    bench.outlet.show(message("frame 1", pieces=3), None)
    bench.outlet.show(message("frame 2"), None)
    bench.outlet.show(message("frame 3"), message("layout 2"))
    bench.read(100)
    assert names(bench) == ["frame 1", "layout 2", "frame 3"]


def test_frames_and_what_happened_take_turns_so_that_neither_waits_for_ever() -> None:
    bench = Bench()
    for number in range(3):
        bench.outlet.show(message(f"frame {number}"), None)
        bench.outlet.tell(message(f"notice {number}"))
    for number in range(3, 6):
        bench.read(1)
        bench.outlet.show(message(f"frame {number}"), None)
    assert names(bench) == ["notice 0", "frame 3", "notice 1"]


def test_who_does_not_read_for_too_long_is_given_up_and_gets_nothing_more() -> None:
    bench = Bench(room=1)
    bench.outlet.show(message("frame 1", pieces=2), None)
    (timer,) = bench.armed
    timer.ring()
    assert [type(why) for why in bench.ended] == [ClientStalled]
    bench.outlet.show(message("frame 2"), None)
    bench.outlet.tell(message("notice"))
    bench.read(100)
    assert bench.port.written == [b"frame 1/0/2"]


def test_whoever_reads_anything_has_as_much_time_again() -> None:
    bench = Bench()
    bench.outlet.show(message("frame 1", pieces=3), None)
    for _ in range(2):
        bench.read(1)
    assert len(bench.timers) == 3
    assert len(bench.armed) == 1
    bench.read(100)
    assert bench.armed == []


def test_more_notices_than_the_limit_are_a_client_that_stalled() -> None:
    bench = Bench()
    for number in range(MAX_NOTICES):
        bench.outlet.tell(message(f"notice {number}"))
    assert not bench.ended
    bench.outlet.tell(message("one more"))
    assert [type(why) for why in bench.ended] == [ClientStalled]


def test_another_subscription_forgets_what_waits_but_neither_half_a_message_nor_an_answer() -> None:
    bench = Bench(room=1)
    bench.outlet.show(message("frame 1", pieces=2), None)
    bench.outlet.answer(message("error"))
    bench.outlet.tell(message("notice"))
    bench.outlet.show(message("frame 2"), message("layout 2"))
    bench.outlet.forget()
    bench.outlet.show(message("frame 9"), message("layout 9"))
    bench.read(100)
    assert names(bench) == ["frame 1", "error", "layout 9", "frame 9"]


def test_a_long_message_is_cut_into_pieces_that_together_are_the_message() -> None:
    text = b"x" * (2 * FRAGMENT_BYTES + 1)
    made = Message.of(text)
    # RFC 6455, 5.2: the first piece says that it is text, only the last that it is the last.
    assert [piece[0] for piece in made.pieces] == [0x01, 0x00, 0x80]
    assert [len(piece) for piece in made.pieces] == [FRAGMENT_BYTES + 10, FRAGMENT_BYTES + 10, 3]
    assert made.size == sum(map(len, made.pieces))


def test_short_messages_are_packed_and_none_is_cut() -> None:
    made = Message.joined([b"12345"] * 3)
    assert made.pieces == (b"\x81\x0512345" * 3,)
    assert Message.joined([]).pieces == ()


class OutletMachine(RuleBasedStateMachine):
    """Frames carry a number that grows, and the number of the layout that they need."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.layout = 0
        self.frame = 0
        self.notices: list[str] = []

    @rule(is_moved=st.booleans(), pieces=st.integers(1, 3))
    def frame_comes(self, is_moved: bool, pieces: int) -> None:
        layout = None
        if is_moved or not self.layout:
            self.layout += 1
            layout = message(f"layout {self.layout}", pieces)
        self.frame += 1
        self.bench.outlet.show(message(f"frame {self.frame} of {self.layout}", pieces), layout)

    @rule(pieces=st.integers(1, 2))
    def something_happens(self, pieces: int) -> None:
        self.notices.append(f"notice {len(self.notices)}")
        self.bench.outlet.tell(message(self.notices[-1], pieces))

    @rule(pieces=st.integers(1, 4))
    def client_reads(self, pieces: int) -> None:
        self.bench.read(pieces)

    @rule()
    def client_reads_all(self) -> None:
        self.bench.read(10_000)
        got = names(self.bench)
        if self.frame:
            last = [name for name in got if name.startswith("frame")][-1]
            assert last == f"frame {self.frame} of {self.layout}"
        assert [name for name in got if name.startswith("notice")] == self.notices
        self.bench.port.room = 0

    @invariant()
    def every_frame_is_newer_than_the_one_before_and_under_its_layout(self) -> None:
        layout, frame = 0, 0
        for name in names(self.bench):
            kind, number, *of = name.split()
            if kind == "layout":
                assert int(number) > layout
                layout = int(number)
            elif kind == "frame":
                assert int(number) > frame
                frame = int(number)
                assert int(of[1]) == layout


TestOutlet = OutletMachine.TestCase
