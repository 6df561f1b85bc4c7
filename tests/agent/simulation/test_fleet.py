"""The simulated fleet is deterministic, physically plausible, and offers every metric of the catalogue somewhere."""

from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from gpufleet_agent.simulation.boards import BOARDS
from gpufleet_agent.simulation.day import DAY_SECONDS, Day
from gpufleet_agent.simulation.faults import Faults
from gpufleet_agent.simulation.gpu import VALUES, SimulatedGpu
from gpufleet_agent.simulation.host import SimulatedHost
from gpufleet_proto.catalog import BY_NAME, METRICS, Tier

NOON_US = 1_790_000_000_000_000
instants = st.integers(NOON_US - 86_400_000_000, NOON_US + 86_400_000_000)


def test_every_metric_has_a_simulated_value() -> None:
    assert set(VALUES) == {metric.name for metric in METRICS}


@given(instants, st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_the_same_seed_host_and_instant_give_the_same_reading(instant_us: int, seed: int) -> None:
    first, again = (SimulatedHost("sim-001", 4, seed=seed).read(instant_us, 5.0) for _ in range(2))
    assert first == again
    assert first.simulated


def test_another_seed_is_another_fleet() -> None:
    uuids = {gpu.identity.uuid for seed in range(3) for gpu in SimulatedHost("sim-001", 8, seed=seed).gpus}
    assert len(uuids) == 24


@given(instants, st.sampled_from(BOARDS), st.integers(0, 7))
@settings(max_examples=100, deadline=None)
def test_every_value_is_within_the_bounds_of_its_metric(instant_us: int, board: object, index: int) -> None:
    gpu = SimulatedGpu(1, "sim-002", index, board, hot=index == 0)  # type: ignore[arg-type]
    reading = gpu.read(instant_us, 10.0)
    assert set(reading.values) | set(reading.absent) == set(BY_NAME)
    assert not set(reading.values) & set(reading.absent)
    for name, value in reading.values.items():
        assert 0 <= value <= BY_NAME[name].max, name
    assert reading.values["power_watts"] <= reading.values["power_limit_watts"] * 1.1


def test_the_slow_tier_is_read_once_in_ten_seconds() -> None:
    gpu = SimulatedHost("sim-001", 1).gpus[0]
    slow = [metric.name for metric in METRICS if metric.tier is Tier.SLOW]
    ticks = [gpu.read(NOON_US + step * 1_000_000, 1.0).values for step in range(20)]
    assert sum(any(name in values for name in slow) for values in ticks) == 2


@given(st.integers(0, 50), st.floats(0, 3 * DAY_SECONDS))
@settings(max_examples=60, deadline=None)
def test_energy_is_the_integral_of_power(seed: int, at: float) -> None:
    day = Day(Random(seed), 70.0, 700.0)
    steps = [at + step / 10 for step in range(101)]
    energies = [day.energy_joules(step) for step in steps]
    assert all(before <= after for before, after in pairwise(energies))
    gained = energies[-1] - energies[0]
    assert 10 * 70.0 * 0.9 <= gained <= 10 * 700.0 * 1.1


def test_with_faults_one_gpu_of_a_host_comes_and_goes() -> None:
    host = SimulatedHost("sim-001", 4, faults=Faults())
    states = {gpu.state for step in range(60) for gpu in host.read(NOON_US + step * 10_000_000, 5.0).gpus}
    assert states == {"ok", "lost"}
    lost = sum(gpu.faults is not None for gpu in host.gpus)
    assert lost == 1
