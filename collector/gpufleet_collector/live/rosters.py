"""Which GPUs of the fleet a selection holds, as rows of a picture."""

from collections.abc import Iterable, Sequence

import numpy as np

from gpufleet_collector.live.fleet import Fleet
from gpufleet_collector.live.picture import NOWHERE, Roster, Row
from gpufleet_collector.live.records import GpuRecord, HostRecord
from gpufleet_collector.live.selection import Selection
from gpufleet_collector.live.views import GpuKey


def roster(fleet: Fleet, selection: Selection) -> Roster:
    """Everything selected, as it is now."""
    records = [fleet.gpus[key[2]] for key in keys(fleet, selection)]
    return _roster(fleet, [_row(record) for record in records], records)


def followed(fleet: Fleet, before: Roster) -> Roster:
    """The same rows as they are now; a GPU that is gone or sits elsewhere shows nothing."""
    return _roster(fleet, before.rows, [_still(fleet, row) for row in before.rows])


def count(fleet: Fleet, selection: Selection) -> int:
    """How many GPUs are selected."""
    return len(fleet.gpus) if selection.is_everything else len(keys(fleet, selection))


def hosts(fleet: Fleet, selection: Selection) -> list[HostRecord]:
    """The hosts whose state matters to what is selected, in order of names."""
    named = fleet.hosts.keys() & selection.hosts if selection.hosts else fleet.hosts.keys()
    records = (fleet.hosts[name] for name in sorted(named))
    return [
        record
        for record in records
        if selection.wants_host(record.name, fleet.gpus_of(record) if selection.gpus else (), record.agent.labels)
    ]


def keys(fleet: Fleet, selection: Selection) -> Sequence[GpuKey]:
    """Of the GPUs that are selected, in order. What names hosts or GPUs costs nothing for the others."""
    if selection.is_everything:
        return fleet.ordered()
    if not selection.is_anywhere:
        named = (record for name in selection.hosts if (record := fleet.hosts.get(name)) is not None)
        uuids: Iterable[str] = (uuid for record in named for uuid in fleet.gpus_of(record))
    elif selection.gpus:
        uuids = fleet.gpus.keys() & selection.gpus
    else:
        return [key for key in fleet.ordered() if selection.admits(key[0], fleet.hosts[key[0]].agent.labels)]
    records = (fleet.gpus[uuid] for uuid in uuids)
    return sorted(
        record.key
        for record in records
        if selection.wants_gpu(record.host.name, record.gpu.uuid, record.host.agent.labels)
    )


def _row(record: GpuRecord) -> Row:
    host, gpu = record.host, record.gpu
    return Row(
        host.name, gpu.uuid, gpu.index, gpu.name, gpu.parent_uuid, gpu.mig_profile, simulated=host.inventory.simulated
    )


def _still(fleet: Fleet, row: Row) -> GpuRecord | None:
    record = fleet.gpus.get(row.gpu_uuid)
    is_there = record is not None and (record.host.name, record.gpu.index) == (row.host, row.gpu_index)
    return record if is_there else None


def _roster(fleet: Fleet, rows: Sequence[Row], records: Sequence[GpuRecord | None]) -> Roster:
    return Roster(
        revision=fleet.revision,
        rows=tuple(rows),
        states=tuple(["unknown" if record is None else record.gpu.state for record in records]),
        slots=np.array([NOWHERE if record is None else record.slot for record in records], np.int64),
    )
