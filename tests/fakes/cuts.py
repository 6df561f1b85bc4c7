"""Where a connection is cut: so many bytes after words that its client has said, whatever pieces they come in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cut:
    """Once a client has said all of `words`, in this order, `after` bytes more pass and then nothing."""

    words: tuple[bytes, ...]
    after: int


class Cutter:
    """Listens to what one client says. A cut that is new to it counts from then on."""

    def __init__(self) -> None:
        self._cut: Cut | None = None
        self._heard = 0
        self._before = b""
        self._left = 0

    def end(self, cut: Cut, chunk: bytes) -> int | None:
        """How much of `chunk` still passes, None for all of it."""
        if cut is not self._cut:
            self._cut, self._heard, self._before = cut, 0, b""
        start = self._hear(cut, chunk)
        if start is None:
            return None
        if self._left <= len(chunk) - start:
            return start + self._left
        self._left -= len(chunk) - start
        return None

    def _hear(self, cut: Cut, chunk: bytes) -> int | None:
        """Where in `chunk` the bytes after all words begin, None while there are words to come."""
        begin = 0
        while self._heard < len(cut.words):
            word = cut.words[self._heard]
            said = self._before + chunk[begin:]
            found = said.find(word)
            if found < 0:
                self._before = said[max(0, len(said) - len(word) + 1) :]
                return None
            begin += found + len(word) - len(self._before)
            self._before = b""
            self._heard += 1
            self._left = cut.after
        return begin
