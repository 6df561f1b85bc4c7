"""A simulated fleet of several processes, each with its part of the hosts: started, listened to, added up and ended."""

import asyncio
import logging
import signal
import sys
from dataclasses import replace
from functools import reduce

from gpufleet_agent.access.config import AccessConfig
from gpufleet_agent.access.start import check_access
from gpufleet_agent.agent import stop_on_signals
from gpufleet_agent.errors import AgentError
from gpufleet_agent.fleet_count import NOTHING_YET, FleetState
from gpufleet_agent.fleet_orders import FleetOrders, Part
from gpufleet_agent.open_files import raise_file_limit
from gpufleet_agent.progress import tell_progress

END_SECONDS = 60.0
"""A part flushes what is not settled; one that takes longer is killed."""


class FleetPart:
    """One process of the fleet. It says every second how it is going; one that is not listened to any more ends."""

    def __init__(self, orders: FleetOrders, log_level: str) -> None:
        self.orders = orders
        self._log_level = log_level
        self.state = NOTHING_YET
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Until it ends. Raises AgentError where that is not well."""
        command = (sys.executable, "-m", "gpufleet_agent", *as_arguments(self.orders), "--log-level", self._log_level)
        # A session of its own: Ctrl-C reaches the parent alone, which then ends all parts.
        self._process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, start_new_session=True
        )
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.state = FleetState.of_line(line.decode())
        if status := await self._process.wait():
            raise AgentError(f"part {self.orders.part} of the fleet ended with status {status}")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Ask it to end."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)


def as_arguments(orders: FleetOrders) -> tuple[str, ...]:
    """The arguments of `gpufleet-agent` that give these orders to a process that tells its counts."""
    values = {
        "--collector": ",".join(map(str, orders.targets)),
        "--hosts": orders.hosts,
        "--gpus": orders.gpus,
        "--interval": orders.interval_seconds,
        "--seed": orders.seed,
        "--backfill": f"{orders.backfill_seconds:f}s",
        "--prefix": orders.name_prefix,
        "--part": orders.part,
        "--spool": orders.spool_dir,
        **_access_arguments(orders.access),
    }
    given = tuple(f"{flag}={value}" for flag, value in values.items() if value is not None)
    return ("simulate", *given, *(("--faults",) if orders.faults else ()), "--counts")


def _access_arguments(access: AccessConfig) -> dict[str, object]:
    """A token that is given itself is not among them: a process inherits it with its environment."""
    return {
        "--token-file": access.token_file,
        "--tls-ca-file": access.ca_file,
        "--tls-cert-file": access.cert_file,
        "--tls-key-file": access.key_file,
        "--allow-insecure": str(access.allow_insecure).lower(),
    }


def parts_of(orders: FleetOrders, processes: int) -> list[FleetOrders]:
    """The orders of each process; none without hosts."""
    wanted = min(processes, orders.hosts)
    return [replace(orders, part=Part(number, wanted)) for number in range(1, wanted + 1)]


async def simulate_in_processes(orders: FleetOrders, processes: int, log: logging.Logger) -> FleetState:
    """Run the fleet until stopped; what became of it. Raises AgentError when a part ends by itself."""
    check_access(orders.access, orders.targets, log)  # once, not by each part
    ordered = parts_of(orders, processes)
    raise_file_limit(len(ordered[0].part.numbers(orders.hosts)))
    # The first host of the first part speaks for all.
    parts = [FleetPart(part, "error" if at else "info") for at, part in enumerate(ordered)]

    def state() -> FleetState:
        return reduce(FleetState.plus, (part.state for part in parts))

    stop = stop_on_signals()
    running = [asyncio.create_task(part.run()) for part in parts]
    telling = asyncio.create_task(tell_progress(state, orders.progress_seconds, log))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({*running, telling, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        telling.cancel()
        stopping.cancel()
        await _end(parts, running)
        await asyncio.gather(telling, stopping, return_exceptions=True)
    for task in running:
        task.result()
    return state()


async def _end(parts: list[FleetPart], running: list["asyncio.Task[None]"]) -> None:
    for part in parts:
        part.stop()
    _, left = await asyncio.wait(running, timeout=END_SECONDS)
    if left:
        for part in parts:
            part.stop(signal.SIGKILL)
        await asyncio.wait(left)
