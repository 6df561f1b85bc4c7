"""Where data, socket and programs are, and that no folder that exists is opened for it."""

import os
from pathlib import Path

import pytest

from fakes.machine import surroundings
from gpufleet_collector.errors import ConfigurationError, DataDirectoryError
from gpufleet_collector.store.embedded import place as module
from gpufleet_collector.store.embedded.access import Account
from gpufleet_collector.store.embedded.binaries import find_binaries
from gpufleet_collector.store.embedded.place import (
    MAX_SOCKET_PATH,
    SOCKET_NAME,
    Place,
    Surroundings,
    choose_place,
    digest_of,
    make_directory,
    make_private,
    make_socket_folder,
)
from gpufleet_collector.store.embedded.programs import reachable_programs

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may give files to another user")


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Mode and owner of everything below `folder`."""
    return {str(path): (path.lstat().st_mode, path.lstat().st_uid) for path in [folder, *folder.rglob("*")]}


def test_data_and_socket_are_in_the_directory_when_they_are_reached_there(home: Path) -> None:
    around = surroundings(home)
    place = choose_place(home / "data" / "collector", around)
    assert place == Place(
        account=around.account,
        data=home / "data" / "collector" / "postgres",
        sockets=home / "data" / "collector" / "run",
        private=None,
        notice=None,
    )


def test_choosing_changes_nothing(home: Path) -> None:
    around = surroundings(home)
    (home / "closed").mkdir(mode=0o700)
    before = tree(home)
    choose_place(home / "closed" / "collector", around)
    choose_place(home / "open" / "collector", around)
    assert tree(home) == before


@pytest.mark.parametrize("name", ["x" * MAX_SOCKET_PATH, "a,b", "ü" * (MAX_SOCKET_PATH // 2)])
def test_a_path_that_is_no_address_of_a_socket_gets_one_in_the_temporary_folder(home: Path, name: str) -> None:
    around = surroundings(home)
    place = choose_place(home / name, around)
    assert place.sockets == home / "tmp" / f"gpufleet-{digest_of(home / name)}"
    assert len(os.fsencode(place.sockets / SOCKET_NAME)) <= MAX_SOCKET_PATH


def test_the_longest_path_that_fits_is_used(home: Path) -> None:
    around = surroundings(home)
    room = MAX_SOCKET_PATH - len(os.fsencode(home / "" / "run" / SOCKET_NAME)) - 1
    assert choose_place(home / ("x" * room), around).sockets == home / ("x" * room) / "run"
    assert choose_place(home / ("x" * (room + 1)), around).sockets.parent == home / "tmp"


def test_two_directories_share_nothing(home: Path) -> None:
    assert digest_of(home / "a") != digest_of(home / "b")
    (home / "link").symlink_to(home / "a")
    assert digest_of(home / "link") == digest_of(home / "a")


@as_root
def test_what_is_not_reached_is_kept_in_the_private_place_and_said(home: Path) -> None:
    around = surroundings(home)
    (home / "closed").mkdir(mode=0o700)
    directory = home / "closed" / "clone" / "collector"
    place = choose_place(directory, around)
    private = home / "var-lib" / "gpufleet" / digest_of(directory)
    assert (place.private, place.data, place.sockets) == (private, private / "postgres", private / "run")
    assert place.notice is not None
    assert str(directory) in place.notice
    assert str(private) in place.notice


@as_root
def test_the_private_place_falls_back_where_the_first_cannot_be_trusted(home: Path) -> None:
    around = surroundings(home)
    (home / "closed").mkdir(mode=0o700)
    directory = home / "closed" / "collector"
    first, second = around.private_parents
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()

    def chosen() -> Path | None:
        return choose_place(directory, around).private

    first.parent.mkdir()
    first.symlink_to(elsewhere)
    assert chosen() == second / digest_of(directory)
    first.unlink()
    first.mkdir()
    first.chmod(0o777)
    assert chosen() == second / digest_of(directory)
    first.chmod(0o700)
    assert chosen() == second / digest_of(directory)
    first.chmod(0o711)
    assert chosen() == first / digest_of(directory)
    os.chown(first, 4_000_000, 0)
    assert chosen() == second / digest_of(directory)
    second.symlink_to(elsewhere)
    with pytest.raises(DataDirectoryError, match="choose another GPUFLEET_DATA_DIR"):
        chosen()


@as_root
def test_a_private_place_that_another_made_is_refused(home: Path) -> None:
    around = surroundings(home)
    private = around.private_parents[0] / "place"
    private.parent.mkdir(parents=True)
    private.mkdir()
    os.chown(private, 4_000_000, 0)
    with pytest.raises(DataDirectoryError, match="can be changed by others"):
        make_private(private, around.user_id)


@as_root
def test_a_cluster_stays_where_it_is(home: Path) -> None:
    around = surroundings(home)
    directory = home / "data"
    private = around.private_parents[1] / digest_of(directory)
    (private / "postgres").mkdir(parents=True)
    (private / "postgres" / "PG_VERSION").write_text("18")
    for folder in (private.parent, private):
        folder.chmod(0o711)
    assert choose_place(directory, around).data == private / "postgres"
    (directory / "postgres").mkdir(parents=True)
    (directory / "postgres" / "PG_VERSION").write_text("18")
    assert choose_place(directory, around).data == directory / "postgres"


@as_root
def test_root_runs_a_cluster_of_another_user_as_that_user(home: Path) -> None:
    directory = home / "data"
    (directory / "postgres").mkdir(parents=True)
    (directory / "postgres" / "PG_VERSION").write_text("18")
    os.chown(directory / "postgres", 4_000_000, 4_000_001)
    assert choose_place(directory, surroundings(home)).account == Account(4_000_000, 4_000_001, "user 4000000")


@as_root
def test_a_cluster_that_is_no_longer_reached_is_an_error_and_not_begun_anew(home: Path) -> None:
    directory = home / "data"
    (directory / "postgres").mkdir(parents=True)
    (directory / "postgres" / "PG_VERSION").write_text("18")
    os.chown(directory / "postgres", 4_000_000, 4_000_001)
    directory.chmod(0o700)
    with pytest.raises(DataDirectoryError, match=r"can no longer reach it.*chmod"):
        choose_place(directory, surroundings(home))


def test_a_file_where_the_data_would_be_is_refused(home: Path) -> None:
    (home / "data").mkdir()
    (home / "data" / "postgres").write_text("")
    with pytest.raises(DataDirectoryError, match="is not a folder"):
        choose_place(home / "data", Surroundings(os.geteuid(), Account(1, 1, "one")))


@as_root
def test_folders_that_root_makes_let_the_account_pass_whatever_the_umask(home: Path) -> None:
    around = surroundings(home)
    before = os.umask(0o077)
    try:
        make_directory(home / "a" / "b", around.account)
    finally:
        os.umask(before)
    assert [(home / name).stat().st_mode & 0o777 for name in ("a", "a/b")] == [0o711, 0o711]


def test_the_folder_of_the_socket_is_closed_to_others(home: Path) -> None:
    around = surroundings(home)
    place = choose_place(home, around)
    make_socket_folder(place, around)
    make_socket_folder(place, around)
    found = place.sockets.stat()
    assert (found.st_mode & 0o777, found.st_uid) == (0o700, place.user_id(around))


@pytest.mark.parametrize("trap", ["link", "open", "file"])
def test_a_socket_folder_that_is_somebody_elses_doing_is_refused(home: Path, trap: str) -> None:
    around = surroundings(home)
    place = choose_place(home, around)
    if trap == "link":
        place.sockets.symlink_to(home / "tmp")
    elif trap == "open":
        place.sockets.mkdir()
        place.sockets.chmod(0o755)
    else:
        place.sockets.write_text("")
    with pytest.raises(DataDirectoryError, match="remove it"):
        make_socket_folder(place, around)


@as_root
def test_programs_are_copied_once_when_they_are_not_reached(home: Path, tmp_path: Path) -> None:
    around = surroundings(home)
    closed = home / "closed" / "bin"
    closed.mkdir(parents=True)
    for program in ("initdb", "postgres"):
        (closed / program).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.4'\n")
        (closed / program).chmod(0o700)
    (closed.parent / "share").mkdir()
    (closed.parent / "share" / "postgres.bki").write_text("data")
    binaries = find_binaries(closed)
    place = choose_place(home / "data", around)
    before = tree(home / "closed")
    copied = reachable_programs(binaries, home / "data", place, around)
    private = around.private_parents[0] / digest_of(home / "data")
    assert copied.folder.is_relative_to(private)
    assert copied.postgres.stat().st_mode & 0o777 == 0o755
    assert (copied.folder.parent / "share" / "postgres.bki").stat().st_mode & 0o777 == 0o644
    made = copied.postgres.stat().st_ino
    assert reachable_programs(binaries, home / "data", place, around) == copied
    assert copied.postgres.stat().st_ino == made
    assert tree(home / "closed") == before


@as_root
def test_programs_that_are_reached_are_run_where_they_are(home: Path) -> None:
    around = surroundings(home)
    folder = home / "pg" / "bin"
    folder.mkdir(parents=True)
    for program in ("initdb", "postgres"):
        (folder / program).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.4'\n")
        (folder / program).chmod(0o755)
    binaries = find_binaries(folder)
    assert reachable_programs(binaries, home / "data", choose_place(home / "data", around), around) is binaries


def test_root_without_any_other_user_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(module, "unprivileged_account", lambda: None)
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        Surroundings.of_this_process()
