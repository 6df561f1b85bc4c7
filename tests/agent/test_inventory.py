"""Values come and go without a new inventory; identities, states and reasons do not."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.inventory import InventoryWatch, outline, same_inventory, with_left_alone, with_remembered
from gpufleet_agent.readings import GpuIdentity, GpuReading, Reading


def reading(*states: str, power: float = 1.0) -> Reading:
    gpus = (GpuReading(GpuIdentity(f"GPU-{i}", i), state, {"power_watts": power}) for i, state in enumerate(states))
    return Reading("nvml", tuple(gpus))


def test_the_first_reading_is_news_and_another_value_is_not() -> None:
    watch = InventoryWatch()
    assert watch.see(10, reading("ok", "ok"))
    assert not watch.see(20, reading("ok", "ok", power=2.0))
    assert watch.since_us == 10


def test_a_gpu_that_is_lost_is_news_from_that_instant_on() -> None:
    watch = InventoryWatch()
    watch.see(10, reading("ok", "ok"))
    assert watch.see(20, reading("ok", "lost"))
    assert watch.since_us == 20


def test_a_hang_marks_its_gpu_or_all_when_the_driver_hangs() -> None:
    watch = InventoryWatch()
    watch.see(10, reading("ok", "ok"))
    assert watch.hang(20, "GPU 1")
    assert watch.current is not None
    assert [gpu.state for gpu in watch.current.gpus] == ["ok", "hung"]
    assert not watch.hang(30, "GPU 1")
    assert watch.hang(40, "")
    assert [gpu.state for gpu in watch.current.gpus] == ["hung", "hung"]


def test_a_hang_before_the_first_reading_changes_nothing() -> None:
    assert not InventoryWatch().hang(1, "")


def test_a_gpu_that_is_left_alone_stays_in_the_inventory_as_hung() -> None:
    known = reading("ok", "ok")
    only_first = Reading("nvml", known.gpus[:1])
    both = with_left_alone(only_first, known, frozenset({1}))
    assert [(gpu.gpu.uuid, gpu.state, dict(gpu.values)) for gpu in both.gpus[1:]] == [("GPU-1", "hung", {})]
    assert with_left_alone(only_first, known, frozenset()) == only_first
    assert with_left_alone(known, known, frozenset({1})) == known
    assert with_left_alone(only_first, None, frozenset({1})) == only_first


def test_gpus_are_remembered_while_nobody_knows_of_any() -> None:
    known = reading("ok", "lost", "driver_mismatch", "suspended")
    nothing = Reading("none", note="The driver is not loaded.")
    remembered = with_remembered(nothing, known)
    assert [gpu.state for gpu in remembered.gpus] == ["unknown", "lost", "driver_mismatch", "unknown"]
    assert [gpu.gpu for gpu in remembered.gpus] == [gpu.gpu for gpu in known.gpus]
    assert all(not gpu.values for gpu in remembered.gpus)
    assert remembered.note == nothing.note


def test_a_gpu_that_cannot_say_who_it_is_is_still_who_it_was() -> None:
    board = GpuIdentity("GPU-0", 0, "H100", "00000000:01:00.0", "1650", "96.00")
    known = Reading("nvml", (GpuReading(board), GpuReading(GpuIdentity("GPU-1", 1, "H100"))))
    strangers = (GpuReading(GpuIdentity("GPU-0", 3), "lost"), GpuReading(GpuIdentity("GPU-9", 4), "lost"))
    remembered = with_remembered(Reading("nvml", strangers, driver_version="570.1"), known)
    assert [gpu.gpu for gpu in remembered.gpus] == [replace(board, index=3), GpuIdentity("GPU-9", 4)]
    assert [gpu.state for gpu in remembered.gpus] == ["lost", "lost"]
    nameless = Reading("nvml", (GpuReading(GpuIdentity("GPU-0", 0)),))
    assert with_remembered(nameless, known) == nameless, "one that answers speaks for itself"


def test_a_hang_concerns_its_gpu_or_all_that_are_known() -> None:
    watch = InventoryWatch()
    assert not watch.knows("")
    watch.see(10, reading("ok", "ok"))
    assert [watch.knows(gpu) for gpu in ("", "GPU 1", "GPU 2")] == [True, True, False]


def test_a_reading_that_knows_of_a_gpu_or_a_driver_speaks_for_itself() -> None:
    known = reading("ok", "ok")
    for told in (reading("ok"), Reading("nvml", driver_version="570.1")):
        assert with_remembered(told, known) == told
    nothing = Reading("none")
    assert with_remembered(nothing, None) == nothing


TEXTS = st.sampled_from([None, "a", "b"])
GPUS = st.builds(
    GpuReading,
    st.builds(GpuIdentity, st.sampled_from(["GPU-0", "GPU-1"]), name=TEXTS),
    st.sampled_from(["ok", "lost"]),
    values=st.dictionaries(st.just("power_watts"), st.integers(0, 1)),
    absent=st.dictionaries(st.just("fan_speed_percent"), st.sampled_from(["ERROR", "LOST"])),
)
READINGS = st.builds(
    Reading,
    st.sampled_from(["nvml", "none"]),
    st.lists(GPUS, max_size=2).map(tuple),
    driver_version=TEXTS,
    note=TEXTS,
    simulated=st.booleans(),
    milliseconds=st.dictionaries(st.just("core"), st.floats(0, 1)),
)


@given(READINGS, READINGS)
def test_inventories_are_the_same_exactly_when_their_outlines_are_equal(one: Reading, other: Reading) -> None:
    assert same_inventory(one, other) is (outline(one) == outline(other))
    assert same_inventory(one, outline(one))
