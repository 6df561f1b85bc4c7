"""Hosts, GPUs and their placements in the database, and the integer ids that samples are stored under."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.store import gpu_table, host_table, placement_table
from gpufleet_collector.store.placement import Ledger, Place, Placement, reach_back
from gpufleet_collector.store.records import HostChange, HostRecord

__all__ = ["HostRecord", "Registry"]

MAX_CACHED_IDS = 300_000
"""GPUs known without asking; beyond it the cache starts afresh."""


_END_OF_TIME = 2**63 - 1

NOBODY = 0
"""No GPU has this id."""


@dataclass(slots=True)
class _Known:
    """What need not be asked again. `starts`: since when the latest placement of a GPU has been, by id of the GPU."""

    gpu_ids: dict[str, int] = field(default_factory=dict)
    starts: dict[int, int] = field(default_factory=dict)

    def learn(self, other: "_Known", limit: int) -> None:
        if max(len(self.gpu_ids) + len(other.gpu_ids), len(self.starts) + len(other.starts)) > limit:
            self.gpu_ids.clear()
            self.starts.clear()
        self.gpu_ids.update(other.gpu_ids)
        self.starts.update(other.starts)


class Registry:
    """Works within the caller's transaction. What it learns there counts after `committed()` only: an id that was
    rolled back belongs to nobody."""

    def __init__(self, *, cached_ids: int = MAX_CACHED_IDS) -> None:
        self._limit = cached_ids
        self._known = _Known()
        self._learned = _Known()

    def committed(self) -> None:
        """The transaction was committed: keep what was learned."""
        self._known.learn(self._learned, self._limit)
        self._learned = _Known()

    def rolled_back(self) -> None:
        """The transaction was, or may have been, rolled back."""
        self._learned = _Known()

    def forget(self) -> None:
        """Ask the database again for everything."""
        self._known, self._learned = _Known(), _Known()

    async def apply(self, connection: AsyncConnection, changes: Sequence[HostChange]) -> None:
        """Write what became of hosts, in this order."""
        await host_table.write_hosts(connection, changes)
        declared = [(change.record, change.declared_at) for change in changes if change.record is not None]
        if not declared:
            return
        gpus = {gpu.uuid: gpu for record, _ in declared for gpu in record.inventory.gpus}
        gpu_ids = await gpu_table.write_gpus(connection, gpus, declared[-1][1])
        self._learned.gpu_ids.update(gpu_ids)
        await self._place(connection, declared, gpu_ids)

    async def resolve(self, connection: AsyncConnection, uuids: Iterable[str]) -> dict[str, int]:
        """The ids of those of the GPUs that were ever declared."""
        found = {uuid: gpu_id for uuid in set(uuids) if (gpu_id := self._known.gpu_ids.get(uuid)) is not None}
        found.update(await self._ask(connection, set(uuids) - found.keys()))
        return found

    async def ids(self, connection: AsyncConnection, uuids: Sequence[str]) -> NDArray[np.int64]:
        """The id of each; NOBODY for a GPU that was never declared."""
        known = self._known.gpu_ids
        ids = [known.get(uuid, NOBODY) for uuid in uuids]
        if NOBODY in ids:
            missing = {uuid for uuid, gpu_id in zip(uuids, ids, strict=True) if gpu_id == NOBODY}
            asked = await self._ask(connection, missing)
            ids = [gpu_id or asked.get(uuid, NOBODY) for uuid, gpu_id in zip(uuids, ids, strict=True)]
        return np.array(ids, np.int64)

    async def _ask(self, connection: AsyncConnection, uuids: set[str]) -> dict[str, int]:
        if not uuids:
            return {}
        read = await gpu_table.read_gpu_ids(connection, uuids)
        self._learned.gpu_ids.update(read)
        return read

    def starts(self, gpu_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Since when the latest placement of each GPU is (microseconds), as far as is known without asking; where it is
        not known, the end of time: any sample may be older."""
        known = self._known.starts
        if self._learned.starts:
            known = {**known, **self._learned.starts}
        return np.fromiter((known.get(gpu_id, _END_OF_TIME) for gpu_id in gpu_ids.tolist()), np.int64, len(gpu_ids))

    async def cover(self, connection: AsyncConnection, sightings: Mapping[tuple[int, str], set[int]]) -> None:
        """Let placements reach back over samples taken before them: instants by id of the GPU and name of the host."""
        gpu_ids = {gpu_id for gpu_id, _ in sightings}
        await placement_table.lock_gpus(connection, gpu_ids)
        host_ids = await host_table.read_host_ids(connection, {host for _, host in sightings})
        histories = await placement_table.read_histories(connection, gpu_ids)
        moved: list[Placement] = []
        for (gpu_id, host), instants in sightings.items():
            if gpu_id in histories and host in host_ids:
                moved += reach_back(histories[gpu_id], host_ids[host], instants)
        await placement_table.update_placements(connection, moved)
        self._learned.starts.update((gpu_id, history[-1].since) for gpu_id, history in histories.items())

    async def _place(
        self, connection: AsyncConnection, declared: Sequence[tuple[HostRecord, int]], gpu_ids: Mapping[str, int]
    ) -> None:
        host_ids = await host_table.read_host_ids(connection, {record.host for record, _ in declared})
        concerned = set(gpu_ids.values()) | await placement_table.gpus_on(connection, host_ids.values())
        await placement_table.lock_gpus(connection, concerned)
        ledger = Ledger(await placement_table.read_latest(connection, concerned))
        for record, now in declared:
            host_id, inventory = host_ids[record.host], record.inventory
            claims = {gpu_ids[gpu.uuid]: Place(host_id, gpu.index, gpu.pci_bus_id) for gpu in inventory.gpus}
            # A placement does not begin in the future, whatever the clock of the agent says.
            ledger.declare(host_id, min(inventory.observed_at, now), now, claims)
        await placement_table.write_ledger(connection, ledger)
        self._learned.starts.update((gpu_id, placement.since) for gpu_id, placement in ledger.latest.items())
