"""The table of hosts: written as agents declare them, leave, and are heard of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.model import AgentInfo, Inventory
from gpufleet_collector.store.queries import among_names
from gpufleet_collector.store.records import HostChange, HostRecord
from gpufleet_collector.store.schema import hosts
from gpufleet_collector.store.times import to_datetime

_FIELDS = tuple(column.name for column in hosts.columns if column.name not in ("id", "name", "first_seen"))
_INSERT = insert(hosts)
_INSERT_OR_UPDATE = _INSERT.on_conflict_do_update(
    index_elements=["name"], set_={name: _INSERT.excluded[name] for name in _FIELDS}
)
_UPDATE = (
    update(hosts)
    .where(hosts.c.name == bindparam("host"))
    .values({name: bindparam(f"new_{name}", type_=hosts.c[name].type) for name in _FIELDS})
)
_LEAVE = update(hosts).where(hosts.c.name == bindparam("host")).values(left_at=bindparam("new_left_at"))
_SEEN = text("""
    UPDATE hosts
    SET last_seen = greatest(hosts.last_seen, seen.at),
        left_at = CASE WHEN hosts.left_at < seen.at THEN NULL ELSE hosts.left_at END
    FROM unnest(CAST(:names AS text[]), CAST(:instants AS timestamptz[])) AS seen (name, at)
    WHERE hosts.name = seen.name
""")


async def read_host_ids(connection: AsyncConnection, names: Iterable[str]) -> dict[str, int]:
    rows = await connection.execute(select(hosts.c.name, hosts.c.id).where(among_names(hosts.c.name, names)))
    return {row.name: row.id for row in rows}


async def write_hosts(connection: AsyncConnection, changes: Sequence[HostChange]) -> None:
    """Write what became of hosts; of several changes of one host the last record and the last leaving count."""
    declared = {change.host: (change.record, change.declared_at) for change in changes if change.record is not None}
    left = {change.host: change.left_at for change in changes}
    known = await read_host_ids(connection, declared)
    rows = [_row(record, declared_at, left[host]) for host, (record, declared_at) in sorted(declared.items())]
    # An update where one will do: an insert that meets a conflict uses up an id.
    if fresh := [row for row in rows if row["name"] not in known]:
        await connection.execute(_INSERT_OR_UPDATE, fresh)
    if again := [row for row in rows if row["name"] in known]:
        await connection.execute(_UPDATE, [_renamed(row) for row in again])
    if gone := [_gone(host, at) for host, at in sorted(left.items()) if host not in declared and at is not None]:
        await connection.execute(_LEAVE, gone)


async def write_bare_hosts(connection: AsyncConnection, names: Iterable[str], now: int) -> dict[str, int]:
    """Make hosts of which nothing but the name is known yet, unless they are there; their ids."""
    rows = [_bare_row(name, now) for name in sorted(set(names))]
    await connection.execute(_INSERT.on_conflict_do_nothing(), rows)
    return await read_host_ids(connection, names)


async def mark_seen(connection: AsyncConnection, instants: Mapping[str, int]) -> None:
    """Hosts were heard of, by name, at instants of the collector's clock. Whoever is heard of after it left is back."""
    names = sorted(instants)
    times = [to_datetime(instants[name]) for name in names]
    await connection.execute(_SEEN, {"names": names, "instants": times})


def _row(record: HostRecord, declared_at: int, left_at: int | None) -> dict[str, Any]:
    agent, inventory = record.agent, record.inventory
    return {
        "name": record.host,
        "labels": dict(agent.labels),
        "agent_id": agent.agent_id,
        "boot_id": agent.boot_id,
        "agent_version": agent.version,
        "platform": agent.platform,
        "backend": inventory.backend,
        "driver_version": inventory.driver_version,
        "nvml_version": inventory.nvml_version,
        "note": inventory.note,
        "simulated": inventory.simulated,
        "inventory_at": to_datetime(inventory.observed_at),
        "first_seen": to_datetime(declared_at),
        "last_seen": to_datetime(declared_at),
        "left_at": None if left_at is None else to_datetime(left_at),
    }


def _bare_row(name: str, now: int) -> dict[str, Any]:
    nothing = HostRecord(name, AgentInfo(agent_id=""), Inventory(observed_at=now, backend=""))
    return _row(nothing, now, None)


def _renamed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"host": row["name"], **{f"new_{name}": row[name] for name in _FIELDS}}


def _gone(host: str, left_at: int) -> dict[str, Any]:
    return {"host": host, "new_left_at": to_datetime(left_at)}
