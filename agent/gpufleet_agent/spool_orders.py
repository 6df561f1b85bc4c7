"""What the outbox asks of the disk and what it hears back: plain values, so that neither side knows the other."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Amount:
    """So many reports, the GPU samples in them, and their encoded bytes."""

    reports: int = 0
    samples: int = 0
    bytes: int = 0

    def plus(self, other: "Amount") -> "Amount":
        return Amount(self.reports + other.reports, self.samples + other.samples, self.bytes + other.bytes)

    def minus(self, other: "Amount") -> "Amount":
        return Amount(self.reports - other.reports, self.samples - other.samples, self.bytes - other.bytes)


NOTHING = Amount()


@dataclass(frozen=True, slots=True)
class StoredReport:
    """One report as it lies on disk. Numbers grow with age of the run: those of earlier runs are not above 0."""

    number: int
    payload: bytes
    samples: int

    @property
    def amount(self) -> Amount:
        return Amount(1, self.samples, len(self.payload))


@dataclass(frozen=True, slots=True)
class DiskOrders:
    """One step of the disk, all of it or nothing: delete `forget`, write `keep`, then read up to `load` reports, the
    oldest first, none of them in `held`."""

    forget: tuple[int, ...] = ()
    keep: tuple[StoredReport, ...] = ()
    load: int = 0
    held: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.forget or self.keep or self.load)


@dataclass(frozen=True, slots=True)
class Gone:
    """A report that had to go: the oldest past the bound in size, one past the bound in age, or one that never fits."""

    number: int
    amount: Amount


@dataclass(frozen=True, slots=True)
class DiskOutcome:
    """What one step did. `stored_reports` and `file_bytes` are what is on disk after it."""

    gone: tuple[Gone, ...] = ()
    loaded: tuple[StoredReport, ...] = ()
    stored_reports: int = 0
    file_bytes: int = 0


@dataclass(frozen=True, slots=True)
class DiskContents:
    """What an opened spool holds besides the reports that its owner still has in memory. `begun_anew`: nothing of what
    was there before is left, if anything was."""

    others: Amount = NOTHING
    begun_anew: bool = False
    file_bytes: int = 0
