"""What ingest hands to the store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gpufleet_collector.model import AgentInfo, Event, Inventory, Process, Refusal, SampleColumns


@dataclass(frozen=True, slots=True)
class HostRecord:
    """A host as its agent declares it: the latest wins."""

    host: str
    agent: AgentInfo
    inventory: Inventory


@dataclass(frozen=True, slots=True)
class ReportWrite:
    """The samples and events of one report of a host. `settled` is called once, after the commit, with how many of them
    the store refused for good, by reason (normally none); the others are stored. It is never called for a report that
    is not settled when the writer stops."""

    host: str
    samples: SampleColumns
    replayed: bool
    settled: Callable[[Mapping[Refusal, int]], None]
    events: tuple[Event, ...] = ()

    @property
    def weight(self) -> int:
        """How many things are to be stored."""
        return len(self.samples) + len(self.events)


@dataclass(slots=True)
class HostChange:
    """What became of a host since its last samples: declared at `declared_at`, perhaps left since; microseconds of the
    collector's clock."""

    host: str
    record: HostRecord | None = None
    declared_at: int = 0
    left_at: int | None = None


@dataclass(slots=True)
class Sighting:
    """A process of a host, as it was seen last, that was seen from `first_at` to `last_at` of one day (UTC);
    microseconds of the agent's clock. `memory_max_mb` is the most GPU memory seen in between."""

    host: str
    process: Process
    first_at: int
    last_at: int
    memory_max_mb: int | None
