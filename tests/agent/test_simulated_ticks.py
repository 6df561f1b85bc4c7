"""What is kept from tick to tick changes nothing: the bytes are those of a reading made from nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gpufleet_agent.simulated_ticks import HostProcesses, HostTicks
from gpufleet_agent.simulation.faults import Faults
from gpufleet_agent.simulation.host import SimulatedHost
from gpufleet_agent.wire import encode_ticks, processes_of, tick_of

NOON_US = 1_790_000_000_000_000
FAULTS = Faults(every_seconds=60.0, lost_seconds=20.0)
steps = st.lists(st.integers(-86_400_000_000, 86_400_000_000) | st.integers(0, 60_000_000), min_size=1, max_size=8)
names = st.sampled_from([f"sim-{number:03d}" for number in range(1, 13)])


def hosts(name: str, faults: bool) -> tuple[SimulatedHost, SimulatedHost]:
    first, second = (SimulatedHost(name, 4, faults=FAULTS if faults else None) for _ in range(2))
    return first, second


@given(names, steps, st.sampled_from([1.0, 5.0, 30.0]), st.booleans())
@settings(max_examples=80, deadline=None)
def test_a_kept_tick_is_that_of_a_reading(name: str, offsets: list[int], interval: float, faults: bool) -> None:
    host, same = hosts(name, faults)
    ticks, instant_us = HostTicks(host, interval), NOON_US
    for offset in offsets:
        instant_us += offset
        tick = tick_of(instant_us, same.read(instant_us, interval))
        assert ticks.encode(instant_us) == (encode_ticks([tick]), len(tick.gpus))


@given(names, steps, st.booleans())
@settings(max_examples=80, deadline=None)
def test_kept_processes_are_those_of_the_host(name: str, offsets: list[int], faults: bool) -> None:
    host, same = hosts(name, faults)
    processes, instant_us = HostProcesses(host), NOON_US
    for offset in offsets:
        instant_us += offset
        assert processes.tell(instant_us) == processes_of(instant_us, same.processes(instant_us))


@given(names, st.integers(0, 600_000_000))
@settings(max_examples=40, deadline=None)
def test_an_inventory_of_states_is_that_of_a_reading(name: str, offset: int) -> None:
    host, _ = hosts(name, True)
    reading = host.read(NOON_US + offset, 5.0)
    inventory = host.inventory(host.states(NOON_US + offset))
    assert [(gpu.gpu, gpu.state, gpu.absent) for gpu in inventory.gpus] == [
        (gpu.gpu, gpu.state, gpu.absent) for gpu in reading.gpus
    ]
    assert (inventory.backend, inventory.driver_version) == (reading.backend, reading.driver_version)
