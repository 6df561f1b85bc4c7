"""One question of a reader: all its statements see the same moment of the database, and end with it."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.errors import QueryTooLong
from gpufleet_collector.store import asking
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.samples_sql import Moment
from gpufleet_collector.store.times import to_us

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")


class Question:
    """Statements in one snapshot, of which `moment` says where samples are. `connection` is for SQLAlchemy's
    statements."""

    def __init__(self, connection: AsyncConnection, driver: Any, moment: Moment) -> None:
        self.connection = connection
        self.moment = moment
        self._driver = driver

    async def fetch(self, statement: str, parameters: Mapping[str, object]) -> list[Any]:
        """The rows, by position and name. Parameters are written `:name`; those that the statement does not name are
        left out. Straight to the driver: what SQLAlchemy does per row and statement costs more than many an answer."""
        numbered, names = number_parameters(statement)
        rows: list[Any] = await self._driver.fetch(numbered, *(parameters[name] for name in names))
        return rows


def number_parameters(statement: str) -> tuple[str, list[str]]:
    """`:name` as `$1`, and the names in the order of their numbers."""
    names: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        return f"${names.setdefault(match[1], len(names) + 1)}"

    return _PARAMETER.sub(number, statement), list(names)


@asynccontextmanager
async def question(database: Database) -> AsyncIterator[Question]:
    """Raises QueryTooLong when a statement takes longer than `asking` allows, and as `Database.connect`. A caller who
    is cancelled cancels the statement in the database too."""
    try:
        async with database.connect() as plain:
            connection = await plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with connection.begin():
                raw = await connection.get_raw_connection()
                opened = (await connection.exec_driver_sql(_opening())).one()
                yield Question(connection, raw.driver_connection, Moment(to_us(opened.packed_until), opened.has_late))
    except QueryTooLong as error:
        raise QueryTooLong(
            f"the question took longer than {asking.STATEMENT_SECONDS} s: ask for fewer GPUs, metrics or hours"
        ) from error


_SETTINGS = {
    # Compiling a statement costs more than it saves in answers of milliseconds.
    "jit": "off",
    # What is asked for is in memory more often than not, where reading ahead costs 3 us per page and saves nothing:
    # PostgreSQL 18 hands every page to another process.
    "effective_io_concurrency": "0",
    # How many GPUs are asked for decides how to look for them: a plan for any number of them is three times slower.
    "plan_cache_mode": "force_custom_plan",
    # Sorts of a day of a thousand GPUs, which would go to disk otherwise.
    "work_mem": "16MB",
}


def _opening() -> str:
    settings = {"statement_timeout": f"{round(asking.STATEMENT_SECONDS * 1000)}", **_SETTINGS}
    set_all = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
    has_late = "EXISTS (SELECT FROM gpu_stats_late) AS has_late"
    # Rows that this snapshot counts must not be dropped, though a later one finds them packed: naming the table locks
    # it, and dropping a partition needs it alone.
    locked = "EXISTS (SELECT FROM gpu_stats WHERE false) AS locked"
    return f"SELECT {set_all}, packed_until, {has_late}, {locked} FROM store_watermark"  # noqa: S608
