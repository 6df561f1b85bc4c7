"""What is taken is a number within bounds, rounded to its resolution; one bad value costs that value alone."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.ingest.judge import judge_values
from gpufleet_collector.model import METRIC_INDEX, to_values
from gpufleet_proto.catalog import METRICS


def column_of(**named: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    values = np.full((1, len(METRICS)), np.nan)
    for name, value in named.items():
        values[0, METRIC_INDEX[name]] = value
    return values


def test_a_value_that_is_no_number_or_out_of_bounds_is_dropped_and_the_others_stay() -> None:
    values = column_of(
        power_watts=-math.inf, power_limit_watts=math.inf, gpu_utilization_percent=101, energy_joules_total=-1.0,
        temperature_celsius=40,
    )  # fmt: skip
    kept, dropped = judge_values(values)
    assert dropped == 4
    assert kept.tolist() == [True]
    assert [value for value in to_values(values[0]) if value is not None] == [40]


def test_a_sample_with_no_value_left_is_not_kept() -> None:
    kept, dropped = judge_values(column_of(power_watts=math.inf))
    assert (kept.tolist(), dropped) == ([False], 1)
    kept, dropped = judge_values(column_of())
    assert (kept.tolist(), dropped) == ([False], 0)


def test_values_are_rounded_to_their_resolution_and_zero_is_a_value() -> None:
    values = column_of(power_watts=69.849, gpu_utilization_percent=-0.0, energy_joules_total=12.6)
    judge_values(values)
    taken = to_values(values[0])
    assert taken[METRIC_INDEX["power_watts"]] == 69.8
    assert str(taken[METRIC_INDEX["gpu_utilization_percent"]]) == "0"
    energy = taken[METRIC_INDEX["energy_joules_total"]]
    assert energy == 13
    assert isinstance(energy, int)


numbers = st.floats(allow_nan=False) | st.floats(0, 1e6) | st.integers(0, 10**16).map(float) | st.just(math.nan)
rows = st.lists(st.tuples(*(numbers for _ in METRICS)), min_size=1, max_size=4)


@given(rows)
def test_judged_by_column_is_judged_one_by_one(sent: list[tuple[float, ...]]) -> None:
    values = np.array(sent)
    kept, dropped = judge_values(values)
    lost = 0
    for before, after, keep in zip(sent, values, kept.tolist(), strict=True):
        expected = []
        for metric, value in zip(METRICS, before, strict=True):
            is_taken = math.isfinite(value) and 0 <= value <= metric.max
            lost += not is_taken and not math.isnan(value)
            expected.append(metric.round(value) if is_taken else None)
        assert list(map(repr, to_values(after))) == list(map(repr, expected))
        assert keep == any(value is not None for value in expected)
    assert dropped == lost
