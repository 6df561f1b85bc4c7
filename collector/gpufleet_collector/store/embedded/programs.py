"""Programs that the user who runs PostgreSQL can read: those installed, or a copy of them in the private place."""

import hashlib
import logging
import os
import shutil
import stat
from pathlib import Path

from gpufleet_collector.store.embedded.access import can_read_all
from gpufleet_collector.store.embedded.binaries import Binaries
from gpufleet_collector.store.embedded.place import Place, Surroundings, choose_private, make_private

log = logging.getLogger(__name__)

FOR_EVERYBODY = 0o755
READ_BY_EVERYBODY = 0o644


def reachable_programs(binaries: Binaries, directory: Path, place: Place, around: Surroundings) -> Binaries:
    """The programs to run: where they are installed when whoever runs them can read them there, else a copy in the
    private place of `directory`, made once per version."""
    if place.account is None or can_read_all(binaries.files(), place.account):
        return binaries
    private = place.private or choose_private(directory, place.account, around)
    make_private(private, around.user_id)
    source = hashlib.sha256(os.fsencode(binaries.folder)).hexdigest()[:8]
    copy = private / f"postgresql-{binaries.version}-{source}"
    if not copy.exists():
        log.info(
            "%s cannot read %s: copying PostgreSQL %s to %s",
            place.account.name,
            binaries.folder,
            binaries.version,
            copy,
        )
        _copy(binaries, copy)
    return Binaries(copy / binaries.folder.relative_to(binaries.home), binaries.version)


def _copy(binaries: Binaries, copy: Path) -> None:
    """Copy what runs and is read, whole or not at all, readable for everybody whatever the source allows."""
    temporary = copy.with_name(f"{copy.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    for file in binaries.files():
        target = temporary / file.relative_to(binaries.home)
        _make_folder(target.parent)
        shutil.copyfile(file, target)
        target.chmod(FOR_EVERYBODY if file.stat().st_mode & stat.S_IXUSR else READ_BY_EVERYBODY)
    temporary.replace(copy)


def _make_folder(folder: Path) -> None:
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir()
        folder.chmod(FOR_EVERYBODY)
