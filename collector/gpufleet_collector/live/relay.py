"""The live state's side of a bus between collectors: what was heard here for the others, and what they heard for here.
Whoever heard a host last speaks for it; of each tier of a GPU the newest instant counts."""

import operator
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gpufleet_collector.clock import Clock, Moment
from gpufleet_collector.live.fleet import Fleet
from gpufleet_collector.live.hub import Hub
from gpufleet_collector.live.news import LONGEST_SECONDS, NO_READINGS, HostNews, HostStatus, News, Readings
from gpufleet_collector.live.readings import CORE, TIERS, Windows
from gpufleet_collector.live.recent import RecentEvents
from gpufleet_collector.live.records import DEFAULT_INTERVAL_SECONDS, GpuRecord, HostRecord
from gpufleet_collector.model import AgentCost, AgentInfo, Event, HostState, Inventory, PlacedEvent, ProcessList

MAX_UNTOLD_EVENTS = 1_000
"""Events that happened here and were not fetched for the others; beyond it the oldest is never told to them live."""


class _Mark(NamedTuple):
    """A host as it was told: equal as long as these are the same objects."""

    last_heard: float
    state: HostState
    left: bool
    agent: AgentInfo
    inventory: Inventory
    interval_seconds: float | None
    skew_seconds: float | None
    cost: AgentCost | None
    processes: ProcessList | None

    def is_same(self, other: "_Mark | None") -> bool:
        return other is not None and all(map(operator.is_, self, other))


class Told(NamedTuple):
    """How far others have been told: hosts as they were, the newest version of a GPU, and when (monotonic seconds; None
    is never)."""

    hosts: dict[str, _Mark]
    version: int
    at: float | None


NOTHING_TOLD = Told({}, -1, None)


class Relay:
    """Every method is called from one thread and does no I/O."""

    def __init__(self, fleet: Fleet, hub: Hub, recent: RecentEvents, happened: deque[Event], clock: Clock) -> None:
        self._fleet = fleet
        self._hub = hub
        self._recent = recent
        self._happened = happened
        self._clock = clock

    # ---------------------------------------------------------------------------------------------- for the others

    def news(self, told: Told) -> tuple[News, Told]:
        """What is new of the hosts that are heard here since `told`, and how far the others know it thereby. With
        NOTHING_TOLD everything."""
        moment = self._clock.now()
        marks: dict[str, _Mark] = {}
        changed: list[HostRecord] = []
        for host in self._fleet.hosts.values():
            if host.source is None and host.last_heard is not None:
                mark = marks[host.name] = _mark(host, host.last_heard)
                if not mark.is_same(told.hosts.get(host.name)):
                    changed.append(host)
            elif host.heard_here >= (moment.monotonic - host.windows[CORE] if told.at is None else told.at):
                # It moved since: what it said here is told all the same.
                changed.append(host)
        counts, readings, version = self._readings(changed, told.version, moment.monotonic)
        hosts = [
            _host_news(host, marks.get(host.name), told.hosts.get(host.name), rows, moment)
            for host, rows in zip(changed, counts, strict=True)
        ]
        return News(hosts, readings), Told(marks, version, moment.monotonic)

    def happened(self) -> list[Event]:
        """What happened here since this was asked last."""
        events = list(self._happened)
        self._happened.clear()
        return events

    def _readings(self, hosts: list[HostRecord], version: int, now: float) -> tuple[list[int], Readings, int]:
        """The GPUs of these hosts that changed since the version: how many of each host, what was read, and the newest
        version."""
        records = [[self._fleet.gpus[uuid] for uuid in self._fleet.gpus_of(host)] for host in hosts]
        flat = [record for of_host in records for record in of_host]
        if not flat:
            return [0] * len(hosts), NO_READINGS, version
        board = flat[0].board
        slots = np.array([record.slot for record in flat], np.int64)
        owners = np.repeat(np.arange(len(hosts)), [len(of_host) for of_host in records])
        is_new = (board.versions[slots] > version) & (board.received[slots] > -np.inf).any(axis=1)
        rows, slots = np.flatnonzero(is_new).tolist(), slots[is_new]
        readings = Readings(
            [flat[row].gpu.uuid for row in rows],
            board.recorded_at[slots],
            now - board.received[slots],
            board.values[slots],
        )
        return np.bincount(owners[is_new], minlength=len(hosts)).tolist(), readings, int(board.versions.max())

    # --------------------------------------------------------------------------------------------- from the others

    def take(self, source: str, news: News, told_at: float) -> bool:
        """What a collector told at `told_at` (monotonic seconds of this one). False where it speaks of a host that it
        has not introduced: everything it knows is to be asked for."""
        moment = self._clock.now()
        taking = _Taking(self._fleet, news.readings, told_at)
        row, is_complete = 0, True
        for told in news.hosts:
            start, row = row, row + told.rows
            host = self._take_host(source, told, told_at, moment)
            if host is None:
                is_complete = is_complete and told.agent is not None  # else there is no room for it
            else:
                taking.take(host, range(start, row))
        for host, gpu_uuids in taking.finish(moment.monotonic):
            self._hub.publish_gpus(host.name, gpu_uuids, host.agent.labels)
        return is_complete

    def tell(self, placed: PlacedEvent) -> None:
        """Something happened on a host that is heard elsewhere; it is told once."""
        if self._recent.is_new(placed.event.id):
            host = self._fleet.hosts.get(placed.event.host)
            gpus, labels = ((), {}) if host is None else (self._fleet.gpus_of(host), host.agent.labels)
            self._hub.publish_event(placed, gpus, labels)

    def lose(self) -> None:
        """Nothing is heard of the others any more: how their hosts are is not known."""
        moment = self._clock.now()
        for host in self._fleet.hosts.values():
            if host.source is not None:
                self._fleet.lose(host)
                self._advance(host, moment)

    def _take_host(self, source: str, told: HostNews, told_at: float, moment: Moment) -> HostRecord | None:
        heard = min(told_at - told.silent_seconds, moment.monotonic)
        host = self._fleet.hosts.get(told.host)
        if host is None:
            host = None if told.agent is None else self._fleet.connect(told.host, told.agent, moment)
            if host is None:
                return None
        elif host.source != source and host.last_heard is not None and heard <= host.last_heard:
            return host  # somebody else heard it later
        is_news = host.source != source
        self._take_parts(host, told, told_at)
        self._fleet.hear_of(host, source, heard, moment)
        host.left = told.left
        if (self._advance(host, moment) or is_news) and host.state == told.state:
            host.since = moment.wall_us - round((told.state_seconds + moment.monotonic - told_at) * 1_000_000)
        return host

    def _take_parts(self, host: HostRecord, told: HostNews, told_at: float) -> None:
        if told.agent is not None:
            self._take_agent(host, told.agent)
        if told.status is not None:
            self._fleet.set_interval(host, told.status.interval_seconds)
            host.skew_seconds, host.cost = told.status.skew_seconds, told.status.cost
        if told.processes is not None:
            host.processes, host.processes_received = told.processes, told_at - told.processes_seconds
        if told.inventory is not None:
            changed = self._fleet.take_inventory(host, told.inventory)
            self._hub.publish_gpus(host.name, changed, host.agent.labels)

    def _take_agent(self, host: HostRecord, agent: AgentInfo) -> None:
        """With other labels the host comes to be of interest to others than before."""
        before, host.agent = host.agent.labels, agent
        if agent.labels != before:
            self._fleet.revise()
            gpus = self._fleet.gpus_of(host)
            self._hub.publish_host(host.name, gpus, agent.labels)
            self._hub.publish_gpus(host.name, gpus, agent.labels)

    def _advance(self, host: HostRecord, moment: Moment) -> bool:
        changed = self._fleet.advance(host, moment)
        if changed:
            self._hub.publish_host(host.name, self._fleet.gpus_of(host), host.agent.labels)
        return changed


class _Taking:
    """Readings on their way to the board, all at once."""

    def __init__(self, fleet: Fleet, readings: Readings, told_at: float) -> None:
        self._fleet = fleet
        self._readings = readings
        self._told_at = told_at
        self._newest = np.where(np.isfinite(readings.ages), readings.recorded_at, 0).max(axis=1, initial=0).tolist()
        self._rows: list[int] = []
        self._records: list[GpuRecord] = []
        self._lasting: list[Windows] = []

    def take(self, host: HostRecord, rows: range) -> None:
        for row in rows:
            record = self._fleet.claimed(host, self._readings.gpu_uuids[row], self._newest[row])
            if record is not None:
                self._rows.append(row)
                self._records.append(record)
                self._lasting.append(host.windows)

    def finish(self, now: float) -> Iterator[tuple[HostRecord, list[str]]]:
        """Hosts with those of their GPUs that look different now."""
        if not self._rows:
            return
        readings, rows, records = self._readings, self._rows, self._records
        changed = records[0].board.merge(
            np.array([record.slot for record in records], np.int64),
            readings.recorded_at[rows],
            self._told_at - readings.ages[rows],
            readings.values[rows],
            np.array(self._lasting).reshape(len(rows), len(TIERS)),
            now,
        )
        by_host: dict[str, tuple[HostRecord, list[str]]] = {}
        for row in np.flatnonzero(changed).tolist():
            host = records[row].host
            by_host.setdefault(host.name, (host, []))[1].append(records[row].gpu.uuid)
        yield from by_host.values()


def _mark(host: HostRecord, last_heard: float) -> _Mark:
    return _Mark(
        last_heard,
        host.state,
        host.left,
        host.agent,
        host.inventory,
        host.interval_seconds,
        host.skew_seconds,
        host.cost,
        host.processes,
    )


def _host_news(host: HostRecord, mark: _Mark | None, before: _Mark | None, rows: int, moment: Moment) -> HostNews:
    """Without a mark the host is another collector's, which tells of everything but these rows."""
    bare = HostNews(
        host=host.name,
        silent_seconds=_seconds(moment.monotonic - host.heard_here),
        state=host.state,
        state_seconds=_seconds((moment.wall_us - host.since) / 1_000_000),
        left=host.left,
        rows=rows,
    )
    if mark is None:
        return bare
    status = None
    if before is None or any(getattr(mark, name) is not getattr(before, name) for name in _STATUS):
        status = HostStatus(host.interval_seconds or DEFAULT_INTERVAL_SECONDS, host.skew_seconds, host.cost)
    return replace(
        bare,
        agent=None if before is not None and mark.agent is before.agent else mark.agent,
        inventory=None if before is not None and mark.inventory is before.inventory else mark.inventory,
        status=status,
        processes=None if before is not None and mark.processes is before.processes else mark.processes,
        processes_seconds=0.0 if mark.processes is None else _seconds(moment.monotonic - host.processes_received),
    )


def _seconds(passed: float) -> float:
    return max(-LONGEST_SECONDS, min(passed, LONGEST_SECONDS))


_STATUS = ("interval_seconds", "skew_seconds", "cost")
