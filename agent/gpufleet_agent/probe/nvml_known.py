"""The GPUs that the NVML backend has seen, so that one that is lost keeps its name."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from gpufleet_agent.pci_slot import slot_key
from gpufleet_agent.probe.nvml_identity import identify
from gpufleet_agent.probe.nvml_tick import MAX_GPUS
from gpufleet_agent.probe.readers.device import Device
from gpufleet_agent.readings import GpuIdentity

MAX_KNOWN_GPUS = 2 * MAX_GPUS
"""GPUs remembered, the lost ones included; past it those known longest and missing now are forgotten."""


@dataclass(frozen=True, slots=True)
class _Known:
    """`settled` is whether the identity needs no second look."""

    gpu: GpuIdentity
    settled: bool


class KnownGpus:
    """Whole GPUs by UUID, in the order in which they were first seen."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def __iter__(self) -> Iterator[GpuIdentity]:
        return (known.gpu for known in self._known.values())

    def in_slot(self, slot: str) -> GpuIdentity | None:
        """The GPU that was in this slot (a key of `slot_key`) last."""
        return next((gpu for gpu in self if slot_key(gpu.pci_bus_id or "") == slot), None)

    def identify(self, device: Device, uuid: str, index: int) -> GpuIdentity:
        """Who the GPU of this UUID is that sits at `index` now. Asks the driver where that is not settled."""
        known = self._known.get(uuid)
        if known is None or not known.settled:
            known = _Known(*identify(device, uuid, index))
        elif known.gpu.index != index:
            known = replace(known, gpu=replace(known.gpu, index=index))
        self._known[uuid] = known
        return known.gpu

    def last(self, uuid: str, index: int) -> GpuIdentity:
        """Who it was, when it does not say so now."""
        self._known.setdefault(uuid, _Known(GpuIdentity(uuid, index), settled=False))
        self._unsettle(uuid)
        return self._known[uuid].gpu

    def missing(self, found: Collection[str]) -> list[GpuIdentity]:
        """Those that are not among the UUIDs `found`, by index: what comes back may have changed."""
        uuids = [uuid for uuid in self._known if uuid not in found]
        for uuid in uuids:
            self._unsettle(uuid)
        return sorted((self._known[uuid].gpu for uuid in uuids), key=lambda gpu: (gpu.index or 0, gpu.uuid))

    def forget_excess(self, found: Collection[str]) -> None:
        """Keep to MAX_KNOWN_GPUS. `found` are the UUIDs of those that are here."""
        excess = len(self._known) - MAX_KNOWN_GPUS
        if excess > 0:
            for uuid in [uuid for uuid in self._known if uuid not in found][:excess]:
                del self._known[uuid]

    def unsettle(self) -> None:
        """The next session may find the same boards with another VBIOS or in another slot."""
        for uuid in self._known:
            self._unsettle(uuid)

    def clear(self) -> None:
        """Forget them all."""
        self._known.clear()

    def _unsettle(self, uuid: str) -> None:
        self._known[uuid] = replace(self._known[uuid], settled=False)
