"""A connection for one question of a reader, who is not to wait, or keep the database busy, for ever."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.errors import QueryTooLong
from gpufleet_collector.store.database import Database


@asynccontextmanager
async def asking(database: Database) -> AsyncIterator[AsyncConnection]:
    """A connection whose statements end in time. Raises QueryTooLong, and as `Database.begin`."""
    try:
        async with database.begin() as connection:
            milliseconds = round(database.statement_seconds * 1000)
            await connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{milliseconds}ms'")
            yield connection
    except QueryTooLong as error:
        raise QueryTooLong(
            f"the question took longer than {database.statement_seconds:g} s: ask for fewer GPUs, metrics or hours"
        ) from error
