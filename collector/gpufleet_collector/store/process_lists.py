"""Which processes were seen since they were last stored: lists come every few seconds, and rows are written far less
often."""

from dataclasses import dataclass, field
from typing import TypeAlias

from gpufleet_collector.model import Process, ProcessList
from gpufleet_collector.store.records import Sighting
from gpufleet_collector.store.times import DAY_US

WRITE_INTERVAL_SECONDS = 60.0
"""How often the processes of a host are stored while none comes or goes."""

MAX_SIGHTINGS = 500_000
"""Processes waiting to be stored; what more is seen while so many wait is not stored."""

Identity: TypeAlias = tuple[str, int, int | None]
"""UUID of the GPU, pid and start: what makes it the same process."""


@dataclass(slots=True)
class _Held:
    """What is known of a host. `sightings` by identity and day."""

    written_at: float
    running: frozenset[Identity] = frozenset()
    sightings: dict[tuple[Identity, int], Sighting] = field(default_factory=dict)


class ProcessLists:
    """Takes the lists of all hosts, and gives what is to be stored of those that are due: at once when a process came
    or went, else every WRITE_INTERVAL_SECONDS."""

    def __init__(self, max_sightings: int = MAX_SIGHTINGS) -> None:
        self._max_sightings = max_sightings
        self._held: dict[str, _Held] = {}
        self._due: dict[str, None] = {}
        self._sightings = 0

    @property
    def due(self) -> int:
        """Hosts of which something is to be stored."""
        return len(self._due)

    def tell(self, told: ProcessList, now: float) -> int:
        """The newest list of a host. `now` is monotonic seconds. How many of its processes there was no room for."""
        held = self._held.setdefault(told.host, _Held(now))
        running = frozenset(_identity(process) for process in told.processes)
        refused = sum(not self._see(held, told, process) for process in told.processes)
        if held.sightings and (running != held.running or now - held.written_at >= WRITE_INTERVAL_SECONDS):
            self._due[told.host] = None
        held.running = running
        self._forget_idle(told.host, held)
        return refused

    def take(self, now: float, most: int, *, everything: bool = False) -> list[Sighting]:
        """Sightings of the hosts that are due, those that waited longest first, until there are `most`; with
        `everything` all hosts are due."""
        if everything:
            self._due.update(dict.fromkeys(host for host, held in self._held.items() if held.sightings))
        taken: list[Sighting] = []
        while self._due and len(taken) < most:
            host = next(iter(self._due))
            del self._due[host]
            held = self._held[host]
            taken += held.sightings.values()
            self._sightings -= len(held.sightings)
            held.sightings, held.written_at = {}, now
            self._forget_idle(host, held)
        return taken

    def drop(self) -> None:
        """Forget everything."""
        self._held.clear()
        self._due.clear()
        self._sightings = 0

    def _see(self, held: _Held, told: ProcessList, process: Process) -> bool:
        at = told.observed_at
        key = (_identity(process), at // DAY_US)
        sighting = held.sightings.get(key)
        if sighting is not None:
            sighting.process = process
            sighting.first_at, sighting.last_at = min(sighting.first_at, at), max(sighting.last_at, at)
            sighting.memory_max_mb = _most(sighting.memory_max_mb, process.memory_used_mb)
            return True
        if self._sightings >= self._max_sightings:
            return False
        held.sightings[key] = Sighting(told.host, process, at, at, process.memory_used_mb)
        self._sightings += 1
        return True

    def _forget_idle(self, host: str, held: _Held) -> None:
        if not held.running and not held.sightings:
            del self._held[host]


def _identity(process: Process) -> Identity:
    return process.gpu_uuid, process.pid, process.started_at


def _most(one: int | None, other: int | None) -> int | None:
    return max((value for value in (one, other) if value is not None), default=None)
