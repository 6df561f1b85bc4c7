"""Instants in and out: RFC 3339 on the outside, microseconds since the epoch inside."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from gpufleet_collector.store.times import to_text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:([Zz])|([-+ ])(\d\d):?(\d\d))?", re.ASCII
)
_DAY_SECONDS, _DAY_MINUTES = 86_400, 1_440
_TWO_DIGITS = np.array([list(f"{number:02}".encode()) for number in range(100)], np.uint8)
_MINUTES = tuple(f"T{minute // 60:02}:{minute % 60:02}:00.000000Z" for minute in range(24 * 60))
MAX_INSTANT = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""Instants run from 1970 to the last day of 9999, so that any offset of them can still be written."""


def read(text: str) -> int:
    """Microseconds since the epoch. Any offset is read, none means UTC. Raises ValueError with the reason.

    The `+` of an offset reaches us as a space when a client forgot to escape it in a query string.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError("is not a time like 2026-01-01T00:00:00Z")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction = (match[7] or "").ljust(6, "0")[:6]
    try:
        local = datetime(year, month, day, hour, minute, second, int(fraction), tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"is not a time that exists: {error}") from error
    instant = (local - _EPOCH) // _MICROSECOND - _offset_seconds(match) * 1_000_000
    if not 0 <= instant <= MAX_INSTANT:
        raise ValueError("lies outside the years 1970 to 9999")
    return instant


def write(instant: int) -> str:
    """`2026-01-01T00:00:00.123456Z`."""
    return to_text(instant)


def write_seconds(seconds: Sequence[int]) -> list[str]:
    """As `write`, of many whole seconds since the epoch: many times faster, for they lie on few days."""
    if isinstance(seconds, range) and seconds.step % 60 == seconds.start % 60 == 0 < seconds.step:
        return _write_minutes(seconds)
    all_minutes, odd = np.divmod(np.array(seconds, np.int64), 60)
    days, minutes = np.divmod(all_minutes, _DAY_MINUTES)
    dates = {day: write(day * _DAY_SECONDS * 1_000_000)[:10] for day in np.unique(days).tolist()}
    places = zip(days.tolist(), minutes.tolist(), strict=True)
    if odd.any():
        return [
            f"{dates[day]}{_MINUTES[minute][:7]}{second:02}.000000Z"
            for (day, minute), second in zip(places, odd.tolist(), strict=True)
        ]
    return [dates[day] + _MINUTES[minute] for day, minute in places]


def _write_minutes(seconds: range) -> list[str]:
    """Of whole minutes, a day at a time."""
    lines: list[str] = []
    at = seconds.start
    while at < seconds.stop:
        day, begin = divmod(at, _DAY_SECONDS)
        end = min(_DAY_SECONDS, seconds.stop - day * _DAY_SECONDS)
        date = write(day * _DAY_SECONDS * 1_000_000)[:10]
        of_day = _MINUTES[begin // 60 : -(-end // 60) : seconds.step // 60]
        lines += [date + minute for minute in of_day]
        at += len(of_day) * seconds.step
    return lines


class Written:
    """As `write`, for instants that follow one another: the day is made once."""

    def __init__(self) -> None:
        self._day = -1
        self._date = ""

    def of(self, instant: int) -> str:
        seconds, fraction = divmod(instant, 1_000_000)
        day, second = divmod(seconds, _DAY_SECONDS)
        if day != self._day:
            self._day, self._date = day, write(day * _DAY_SECONDS * 1_000_000)[:10]
        if not second % 60 and not fraction:
            return self._date + _MINUTES[second // 60]
        return f"{self._date}{_MINUTES[second // 60][:7]}{second % 60:02}.{fraction:06}Z"


def write_column(instants: NDArray[np.int64], absent: int) -> bytes:
    """As `write`, of many instants as one JSON list; null where they are `absent`."""
    if not len(instants):
        return b"[]"
    lines = _lines(instants)
    is_absent = instants == absent
    if not is_absent.any():
        return b"[%b]" % lines.tobytes()[:-1]
    lines[is_absent, :5] = np.frombuffer(b"null,", np.uint8)
    is_used = np.ones(lines.shape, np.bool_)
    is_used[is_absent, 5:] = False
    return b"[%b]" % lines[is_used].tobytes()[:-1]


def _lines(instants: NDArray[np.int64]) -> NDArray[np.uint8]:
    """One row of characters per instant, in quotes and with a comma."""
    lines = np.empty((len(instants), len('"2026-01-01T00:00:00.123456Z",')), np.uint8)
    seconds, fractions = np.divmod(instants, 1_000_000)
    days, of_day = np.divmod(seconds, _DAY_SECONDS)
    for day in np.unique(days).tolist():
        form = b'"%bT00:00:00.000000Z",' % write(day * _DAY_SECONDS * 1_000_000)[:10].encode()
        lines[days == day] = np.frombuffer(form, np.uint8)
    parts = (
        of_day // 3600,
        of_day // 60 % 60,
        of_day % 60,
        fractions // 10_000,
        fractions // 100 % 100,
        fractions % 100,
    )
    for at, part in zip((12, 15, 18, 21, 23, 25), parts, strict=True):
        lines[:, at : at + 2] = _TWO_DIGITS[part]
    return lines


def write_optional(instant: int | None) -> str | None:
    return None if instant is None else write(instant)


def _offset_seconds(match: re.Match[str]) -> int:
    if match[9] is None:
        return 0
    hours, minutes = int(match[10]), int(match[11])
    if hours > 23 or minutes > 59:
        raise ValueError("has an offset from UTC that does not exist")
    return (-1 if match[9] == "-" else 1) * (hours * 3600 + minutes * 60)
