"""The table of GPUs: written as hosts declare them, never deleted from."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.model import Gpu
from gpufleet_collector.store.queries import among_names
from gpufleet_collector.store.schema import gpus
from gpufleet_collector.store.times import to_datetime

_FIELDS = ("name", "serial", "vbios", "parent_uuid", "mig_profile", "mig_instance")
_INSERT = insert(gpus).on_conflict_do_nothing()
_UPDATE = (
    update(gpus)
    .where(gpus.c.id == bindparam("number"))
    .values({name: bindparam(f"new_{name}", type_=gpus.c[name].type) for name in _FIELDS})
)


async def read_gpu_ids(connection: AsyncConnection, uuids: Iterable[str]) -> dict[str, int]:
    """The ids of those of the GPUs that were ever declared."""
    rows = await connection.execute(select(gpus.c.uuid, gpus.c.id).where(among_names(gpus.c.uuid, uuids)))
    return {row.uuid: row.id for row in rows}


async def write_gpus(connection: AsyncConnection, declared: Mapping[str, Gpu], now: int) -> dict[str, int]:
    """Insert or update GPUs, by UUID; their ids. What is not known now but was before is kept."""
    stored = await _read(connection, declared)
    if fresh := [_row(declared[uuid], now) for uuid in sorted(declared.keys() - stored.keys())]:
        await connection.execute(_INSERT, fresh)
        stored.update(await _read(connection, [row["uuid"] for row in fresh]))
    changes = [_change(stored[uuid], gpu) for uuid, gpu in sorted(declared.items()) if _differs(stored[uuid], gpu)]
    if changes:
        await connection.execute(_UPDATE, changes)
    return {uuid: row.id for uuid, row in stored.items()}


async def _read(connection: AsyncConnection, uuids: Iterable[str]) -> dict[str, Row[Any]]:
    return {row.uuid: row for row in await connection.execute(select(gpus).where(among_names(gpus.c.uuid, uuids)))}


def _row(gpu: Gpu, now: int) -> dict[str, Any]:
    return {"uuid": gpu.uuid, "first_seen": to_datetime(now), **{name: getattr(gpu, name) for name in _FIELDS}}


def _merged(stored: Row[Any], gpu: Gpu, name: str) -> Any:
    told = getattr(gpu, name)
    return getattr(stored, name) if told is None else told


def _differs(stored: Row[Any], gpu: Gpu) -> bool:
    return any(_merged(stored, gpu, name) != getattr(stored, name) for name in _FIELDS)


def _change(stored: Row[Any], gpu: Gpu) -> dict[str, Any]:
    return {"number": stored.id, **{f"new_{name}": _merged(stored, gpu, name) for name in _FIELDS}}
