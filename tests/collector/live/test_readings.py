"""Per tier: the newest reading stays current for 2.5 of its periods, and only what was read is a value."""

import pytest

from fakes.fleet import sample, values
from gpufleet_collector.live import readings
from gpufleet_collector.live.readings import CORE, TIERS
from gpufleet_proto.catalog import METRICS, Tier

PROFILING, SLOW = TIERS.index(Tier.PROFILING), TIERS.index(Tier.SLOW)
LASTING = readings.windows(5.0)


def test_the_slow_tier_lasts_longer_than_the_polling_interval() -> None:
    assert readings.windows(1.0)[CORE] == 2.5
    assert readings.windows(1.0)[SLOW] == 25.0
    assert readings.windows(60.0)[SLOW] == 150.0


def test_a_sample_replaces_only_the_tiers_it_carries() -> None:
    held = readings.no_readings()
    readings.accept(held, sample("g", 0, power_watts=100.0, pcie_link_width=16), LASTING, now=0)
    readings.accept(held, sample("g", 5, temperature_celsius=40), LASTING, now=5)

    merged = readings.merge(held, readings.freshness(held, LASTING, now=5))
    assert merged == values(temperature_celsius=40, pcie_link_width=16)


@pytest.mark.parametrize(("age", "current"), [(12.5, True), (12.6, False)])
def test_a_reading_is_current_for_two_and_a_half_periods(age: float, current: bool) -> None:
    held = readings.no_readings()
    readings.accept(held, sample("g", 0, power_watts=100.0), LASTING, now=0)
    assert readings.freshness(held, LASTING, now=age)[CORE] is current


def test_zero_is_a_value() -> None:
    assert readings.carries(values(gpu_utilization_percent=0), CORE)
    assert not readings.carries(values(gpu_utilization_percent=0), SLOW)


def test_an_older_instant_never_replaces_a_current_reading() -> None:
    held = readings.no_readings()
    assert readings.accept(held, sample("g", 10, power_watts=100.0), LASTING, now=0)
    assert not readings.accept(held, sample("g", 9, power_watts=1.0), LASTING, now=1)
    assert not readings.accept(held, sample("g", 10, power_watts=1.0), LASTING, now=1)
    assert readings.merge(held, (True, True, True)) == values(power_watts=100.0)


def test_a_clock_that_was_set_back_does_not_hide_the_gpu_for_longer_than_its_last_reading_lasts() -> None:
    held = readings.no_readings()
    readings.accept(held, sample("g", 3600, power_watts=100.0), LASTING, now=0)
    assert readings.accept(held, sample("g", 15, power_watts=1.0), LASTING, now=15)
    assert readings.merge(held, readings.freshness(held, LASTING, now=15)) == values(power_watts=1.0)


def test_recorded_at_is_of_the_core_tick_however_old() -> None:
    held = readings.no_readings()
    assert readings.recorded_at(held) is None
    readings.accept(held, sample("g", 0, power_watts=1.0), LASTING, now=0)
    readings.accept(held, sample("g", 100, pcie_link_width=8), LASTING, now=100)
    assert readings.recorded_at(held) == sample("g", 0).recorded_at


def test_every_metric_belongs_to_the_reading_of_its_tier() -> None:
    everything = sample("g", 0, **{metric.name: 1 for metric in METRICS})
    held = readings.no_readings()
    readings.accept(held, everything, LASTING, now=0)
    for tier, fresh in ((CORE, (True, False, False)), (PROFILING, (False, True, False)), (SLOW, (False, False, True))):
        expected = values(**{metric.name: 1 for metric in METRICS if metric.tier is TIERS[tier]})
        assert readings.merge(held, fresh) == expected
