"""A corner of this machine for a PostgreSQL of a test's own: folders that the user who runs it reaches, and
stand-ins for /var/lib and /tmp, so that nothing of a test stays behind."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpufleet_collector.store.embedded.access import unprivileged_account
from gpufleet_collector.store.embedded.place import Surroundings


@contextmanager
def corner() -> Iterator[Path]:
    """A fresh folder with a short path that everybody may pass."""
    folder = Path(tempfile.mkdtemp(prefix="gpf-")).resolve()
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def surroundings(folder: Path) -> Surroundings:
    """This process's, with everything that is kept outside the data directory below `folder`."""
    account = unprivileged_account() if os.geteuid() == 0 else None
    if not (folder / "tmp").exists():
        (folder / "tmp").mkdir()
        (folder / "tmp").chmod(0o1777)
    return Surroundings(os.geteuid(), account, (folder / "var-lib" / "gpufleet", folder / "var-tmp"), folder / "tmp")
