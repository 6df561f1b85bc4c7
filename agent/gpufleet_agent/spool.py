"""Reports on disk, in one file of sqlite3: what a collector has not settled outlives the process and the machine.

One row per report, write-ahead log, every step one transaction synced to the disk (`synchronous=FULL`): a process
killed at any moment finds every step whole or not at all, and so does a machine that loses power, as far as its disk
keeps what it was told to sync.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from gpufleet_agent.errors import SpoolBroken
from gpufleet_agent.spool_orders import Amount, DiskContents, DiskOrders, DiskOutcome, Gone, StoredReport

FORMAT = 1
"""`PRAGMA user_version` of the file; another is put aside, not guessed at."""

PAGE_BYTES = 4096
CACHE_KIBIBYTES = 256
LOG_PAGES = 256
"""The write-ahead log beside the file is folded in when it is so long, at the next step."""

SPARE_PAGES = 256
"""The file shrinks when more pages than this are unused."""

LARGEST_SHARE = 4
"""A report larger than this part of the bound is not kept; so much stays free, for the file to stay below the bound."""

MAX_LOAD_BYTES = 512 * 1024
DROP_ROWS = 32

_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PREPARE = f"""
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA page_size = {PAGE_BYTES};
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = {LOG_PAGES};
PRAGMA journal_size_limit = {LOG_PAGES * PAGE_BYTES};
PRAGMA cache_size = -{CACHE_KIBIBYTES};
"""
_CREATE = f"""
BEGIN;
CREATE TABLE IF NOT EXISTS reports (
    id INTEGER PRIMARY KEY AUTOINCREMENT, created_us INTEGER NOT NULL, samples INTEGER NOT NULL, size INTEGER NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS amounts ON reports (samples, size);
PRAGMA user_version = {FORMAT};
COMMIT;
"""


class Spool:
    """One host's spool in `path`, at most `max_bytes` large and `max_age_seconds` old. For one thread at a time.

    Every method raises SpoolBroken when the disk does not do its part; `open` may then be tried again.
    """

    def __init__(
        self,
        path: Path,
        max_bytes: int,
        max_age_seconds: float,
        wall_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._max_age_us = round(max_age_seconds * 1_000_000)
        self._wall_us = wall_us
        self._lock: int | None = None
        self._database: sqlite3.Connection | None = None
        self._condemned = False
        self._base: int | None = None
        self._stored = 0

    def open(self, held: Collection[int] = ()) -> DiskContents:
        """What is there, besides the reports in `held`. A file that cannot be read is put aside and a new one begun."""
        self._release()
        with _disk_errors(self):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take_lock()
            if self._condemned:
                self._put_aside()
            begun_anew = not self.path.exists()
            try:
                self._connect()
            except sqlite3.DatabaseError as error:
                if not _is_corrupt(error):
                    raise
                self._release()
                self._put_aside()
                begun_anew = True
                self._connect()
            return self._contents(held, begun_anew=begun_anew)

    def apply(self, orders: DiskOrders) -> DiskOutcome:
        """One step, all of it or nothing."""
        database = self._opened
        with _disk_errors(self):
            with database:
                database.execute("BEGIN IMMEDIATE")
                self._forget(orders.forget)
                gone = [*self._keep(orders.keep), *self._drop_aged()]
                loaded = tuple(self._load(orders)) if orders.load else ()
            self._shrink()
            return DiskOutcome(tuple(gone), loaded, self._stored, self._pages() * PAGE_BYTES)

    def close(self) -> None:
        """Fold the log in and let others have the file. Closing twice, or what was never open, is fine."""
        if self._database is not None:
            with _disk_errors(self):
                self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._release()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def condemn(self) -> None:
        """The file cannot be trusted: the next `open` puts it aside."""
        self._condemned = True

    @property
    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            raise SpoolBroken("the spool is not open")
        return self._database

    def _take_lock(self) -> None:
        """The kernel takes the lock back when the process ends, however it ends."""
        if self._lock is not None:
            return
        lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise SpoolBroken(f"another agent of this host name uses {self.path}") from None
        except OSError:
            os.close(lock)
            raise
        self._lock = lock

    def _connect(self) -> None:
        database = sqlite3.connect(self.path, isolation_level=None, timeout=0.0, check_same_thread=False)
        self._database = database
        database.executescript(_PREPARE)
        (made_by,) = database.execute("PRAGMA user_version").fetchone()
        if made_by not in (0, FORMAT):
            raise _OtherFormat(f"made by another version (format {made_by})")
        database.executescript(_CREATE)
        if self._base is None:
            (self._base,) = database.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()

    def _contents(self, held: Collection[int], *, begun_anew: bool) -> DiskContents:
        all_there = Amount(*self._opened.execute(
            "SELECT count(*), coalesce(sum(samples), 0), coalesce(sum(size), 0) FROM reports"
        ).fetchone())  # fmt: skip
        self._stored = all_there.reports
        for number in held:
            for samples, size in self._opened.execute(
                "SELECT samples, size FROM reports WHERE id = ?", (self._id(number),)
            ):
                all_there = all_there.minus(Amount(1, samples, size))
        return DiskContents(all_there, begun_anew, self._pages() * PAGE_BYTES)

    def _id(self, number: int) -> int:
        assert self._base is not None
        return self._base + number

    def _number(self, row_id: int) -> int:
        assert self._base is not None
        return row_id - self._base

    def _forget(self, numbers: tuple[int, ...]) -> None:
        self._delete([self._id(number) for number in numbers])

    def _delete(self, ids: list[int]) -> None:
        if ids:
            self._stored -= self._opened.executemany("DELETE FROM reports WHERE id = ?", zip(ids)).rowcount

    def _keep(self, reports: tuple[StoredReport, ...]) -> Iterator[Gone]:
        """Written again is there once. A report that never fits is gone at once."""
        now = self._wall_us()
        self._forget(tuple(report.number for report in reports))
        for report in reports:
            if len(report.payload) > self._max_bytes // LARGEST_SHARE:
                yield Gone(report.number, report.amount)
                continue
            row = (self._id(report.number), now, report.samples, len(report.payload), report.payload)
            self._opened.execute("INSERT INTO reports VALUES (?, ?, ?, ?, ?)", row)
            self._stored += 1
            yield from self._drop_beyond_bound()

    def _drop_aged(self) -> Iterator[Gone]:
        oldest_us = self._wall_us() - self._max_age_us
        while aged := [row for row in self._oldest() if row.created_us < oldest_us]:
            yield from self._drop(aged)

    def _drop_beyond_bound(self) -> Iterator[Gone]:
        most = (self._max_bytes - self._max_bytes // LARGEST_SHARE) // PAGE_BYTES
        while (excess := self._pages() - self._unused_pages() - most) > 0:
            oldest = self._oldest()
            if not oldest:
                return
            sizes = accumulate(row.size for row in oldest)
            enough = sum(1 for size in sizes if size < excess * PAGE_BYTES) + 1
            yield from self._drop(oldest[:enough])

    def _oldest(self) -> list["_Row"]:
        rows = self._opened.execute(
            "SELECT id, created_us, samples, size FROM reports ORDER BY id LIMIT ?", (DROP_ROWS,)
        )
        return [_Row(*row) for row in rows]

    def _drop(self, rows: list["_Row"]) -> list[Gone]:
        self._delete([row.id for row in rows])
        return [Gone(self._number(row.id), Amount(1, row.samples, row.size)) for row in rows]

    def _load(self, orders: DiskOrders) -> Iterator[StoredReport]:
        """Ids first, payloads only of what is wanted."""
        wanted: list[int] = []
        for (row_id,) in self._opened.execute("SELECT id FROM reports ORDER BY id"):
            if self._number(row_id) not in orders.held:
                wanted.append(row_id)
            if len(wanted) == orders.load:
                break
        total = 0
        for row_id in wanted:
            payload, samples = self._opened.execute(
                "SELECT payload, samples FROM reports WHERE id = ?", (row_id,)
            ).fetchone()
            yield StoredReport(self._number(row_id), payload, samples)
            total += len(payload)
            if total >= MAX_LOAD_BYTES:
                return

    def _pages(self) -> int:
        (pages,) = self._opened.execute("PRAGMA page_count").fetchone()
        return int(pages)

    def _unused_pages(self) -> int:
        (pages,) = self._opened.execute("PRAGMA freelist_count").fetchone()
        return int(pages)

    def _shrink(self) -> None:
        spare = self._unused_pages() - SPARE_PAGES
        if spare > 0:
            self._opened.executescript(f"PRAGMA incremental_vacuum({spare})")  # it needs a step per page

    def _release(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            with _disk_errors(self):
                database.close()

    def _put_aside(self) -> None:
        """One such file is kept for who wants to look; its log is of no use to anybody."""
        for older in self.path.parent.glob(f"{self.path.name}.corrupt-*"):
            older.unlink()
        self.path.with_name(self.path.name + "-wal").unlink(missing_ok=True)
        if self.path.exists():
            self.path.rename(self.path.with_name(f"{self.path.name}.corrupt-{self._wall_us() // 1_000_000}"))
        self._condemned = False


class _Row(NamedTuple):
    """All of a row but its payload."""

    id: int
    created_us: int
    samples: int
    size: int


class _OtherFormat(sqlite3.DatabaseError):
    """A file of another version of this program."""


def _is_corrupt(error: sqlite3.Error) -> bool:
    return isinstance(error, _OtherFormat) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _CORRUPT


class _disk_errors:  # noqa: N801 - reads as a statement
    """Turns what sqlite3 and the system raise into SpoolBroken."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            if _is_corrupt(error):
                self._spool.condemn()
            raise SpoolBroken(f"{self._spool.path}: {error}") from error
        if isinstance(error, OSError):
            raise SpoolBroken(f"{self._spool.path}: {error.strerror or error}") from error
