"""One unsettled report in memory, and what the disk knows of it."""

from dataclasses import dataclass
from enum import Enum

from gpufleet_agent.spool_orders import Amount


class OnDisk(Enum):
    NO = "no"
    WRITING = "writing"
    YES = "yes"
    UNSURE = "unsure"  # the write failed, which does not say that nothing was written: it is written again
    NEVER = "never"  # it had to leave the disk, or never fitted: whoever loses it in memory loses it


MAYBE = frozenset({OnDisk.WRITING, OnDisk.YES, OnDisk.UNSURE})
"""Whoever settles such a report has to have it deleted."""

WRITABLE = frozenset({OnDisk.NO, OnDisk.UNSURE})


@dataclass(slots=True, eq=False)
class HeldReport:
    """`number` orders by age; `taken_at` is monotonic. Without a payload it is under way and the disk has it."""

    number: int
    payload: bytes | None
    size: int
    samples: int
    taken_at: float
    replayed: bool
    disk: OnDisk = OnDisk.NO

    @property
    def amount(self) -> Amount:
        return Amount(1, self.samples, self.size)
