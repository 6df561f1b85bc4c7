"""Who runs PostgreSQL, and where its data, socket and programs are: beside the collector's own things, or, when root
started the collector and the user it runs PostgreSQL as cannot reach them there, in a private place. Existing folders
never change their permissions for it."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from gpufleet_collector.errors import ConfigurationError, DataDirectoryError
from gpufleet_collector.store.embedded.access import (
    Account,
    account_of,
    can_traverse,
    unprivileged_account,
)

SOCKET_NAME = ".s.PGSQL.5432"
MAX_SOCKET_PATH = 106
"""Bytes of a socket's path; Linux takes 107 and PostgreSQL one fewer in some versions."""

PASSABLE = 0o711
PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The machine as the collector finds it: `account` is who runs PostgreSQL when root started the collector, and None
    when the collector runs it as itself. `private_parents` are tried in order."""

    user_id: int
    account: Account | None
    private_parents: tuple[Path, ...] = (Path("/var/lib/gpufleet"), Path("/var/tmp/gpufleet"))  # noqa: S108
    temporary: Path = Path("/tmp")  # noqa: S108

    @classmethod
    def of_this_process(cls) -> "Surroundings":
        """Raises ConfigurationError when root finds no user to run PostgreSQL as."""
        user_id = os.geteuid()
        if user_id != 0:
            return cls(user_id, None)
        account = unprivileged_account()
        if account is None:
            raise ConfigurationError(
                "PostgreSQL does not run as root, and there is no user postgres or nobody: add one, run the collector "
                "as another user, or set DATABASE_URL"
            )
        return cls(user_id, account)


@dataclass(frozen=True, slots=True)
class Place:
    """What `choose_place` decided. Nothing of it need exist yet."""

    account: Account | None
    data: Path
    sockets: Path
    private: Path | None
    notice: str | None

    def user_id(self, around: Surroundings) -> int:
        """Who PostgreSQL runs as."""
        return around.user_id if self.account is None else self.account.user_id


def choose_place(directory: Path, around: Surroundings) -> Place:
    """Where the PostgreSQL of the collector with `directory` (absolute) is kept. Reads the disk, changes nothing.

    A cluster that exists stays where it is. Raises DataDirectoryError when no place will do.
    """
    directory = directory.resolve()
    inside = (directory / "postgres").resolve()
    account = around.account
    if account is None or _holds_something(inside):
        return _in_directory(directory, inside, around)
    for parent in around.private_parents:
        private = parent / digest_of(directory)
        if _holds_something(private / "postgres") and _is_trusted(private, around.user_id):
            return _in_private(directory, private, _owner(private / "postgres", account), around)
    if _comes_to(inside.parent, account):
        return _in_directory(directory, inside, around)
    return _in_private(directory, choose_private(directory, account, around), account, around)


def digest_of(directory: Path) -> str:
    """The name of what is derived from `directory`; two folders never share it."""
    return hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:16]


def nearest_existing(path: Path) -> Path:
    """`path`, or the first folder above it that exists."""
    return next(step for step in (path, *path.parents) if step.exists())


def choose_private(directory: Path, account: Account, around: Surroundings) -> Path:
    """The private place of `directory`, which only root can change and `account` can reach."""
    for parent in around.private_parents:
        private = parent / digest_of(directory)
        if _is_trusted(private, around.user_id) and _comes_to(private, account):
            return private
    names = " and ".join(map(str, around.private_parents))
    raise DataDirectoryError(
        f"PostgreSQL runs as {account.name}, who cannot reach {directory}, and {names} cannot be used instead (they "
        "must belong to root, be writable by root alone and be no symbolic links): choose another GPUFLEET_DATA_DIR"
    )


def make_passable(folder: Path) -> None:
    """Make `folder` and what is missing above it so that others may pass and nothing more, whatever the umask. Folders
    that exist stay as they are."""
    if not folder.exists():
        make_passable(folder.parent)
        folder.mkdir(mode=PASSABLE)
        folder.chmod(PASSABLE)


def make_directory(directory: Path, account: Account | None) -> None:
    """Make the collector's directory, which `account` (None: the collector's own user) has to pass."""
    try:
        if account is None:
            directory.mkdir(parents=True, exist_ok=True)
        else:
            make_passable(directory)
    except OSError as error:
        raise DataDirectoryError(
            f"{directory} cannot be made ({error.strerror}): choose another GPUFLEET_DATA_DIR"
        ) from None


def make_own(folder: Path, account: Account | None) -> None:
    """Make `folder` for whom PostgreSQL runs as, closed to everybody else."""
    folder.mkdir(mode=PRIVATE)
    if account is not None:
        os.chown(folder, account.user_id, account.group_id, follow_symlinks=False)


def make_private(private: Path, user_id: int) -> None:
    """Make the private place, or raise DataDirectoryError when somebody else could change what is in it."""
    make_passable(private)
    if not _is_trusted(private, user_id):
        raise DataDirectoryError(
            f"{private} can be changed by others than root: remove it, or choose another data directory"
        )


def make_socket_folder(place: Place, around: Surroundings) -> None:
    """Make the socket's folder for whoever runs PostgreSQL, or raise DataDirectoryError when it is another's."""
    if not place.sockets.exists() and not place.sockets.is_symlink():
        make_own(place.sockets, place.account)
    found = place.sockets.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != place.user_id(around) or found.st_mode & 0o077:
        raise DataDirectoryError(
            f"{place.sockets} is where PostgreSQL would be reached, and is not a folder of its user alone: remove it"
        )


def _in_directory(directory: Path, inside: Path, around: Surroundings) -> Place:
    account = around.account if around.account is None else _owner(inside, around.account)
    if account is not None and (inside / "PG_VERSION").exists() and not _comes_to(inside.parent, account):
        raise DataDirectoryError(
            f"{inside} holds data of {account.name}, who can no longer reach it: let {account.name} pass the folders "
            "above it (chmod o+x), or choose another GPUFLEET_DATA_DIR"
        )
    sockets = _sockets(directory / "run", directory, around, account)
    return Place(account=account, data=inside, sockets=sockets, private=None, notice=None)


def _in_private(directory: Path, private: Path, account: Account, around: Surroundings) -> Place:
    return Place(
        account=account,
        data=private / "postgres",
        sockets=_sockets(private / "run", directory, around, account),
        private=private,
        notice=f"PostgreSQL runs as {account.name}, who cannot reach {directory}: its data is kept in {private}",
    )


def _sockets(wanted: Path, directory: Path, around: Surroundings, account: Account | None) -> Path:
    """`wanted` when its path is short enough for a socket and plain enough for psql, where a comma separates hosts."""
    if (account is None or _comes_to(wanted.parent, account)) and _fits(wanted):
        return wanted
    return around.temporary / f"gpufleet-{digest_of(directory)}"


def _fits(sockets: Path) -> bool:
    return len(os.fsencode(sockets / SOCKET_NAME)) <= MAX_SOCKET_PATH and "," not in str(sockets)


def _comes_to(folder: Path, account: Account) -> bool:
    """Whether `account` can come to `folder`, of which the collector makes what is missing passable."""
    return can_traverse(nearest_existing(folder).resolve(), account)


def _holds_something(folder: Path) -> bool:
    try:
        return next(folder.iterdir(), None) is not None
    except FileNotFoundError:
        return False
    except PermissionError:
        return True
    except NotADirectoryError:
        raise DataDirectoryError(f"{folder} is not a folder: move it away, or choose another data directory") from None


def _owner(data: Path, otherwise: Account) -> Account:
    """Who runs a cluster that exists: the user it belongs to, so that a change of users leaves it usable."""
    if not data.exists():
        return otherwise
    found = data.stat()
    return otherwise if found.st_uid == 0 else account_of(found.st_uid, found.st_gid)


def _is_trusted(private: Path, user_id: int) -> bool:
    """Whether nobody but `user_id` can change what is in `private`, its parent or, but for sticky folders, above."""
    for step in (private, private.parent):
        if step.is_symlink() or (step.exists() and not _belongs(step.lstat(), user_id)):
            return False
    above = nearest_existing(private.parent.parent)
    found = above.stat()
    shared = found.st_uid not in (0, user_id) or (found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX)
    return not shared and os.access(nearest_existing(private), os.W_OK | os.X_OK)


def _belongs(found: os.stat_result, user_id: int) -> bool:
    return stat.S_ISDIR(found.st_mode) and found.st_uid == user_id and not found.st_mode & 0o022
