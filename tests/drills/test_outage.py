"""An outage as a fleet meets it: network stalled and cut, collector away, agents restarted; all samples arrive once."""

import json
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from drills.test_kills import stored

from fakes.processes import Collector, Process, running_collector, wait_for
from fakes.proxy import Proxy, running_proxy

AGENTS, GPUS = 20, 8
TICK_SECONDS = 0.5
STEADY_SECONDS, STALL_SECONDS, CUT_SECONDS = 3.0, 4.0, 5.0
AWAY_TICKS = 60
LIVE_AGAIN_SECONDS = 5.0
STOP_SECONDS = 5.0
EXIT_SECONDS = 3.0
"""For twenty interpreters on two cores to end, after each has done its part."""

pytestmark = [pytest.mark.drill, pytest.mark.timeout(240)]


class Fleet:
    """Real agents with simulated GPUs, whose logs say what they took."""

    def __init__(self, folder: Path, target: str) -> None:
        self._logs = [folder / f"agent-{number:02d}.log" for number in range(1, AGENTS + 1)]
        self.agents = [
            Process(
                "gpufleet-agent",
                *("run", "--backend", "simulated", "--gpu-poll-interval-seconds", f"{TICK_SECONDS}"),
                log=log,
                environ={
                    "GPUFLEET_COLLECTOR": target,
                    "GPUFLEET_HOST_NAME": log.stem,
                    "GPUFLEET_DATA_DIR": str(folder / "agents"),
                },
            )
            for log in self._logs
        ]

    def stop(self, agents: list[Process]) -> float:
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
        for log in self._logs:
            found += [json.loads(text) for text in re.findall(r"samples: (\{.*\})$", log.read_text(), re.MULTILINE)]
        return found


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
    """Reports that agents have not settled, as they say themselves, but for the one that has just been taken."""
    costs = [host["agent"]["cost"] for host in collector.get("/api/v1/hosts")["hosts"]]
    return sum(max(0, cost["unacked_reports"] - 1) if cost else 1 for cost in costs)


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
