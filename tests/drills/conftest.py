"""What drills of packing compare with: a history, and what comes of it when nothing is killed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from bench.loading import HOUR_US, last_whole_hours

from fakes.loaded import Undisturbed, load, undisturbed
from fakes.postgres import Databases, run_apart

GPUS, HOURS = 160, 6


@dataclass(frozen=True, slots=True)
class History:
    """Hours of a fleet from `since_us` on, the last of which has just ended."""

    since_us: int
    undisturbed: Undisturbed

    @property
    def until_us(self) -> int:
        return self.since_us + HOURS * HOUR_US

    @property
    def until(self) -> str:
        """For SQL."""
        return datetime.fromtimestamp(self.until_us / 1_000_000, UTC).isoformat()

    def load(self, dsn: str) -> None:
        """Put it into a migrated database."""
        run_apart(lambda: load(dsn, GPUS, HOURS, self.since_us))


@pytest.fixture(scope="session")
def history(databases: Databases, migrated_template: str) -> Iterator[History]:
    since_us = last_whole_hours(datetime.now(UTC), HOURS)
    dsn = databases.create(migrated_template)
    yield History(since_us, run_apart(lambda: undisturbed(dsn, GPUS, HOURS, since_us)))
    databases.drop(dsn)
