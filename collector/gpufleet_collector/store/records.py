"""What ingest hands to the store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gpufleet_collector.model import AgentInfo, Inventory, Refusal, Sample


@dataclass(frozen=True, slots=True)
class HostRecord:
    """A host as its agent declares it: the latest wins."""

    host: str
    agent: AgentInfo
    inventory: Inventory


@dataclass(frozen=True, slots=True)
class ReportWrite:
    """The samples of one report of a host. `settled` is called once, after the commit, with how many samples the store
    refused for good, by reason (normally none); the others are stored. It is never called for a report that is not
    settled when the writer stops."""

    host: str
    samples: tuple[Sample, ...]
    replayed: bool
    settled: Callable[[Mapping[Refusal, int]], None]


@dataclass(slots=True)
class HostChange:
    """What became of a host since its last samples: declared at `declared_at`, perhaps left since; microseconds of the
    collector's clock."""

    host: str
    record: HostRecord | None = None
    declared_at: int = 0
    left_at: int | None = None
