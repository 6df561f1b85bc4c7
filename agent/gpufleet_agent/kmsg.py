"""The kernel's log as a source of events: XIDs also while no probe listens, with the driver's own words, and GPUs that
fall off the bus without an XID."""

import errno
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from gpufleet_agent.pci_slot import slot_key
from gpufleet_agent.readings import GpuEvent
from gpufleet_agent.xids import xid_event

MAX_RECORDS_PER_POLL = 1000
"""The rest waits in the kernel for the next poll, and is overwritten there at worst."""
MAX_READ_BYTES = 16 * 1024
"""More than the kernel writes in one record (CONSOLE_EXT_LOG_MAX is 8 KiB)."""
MAX_TEXT = 4096
"""Characters of one message, its continuations included; the rest is cut off."""

_XID = re.compile(r"NVRM: Xid \((?:PCI:)?([0-9a-fA-F:.]+)[^)]*\): (\d{1,5})\b,?(.*)", re.DOTALL)
_FALLEN = re.compile(r"(?:NVRM|nvidia|NVIDIA)\b.*fallen off the bus", re.DOTALL)
_ADDRESS = re.compile(r"\b(?:[0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}(?:\.[0-7])?\b")
_PREFIX = re.compile(r"(\d{1,10}),(\d{1,20}),(\d{1,19}),([^;\n]{0,256});([^\n]*)")
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class Record:
    """One message of the kernel. `since_boot_us` is its time on the monotonic clock; `continues`: it belongs to the
    line of the record before."""

    since_boot_us: int
    text: str
    continues: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """What a message says of a GPU. `slot` is that of `slot_key`, `code` None where there is no XID."""

    slot: str | None
    code: int | None
    detail: str


def parse(chunk: bytes) -> Iterator[Record]:
    """The records in what one read gave: `priority,sequence,microseconds,flags;text`, then lines about the device that
    begin with a space (Documentation/ABI/testing/dev-kmsg). What is none of it is left out."""
    for line in chunk.decode(errors="replace").split("\n"):
        match = None if line.startswith(" ") else _PREFIX.fullmatch(line)
        if match is not None:
            text = _ESCAPED.sub(lambda code: chr(int(code[1], 16)), match[5][:MAX_TEXT])
            yield Record(int(match[3]), text, continues=match[4].startswith("+"))


def fault_of(text: str) -> Fault | None:
    """What a message of the NVIDIA driver says is wrong, None for any other."""
    xid = _XID.search(text)
    if xid is not None:
        return Fault(slot_key(xid[1].rstrip(".:")), int(xid[2]), xid[3].strip())
    if _FALLEN.search(text):
        address = _ADDRESS.search(text)
        return Fault(slot_key(address[0]) if address else None, None, text.strip())
    return None


KERNEL_LOG_PATH = Path("/dev/kmsg")


class Source(Protocol):
    """Where records come from."""

    def read(self) -> bytes:
        """The next record, b"" when there is none now. Raises LogOverrun when some were missed, and OSError."""


class LogOverrun(Exception):
    """Records were overwritten before they were read, or one was too long; reading goes on behind them."""


class KernelLogFile:
    """/dev/kmsg, from now on and without waiting."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where it cannot be read: it needs root or CAP_SYSLOG where kernel.dmesg_restrict is 1, and is
        not in a container unless it is put there."""
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.lseek(self._descriptor, 0, os.SEEK_END)
        except OSError:
            os.close(self._descriptor)
            raise

    def read(self) -> bytes:
        try:
            return os.read(self._descriptor, MAX_READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            # EPIPE: overwritten meanwhile. EINVAL: longer than what was offered. The kernel has moved on in both cases.
            if error.errno in (errno.EPIPE, errno.EINVAL):
                raise LogOverrun from error
            raise

    def close(self) -> None:
        os.close(self._descriptor)


class KernelLog:
    """Turns the kernel's log into events, at most a poll after they were logged."""

    def __init__(
        self,
        source: Source,
        *,
        gpu_at: Callable[[str], str | None],
        wall_us: Callable[[], int],
        monotonic_us: Callable[[], int],
    ) -> None:
        """`gpu_at` gives the UUID of the GPU in a slot (a key of `slot_key`), None when nobody knows."""
        self._source = source
        self._gpu_at = gpu_at
        self._wall_us = wall_us
        self._monotonic_us = monotonic_us
        self._polled_at_us = wall_us()
        self.overruns = 0
        """How often records were missed."""
        self.problem: str | None = None
        """Why nothing is read any more."""

    def poll(self) -> tuple[GpuEvent, ...]:
        """What was logged since the poll before. Never waits and never raises for what the log does."""
        if self.problem is not None:
            return ()
        records = list(self._records())
        now_us = self._wall_us()
        offset_us = now_us - self._monotonic_us()
        # The kernel's own clock drifts by minutes over months: when a record was read bounds when it was written.
        since_us = min(self._polled_at_us, now_us)
        if len(records) < MAX_RECORDS_PER_POLL:
            self._polled_at_us = now_us
        return tuple(
            self._event(fault, min(now_us, max(since_us, record.since_boot_us + offset_us)))
            for record in joined(records)
            if (fault := fault_of(record.text)) is not None
        )

    def _records(self) -> Iterator[Record]:
        for _ in range(MAX_RECORDS_PER_POLL):
            try:
                chunk = self._source.read()
            except LogOverrun:
                self.overruns += 1
                continue
            except OSError as error:
                self.problem = f"The kernel's log cannot be read any more ({error})."
                return
            if not chunk:
                return
            yield from parse(chunk)

    def _event(self, fault: Fault, instant_us: int) -> GpuEvent:
        gpu_uuid = None if fault.slot is None else self._gpu_at(fault.slot)
        place = f"PCI {fault.slot}" if fault.slot else "an unknown slot"
        if fault.code is not None:
            return xid_event(instant_us, fault.code, gpu_uuid, f"{place}, {fault.detail}".removesuffix(", "))
        text = (
            f"The kernel says that the GPU at {place} fell off the bus: reboot the host, then check power and seating."
        )
        return GpuEvent(instant_us, "GPU_LOST", "CRITICAL", text, gpu_uuid)


def joined(records: Iterable[Record]) -> Iterator[Record]:
    """The records with the parts of a line put together."""
    open_record: Record | None = None
    for record in records:
        if open_record is not None and record.continues:
            text = (open_record.text + record.text)[:MAX_TEXT]
            open_record = replace(open_record, text=text)
            continue
        if open_record is not None:
            yield open_record
        open_record = record
    if open_record is not None:
        yield open_record


def open_kernel_log(gpu_at: Callable[[str], str | None], path: Path = KERNEL_LOG_PATH) -> KernelLog | None:
    """The kernel's log with the clocks of this machine; None where it cannot be read, which is usual."""
    try:
        source = KernelLogFile(path)
    except OSError:
        return None
    return KernelLog(
        source,
        gpu_at=gpu_at,
        wall_us=lambda: time.time_ns() // 1000,
        monotonic_us=lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000,
    )
