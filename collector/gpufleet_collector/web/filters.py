"""Which GPUs a request asks for: by host, UUID and index, each of them alone or together."""

from dataclasses import dataclass
from typing import Self

from gpufleet_collector.live.views import GpuKey
from gpufleet_collector.web.parameters import Parameters

GPU_FILTERS = ("host", "gpu_uuid", "gpu_index")


@dataclass(frozen=True, slots=True)
class GpuFilter:
    """An empty set does not restrict."""

    hosts: frozenset[str]
    uuids: frozenset[str]
    indexes: frozenset[int]

    @classmethod
    def read(cls, parameters: Parameters) -> Self:
        return cls(
            frozenset(parameters.texts("host")),
            frozenset(parameters.texts("gpu_uuid")),
            frozenset(parameters.indexes("gpu_index")),
        )

    def wants(self, key: GpuKey, index: int | None) -> bool:
        host, _, uuid = key
        return (
            (not self.hosts or host in self.hosts)
            and (not self.uuids or uuid in self.uuids)
            and (not self.indexes or index in self.indexes)
        )
