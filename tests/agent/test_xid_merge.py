"""One XID told by both sources is one event; two equal XIDs are two."""

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.readings import GpuEvent
from gpufleet_agent.xid_merge import KERNEL_LOG, MAX_WAITING, NVML, WINDOW_US, XidMerge, window_us
from gpufleet_agent.xids import xid_event


def xids(*instants: int, code: int = 79, gpu: str = "GPU-1") -> list[GpuEvent]:
    return [xid_event(instant, code, gpu) for instant in instants]


def test_the_second_source_adds_nothing() -> None:
    merge = XidMerge()
    assert merge.new(KERNEL_LOG, xids(1_000_000)) == tuple(xids(1_000_000))
    assert merge.new(NVML, xids(4_000_000)) == ()


def test_two_equal_xids_from_each_source_are_two_events() -> None:
    merge = XidMerge()
    assert len(merge.new(NVML, xids(5_000_000, 5_000_000))) == 2
    assert merge.new(KERNEL_LOG, xids(3_000_000, 4_000_000)) == ()
    assert len(merge.new(KERNEL_LOG, xids(4_100_000))) == 1


def test_two_of_one_source_are_never_one() -> None:
    assert len(XidMerge().new(NVML, xids(1, 1, 1))) == 3


def test_other_gpus_other_codes_and_other_times_are_other_events() -> None:
    merge = XidMerge()
    merge.new(NVML, xids(0))
    others = [*xids(0, code=31), *xids(0, gpu="GPU-2"), *xids(WINDOW_US + 1)]
    assert len(merge.new(KERNEL_LOG, others)) == 3
    assert merge.new(KERNEL_LOG, xids(WINDOW_US)) == ()


def test_without_a_gpu_or_a_code_every_event_passes() -> None:
    merge = XidMerge()
    nameless = [xid_event(0, 79, None), GpuEvent(0, "GPU_LOST", "CRITICAL", "", "GPU-1")]
    assert merge.new(NVML, nameless) == tuple(nameless)
    assert merge.new(KERNEL_LOG, nameless) == tuple(nameless)


def test_the_window_grows_with_the_interval() -> None:
    assert window_us(60.0) == 65_000_000


def test_the_memory_is_bounded_and_a_double_that_comes_too_late_is_told() -> None:
    merge = XidMerge()
    merge.new(NVML, xids(*[0] * (MAX_WAITING + 1)))
    assert len(merge.new(KERNEL_LOG, xids(*[0] * (MAX_WAITING + 1)))) == 1


SOURCES = st.sampled_from([NVML, KERNEL_LOG])


@given(st.lists(st.tuples(SOURCES, st.integers(0, WINDOW_US), st.sampled_from([31, 79])), max_size=40))
def test_within_the_window_as_many_pass_as_the_source_that_told_more_of_them_told(
    told: list[tuple[str, int, int]],
) -> None:
    merge = XidMerge()
    passed = [event for source, at, code in told for event in merge.new(source, xids(at, code=code))]
    for code in (31, 79):
        by_source = [sum(1 for source, _, c in told if (source, c) == (each, code)) for each in (NVML, KERNEL_LOG)]
        assert max(by_source) == sum(event.code == code for event in passed)


@given(st.lists(st.tuples(SOURCES, st.integers(0, 10 * WINDOW_US)), max_size=40))
def test_no_xid_that_only_one_source_told_is_hidden(told: list[tuple[str, int]]) -> None:
    merge = XidMerge()
    passed = sum(len(merge.new(source, xids(at))) for source, at in told)
    assert passed >= max(sum(1 for source, _ in told if source == each) for each in (NVML, KERNEL_LOG))
