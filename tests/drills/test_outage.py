"""An outage as a fleet meets it: network stalled and cut, collector away, agents restarted; all samples arrive once."""

import asyncio
import json
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from math import ceil
from pathlib import Path

import asyncpg
import pytest
from drills.test_kills import stored

from fakes.processes import Collector, Process, running_collector, wait_for
from fakes.proxy import Proxy, running_proxy
from gpufleet_collector.store.writer import COMMIT_INTERVAL_SECONDS

AGENTS, GPUS = 20, 8
TICK_SECONDS = 0.5
UNDER_WAY = 1 + ceil(COMMIT_INTERVAL_SECONDS / TICK_SECONDS)
"""So many reports of an agent are unsettled when all is well: a heartbeat goes with the newest."""

STEADY_SECONDS, STALL_SECONDS, CUT_SECONDS = 3.0, 4.0, 5.0
AWAY_TICKS = 60
LIVE_AGAIN_SECONDS = 5.0
STOP_SECONDS = 5.0
EXIT_SECONDS = 3.0
"""For twenty interpreters on two cores to end, after each has done its part."""

pytestmark = [pytest.mark.drill, pytest.mark.timeout(240)]


class Agent(Process):
    """`gpufleet-agent run` with simulated GPUs."""

    def __init__(self, name: str, folder: Path, target: str) -> None:
        self.name = name
        super().__init__(
            "gpufleet-agent",
            *("run", "--backend", "simulated", "--gpu-poll-interval-seconds", f"{TICK_SECONDS}"),
            log=folder / f"{name}.log",
            environ={
                "GPUFLEET_COLLECTOR": target,
                "GPUFLEET_HOST_NAME": name,
                "GPUFLEET_DATA_DIR": str(folder / "agents"),
            },
        )


class Fleet:
    """Real agents with simulated GPUs, whose logs say what they took."""

    def __init__(self, folder: Path, target: str) -> None:
        self.agents = [Agent(f"agent-{number:02d}", folder, target) for number in range(1, AGENTS + 1)]

    def stop(self, agents: list[Agent]) -> float:
        """Ask all of them to end, at once; the seconds until the last one has."""
        started = time.monotonic()
        for agent in agents:
            agent.running.send_signal(signal.SIGTERM)
        for agent in agents:
            agent.stop()
        return time.monotonic() - started

    def tallies(self) -> list[dict[str, int]]:
        """One for every run of every agent, in the order of their ends."""
        found: list[dict[str, int]] = []
        for agent in self.agents:
            found += [json.loads(text) for text in re.findall(r"samples: (\{.*\})$", agent.errors, re.MULTILINE)]
        return found


def agent_starts(address: str) -> dict[str, int]:
    """How many events of each host say that its agent started."""

    async def count() -> dict[str, int]:
        connection = await asyncpg.connect(address)
        try:
            rows = await connection.fetch(
                "SELECT name, count(*) FROM events JOIN hosts ON hosts.id = host_id "
                "WHERE kind = 'agent_started' GROUP BY name"
            )
            return {row["name"]: row["count"] for row in rows}
        finally:
            await connection.close()

    return asyncio.run(count())


@contextmanager
def running_agents(folder: Path, target: str) -> Iterator[Fleet]:
    fleet = Fleet(folder, target)
    try:
        for agent in fleet.agents:
            agent.start()
        yield fleet
    finally:
        for agent in fleet.agents:
            agent.stop()


def live_since(collector: Collector, instant: datetime) -> bool:
    """Whether every GPU has a reading taken after `instant`."""
    gpus = collector.get("/api/system/gpu-stats")["gpus"]
    return len(gpus) == AGENTS * GPUS and all(
        gpu["recorded_at"] and datetime.fromisoformat(gpu["recorded_at"]) > instant for gpu in gpus
    )


def live_again(collector: Collector) -> None:
    instant = datetime.now(UTC)
    wait_for(lambda: live_since(collector, instant), "live values of every GPU", LIVE_AGAIN_SECONDS)


def waiting(collector: Collector) -> int:
    """Reports that agents have not settled, as they say themselves, but for those that wait for the next commit."""
    costs = [host["agent"]["cost"] for host in collector.get("/api/v1/hosts")["hosts"]]
    return sum(max(0, cost["unacked_reports"] - UNDER_WAY) if cost else 1 for cost in costs)


def shake_network(proxy: Proxy, collector: Collector) -> None:
    proxy.stall()
    time.sleep(STALL_SECONDS)
    proxy.flow()
    live_again(collector)
    proxy.cut()
    time.sleep(CUT_SECONDS)
    proxy.restore()
    live_again(collector)


def test_every_sample_of_twenty_agents_is_stored_once_whatever_goes_away(open_path: Path) -> None:
    with (
        running_collector(open_path) as collector,
        running_proxy(collector.grpc_port) as proxy,
        running_agents(open_path, f"grpc://127.0.0.1:{proxy.port}") as fleet,
    ):
        started = datetime.now(UTC)
        wait_for(lambda: live_since(collector, started), "twenty agents stream")
        time.sleep(STEADY_SECONDS)
        shake_network(proxy, collector)

        collector.process.kill()
        time.sleep(AWAY_TICKS * TICK_SECONDS / 3)
        restarted = fleet.agents[::2]
        assert fleet.stop(restarted) <= STOP_SECONDS + EXIT_SECONDS
        for agent in restarted:
            agent.start()
        time.sleep(AWAY_TICKS * TICK_SECONDS * 2 / 3)
        collector.start()
        live_again(collector)
        wait_for(lambda: waiting(collector) == 0, "the backlog has arrived")
        assert fleet.stop(fleet.agents) <= STOP_SECONDS + EXIT_SECONDS
        tallies = fleet.tallies()
        taken = sum(tally["taken"] for tally in tallies)
        assert len(tallies) == AGENTS + len(restarted)
        assert all(tally["refused"] == tally["dropped"] == 0 for tally in tallies), tallies
        assert sum(tally["recovered"] for tally in tallies) >= len(restarted) * GPUS * AWAY_TICKS / 6
        assert stored(collector.database_url()) == (taken, taken)
        starts = {agent.name: 1 + (agent in restarted) for agent in fleet.agents}
        assert agent_starts(collector.database_url()) == starts, "events arrive once as well"
