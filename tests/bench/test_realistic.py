"""The made-up fleet is one that the catalogue allows, moves as real GPUs do, and is the same every time."""

import numpy as np
import pytest
from bench.realistic import ALL_METRICS, DCGM_METRICS, Hour, RealisticFleet

from gpufleet_proto.catalog import BY_NAME, METRICS, Kind

SINCE_US = 1_767_225_600_000_000


def hours(metrics: tuple[str, ...] = ALL_METRICS, gpus: int = 48, seed: int = 7) -> list[Hour]:
    return list(RealisticFleet(gpus, 3, since_us=SINCE_US, metrics=metrics, seed=seed).hours())


@pytest.fixture(scope="module")
def made() -> list[Hour]:
    return hours()


def test_every_value_is_a_multiple_of_its_resolution_and_within_its_bounds(made: list[Hour]) -> None:
    for metric in METRICS:
        values = made[1].columns[metric.name]
        assert values.min() >= 0
        assert values.max() <= metric.max
        assert not np.signbit(values).any()
        sample = values[::5, ::97].ravel().tolist()
        assert sample == [metric.round(value) for value in sample], metric.name


def test_counters_only_grow_from_hour_to_hour(made: list[Hour]) -> None:
    for metric in METRICS:
        if metric.kind is Kind.COUNTER:
            joined = np.concatenate([hour.columns[metric.name] for hour in made], axis=1)
            assert (np.diff(joined, axis=1) >= 0).all(), metric.name
    energy = made[0].columns["energy_joules_total"]
    used = energy[:, -1] - energy[:, 0]
    mean_watts = made[0].columns["power_watts"][:, 1:].mean(axis=1)
    assert used == pytest.approx(mean_watts * 5 * 719, rel=1e-3)


def test_jobs_start_and_end(made: list[Hour]) -> None:
    busy = np.concatenate([hour.columns["gpu_utilization_percent"] for hour in made], axis=1) > 0
    assert 0.5 < busy.mean() < 0.98
    assert (busy.any(axis=1) & ~busy.all(axis=1)).sum() > 10
    memory = made[0].columns["memory_used_mb"]
    assert len(np.unique(memory)) > 20


def test_noise_is_where_it_is_on_real_boards_and_constants_stay(made: list[Hour]) -> None:
    columns = made[0].columns
    for name in ("power_watts", "tensor_active_percent", "pcie_rx_mb_per_second", "nvlink_tx_mb_per_second"):
        assert len(np.unique(columns[name])) > 100, name
    for name in ("memory_total_mb", "power_limit_watts", "pcie_link_width"):
        assert len(np.unique(columns[name])) == 1, name


def test_instants_are_one_host_s_own_and_a_little_late(made: list[Hour]) -> None:
    instants = made[0].instants
    assert (instants[0] == instants[7]).all()
    assert (instants[0] != instants[8]).any()
    steps = np.diff(instants[0])
    assert len(np.unique(steps)) > 100
    assert (abs(steps - 5_000_000) < 1000).all()
    joined = np.concatenate([hour.instants for hour in made], axis=1)
    assert (np.diff(joined, axis=1) > 0).all()


def test_the_slow_tier_is_read_every_other_tick_and_some_hosts_lack_some_metrics(made: list[Hour]) -> None:
    present = made[0].present
    assert present["pcie_tx_mb_per_second"].mean() == 0.5
    assert 0 < present["fan_speed_percent"].mean() < 1
    assert "power_watts" not in present


def test_the_same_seed_gives_the_same_fleet_and_another_another() -> None:
    one, same, other = (hours(DCGM_METRICS, gpus=8, seed=seed)[2] for seed in (1, 1, 2))
    assert tuple(one.columns) == DCGM_METRICS
    assert len(DCGM_METRICS) == 25
    assert (one.columns["power_watts"] == same.columns["power_watts"]).all()
    assert (one.columns["power_watts"] != other.columns["power_watts"]).any()
    assert set(BY_NAME) == set(ALL_METRICS)
