"""The one door to PostgreSQL: pool, migrations at start, and errors of three libraries turned into ours."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import event, exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gpufleet_collector.errors import ConfigurationError
from gpufleet_collector.store import migration
from gpufleet_collector.store.failures import translated

OLDEST_SERVER = 15
POOL_CONNECTIONS = 10
"""Of one collector; whoever wants one more waits, and after POOL_WAIT_SECONDS gets DatabaseUnavailable."""
POOL_WAIT_SECONDS = 10.0
CONNECT_SECONDS = 10.0

_logger = logging.getLogger(__name__)


class Database:
    """A pool of connections to one database, made on demand: nothing is opened before the first use."""

    def __init__(self, dsn: str, *, connections: int = POOL_CONNECTIONS) -> None:
        """`dsn` as asyncpg reads it: `postgresql://...`."""
        self._dsn = dsn
        self._engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=POOL_WAIT_SECONDS,
            pool_use_lifo=True,  # the server process that was asked last knows tables, plans and pages best
        )
        event.listen(self._engine.sync_engine, "checkout", _refuse_closed)

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            self._dsn, timeout=CONNECT_SECONDS, server_settings={"application_name": "gpufleet-collector"}
        )

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """A connection; begin and commit are the caller's. Raises as `translated`."""
        async with translated(), self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that commits at the end. Raises as `translated`."""
        async with translated(), self._engine.begin() as connection:
            yield connection

    async def migrate(self) -> None:
        """Bring the schema up to date. Any number of collectors may do so at once.

        Raises ConfigurationError for a server that is too old or an address that it refuses, SchemaError for a schema
        that this collector cannot work with, DatabaseUnavailable when the server does not answer.
        """
        async with self.begin() as connection:
            await self._check_server(connection)
            await migration.migrate(connection)

    async def ping(self) -> None:
        """Returns when the database answers; raises DatabaseUnavailable when it does not."""
        async with self.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection. Safe to call twice and without a use before."""
        async with translated():
            await self._engine.dispose()

    async def _check_server(self, connection: AsyncConnection) -> None:
        number = int((await connection.execute(text("SHOW server_version_num"))).scalar_one())
        check_server_version(number)


def _refuse_closed(connection: Any, *_: object) -> None:
    """A connection that the server has closed is not handed out: the pool makes another. asyncpg knows by itself, where
    the pool's own ping asks the server three times."""
    if connection.driver_connection.is_closed():
        raise exc.DisconnectionError("the server has closed it")


def check_server_version(number: int) -> None:
    """`number` as the server states it: 150004 for 15.4."""
    if number // 10000 < OLDEST_SERVER:
        raise ConfigurationError(
            f"DATABASE_URL: the server is PostgreSQL {number // 10000}; gpufleet needs {OLDEST_SERVER} or newer"
        )
