"""What another user can reach, read from permission bits: PostgreSQL refuses to run as root, so root needs to know what
the user it runs PostgreSQL as is able to see."""

import os
import pwd
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

UNPRIVILEGED_USERS = ("postgres", "nobody")

Stat = Callable[[Path], os.stat_result]


@dataclass(frozen=True, slots=True)
class Account:
    """A user and the one group its processes get."""

    user_id: int
    group_id: int
    name: str


def account_of(user_id: int, group_id: int) -> Account:
    """The account with this user id; `group_id` is for users that the machine does not list."""
    try:
        entry = pwd.getpwuid(user_id)
    except KeyError:
        return Account(user_id, group_id, f"user {user_id}")
    return Account(user_id, entry.pw_gid, entry.pw_name)


def unprivileged_account(find: Callable[[str], pwd.struct_passwd] = pwd.getpwnam) -> Account | None:
    """The user that root runs PostgreSQL as: the first of `UNPRIVILEGED_USERS` that this machine has."""
    for name in UNPRIVILEGED_USERS:
        try:
            entry = find(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid, name)
    return None


def can_traverse(folder: Path, account: Account, status: Stat = Path.stat) -> bool:
    """Whether `account` can come to and into `folder`, an absolute path without symbolic links."""
    return all(_permits(status(step), account, stat.S_IXOTH) for step in (folder, *folder.parents))


def can_read_all(files: Iterable[Path], account: Account, status: Stat = Path.stat) -> bool:
    """Whether `account` can come to and read every file; programs among them it can run."""
    folders: dict[Path, bool] = {}
    for file in files:
        real = file.resolve()
        if real.parent not in folders:
            folders[real.parent] = can_traverse(real.parent, account, status)
        found = status(real)
        executable = stat.S_IXOTH if found.st_mode & stat.S_IXUSR else 0
        if not folders[real.parent] or not _permits(found, account, stat.S_IROTH | executable):
            return False
    return True


def _permits(found: os.stat_result, account: Account, wanted: int) -> bool:
    """`wanted` are permission bits in the place of "others". The first class that matches decides, as in the kernel."""
    if found.st_uid == account.user_id:
        return found.st_mode >> 6 & wanted == wanted
    if found.st_gid == account.group_id:
        return found.st_mode >> 3 & wanted == wanted
    return found.st_mode & wanted == wanted
