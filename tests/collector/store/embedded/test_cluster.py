"""The data directory: locked, judged before it is touched, and made whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gpufleet_collector.errors import DatabaseUnavailable, DataDirectoryError
from gpufleet_collector.store.embedded.binaries import Binaries
from gpufleet_collector.store.embedded.cluster import DirectoryLock, check_owner, create_cluster, has_cluster

PG18 = Binaries(Path("/nowhere"), "18.4")


def fake_initdb(folder: Path, script: str) -> Binaries:
    folder.mkdir()
    (folder / "initdb").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "initdb").chmod(0o755)
    return Binaries(folder, "18.4")


def test_a_directory_is_for_one_collector_at_a_time(tmp_path: Path) -> None:
    first, second = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    first.acquire()
    with pytest.raises(DataDirectoryError, match=rf"in use by another collector \(process {os.getpid()}\)"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()
    second.release()


def test_a_child_does_not_inherit_the_lock(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    lock.acquire()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        lock.release()
        again = DirectoryLock(tmp_path)
        again.acquire()
        again.release()
    finally:
        child.kill()
        child.communicate()


def test_a_lock_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(DataDirectoryError):
        DirectoryLock(tmp_path).acquire()
    assert not (tmp_path / "precious").exists()


def test_nothing_and_an_empty_folder_are_no_cluster(tmp_path: Path) -> None:
    assert not has_cluster(tmp_path / "absent", PG18)
    assert not has_cluster(tmp_path, PG18)


def test_a_cluster_of_the_same_major_is_one(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("18\n")
    assert has_cluster(tmp_path, PG18)


def test_a_cluster_of_another_major_is_refused_with_the_remedies(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("16\n")
    with pytest.raises(DataDirectoryError, match=r"PostgreSQL 16, and this is 18.*PG_BIN.*pg_dump.*GPUFLEET_DATA_DIR"):
        has_cluster(tmp_path, PG18)


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(DataDirectoryError, match="no data directory of PostgreSQL"):
        has_cluster(tmp_path, PG18)


def test_a_cluster_of_another_user_is_refused(tmp_path: Path) -> None:
    check_owner(tmp_path, tmp_path.stat().st_uid)
    with pytest.raises(DataDirectoryError, match="belongs to user"):
        check_owner(tmp_path, tmp_path.stat().st_uid + 1)


def test_what_a_killed_run_left_half_made_is_removed(tmp_path: Path) -> None:
    (tmp_path / "postgres.new-0a1b").mkdir()
    (tmp_path / "postgres.new-0a1b" / "PG_VERSION").write_text("18")
    binaries = fake_initdb(tmp_path / "bin", 'echo 18 > "$2/PG_VERSION"')
    create_cluster(tmp_path / "postgres", binaries, None)
    assert {path.name for path in tmp_path.iterdir()} == {"bin", "postgres"}
    assert has_cluster(tmp_path / "postgres", binaries)


def test_a_cluster_that_could_not_be_made_leaves_nothing_and_says_why(tmp_path: Path) -> None:
    binaries = fake_initdb(tmp_path / "bin", 'echo 18 > "$2/PG_VERSION"; echo "no space\n left" >&2; exit 1')
    with pytest.raises(DatabaseUnavailable, match="no space left"):
        create_cluster(tmp_path / "postgres", binaries, None)
    assert {path.name for path in tmp_path.iterdir()} == {"bin"}


def test_initdb_sees_nothing_of_the_collectors_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDATA", "/precious")
    binaries = fake_initdb(tmp_path / "bin", 'env > "$2/PG_VERSION"')
    create_cluster(tmp_path / "postgres", binaries, None)
    assert "PGDATA" not in (tmp_path / "postgres" / "PG_VERSION").read_text()
