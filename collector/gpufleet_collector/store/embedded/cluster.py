"""The data directory itself: whose turn it is, whether it is one we may use, and its making, whole or not at all."""

import fcntl
import logging
import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import TypedDict

from gpufleet_collector.errors import DatabaseUnavailable, DataDirectoryError
from gpufleet_collector.store.address import OWN_USER
from gpufleet_collector.store.embedded.access import Account
from gpufleet_collector.store.embedded.binaries import Binaries
from gpufleet_collector.store.embedded.place import make_own

log = logging.getLogger(__name__)

LOCK_NAME = "lock"
INITDB_TIMEOUT_SECONDS = 300
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin", "TZ": "UTC"}
"""All that PostgreSQL's programs see of ours, so that nobody's PGDATA or language reaches them."""


class DirectoryLock:
    """The right to use a folder, held as long as this process lives; children do not inherit it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptors: list[int] = []

    def acquire(self) -> None:
        """Take the lock, or raise DataDirectoryError that names the process which has it."""
        try:
            file = os.open(self._folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise DataDirectoryError(
                f"{self._folder} cannot be used ({error.strerror}): run the collector as the user it belongs to, or "
                "choose another GPUFLEET_DATA_DIR"
            ) from None
        self._descriptors.append(file)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 32).decode(errors="replace").strip()
            self.release()
            raise DataDirectoryError(
                f"{self._folder} is in use by another collector{f' (process {holder})' if holder else ''}: stop it, or "
                "choose another GPUFLEET_DATA_DIR"
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._hold_folder()

    def release(self) -> None:
        """Give it back. Safe without having it."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def _hold_folder(self) -> None:
        # systemd-tmpfiles removes what is old in /var/tmp, but nothing below a folder that is locked (tmpfiles.d(5)).
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._descriptors.append(folder)
        fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)


def has_cluster(data: Path, binaries: Binaries) -> bool:
    """Whether `data` holds a cluster that these programs run; False when there is nothing yet.

    Raises DataDirectoryError for everything else, and touches nothing.
    """
    try:
        if not data.exists() or next(data.iterdir(), None) is None:
            return False
        version = (data / "PG_VERSION").read_text(errors="replace").strip()
    except PermissionError:
        raise DataDirectoryError(
            f"{data} belongs to another user: run the collector as that user, or choose another GPUFLEET_DATA_DIR"
        ) from None
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise DataDirectoryError(
            f"{data} is no data directory of PostgreSQL: move it away, or choose another GPUFLEET_DATA_DIR"
        ) from None
    if version != str(binaries.major):
        raise DataDirectoryError(
            f"{data} was made by PostgreSQL {version[:20]}, and this is {binaries.major}: set PG_BIN to the programs "
            f"of PostgreSQL {version[:20]}, move the data over with pg_dump and pg_restore, or choose another "
            "GPUFLEET_DATA_DIR"
        )
    return True


def check_owner(data: Path, user_id: int) -> None:
    """Raise DataDirectoryError when `data` is not of the user who runs PostgreSQL, which would refuse it."""
    owner = data.stat().st_uid
    if owner != user_id:
        raise DataDirectoryError(
            f"{data} belongs to user {owner}, and PostgreSQL would run as user {user_id}: run the collector as the "
            "owner, or choose another GPUFLEET_DATA_DIR"
        )


def create_cluster(data: Path, binaries: Binaries, account: Account | None) -> None:
    """Make an empty cluster at `data` through a temporary sibling, so that a kill leaves nothing half-made."""
    _remove_leftovers(data)
    temporary = data.with_name(f"{data.name}.new-{secrets.token_hex(4)}")
    make_own(temporary, account)
    try:
        _initdb(temporary, binaries, account)
        temporary.replace(data)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _flush(data.parent)


def _initdb(folder: Path, binaries: Binaries, account: Account | None) -> None:
    command: list[str | Path] = [
        binaries.initdb,
        "-D",
        folder,
        "-U",
        OWN_USER,
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-locale",
    ]
    command.append("--no-instructions")
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
            env=ENVIRONMENT,
            start_new_session=True,
            timeout=INITDB_TIMEOUT_SECONDS,
            check=False,
            **as_account(account),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DatabaseUnavailable(f"PostgreSQL's initdb could not make {folder.parent}: {error}") from None
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
        raise DatabaseUnavailable(f"PostgreSQL's initdb could not make a cluster in {folder.parent}: {said[-500:]}")


class RunAs(TypedDict, total=False):
    """Arguments of subprocess that say whom a child runs as."""

    user: int
    group: int
    extra_groups: list[int]


def as_account(account: Account | None) -> RunAs:
    """A child as `account`, with no other group than its own; None leaves it as the collector's own user."""
    if account is None:
        return {}
    return {"user": account.user_id, "group": account.group_id, "extra_groups": []}


def _remove_leftovers(data: Path) -> None:
    """Remove what runs that were killed half-way left; the lock says that nobody else is at it."""
    for leftover in data.parent.glob(f"{data.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
        if leftover.exists():
            log.warning("%s of an interrupted start could not be removed", leftover)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
