"""`make run` as a person meets it: one command up, Ctrl-C down, and the data of the first run in the second."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from fakes.processes import Collector, free_port, wait_for

RUN = Path(__file__).resolve().parents[2] / "tools" / "run.py"
EXIT_REFUSED = 2


@contextmanager
def run(collector: Collector, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`make run` without the installation, with the addresses of `collector`, behind a proxy that leads nowhere, and
    ended by a hasty person."""
    environ = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "GPUFLEET_COLLECTOR")}
    environ |= {
        "GPUFLEET_DATA_DIR": str(collector.data_dir),
        "GPUFLEET_HTTP_LISTEN": f"127.0.0.1:{collector.http_port}",
        "GPUFLEET_GRPC_LISTEN": f"127.0.0.1:{collector.grpc_port}",
        "http_proxy": "http://127.0.0.1:9",
    }
    with log.open("ab") as errors:
        process = subprocess.Popen([sys.executable, str(RUN)], env=environ, stderr=errors, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
            process.send_signal(signal.SIGINT)
        process.wait(60)


def descendants(pid: int) -> set[int]:
    """Every process below `pid`, by the kernel's own list."""
    found: set[int] = set()
    todo = [pid]
    while todo:
        for children in Path(f"/proc/{todo.pop()}/task").glob("*/children"):
            try:
                numbers = [int(number) for number in children.read_text().split()]
            except OSError:
                continue
            found.update(numbers)
            todo.extend(numbers)
    return found


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def stored_rows(address: str) -> int:
    async def count() -> int:
        connection = await asyncpg.connect(address)
        try:
            rows: int = await connection.fetchval("SELECT count(*) FROM gpu_stats")
            return rows
        finally:
            await connection.close()

    return asyncio.run(count())


def fleet_is_live(collector: Collector) -> bool:
    if collector.status("/readyz") != 200:
        return False
    gpus = collector.get("/api/system/gpu-stats")["gpus"]
    return len(gpus) == 64 and all(gpu["recorded_at"] for gpu in gpus)


@pytest.mark.drill
def test_it_shows_a_fleet_ends_all_it_started_and_goes_on_with_its_data(open_path: Path) -> None:
    collector, log = Collector(open_path), open_path / "run.log"
    with run(collector, log) as process:
        wait_for(lambda: fleet_is_live(collector), "the simulated fleet is live")
        an_hour = "/api/system/gpu-stats/history?host=sim-001&gpu_index=0&metrics=power_watts&limit=10000"
        wait_for(lambda: collector.get(an_hour)["count"] >= 700, "an hour of history is there")
        oldest = collector.get(an_hour)["samples"][0]["recorded_at"]
        started = descendants(process.pid)
        rows = stored_rows(collector.database_url())
        assert len(started) >= 3
    assert process.returncode == 0
    wait_for(lambda: not [pid for pid in started if alive(pid)], "everything that was started has ended", 10)
    assert "SIMULATED" in log.read_text()
    assert collector.url in log.read_text()

    with run(collector, log):
        wait_for(lambda: fleet_is_live(collector), "the fleet is live again")
        more = stored_rows(collector.database_url())
        assert rows <= more < rows * 1.5, "the second run replays the same hour into the same rows"
        since = f"&since={oldest}"
        assert collector.get(an_hour + since)["samples"][0]["recorded_at"] == oldest


@pytest.mark.parametrize("variable", ["GPUFLEET_HTTP_LISTEN", "GPUFLEET_GRPC_LISTEN"])
def test_a_port_that_is_taken_is_named_with_the_way_to_choose_another(open_path: Path, variable: str) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = f"127.0.0.1:{holder.getsockname()[1]}"
        listens = {
            "GPUFLEET_HTTP_LISTEN": f"127.0.0.1:{free_port()}",
            "GPUFLEET_GRPC_LISTEN": f"127.0.0.1:{free_port()}",
        }
        environ = {**os.environ, **listens, variable: taken, "GPUFLEET_DATA_DIR": str(open_path)}
        refused = subprocess.run([sys.executable, str(RUN)], env=environ, capture_output=True, text=True, check=False)
    assert refused.returncode == EXIT_REFUSED
    assert taken in refused.stderr
    assert f"{variable}=" in refused.stderr
    assert "make run" in refused.stderr


def test_an_address_that_is_none_is_refused(open_path: Path) -> None:
    environ = {**os.environ, "GPUFLEET_HTTP_LISTEN": "everywhere", "GPUFLEET_DATA_DIR": str(open_path)}
    refused = subprocess.run([sys.executable, str(RUN)], env=environ, capture_output=True, text=True, check=False)
    assert refused.returncode == EXIT_REFUSED
    assert "GPUFLEET_HTTP_LISTEN" in refused.stderr
