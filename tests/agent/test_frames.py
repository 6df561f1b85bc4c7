"""What the probe writes is what the supervisor reads, and nothing else is taken for a reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent import frames
from gpufleet_agent.frames import BadFrame, FrameReader, FrameWriter
from gpufleet_agent.readings import GpuEvent, GpuIdentity, GpuProcess, GpuReading, Reading

text = st.text(max_size=20)
maybe = st.none() | text
identities = st.builds(GpuIdentity, text, st.none() | st.integers(0, 64), maybe, maybe, maybe, maybe, maybe, maybe)
values = st.dictionaries(text, st.integers(0, 2**53) | st.floats(0, 1e15), max_size=5)
gpus = st.builds(GpuReading, identities, text, values, st.dictionaries(text, text, max_size=5))
events = st.builds(GpuEvent, st.integers(0, 2**60), text, text, text, maybe, st.none() | st.integers(0, 999))
processes = st.builds(GpuProcess, text, st.integers(1, 2**22), st.none() | st.integers(0, 2**60), maybe)
readings = st.builds(
    Reading,
    text,
    st.lists(gpus, max_size=4).map(tuple),
    maybe,
    maybe,
    maybe,
    st.booleans(),
    st.lists(events, max_size=3).map(tuple),
    st.none() | st.lists(processes, max_size=3).map(tuple),
)


@given(st.lists(st.tuples(st.integers(0, 2**60), readings), min_size=1, max_size=5))
def test_readings_survive_the_pipe_each_on_one_line(told: list[tuple[int, Reading]]) -> None:
    writer, reader = FrameWriter(), FrameReader()
    for instant_us, reading in told:
        line = writer.encode(instant_us, reading)
        assert line.count(b"\n") == 1
        assert reader.decode(line) == (instant_us, reading)


@given(st.binary(max_size=200))
def test_any_other_line_is_a_bad_frame(line: bytes) -> None:
    with pytest.raises(BadFrame):
        FrameReader().decode(line)


def gpu(uuid: str = "u", /, **values: float) -> GpuReading:
    return GpuReading(GpuIdentity(uuid, name="H100"), values=values, absent={"fan_speed_percent": "NOT_SUPPORTED"})


def reading(*gpus: GpuReading) -> Reading:
    return Reading("nvml", gpus, driver_version="570.86.15")


def test_what_does_not_change_is_written_once_and_read_as_the_same_objects() -> None:
    writer, reader = FrameWriter(), FrameReader()
    first = writer.encode(1, reading(gpu(power_watts=300.5, sm_clock_mhz=1500)))
    _, one = reader.decode(first)
    second = writer.encode(2, reading(gpu(power_watts=301.5, sm_clock_mhz=1600)))
    _, two = reader.decode(second)
    assert b"H100" in first
    assert second == b"[2,[[301.5,1600]],null,[],null,{}]\n"
    assert two.gpus[0].gpu is one.gpus[0].gpu
    assert two.gpus[0].absent is one.gpus[0].absent


@pytest.mark.parametrize(
    "changed",
    [
        reading(),
        reading(gpu("v", power_watts=1)),
        reading(gpu(power_watts=1), gpu("v", power_watts=1)),
        reading(GpuReading(GpuIdentity("u", name="H100"), "lost", {"power_watts": 1})),
        Reading("nvidia-smi", reading(gpu(power_watts=1)).gpus),
    ],
)
def test_what_has_changed_is_written_again(changed: Reading) -> None:
    writer, reader = FrameWriter(), FrameReader()
    for instant_us, told in enumerate((reading(gpu(power_watts=1)), changed, changed, reading(gpu(power_watts=1)))):
        assert reader.decode(writer.encode(instant_us, told)) == (instant_us, told)


def test_values_that_come_now_and_then_are_named_once() -> None:
    writer = FrameWriter()
    lines = [
        writer.encode(0, reading(gpu(power_watts=1), gpu("v", power_watts=2, **slow)))
        for slow in ({}, {"pcie_link_width": 16}, {}, {"pcie_link_width": 16})
    ]
    assert [b"power_watts" in line for line in lines] == [True, True, False, False]
    assert lines[2:] == [b"[0,[[1],[2]],null,[],null,{}]\n", b"[0,[[1],[2,16]],null,[],null,{}]\n"]


def test_names_that_nobody_uses_any_more_are_forgotten_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_NAMES", 3)
    writer, reader = FrameWriter(), FrameReader()
    for number in range(10):
        told = reading(gpu(power_watts=1, **{f"metric_{number}": number}))
        line = writer.encode(number, told)
        assert line.count(b'"metric_') <= 3
        assert reader.decode(line) == (number, told)


def test_a_line_that_was_refused_is_as_if_it_had_not_been() -> None:
    writer, reader = FrameWriter(), FrameReader()
    with pytest.raises(ValueError):
        writer.encode(1, reading(gpu(power_watts=float("nan"))))
    told = reading(gpu(power_watts=1))
    assert reader.decode(writer.encode(2, told)) == (2, told)


@pytest.mark.parametrize(
    "line",
    [
        b"[1,[],null,[],null,{}]",
        b'[1,[[1,2]],[["nvml",null,null,null,false],[[["u"],"ok",{}]],["power_watts"]],[],null,{}]',
        b'[1,[],[["nvml",null,null,null,false],[[["u"],"ok",{}]],["power_watts"]],[],null,{}]',
        b'[1,[],[["nvml"],[],[]],[],null,{}]',
    ],
)
def test_a_line_that_does_not_fit_what_is_kept_is_a_bad_frame(line: bytes) -> None:
    with pytest.raises(BadFrame):
        FrameReader().decode(line)
