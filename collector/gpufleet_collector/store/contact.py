"""How a database answers: its version, how long a question takes, and how far its clock is from this machine's."""

from dataclasses import dataclass

from sqlalchemy import text

from gpufleet_collector.clock import Clock
from gpufleet_collector.store.database import Database

QUESTIONS = 5
"""The quickest of so many tells; the first ones still fill caches."""

_VERSION = text("SELECT current_setting('server_version'), current_setting('server_version_num')::integer")
_NOW = text("SELECT (date_part('epoch', clock_timestamp()) * 1000000)::bigint")


@dataclass(frozen=True, slots=True)
class Contact:
    """`version_number` is 150004 for 15.4. `server_ahead_seconds` is that of the server's clock, below zero behind; it
    is known to within half of `round_trip_seconds`."""

    version: str
    version_number: int
    round_trip_seconds: float
    server_ahead_seconds: float


async def make_contact(database: Database, clock: Clock) -> Contact:
    """Raises as `Database.connect`."""
    trips = []
    async with database.connect() as connection:
        version, number = (await connection.execute(_VERSION)).one()
        for _ in range(QUESTIONS):
            before = clock.now()
            server_us = int((await connection.execute(_NOW)).scalar_one())
            after = clock.now()
            ahead_us = server_us - (before.wall_us + after.wall_us) / 2
            trips.append((after.monotonic - before.monotonic, ahead_us / 1_000_000))
    round_trip, ahead = min(trips)
    return Contact(version, number, round_trip, ahead)
