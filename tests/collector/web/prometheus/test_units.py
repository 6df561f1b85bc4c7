"""Readings in the units of families are the numbers that a reader would write."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.web.prometheus.units import in_unit, is_exact
from gpufleet_proto.catalog import BY_NAME, METRICS, Metric


@pytest.mark.parametrize(
    ("name", "value", "factor", "expected"),
    [
        ("gpu_utilization_percent", 57, 0.01, 0.57),
        ("tensor_active_percent", 0.7, 0.01, 0.007),
        ("memory_used_mb", 81_920, 1_048_576, 85_899_345_920),
        ("sm_clock_mhz", 1980, 1e6, 1_980_000_000),
        ("power_watts", 300.1, 1, 300.1),
        ("energy_joules_total", 7, 1000, 7000),
        ("power_throttle_seconds_total", 0.123, 1e9, 123_000_000),
    ],
)
def test_a_value_in_its_unit(name: str, value: float, factor: float, expected: float) -> None:
    assert in_unit(BY_NAME[name], np.array([value]), factor).tolist() == [expected]


@given(st.sampled_from(METRICS), st.floats(0, 1))
def test_it_is_the_shortest_number_there_is(metric: Metric, share: float) -> None:
    value = metric.round(share * min(metric.max, 1e9))
    for factor in (metric.prometheus_factor, metric.dcgm_factor):
        (shown,) = in_unit(metric, np.array([float(value)]), factor).tolist()
        assert shown == float(f"{value * factor:.12g}") or shown == pytest.approx(value * factor, rel=1e-15)


def test_what_is_absent_stays_so() -> None:
    assert np.isnan(in_unit(METRICS[0], np.array([np.nan]), 0.01)).all()


@pytest.mark.parametrize(("factor", "exact"), [(1, True), (0.01, True), (1_048_576, True), (0.03, False), (1.5, False)])
def test_factors_that_can_be_worked_with(factor: float, exact: bool) -> None:
    assert is_exact(factor) is exact
