"""Small pieces of a fleet, so that tests name only what they are about."""

from collections.abc import Mapping

from fakes.clock import START_US
from gpufleet_collector.model import METRIC_NAMES, AgentInfo, Event, Gpu, Inventory, Sample, Values


def values(**named: float) -> Values:
    """Values of the metrics named, the others absent."""
    assert named.keys() <= set(METRIC_NAMES)
    return tuple(named.get(name) for name in METRIC_NAMES)


def sample(gpu_uuid: str, seconds: float = 0, **named: float) -> Sample:
    """A sample of the instant so many seconds after 2026-01-01T00:00:00Z."""
    return Sample(gpu_uuid, START_US + round(seconds * 1_000_000), values(**named))


def inventory(*gpus: Gpu | str, seconds: float = -1, simulated: bool = False) -> Inventory:
    """An inventory of GPUs, given whole or by UUID, that holds from so many seconds after 2026-01-01T00:00:00Z."""
    whole = tuple(
        Gpu(uuid=gpu, index=index, name="NVIDIA H200", state="ok") if isinstance(gpu, str) else gpu
        for index, gpu in enumerate(gpus)
    )
    return Inventory(START_US + round(seconds * 1_000_000), backend="nvml", simulated=simulated, gpus=whole)


def event(name: str, seconds: float = 0, *, host: str = "host-1", gpu_uuid: str | None = "GPU-a") -> Event:
    """An XID of the instant so many seconds after 2026-01-01T00:00:00Z, heard of a second later."""
    at = START_US + round(seconds * 1_000_000)
    return Event(name, host, at, "xid", "critical", "GPU has fallen off the bus.", gpu_uuid, 79, at + 1_000_000)


def agent(labels: Mapping[str, str] | None = None) -> AgentInfo:
    return AgentInfo(
        agent_id="a1", labels=labels or {}, boot_id="b1", version="0.1.0", platform="Linux 6.1, Python 3.11"
    )
