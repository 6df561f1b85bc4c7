"""Which hosts and GPUs somebody wants to hear of: by name, by UUID, and by the labels of hosts."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

Labels = Mapping[str, str]
"""Labels of a host by name."""

WantedLabels = frozenset[tuple[str, frozenset[str]]]
"""Names of labels, each with the values of which a host has to have one."""


def wanted_labels(pairs: Iterable[tuple[str, str]]) -> WantedLabels:
    """Several values of one name mean any of them, different names mean all."""
    values: dict[str, set[str]] = {}
    for name, value in pairs:
        values.setdefault(name, set()).add(value)
    return frozenset((name, frozenset(some)) for name, some in values.items())


@dataclass(frozen=True, slots=True)
class Selection:
    """An empty set does not restrict; what is not empty has to hold all together."""

    hosts: frozenset[str] = frozenset()
    gpus: frozenset[str] = frozenset()
    labels: WantedLabels = frozenset()

    @property
    def is_anywhere(self) -> bool:
        """No host is ruled out by its name."""
        return not self.hosts

    @property
    def is_everything(self) -> bool:
        return not self.hosts and not self.gpus and not self.labels

    def admits(self, host: str, labels: Labels) -> bool:
        """Whether anything of this host, which has these labels, may matter."""
        if self.hosts and host not in self.hosts:
            return False
        return not self.labels or all(labels.get(name) in some for name, some in self.labels)

    def wants_gpu(self, host: str, gpu_uuid: str, labels: Labels) -> bool:
        return (not self.gpus or gpu_uuid in self.gpus) and self.admits(host, labels)

    def wants_host(self, host: str, gpu_uuids: Collection[str], labels: Labels) -> bool:
        """Whether the state of the host, which has these GPUs, matters to what was selected."""
        return self.admits(host, labels) and (not self.gpus or not self.gpus.isdisjoint(gpu_uuids))

    def wants_event(self, host: str, gpu_uuid: str | None, gpu_uuids: Collection[str], labels: Labels) -> bool:
        """Whether something that happened to the GPU, or to the host, which has these GPUs, matters."""
        if gpu_uuid is None:
            return self.wants_host(host, gpu_uuids, labels)
        return self.wants_gpu(host, gpu_uuid, labels)
