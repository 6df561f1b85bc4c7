"""A whole fleet in one process, one connection per host: demo, load generator and fault rehearsal are this code."""

import asyncio
import json
import logging
import math
import random
import resource
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gpufleet_agent import __version__
from gpufleet_agent.agent import describe_platform, read_boot_id, stop_on_signals
from gpufleet_agent.errors import ConfigurationError
from gpufleet_agent.outbox import Outbox
from gpufleet_agent.simulation.faults import USUAL_FAULTS, Faults
from gpufleet_agent.simulation.host import SimulatedHost
from gpufleet_agent.simulation.news import News
from gpufleet_agent.spool import Spool
from gpufleet_agent.spool_place import spool_path
from gpufleet_agent.spool_thread import SpoolThread
from gpufleet_agent.spooler import NoSpooler, Spooler
from gpufleet_agent.uplink import Uplink
from gpufleet_agent.wire import PROTOCOL, encode_events, encode_ticks, inventory_of, processes_of, tick_of
from gpufleet_proto import telemetry_pb2 as pb

MICROSECONDS = 1_000_000
FLUSH_SECONDS = 30.0
PROGRESS_SECONDS = 5.0
STEADY_PROGRESS_SECONDS = 120.0
BACKFILL_TICKS_PER_REPORT = 60
BACKFILL_SAMPLES_PER_REPORT = 500
"""Fewer ticks go into a report where a host has many GPUs: BACKFILL_MAX_QUEUED of them must fit into OUTBOX_BYTES."""

BACKFILL_MAX_QUEUED = 16
"""A host's backfill waits while so many of its reports are not settled: memory stays bounded however long it is."""

EVENTS_PER_REPORT = 500
OUTBOX_BYTES = 4 * 1024 * 1024
SPOOL_BYTES = 256 * 1024 * 1024
SPOOL_SECONDS = 72 * 3600.0
SPOOL_CLOSE_SECONDS = 10.0
FILES_BESIDE_CONNECTIONS = 256


@dataclass(frozen=True, slots=True)
class FleetOrders:
    """What to simulate. `targets` are collectors as `host:port`; `backfill_seconds` is replayed before now. With
    `faults` one GPU of each host comes and goes at `fault_times`."""

    targets: tuple[str, ...]
    hosts: int
    gpus: int
    interval_seconds: float
    seed: int
    faults: bool
    backfill_seconds: float
    name_prefix: str = "sim-"
    fault_times: Faults = USUAL_FAULTS
    spool_dir: Path | None = None


def tick_grid(phase_us: int, interval_us: int, since_us: int) -> int:
    """The first instant at or after `since_us` on the grid of multiples of `interval_us` shifted by `phase_us`."""
    return since_us + (phase_us - since_us) % interval_us


def backfill_ticks(gpus: int) -> int:
    """How many ticks of a host with so many GPUs go into one report of its history."""
    return min(BACKFILL_TICKS_PER_REPORT, max(1, BACKFILL_SAMPLES_PER_REPORT // max(1, gpus)))


class SimulatedAgent:
    """One host of the fleet. Instants lie on a grid that depends on nothing but the host, so that a second run over the
    same time gives the same samples."""

    def __init__(
        self,
        orders: FleetOrders,
        number: int,
        *,
        wall_us: Callable[[], int],
        log: logging.Logger,
        disk: SpoolThread | None = None,
    ) -> None:
        self._orders = orders
        self._wall_us = wall_us
        self.host = SimulatedHost(
            f"{orders.name_prefix}{number:03d}",
            orders.gpus,
            seed=orders.seed,
            faults=orders.fault_times if orders.faults else None,
        )
        self._interval_us = max(1, round(orders.interval_seconds * MICROSECONDS))
        self._phase_us = self._interval_us * (number - 1) // orders.hosts
        self._started_us = wall_us()
        self._inventory = self.host.read(self._started_us, orders.interval_seconds)
        self._observed_at_us = self._started_us - round(orders.backfill_seconds * MICROSECONDS)
        self._replayed_until_us = self._observed_at_us
        self._news = News(self.host, self._started_us)
        self._old_news = News(self.host, self._observed_at_us)
        self.events_told = 0
        self._agent_id = secrets.token_hex(8)
        self._boot_id = read_boot_id()
        self.outbox = Outbox(OUTBOX_BYTES, replays_per_second=math.inf)
        self.spooler = self._new_spooler(disk, log)
        self.uplink = Uplink(
            orders.targets,
            self.outbox,
            greeting=self._hello,
            heartbeat=self._heartbeat,
            on_welcome=lambda _welcome: None,
            random=random.SystemRandom().random,
            log=log,
        )

    def _new_spooler(self, disk: SpoolThread | None, log: logging.Logger) -> Spooler | NoSpooler:
        if self._orders.spool_dir is None or disk is None:
            return NoSpooler()
        spool = Spool(spool_path(self._orders.spool_dir, self.host.name), SPOOL_BYTES, SPOOL_SECONDS)
        rng = random.SystemRandom()
        return Spooler(spool, self.outbox, disk, on_loaded=self._wake_uplink, random=rng.random, log=log)

    def _wake_uplink(self) -> None:
        self.uplink.wake()

    def _report_added(self) -> None:
        self.uplink.wake()
        self.spooler.added()

    async def tick_for_ever(self) -> None:
        """One report per tick, from now on."""
        due_us = tick_grid(self._phase_us, self._interval_us, self._started_us)
        while True:
            await asyncio.sleep(max(0.0, (due_us - self._wall_us()) / MICROSECONDS))
            self._take(due_us)
            due_us = max(due_us + self._interval_us, tick_grid(self._phase_us, self._interval_us, self._wall_us()))

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
        reading = self.host.read(instant_us, self._orders.interval_seconds)
        if [gpu.state for gpu in reading.gpus] != [gpu.state for gpu in self._inventory.gpus]:
            self._observed_at_us = instant_us
            self._inventory = reading
            self.uplink.announce(inventory_of(instant_us, reading))
        self._tell_events(self._news, instant_us, replayed=False)
        processes = self._news.processes(instant_us)
        if processes is not None:
            self.uplink.tell(processes_of(instant_us, processes))
        tick = tick_of(instant_us, reading)
        self.outbox.add(encode_ticks([tick]), len(tick.gpus))
        self._report_added()

    def _tell_events(self, news: News, until_us: int, *, replayed: bool) -> None:
        events = news.events(until_us)
        self.events_told += len(events)
        for start in range(0, len(events), EVENTS_PER_REPORT):
            self.outbox.add(encode_events(events[start : start + EVENTS_PER_REPORT]), 0, replayed=replayed)

    def _hello(self) -> pb.Hello:
        return pb.Hello(
            protocol=PROTOCOL,
            host=self.host.name,
            agent_id=self._agent_id,
            labels={"fleet": "simulated"},
            boot_id=self._boot_id,
            agent_version=__version__,
            platform=describe_platform(),
            inventory=inventory_of(self._observed_at_us, self._inventory),
            interval_seconds=self._orders.interval_seconds,
            sent_at_us=self._wall_us(),
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
        return pb.Heartbeat(sent_at_us=self._wall_us(), interval_seconds=self._orders.interval_seconds, cost=cost)


@dataclass(frozen=True, slots=True)
class FleetCount:
    """What became of every GPU sample of the fleet, and how many events it told."""

    hosts: int
    connected: int
    taken: int
    recovered: int
    settled: int
    refused: int
    dropped: int
    pending: int
    resent_reports: int
    events: int


class Fleet:
    """All hosts of a simulated fleet."""

    def __init__(self, orders: FleetOrders, log: logging.Logger) -> None:
        self._log = log
        quiet = logging.getLogger("gpufleet_agent.simulate.host")
        disk = SpoolThread()
        self.agents = [
            SimulatedAgent(orders, number, wall_us=wall_us, log=log if number == 1 else quiet, disk=disk)
            for number in range(1, orders.hosts + 1)
        ]
        quiet.setLevel(logging.ERROR)  # one host speaks for all: a thousand times the same line helps nobody
        self._orders = orders

    async def run(self) -> FleetCount:
        """Until SIGTERM or SIGINT; then flush."""
        stop = stop_on_signals()
        streams = [asyncio.create_task(agent.uplink.run()) for agent in self.agents]
        ticking = [asyncio.create_task(agent.tick_for_ever()) for agent in self.agents]
        spooling = [asyncio.create_task(agent.spooler.run()) for agent in self.agents]
        telling = asyncio.create_task(self._tell())
        stopping = asyncio.create_task(stop.wait())
        try:
            running = {*ticking, *streams, *spooling, telling, stopping}
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            await _cancel([*ticking, telling])
            self._log.info("stopping: what is not settled yet gets %g s", FLUSH_SECONDS)
            for agent in self.agents:
                agent.spooler.hurry()
            await asyncio.gather(*(agent.uplink.finish(FLUSH_SECONDS) for agent in self.agents))
            await _cancel([*streams, *spooling, stopping])
            await asyncio.gather(*(agent.spooler.close(SPOOL_CLOSE_SECONDS) for agent in self.agents))
        count = self.count()
        if count.pending:
            self._log.warning("%d samples are not settled, and go with this process", count.pending)
        return count

    def count(self) -> FleetCount:
        tallies = [agent.outbox.tally for agent in self.agents]
        return FleetCount(
            hosts=len(self.agents),
            connected=sum(agent.uplink.state.connected for agent in self.agents),
            taken=sum(tally.taken for tally in tallies),
            recovered=sum(tally.recovered for tally in tallies),
            settled=sum(tally.settled for tally in tallies),
            refused=sum(tally.refused for tally in tallies),
            dropped=sum(tally.dropped for tally in tallies),
            pending=sum(agent.outbox.pending_samples for agent in self.agents),
            resent_reports=sum(tally.resent_reports for tally in tallies),
            events=sum(agent.events_told for agent in self.agents),
        )

    async def _tell(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._backfill())
            group.create_task(self._report_progress())

    async def _backfill(self) -> None:
        if not self._orders.backfill_seconds:
            return
        started = time.monotonic()
        self._log.info("replaying %g s of history ...", self._orders.backfill_seconds)
        await asyncio.gather(*(agent.backfill() for agent in self.agents))
        self._log.info("history sent after %.1f s", time.monotonic() - started)

    async def _report_progress(self) -> None:
        """A line every few seconds while there is something to see, and one now and then when all is well."""
        silent_seconds = STEADY_PROGRESS_SECONDS
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            silent_seconds += PROGRESS_SECONDS
            count, replayed = self.count(), self._replayed_share()
            steady = count.connected == count.hosts and replayed == 1.0 and not count.refused + count.dropped
            if steady and silent_seconds < STEADY_PROGRESS_SECONDS:
                continue
            silent_seconds = 0.0
            history = "" if replayed == 1.0 else f"history {replayed:.0%}; "
            self._log.info(
                "%s%d of %d hosts connected; samples: %d taken, %d settled, %d pending, %d refused, %d dropped",
                history, count.connected, count.hosts, count.taken, count.settled, count.pending, count.refused,
                count.dropped,
            )  # fmt: skip

    def _replayed_share(self) -> float:
        return min((agent.replayed_share for agent in self.agents), default=1.0)


def wall_us() -> int:
    return time.time_ns() // 1000


def raise_file_limit(hosts: int) -> None:
    """One connection is one open file: raise the soft limit, or say what to do. Raises ConfigurationError."""
    needed = hosts + FILES_BESIDE_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise ConfigurationError(
            f"--hosts={hosts} needs {needed} open files and the hard limit is {hard}: raise it (ulimit -Hn {needed}) "
            "or start several processes with fewer hosts"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


async def simulate(orders: FleetOrders, log: logging.Logger) -> str:
    """Run the fleet until stopped; the final count as one line of JSON."""
    raise_file_limit(orders.hosts)
    count = await Fleet(orders, log).run()
    return json.dumps({name: getattr(count, name) for name in count.__slots__})


async def _cancel(tasks: list["asyncio.Task[object]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
