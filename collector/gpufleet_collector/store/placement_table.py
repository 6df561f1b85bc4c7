"""The table of placements: read into the ledger and written from it."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.store.placement import Ledger, Place, Placement
from gpufleet_collector.store.queries import among_numbers
from gpufleet_collector.store.schema import gpus, placements
from gpufleet_collector.store.times import to_datetime, to_us, to_us_or_none

_UPDATE = (
    update(placements)
    .where(placements.c.id == bindparam("number"))
    .values(since=bindparam("new_since"), until=bindparam("new_until"))
)


async def gpus_on(connection: AsyncConnection, host_ids: Iterable[int]) -> set[int]:
    """The ids of the GPUs that these hosts have now."""
    query = select(placements.c.gpu_id).where(
        among_numbers(placements.c.host_id, host_ids), placements.c.until.is_(None)
    )
    return set((await connection.execute(query)).scalars())


async def lock_gpus(connection: AsyncConnection, gpu_ids: Iterable[int]) -> None:
    """Until the end of the transaction nobody else changes the placements of these GPUs."""
    query = select(gpus.c.id).where(among_numbers(gpus.c.id, gpu_ids)).order_by(gpus.c.id)
    await connection.execute(query.with_for_update(key_share=True))


async def read_latest(connection: AsyncConnection, gpu_ids: Iterable[int]) -> dict[int, Placement]:
    """The latest placement of each GPU that ever had one."""
    other = placements.alias()
    last = select(func.max(other.c.since)).where(other.c.gpu_id == placements.c.gpu_id).scalar_subquery()
    query = select(placements).where(among_numbers(placements.c.gpu_id, gpu_ids), placements.c.since == last)
    return {row.gpu_id: _placement(row) for row in await connection.execute(query)}


async def read_histories(connection: AsyncConnection, gpu_ids: Iterable[int]) -> dict[int, list[Placement]]:
    """Every placement of these GPUs, oldest first."""
    query = select(placements).where(among_numbers(placements.c.gpu_id, gpu_ids)).order_by(placements.c.since)
    histories: dict[int, list[Placement]] = {}
    for row in await connection.execute(query):
        histories.setdefault(row.gpu_id, []).append(_placement(row))
    return histories


async def write_ledger(connection: AsyncConnection, ledger: Ledger) -> None:
    """Write what changed, in the order that never shows two open placements of one GPU."""
    if ledger.removed:
        await connection.execute(delete(placements).where(among_numbers(placements.c.id, ledger.removed)))
    await update_placements(connection, ledger.changed.values())
    if ledger.opened:
        await connection.execute(insert(placements), [_row(placement) for placement in ledger.opened.values()])


async def update_placements(connection: AsyncConnection, changed: Iterable[Placement]) -> None:
    """Write `since` and `until` of stored placements."""
    if rows := [_change(placement) for placement in changed]:
        await connection.execute(_UPDATE, rows)


def _placement(row: Row[Any]) -> Placement:
    place = Place(row.host_id, row.gpu_index, row.pci_bus_id)
    return Placement(row.gpu_id, place, to_us(row.since), to_us_or_none(row.until), row.id)


def _row(placement: Placement) -> dict[str, Any]:
    return {
        "gpu_id": placement.gpu_id,
        "host_id": placement.place.host_id,
        "gpu_index": placement.place.gpu_index,
        "pci_bus_id": placement.place.pci_bus_id,
        "since": to_datetime(placement.since),
        "until": None if placement.until is None else to_datetime(placement.until),
    }


def _change(placement: Placement) -> dict[str, Any]:
    row = _row(placement)
    return {"number": placement.id, "new_since": row["since"], "new_until": row["until"]}
