"""The disk of the collector's own PostgreSQL is full for a while: the collector stays up and says so, agents keep what
is not stored, and when there is room again everything is stored once, with nobody's help."""

import asyncio
import os
import subprocess
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from drills.test_kills import FLEET, check

from fakes.browser import skip_or_fail
from fakes.processes import Collector, running_collector, running_fleet, wait_for

DISK = "400m"
PIECE_BYTES = 1024 * 1024
MOST_LOG_MEBIBYTES = 400
FULL = "No space left on device"
FULL_SECONDS, RUN_SECONDS = 15.0, 5.0
RECOVERY_SECONDS = 60.0
"""PostgreSQL is started again with a growing pause, of 30 s at most."""

pytestmark = pytest.mark.drill


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own; skips with a reason where none can be mounted."""
    folder.mkdir(mode=0o755)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        skip_or_fail(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Ballast:
    """Takes all the room that there is, again and again: PostgreSQL gives some back when it is started."""

    def __init__(self, disk: Path) -> None:
        self._file = disk / "ballast"

    def fill(self) -> None:
        with self._file.open("ab", buffering=0) as file:
            for piece in (PIECE_BYTES, 4096):
                try:
                    while file.write(bytes(piece)) == piece:
                        pass
                except OSError:
                    continue

    def remove(self) -> None:
        self._file.unlink()


def postmaster_of(disk: Path) -> int:
    (pid_file,) = disk.glob("collector/**/postmaster.pid")
    return int(pid_file.read_text().splitlines()[0])


def why_not_ready(collector: Collector) -> str:
    """Empty for one that is."""
    try:
        collector.get("/readyz")
    except urllib.error.HTTPError as error:
        return error.read().decode()
    return ""


def free_bytes(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def exhaust_log(address: str) -> bool:
    """Write to PostgreSQL's log until there is no room for it; whether it went down for that, as PostgreSQL does."""

    async def write() -> bool:
        connection = await asyncpg.connect(address)
        try:
            for _ in range(MOST_LOG_MEBIBYTES):
                await connection.execute("SELECT pg_logical_emit_message(true, 'drill', repeat('x', 1024 * 1024))")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            return True
        else:
            return False
        finally:
            connection.terminate()

    return asyncio.run(write())


def test_a_full_disk_costs_time_and_nothing_else(open_path: Path) -> None:
    with (
        small_disk(open_path / "disk") as disk,
        running_collector(open_path, GPUFLEET_DATA_DIR=str(disk)) as collector,
        running_fleet(open_path, collector, *FLEET) as fleet,
    ):
        wait_for(lambda: collector.get("/api/v1/hosts")["count"] == 20, "the fleet is there")
        time.sleep(RUN_SECONDS)
        assert free_bytes(disk) > PIECE_BYTES, "the disk is too small for an empty database"
        (data,) = (file.parent for file in disk.glob("collector/**/postmaster.pid"))
        ballast, address, before = Ballast(disk), collector.database_url(), postmaster_of(disk)
        ballast.fill()
        wait_for(lambda: FULL in collector.process.errors, "the collector says that the disk is full")
        wait_for(
            lambda: "the disk of the database is full" in why_not_ready(collector), "it is not ready, and says why"
        )
        assert postmaster_of(disk) == before, "a PostgreSQL that answers was to be seen"
        assert exhaust_log(address), "there was room for all of it"
        until = time.monotonic() + FULL_SECONDS
        while time.monotonic() < until:
            ballast.fill()
            assert collector.process.running.poll() is None, collector.process.errors[-2000:]
            assert fleet.running.poll() is None, fleet.errors[-2000:]
            assert (collector.status("/healthz"), collector.status("/readyz")) == (200, 503)
            time.sleep(0.5)
        assert f"the disk of {data} is full" in collector.process.errors
        ballast.remove()
        wait_for(lambda: collector.status("/readyz") == 200, "it is ready again", RECOVERY_SECONDS)
        assert postmaster_of(disk) != before
        time.sleep(RUN_SECONDS)
        assert collector.process.running.poll() is None
        check(collector, fleet.stop())
