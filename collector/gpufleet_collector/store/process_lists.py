"""Which processes were seen since they were last stored: lists come every few seconds, and rows are written far less
often."""

from dataclasses import dataclass
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
class _Span:
    """The newest list of a host held from `first_at` to `last_at`, of one day. `most` is the most memory of each."""

    first_at: int
    last_at: int
    most: tuple[int | None, ...]


@dataclass(slots=True)
class _Held:
    """What is known of a host: its newest list, for how long it has been the same, and what of before is not stored
    yet, by identity and day. Most hosts have the same list for hours, which then takes next to no memory."""

    written_at: float
    running: tuple[Process, ...] = ()
    span: _Span | None = None
    earlier: dict[tuple[Identity, int], Sighting] | None = None

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing to be stored."""
        return self.span is None and not self.earlier


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
        held = self._held.get(told.host)
        if held is None:
            held = self._held[told.host] = _Held(now)
        processes = _in_order(held.running, told.processes)
        is_news = processes is None
        if held.span is not None and (is_news or _day(held.span.first_at) != _day(told.observed_at)):
            self._close(told.host, held)
        held.running = told.processes if processes is None else processes
        refused = self._see(held, told)
        if not held.is_clean and (is_news or now - held.written_at >= WRITE_INTERVAL_SECONDS):
            self._due[told.host] = None
        self._forget_idle(told.host, held)
        return refused

    def take(self, now: float, most: int, *, everything: bool = False) -> list[Sighting]:
        """Sightings of the hosts that are due, those that waited longest first, until there are `most`; with
        `everything` all hosts are due."""
        if everything:
            self._due.update(dict.fromkeys(host for host, held in self._held.items() if not held.is_clean))
        taken: list[Sighting] = []
        while self._due and len(taken) < most:
            host = next(iter(self._due))
            del self._due[host]
            held = self._held[host]
            self._close(host, held)
            sightings = (held.earlier or {}).values()
            taken += sightings
            self._sightings -= len(sightings)
            held.earlier, held.written_at = None, now
            self._forget_idle(host, held)
        return taken

    def drop(self) -> None:
        """Forget everything."""
        self._held.clear()
        self._due.clear()
        self._sightings = 0

    def _see(self, held: _Held, told: ProcessList) -> int:
        """How many of the processes that run there was no room for."""
        at, span, running = told.observed_at, held.span, held.running
        memory = tuple(process.memory_used_mb for process in running)
        if span is not None:
            span.first_at, span.last_at = min(span.first_at, at), max(span.last_at, at)
            if memory != span.most:
                span.most = tuple(_most(one, other) for one, other in zip(span.most, memory, strict=True))
        elif running and not held.earlier and self._sightings + len(running) <= self._max_sightings:
            held.span = _Span(at, at, memory)
            self._sightings += len(running)
        else:
            return sum(not self._note(held, Sighting(told.host, each, at, at, each.memory_used_mb)) for each in running)
        return 0

    def _close(self, host: str, held: _Held) -> None:
        """The list is another one from now on, or what is known of it is to be stored."""
        span, held.span = held.span, None
        if span is None:
            return
        self._sightings -= len(span.most)
        for process, most in zip(held.running, span.most, strict=True):
            self._note(held, Sighting(host, process, span.first_at, span.last_at, most))

    def _note(self, held: _Held, seen: Sighting) -> bool:
        """Whether there was room for it."""
        earlier = held.earlier = {} if held.earlier is None else held.earlier
        key = (_identity(seen.process), _day(seen.first_at))
        known = earlier.get(key)
        if known is not None:
            known.process = seen.process
            known.first_at, known.last_at = min(known.first_at, seen.first_at), max(known.last_at, seen.last_at)
            known.memory_max_mb = _most(known.memory_max_mb, seen.memory_max_mb)
            return True
        if self._sightings >= self._max_sightings:
            return False
        earlier[key] = seen
        self._sightings += 1
        return True

    def _forget_idle(self, host: str, held: _Held) -> None:
        if not held.running and held.is_clean:
            del self._held[host]


def _in_order(before: tuple[Process, ...], now: tuple[Process, ...]) -> tuple[Process, ...] | None:
    """The same processes in the order of before; None where one came or went."""
    if len(before) != len(now):
        return None
    if all(map(_is_same, before, now)):
        return now
    found = {_identity(process): process for process in now}
    ordered = [found.get(_identity(process)) for process in before]
    return None if None in ordered else tuple(filter(None, ordered))


def _is_same(one: Process, other: Process) -> bool:
    return one.pid == other.pid and one.gpu_uuid == other.gpu_uuid and one.started_at == other.started_at


def _identity(process: Process) -> Identity:
    return process.gpu_uuid, process.pid, process.started_at


def _day(instant: int) -> int:
    return instant // DAY_US


def _most(one: int | None, other: int | None) -> int | None:
    return max((value for value in (one, other) if value is not None), default=None)
