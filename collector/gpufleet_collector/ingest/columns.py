"""Many serialized `GPUStats` at once into columns: all messages are walked in step over the ascending field numbers.

A message that is not what our agents write (unknown fields, another order, long numbers) is read by protobuf instead,
alone, and gives the same. The wire format is that of protobuf's encoding guide."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from numpy.typing import NDArray

from gpufleet_collector.ingest.identity import is_uuid
from gpufleet_proto import telemetry_pb2 as pb
from gpufleet_proto.catalog import METRICS

MAX_NAMES = 300_000
"""UUIDs remembered with their bytes; beyond it the memory starts afresh."""

Words: TypeAlias = NDArray[np.uint64]
Reader: TypeAlias = Callable[[Words, NDArray[np.int64], Words], tuple[NDArray[np.float64], "NDArray[np.int64] | int"]]
"""From all words of the buffer, where the values begin and the words there (at least 6 bytes of them): the values, and
how many bytes each takes; OVERLONG where it is for protobuf to say."""

OVERLONG = 1 << 40
_PADDING = 32
_UUID_TAG = 0x0A
_UUID_AT = 2
_ONE_BYTE = 0x80
_CONTINUED = np.uint64(0x8080808080808080)
_SEVEN_BITS = 0x7F
_U32_BYTES, _WORD_BYTES = 5, 8


@dataclass(slots=True)
class Decoded:
    """Row i is message i. `values` is float64 [n, metrics] in the order of METRICS, as sent: NaN is absent, a NaN that
    was sent is infinite. A UUID that cannot be one is None. `unknown` are numbers of fields that this collector does
    not know, by row; `malformed` are the rows that are not protobuf."""

    gpu_uuids: list[str | None]
    values: NDArray[np.float64]
    unknown: dict[int, set[int]] = field(default_factory=dict)
    malformed: list[int] = field(default_factory=list)


class Decoder:
    """Remembers the UUIDs it has seen."""

    def __init__(self, max_names: int = MAX_NAMES) -> None:
        self._names: dict[bytes, str] = {}
        self._max_names = max_names

    def decode(self, messages: Sequence[bytes]) -> Decoded:
        sizes = np.fromiter(map(len, messages), np.int64, len(messages))
        ends = np.cumsum(sizes)
        data = np.frombuffer(b"".join(messages) + bytes(_PADDING), np.uint8)
        decoded = Decoded([], np.full((len(messages), len(METRICS)), np.nan))
        if messages:
            at = self._read_names(messages, data, ends - sizes, decoded)
            odd = np.flatnonzero(_walk(data, at, decoded.values) != ends)
            strange = [row for row, name in enumerate(decoded.gpu_uuids) if name is None]
            for row in {*odd.tolist(), *strange}:
                _read_alone(messages[row], row, decoded)
        return decoded

    def _read_names(
        self, messages: Sequence[bytes], data: NDArray[np.uint8], starts: NDArray[np.int64], decoded: Decoded
    ) -> NDArray[np.int64]:
        """Where the metrics of each message begin."""
        lengths = data[starts + 1].astype(np.int64)
        lengths[(data[starts] != _UUID_TAG) | (lengths >= _ONE_BYTE)] = 0
        names = self._names
        keys = [
            message[_UUID_AT : _UUID_AT + length] for message, length in zip(messages, lengths.tolist(), strict=True)
        ]
        try:
            decoded.gpu_uuids.extend([names[key] for key in keys])
        except KeyError:
            decoded.gpu_uuids.extend([self._learn(key) for key in keys])
        return starts + (_UUID_AT + lengths)

    def _learn(self, key: bytes) -> str | None:
        if (known := self._names.get(key)) is not None:
            return known
        name = key.decode("ascii", errors="replace")
        if not is_uuid(name):
            return None
        if len(self._names) >= self._max_names:
            self._names.clear()
        self._names[key] = name
        return name


def _walk(data: NDArray[np.uint8], at: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Fill `values`; where each message was left. It was read rightly where that is its end: what runs over into the
    next message does not end there."""
    words: Words = np.ndarray((len(data) - _WORD_BYTES + 1,), "<u8", buffer=data, strides=(1,))
    lost = len(data) - _WORD_BYTES
    here = words[at]
    for step in _STEPS:
        hit = (here & step.tag_mask) == step.tag
        hits = int(np.count_nonzero(hit))
        if not hits:
            continue
        if hits == len(at):
            found, lengths = step.read(words, at + step.tag_bytes, here >> step.tag_bits)
            values[:, step.column] = found
            at = at + (step.tag_bytes + lengths)
        else:
            rows = np.flatnonzero(hit)
            found, lengths = step.read(words, at[rows] + step.tag_bytes, here[rows] >> step.tag_bits)
            values[rows, step.column] = found
            at[rows] += step.tag_bytes + lengths
        here = words[np.minimum(at, lost, out=at)]
    return at


def _read_alone(message: bytes, row: int, decoded: Decoded) -> None:
    """One message by protobuf."""
    values = decoded.values[row]
    values[:] = np.nan
    try:
        stats = pb.GPUStats.FromString(message)
    except DecodeError:
        decoded.malformed.append(row)
        decoded.gpu_uuids[row] = None
        return
    decoded.gpu_uuids[row] = stats.gpu_uuid if is_uuid(stats.gpu_uuid) else None
    for column, metric in enumerate(METRICS):
        if stats.HasField(metric.name):
            value = float(getattr(stats, metric.name))
            values[column] = np.inf if value != value else value
    unknown = UnknownFieldSet(stats)
    if len(unknown):
        decoded.unknown[row] = {unknown[index].field_number for index in range(len(unknown))}


# ----------------------------------------------------------------------------------------------------------- one field


def _varints(words: Words) -> tuple[Words, NDArray[np.int64]]:
    """The numbers that the words begin with, and how many bytes each takes; more than 8 is OVERLONG."""
    stops = ~words & _CONTINUED
    below = (stops & (~stops + np.uint64(1))) - np.uint64(1)
    lengths = ((np.bitwise_count(below).astype(np.int64)) + 1) >> 3
    longest = int(lengths.max())
    numbers = words & below
    value = numbers & np.uint64(_SEVEN_BITS)
    for place in range(1, longest):
        value |= (numbers >> np.uint64(place)) & np.uint64(_SEVEN_BITS << (7 * place))
    if longest == _WORD_BYTES:
        lengths[stops == 0] = OVERLONG
    return value, lengths


def _read_u32(_: Words, __: NDArray[np.int64], here: Words) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    value, lengths = _varints(here)
    if int(lengths.max()) >= _U32_BYTES:
        lengths[lengths > _U32_BYTES] = OVERLONG
        value &= np.uint64(0xFFFFFFFF)
    return value.astype(np.float64), lengths


def _read_u64(words: Words, at: NDArray[np.int64], _: Words) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    value, lengths = _varints(words[at])
    return value.astype(np.float64), lengths


def _read_float(_: Words, __: NDArray[np.int64], here: Words) -> tuple[NDArray[np.float64], int]:
    return _infinite_for_nan(here.astype(np.uint32).view(np.float32)), 4


def _read_double(words: Words, at: NDArray[np.int64], _: Words) -> tuple[NDArray[np.float64], int]:
    return _infinite_for_nan(words[at].view(np.float64)), 8


def _infinite_for_nan(found: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
    wrong = np.isnan(found)
    with np.errstate(invalid="ignore"):
        value = found.astype(np.float64)
    if wrong.any():
        value[wrong] = np.inf
    return value


@dataclass(frozen=True, slots=True)
class _Step:
    column: int
    tag: np.uint64
    tag_mask: np.uint64
    tag_bytes: int
    tag_bits: np.uint64
    read: Reader


_VARINT, _FIXED64, _FIXED32 = 0, 1, 5
_LAST_NUMBER = 2047

READERS: dict[int, tuple[int, Reader]] = {
    FieldDescriptor.TYPE_UINT32: (_VARINT, _read_u32),
    FieldDescriptor.TYPE_UINT64: (_VARINT, _read_u64),
    FieldDescriptor.TYPE_FLOAT: (_FIXED32, _read_float),
    FieldDescriptor.TYPE_DOUBLE: (_FIXED64, _read_double),
}
"""Wire type and reader by type of the field; a metric of another type, or with a number past _LAST_NUMBER, is for
protobuf to read."""


def _steps() -> tuple[_Step, ...]:
    fields = pb.GPUStats.DESCRIPTOR.fields_by_name
    made = []
    for column, metric in enumerate(METRICS):
        if fields[metric.name].type not in READERS or metric.number > _LAST_NUMBER:
            continue
        wire, read = READERS[fields[metric.name].type]
        number = metric.number << 3 | wire
        size = 1 if number < _ONE_BYTE else 2
        tag = number if size == 1 else number & _SEVEN_BITS | _ONE_BYTE | number >> 7 << 8
        mask = (1 << 8 * size) - 1
        made.append(_Step(column, np.uint64(tag), np.uint64(mask), size, np.uint64(8 * size), read))
    return tuple(made)


_STEPS = _steps()
