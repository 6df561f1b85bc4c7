"""Times as people and programs write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import START_US
from gpufleet_collector.web import instants


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.000000Z",
        "2026-01-01t00:00:00z",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00",
        "2026-01-01T01:00:00+01:00",
        "2026-01-01T01:00:00 01:00",
        "2026-01-01T01:00:00+0100",
        "2025-12-31T19:30:00-04:30",
    ],
)
def test_one_instant_in_every_form_that_is_read(text: str) -> None:
    assert instants.read(text) == START_US


def test_nanoseconds_are_cut_to_microseconds() -> None:
    assert instants.read("2026-01-01T00:00:00.123456789Z") == START_US + 123_456
    assert instants.read("2026-01-01T00:00:00.5Z") == START_US + 500_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-01-01",
        "1767225600",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00+25:00",
        "2026-01-01T00:00:00+00:60",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z ",
        "２０２６-01-01T00:00:00Z",
        "2026-01-01T00:00:00\n",
    ],
)
def test_everything_else_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(is not|has|lies)"):
        instants.read(text)


def test_times_are_written_in_utc_with_all_six_digits() -> None:
    assert instants.write(START_US) == "2026-01-01T00:00:00.000000Z"
    assert instants.write(START_US + 123_456) == "2026-01-01T00:00:00.123456Z"
    assert instants.write_optional(None) is None


@given(st.integers(0, instants.MAX_INSTANT))
def test_what_is_written_reads_as_itself(instant: int) -> None:
    assert instants.read(instants.write(instant)) == instant


@given(
    st.integers(366 * 86_400, 7000 * 366 * 86_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_any_offset_agrees_with_the_standard_library(moment: datetime, offset: timezone) -> None:
    moment = moment.astimezone(offset)
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert instants.read(moment.isoformat()) == expected
    assert instants.read(moment.isoformat().replace("+", " ")) == expected


@given(st.text(max_size=40))
def test_no_text_does_anything_but_read_or_be_refused(text: str) -> None:
    try:
        assert 0 <= instants.read(text) <= instants.MAX_INSTANT
    except ValueError as error:
        assert str(error)


@given(st.lists(st.integers(0, instants.MAX_INSTANT // 1_000_000)))
def test_many_whole_seconds_are_written_like_one(seconds: list[int]) -> None:
    assert list(instants.write_seconds(seconds)) == [instants.write(second * 1_000_000) for second in seconds]


@given(
    st.integers(0, instants.MAX_INSTANT // 60_000_000 - 10_000_000),
    st.integers(1, 2000) | st.sampled_from((1, 5, 60, 1440, 7, 1439, 1441)),
    st.integers(0, 3000),
)
def test_minutes_that_follow_one_another_are_written_like_one(minute: int, step: int, count: int) -> None:
    seconds = range(minute * 60, (minute + step * count) * 60, step * 60)
    assert list(instants.write_seconds(seconds)) == [instants.write(second * 1_000_000) for second in seconds]


@given(st.lists(st.integers(0, instants.MAX_INSTANT) | st.integers(0, 10**6).map(lambda n: START_US + n * 60_000_000)))
def test_instants_that_follow_one_another_are_written_as_each_alone(some: list[int]) -> None:
    written = instants.Written()
    assert [written.of(instant) for instant in some] == [instants.write(instant) for instant in some]
