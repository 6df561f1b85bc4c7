"""The one door to PostgreSQL: pool, migrations at start, and errors of three libraries turned into ours."""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import event, exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gpufleet_collector.errors import ConfigurationError
from gpufleet_collector.store import migration
from gpufleet_collector.store.failures import translated
from gpufleet_collector.store.keepalive import WatchedConnection, be_watched

OLDEST_SERVER = 15
POOL_CONNECTIONS = 10
"""Of one collector; whoever wants one more waits, and after POOL_WAIT_SECONDS gets DatabaseUnavailable."""
POOL_WAIT_SECONDS = 10.0
CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 30.0
"""A statement of a question that takes longer is cancelled."""
IDLE_SECONDS = 60.0
"""A connection that nobody used for so long may have been forgotten on the way: it is asked before it is used."""
IDLE_ANSWER_SECONDS = 2.0

_USED_AT = "gpufleet_used_at"

_logger = logging.getLogger(__name__)


class Database:
    """A pool of connections to one database, made on demand: nothing is opened before the first use."""

    def __init__(
        self, dsn: str, *, connections: int = POOL_CONNECTIONS, statement_seconds: float = STATEMENT_SECONDS
    ) -> None:
        """`dsn` as asyncpg reads it: `postgresql://...`. `statement_seconds` is for questions of readers."""
        self._dsn = dsn
        self.statement_seconds = statement_seconds
        self._engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=POOL_WAIT_SECONDS,
            pool_use_lifo=True,  # the server process that was asked last knows tables, plans and pages best
        )
        event.listen(self._engine.sync_engine, "checkin", _note_use)
        event.listen(self._engine.sync_engine, "checkout", _refuse_dead)

    async def _connect(self) -> WatchedConnection:
        connection: WatchedConnection = await asyncpg.connect(
            self._dsn,
            timeout=CONNECT_SECONDS,
            server_settings={"application_name": "gpufleet-collector"},
            connection_class=WatchedConnection,
        )
        try:
            await be_watched(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

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


def _note_use(_connection: object, record: Any) -> None:
    record.info[_USED_AT] = time.monotonic()


def _refuse_dead(connection: Any, record: Any, *_: object) -> None:
    """A connection that is closed, or that nobody answers after a while, is not handed out: the pool makes another.
    asyncpg knows by itself of those that the server has closed, where the pool's own ping asks it three times."""
    driver = connection.driver_connection
    used_at = record.info.get(_USED_AT)
    if not driver.is_closed() and used_at is not None and time.monotonic() - used_at >= IDLE_SECONDS:
        connection.run_async(_ask)
    if driver.is_closed():
        raise exc.DisconnectionError("it is closed")


async def _ask(connection: WatchedConnection) -> None:
    """Ends a connection that does not answer."""
    try:
        await connection.execute("SELECT 1", timeout=IDLE_ANSWER_SECONDS)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        _logger.debug("a connection that was not used for a while is dead: %s", error)
        connection.terminate()


def check_server_version(number: int) -> None:
    """`number` as the server states it: 150004 for 15.4."""
    if number // 10000 < OLDEST_SERVER:
        raise ConfigurationError(
            f"DATABASE_URL: the server is PostgreSQL {number // 10000}; gpufleet needs {OLDEST_SERVER} or newer"
        )
