"""Kills while hours are packed: samples stay as they were, and what is derived is what comes of an undisturbed run."""

import asyncio
import os
import random
import signal
import time
from pathlib import Path

import asyncpg
import pytest
from drills.conftest import History
from drills.test_kills import postmaster

from fakes.loaded import derived, deriving, difference, packed_until, seen
from fakes.postgres import run_apart
from fakes.processes import Collector, running_collector, wait_for

KILLS = ("collector", "postmaster", "collector", "backend", "collector", "backend")
"""Packing has to go on by itself after the last."""

NOTICED_SECONDS = 30.0
LEAST_HITS = len(KILLS) // 2
"""The others may come between two hours."""

PACKED_SECONDS = 90.0
"""The job comes again after 30 s, and has all hours before it at worst."""

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]


class Drill:
    """A collector with a loaded database of its own, and somebody who kills at points given by the seed."""

    def __init__(self, collector: Collector, history: History, seed: int) -> None:
        self._collector = collector
        self._dsn = collector.database_url()
        self._history = history
        self._random = random.Random(seed)
        self._said = f"seed {seed}"
        self.hits = 0

    def kill(self, what: str) -> None:
        """While an hour is packed, or right after; then all samples are as they were."""
        wait_for(lambda: bool(self._deriving()), f"{self._said}: an hour is packed before the {what} is killed")
        time.sleep(self._random.uniform(0, 0.9) * self._history.undisturbed.seconds_an_hour)
        before, holders = self._packed_until(), self._deriving()
        if what == "collector":
            self._collector.process.kill()
        else:
            self._kill_postgres(what, holders)
        self.hits += bool(holders) and self._packed_until() == before
        self.check_samples(f"after the {what} was killed")

    def revive(self, killed: str) -> None:
        """A new collector, which packs at once."""
        if killed != "collector":
            self._collector.process.kill()
        self._collector.start()

    def check_samples(self, when: str) -> None:
        found = run_apart(lambda: seen(self._dsn))
        assert found == self._history.undisturbed.seen, f"{self._said}: {when}"

    def check_end(self) -> None:
        """All is packed, derived as if nothing had happened, and the job is through."""
        wait_for(lambda: self._packed_until() == self._history.until_us, f"{self._said}: all is packed", PACKED_SECONDS)
        wait_for(self._has_succeeded, f"{self._said}: the job has succeeded")
        self.check_samples("at the end")
        found = run_apart(lambda: derived(self._dsn))
        assert difference(found, self._history.undisturbed.derived) is None, self._said
        assert "Traceback" not in self._collector.process.errors, f"{self._said}: a mistake, not a database away"

    def _kill_postgres(self, what: str, holders: list[int]) -> None:
        """The postmaster, or whoever packs, upon which the postmaster ends all others and recovers."""
        killed = holders[0] if what == "backend" and holders else postmaster(self._collector)
        run_apart(lambda: kill_and_see(self._dsn, killed))
        wait_for(lambda: self._answers() and self._collector.status("/readyz") == 200, f"{self._said}: it is back")

    def _answers(self) -> bool:
        try:
            self._packed_until()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    def _has_succeeded(self) -> bool:
        (job,) = [job for job in self._collector.get("/api/v1/store")["jobs"] if job["name"] == "pack"]
        return job["error"] is None and bool(job["succeeded_at"]) and job["succeeded_at"] >= job["started_at"]

    def _deriving(self) -> list[int]:
        return run_apart(lambda: deriving(self._dsn))

    def _packed_until(self) -> int:
        return run_apart(lambda: packed_until(self._dsn))


async def kill_and_see(dsn: str, killed: int) -> None:
    """Returns when it has taken effect: all connections end, a moment after the death of one."""
    witness = await asyncpg.connect(dsn)
    os.kill(killed, signal.SIGKILL)
    async with asyncio.timeout(NOTICED_SECONDS):
        while not witness.is_closed():
            await asyncio.sleep(0.01)


def test_packing_that_is_killed_again_and_again_ends_as_if_nothing_had_happened(
    open_path: Path, history: History
) -> None:
    with running_collector(open_path, PACK_AFTER_HOURS="168") as first:
        history.load(first.database_url())
    collector = Collector(open_path, PACK_AFTER_HOURS="0")
    try:
        collector.start()
        drill = Drill(collector, history, random.randrange(2**32))
        for killed in KILLS[:-1]:
            drill.kill(killed)
            drill.revive(killed)
        drill.kill(KILLS[-1])
        drill.check_end()
        assert drill.hits >= LEAST_HITS
    finally:
        collector.process.stop()
