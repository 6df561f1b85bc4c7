"""The simulated backend: one host of eight GPUs behind the same contract as the real ones."""

from dataclasses import replace

from gpufleet_agent.readings import Breadcrumb, Reading
from gpufleet_agent.simulation.host import SimulatedHost
from gpufleet_agent.simulation.news import News

GPUS = 8


class SimulatedBackend:
    """Reads a simulated host. `interval_seconds` decides which ticks carry the slow tier."""

    name = "simulated"

    def __init__(self, host: str, breadcrumb: Breadcrumb, *, seed: int = 0, interval_seconds: float = 5.0) -> None:
        self._host = SimulatedHost(host, GPUS, seed=seed)
        self._breadcrumb = breadcrumb
        self._interval = interval_seconds
        self._news: News | None = None

    def read(self, instant_us: int) -> Reading:
        self._breadcrumb.enter("simulated read", "")
        reading = self._host.read(instant_us, self._interval)
        self._news = self._news or News(self._host, instant_us)
        processes = self._news.processes(instant_us)
        self._breadcrumb.leave()
        return replace(reading, processes=processes)

    def close(self) -> None:
        """There is nothing to release."""
