"""The probe: one loop that reads the GPUs at every tick and writes what it read to standard output.

It takes its orders as lines of JSON on standard input and ends when that closes, so it never outlives its supervisor.
"""

import gc
import json
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gpufleet_agent.breadcrumb import DEFAULT_DEADLINE_SECONDS, SLOW_SLOT, BreadcrumbWriter
from gpufleet_agent.frames import FrameWriter
from gpufleet_agent.probe.backends import open_backend
from gpufleet_agent.readings import Backend, CanLeaveAlone, CanWarmUp
from gpufleet_agent.ticks import InstantStamp, TickSchedule

EXIT_NEEDS_NEW_PROCESS = 75
"""The driver library on disk is not the one loaded: only a new process can load the new one."""


YOUNG_OBJECTS = 20_000
"""So many objects must have been left over before cycles among them are looked for. A tick makes a few thousand and
leaves none, so that Python's usual 700 mean a search in the midst of nearly every tick."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What the supervisor wants, passed as JSON in the first argument."""

    backend: str
    interval_seconds: float
    nvidia_smi: str
    breadcrumb_descriptor: int
    call_deadline_seconds: float = DEFAULT_DEADLINE_SECONDS
    simulated_host: str = ""
    seed: int = 0
    left_alone: Sequence[int] = ()
    phase: float = 0.0
    gpm: bool = True
    release_handles: bool = False
    whole: bool = False
    """Whether already the first reading is to have everything, for those who want but one."""


def run(orders: Orders, stdin: int, stdout: int) -> int:
    """Tick until standard input closes; the exit status."""
    page, deadline = orders.breadcrumb_descriptor, orders.call_deadline_seconds
    backend = open_backend(
        orders.backend,
        nvidia_smi=orders.nvidia_smi,
        breadcrumb=BreadcrumbWriter(page, time.monotonic, deadline),
        slow_breadcrumb=BreadcrumbWriter(page, time.monotonic, deadline, SLOW_SLOT),
        gpm=orders.gpm,
        release_handles=orders.release_handles,
        simulated_host=orders.simulated_host,
        seed=orders.seed,
        interval_seconds=orders.interval_seconds,
    )
    _leave_alone(backend, orders.left_alone)
    frames = FrameWriter()
    schedule, stamp = TickSchedule(time.monotonic(), orders.interval_seconds, orders.phase), InstantStamp()
    try:
        if orders.whole and isinstance(backend, CanWarmUp):
            backend.warm_up(time.time_ns() // 1000)
        while True:
            line = _wait_for_order(stdin, schedule.wait_seconds(time.monotonic()))
            if line == b"":
                return 0
            if line is not None:
                for order in line.splitlines():
                    _obey(json.loads(order), backend, schedule)
                continue
            _tick(backend, stamp.stamp(time.time_ns() // 1000), frames, stdout)
            if getattr(backend, "needs_new_process", False):
                return EXIT_NEEDS_NEW_PROCESS
            schedule.advance(time.monotonic())
    finally:
        backend.close()


def _obey(order: dict[str, Any], backend: Backend, schedule: TickSchedule) -> None:
    if "interval_seconds" in order:
        schedule.change_interval(float(order["interval_seconds"]), time.monotonic())
    if "left_alone" in order:
        _leave_alone(backend, order["left_alone"])


def _leave_alone(backend: Backend, indexes: Sequence[int]) -> None:
    if isinstance(backend, CanLeaveAlone):
        backend.leave_alone(frozenset(indexes))


def _wait_for_order(stdin: int, seconds: float) -> bytes | None:
    """Lines from the supervisor, b"" when it has gone, None when the time is up."""
    ready, _, _ = select.select([stdin], [], [], seconds)
    return os.read(stdin, 4096) if ready else None


def _tick(backend: Backend, instant_us: int, frames: FrameWriter, stdout: int) -> None:
    line = memoryview(frames.encode(instant_us, backend.read(instant_us)))
    while line:
        line = line[os.write(stdout, line) :]


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(YOUNG_OBJECTS)
    orders = Orders(**json.loads(sys.argv[1]))
    try:
        return run(orders, sys.stdin.fileno(), sys.stdout.fileno())
    except BrokenPipeError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
