"""A process with the NVML backend in it, driven line by line over its standard input: the child of `NvmlProcess`.

Commands: `read [µs]` (one reading), `close`, `modules` (what is imported), `cost N` (CPU seconds of N readings, RSS).
`pass N` lets N milliseconds pass on the backend's clock, `settle` waits for the slow tier. Every answer is one line of
JSON. With `--trace`, driver calls are told as they begin and end.
`--release-handles`, `--proc=PATH` and `--sys=PATH` are passed on.
`--gpm` and `--slow-tier` add these; `--library-folder=PATH`, `--hidden-processes` and `--without-nvidia-ml-py` shape
the surroundings.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gpufleet_agent.probe.nvml import NvmlBackend
from gpufleet_agent.probe.runtime_power import RuntimePower
from gpufleet_agent.probe.slow_tier import SlowTier

SETTLE_SECONDS = 10.0


def write(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


class SilentBreadcrumb:
    def enter(self, call: str, gpu: str, deadline_seconds: float | None = None) -> None:
        pass

    def leave(self) -> None:
        pass


class TellingBreadcrumb:
    def enter(self, call: str, gpu: str, deadline_seconds: float | None = None) -> None:
        write({"enter": call, "gpu": gpu})

    def leave(self) -> None:
        write({"leave": True})


class Surroundings:
    """The clock of the backend, and the slow tier that it was given."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slow_tier: SlowTier | None = None

    def clock(self) -> float:
        return self.now


SURROUNDINGS = Surroundings()


def pass_time(_backend: NvmlBackend, milliseconds: int) -> dict[str, Any]:
    SURROUNDINGS.now += milliseconds / 1000
    return {}


def settle(_backend: NvmlBackend) -> dict[str, Any]:
    return {"settled": SURROUNDINGS.slow_tier is None or SURROUNDINGS.slow_tier.settle(SETTLE_SECONDS)}


def read(backend: NvmlBackend, instant_us: int = 0) -> dict[str, Any]:
    reading = asdict(backend.read(instant_us))
    return {**reading, "needs_new_process": backend.needs_new_process}


def close(backend: NvmlBackend) -> dict[str, Any]:
    backend.close()
    return {}


def modules(_backend: NvmlBackend) -> dict[str, Any]:
    return {"modules": sorted(sys.modules)}


def cost(backend: NvmlBackend, readings: int) -> dict[str, Any]:
    backend.read(0)
    before = time.process_time()
    for _ in range(readings):
        backend.read(0)
    with open("/proc/self/statm") as statm:  # noqa: PTH123 - pathlib would count in what is measured
        pages = int(statm.read().split()[1])
    return {"cpu_seconds": time.process_time() - before, "rss_bytes": pages * os.sysconf("SC_PAGE_SIZE")}


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "read": read,
    "close": close,
    "modules": modules,
    "cost": cost,
    "pass": pass_time,
    "settle": settle,
}


def option(arguments: list[str], name: str, default: str) -> str:
    return next((text for argument in arguments if (text := argument.removeprefix(f"{name}=")) != argument), default)


def main(arguments: list[str]) -> None:
    if "--without-nvidia-ml-py" in arguments:
        sys.modules["pynvml"] = None  # type: ignore[assignment]  # makes its import fail
    folders = tuple(argument.partition("=")[2] for argument in arguments if argument.startswith("--library-folder="))
    if "--slow-tier" in arguments:
        SURROUNDINGS.slow_tier = SlowTier(
            SilentBreadcrumb(),
            library_folders=folders,
            clock=SURROUNDINGS.clock,
            power=RuntimePower(option(arguments, "--slow-sys", "/nowhere")),
        )
    backend = NvmlBackend(
        TellingBreadcrumb() if "--trace" in arguments else SilentBreadcrumb(),
        pid_namespace_is_host="--hidden-processes" not in arguments,
        library_folders=folders,
        release_handles="--release-handles" in arguments,
        proc=Path(option(arguments, "--proc", "/proc")),
        power=RuntimePower(option(arguments, "--sys", "/nowhere")),
        gpm="--gpm" in arguments,
        slow_tier=SURROUNDINGS.slow_tier,
        clock=SURROUNDINGS.clock,
    )
    for line in sys.stdin:
        command, *numbers = line.split()
        write(COMMANDS[command](backend, *map(int, numbers)))


if __name__ == "__main__":
    main(sys.argv[1:])
