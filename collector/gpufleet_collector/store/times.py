"""From microseconds since the epoch, as the collector counts, to PostgreSQL's timestamps, without a float between."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US
DAY_US = 24 * HOUR_US
_MICROSECOND = timedelta(microseconds=1)


def to_datetime(instant_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=instant_us)


def to_us(instant: datetime) -> int:
    return (instant - EPOCH) // _MICROSECOND


def to_us_or_none(instant: datetime | None) -> int | None:
    return None if instant is None else to_us(instant)


def to_text(instant_us: int) -> str:
    """`2026-01-01T00:00:00.123456Z`."""
    return f"{to_datetime(instant_us).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def to_sql(instant_us: int) -> str:
    """A literal, which lets the planner leave out partitions."""
    return f"timestamptz '{to_datetime(instant_us).isoformat(timespec='microseconds')}'"


INSTANT_LITERAL = r"timestamptz '(\d[^']*)'"
"""A regular expression for what `to_sql` writes; its group is for `datetime.fromisoformat`."""
