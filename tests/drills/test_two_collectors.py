"""Two collectors on one database: every hour is packed once, whoever is killed meanwhile, and all jobs go on."""

import zlib
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from drills.conftest import History

from fakes.loaded import derived, deriving, difference, packed_until, seen
from fakes.postgres import run_apart
from fakes.processes import Collector, running_fleet, wait_for
from gpufleet_collector.store.jobs import JOB_CLASS

JOBS = {"pack", "merge-late", "retention", "fleet-minutes"}
TAKEN_OVER_SECONDS = 90.0
"""The job of the other comes again after 30 s, and has all hours before it at worst."""

LOCK_SECONDS = 10.0
"""The server notices that a client has gone when it has done what it was asked."""

ROUND_SECONDS = 75.0
"""The rarest job comes every 60 s."""

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]


def collector_on(dsn: str, folder: Path) -> Collector:
    folder.mkdir()
    return Collector(folder, dsn, PACK_AFTER_HOURS="0")


def advisory_locks(dsn: str) -> set[int]:
    """Second halves of those that jobs have, whichever collector runs them."""

    async def look() -> set[int]:
        connection = await asyncpg.connect(dsn)
        try:
            rows = await connection.fetch(
                "SELECT objid::bigint AS job FROM pg_locks JOIN pg_database ON pg_database.oid = database"
                " WHERE datname = current_database() AND locktype = 'advisory' AND classid = $1",
                JOB_CLASS,
            )
            return {row["job"] for row in rows}
        finally:
            await connection.close()

    return run_apart(look)


def is_held(dsn: str, job: str) -> bool:
    return zlib.crc32(job.encode()) & 0x7FFFFFFF in advisory_locks(dsn)


def check_samples(dsn: str, history: History) -> None:
    """A fleet that streams meanwhile is not of the history."""
    assert run_apart(lambda: seen(dsn, history.until)) == history.undisturbed.seen


def has_packed(dsn: str, until_us: int) -> bool:
    return run_apart(lambda: packed_until(dsn)) >= until_us


def is_deriving(dsn: str) -> bool:
    return bool(run_apart(lambda: deriving(dsn)))


def through(collector: Collector, since: datetime) -> set[str]:
    """The jobs that have begun a round after `since` and ended it well."""
    return {
        job["name"]
        for job in collector.get("/api/v1/store")["jobs"]
        if job["error"] is None
        and job["succeeded_at"]
        and datetime.fromisoformat(job["started_at"]) > since
        and job["succeeded_at"] >= job["started_at"]
    }


def test_of_two_collectors_one_packs_and_the_other_takes_over_when_it_is_killed(
    open_path: Path, database_url: str, history: History
) -> None:
    history.load(database_url)
    first, second = (collector_on(database_url, open_path / name) for name in ("first", "second"))
    try:
        first.process.start()
        wait_for(lambda: is_deriving(database_url), "the first packs")
        second.process.start()  # its jobs find those of the first at work
        second.wait_ready()
        with running_fleet(open_path, second, "--hosts", "2", "--gpus", "2", "--interval", "1") as fleet:
            wait_for(lambda: is_deriving(database_url), "the first still packs")
            assert is_held(database_url, "pack")
            first.process.kill()
            killed_at = datetime.now(UTC)
            assert not has_packed(database_url, history.until_us), "it was killed before it was done"
            check_samples(database_url, history)
            wait_for(lambda: not is_held(database_url, "pack"), "its lock has ended with it", LOCK_SECONDS)

            wait_for(lambda: is_deriving(database_url), "the second takes over", TAKEN_OVER_SECONDS)
            first.start()  # and finds the second at work
            wait_for(lambda: has_packed(database_url, history.until_us), "all is packed", TAKEN_OVER_SECONDS)
            for collector in (first, second):
                wait_for(lambda: through(collector, killed_at) >= JOBS, "every job has gone on", ROUND_SECONDS)  # noqa: B023
            fleet.stop()
        check_samples(database_url, history)
        found = run_apart(lambda: derived(database_url, history.until))
        assert difference(found, history.undisturbed.derived) is None
    finally:
        for collector in (first, second):
            collector.process.stop()
    wait_for(lambda: not advisory_locks(database_url), "no job's lock is left", LOCK_SECONDS)
