"""Messages as bytes: a header of JSON, then columns. What a newer collector adds (fields, metrics, tiers) is ignored,
and what an older one lacks is absent.

Layout: `GFB`, one byte of version, four of the header's length, the header; then by row the instants of each tier
(int64) and ages (float32), and the values of each metric named in the header (float32 where that is exact, else
float64); all little-endian."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Annotated, Any

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from gpufleet_collector.bus.limits import MAX_RECEIVED_BYTES
from gpufleet_collector.bus.message import Envelope, EventKey, Kind, Message
from gpufleet_collector.errors import BusMessageRefused
from gpufleet_collector.live.news import LONGEST_SECONDS, HostNews, News, Readings
from gpufleet_collector.live.readings import TIERS
from gpufleet_collector.model import METRIC_INDEX, METRIC_NAMES

VERSION = 1
_MAGIC = b"GFB"
_LENGTH_BYTES = 4
_HEADER_AT = len(_MAGIC) + 1 + _LENGTH_BYTES
_INSTANT, _AGE = np.dtype("<i8"), np.dtype("<f4")
_TYPES: dict[str, np.dtype[Any]] = {"f4": np.dtype("<f4"), "f8": np.dtype("<f8")}
_TIER_NAMES = tuple(tier.name.lower() for tier in TIERS)
_TIER_INDEX = {name: index for index, name in enumerate(_TIER_NAMES)}
NEWEST_INSTANT_US = 253_402_300_799_000_000  # the end of the year 9999
MAX_INTERVAL_SECONDS = 86_400.0

BYTES_PER_ROW = 8 * len(METRIC_NAMES) + len(TIERS) * (_INSTANT.itemsize + _AGE.itemsize) + 64
"""At most, for UUIDs of the usual length."""


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is not finite")
    return value


Seconds = Annotated[float, BeforeValidator(_finite)]


@dataclass(frozen=True, slots=True)
class _Header:
    sender: Annotated[str, Field(min_length=1, max_length=64)]
    kind: Kind
    sequence: Annotated[int, Field(ge=0, lt=2**63)]
    sent_at: Seconds
    part: Annotated[int, Field(ge=0)]
    parts: Annotated[int, Field(ge=1, le=1_000_000)]
    hosts: list[HostNews]
    events: list[EventKey]
    gpus: list[str]
    tiers: list[str]
    columns: list[tuple[str, str]]


_HEADER = TypeAdapter(_Header)


def encode_host(host: HostNews) -> bytes:
    """The record of one host, as it goes into the header: parts that are as told before are left out."""
    return orjson.dumps({name: value for name, value in asdict_shallow(host).items() if value is not None})


def asdict_shallow(host: HostNews) -> dict[str, object]:
    """The fields by name; what is in them is left to the encoder."""
    return {name: getattr(host, name) for name in HostNews.__slots__}


def encode(message: Message, hosts: Iterable[bytes] | None = None) -> bytes:
    """`hosts` are those of the message, already encoded."""
    readings = message.news.readings
    columns = list(_columns(readings.values))
    if hosts is None:
        hosts = map(encode_host, message.news.hosts)
    header = orjson.dumps(
        {
            **asdict(message.envelope),
            "hosts": [orjson.Fragment(host) for host in hosts],
            "events": list(message.events),
            "gpus": list(readings.gpu_uuids),
            "tiers": _TIER_NAMES,
            "columns": [(METRIC_NAMES[column], values.dtype.str[1:]) for column, values in columns],
        }
    )
    return b"".join(
        [
            _MAGIC,
            bytes([VERSION]),
            len(header).to_bytes(_LENGTH_BYTES, "little"),
            header,
            readings.recorded_at.astype(_INSTANT).tobytes(),
            readings.ages.astype(_AGE).tobytes(),
            *(values.tobytes() for _, values in columns),
        ]
    )


def decode(data: bytes) -> Message:
    """Raises BusMessageRefused for what is not a message of this version."""
    if len(data) > MAX_RECEIVED_BYTES:
        raise BusMessageRefused("size", f"a message on the bus has {len(data)} bytes")
    if data[: len(_MAGIC)] != _MAGIC or len(data) < _HEADER_AT:
        raise BusMessageRefused("malformed", "a message on the bus is not one of a collector")
    if data[len(_MAGIC)] != VERSION:
        raise BusMessageRefused("version", f"a message on the bus is of version {data[len(_MAGIC)]}")
    end = _HEADER_AT + int.from_bytes(data[_HEADER_AT - _LENGTH_BYTES : _HEADER_AT], "little")
    try:
        header = _HEADER.validate_json(data[_HEADER_AT:end])
        with np.errstate(invalid="ignore"):  # a NaN that signals is one like any other
            readings = _read(header, memoryview(data)[end:])
        _check(header.hosts, header.events, readings)
    except (ValidationError, ValueError) as error:
        raise BusMessageRefused("malformed", "a message on the bus cannot be read") from error
    envelope = Envelope(header.sender, header.kind, header.sequence, header.sent_at, header.part, header.parts)
    return Message(envelope, News(header.hosts, readings), header.events)


def _columns(values: NDArray[np.float64]) -> Iterable[tuple[int, NDArray[np.floating[Any]]]]:
    """The columns with any value, each as narrow as it may be."""
    for column in np.flatnonzero(~np.isnan(values).all(axis=0)).tolist():
        wide = values[:, column].astype(_TYPES["f8"])
        with np.errstate(over="ignore"):
            narrow = wide.astype(_TYPES["f4"])
        yield column, narrow if np.array_equal(narrow.astype(wide.dtype), wide, equal_nan=True) else wide


def _read(header: _Header, body: memoryview) -> Readings:
    """Raises ValueError where the body is not what the header says."""
    rows, tiers = len(header.gpus), len(header.tiers)
    reader = _Reader(body)
    instants = reader.take(_INSTANT, rows * tiers).reshape(rows, tiers)
    ages = reader.take(_AGE, rows * tiers).reshape(rows, tiers)
    recorded_at = np.zeros((rows, len(TIERS)), np.int64)
    known_ages = np.full((rows, len(TIERS)), np.inf)
    for place, tier in _known(header.tiers, _TIER_INDEX):
        recorded_at[:, tier] = instants[:, place]
        known_ages[:, tier] = ages[:, place]
    values = np.full((rows, len(METRIC_NAMES)), np.nan)
    for name, type_name in header.columns:
        if type_name not in _TYPES:
            raise ValueError(f"{type_name} is no type of a column")
        column = reader.take(_TYPES[type_name], rows)
        if name in METRIC_INDEX:
            values[:, METRIC_INDEX[name]] = column
    return _sound(header.gpus, recorded_at, known_ages, values)


def _sound(
    gpus: Sequence[str], recorded_at: NDArray[np.int64], ages: NDArray[np.float64], values: NDArray[np.float64]
) -> Readings:
    """Without what no collector would say: instants that cannot be written, ages of the future, infinite values."""
    is_odd = (recorded_at < 0) | (recorded_at > NEWEST_INSTANT_US) | np.isnan(ages)
    ages = np.where(is_odd, np.inf, np.maximum(ages, 0.0))
    return Readings(gpus, np.where(is_odd, 0, recorded_at), ages, np.where(np.isinf(values), np.nan, values))


def _known(names: Sequence[str], index: dict[str, int]) -> Iterable[tuple[int, int]]:
    return [(place, index[name]) for place, name in enumerate(names) if name in index]


def _check(hosts: Sequence[HostNews], events: Sequence[EventKey], readings: Readings) -> None:
    """Raises ValueError for what no collector would say."""
    if sum(host.rows for host in hosts) != len(readings) or any(host.rows < 0 for host in hosts):
        raise ValueError("there are readings of no host")
    for host in hosts:
        seconds = (host.silent_seconds, host.state_seconds, host.processes_seconds)
        if not host.host or not all(abs(value) <= LONGEST_SECONDS for value in seconds):
            raise ValueError("a host cannot be")
        if host.status is not None and not 0 < host.status.interval_seconds <= MAX_INTERVAL_SECONDS:
            raise ValueError("an interval cannot be")
    instants = chain(map(_instants, hosts), ((event.occurred_at for event in events),))
    if not all(0 <= instant <= NEWEST_INSTANT_US for instant in chain.from_iterable(instants)):
        raise ValueError("an instant cannot be")


def _instants(host: HostNews) -> Iterable[int]:
    if host.inventory is not None:
        yield host.inventory.observed_at
    if host.processes is not None:
        yield host.processes.observed_at
        yield from (process.started_at or 0 for process in host.processes.processes)


class _Reader:
    def __init__(self, body: memoryview) -> None:
        self._body = body
        self._at = 0

    def take(self, kind: np.dtype[Any], count: int) -> NDArray[Any]:
        """Raises ValueError at the end of the body."""
        found = np.frombuffer(self._body, kind, count, self._at) if count else np.empty(0, kind)
        self._at += count * kind.itemsize
        return found
