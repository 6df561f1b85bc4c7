"""The catalogue declares every metric in full, and its numbers and names are never used for anything else again."""

import re
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.web.prometheus.units import is_exact
from gpufleet_proto import telemetry_pb2 as pb
from gpufleet_proto.catalog import METRICS, Kind, Metric, Tier, read_catalog

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "catalog.txt"
DESIGN_CORE = [
    "temperature_celsius",
    "power_watts",
    "memory_used_mb",
    "memory_total_mb",
    "gpu_utilization_percent",
    "memory_utilization_percent",
    "memory_temperature_celsius",
    "power_limit_watts",
    "energy_joules_total",
    "encoder_utilization_percent",
    "decoder_utilization_percent",
    "memory_reserved_mb",
    "sm_clock_mhz",
    "memory_clock_mhz",
    "fan_speed_percent",
    "performance_state",
    "throttle_reasons",
    "process_count",
]
UNITS = {"celsius": "°C", "watts": "W", "mb": "MiB", "percent": "%", "mhz": "MHz", "joules": "J", "seconds": "s"}
"""What the last word of a physical quantity's name says about its unit."""


def golden_lines(metrics: tuple[Metric, ...]) -> list[str]:
    """What must never change about a metric, one line each."""
    types = {field.name: field.type for field in pb.GPUStats.DESCRIPTOR.fields}
    return [
        f"{metric.number} {metric.name} type={types[metric.name]} resolution={metric.resolution:g}"
        for metric in metrics
    ]


def broken_promises(old: list[str], new: list[str]) -> list[str]:
    """Lines of the golden file that the catalogue no longer keeps."""
    return [line for line in old if line not in new]


def faults(metric: Metric) -> list[str]:
    """What is missing or contradictory in a declaration."""
    checks = {
        "unit": bool(metric.unit),
        "help": len(metric.help) > 10 and metric.help[0].isupper(),
        "panel": bool(metric.panel),
        "resolution": metric.resolution > 0,
        "max": metric.max > 0,
        "prometheus": bool(re.fullmatch(r"[a-z][a-z0-9_]*", metric.prometheus)) and metric.prometheus_factor > 0,
        "factors": all(map(is_exact, (metric.prometheus_factor, metric.dcgm_factor))),
        "factor of nothing": metric.dcgm is not None or metric.dcgm_factor == 1,
        "counter is named so": (metric.kind is Kind.COUNTER) == metric.name.endswith("_total"),
        "family of a counter": (metric.kind is Kind.COUNTER) == metric.prometheus.endswith("_total"),
        "names": (metric.kind in (Kind.FLAGS, Kind.ENUMERATION)) == bool(metric.names),
        "exact in a double": metric.max < 2**53 * metric.resolution,
        "unit is in the name": _unit_in_name(metric),
    }
    return [check for check, fine in checks.items() if not fine]


def _unit_in_name(metric: Metric) -> bool:
    """`power_watts` is in W; megabytes per second may be counted by tens or by twos."""
    if metric.name.endswith("_mb_per_second"):
        return metric.unit in ("MB/s", "MiB/s")
    word = metric.name.removesuffix("_total").rpartition("_")[2]
    return metric.unit == UNITS[word] if word in UNITS else metric.unit not in UNITS.values()


def test_every_metric_is_declared_in_full() -> None:
    assert {metric.name: faults(metric) for metric in METRICS if faults(metric)} == {}


def test_the_core_tier_begins_with_the_eight_names_that_clients_know() -> None:
    assert [metric.name for metric in METRICS if metric.tier is Tier.CORE] == DESIGN_CORE
    assert len(METRICS) == 42


def test_prometheus_families_are_unique() -> None:
    families = [metric.prometheus for metric in METRICS]
    assert len(families) == len(set(families))


def test_numbers_names_types_and_resolutions_are_kept_for_ever() -> None:
    assert broken_promises(GOLDEN.read_text().splitlines(), golden_lines(METRICS)) == []
    assert GOLDEN.read_text().splitlines() == golden_lines(METRICS), "run `make golden`"


def test_the_guard_fires_when_a_number_is_used_again() -> None:
    line = golden_lines(METRICS)[0]
    assert broken_promises([line.replace("temperature_celsius", "gone_celsius")], golden_lines(METRICS))
    assert broken_promises([line.replace("type=13", "type=5")], golden_lines(METRICS))


def test_the_guard_fires_on_a_bare_declaration() -> None:
    file = descriptor_pb2.FileDescriptorProto(name="bare.proto", package="bare", syntax="proto3")
    field = file.message_type.add(name="Stats").field.add(name="colour", number=1, type=13, label=1)
    extension: Any = pb.metric
    field.options.Extensions[extension].help = ""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(descriptor_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    (metric,) = read_catalog(pool.FindMessageTypeByName("bare.Stats"))
    assert {"unit", "help", "panel", "resolution", "max", "prometheus"} <= set(faults(metric))


@given(st.sampled_from(METRICS), st.floats(0, 1))
def test_rounding_gives_the_nearest_multiple_of_the_resolution_and_is_stable(metric: Metric, share: float) -> None:
    value = share * metric.max
    rounded = metric.round(value)
    assert abs(rounded - value) <= metric.resolution / 2 + metric.max * 1e-15
    assert metric.round(rounded) == rounded
    assert isinstance(rounded, int) == metric.is_whole
