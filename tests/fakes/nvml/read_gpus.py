"""A process with the NVML backend in it, driven line by line over its standard input: the child of `NvmlProcess`.

Commands: `read` (one reading), `close`, `modules` (what is imported), `cost N` (CPU seconds of N readings, and RSS).
Every answer is one line of JSON. With `--trace`, driver calls are told as they begin and end.
`--library-folder=PATH`, `--hidden-processes` and `--without-nvidia-ml-py` shape the surroundings.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from gpufleet_agent.probe.nvml import NvmlBackend


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


def read(backend: NvmlBackend) -> dict[str, Any]:
    reading = asdict(backend.read(0))
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


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {"read": read, "close": close, "modules": modules, "cost": cost}


def main(arguments: list[str]) -> None:
    if "--without-nvidia-ml-py" in arguments:
        sys.modules["pynvml"] = None  # type: ignore[assignment]  # makes its import fail
    folders = tuple(argument.partition("=")[2] for argument in arguments if argument.startswith("--library-folder="))
    backend = NvmlBackend(
        TellingBreadcrumb() if "--trace" in arguments else SilentBreadcrumb(),
        pid_namespace_is_host="--hidden-processes" not in arguments,
        library_folders=folders,
    )
    for line in sys.stdin:
        command, *numbers = line.split()
        write(COMMANDS[command](backend, *map(int, numbers)))


if __name__ == "__main__":
    main(sys.argv[1:])
