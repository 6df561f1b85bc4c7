"""`gpufleet-agent snapshot`: one reading of this host's GPUs, as JSON or as a table for a terminal."""

import json
import socket
from collections.abc import Mapping, Sequence
from typing import TextIO

from gpufleet_agent.gpu_object import gpu_object
from gpufleet_agent.one_reading import TIMEOUT_SECONDS, Taken, take
from gpufleet_agent.probe.backends import NAMES
from gpufleet_agent.readings import GpuReading, Reading

_NO_READING = Reading(backend="none")

_COLUMNS = ("GPU", "Name", "State", "Temp C", "Power W", "Memory MiB", "GPU %", "Processes", "UUID")
_LEFT = frozenset({"Name", "State", "UUID"})


def run(
    backend_name: str,
    *,
    as_json: bool,
    environ: Mapping[str, str],
    stdout: TextIO,
    stderr: TextIO,
    nvidia_smi: str | None = None,
    host: str | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    gpm: bool = True,
) -> int:
    """Print one reading; the exit status: 0 with GPUs, 1 without (the reason goes to `stderr`), 2 for a wrong name.

    `nvidia_smi` and `host` default to GPUFLEET_NVIDIA_SMI and GPUFLEET_HOST_NAME of `environ`.
    """
    if backend_name not in NAMES:
        stderr.write(f"{backend_name!r} is not a backend: choose one of {', '.join(NAMES)}\n")
        return 2
    host = host or environ.get("GPUFLEET_HOST_NAME") or socket.gethostname()
    nvidia_smi = nvidia_smi or environ.get("GPUFLEET_NVIDIA_SMI") or "nvidia-smi"
    taken = take(
        backend_name, nvidia_smi=nvidia_smi, host=host, environ=environ, timeout_seconds=timeout_seconds, gpm=gpm
    )
    reading = taken.reading or _NO_READING
    if as_json:
        stdout.write(as_document(taken, host) + "\n")
    elif reading.gpus:
        stdout.write(as_table(reading) + "\n")
    reason = taken.problem or reading.note or ("" if reading.gpus else "No GPU was found.")
    if reason:
        stderr.write(f"{reason}\n")
    return 0 if reading.gpus else 1


def as_document(taken: Taken, host: str) -> str:
    """`{"backend": ..., "gpus": [the objects of the REST interface]}`."""
    reading = taken.reading or _NO_READING
    gpus = [
        gpu_object(gpu, host=host, instant_us=taken.instant_us, simulated=reading.simulated) for gpu in reading.gpus
    ]
    return json.dumps({"backend": reading.backend, "gpus": gpus}, indent=2, allow_nan=False)


def as_table(reading: Reading) -> str:
    """The GPUs one below the other, `-` where nothing was read; plain ASCII, whatever a driver says."""
    head = [f"backend {reading.backend}"]
    if reading.driver_version:
        head.append(f"driver {reading.driver_version}")
    if reading.simulated:
        head.append("SIMULATED")
    lines = _aligned([_COLUMNS, *(_cells(gpu) for gpu in reading.gpus)])
    return "\n".join([", ".join(head), *lines])


def _cells(gpu: GpuReading) -> tuple[str, ...]:
    identity, values = gpu.gpu, gpu.values
    used, total = (_shown(values.get(name)) for name in ("memory_used_mb", "memory_total_mb"))
    return (
        _shown(identity.index),
        _plain(identity.name or "-") + (f" [MIG {_plain(identity.mig_profile)}]" if identity.mig_profile else ""),
        gpu.state,
        _shown(values.get("temperature_celsius")),
        _shown(values.get("power_watts")),
        f"{used} / {total}",
        _shown(values.get("gpu_utilization_percent")),
        _shown(values.get("process_count")),
        _plain(identity.uuid),
    )


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _plain(text: str) -> str:
    return "".join(character if character.isascii() and character.isprintable() else "?" for character in text)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return ["  ".join(map(_padded, row, widths, _COLUMNS)).rstrip() for row in rows]


def _padded(cell: str, width: int, column: str) -> str:
    return cell.ljust(width) if column in _LEFT else cell.rjust(width)
