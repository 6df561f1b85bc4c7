"""Which GPUs a request asks for: by host, UUID and index, each of them alone or together."""

from dataclasses import dataclass
from typing import Self

from gpufleet_collector.live.selection import Selection
from gpufleet_collector.live.views import GpuKey
from gpufleet_collector.web.declared import indexes, texts
from gpufleet_collector.web.parameters import Parameters

HOST = texts("host", "Names of hosts. One that is not known matches nothing.")
GPU_UUID = texts("gpu_uuid", "UUIDs of GPUs and MIG instances. One that is not known matches nothing.")
GPU_INDEX = indexes("gpu_index", "The driver's numbers of GPUs; a MIG instance has that of its GPU.")
GPU_FILTERS = (HOST, GPU_UUID, GPU_INDEX)


@dataclass(frozen=True, slots=True)
class GpuFilter:
    """An empty set does not restrict."""

    hosts: frozenset[str]
    uuids: frozenset[str]
    indexes: frozenset[int]

    @classmethod
    def read(cls, parameters: Parameters) -> Self:
        return cls(
            frozenset(HOST.read(parameters)),
            frozenset(GPU_UUID.read(parameters)),
            frozenset(GPU_INDEX.read(parameters)),
        )

    @property
    def selection(self) -> Selection:
        """The same but for the indexes."""
        return Selection(self.hosts, self.uuids)

    def wants(self, key: GpuKey, index: int | None) -> bool:
        host, _, uuid = key
        return (
            (not self.hosts or host in self.hosts)
            and (not self.uuids or uuid in self.uuids)
            and (not self.indexes or index in self.indexes)
        )
