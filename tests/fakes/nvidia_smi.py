"""A stand-in for the nvidia-smi command that answers `--query-gpu` as the real one does, from a script in JSON.

`install(folder, script)` writes an executable `nvidia-smi` beside its script; every start is recorded next to it. This
file is also the program itself, so it imports the standard library alone.

The script: `gpus` (one object per GPU: field to value; text goes out as it is, numbers get the field's unit, what is
not told is `[N/A]`; an object with only `line` is printed as that line), `unknown` and `deprecated` (lists of fields),
and `mode`: `answer` (default), `hang`, `hang_after_answer`, `half_line`, `flood`, or `fail` with `exit_code`, `stdout`
and `stderr`.
"""

import json
import os
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NOT_APPLICABLE = "[N/A]"
DEPRECATED = "[Requested functionality has been deprecated]"
LOST = "[GPU is lost]"

NO_DEVICES = {"mode": "fail", "exit_code": 6, "stdout": "No devices were found\n"}
NOT_LOADED = {
    "mode": "fail",
    "exit_code": 9,
    "stdout": "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest "
    "NVIDIA driver is installed and running.\n\n",
}
MISMATCH = {
    "mode": "fail",
    "exit_code": 18,
    "stdout": "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 590.48\n",
}

UNITS: Mapping[str, str] = {
    "index": "",
    "name": "",
    "uuid": "",
    "pci.bus_id": "",
    "serial": "",
    "vbios_version": "",
    "driver_version": "",
    "mig.mode.current": "",
    "temperature.gpu": "",
    "temperature.memory": "",
    "power.draw": "W",
    "power.draw.average": "W",
    "power.draw.instant": "W",
    "power.limit": "W",
    "enforced.power.limit": "W",
    "memory.used": "MiB",
    "memory.total": "MiB",
    "memory.reserved": "MiB",
    "utilization.gpu": "%",
    "utilization.memory": "%",
    "utilization.encoder": "%",
    "utilization.decoder": "%",
    "clocks.current.sm": "MHz",
    "clocks.current.memory": "MHz",
    "fan.speed": "%",
    "pstate": "",
    "clocks_event_reasons.active": "",
    "pcie.link.gen.gpucurrent": "",
    "pcie.link.gen.current": "",
    "pcie.link.width.current": "",
    "ecc.errors.corrected.aggregate.total": "",
    "ecc.errors.uncorrected.aggregate.total": "",
    "remapped_rows.correctable": "",
    "remapped_rows.uncorrectable": "",
    "remapped_rows.pending": "",
    "remapped_rows.failure": "",
    "clocks_event_reasons_counters.sw_power_cap": "us",
    "clocks_event_reasons_counters.sw_thermal_slowdown": "us",
    "gpu_recovery_action": "",
}
"""The fields that this command knows, and what their values are followed by."""

SYNONYMS: Mapping[str, str] = {
    "gpu_name": "name",
    "gpu_uuid": "uuid",
    "gpu_bus_id": "pci.bus_id",
    "gpu_serial": "serial",
    "clocks.sm": "clocks.current.sm",
    "clocks.mem": "clocks.current.memory",
    "clocks_throttle_reasons.active": "clocks_event_reasons.active",
}
"""Older names of the same fields."""

Script = Mapping[str, Any]


def gpu(index: int = 0, **told: Any) -> dict[str, Any]:
    """A GPU with an identity; `told` are further fields, with `__` for a dot."""
    identity = {
        "index": index,
        "name": "NVIDIA H200",
        "uuid": f"GPU-0000000{index % 10}-1111-2222-3333-{index:012d}",
        "pci.bus_id": f"00000000:{index + 16:02X}:00.0",
        "serial": f"165000000{index:04d}",
        "vbios_version": "96.00.CF.00.04",
        "driver_version": "590.48.01",
    }
    return identity | {field.replace("__", "."): value for field, value in told.items()}


def install(folder: Path, script: Script) -> str:
    """An executable that follows `script`; its path. Installing again changes the script of the same path."""
    command, plan = folder / "nvidia-smi", folder / "nvidia-smi.json"
    plan.write_text(json.dumps(script))
    words = shlex.join([sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(plan)])
    command.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    command.chmod(0o755)
    return str(command)


def starts(folder: Path) -> list[dict[str, Any]]:
    """Every start so far: `pid`, `arguments` and `locale`."""
    log = folder / "nvidia-smi.json.log"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def queried_fields(folder: Path) -> list[list[str]]:
    """The fields of every query so far."""
    queries = [start["arguments"][0] for start in starts(folder)]
    return [query.removeprefix("--query-gpu=").split(",") for query in queries]


def printed(field: str, value: Any, *, units: bool = True) -> str:
    """`value` of `field` as it is printed."""
    if isinstance(value, str):
        return value
    unit = UNITS[SYNONYMS.get(field, field)]
    number = f"{value:.2f}" if isinstance(value, float) and round(value, 2) == value else str(value)
    return f"{number} {unit}" if unit and units else number


def _main(arguments: Sequence[str]) -> int:
    plan = Path(arguments[0])
    _record(plan, arguments[1:])
    script: Script = json.loads(plan.read_text())
    mode = script.get("mode", "answer")
    if mode == "hang":
        signal.pause()
    if mode == "fail":
        sys.stderr.write(script.get("stderr", ""))
        sys.stdout.write(script.get("stdout", ""))
        return int(script["exit_code"])
    while mode == "flood":
        sys.stdout.write("0, NVIDIA H200\n" * 10_000)
    return _query(script, mode, arguments[1:])


def _record(plan: Path, arguments: Sequence[str]) -> None:
    entry = {"pid": os.getpid(), "arguments": list(arguments), "locale": os.environ.get("LC_ALL")}
    with Path(f"{plan}.log").open("a") as log:
        log.write(json.dumps(entry) + "\n")


def _query(script: Script, mode: str, arguments: Sequence[str]) -> int:
    options = dict(argument.split("=", 1) for argument in arguments)
    fields = options["--query-gpu"].split(",")
    for field in fields:
        if SYNONYMS.get(field, field) not in UNITS or field in script.get("unknown", ()):
            sys.stdout.write(f'Field "{field}" is not a valid field to query.\n\n')
            return 2
    lines = _lines(script, fields, set(options["--format"].split(",")))
    text = "".join(f"{line}\n" for line in lines)
    sys.stdout.write(text[: -len(lines[-1]) // 2] if mode == "half_line" else text)
    sys.stdout.flush()
    if mode == "hang_after_answer":
        signal.pause()
    return int(script.get("exit_code", 0))


def _lines(script: Script, fields: Sequence[str], formats: set[str]) -> list[str]:
    units = "nounits" not in formats
    deprecated = script.get("deprecated", ())
    lines = [] if "noheader" in formats else [", ".join(_heading(field) for field in fields)]
    for told in script.get("gpus", ()):
        if "line" in told:
            lines.append(told["line"])
            continue
        cells = (DEPRECATED if field in deprecated else _cell(told, field, units=units) for field in fields)
        lines.append(", ".join(cells))
    return lines


def _heading(field: str) -> str:
    unit = UNITS[SYNONYMS.get(field, field)]
    return f"{field} [{unit}]" if unit else field


def _cell(told: Mapping[str, Any], field: str, *, units: bool) -> str:
    value = told.get(field, told.get(SYNONYMS.get(field, field), NOT_APPLICABLE))
    return printed(field, value, units=units)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
