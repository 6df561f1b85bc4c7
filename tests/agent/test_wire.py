"""Joined bytes are the same message as one encoded at once, and every reading reaches the wire unchanged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent import wire
from gpufleet_agent.readings import GpuIdentity, GpuReading, Reading
from gpufleet_proto import telemetry_pb2 as pb


@given(st.integers(1, 2**63), st.booleans(), st.lists(st.integers(0, 2**60), max_size=300))
def test_a_report_joined_from_parts_decodes_as_one(sequence: int, replayed: bool, instants: list[int]) -> None:
    ticks = [wire.tick(instant, [wire.stats("GPU-1", {"power_watts": 1.5})]) for instant in instants]
    raw = wire.report_message(sequence, wire.encode_ticks(ticks), replayed=replayed)
    report = pb.AgentMessage.FromString(raw).report
    assert report == pb.Report(sequence=sequence, replayed=replayed, ticks=ticks)


def test_a_report_may_bring_a_heartbeat() -> None:
    beat = pb.Heartbeat(sent_at_us=5, interval_seconds=1.0)
    payload = wire.encode_ticks([wire.tick(1, [])])
    report = pb.AgentMessage.FromString(wire.report_message(1, payload, replayed=False, heartbeat=beat)).report
    assert (report.heartbeat, len(report.ticks)) == (beat, 1)


def test_what_was_not_read_is_unset_and_zero_is_zero() -> None:
    stats = wire.stats("GPU-1", {"gpu_utilization_percent": 0})
    assert stats.HasField("gpu_utilization_percent")
    assert not stats.HasField("power_watts")


def test_a_value_that_its_field_cannot_hold_costs_that_field_alone() -> None:
    stats = wire.stats(
        "GPU-1", {"memory_used_mb": 2**43, "temperature_celsius": -3, "sm_clock_mhz": 1.5, "power_watts": 1.0}
    )
    assert stats == pb.GPUStats(gpu_uuid="GPU-1", power_watts=1.0)


def test_a_name_that_is_no_metric_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="charm"):
        wire.stats("GPU-1", {"charm": 1})


def test_a_gpu_without_values_is_in_the_inventory_but_not_in_the_tick() -> None:
    lost = GpuReading(GpuIdentity("GPU-1", 0), "lost", {}, {"power_watts": "LOST"})
    reading = Reading("nvml", (lost, GpuReading(GpuIdentity("GPU-2", 1), "ok", {"power_watts": 1.0})))
    assert [gpu.gpu_uuid for gpu in wire.tick_of(5, reading).gpus] == ["GPU-2"]
    gpu = wire.inventory_of(5, reading).gpus[0]
    assert gpu.state == pb.Gpu.LOST
    assert not gpu.HasField("gpu_name")
    absence = gpu.absences[0]
    assert (absence.metric, absence.reason) == (pb.GPUStats.POWER_WATTS_FIELD_NUMBER, pb.Absence.LOST)


def test_a_value_that_its_field_cannot_hold_leaves_no_trace_in_the_tick() -> None:
    values = {"temperature_celsius": -1, "power_watts": 300.0}
    reading = Reading("nvml", tuple(GpuReading(GpuIdentity(f"GPU-{index}"), values=values) for index in range(2)))
    tick = wire.tick_of(1, reading)
    assert [(gpu.gpu_uuid, gpu.HasField("temperature_celsius"), gpu.power_watts) for gpu in tick.gpus] == [
        ("GPU-0", False, 300.0),
        ("GPU-1", False, 300.0),
    ]
