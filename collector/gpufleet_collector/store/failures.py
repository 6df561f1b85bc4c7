"""Where errors of asyncpg, SQLAlchemy and the operating system become ours, so that callers know what to do."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import exc

from gpufleet_collector.errors import CollectorError, ConfigurationError, DatabaseUnavailable, DataRefused, QueryTooLong

_REFUSED_ADDRESS = ("28", "3D")
"""Classes of SQLSTATE: authorization, unknown database. See appendix A of PostgreSQL's manual."""

_UNAVAILABLE = ("08", "53", "57P", "58", "40", "55", "25006", "25P03", "XX")
"""Connection lost, out of resources, shut down, system error, deadlock, object in use, read-only after a failover, idle
for too long, internal error: the same may work later."""

_CANCELLED = "57014"
_DISK_FULL = "53100"
_NO_PRIVILEGE = "42501"
_DATA = ("22", "23")

_NEEDED_ROLE = (
    "its user must own the database and gpufleet's tables (ALTER DATABASE name OWNER TO user; REASSIGN OWNED BY ... TO "
    "user), or give the user who made them"
)


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Raises ConfigurationError, DatabaseUnavailable, QueryTooLong or DataRefused for what these libraries raise for
    such reasons. Anything else passes as it is."""
    try:
        yield
    except Exception as error:
        ours = translate(error)
        if ours is None:
            raise
        raise ours from error


def translate(error: BaseException) -> CollectorError | None:
    """Our error for `error`, or None when it has no name of ours."""
    for cause in _causes(error):
        if (ours := _translate_one(cause)) is not None:
            return ours
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """SQLAlchemy wraps twice: its own error, its adapter's, asyncpg's."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _translate_one(error: BaseException) -> CollectorError | None:
    if isinstance(error, asyncpg.PostgresError):
        return _by_state(error.sqlstate or "", _one_line(error))
    if isinstance(error, asyncpg.exceptions.ClientConfigurationError):
        return ConfigurationError(f"DATABASE_URL: {_one_line(error)}")
    if isinstance(error, asyncpg.exceptions.DataError):
        return DataRefused(_one_line(error))
    if _is_lost_connection(error):
        return DatabaseUnavailable(f"the database does not answer: {_one_line(error)}")
    return None


def _by_state(state: str, message: str) -> CollectorError | None:
    if state == _CANCELLED:
        return QueryTooLong(message)
    if state.startswith(_REFUSED_ADDRESS):
        return ConfigurationError(f"DATABASE_URL: {message}")
    if state == _NO_PRIVILEGE:
        return ConfigurationError(f"DATABASE_URL: {message}: {_NEEDED_ROLE}")
    if state == _DISK_FULL:
        return DatabaseUnavailable(f"the disk of the database is full, make room on it: {message}")
    if state.startswith(_UNAVAILABLE):
        return DatabaseUnavailable(f"the database does not answer: {message}")
    return DataRefused(message) if state.startswith(_DATA) else None


def _is_lost_connection(error: BaseException) -> bool:
    if isinstance(error, asyncpg.InterfaceError):
        # "connection is closed", "the underlying connection is closed"; the others are mistakes of the caller.
        return "closed" in str(error)
    return isinstance(error, (OSError, asyncpg.InternalClientError, exc.TimeoutError)) or (
        isinstance(error, exc.DBAPIError) and error.connection_invalidated
    )


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
