"""A collector that was killed knows its fleet again: as it was, marked as not heard, until the agents are back."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from fakes.processes import Collector, Process, running_collector, running_fleet, wait_for

GPUS = 4
PROXY = None


@contextmanager
def stopped(process: Process) -> Iterator[None]:
    """It does nothing meanwhile, and notices nothing."""
    os.kill(process.running.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.running.pid, signal.SIGCONT)


def gpus(collector: Collector) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = collector.get("/api/system/gpu-stats")["gpus"]
    return found


def states(collector: Collector) -> dict[str, set[str]]:
    """The states of hosts, by what names hosts."""
    lists = {
        "/api/system/gpu-stats": "gpus",
        "/api/v1/gpus": "gpus",
        "/api/v1/hosts": "hosts",
        "/api/v1/processes?since=2020-01-01T00:00:00Z": "processes",
    }
    return {path: {one["host_state"] for one in collector.get(path)[name]} for path, name in lists.items()}


def test_before_its_agents_are_back_a_collector_says_when_everything_was_last_read(open_path: Path) -> None:
    with (
        running_collector(open_path) as collector,
        running_fleet(open_path, collector, "--hosts", "1", "--gpus", str(GPUS), "--interval", "0.5") as fleet,
    ):
        wait_for(lambda: all(gpu["recorded_at"] for gpu in gpus(collector)), "every GPU has a reading")
        wait_for(lambda: all(states(collector).values()), "every list names the host")
        assert set.union(*states(collector).values()) == {"up"}
        with stopped(fleet):
            time.sleep(0.5)  # what was on its way arrives
            before = {gpu["gpu_uuid"]: gpu for gpu in gpus(collector)}
            stored_until(collector, max(gpu["recorded_at"] for gpu in before.values()))
            collector.process.kill()
            started = datetime.now(UTC)
            collector.start()
            after = {gpu["gpu_uuid"]: gpu for gpu in gpus(collector)}
            assert set.union(*states(collector).values()) == {"unknown"}
            assert len(after) == GPUS
            for uuid, gpu in after.items():
                assert gpu["recorded_at"] == before[uuid]["recorded_at"]
                assert (gpu["power_watts"], gpu["gpu_index"]) == (None, before[uuid]["gpu_index"])
            (host,) = collector.get("/api/v1/hosts")["hosts"]
            assert datetime.fromisoformat(host["last_seen"]) < started < datetime.fromisoformat(host["since"])
            with connect(f"ws://127.0.0.1:{collector.http_port}/ws", proxy=PROXY) as socket:
                told = [json.loads(socket.recv(timeout=10))["data"] for _ in range(GPUS)]
            assert {(one["host_state"], one["timestamp"]) for one in told} == {
                ("unknown", gpu["recorded_at"]) for gpu in after.values()
            }
        wait_for(
            lambda: all(is_back(gpu, after[gpu["gpu_uuid"]]) for gpu in gpus(collector)), "everything is read again"
        )


def is_back(gpu: dict[str, Any], before: dict[str, Any]) -> bool:
    """Its last report may have been stored and not acknowledged: then that comes once more, first."""
    is_newer: bool = gpu["recorded_at"] > before["recorded_at"]
    return gpu["host_state"] == "up" and gpu["power_watts"] is not None and is_newer


def stored_until(collector: Collector, instant: str) -> None:
    def is_stored() -> bool:
        answer = collector.get("/api/system/gpu-stats/history?metrics=power_watts&limit=10000")
        return any(sample["recorded_at"] >= instant for sample in answer["samples"])

    wait_for(is_stored, "what was shown is stored")
