"""What real GPUs said, kept under gpu/recordings: a file for each GPU model and driver, and one for each driver's
nvidia-smi. Nothing in them tells whose GPU it was."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gpufleet_agent.readings import GpuReading, Reading

RECORDINGS = Path(__file__).parent.parent / "gpu" / "recordings"
NOBODY = "GPU-00000000-0000-0000-0000-000000000000"

STABLE = frozenset({"memory_total_mb", "power_limit_watts"})
"""On these NVML and nvidia-smi agree whenever they are asked, but for nvidia-smi's two decimals."""
TWO_DECIMALS = 0.01
BUSY_PERCENT = 50


def recording(nvml: Reading, gpu: GpuReading, smi: GpuReading) -> dict[str, Any]:
    """What both said about one GPU."""
    return {
        "gpu": nobodys(gpu),
        "driver_version": nvml.driver_version,
        "nvml_version": nvml.nvml_version,
        "nvml": told(gpu),
        "nvidia_smi": told(smi),
    }


def nobodys(gpu: GpuReading) -> dict[str, Any]:
    """Its identity without what would tell whose it is."""
    return asdict(replace(gpu.gpu, uuid=NOBODY, serial=None, pci_bus_id=None))


def told(gpu: GpuReading) -> dict[str, Any]:
    """The values of a reading, and why there are others not."""
    return {"values": dict(gpu.values), "absent": dict(gpu.absent)}


def recording_name(gpu: str, driver: str) -> str:
    """Of the file for this model and driver."""
    return f"{re.sub(r'[^a-z0-9]+', '-', gpu.lower()).strip('-')}__{driver}.json"


def recorded_state(nvml: Reading, gpu: GpuReading) -> dict[str, Any]:
    """All tiers of one GPU, under whether it had work to do."""
    state = "busy" if gpu.values.get("gpu_utilization_percent", 0) >= BUSY_PERCENT else "idle"
    return {
        "gpu": nobodys(gpu),
        "driver_version": nvml.driver_version,
        "states": {state: told(gpu)},
    }


def keep(kept: Mapping[str, Any], folder: Path = RECORDINGS) -> None:
    """Write a recording to its file. What is there already and not recorded anew stays."""
    folder.mkdir(exist_ok=True)
    path = folder / recording_name(kept["gpu"]["name"] or "unnamed", kept["driver_version"] or "unknown")
    before = json.loads(path.read_text()) if path.exists() else {}
    states = {**before.get("states", {}), **kept.get("states", {})}
    path.write_text(json.dumps({**before, **kept, "states": states}, indent=2) + "\n")


def recordings() -> dict[str, dict[str, Any]]:
    """All that are kept, by file name."""
    return {path.name: json.loads(path.read_text()) for path in sorted(RECORDINGS.glob("*.json"))}


def fields_of_nvidia_smi() -> dict[str, frozenset[str]]:
    """By driver, the fields that `nvidia-smi --help-query-gpu` named."""
    return {
        path.stem.removeprefix("nvidia-smi__"): frozenset(path.read_text().split())
        for path in sorted(RECORDINGS.glob("nvidia-smi__*.txt"))
    }
