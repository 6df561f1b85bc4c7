"""The simulated backend: one host of eight GPUs behind the same contract as the real ones."""

from gpufleet_agent.readings import Breadcrumb, Reading
from gpufleet_agent.simulation.host import SimulatedHost

GPUS = 8


class SimulatedBackend:
    """Reads a simulated host. `interval_seconds` decides which ticks carry the slow tier."""

    name = "simulated"

    def __init__(self, host: str, breadcrumb: Breadcrumb, *, seed: int = 0, interval_seconds: float = 5.0) -> None:
        self._host = SimulatedHost(host, GPUS, seed=seed)
        self._breadcrumb = breadcrumb
        self._interval = interval_seconds

    def read(self, instant_us: int) -> Reading:
        self._breadcrumb.enter("simulated read", "")
        reading = self._host.read(instant_us, self._interval)
        self._breadcrumb.leave()
        return reading

    def close(self) -> None:
        """There is nothing to release."""
