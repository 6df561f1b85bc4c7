"""Each question goes to the cheapest table that can answer it, and what none can answer is told what to ask instead."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.errors import BadRequest, TooMuch
from gpufleet_collector.store.plan import (
    AGGREGATIONS,
    CELL_US,
    NICE_STEPS_US,
    PARTITIONED,
    POINTS,
    Aggregation,
    Kept,
    Limits,
    Source,
    Wanted,
    choose,
    sources_of_step,
    usual_step,
)
from gpufleet_collector.store.times import DAY_US, HOUR_US, SECOND_US
from gpufleet_proto.catalog import BY_NAME

KEPT = Kept(samples_us=30 * DAY_US, five_minutes_us=90 * DAY_US)
NOW = 1_000 * DAY_US


def wanted(metric: str, *aggregations: Aggregation, step: int, gpu_hours: int = 24, **other: bool | int) -> Wanted:
    """For one GPU over a day, unless said otherwise; seconds."""
    kinds = aggregations or ("avg",)
    usual = Wanted(
        BY_NAME[metric], kinds, step * SECOND_US, NOW - DAY_US, NOW, per_gpu=True, over_fleet=False, gpu_hours=gpu_hours
    )
    return replace(usual, **other)  # type: ignore[arg-type]


def over_fleet(metric: str, *aggregations: Aggregation, step: int, gpu_hours: int = 24_000, days: int = 1) -> Wanted:
    question = wanted(metric, *aggregations, step=step, gpu_hours=gpu_hours)
    return replace(question, per_gpu=False, over_fleet=True, since=NOW - days * DAY_US)


@pytest.mark.parametrize(
    ("question", "source"),
    [
        (wanted("power_watts", step=1), Source.SAMPLES),
        (wanted("power_watts", step=288), Source.SAMPLES),
        (wanted("power_watts", step=300), Source.FIVE_MINUTES),
        (wanted("power_watts", step=2100), Source.FIVE_MINUTES),
        (wanted("power_watts", step=3600), Source.HOURS),
        (wanted("power_watts", step=86_400), Source.HOURS),
        (wanted("energy_joules_total", step=300), Source.FIVE_MINUTES),
        (wanted("throttle_reasons", "max", step=3600), Source.HOURS),
        (wanted("recovery_action", "max", step=60), Source.SAMPLES),
        (over_fleet("power_watts", step=60), Source.FLEET_MINUTES),
        (over_fleet("power_watts", "avg", "min", "max", "sum", step=3600), Source.FLEET_MINUTES),
        (over_fleet("recovery_action", "max", step=60), Source.FLEET_MINUTES),
        (over_fleet("power_watts", step=15, gpu_hours=10), Source.SAMPLES),
        (over_fleet("throttle_reasons", "max", step=300), Source.FIVE_MINUTES),
        (over_fleet("energy_joules_total", "sum", step=300), Source.FIVE_MINUTES),
        (over_fleet("energy_joules_total", "sum", step=300, gpu_hours=10_000_000), Source.FLEET_MINUTES),
        (over_fleet("energy_joules_total", "min", step=60), Source.FLEET_MINUTES),
        (over_fleet("energy_joules_total", "min", step=60, gpu_hours=100), Source.SAMPLES),
        (over_fleet("power_watts", "p95", step=300), Source.FIVE_MINUTES),
        (over_fleet("power_watts", "p50", "avg", step=7200), Source.FIVE_MINUTES),
        (wanted("power_watts", "p95", step=300), Source.SAMPLES),
        (wanted("power_watts", "p95", step=3600, since=NOW - 31 * DAY_US), Source.FIVE_MINUTES),
        (wanted("power_watts", "p95", step=3600, gpu_hours=24_000), Source.FIVE_MINUTES),
        (wanted("energy_joules_total", "p95", step=3600), Source.HOURS),
    ],
)
def test_the_cheapest_table_that_can(question: Wanted, source: Source) -> None:
    assert choose(question, KEPT) is source


ODD = Kept(samples_us=60 * DAY_US, five_minutes_us=20 * DAY_US, hours_us=40 * DAY_US, fleet_minutes_us=DAY_US)
"""The finer is kept for longer."""


def long_ago(days: int, **other: int) -> Wanted:
    return wanted("power_watts", since=NOW - days * DAY_US, **other)


@pytest.mark.parametrize(
    ("question", "source"),
    [
        (long_ago(20, step=300), Source.FIVE_MINUTES),
        (long_ago(21, step=300), Source.SAMPLES),
        (long_ago(61, step=300), Source.SAMPLES),
        (long_ago(21, step=3600), Source.HOURS),
        (long_ago(75, step=3600), Source.SAMPLES),
        (over_fleet("power_watts", step=3600, days=40), Source.HOURS),
        (over_fleet("power_watts", step=300, days=60, gpu_hours=2000), Source.SAMPLES),
    ],
)
def test_what_a_table_has_no_more_comes_from_one_that_has(question: Wanted, source: Source) -> None:
    assert choose(question, ODD) is source


@pytest.mark.parametrize(
    ("question", "source"),
    [
        (long_ago(800, step=3600), Source.HOURS),
        (long_ago(800, step=300), Source.FIVE_MINUTES),
        (long_ago(40, step=60), Source.SAMPLES),
        (over_fleet("power_watts", step=3600, days=800), Source.FLEET_MINUTES),
        (over_fleet("power_watts", step=60, days=60), Source.FLEET_MINUTES),
    ],
)
def test_what_no_table_has_any_more_is_asked_of_the_one_that_goes_back_furthest(
    question: Wanted, source: Source
) -> None:
    assert choose(question, KEPT) is source


@pytest.mark.parametrize("source", Source)
@given(days=st.integers(1, 800), hours=st.integers(0, 24 * 40))
def test_what_retention_leaves_begins_with_the_partition_that_is_not_all_older(
    source: Source, days: int, hours: int
) -> None:
    now = NOW + hours * HOUR_US
    oldest, least = Kept(*[days * DAY_US] * 4).oldest(source, now), now - days * DAY_US
    partitioning = PARTITIONED[source]
    assert oldest <= least < partitioning.begin(partitioning.number(oldest) + 1)


def test_samples_that_are_read_for_want_of_a_rollup_are_not_fewer_with_a_longer_step() -> None:
    with pytest.raises(BadRequest, match="at most 2000 may be: narrow it") as refused:
        choose(long_ago(21, step=300, gpu_hours=2001), ODD)
    assert refused.value.parameter == "since"


def test_what_may_be_read_is_set_for_samples_and_counts_for_rollups_in_proportion() -> None:
    limits = Limits(gpu_hours=4)
    assert choose(wanted("power_watts", step=60, gpu_hours=4), KEPT, limits) is Source.SAMPLES
    assert choose(wanted("power_watts", step=300, gpu_hours=500), KEPT, limits) is Source.FIVE_MINUTES
    assert choose(wanted("power_watts", step=3600, gpu_hours=2000), KEPT, limits) is Source.HOURS
    for step, gpu_hours in ((60, 5), (300, 501), (3600, 2001)):
        with pytest.raises(TooMuch, match=f"at most {gpu_hours - 1} may be"):
            choose(wanted("power_watts", step=step, gpu_hours=gpu_hours), KEPT, limits)


@pytest.mark.parametrize(
    ("question", "parameter", "advice"),
    [
        (wanted("throttle_reasons", "avg", step=300), "agg", "agg=max"),
        (wanted("recovery_action", "max", "sum", step=300), "agg", "agg=max"),
        (wanted("power_watts", "p95", step=60), "step", "300 seconds"),
        (wanted("energy_joules_total", "p50", step=60), "step", "300 seconds"),
        (wanted("power_watts", "p95", step=300, since=NOW - 31 * DAY_US), "step", "3600 seconds"),
        (wanted("power_watts", step=7, gpu_hours=2001), "step", "multiples of 300 seconds"),
        (wanted("power_watts", step=300, gpu_hours=250_001), "since", "host, gpu_uuid, gpu_index or model"),
        (over_fleet("power_watts", "p95", step=300, gpu_hours=250_001), "since", "ask for less time"),
        (over_fleet("energy_joules_total", "min", step=120, gpu_hours=10_000), "step", "multiples of 300 seconds"),
    ],
)
def test_what_no_table_can_answer_is_refused_with_a_way_out(question: Wanted, parameter: str, advice: str) -> None:
    with pytest.raises(BadRequest, match=advice) as refused:
        choose(question, KEPT)
    assert refused.value.parameter == parameter


@pytest.mark.parametrize(
    ("span", "age", "aggregations", "fleet", "step"),
    [
        (24 * HOUR_US, 24 * HOUR_US, ("avg",), False, 300),
        (24 * HOUR_US, 24 * HOUR_US, ("avg",), True, 300),
        (HOUR_US, HOUR_US, ("avg",), False, 15),
        (HOUR_US, HOUR_US, ("avg",), True, 60),
        (HOUR_US, HOUR_US, ("p95",), False, 300),
        (SECOND_US, HOUR_US, ("avg",), False, 5),
        (7 * DAY_US, 7 * DAY_US, ("avg",), False, 3600),
        (30 * DAY_US, 30 * DAY_US, ("avg",), False, 3 * 3600),
        (HOUR_US, 31 * DAY_US, ("avg",), False, 300),
        (HOUR_US, 91 * DAY_US, ("avg",), False, 3600),
        (300 * DAY_US, 300 * DAY_US, ("avg",), True, 86_400),
        (600 * DAY_US, 600 * DAY_US, ("avg",), True, 2 * 86_400),
        (730 * DAY_US, 730 * DAY_US, ("avg",), True, 3 * 86_400),
        (990 * DAY_US, 990 * DAY_US, ("avg",), False, 7 * 86_400),
    ],
)
def test_without_a_step_a_nice_one_for_about_300_points(
    span: int, age: int, aggregations: tuple[Aggregation, ...], fleet: bool, step: int
) -> None:
    since = NOW - age
    found = usual_step(since, since + span, NOW, aggregations=aggregations, over_fleet=fleet, kept=KEPT)
    assert found == step * SECOND_US


@given(span=st.integers(1, 300 * 14 * DAY_US), age=st.integers(0, 900 * DAY_US), fleet=st.booleans())
def test_the_usual_step_is_nice_and_makes_no_more_points_than_asked(span: int, age: int, fleet: bool) -> None:
    since, kinds = NOW - age, AGGREGATIONS[:1]
    step = usual_step(since, since + span, NOW, aggregations=kinds, over_fleet=fleet, kept=KEPT)
    assert step in NICE_STEPS_US
    assert span / step <= POINTS


@given(step=st.integers(1, 10**12))
def test_cells_fit_into_the_step(step: int) -> None:
    *rollups, finest = sources_of_step(step)
    assert finest is Source.SAMPLES
    assert all(step % CELL_US[source] == 0 for source in rollups)
    assert rollups == sorted(rollups, key=CELL_US.__getitem__, reverse=True)
