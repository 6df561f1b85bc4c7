"""`snapshot` prints one reading exactly as it was read, or says in one line why there is none."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes.nvidia_smi import NO_DEVICES, gpu, install
from gpufleet_agent import snapshot
from gpufleet_agent.readings import GpuIdentity, GpuReading, Reading
from gpufleet_proto.catalog import METRICS


@dataclass(frozen=True)
class Printed:
    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document


def _run(backend: str, environ: Mapping[str, str] | None = None, *, as_json: bool = True) -> Printed:
    out, err = io.StringIO(), io.StringIO()
    status = snapshot.run(backend, as_json=as_json, environ={**os.environ, **(environ or {})}, stdout=out, stderr=err)
    return Printed(status, out.getvalue(), err.getvalue())


def _told(folder: Path, script: Mapping[str, Any]) -> dict[str, str]:
    return {"GPUFLEET_NVIDIA_SMI": install(folder, script), "GPUFLEET_HOST_NAME": "node-1"}


def test_it_prints_exactly_what_the_command_was_told_and_null_where_it_was_told_nothing(tmp_path: Path) -> None:
    told = gpu(
        3,
        name="Board, Rev A",
        power__draw=69.85,
        power__limit=700.0,
        memory__used=0,
        memory__total=81559,
        utilization__gpu=0,
        pstate="P0",
        clocks_event_reasons__active="0x0000000000000001",
        clocks_event_reasons_counters__sw_power_cap=1,
        remapped_rows__pending="No",
        temperature__memory="N/A",
        fan__speed="[Insufficient Permissions]",
    )
    printed = _run("nvidia-smi", _told(tmp_path, {"gpus": [told]}))
    assert (printed.status, printed.err) == (0, "")
    (one,) = printed.document["gpus"]
    recorded_at = one.pop("recorded_at")
    assert len(recorded_at) == len("2026-01-01T00:00:00.123456Z")
    expected = dict.fromkeys(metric.name for metric in METRICS) | {
        "host": "node-1",
        "host_state": "up",
        "gpu_uuid": told["uuid"],
        "gpu_index": 3,
        "gpu_name": "Board, Rev A",
        "state": "ok",
        "simulated": False,
        "parent_uuid": None,
        "mig_profile": None,
        "mig_instance": None,
        "power_watts": 69.85,
        "power_limit_watts": 700.0,
        "memory_used_mb": 0,
        "memory_total_mb": 81559,
        "gpu_utilization_percent": 0,
        "performance_state": 0,
        "throttle_reasons": 1,
        "power_throttle_seconds_total": 0.000001,
        "remapped_rows_pending": 0,
    }
    assert one == expected
    assert '"memory_total_mb": 81559,' in printed.out
    assert '"power_watts": 69.85,' in printed.out
    assert printed.document["backend"] == "nvidia-smi"


def test_auto_takes_nvidia_smi_where_there_is_no_nvml(tmp_path: Path) -> None:
    (tmp_path / "libnvidia-ml.so.1").touch()  # found before any real one, and no library
    environ = _told(tmp_path, {"gpus": [gpu(temperature__gpu=41)]}) | {"LD_LIBRARY_PATH": str(tmp_path)}
    printed = _run("auto", environ)
    assert printed.document["backend"] == "nvidia-smi"
    assert printed.document["gpus"][0]["temperature_celsius"] == 41


def test_without_a_gpu_the_list_is_empty_and_the_reason_is_told(tmp_path: Path) -> None:
    printed = _run("nvidia-smi", _told(tmp_path, NO_DEVICES))
    assert printed.status == 1
    assert printed.document == {"backend": "nvidia-smi", "gpus": []}
    assert printed.err.startswith("nvidia-smi finds no GPU")
    assert printed.err.count("\n") == 1


def test_without_a_gpu_a_terminal_gets_the_reason_alone(tmp_path: Path) -> None:
    printed = _run("nvidia-smi", _told(tmp_path, NO_DEVICES), as_json=False)
    assert (printed.status, printed.out) == (1, "")
    assert printed.err.startswith("nvidia-smi finds no GPU")


def test_a_process_that_dies_leaves_an_empty_list_and_the_reason(tmp_path: Path) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text("#!/bin/sh\nkill -KILL $PPID\n")
    command.chmod(0o755)
    printed = _run("nvidia-smi", {"GPUFLEET_NVIDIA_SMI": str(command)})
    assert printed.status == 1
    assert printed.document == {"backend": "none", "gpus": []}
    assert "died with signal SIGKILL" in printed.err


def test_a_wrong_backend_is_one_line_and_status_2() -> None:
    printed = _run("cuda")
    assert printed == Printed(2, "", "'cuda' is not a backend: choose one of auto, nvml, nvidia-smi, simulated\n")


def test_a_simulated_reading_says_so() -> None:
    printed = _run("simulated")
    assert {one["simulated"] for one in printed.document["gpus"]} == {True}
    assert "SIMULATED" in _run("simulated", as_json=False).out


def test_the_table_shows_a_dash_where_nothing_was_read_and_plain_text_alone() -> None:
    reading = Reading(
        "nvml",
        (
            GpuReading(
                GpuIdentity("GPU-a", index=0, name="H\x1b200 é"), "ok", {"power_watts": 69.85, "memory_used_mb": 0}
            ),
            GpuReading(GpuIdentity("MIG-b", index=0, name="H200", mig_profile="1g.18gb"), "lost"),
        ),
        driver_version="590.48.01",
    )
    head, columns, first, second = snapshot.as_table(reading).split("\n")
    assert head == "backend nvml, driver 590.48.01"
    assert columns.split()[:3] == ["GPU", "Name", "State"]
    assert first.split() == ["0", "H?200", "?", "ok", "-", "69.8", "0", "/", "-", "-", "-", "GPU-a"]
    assert second.split() == ["0", "H200", "[MIG", "1g.18gb]", "lost", "-", "-", "-", "/", "-", "-", "-", "MIG-b"]


def test_the_command_line_prints_what_the_fake_was_told(tmp_path: Path) -> None:
    environ = {**os.environ, **_told(tmp_path, {"gpus": [gpu(power__draw=69.85)]})}
    arguments = [sys.executable, "-m", "gpufleet_agent", "snapshot", "--backend", "nvidia-smi", "--json"]
    done = subprocess.run(arguments, env=environ, capture_output=True, text=True)
    (one,) = json.loads(done.stdout)["gpus"]
    assert (done.returncode, done.stderr) == (0, "")
    assert (one["host"], one["power_watts"], one["temperature_celsius"]) == ("node-1", 69.85, None)


def test_the_command_line_refuses_a_wrong_backend_in_one_line() -> None:
    arguments = [sys.executable, "-m", "gpufleet_agent", "snapshot", "--backend", "cuda"]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
