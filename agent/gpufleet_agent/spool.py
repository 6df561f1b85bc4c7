"""One host's place on disk for reports that wait: who may use it, and what happens to a file that cannot be trusted."""

import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gpufleet_agent.errors import SpoolBroken, SpoolCorrupt
from gpufleet_agent.spool_lock import try_lock
from gpufleet_agent.spool_orders import DiskContents, DiskOrders, DiskOutcome
from gpufleet_agent.spool_place import sweep

if TYPE_CHECKING:
    from gpufleet_agent.spool_file import SpoolFile


class Spool:
    """The spool in `path`, at most `max_bytes` large (beside its log of about 1 MiB) and `max_age_seconds` old. For one
    thread at a time. Every method raises SpoolBroken when the disk does not do its part; all may be tried again.
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
        self._file: SpoolFile | None = None
        self._base: int | None = None
        self._condemned = False

    def claim(self) -> bool:
        """From now on nobody else uses it, until `close` or the end of the process. Whether there is a file. Those of
        other host names that are past the bound in age go."""
        with self._system_errors():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take_lock()
            sweep(self.path, (self._wall_us() - self._max_age_us) / 1_000_000)
            return self.path.exists()

    def open(self, held: Collection[int] = ()) -> DiskContents:
        """What is there, besides the reports in `held`. A file that cannot be read is put aside and a new one begun."""
        self._release()
        begun_anew = not self.claim()
        with self._corruption():
            if self._condemned:
                self._put_aside()
                begun_anew = True
            try:
                self._file = self._open_file()
            except SpoolCorrupt:
                self._put_aside()
                begun_anew = True
                self._file = self._open_file()
            self._base = self._file.base
            return self._file.contents(held, begun_anew=begun_anew)

    def apply(self, orders: DiskOrders) -> DiskOutcome:
        """One step, all of it or nothing."""
        if self._file is None:
            raise SpoolBroken("the spool is not open")
        with self._corruption():
            return self._file.step(orders)

    def close(self) -> None:
        """Let others have it. Closing twice, or what was never open, is fine."""
        self._release()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def _open_file(self) -> "SpoolFile":
        from gpufleet_agent.spool_file import SpoolFile

        return SpoolFile(
            self.path,
            max_bytes=self._max_bytes,
            max_age_us=self._max_age_us,
            wall_us=self._wall_us,
            base=self._base,
        )

    def _release(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        lock = try_lock(self.path)
        if lock is None:
            raise SpoolBroken(f"another agent of this host name uses {self.path}")
        self._lock = lock

    def _put_aside(self) -> None:
        """One such file is kept for who wants to look; its log is of no use to anybody."""
        with self._system_errors():
            for older in self.path.parent.glob(f"{self.path.name}.corrupt-*"):
                older.unlink()
            self.path.with_name(self.path.name + "-wal").unlink(missing_ok=True)
            if self.path.exists():
                self.path.rename(self.path.with_name(f"{self.path.name}.corrupt-{self._wall_us() // 1_000_000}"))
            self._condemned = False

    @contextmanager
    def _corruption(self) -> Iterator[None]:
        """The next `open` puts aside what is found to be corrupt now."""
        try:
            yield
        except SpoolCorrupt:
            self._condemned = True
            raise

    @contextmanager
    def _system_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SpoolBroken(f"{self.path}: {error.strerror or error}") from error
