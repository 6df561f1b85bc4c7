"""What one cell of nvidia-smi's answer says: a value in the catalogue's unit, or the reason why there is none."""

import re
from dataclasses import dataclass

from gpufleet_agent.readings import BACKEND, ERROR, NO_PERMISSION, NOT_SUPPORTED
from gpufleet_proto.catalog import Kind, Metric

GPU_LOST = "LOST"
"""Reason of absence: the GPU no longer answers."""

SENTINELS = {
    "": NOT_SUPPORTED,
    "n/a": NOT_SUPPORTED,
    "not supported": NOT_SUPPORTED,
    "not available": NOT_SUPPORTED,
    "unknown error": ERROR,
    "err!": ERROR,
    "insufficient permissions": NO_PERMISSION,
    "requested functionality has been deprecated": BACKEND,
    "function not found": BACKEND,
    "gpu is lost": GPU_LOST,
}
"""Texts in place of a value, without brackets and in lower case. Seen in recordings of drivers 590 and 595 and in the
error strings of NVML, which nvidia-smi prints in brackets."""

_NUMBER = re.compile(r"([+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?) ?([^\s0-9]{0,10})", re.ASCII)
_HEX = re.compile(r"0x[0-9a-f]{1,16}", re.ASCII)

_DIVISORS = {
    "s": {"us": 1_000_000, "": 1_000_000, "ms": 1_000, "s": 1},
    "°C": {"": 1, "C": 1},
    "W": {"": 1, "W": 1},
    "MiB": {"": 1, "MiB": 1},
    "%": {"": 1, "%": 1},
    "MHz": {"": 1, "MHz": 1},
}
"""By the catalogue's unit: what a number is divided by for the unit it is printed with, "" with `nounits`."""
_BARE = {"": 1}
_YES_NO = {"active": "yes", "not active": "no"}


@dataclass(frozen=True, slots=True)
class Absent:
    """No value; `reason` is one of the names of `Absence.Reason`."""

    reason: str


def sentinel_reason(text: str) -> str | None:
    """Why there is no value when `text` stands in place of one, else None."""
    bare = text.strip()
    if bare.startswith("[") and bare.endswith("]"):
        bare = bare[1:-1]
    return SENTINELS.get(bare.strip().lower())


def read_value(metric: Metric, text: str) -> int | float | Absent:
    """The value of `metric` that `text` stands for, in the catalogue's unit, exactly as printed. Never raises: what
    cannot be a reading (unknown text, negative, above the metric's maximum) is an error of that field."""
    reason = sentinel_reason(text)
    if reason is not None:
        return Absent(reason)
    value = _read(metric, text.strip())
    if value is None or not 0 <= value <= metric.max:
        return Absent(ERROR)
    return value


def _read(metric: Metric, text: str) -> int | float | None:
    if metric.kind is Kind.ENUMERATION:
        return _enumerated(metric, text)
    if metric.kind is Kind.FLAGS and _HEX.fullmatch(text.lower()):
        return int(text, 16)
    if metric.unit == "state":
        return _number(metric, text.removeprefix("P"))
    return _number(metric, text)


def _enumerated(metric: Metric, text: str) -> int | None:
    """`Drain and Reset` is `drain_and_reset`; a number stands for itself."""
    word = text.lower()
    word = _YES_NO.get(word, word).replace(" ", "_")
    for value, name in metric.names:
        if word in (name, str(value)):
            return value
    return None


def _number(metric: Metric, text: str) -> int | float | None:
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    digits, unit = match.groups()
    divisor = _DIVISORS.get(metric.unit, _BARE).get(unit)
    if divisor is None:
        return None
    number = float(digits) if "." in digits else int(digits)  # of so many digits that a float would round twice
    if not metric.is_integer:
        return number / divisor
    return number if divisor == 1 and isinstance(number, int) else round(number / divisor)
