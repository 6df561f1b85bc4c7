"""A message as it goes over the wire, the same bytes for everybody: what a server sends is not masked (RFC 6455)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from websockets.frames import Frame, Opcode

FRAGMENT_BYTES = 128 * 1024
"""A longer message goes out in pieces of this size (RFC 6455, 5.4): of a client that does not read no more than one
piece is copied, and pings find their place between two."""


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One text message or several. Each piece is whole frames of the protocol; between two pieces only control frames
    may be sent."""

    pieces: tuple[bytes, ...]
    size: int
    """Bytes of all pieces."""

    @classmethod
    def of(cls, text: bytes) -> "Message":
        """One message with this text, UTF-8."""
        return cls._made(_fragments(text))

    @classmethod
    def joined(cls, texts: Iterable[bytes]) -> "Message":
        """Many short messages, packed into few pieces."""
        return cls._made(_packed(texts))

    @classmethod
    def _made(cls, pieces: Iterable[bytes]) -> "Message":
        made = tuple(pieces)
        return cls(made, sum(map(len, made)))


def _fragments(text: bytes) -> Iterator[bytes]:
    view = memoryview(text)
    for start in range(0, max(len(text), 1), FRAGMENT_BYTES):
        is_last = start + FRAGMENT_BYTES >= len(text)
        opcode = Opcode.CONT if start else Opcode.TEXT
        yield Frame(opcode, view[start : start + FRAGMENT_BYTES], fin=is_last).serialize(mask=False)


def _packed(texts: Iterable[bytes]) -> Iterator[bytes]:
    piece = bytearray()
    for text in texts:
        piece += b"".join(_fragments(text))
        if len(piece) >= FRAGMENT_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)
