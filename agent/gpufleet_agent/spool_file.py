"""The spool's file: one row per report in sqlite3, every step one transaction synced to the disk.

A process killed at any moment leaves every step whole or not at all, and so does a machine that loses power, as far as
its disk keeps what it was told to sync. Loaded only when there is something to keep or to find: sqlite3 takes more than
1.5 MiB of memory, which an agent whose collector is there never needs.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from gpufleet_agent.errors import SpoolBroken, SpoolCorrupt
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


class SpoolFile:
    """An open file. Every method raises SpoolBroken when the disk does not do its part, and SpoolCorrupt when the file
    cannot be trusted.

    Rows have ids that no row ever had before; `base` is the last one of earlier runs, by default what the file says.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        max_age_us: int,
        wall_us: Callable[[], int],
        base: int | None = None,
    ) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._max_age_us = max_age_us
        self._wall_us = wall_us
        self._stored = 0
        with self._errors():
            self._database = sqlite3.connect(path, isolation_level=None, timeout=0.0, check_same_thread=False)
            try:
                last = self._prepare()
            except (sqlite3.Error, SpoolCorrupt):
                self._database.close()
                raise
        self.base = last if base is None else base

    def contents(self, held: Collection[int], *, begun_anew: bool) -> DiskContents:
        """What is there besides the reports in `held`."""
        with self._errors():
            everything = self._ask("SELECT count(*), coalesce(sum(samples), 0), coalesce(sum(size), 0) FROM reports")
            others = Amount(*everything[0])
            self._stored = others.reports
            for number in held:
                for samples, size in self._ask("SELECT samples, size FROM reports WHERE id = ?", self.base + number):
                    others = others.minus(Amount(1, samples, size))
            return DiskContents(others, begun_anew, self._pages() * PAGE_BYTES)

    def step(self, orders: DiskOrders) -> DiskOutcome:
        """One transaction."""
        with self._errors():
            with self._database:
                self._database.execute("BEGIN IMMEDIATE")
                self._delete([self.base + number for number in orders.forget])
                gone = [*self._keep(orders.keep), *self._drop_aged()]
                loaded = tuple(self._load(orders)) if orders.load else ()
            self._shrink()
            return DiskOutcome(tuple(gone), loaded, self._stored, self._pages() * PAGE_BYTES)

    def close(self) -> None:
        """Folds the log in, where the disk lets it."""
        with self._errors():
            self._database.close()

    def _errors(self) -> "_Errors":
        return _Errors(self._path)

    def _ask(self, question: str, *values: int) -> list[tuple[int, ...]]:
        return self._database.execute(question, values).fetchall()

    def _prepare(self) -> int:
        self._database.executescript(_PREPARE)
        ((made_by,),) = self._ask("PRAGMA user_version")
        if made_by not in (0, FORMAT):
            raise SpoolCorrupt(f"{self._path} was made by another version (format {made_by})")
        self._database.executescript(_CREATE)
        ((last,),) = self._ask("SELECT coalesce(max(seq), 0) FROM sqlite_sequence")
        return last

    def _delete(self, ids: list[int]) -> None:
        if ids:
            deleted = self._database.executemany("DELETE FROM reports WHERE id = ?", zip(ids, strict=True))
            self._stored -= deleted.rowcount

    def _keep(self, reports: tuple[StoredReport, ...]) -> Iterator[Gone]:
        """Written again is there once. A report that never fits is gone at once."""
        now = self._wall_us()
        self._delete([self.base + report.number for report in reports])
        for report in reports:
            if len(report.payload) > self._max_bytes // LARGEST_SHARE:
                yield Gone(report.number, report.amount)
                continue
            row = (self.base + report.number, now, report.samples, len(report.payload), report.payload)
            self._database.execute("INSERT INTO reports VALUES (?, ?, ?, ?, ?)", row)
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
        rows = self._ask("SELECT id, created_us, samples, size FROM reports ORDER BY id LIMIT ?", DROP_ROWS)
        return [_Row(*row) for row in rows]

    def _drop(self, rows: list["_Row"]) -> list[Gone]:
        self._delete([row.id for row in rows])
        return [Gone(row.id - self.base, Amount(1, row.samples, row.size)) for row in rows]

    def _load(self, orders: DiskOrders) -> Iterator[StoredReport]:
        """Ids first, payloads only of what is wanted."""
        wanted: list[int] = []
        for (row_id,) in self._database.execute("SELECT id FROM reports ORDER BY id"):
            if row_id - self.base not in orders.held:
                wanted.append(row_id)
            if len(wanted) == orders.load:
                break
        total = 0
        for row_id in wanted:
            row = self._database.execute("SELECT payload, samples FROM reports WHERE id = ?", (row_id,)).fetchone()
            yield StoredReport(row_id - self.base, *row)
            total += len(row[0])
            if total >= MAX_LOAD_BYTES:
                return

    def _pages(self) -> int:
        ((pages,),) = self._ask("PRAGMA page_count")
        return pages

    def _unused_pages(self) -> int:
        ((pages,),) = self._ask("PRAGMA freelist_count")
        return pages

    def _shrink(self) -> None:
        spare = self._unused_pages() - SPARE_PAGES
        if spare > 0:
            self._database.executescript(f"PRAGMA incremental_vacuum({spare})")  # it needs a step per page


class _Row(NamedTuple):
    """All of a row but its payload."""

    id: int
    created_us: int
    samples: int
    size: int


class _Errors:
    """Turns what sqlite3 raises into ours."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None
    ) -> None:
        if isinstance(error, sqlite3.Error):
            corrupt = getattr(error, "sqlite_errorcode", 0) & 0xFF in _CORRUPT
            raise (SpoolCorrupt if corrupt else SpoolBroken)(f"{self._path}: {error}") from error
