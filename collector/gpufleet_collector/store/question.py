"""One question of a reader: all its statements see the same moment of the database, and end with it."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gpufleet_collector.errors import QueryTooLong
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.samples_sql import Moment
from gpufleet_collector.store.times import INSTANT_LITERAL, to_us

_PARAMETER = re.compile(rf"(?<![:\w]):([a-z_]\w*)|{INSTANT_LITERAL}")


class Question:
    """Statements in one snapshot, of which `moment` says where samples are."""

    def __init__(self, driver: Any, moment: Moment) -> None:
        self.moment = moment
        self._driver = driver

    async def fetch(self, statement: str, parameters: Mapping[str, object]) -> list[Any]:
        """The rows, by position and name. Parameters are written `:name`; those that the statement does not name are
        left out. Straight to the driver: what SQLAlchemy does per row and statement costs more than many an answer."""
        numbered, values = bind(statement, parameters)
        rows: list[Any] = await self._driver.fetch(numbered, *values)
        return rows

    async def batches(
        self, statement: str, parameters: Mapping[str, object], size: int
    ) -> AsyncGenerator[list[Any], None]:
        """The rows as `fetch` gives them, at most `size` at a time, each batch fetched when it is asked for."""
        numbered, values = bind(statement, parameters)
        cursor = await self._driver.cursor(numbered, *values)
        while rows := await cursor.fetch(size):
            yield rows


def bind(statement: str, parameters: Mapping[str, object]) -> tuple[str, list[object]]:
    """`:name` as `$1`, and literals of instants too; the values in the order of their numbers. So a question that
    differs from another in its time alone is the same text to the server, which need not read it again. The planner
    leaves out partitions all the same: it plans anew for the values (plan_cache_mode)."""
    numbers: dict[str, int] = {}
    values: list[object] = []

    def number(match: re.Match[str]) -> str:
        key = match[0]
        if key not in numbers:
            values.append(parameters[match[1]] if match[1] else datetime.fromisoformat(match[2]))
            numbers[key] = len(values)
        return f"${numbers[key]}" if match[1] else f"CAST(${numbers[key]} AS timestamptz)"

    return _PARAMETER.sub(number, statement), values


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a statement may take, and how long the database waits for the next one before it ends the question and
    its connection; None waits for ever. `remedy` says what to ask instead."""

    statement_seconds: float
    idle_seconds: float | None = None
    remedy: str = "ask for fewer GPUs, metrics or hours"


@asynccontextmanager
async def question(database: Database, patience: Patience | None = None) -> AsyncIterator[Question]:
    """Raises QueryTooLong when a statement takes longer than `patience`, or `asking`, allows, and as
    `Database.connect`. A caller who is cancelled cancels the statement in the database too."""
    patience = patience or Patience(database.statement_seconds)
    try:
        async with database.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            async with _snapshot(driver, patience):
                packed_until, has_late, _ = await driver.fetchrow(_OPENING)
                yield Question(driver, Moment(to_us(packed_until), has_late))
    except QueryTooLong as error:
        raise QueryTooLong(
            f"the question took longer than {patience.statement_seconds:g} s: {patience.remedy}"
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

# Rows that a snapshot counts must not be dropped, though a later one finds them packed: naming the table locks it, and
# dropping a partition needs it alone.
_OPENING = """
SELECT packed_until, EXISTS (SELECT FROM gpu_stats_late) AS has_late, EXISTS (SELECT FROM gpu_stats WHERE false)
FROM store_watermark
"""


@asynccontextmanager
async def _snapshot(driver: Any, patience: Patience) -> AsyncIterator[None]:
    """A transaction that only reads, all of the same moment; begun and ended in one go each."""
    limits = {"statement_timeout": f"{round(patience.statement_seconds * 1000)}"}
    if patience.idle_seconds is not None:
        limits["idle_in_transaction_session_timeout"] = f"{round(patience.idle_seconds * 1000)}"
    settings = "".join(f"SET LOCAL {name} = '{value}';" for name, value in (limits | _SETTINGS).items())
    try:
        await driver.execute(f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {settings}")
        yield
    finally:
        await _end(driver)


async def _end(driver: Any) -> None:
    """A connection whose transaction may go on is closed: nobody gets it from the pool with that."""
    try:
        await driver.execute("ROLLBACK")
    except BaseException:
        driver.terminate()
        raise
