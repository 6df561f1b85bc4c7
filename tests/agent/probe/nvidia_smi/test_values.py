"""One cell of nvidia-smi's answer is a value in the catalogue's unit, or absent for a reason."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpufleet_agent.probe.nvidia_smi.values import Absent, read_value
from gpufleet_proto.catalog import BY_NAME, METRICS, Metric

ASKED = [metric for metric in METRICS if metric.nvidia_smi]


@pytest.mark.parametrize(
    ("metric", "text", "value"),
    [
        ("temperature_celsius", "41", 41),
        ("power_watts", "69.85 W", 69.85),
        ("power_watts", "69.85", 69.85),
        ("power_limit_watts", "700.00 W", 700.0),
        ("memory_total_mb", "81559 MiB", 81559),
        ("memory_total_mb", "81559", 81559),
        ("gpu_utilization_percent", "0 %", 0),
        ("sm_clock_mhz", "1980 MHz", 1980),
        ("performance_state", "P0", 0),
        ("performance_state", "P15", 15),
        ("throttle_reasons", "0x0000000000000001", 1),
        ("throttle_reasons", "0x00000000000000E0", 0xE0),
        ("remapped_rows_pending", "No", 0),
        ("remapped_rows_failed", "Yes", 1),
        ("remapped_rows_pending", "Active", 1),
        ("remapped_rows_pending", "Not Active", 0),
        ("recovery_action", "None", 0),
        ("recovery_action", "Reset", 1),
        ("recovery_action", "Reboot", 2),
        ("recovery_action", "Drain P2P", 3),
        ("recovery_action", "Drain and Reset", 4),
        ("power_throttle_seconds_total", "0 us", 0),
        ("power_throttle_seconds_total", "1234567 us", 1.234567),
        ("thermal_throttle_seconds_total", "1234567", 1.234567),
        ("ecc_corrected_total", "12", 12),
        ("pcie_link_width", "16", 16),
    ],
)
def test_a_value_is_read_exactly(metric: str, text: str, value: float) -> None:
    read = read_value(BY_NAME[metric], text)
    assert read == value
    assert isinstance(read, int) == BY_NAME[metric].is_integer


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[N/A]", "NOT_SUPPORTED"),
        ("N/A", "NOT_SUPPORTED"),
        ("[Not Supported]", "NOT_SUPPORTED"),
        ("", "NOT_SUPPORTED"),
        ("[Unknown Error]", "ERROR"),
        ("Unknown Error", "ERROR"),
        ("ERR!", "ERROR"),
        ("[Insufficient Permissions]", "NO_PERMISSION"),
        ("[Requested functionality has been deprecated]", "BACKEND"),
        ("[GPU is lost]", "LOST"),
        ("GPU is lost", "LOST"),
    ],
)
@pytest.mark.parametrize("metric", ASKED, ids=lambda metric: metric.name)
def test_a_sentinel_says_why_there_is_no_value(metric: Metric, text: str, reason: str) -> None:
    assert read_value(metric, text) == Absent(reason)


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        ("temperature_celsius", "-4"),
        ("gpu_utilization_percent", "101 %"),
        ("gpu_utilization_percent", "7 W"),
        ("power_watts", "nan W"),
        ("power_watts", "inf"),
        ("power_watts", "1e9999 W"),
        ("power_watts", "9" * 5000),
        ("power_watts", "1_000 W"),
        ("power_watts", "٣٤ W"),
        ("performance_state", "P16"),
        ("performance_state", "PP1"),
        ("throttle_reasons", "0xFFFFFFFFFFFFFFFF"),
        ("throttle_reasons", "0xZZ"),
        ("recovery_action", "Dance"),
        ("remapped_rows_pending", "2"),
        ("memory_used_mb", "Enabled"),
    ],
)
def test_what_cannot_be_a_reading_is_an_error_of_that_field(metric: str, text: str) -> None:
    assert read_value(BY_NAME[metric], text) == Absent("ERROR")


@given(metric=st.sampled_from(ASKED), text=st.text() | st.from_regex(r"-?[0-9.]+ ?(W|MiB|%|us|MHz)?"))
def test_any_text_is_a_possible_value_or_absent(metric: Metric, text: str) -> None:
    read = read_value(metric, text)
    assert isinstance(read, Absent) or (math.isfinite(read) and 0 <= read <= metric.max)


@given(microseconds=st.integers(0, 10**17))
@example(microseconds=10**16 - 1)
def test_microseconds_become_the_nearest_seconds(microseconds: int) -> None:
    assert read_value(BY_NAME["power_throttle_seconds_total"], f"{microseconds} us") == microseconds / 1_000_000
