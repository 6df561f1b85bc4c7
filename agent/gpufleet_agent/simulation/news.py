"""What a simulated host has to tell beside its readings: each event once, and its processes every ten seconds."""

from gpufleet_agent.readings import GpuEvent, GpuProcess
from gpufleet_agent.simulation.host import SimulatedHost

PROCESSES_EVERY_US = 10_000_000


class News:
    """Everything that happens from `since_us` on."""

    def __init__(self, host: SimulatedHost, since_us: int) -> None:
        self._host = host
        self._told_until_us = since_us
        self._processes_due_us = since_us

    def events(self, until_us: int) -> list[tuple[str, GpuEvent]]:
        """Events before `until_us` that were not given yet, with their ids."""
        if until_us <= self._told_until_us:
            return []
        since_us, self._told_until_us = self._told_until_us, until_us
        return self._host.events(since_us, until_us)

    def processes(self, instant_us: int) -> tuple[GpuProcess, ...] | None:
        """All processes, or None while it is not time to tell of them."""
        return self._host.processes(instant_us) if self.processes_due(instant_us) else None

    def processes_due(self, instant_us: int) -> bool:
        """Whether it is time to tell of processes; that is taken as done."""
        if instant_us < self._processes_due_us:
            return False
        self._processes_due_us = instant_us + PROCESSES_EVERY_US
        return True
