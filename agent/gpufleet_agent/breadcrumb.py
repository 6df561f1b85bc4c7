"""Memory shared by probe and supervisor in which each thread of the probe says which driver call it is in: the one
thing that can still be read when that call never returns."""

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
_HEADER = struct.Struct("<QddHH")
"""Version (odd while being written), start (monotonic seconds, 0: none), deadline (seconds), lengths of the texts."""
_STARTED, _STARTED_AT = struct.Struct("<d"), 8
_TEXT_AT = _HEADER.size
_TEXT_MAX = (SLOT_BYTES - _TEXT_AT) // 2
DEFAULT_DEADLINE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Call:
    """A driver call under way since `started` (monotonic seconds) that ought to end within `deadline_seconds`."""

    name: str
    gpu: str
    started: float
    deadline_seconds: float

    def overdue(self, now: float) -> bool:
        return now - self.started > self.deadline_seconds

    def describe(self, now: float) -> str:
        """`nvmlDeviceGetTemperature on GPU 3, 6 s`."""
        where = f" on {self.gpu}" if self.gpu else ""
        return f"{self.name}{where}, {now - self.started:.0f} s"


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
        self._memory = memoryview(mmap.mmap(descriptor, SIZE))[slot * SLOT_BYTES : (slot + 1) * SLOT_BYTES]
        self._clock = clock
        self._deadline = deadline_seconds
        self._version = 0

    def enter(self, call: str, gpu: str, deadline_seconds: float | None = None) -> None:
        """A deadline of its own only ever makes a call's longer than the usual one."""
        name, where = call.encode()[:_TEXT_MAX], gpu.encode()[:_TEXT_MAX]
        deadline = self._deadline if deadline_seconds is None else max(deadline_seconds, self._deadline)
        memory, header = self._memory, _HEADER
        self._version += 2
        header.pack_into(memory, 0, self._version - 1, 0.0, 0.0, 0, 0)
        memory[_TEXT_AT : _TEXT_AT + len(name) + len(where)] = name + where
        header.pack_into(memory, 0, self._version, self._clock(), deadline, len(name), len(where))

    def leave(self) -> None:
        # One aligned store: whoever reads meanwhile sees the call under way, or none.
        _STARTED.pack_into(self._memory, _STARTED_AT, 0.0)


class BreadcrumbReader:
    """The supervisor's end."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, SIZE)

    def read(self) -> Call | None:
        """Of the calls under way the one whose deadline ends first, or None. A slot that is just being written tells
        nothing: the next look will."""
        calls = [call for slot in range(SLOTS) if (call := self._read_slot(slot * SLOT_BYTES)) is not None]
        return min(calls, key=lambda call: call.started + call.deadline_seconds, default=None)

    def _read_slot(self, at: int) -> Call | None:
        page = self._memory[at : at + SLOT_BYTES]
        version, started, deadline, name_length, where_length = _HEADER.unpack_from(page)
        if version % 2 or not started or self._memory[at : at + _HEADER.size] != page[: _HEADER.size]:
            return None
        where_at = _TEXT_AT + name_length
        name = page[_TEXT_AT:where_at].decode(errors="replace")
        where = page[where_at : where_at + where_length].decode(errors="replace")
        return Call(name, where, started, deadline)

    def close(self) -> None:
        self._memory.close()


class NoBreadcrumb:
    """For a reading that nobody watches."""

    def enter(self, call: str, gpu: str, deadline_seconds: float | None = None) -> None:
        """Nobody looks."""

    def leave(self) -> None:
        """Nobody looks."""
