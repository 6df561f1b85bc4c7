"""The stand-in for nvidia-smi behaves as the recordings of the real one show."""

import subprocess
from pathlib import Path

import pytest

from fakes.nvidia_smi import gpu, install, queried_fields
from gpufleet_agent.probe.nvidia_smi.fields import first_plan
from gpufleet_agent.probe.nvidia_smi.rows import identity, read_gpu, read_table

GPU = gpu(power__draw=69.85, power__limit=700.0, memory__used=7, pstate="P0")


def _ask(folder: Path, fields: str, form: str, script: dict[str, object] | None = None) -> tuple[int, str]:
    command = install(folder, script or {"gpus": [GPU]})
    done = subprocess.run([command, f"--query-gpu={fields}", f"--format={form}"], capture_output=True, text=True)
    return done.returncode, done.stdout


def test_units_and_heading_come_and_go_with_the_format(tmp_path: Path) -> None:
    fields = "index,power.draw,power.limit,memory.used,pstate,fan.speed"
    heading = "index, power.draw [W], power.limit [W], memory.used [MiB], pstate, fan.speed [%]\n"
    assert _ask(tmp_path, fields, "csv") == (0, heading + "0, 69.85 W, 700.00 W, 7 MiB, P0, [N/A]\n")
    assert _ask(tmp_path, fields, "csv,noheader,nounits") == (0, "0, 69.85, 700.00, 7, P0, [N/A]\n")


def test_the_first_unknown_field_is_named(tmp_path: Path) -> None:
    script: dict[str, object] = {"gpus": [GPU], "unknown": ["pstate"]}
    assert _ask(tmp_path, "index,pstate,nonsense", "csv", script) == (
        2,
        'Field "pstate" is not a valid field to query.\n\n',
    )
    assert _ask(tmp_path, "index,nonsense", "csv") == (2, 'Field "nonsense" is not a valid field to query.\n\n')
    assert queried_fields(tmp_path) == [["index", "pstate", "nonsense"], ["index", "nonsense"]]


@pytest.mark.parametrize("form", ["csv", "csv,noheader", "csv,nounits", "csv,noheader,nounits"])
def test_every_format_reads_the_same(tmp_path: Path, form: str) -> None:
    plan = first_plan()
    _, output = _ask(tmp_path, ",".join(plan.fields), form)
    (row,) = read_table(output, plan.columns).rows
    gpu_identity = identity(row)
    assert gpu_identity is not None
    assert gpu_identity.uuid == GPU["uuid"]
    assert read_gpu(gpu_identity, row).values == {
        "power_watts": 69.85,
        "power_limit_watts": 700.0,
        "memory_used_mb": 7,
        "performance_state": 0,
    }
