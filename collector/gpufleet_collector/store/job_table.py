"""How background jobs went, whichever collector ran them: one row each, for whoever wants to know."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.store.schema import metadata
from gpufleet_collector.store.times import to_datetime, to_us_or_none

MAX_TEXT = 500

_jobs = metadata.tables["jobs"]


class Note(Protocol):
    """Something to write down about a job at `now`, microseconds."""

    def __call__(self, connection: AsyncConnection, now: int, *arguments: str | int) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class JobRecord:
    """How a job went last; instants are microseconds, None for never. `done` steps of the last round."""

    name: str
    started_at: int | None
    finished_at: int | None
    succeeded_at: int | None
    error: str | None
    detail: str | None
    done: int | None


async def begin(connection: AsyncConnection, now: int, *arguments: str | int) -> None:
    """The job of this name begins a round."""
    (name,) = arguments
    values = {"started_at": to_datetime(now), "done": 0}
    statement = insert(_jobs).values(name=name, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


async def advance(connection: AsyncConnection, now: int, *arguments: str | int) -> None:
    """The job of this name did what `detail` says, as step number `done` of its round."""
    del now
    name, detail, done = arguments
    await connection.execute(update(_jobs).where(_jobs.c.name == name).values(detail=str(detail)[:MAX_TEXT], done=done))


async def succeed(connection: AsyncConnection, now: int, *arguments: str | int) -> None:
    """The job of this name has nothing left to do."""
    (name,) = arguments
    at = to_datetime(now)
    await connection.execute(
        update(_jobs).where(_jobs.c.name == name).values(finished_at=at, succeeded_at=at, error=None)
    )


async def fail(connection: AsyncConnection, now: int, *arguments: str | int) -> None:
    """The job of this name gave up its round because of `error`."""
    name, error = arguments
    await connection.execute(
        update(_jobs).where(_jobs.c.name == name).values(finished_at=to_datetime(now), error=str(error)[:MAX_TEXT])
    )


async def read_jobs(connection: AsyncConnection) -> list[JobRecord]:
    """All jobs that ever ran, by name."""
    rows = (await connection.execute(select(_jobs).order_by(_jobs.c.name))).all()
    return [
        JobRecord(
            row.name,
            to_us_or_none(row.started_at),
            to_us_or_none(row.finished_at),
            to_us_or_none(row.succeeded_at),
            row.error,
            row.detail,
            row.done,
        )
        for row in rows
    ]
