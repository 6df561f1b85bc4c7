"""What an agent costs: the real one with the stand-in for NVML, 8 GPUs at 1 s, streaming to a real ingest server."""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.report import Row

from fakes.ingest import running_ingest
from fakes.nvml.library import compile_library, environment, full_driver
from gpufleet_agent.selfcost import process_cost

SETTLE_SECONDS, MEASURE_SECONDS, SAMPLE_SECONDS = 10.0, 60.0, 1.0
GPUS = 8
MEBIBYTE = 1024 * 1024


def measure() -> list[Row]:
    """Median RSS of supervisor and probe, and their CPU together in percent of a core."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> list[Row]:
    script = folder / "nvml.txt"
    script.write_text(full_driver(GPUS).text())
    async with running_ingest() as ingest:
        command = [str(Path(sys.executable).parent / "gpufleet-agent"), "run", "--backend", "nvml"]
        flags = ["--gpu-poll-interval-seconds", "1", "--collector", f"grpc://{ingest.target}", "--log-level", "warning"]
        environ = {**os.environ, **environment(script, compile_library(folder)), "GPUFLEET_DATA_DIR": str(folder)}
        agent = await asyncio.create_subprocess_exec(*command, *flags, env=environ, start_new_session=True)
        try:
            await asyncio.sleep(SETTLE_SECONDS)
            return await _watch(agent.pid, _only_child(agent.pid))
        finally:
            agent.terminate()
            await agent.wait()


def _only_child(pid: int) -> int:
    children = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    (child,) = [int(number) for numbers in children for number in numbers]
    return child


async def _watch(supervisor: int, probe: int) -> list[Row]:
    memory: dict[int, list[float]] = {supervisor: [], probe: []}
    started, before = time.monotonic(), _cpu(supervisor) + _cpu(probe)
    while time.monotonic() - started < MEASURE_SECONDS:
        await asyncio.sleep(SAMPLE_SECONDS)
        for pid, seen in memory.items():
            seen.append((process_cost(pid).rss_bytes or 0) / MEBIBYTE)
    elapsed, used = time.monotonic() - started, _cpu(supervisor) + _cpu(probe) - before
    return [
        Row("agent_supervisor_rss_mib", statistics.median(memory[supervisor]), "MiB", 42),
        Row("agent_probe_rss_mib", statistics.median(memory[probe]), "MiB", 24),
        Row("agent_cpu_percent", 100 * used / elapsed, "%", 0.5),
    ]


def _cpu(pid: int) -> float:
    seconds = process_cost(pid).cpu_seconds
    assert seconds is not None, "the agent ended while it was measured"
    return seconds
