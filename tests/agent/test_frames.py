"""What the probe writes is what the supervisor reads, and nothing else is taken for a reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.frames import BadFrame, decode, encode
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


@given(st.integers(0, 2**60), readings)
def test_a_reading_survives_the_pipe_on_one_line(instant_us: int, reading: Reading) -> None:
    line = encode(instant_us, reading)
    assert line.count(b"\n") == 1
    assert decode(line) == (instant_us, reading)


@given(st.binary(max_size=200))
def test_any_other_line_is_a_bad_frame(line: bytes) -> None:
    with pytest.raises(BadFrame):
        decode(line)


def test_what_json_cannot_carry_is_refused_where_it_arises() -> None:
    with pytest.raises(ValueError):
        encode(1, Reading("x", (GpuReading(GpuIdentity("u"), values={"power_watts": float("nan")}),)))
