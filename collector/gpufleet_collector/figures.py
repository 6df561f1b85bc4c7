"""Sizes, durations and instants as commands print them."""

from gpufleet_collector.store.times import to_datetime

_UNITS = ("KiB", "MiB", "GiB", "TiB")
_STEP = 1024
_LIMITS = ((120.0, 1.0, "s"), (7200.0, 60.0, "min"), (172_800.0, 3600.0, "h"))
DAY_SECONDS = 86_400.0


def size(count: float) -> str:
    """Bytes in the unit that leaves few digits."""
    if count < _STEP:
        return f"{count:.0f} B"
    for unit in _UNITS[:-1]:
        count /= _STEP
        if count < _STEP:
            return f"{count:.1f} {unit}"
    return f"{count / _STEP:.1f} {_UNITS[-1]}"


def duration(seconds: float) -> str:
    """Seconds in the unit that leaves few digits."""
    for limit, width, unit in _LIMITS:
        if seconds < limit:
            return f"{seconds / width:.0f} {unit}"
    return f"{seconds / DAY_SECONDS:.0f} days"


def instant(at_us: int) -> str:
    """To the minute, in UTC."""
    return to_datetime(at_us).strftime("%Y-%m-%dT%H:%MZ")


def counted(number: int, noun: str) -> str:
    """`noun` with an s unless there is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
