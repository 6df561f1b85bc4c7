"""Readings as lines of JSON over the pipe from the probe to the supervisor, so that the probe needs no protobuf."""

import json
from dataclasses import asdict, fields
from operator import attrgetter
from typing import Any

from gpufleet_agent.readings import GpuEvent, GpuIdentity, GpuProcess, GpuReading, Reading

MAX_LINE_BYTES = 4 * 1024 * 1024
"""A longer line is a broken probe: it is ended and started anew."""

_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_IDENTITY = attrgetter(*(field.name for field in fields(GpuIdentity)))
"""By position: names of fields would be most of a line that is written at every tick."""


class BadFrame(ValueError):
    """A line that no probe writes."""


def encode(instant_us: int, reading: Reading) -> bytes:
    """One line, ending in a newline. Values that JSON cannot carry (NaN, infinite) raise ValueError."""
    processes = reading.processes
    frame = {
        "instant_us": instant_us,
        "backend": reading.backend,
        "driver_version": reading.driver_version,
        "nvml_version": reading.nvml_version,
        "note": reading.note,
        "simulated": reading.simulated,
        "events": [asdict(event) for event in reading.events],
        "processes": None if processes is None else [asdict(process) for process in processes],
        "milliseconds": dict(reading.milliseconds),
        "gpus": [(_IDENTITY(gpu.gpu), gpu.state, dict(gpu.values), dict(gpu.absent)) for gpu in reading.gpus],
    }
    return _ENCODER.encode(frame).encode() + b"\n"


def decode(line: bytes) -> tuple[int, Reading]:
    """The instant (µs of wall time) and the reading of one line. Raises BadFrame."""
    try:
        frame = json.loads(line)
        return int(frame["instant_us"]), _reading(frame)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadFrame(f"the probe wrote a line that is not a reading: {error}") from error


def _reading(frame: dict[str, Any]) -> Reading:
    return Reading(
        backend=frame["backend"],
        driver_version=frame["driver_version"],
        nvml_version=frame["nvml_version"],
        note=frame["note"],
        simulated=frame["simulated"],
        events=tuple(GpuEvent(**event) for event in frame["events"]),
        processes=_processes(frame["processes"]),
        milliseconds=dict(frame["milliseconds"]),
        gpus=tuple(_gpu(*gpu) for gpu in frame["gpus"]),
    )


def _gpu(identity: list[Any], state: str, values: dict[str, int | float], absent: dict[str, str]) -> GpuReading:
    return GpuReading(GpuIdentity(*identity), state, dict(values), dict(absent))


def _processes(frame: list[dict[str, Any]] | None) -> tuple[GpuProcess, ...] | None:
    return None if frame is None else tuple(GpuProcess(**process) for process in frame)
