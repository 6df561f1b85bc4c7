"""The fleet as the database remembers it, so that a collector knows its hosts again after a restart."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, select

from gpufleet_collector.model import AgentInfo, Gpu, Inventory, KnownHost
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.schema import gpus, hosts, placements
from gpufleet_collector.store.times import to_datetime, to_us, to_us_or_none

_SEEN = hosts.c.last_seen >= bindparam("since")
_HOSTS = select(hosts).where(_SEEN).order_by(hosts.c.name)
_GPUS = (
    select(gpus, placements.c.host_id, placements.c.gpu_index, placements.c.pci_bus_id)
    .join(placements, placements.c.gpu_id == gpus.c.id)
    .join(hosts, hosts.c.id == placements.c.host_id)
    .where(placements.c.until.is_(None), _SEEN)
    .order_by(placements.c.gpu_index, gpus.c.uuid)
)


async def known_fleet(database: Database, seen_since: int) -> Sequence[KnownHost]:
    """Every host heard of since then (microseconds), by name, with the GPUs that it has now. States and absences of
    GPUs are not remembered."""
    since = {"since": to_datetime(seen_since)}
    async with database.connect() as connection:
        found = (await connection.execute(_HOSTS, since)).all()
        by_host: dict[int, list[Gpu]] = {}
        for row in await connection.execute(_GPUS, since):
            by_host.setdefault(row.host_id, []).append(_gpu(row))
    return [_host(row, by_host.get(row.id, ())) for row in found]


def _host(row: Row[Any], found: Iterable[Gpu]) -> KnownHost:
    return KnownHost(
        host=row.name,
        last_seen=to_us(row.last_seen),
        agent=AgentInfo(row.agent_id, row.labels, row.boot_id, row.agent_version, row.platform),
        inventory=Inventory(
            observed_at=to_us(row.inventory_at),
            backend=row.backend,
            simulated=row.simulated,
            driver_version=row.driver_version,
            nvml_version=row.nvml_version,
            note=row.note,
            gpus=tuple(found),
        ),
        left_at=to_us_or_none(row.left_at),
    )


def _gpu(row: Row[Any]) -> Gpu:
    return Gpu(
        uuid=row.uuid,
        index=row.gpu_index,
        name=row.name,
        pci_bus_id=row.pci_bus_id,
        serial=row.serial,
        vbios=row.vbios,
        parent_uuid=row.parent_uuid,
        mig_profile=row.mig_profile,
        mig_instance=row.mig_instance,
    )
