"""Whoever listens is told within a second that a host has become late, that it is down, and that it is back."""

import json
import time
from pathlib import Path

import pytest
from e2e.test_restart import PROXY, stopped
from websockets.sync.client import connect

from fakes.processes import Collector, running_collector, running_fleet, wait_for

DOWN_AFTER = 16.0
TOLD_SECONDS = 1.0
pytestmark = pytest.mark.drill


def hear_state(socket: object, state: str) -> dict[str, str]:
    while True:
        message = json.loads(socket.recv(timeout=30))  # type: ignore[attr-defined]
        if message["type"] == "host_state":
            data: dict[str, str] = message["data"]
            assert data["state"] == state
            return data


def powers(collector: Collector) -> set[float | None]:
    return {gpu["power_watts"] for gpu in collector.get("/api/system/gpu-stats")["gpus"]}


def test_late_down_and_up_are_told_in_time(open_path: Path) -> None:
    with (
        running_collector(open_path, GPUFLEET_DOWN_AFTER_SECONDS=f"{DOWN_AFTER:g}") as collector,
        running_fleet(open_path, collector, "--hosts", "1", "--gpus", "2", "--interval", "1") as fleet,
    ):
        wait_for(lambda: None not in powers(collector) and powers(collector) != set(), "the host streams")
        with connect(f"ws://127.0.0.1:{collector.http_port}/ws", proxy=PROXY) as socket:
            with stopped(fleet):
                silent = time.monotonic()
                late = hear_state(socket, "late")
                # The last message was up to a second before.
                assert 9.0 - TOLD_SECONDS <= time.monotonic() - silent <= 10.0 + TOLD_SECONDS
                assert powers(collector) == {None}
                down = hear_state(socket, "down")
                assert DOWN_AFTER - 1.0 - TOLD_SECONDS <= time.monotonic() - silent <= DOWN_AFTER + TOLD_SECONDS
                (host,) = collector.get("/api/v1/hosts")["hosts"]
                assert (host["host_state"], host["since"]) == ("down", down["since"])
                assert late["since"] < down["since"]
            hear_state(socket, "up")
            fleet.stop()
            hear_state(socket, "left")
