"""A WebSocket client that reads when it is told to."""

from collections.abc import Callable, Generator
from typing import TypeVar

from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

T = TypeVar("T")


class FakeTimer:
    def __init__(self, ring: Callable[[], None]) -> None:
        self.ring = ring
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class FakePort:
    """Has room for so many pieces until it is read."""

    def __init__(self, room: int = 0) -> None:
        self.room = room
        self.written: list[bytes] = []

    @property
    def is_writable(self) -> bool:
        return self.room > 0

    def write(self, piece: bytes) -> None:
        assert self.room > 0, "written to a port that is not writable"
        self.room -= 1
        self.written.append(piece)

    def take_texts(self) -> list[bytes]:
        """The messages that have come since the last time; none may have been cut off."""
        reader = StreamReader()
        reader.feed_data(b"".join(self.written))
        self.written.clear()
        texts: list[bytes] = []
        is_open = False
        while reader.buffer:
            frame = _finished(Frame.parse(reader.read_exact, mask=False, max_size=None))
            assert frame.opcode is (Opcode.CONT if is_open else Opcode.TEXT)
            texts = [*texts[:-1], texts[-1] + bytes(frame.data)] if is_open else [*texts, bytes(frame.data)]
            is_open = not frame.fin
        assert not is_open, "the last message is not whole"
        return texts


def _finished(reading: Generator[None, None, T]) -> T:
    """What it reads, all of which has come."""
    try:
        next(reading)
    except StopIteration as finished:
        value: T = finished.value
        return value
    raise AssertionError("the last message is not whole")
