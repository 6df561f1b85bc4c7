"""A counter that begins anew is a reset, told once; nothing else is."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.readings import GpuIdentity, GpuReading, Reading
from gpufleet_agent.reset_events import COUNTER, MAX_GPUS, ResetEvents


def reading(joules: dict[str, float | None]) -> Reading:
    gpus = (
        GpuReading(GpuIdentity(uuid, index), values={} if value is None else {COUNTER: value})
        for index, (uuid, value) in enumerate(joules.items())
    )
    return Reading("nvml", tuple(gpus))


def test_a_counter_that_begins_anew_is_a_reset() -> None:
    resets = ResetEvents()
    assert resets.see(1, reading({"GPU-1": 500, "GPU-2": 500})) == ()
    assert resets.see(2, reading({"GPU-1": None})) == ()
    (event,) = resets.see(3, reading({"GPU-2": 600, "GPU-1": 3}))
    assert (event.kind, event.gpu_uuid, event.instant_us, event.severity) == ("GPU_RESET", "GPU-1", 3, "INFO")
    assert event.text.startswith("GPU 1 was reset")
    assert resets.see(4, reading({"GPU-1": 4})) == ()


def test_the_memory_is_bounded() -> None:
    resets = ResetEvents()
    for number in range(MAX_GPUS + 1):
        resets.see(number, reading({f"GPU-{number}": 500}))
    assert resets.see(0, reading({"GPU-0": 1})) == ()
    assert len(resets.see(0, reading({f"GPU-{MAX_GPUS}": 1}))) == 1


@given(st.lists(st.none() | st.integers(0, 100), max_size=30))
def test_there_are_as_many_resets_as_times_the_counter_fell(values: list[int | None]) -> None:
    resets = ResetEvents()
    events = [event for at, value in enumerate(values) for event in resets.see(at, reading({"GPU-1": value}))]
    known = [value for value in values if value is not None]
    assert len(events) == sum(after < before for before, after in pairwise(known))
