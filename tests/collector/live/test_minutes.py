"""Minutes of the fleet from live values: sums, counters as increases, and MIG instances counted once."""

import math

import numpy as np
import pytest

from gpufleet_collector.live.minutes import FleetMinutes, Standing
from gpufleet_collector.model import METRIC_INDEX, MinuteGroup

POWER, BUSY, ENERGY = (METRIC_INDEX[name] for name in ("power_watts", "gpu_utilization_percent", "energy_joules_total"))
MINUTE = 60_000_000


def standing(*gpus: dict[str, object]) -> Standing:
    """GPUs by `uuid`, `parent`, `model`, `rack` and values by metric."""
    values = np.full((len(gpus), len(METRIC_INDEX)), math.nan)
    for row, gpu in enumerate(gpus):
        for name, value in gpu.items():
            if name in METRIC_INDEX:
                values[row, METRIC_INDEX[name]] = value
    return Standing(
        gpu_uuids=[str(gpu["uuid"]) for gpu in gpus],
        parents=[None if (parent := gpu.get("parent")) is None else str(parent) for gpu in gpus],
        models=[str(gpu.get("model", "H100")) for gpu in gpus],
        labels=[{"rack": str(gpu["rack"])} if "rack" in gpu else {} for gpu in gpus],
        values=values,
    )


def by_group(groups: list[MinuteGroup]) -> dict[tuple[str, str, str], MinuteGroup]:
    return {(group.scope, group.key, group.value): group for group in groups}


def test_the_fleet_each_model_and_each_value_of_a_label_are_groups() -> None:
    seen = standing(
        {"uuid": "a", "power_watts": 100.0, "rack": "r1"},
        {"uuid": "b", "power_watts": 300.0, "rack": "r2", "model": "A100"},
        {"uuid": "c", "gpu_utilization_percent": 7.0},
    )
    groups = by_group(FleetMinutes(["rack", "pool"]).groups(seen, MINUTE))
    assert list(groups) == [
        ("fleet", "", ""),
        ("model", "", "H100"),
        ("label", "rack", "r1"),
        ("model", "", "A100"),
        ("label", "rack", "r2"),
    ]
    fleet = groups["fleet", "", ""]
    assert (fleet.minute, fleet.gpus) == (MINUTE, 3)
    assert (fleet.sums[POWER], fleet.counts[POWER], fleet.smallest[POWER], fleet.largest[POWER]) == (400, 2, 100, 300)
    assert groups["label", "rack", "r1"].sums[POWER] == 100
    assert groups["model", "", "A100"].counts[BUSY] == 0
    assert math.isnan(groups["model", "", "A100"].smallest[BUSY])


def test_a_counter_counts_by_what_it_rose_since_the_minute_before_and_anew_after_a_reset() -> None:
    minutes = FleetMinutes()
    (first, _) = minutes.groups(standing({"uuid": "a", "energy_joules_total": 1000.0}), 0)
    assert first.counts[ENERGY] == 0
    both = standing({"uuid": "b", "energy_joules_total": 5.0}, {"uuid": "a", "energy_joules_total": 1300.0})
    (second, _) = minutes.groups(both, MINUTE)
    assert (second.sums[ENERGY], second.counts[ENERGY]) == (300, 1)
    (third, _) = minutes.groups(standing({"uuid": "a", "energy_joules_total": 20.0}), 2 * MINUTE)
    assert third.sums[ENERGY] == 20


def test_of_a_mig_instance_counts_only_what_its_parent_does_not_say() -> None:
    seen = standing(
        {"uuid": "whole", "power_watts": 100.0, "temperature_celsius": 50.0},
        {
            "uuid": "part",
            "parent": "whole",
            "power_watts": 30.0,
            "gpu_utilization_percent": 60.0,
            "temperature_celsius": 51.0,
        },
    )
    (fleet, _) = FleetMinutes().groups(seen, 0)
    assert fleet.gpus == 1
    assert (fleet.sums[POWER], fleet.sums[BUSY]) == (100, 60)
    assert fleet.counts[METRIC_INDEX["temperature_celsius"]] == 1


def test_there_are_never_more_groups_than_the_limit() -> None:
    seen = standing(*({"uuid": f"{number}", "rack": f"r{number}", "power_watts": 1.0} for number in range(20)))
    groups = FleetMinutes(["rack"], max_groups=5).groups(seen, 0)
    assert len(groups) == 5
    assert by_group(groups)["fleet", "", ""].sums[POWER] == 20


def test_an_empty_fleet_has_no_minutes() -> None:
    assert FleetMinutes().groups(standing(), 0) == []


@pytest.mark.parametrize("times", [1, 2])
def test_values_of_the_standing_are_left_as_they_are(times: int) -> None:
    seen = standing({"uuid": "a", "energy_joules_total": 1.0}, {"uuid": "p", "parent": "a", "power_watts": 3.0})
    minutes = FleetMinutes()
    for _ in range(times):
        minutes.groups(seen, 0)
    assert seen.values[1, POWER] == 3.0
