"""One host of a simulated fleet: its ticks, its history and what it says of itself, behind a real outbox and uplink."""

import asyncio
import logging
import math
import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

from gpufleet_agent import __version__
from gpufleet_agent.access.door import Door
from gpufleet_agent.ack_times import AckTimes
from gpufleet_agent.agent import describe_platform, read_boot_id
from gpufleet_agent.fleet_orders import FleetOrders
from gpufleet_agent.outbox import Outbox
from gpufleet_agent.simulated_ticks import HostProcesses, HostTicks
from gpufleet_agent.simulation.host import SimulatedHost
from gpufleet_agent.simulation.news import News
from gpufleet_agent.spool import Spool
from gpufleet_agent.spool_place import spool_path
from gpufleet_agent.spool_thread import SpoolThread
from gpufleet_agent.spooler import NoSpooler, Spooler
from gpufleet_agent.tick_wheel import MICROSECONDS, Ticking, TickWheel, tick_grid
from gpufleet_agent.uplink import Uplink
from gpufleet_agent.wire import PROTOCOL, encode_events, encode_ticks, inventory_of, tick_of
from gpufleet_proto import telemetry_pb2 as pb

BACKFILL_TICKS_PER_REPORT = 60
BACKFILL_SAMPLES_PER_REPORT = 500
"""Fewer ticks go into a report where a host has many GPUs: BACKFILL_MAX_QUEUED of them must fit into OUTBOX_BYTES."""

BACKFILL_MAX_QUEUED = 16
"""A host's backfill waits while so many of its reports are not settled: memory stays bounded however long it is."""

EVENTS_PER_REPORT = 500
OUTBOX_BYTES = 4 * 1024 * 1024
SPOOL_BYTES = 256 * 1024 * 1024
SPOOL_SECONDS = 72 * 3600.0


def wall_us() -> int:
    return time.time_ns() // 1000


def backfill_ticks(gpus: int) -> int:
    """How many ticks of a host with so many GPUs go into one report of its history."""
    return min(BACKFILL_TICKS_PER_REPORT, max(1, BACKFILL_SAMPLES_PER_REPORT // max(1, gpus)))


def interval_us(orders: FleetOrders) -> int:
    return max(1, round(orders.interval_seconds * MICROSECONDS))


@dataclass(slots=True)
class Shared:
    """What all hosts of one process have in common. `turn` is held while a stream is being opened."""

    wall_us: Callable[[], int] = wall_us
    turn: AbstractAsyncContextManager[object] = field(default_factory=nullcontext)
    disk: SpoolThread | None = None
    door: Door = field(default_factory=Door)
    boot_id: str = field(default_factory=read_boot_id)
    platform: str = field(default_factory=describe_platform)
    random: Callable[[], float] = field(default_factory=lambda: random.SystemRandom().random)
    acks: AckTimes = field(default_factory=AckTimes)
    reports: int = 0
    acked_reports: int = 0


class SimulatedAgent:
    """One host of the fleet. Instants lie on a grid that depends on nothing but the host, so that a second run over the
    same time gives the same samples."""

    def __init__(self, orders: FleetOrders, number: int, shared: Shared, log: logging.Logger) -> None:
        self._orders = orders
        self._shared = shared
        self.host = SimulatedHost(
            f"{orders.name_prefix}{number:03d}",
            orders.gpus,
            seed=orders.seed,
            faults=orders.fault_times if orders.faults else None,
        )
        self._ticks = HostTicks(self.host, orders.interval_seconds)
        self._processes = HostProcesses(self.host)
        self._interval_us = interval_us(orders)
        self._phase_us = self._interval_us * (number - 1) // orders.hosts
        self._started_us = shared.wall_us()
        self._states = self.host.states(self._started_us)
        self._observed_at_us = self._started_us - round(orders.backfill_seconds * MICROSECONDS)
        self._replayed_until_us = self._observed_at_us
        self._news = News(self.host, self._started_us)
        self._old_news = News(self.host, self._observed_at_us)
        self.events_told = 0
        self._agent_id = secrets.token_hex(8)
        self.outbox = Outbox(OUTBOX_BYTES, replays_per_second=math.inf, on_settled=self._settled)
        self.spooler = self._new_spooler(log)
        self.uplink = Uplink(
            orders.targets,
            self.outbox,
            greeting=self._hello,
            heartbeat=self._heartbeat,
            on_welcome=lambda _welcome: None,
            random=shared.random,
            log=log,
            turn=shared.turn,
            door=shared.door,
        )

    @property
    def ticking(self) -> Ticking:
        """One report per tick."""
        return Ticking(self._phase_us, self._take)

    def wheel(self) -> TickWheel:
        """Its ticks alone, from its start on."""
        return TickWheel((self.ticking,), self._interval_us, self._started_us, self._shared.wall_us)

    def _new_spooler(self, log: logging.Logger) -> Spooler | NoSpooler:
        disk = self._shared.disk
        if self._orders.spool_dir is None or disk is None:
            return NoSpooler()
        spool = Spool(spool_path(self._orders.spool_dir, self.host.name), SPOOL_BYTES, SPOOL_SECONDS)
        return Spooler(spool, self.outbox, disk, on_loaded=self._wake_uplink, random=self._shared.random, log=log)

    def _wake_uplink(self) -> None:
        self.uplink.wake()

    def _report_added(self) -> None:
        self._shared.reports += 1
        self.uplink.wake()
        self.spooler.added()

    def _settled(self, seconds: float, replayed: bool) -> None:
        self._shared.acked_reports += 1
        if not replayed:
            self._shared.acks.add(seconds)

    async def backfill(self) -> None:
        """The time before the start as replayed reports, oldest first."""
        for ticks in self._past():
            while self.outbox.backlog_length >= BACKFILL_MAX_QUEUED:
                await asyncio.sleep(0.01)
            self.outbox.add(encode_ticks(ticks), sum(len(tick.gpus) for tick in ticks), replayed=True)
            self._tell_events(self._old_news, ticks[-1].instant_us, replayed=True)
            self._replayed_until_us = ticks[-1].instant_us
            self._report_added()
            await asyncio.sleep(0)
        self._tell_events(self._old_news, self._started_us, replayed=True)
        self._replayed_until_us = self._started_us

    @property
    def replayed_share(self) -> float:
        """How much of the history has been handed over, 0 to 1."""
        whole_us = self._orders.backfill_seconds * MICROSECONDS
        return 1.0 - (self._started_us - self._replayed_until_us) / whole_us if whole_us else 1.0

    def _past(self) -> Iterator[list[pb.Tick]]:
        instant_us = tick_grid(self._phase_us, self._interval_us, self._observed_at_us)
        ticks_per_report = backfill_ticks(self._orders.gpus)
        ticks: list[pb.Tick] = []
        while instant_us < self._started_us:
            ticks.append(tick_of(instant_us, self.host.read(instant_us, self._orders.interval_seconds)))
            instant_us += self._interval_us
            if len(ticks) == ticks_per_report:
                yield ticks
                ticks = []
        if ticks:
            yield ticks

    def _take(self, instant_us: int) -> None:
        states = self.host.states(instant_us)
        if states != self._states:
            self._observed_at_us, self._states = instant_us, states
            self.uplink.announce(self._inventory())
        self._tell_events(self._news, instant_us, replayed=False)
        if self._news.processes_due(instant_us):
            self.uplink.tell(self._processes.tell(instant_us))
        payload, samples = self._ticks.encode(instant_us)
        self.outbox.add(payload, samples)
        self._report_added()

    def _tell_events(self, news: News, until_us: int, *, replayed: bool) -> None:
        events = news.events(until_us)
        self.events_told += len(events)
        for start in range(0, len(events), EVENTS_PER_REPORT):
            self._shared.reports += 1
            self.outbox.add(encode_events(events[start : start + EVENTS_PER_REPORT]), 0, replayed=replayed)

    def _inventory(self) -> pb.Inventory:
        return inventory_of(self._observed_at_us, self.host.inventory(self._states))

    def _hello(self) -> pb.Hello:
        return pb.Hello(
            protocol=PROTOCOL,
            host=self.host.name,
            agent_id=self._agent_id,
            labels={"fleet": "simulated"},
            boot_id=self._shared.boot_id,
            agent_version=__version__,
            platform=self._shared.platform,
            inventory=self._inventory(),
            interval_seconds=self._orders.interval_seconds,
            sent_at_us=self._shared.wall_us(),
        )

    def _heartbeat(self) -> pb.Heartbeat:
        tally, spool = self.outbox.tally, self.spooler.state
        cost = pb.AgentCost(
            samples_taken_total=tally.taken,
            samples_dropped_total=tally.dropped,
            reconnects_total=max(0, self.uplink.state.connections - 1),
            unacked_reports=len(self.outbox),
            unacked_bytes=self.outbox.unsettled_bytes,
            spool_reports=spool.reports if spool.working else None,
            spool_bytes=spool.file_bytes if spool.working else None,
            spool_dropped_samples_total=tally.spool_dropped,
            spool_failures_total=spool.failures,
        )
        return pb.Heartbeat(
            sent_at_us=self._shared.wall_us(), interval_seconds=self._orders.interval_seconds, cost=cost
        )
