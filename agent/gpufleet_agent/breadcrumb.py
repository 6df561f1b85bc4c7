"""Memory shared by probe and supervisor in which each thread of the probe says which driver call it is in: the one
thing that can still be read when that call never returns.

It is written hundreds of times at every tick, so that a call costs one text and one number: the text first, then when
it began, which is one aligned store. Whoever reads finds the same beginning before and after the text, or nothing.
"""

import mmap
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass

SLOT_BYTES = 256
MAIN_SLOT, SLOW_SLOT = 0, 1
"""One for each thread that calls the driver: the ticks, and the slow tier beside them."""
SLOTS = 2
SIZE = SLOTS * SLOT_BYTES
_HEADER = struct.Struct("<dd")
"""Start (monotonic seconds, 0: none) and deadline (seconds)."""
_STARTED = struct.Struct("<d")
_TEXT_BYTES = (SLOT_BYTES - _HEADER.size) // 2
"""For the name of the call, and for the GPU after it, each filled up with zeros."""
DEFAULT_DEADLINE_SECONDS = 5.0
MAX_NAMES = 256
"""Names kept encoded; past it they are encoded anew."""


@dataclass(frozen=True, slots=True)
class Call:
    """A driver call under way since `started` (monotonic seconds) that ought to end within `deadline_seconds`."""

    name: str
    gpu: str
    started: float
    deadline_seconds: float

    def overdue(self, now: float) -> bool:
        return now - self.started > self.deadline_seconds

    def what(self) -> str:
        """`nvmlDeviceGetTemperature on GPU 3`."""
        return f"{self.name} on {self.gpu}" if self.gpu else self.name

    def describe(self, now: float) -> str:
        """`nvmlDeviceGetTemperature on GPU 3, 6 s`."""
        return f"{self.what()}, {now - self.started:.0f} s"


def create() -> int:
    """A file descriptor of shared memory, to be passed to the probe."""
    descriptor = os.memfd_create("gpufleet-breadcrumb")
    os.ftruncate(descriptor, SIZE)
    return descriptor


class BreadcrumbWriter:
    """The end of one thread of the probe, which alone writes to its slot. Implements `readings.Breadcrumb`."""

    def __init__(
        self,
        descriptor: int,
        clock: Callable[[], float],
        deadline_seconds: float = DEFAULT_DEADLINE_SECONDS,
        slot: int = MAIN_SLOT,
    ) -> None:
        self._page = page = mmap.mmap(descriptor, SIZE)
        start, name = slot * SLOT_BYTES, slot * SLOT_BYTES + _HEADER.size
        self._numbers = memoryview(page)[start:name].cast("d")
        self._name = slice(name, name + _TEXT_BYTES)
        self._gpu = slice(name + _TEXT_BYTES, name + 2 * _TEXT_BYTES)
        self._names: dict[str, bytes] = {}
        self._gpu_written = ""
        self._clock = clock
        self._deadline = deadline_seconds

    def enter(self, call: str, gpu: str, deadline_seconds: float | None = None) -> None:
        """The call before it has been left: while a call is under way its text does not change."""
        numbers = self._numbers
        self._page[self._name] = self._names.get(call) or self._encode(call)
        if gpu is not self._gpu_written:
            self._page[self._gpu] = _padded(gpu)
            self._gpu_written = gpu
        numbers[1] = self._deadline if deadline_seconds is None else max(deadline_seconds, self._deadline)
        numbers[0] = self._clock()

    def leave(self) -> None:
        self._numbers[0] = 0.0

    def _encode(self, call: str) -> bytes:
        if len(self._names) >= MAX_NAMES:
            self._names.clear()
        encoded = self._names[call] = _padded(call)
        return encoded


def _padded(text: str) -> bytes:
    return text.encode()[:_TEXT_BYTES].ljust(_TEXT_BYTES, b"\0")


class BreadcrumbReader:
    """The supervisor's end."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, SIZE)

    def read(self) -> Call | None:
        """Of the calls under way the one whose deadline ends first, or None. A slot that is just being written tells
        nothing: the next look will."""
        calls = [call for slot in range(SLOTS) if (call := self._read_slot(slot * SLOT_BYTES)) is not None]
        return min(calls, key=lambda call: call.started + call.deadline_seconds, default=None)

    def ticking(self) -> Call | None:
        """The call under way that the ticks make, whatever the slow tier does meanwhile."""
        return self._read_slot(MAIN_SLOT * SLOT_BYTES)

    def _read_slot(self, at: int) -> Call | None:
        (before,) = _STARTED.unpack_from(self._memory, at)
        page = self._memory[at : at + SLOT_BYTES]
        (after,) = _STARTED.unpack_from(self._memory, at)
        started, deadline = _HEADER.unpack_from(page)
        if not started or not before == started == after:
            return None
        name_at, gpu_at = _HEADER.size, _HEADER.size + _TEXT_BYTES
        return Call(_text(page[name_at:gpu_at]), _text(page[gpu_at:]), started, deadline)

    def close(self) -> None:
        self._memory.close()


def _text(padded: bytes) -> str:
    return padded.partition(b"\0")[0].decode(errors="replace")


class NoBreadcrumb:
    """For a reading that nobody watches."""

    def enter(self, call: str, gpu: str, deadline_seconds: float | None = None) -> None:
        """Nobody looks."""

    def leave(self) -> None:
        """Nobody looks."""
