"""Who has a spool: a lock that the kernel takes back when its process ends, however it ends."""

import fcntl
import os
from pathlib import Path


def try_lock(spool: Path) -> int | None:
    """A descriptor that holds the lock of the spool at `spool` until it is closed; None when somebody else has it."""
    lock = os.open(spool.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError:
        os.close(lock)
        raise
    return lock
