"""What a simulated fleet is to be, as data."""

from dataclasses import dataclass
from pathlib import Path

from gpufleet_agent.access.address import CollectorAddress
from gpufleet_agent.access.config import NO_ACCESS, AccessConfig
from gpufleet_agent.simulation.faults import USUAL_FAULTS, Faults


@dataclass(frozen=True, slots=True)
class Part:
    """Part `number` of `of`: hosts number, number + of, number + 2 * of, ... of the fleet."""

    number: int = 1
    of: int = 1

    def numbers(self, hosts: int) -> range:
        return range(self.number, hosts + 1, self.of)

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


WHOLE = Part()


@dataclass(frozen=True, slots=True)
class FleetOrders:
    """What to simulate. `targets` are collectors, and `access` is how to get in there. `backfill_seconds` is replayed
    before now. With `faults` one GPU of each host comes and goes at `fault_times`. Of the `hosts` of the fleet this
    process is `part`, which says every `progress_seconds` how it goes, or when there is something to see."""

    targets: tuple[CollectorAddress, ...]
    hosts: int
    gpus: int
    interval_seconds: float
    seed: int
    faults: bool
    backfill_seconds: float
    name_prefix: str = "sim-"
    fault_times: Faults = USUAL_FAULTS
    spool_dir: Path | None = None
    part: Part = WHOLE
    progress_seconds: float | None = None
    access: AccessConfig = NO_ACCESS
