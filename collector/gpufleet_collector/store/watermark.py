"""The watermark: which hours are closed to writers and which are packed. Writers hold a shared lock, so that closing an
hour is a matter of one of their commits."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.store.times import to_datetime, to_us

CLOSING_KEY = 0x67706671
"""Advisory lock that writers of samples share and whoever closes an hour has alone."""

CLOSING_SECONDS = 2
"""How long closing waits for running writers, who wait behind it meanwhile; then it gives up and tries later."""

_SHARE = text("SELECT pg_advisory_xact_lock_shared(:key)")
_ALONE = text("SELECT pg_advisory_xact_lock(:key)")
_READ = "SELECT packed_until, closed_until FROM store_watermark"
_CLOSE = text("UPDATE store_watermark SET closed_until = greatest(closed_until, CAST(:until AS timestamptz))")
_MOVE = text("UPDATE store_watermark SET packed_until = greatest(packed_until, CAST(:until AS timestamptz))")


@dataclass(frozen=True, slots=True)
class Watermark:
    """Microseconds; whole hours. Rows speak from `packed_until` on; new samples before `closed_until` are late."""

    packed_until: int
    closed_until: int


async def closed_until(connection: AsyncConnection) -> int:
    """From when on samples are written to `gpu_stats`, microseconds; it stays so to the end of the transaction, which
    must be READ COMMITTED. Earlier samples go to `gpu_stats_late`."""
    # Two statements: the second has a snapshot made after the lock was had.
    await connection.execute(_SHARE, {"key": CLOSING_KEY})
    return (await read(connection)).closed_until


async def read(connection: AsyncConnection) -> Watermark:
    return _watermark((await connection.execute(text(_READ))).one())


async def hold(connection: AsyncConnection) -> Watermark | None:
    """The watermark, held to the end of the transaction; None when another transaction has it. Readers do not wait."""
    row = (await connection.execute(text(f"{_READ} FOR NO KEY UPDATE SKIP LOCKED"))).one_or_none()
    return None if row is None else _watermark(row)


async def close(connection: AsyncConnection, until: int) -> None:
    """Samples before `until` (microseconds) are late from the end of the transaction on, which is to be short, and must
    `hold` the watermark: writers would wait with it for whoever does. Raises DatabaseUnavailable when a writer does not
    end in time."""
    await connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{CLOSING_SECONDS}s'")
    await connection.execute(_ALONE, {"key": CLOSING_KEY})
    await connection.execute(_CLOSE, {"until": to_datetime(until)})


async def move(connection: AsyncConnection, until: int) -> None:
    """Samples before `until` (microseconds) are packed from the end of the transaction on."""
    await connection.execute(_MOVE, {"until": to_datetime(until)})


def _watermark(row: Row[Any]) -> Watermark:
    return Watermark(to_us(row.packed_until), to_us(row.closed_until))
