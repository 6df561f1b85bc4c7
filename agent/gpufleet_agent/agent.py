"""The supervisor: puts probe, outbox and uplink together for one host, and starts and stops them in order."""

import asyncio
import contextlib
import json
import logging
import os
import platform
import random
import secrets
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from gpufleet_agent import __version__
from gpufleet_agent.access.door import Door
from gpufleet_agent.access.start import open_source
from gpufleet_agent.agent_cost import agent_cost
from gpufleet_agent.breadcrumb import Call
from gpufleet_agent.config import MAX_INTERVAL_SECONDS, AgentConfig
from gpufleet_agent.event_desk import EventDesk, gpu_at
from gpufleet_agent.inventory import InventoryWatch, with_left_alone, with_remembered
from gpufleet_agent.kernel_log_watch import KernelLogWatch
from gpufleet_agent.kmsg import KernelLog, open_kernel_log
from gpufleet_agent.outbox import Outbox
from gpufleet_agent.probe_process import ProbeOrders, ProbeProcess
from gpufleet_agent.quarantine import Quarantine
from gpufleet_agent.readings import Reading
from gpufleet_agent.reports import Reports
from gpufleet_agent.spool import Spool
from gpufleet_agent.spool_place import spool_path
from gpufleet_agent.spool_thread import SpoolThread
from gpufleet_agent.spooler import NoSpooler, Spooler
from gpufleet_agent.status_file import AgentStatus, own_pid_namespace, process_start, status_path
from gpufleet_agent.status_writer import StatusWriter
from gpufleet_agent.uplink import LEAVE_SECONDS, Uplink
from gpufleet_agent.wire import PROTOCOL, cost_values, inventory_of, processes_of, tick_of
from gpufleet_proto import telemetry_pb2 as pb

FIRST_READING_SECONDS = 8.0
STOP_SECONDS = 4.75
"""An agent ends so long after SIGTERM at the latest; what is not settled by then is on disk."""

SPOOL_CLOSE_SECONDS = 0.75


class Agent:
    """One host's agent: `run` until it is told to stop."""

    def __init__(
        self,
        config: AgentConfig,
        log: logging.Logger,
        *,
        quarantine: Quarantine | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """`environ` is that of the probe; None is the agent's own. Raises ConfigurationError where it could not get in
        at a collector whatever happens."""
        door = Door(open_source(config.access, config.collectors, log))
        self._config = config
        self._log = log
        self._interval = config.interval_seconds
        self._agent_id = secrets.token_hex(8)
        self._events = EventDesk(self._agent_id, config.interval_seconds)
        self._boot_id = read_boot_id()
        self._inventory = InventoryWatch()
        kernel_log = open_kernel_log(gpu_at(lambda: self._inventory.current))
        self._kernel_log = KernelLogWatch(kernel_log, self._tell_of_kernel)
        self._milliseconds: Mapping[str, float] = {}
        self._read_once = asyncio.Event()
        self._started_at_us = time.time_ns() // 1000
        self.outbox = Outbox()
        self._disk = SpoolThread()
        self.spooler = self._new_spooler()
        self.status_writer = self._new_status_writer()
        self._reports = Reports(self.outbox, self._report_added, log)
        orders = ProbeOrders(
            config.backend,
            config.interval_seconds,
            config.nvidia_smi,
            config.host_name,
            phase=phase_of(config.host_name),
            gpm=config.gpm,
            release_handles=config.release_handles,
            call_deadline_seconds=config.call_deadline_seconds,
        )
        rng = random.SystemRandom()
        self.probe = ProbeProcess(
            orders,
            on_reading=self._on_reading,
            on_hang=self._on_hang,
            random=rng.random,
            log=log,
            quarantine=quarantine,
            environ=environ,
        )
        self.uplink = Uplink(
            config.collectors,
            self.outbox,
            greeting=self._hello,
            heartbeat=self._heartbeat,
            on_welcome=self._on_welcome,
            random=rng.random,
            log=log,
            door=door,
        )

    async def run(self) -> None:
        """Read and stream until SIGTERM or SIGINT; then flush, for at most STOP_SECONDS in all."""
        stop = stop_on_signals()
        probing = asyncio.create_task(self.probe.run())
        streaming = asyncio.create_task(self._stream())
        stopping = asyncio.create_task(stop.wait())
        self._events.started(time.time_ns() // 1000, __version__)
        self._tell_events()
        self._kernel_log.look()
        spooling = asyncio.create_task(self.spooler.run())
        reporting = asyncio.create_task(self.status_writer.run())
        running = {probing, streaming, stopping, spooling, reporting}
        try:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            end = time.monotonic() + STOP_SECONDS
            self.spooler.hurry()
            await _cancel(probing)
            self._kernel_log.stop()
            self._reports.flush()
            await self.uplink.finish(end - time.monotonic() - LEAVE_SECONDS - SPOOL_CLOSE_SECONDS)
            await _cancel(streaming, stopping, spooling, reporting)
            await asyncio.gather(self.spooler.close(SPOOL_CLOSE_SECONDS), self.status_writer.close(SPOOL_CLOSE_SECONDS))
            self._tell_tally()

    async def _stream(self) -> None:
        """A Hello with the inventory spares the collector a guess; a driver that hangs must not keep the host away."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_READING_SECONDS):
                await self._read_once.wait()
        await self.uplink.run()

    def _on_reading(self, instant_us: int, reading: Reading) -> None:
        self._read_once.set()
        known = self._inventory.current
        reading = with_left_alone(with_remembered(reading, known), known, self.probe.left_alone)
        changed = self._inventory.see(instant_us, reading)
        if changed:
            self._log.info("%s", describe(reading))
            self._reports.flush()
            self._announce()
        self._events.reading(instant_us, reading, reading if changed else None)
        self._tell_events()
        self._kernel_log.look()
        self._milliseconds = {**self._milliseconds, **reading.milliseconds}
        if reading.processes is not None:
            self.uplink.tell(processes_of(instant_us, reading.processes))
        self._reports.add_tick(tick_of(instant_us, reading))

    def _tell_events(self) -> None:
        self._reports.add_events(self._events.take())

    def _tell_of_kernel(self, log: KernelLog) -> None:
        self._events.poll(log)
        self._tell_events()

    def _new_spooler(self) -> Spooler | NoSpooler:
        config = self._config
        if config.data_dir is None and config.spool_max_bytes:
            self._log.warning("no spool: this user has no home; set GPUFLEET_DATA_DIR to keep readings on disk")
        if config.data_dir is None or not config.spool_max_bytes:
            return NoSpooler()
        path = spool_path(config.data_dir / "agent", config.host_name)
        spool = Spool(path, config.spool_max_bytes, config.spool_max_seconds)
        wake, rng = self._wake_uplink, random.SystemRandom()
        return Spooler(spool, self.outbox, self._disk, on_loaded=wake, random=rng.random, log=self._log)

    def _new_status_writer(self) -> StatusWriter:
        config = self._config
        path = None if config.data_dir is None else status_path(config.data_dir / "agent", config.host_name)
        return StatusWriter(path, self._status, self._disk, max_age_seconds=config.spool_max_seconds, log=self._log)

    def _status(self) -> AgentStatus:
        inventory, pid = self._inventory.current, os.getpid()
        return AgentStatus(
            host_name=self._config.host_name,
            agent_version=__version__,
            pid=pid,
            process_start=process_start(pid),
            pid_namespace=own_pid_namespace(),
            started_at_us=self._started_at_us,
            written_at_us=time.time_ns() // 1000,
            ended=False,
            interval_seconds=self._interval,
            backend=None if inventory is None else inventory.backend,
            gpus=None if inventory is None else len(inventory.gpus),
            connected=self.uplink.state.connected,
            last_error=self.uplink.state.last_error,
            cost=cost_values(self._cost()),
        )

    def _report_added(self) -> None:
        self.uplink.wake()
        self.spooler.added()

    def _wake_uplink(self) -> None:
        self.uplink.wake()

    def _tell_tally(self) -> None:
        """One line for who counts from outside: what became of every sample."""
        pending = self.outbox.pending_samples
        self._log.info("samples: %s", json.dumps({**asdict(self.outbox.tally), "pending": pending}))
        if pending and not self.spooler.state.working:
            self._log.warning("stopped with %d samples that are lost: they are neither settled nor on disk", pending)

    def _on_hang(self, call: Call) -> None:
        self._log.error("driver call hangs: %s", call.describe(time.monotonic()))
        now_us = time.time_ns() // 1000
        if self._inventory.hang(now_us, call.gpu):
            self._announce()
        self._events.hang(now_us, call, self._inventory.current if self._inventory.knows(call.gpu) else None)
        self._tell_events()
        self.uplink.beat()

    def _on_welcome(self, welcome: pb.Welcome) -> None:
        self._reports.gather(welcome.ticks_per_report)
        wanted = welcome.interval_seconds if welcome.HasField("interval_seconds") else self._config.interval_seconds
        if self._config.interval_explicit or wanted == self._interval or not 0 < wanted <= MAX_INTERVAL_SECONDS:
            return
        self._interval = wanted
        self._log.info("the collector asks for a reading every %g s", wanted)
        self.probe.change_interval(wanted)
        self._events.change_interval(wanted)

    def _announce(self) -> None:
        inventory = self._inventory_message()
        if inventory is not None:
            self.uplink.announce(inventory)

    def _inventory_message(self) -> pb.Inventory | None:
        current = self._inventory.current
        return None if current is None else inventory_of(self._inventory.since_us, current)

    def _hello(self) -> pb.Hello:
        return pb.Hello(
            protocol=PROTOCOL,
            host=self._config.host_name,
            agent_id=self._agent_id,
            labels=self._config.labels,
            boot_id=self._boot_id,
            agent_version=__version__,
            platform=describe_platform(),
            inventory=self._inventory_message(),
            interval_seconds=self._interval,
            sent_at_us=time.time_ns() // 1000,
        )

    def _heartbeat(self) -> pb.Heartbeat:
        return pb.Heartbeat(sent_at_us=time.time_ns() // 1000, interval_seconds=self._interval, cost=self._cost())

    def _cost(self) -> pb.AgentCost:
        return agent_cost(self.probe, self.outbox, self.uplink.state, self.spooler.state, self._milliseconds)


def phase_of(host: str) -> float:
    """Where in an interval a host ticks, 0 to 1: even over many hosts, always the same for one."""
    return random.Random(f"phase of {host}").random()


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def read_boot_id(path: Path = Path("/proc/sys/kernel/random/boot_id")) -> str:
    """The kernel's name for this boot; empty where there is none."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def describe_platform() -> str:
    return f"{platform.system()} {platform.release()}, Python {platform.python_version()}"


def describe(reading: Reading) -> str:
    """One line for the log on what is read now."""
    if not reading.gpus:
        return f"no GPU through {reading.backend}: {reading.note or 'none found'}"
    states = [gpu.state for gpu in reading.gpus]
    troubled = "".join(f", {states.count(state)} {state}" for state in sorted(set(states) - {"ok"}))
    return f"{len(reading.gpus)} GPUs through {reading.backend}{troubled}"


async def _cancel(*tasks: "asyncio.Task[object]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
