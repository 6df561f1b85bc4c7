"""Lines become GPUs by requested position; a line that cannot be one costs that GPU and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.probe.nvidia_smi.fields import FieldPlan, first_plan, rejected_field
from gpufleet_agent.probe.nvidia_smi.rows import MAX_GPUS, MAX_TEXT, deprecated_fields, identity, read_gpu, read_table
from gpufleet_agent.readings import GpuIdentity
from gpufleet_proto.catalog import METRICS

COLUMNS = ("index", "uuid", "power_watts", "memory_total_mb", "memory_used_mb", "name")


def _row(line: str) -> dict[str, str]:
    (row,) = read_table(line, COLUMNS).rows
    return dict(row)


def test_a_line_is_read_by_position() -> None:
    row = _row("0, GPU-a, 69.85 W, 100 MiB, 7 MiB, NVIDIA H200")
    assert row == {
        "index": "0",
        "uuid": "GPU-a",
        "power_watts": "69.85 W",
        "memory_total_mb": "100 MiB",
        "memory_used_mb": "7 MiB",
        "name": "NVIDIA H200",
    }


@pytest.mark.parametrize("name", ["Board, Rev A", "A,B", "A,  B, C"])
def test_commas_in_a_name_belong_to_the_name(name: str) -> None:
    assert _row(f"0, GPU-a, 1 W, 2 MiB, 3 MiB, {name}")["name"] == name


def test_a_quoted_name_is_unquoted() -> None:
    assert _row('0, GPU-a, 1 W, 2 MiB, 3 MiB, "Board, Rev A"')["name"] == "Board, Rev A"


def test_strange_lines_cost_nothing_but_themselves() -> None:
    output = (
        "index, uuid, power.draw [W], memory.total [MiB], memory.used [MiB], name\n"
        "\n"
        "WARNING: infoROM is corrupted at gpu 0000:01:00.0\r\n"
        "0, GPU-a, 1 W, 2 MiB, 3 MiB, One\r\n"
        "1, GPU-b, 1 W"
    )
    table = read_table(output, COLUMNS)
    assert [row["uuid"] for row in table.rows] == ["GPU-a"]
    assert [line.split(",")[0] for line in table.strange] == [
        "index",
        "WARNING: infoROM is corrupted at gpu 0000:01:00.0",
        "1",
    ]


def test_rows_past_the_bound_are_left_unread() -> None:
    lines = [f"{index}, GPU-{index}, 1 W, 2 MiB, 3 MiB, Name" for index in range(MAX_GPUS + 3)]
    table = read_table("\n".join(lines), COLUMNS)
    assert (len(table.rows), len(table.strange)) == (MAX_GPUS, 3)


def test_a_cell_too_large_for_the_csv_module_costs_its_line() -> None:
    table = read_table(f"0, GPU-a, 1 W, 2 MiB, 3 MiB, {'x' * 200_000}\n1, GPU-b, 1 W, 2 MiB, 3 MiB, Two", COLUMNS)
    assert [row["uuid"] for row in table.rows] == ["GPU-b"]


def test_an_identity_leaves_out_what_is_not_told() -> None:
    row = {
        "index": "[N/A]",
        "uuid": "GPU-a",
        "serial": "[N/A]",
        "pci_bus_id": "00000000:01:00.0",
        "name": "H\x1b[31m200",
    }
    assert identity(row) == GpuIdentity(uuid="GPU-a", name="H[31m200", pci_bus_id="00000000:01:00.0")


def test_a_long_name_is_cut() -> None:
    gpu = identity({"uuid": "GPU-a", "name": "x" * 10_000})
    assert gpu is not None
    assert gpu.name == "x" * MAX_TEXT


def test_every_metric_is_read_or_absent_for_a_reason() -> None:
    reading = read_gpu(GpuIdentity("GPU-a"), _row("0, GPU-a, 69.85 W, [N/A], ERR!, Name"))
    assert reading.values == {"power_watts": 69.85}
    assert reading.absent["memory_total_mb"] == "NOT_SUPPORTED"
    assert reading.absent["memory_used_mb"] == "ERROR"
    assert reading.absent["process_count"] == "BACKEND"
    assert reading.values.keys() | reading.absent.keys() == {metric.name for metric in METRICS}
    assert not reading.values.keys() & reading.absent.keys()


def test_a_gpu_without_memory_of_its_own_has_no_memory_figures() -> None:
    reading = read_gpu(GpuIdentity("GPU-a"), _row("0, GPU-a, 5 W, 0 MiB, 0 MiB, NVIDIA GB10"))
    assert reading.values == {"power_watts": 5.0}
    assert {reading.absent[name] for name in ("memory_total_mb", "memory_used_mb")} == {"NOT_SUPPORTED"}


def test_no_memory_in_use_is_a_real_zero() -> None:
    reading = read_gpu(GpuIdentity("GPU-a"), _row("0, GPU-a, 5 W, 100 MiB, 0 MiB, Name"))
    assert reading.values["memory_used_mb"] == 0


def test_one_field_that_says_lost_loses_the_gpu() -> None:
    reading = read_gpu(GpuIdentity("GPU-a"), _row("0, GPU-a, [GPU is lost], 100 MiB, 0 MiB, Name"))
    assert (reading.state, dict(reading.values), set(reading.absent.values())) == ("lost", {}, {"LOST"})


def test_a_gpu_that_answers_errors_alone_is_in_an_unknown_state() -> None:
    reading = read_gpu(
        GpuIdentity("GPU-a"), _row("0, GPU-a, [Unknown Error], [Unknown Error], [Unknown Error], [Unknown Error]")
    )
    assert (reading.state, dict(reading.values)) == ("unknown", {})


def test_activity_is_absent_because_of_mig_while_mig_is_on() -> None:
    row = {"uuid": "GPU-a", "mig_mode": "Enabled", "gpu_utilization_percent": "[N/A]", "fan_speed_percent": "[N/A]"}
    absent = read_gpu(GpuIdentity("GPU-a"), row).absent
    assert (absent["gpu_utilization_percent"], absent["fan_speed_percent"]) == ("MIG", "NOT_SUPPORTED")


def test_a_field_deprecated_on_every_gpu_and_with_an_alias_is_to_be_replaced() -> None:
    plan = FieldPlan({"uuid": ("uuid",), "sm_clock_mhz": ("clocks.current.sm", "clocks.sm")})
    gone = "[Requested functionality has been deprecated]"
    assert deprecated_fields(read_table(f"GPU-a, {gone}", plan.columns), plan) == ("clocks.current.sm",)
    assert deprecated_fields(read_table(f"GPU-a, {gone}\nGPU-b, 5 MHz", plan.columns), plan) == ()
    assert deprecated_fields(read_table(f"GPU-a, {gone}", plan.columns), plan.without("clocks.current.sm")) == ()


def test_a_rejected_field_gives_way_to_its_alias_and_then_to_nothing() -> None:
    plan = FieldPlan({"uuid": ("uuid",), "sm_clock_mhz": ("clocks.current.sm", "clocks.sm")})
    plan = plan.without("clocks.current.sm")
    assert plan.fields == ("uuid", "clocks.sm")
    plan = plan.without("clocks.sm")
    assert (plan.fields, plan.columns) == (("uuid",), ("uuid",))
    assert plan.without("never.asked").fields == ("uuid",)


def test_the_rejected_field_is_named_by_the_command() -> None:
    assert rejected_field('Field "fan.speed" is not a valid field to query.\n\n') == "fan.speed"
    assert rejected_field("No devices were found") is None


@given(st.text())
def test_no_text_makes_the_parser_raise(text: str) -> None:
    table = read_table(text, first_plan().columns)
    assert all(read_gpu(GpuIdentity("GPU-a"), row) for row in table.rows)


@given(st.lists(st.text(alphabet=st.characters(exclude_characters=',\n\r"')), min_size=6, max_size=9))
def test_any_cells_are_a_row_or_strange(cells: list[str]) -> None:
    table = read_table(", ".join(cells), COLUMNS)
    assert len(table.rows) + len(table.strange) <= 1
    for row in table.rows:
        assert read_gpu(GpuIdentity("GPU-a"), row).absent["process_count"] in ("BACKEND", "LOST")
