"""Readings as lines of JSON over the pipe from the probe to the supervisor, so that the probe needs no protobuf.

A line has what changes at every tick. Who the GPUs are, what is absent and the names of the values are in the first
line and in every one at which they have changed, and both ends keep them: a line means something only after those
before it, and a new probe begins anew.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from gpufleet_agent.readings import GpuEvent, GpuIdentity, GpuProcess, GpuReading, Reading

MAX_LINE_BYTES = 4 * 1024 * 1024
"""A longer line is a broken probe: it is ended and started anew."""
MAX_NAMES = 4096
"""Names of values that both ends keep; past it those that are in use begin anew."""

_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)
_HEADER = attrgetter("backend", "driver_version", "nvml_version", "note", "simulated")
_IDENTITY, _EVENT, _PROCESS = (
    attrgetter(*(field.name for field in fields(kind))) for kind in (GpuIdentity, GpuEvent, GpuProcess)
)
"""By position: names of fields would be most of a line."""


class BadFrame(ValueError):
    """A line that no probe writes."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """What both ends keep: `header` and the GPUs without their values, and the names of these in their order."""

    header: tuple[Any, ...] = ()
    gpus: tuple[tuple[GpuIdentity, str, Mapping[str, str]], ...] = ()
    names: tuple[str, ...] = ()


class FrameWriter:
    """The probe's end of a pipe."""

    def __init__(self) -> None:
        self._kept: _Frame | None = None

    def encode(self, instant_us: int, reading: Reading) -> bytes:
        """One line, ending in a newline. Values that JSON cannot carry (NaN, infinite) raise ValueError."""
        kept = self._keep(reading)
        processes = reading.processes
        line = (
            instant_us,
            [_row(gpu.values, kept.names) for gpu in reading.gpus],
            None if kept is self._kept else _told(kept),
            [_EVENT(event) for event in reading.events],
            None if processes is None else [_PROCESS(process) for process in processes],
            reading.milliseconds,
        )
        encoded = _ENCODER.encode(line).encode() + b"\n"
        self._kept = kept
        return encoded

    def _keep(self, reading: Reading) -> _Frame:
        """What is kept after this reading: the same object where nothing has changed."""
        kept = self._kept
        header, gpus = _HEADER(reading), tuple((gpu.gpu, gpu.state, gpu.absent) for gpu in reading.gpus)
        names = _names(() if kept is None else kept.names, reading)
        if kept is not None and names is kept.names and header == kept.header and gpus == kept.gpus:
            return kept
        return _Frame(header, gpus, names)


class FrameReader:
    """The supervisor's end. What it has kept is in every reading as the same objects, while it does not change."""

    def __init__(self) -> None:
        self._kept: _Frame | None = None

    def decode(self, line: bytes) -> tuple[int, Reading]:
        """The instant (µs of wall time) and the reading of one line. Raises BadFrame."""
        try:
            instant_us, rows, told, events, processes, milliseconds = json.loads(line)
            if told is not None:
                self._kept = _kept(*told)
            return int(instant_us), _reading(self._kept, rows, events, processes, milliseconds)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadFrame(f"the probe wrote a line that is not a reading: {error}") from error


def _names(known: tuple[str, ...], reading: Reading) -> tuple[str, ...]:
    """`known` itself where it has the names of all values, else with those that are new at its end."""
    names = set(known)
    if all(gpu.values.keys() <= names for gpu in reading.gpus):
        return known
    used = dict.fromkeys(name for gpu in reading.gpus for name in gpu.values)
    together = tuple({**dict.fromkeys(known), **used})
    return together if len(together) <= MAX_NAMES else tuple(used)


def _row(values: Mapping[str, int | float], names: tuple[str, ...]) -> list[int | float | None]:
    """The values in the order of the names, as far as there are any."""
    row = list(map(values.get, names))
    while row and row[-1] is None:
        row.pop()
    return row


def _told(kept: _Frame) -> tuple[Any, ...]:
    return kept.header, [(_IDENTITY(gpu), state, dict(absent)) for gpu, state, absent in kept.gpus], kept.names


def _kept(header: list[Any], gpus: list[Any], names: list[str]) -> _Frame:
    told = tuple((GpuIdentity(*identity), state, dict(absent)) for identity, state, absent in gpus)
    return _Frame(tuple(header), told, tuple(names))


def _reading(
    kept: _Frame | None,
    rows: list[list[int | float | None]],
    events: list[list[Any]],
    processes: list[list[Any]] | None,
    milliseconds: dict[str, float],
) -> Reading:
    if kept is None:
        raise BadFrame("its first line does not say what the GPUs are")
    backend, driver_version, nvml_version, note, simulated = kept.header
    gpus = [
        GpuReading(gpu, state, _values(kept.names, row), absent)
        for (gpu, state, absent), row in zip(kept.gpus, rows, strict=True)
    ]
    return Reading(
        backend=backend,
        gpus=tuple(gpus),
        driver_version=driver_version,
        nvml_version=nvml_version,
        note=note,
        simulated=simulated,
        events=tuple([GpuEvent(*event) for event in events]),
        processes=None if processes is None else tuple([GpuProcess(*process) for process in processes]),
        milliseconds=dict(milliseconds),
    )


def _values(names: tuple[str, ...], row: list[int | float | None]) -> dict[str, int | float]:
    if len(row) > len(names):
        raise BadFrame("it has values without a name")
    return {name: value for name, value in zip(names, row, strict=False) if value is not None}
