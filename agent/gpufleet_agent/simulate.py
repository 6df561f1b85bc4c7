"""A whole fleet in one process, one connection per host: demo, load generator and fault rehearsal are this code."""

import asyncio
import gc
import logging
import time
from collections.abc import Callable

from gpufleet_agent.access.door import Door
from gpufleet_agent.access.start import open_source
from gpufleet_agent.ack_times import AckTimes
from gpufleet_agent.agent import stop_on_signals
from gpufleet_agent.fleet_count import FleetCount, FleetState
from gpufleet_agent.fleet_orders import FleetOrders
from gpufleet_agent.open_files import raise_file_limit
from gpufleet_agent.progress import tell_progress
from gpufleet_agent.simulated_agent import Shared, SimulatedAgent, interval_us, wall_us
from gpufleet_agent.spool_thread import SpoolThread
from gpufleet_agent.tick_wheel import TickWheel

FLUSH_SECONDS = 30.0
SPOOL_CLOSE_SECONDS = 10.0
COUNTS_SECONDS = 1.0

OPENING_AT_ONCE = 200
"""So many streams of one process are being opened at once; the others wait. Hosts of their own would not wait for each
other, but those of one process share its time, and a collector would give up on them."""

MANY_OBJECTS, ROUNDS = 50_000, 50
"""Python's own thresholds have a fleet's worth of lasting objects searched for garbage many times a second."""


class Fleet:
    """All hosts of this process's part of a simulated fleet."""

    def __init__(self, orders: FleetOrders, log: logging.Logger) -> None:
        self._orders = orders
        self._log = log
        quiet = logging.getLogger("gpufleet_agent.simulate.host")
        quiet.setLevel(logging.ERROR)  # one host speaks for all: a thousand times the same line helps nobody
        door = Door(open_source(orders.access, orders.targets, log))
        self._shared = Shared(turn=asyncio.Semaphore(OPENING_AT_ONCE), disk=SpoolThread(), door=door)
        self.agents = [
            SimulatedAgent(orders, number, self._shared, quiet if at else log)
            for at, number in enumerate(orders.part.numbers(orders.hosts))
        ]
        hosts = (agent.ticking for agent in self.agents)
        self._wheel = TickWheel(hosts, interval_us(orders), wall_us(), wall_us)

    async def run(self, tell_counts: Callable[[str], None] | None = None) -> FleetState:
        """Until SIGTERM or SIGINT; then flush. With `tell_counts` it is told the state every second, as a line."""
        stop = stop_on_signals()
        streams = [asyncio.create_task(agent.uplink.run()) for agent in self.agents]
        spooling = [asyncio.create_task(agent.spooler.run()) for agent in self.agents if self._orders.spool_dir]
        ticking = asyncio.create_task(self._wheel.run())
        telling = asyncio.create_task(self._tell(tell_counts))
        stopping = asyncio.create_task(stop.wait())
        look_for_garbage_less_often()
        try:
            running = {ticking, *streams, *spooling, telling, stopping}
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            await _cancel([ticking, telling])
            self._log.info("stopping: what is not settled yet gets %g s", FLUSH_SECONDS)
            for agent in self.agents:
                agent.spooler.hurry()
            await asyncio.gather(*(agent.uplink.finish(FLUSH_SECONDS) for agent in self.agents))
            await _cancel([*streams, *spooling, stopping])
            await asyncio.gather(*(agent.spooler.close(SPOOL_CLOSE_SECONDS) for agent in self.agents))
        state = self.state()
        if state.count.pending:
            self._log.warning("%d samples are not settled, and go with this process", state.count.pending)
        return state

    def state(self) -> FleetState:
        tallies = [agent.outbox.tally for agent in self.agents]
        count = FleetCount(
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
            reports=self._shared.reports,
            acked_reports=self._shared.acked_reports,
            skipped_ticks=self._wheel.skipped,
            connections=sum(agent.uplink.state.connections for agent in self.agents),
        )
        replayed = min((agent.replayed_share for agent in self.agents), default=1.0)
        return FleetState(count, AckTimes(self._shared.acks.counts), replayed)

    async def _tell(self, tell_counts: Callable[[str], None] | None) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._backfill())
            if tell_counts is None:
                group.create_task(tell_progress(self.state, self._orders.progress_seconds, self._log))
            else:
                group.create_task(self._tell_counts(tell_counts))

    async def _tell_counts(self, tell: Callable[[str], None]) -> None:
        while True:
            await asyncio.sleep(COUNTS_SECONDS)
            tell(self.state().as_line())

    async def _backfill(self) -> None:
        if not self._orders.backfill_seconds:
            return
        started = time.monotonic()
        self._log.info("replaying %g s of history ...", self._orders.backfill_seconds)
        await asyncio.gather(*(agent.backfill() for agent in self.agents))
        self._log.info("history sent after %.1f s", time.monotonic() - started)


def look_for_garbage_less_often() -> None:
    """What has been made until now lasts as long as the process: it is never searched again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(MANY_OBJECTS, ROUNDS, ROUNDS)


async def simulate(
    orders: FleetOrders, log: logging.Logger, tell_counts: Callable[[str], None] | None = None
) -> FleetState:
    """Run this part of the fleet until stopped; what became of it."""
    raise_file_limit(len(orders.part.numbers(orders.hosts)))
    return await Fleet(orders, log).run(tell_counts)


async def _cancel(tasks: list["asyncio.Task[object]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
