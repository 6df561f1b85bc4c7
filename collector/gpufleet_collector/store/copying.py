"""Rows of `gpu_stats` in PostgreSQL's binary COPY format, encoded by column. See "Binary Format" under COPY in
PostgreSQL's manual."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Double, Integer, SmallInteger
from sqlalchemy.dialects.postgresql import REAL

from gpufleet_collector.errors import DataRefused
from gpufleet_collector.model import METRIC_NAMES
from gpufleet_collector.store.rows import Rows
from gpufleet_collector.store.schema import gpu_stats

COLUMNS: tuple[str, ...] = ("gpu_id", "recorded_at", *METRIC_NAMES)

CHUNK_BYTES = 256 * 1024
"""So much goes to the connection at once."""

ROWS_AT_ONCE = 1024
"""So many rows are encoded at once: what is made of them on the way stays in the processor's caches."""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_POSTGRES_EPOCH_US = 946_684_800_000_000
_TYPES = {SmallInteger: ">i2", Integer: ">i4", BigInteger: ">i8", REAL: ">f4", Double: ">f8"}
_OF_METRIC = tuple(np.dtype(_TYPES[type(gpu_stats.columns[name].type)]) for name in METRIC_NAMES)
_LARGEST = np.array([float(np.iinfo(dtype).max) if dtype.kind == "i" else np.inf for dtype in _OF_METRIC])


def encode(rows: Rows) -> Iterator[memoryview]:
    """Everything between COPY and its end, piece by piece as it is asked for, for COLUMNS in this order. Raises
    DataRefused at once for a value that does not fit its column."""
    smallest = np.fmin.reduce(rows.values, axis=0, initial=np.nan)
    largest = np.fmax.reduce(rows.values, axis=0, initial=np.nan)
    if ((largest > _LARGEST) | (smallest < -_LARGEST)).any():
        raise DataRefused("a value is too large for its column")
    layout = _Layout.of(np.isnan(largest).tolist())
    parts = (rows.part(start, start + ROWS_AT_ONCE) for start in range(0, len(rows), ROWS_AT_ONCE))
    return chain([memoryview(_HEADER)], (_encode(part, layout).data for part in parts), [memoryview(_TRAILER)])


def _encode(rows: Rows, layout: "_Layout") -> NDArray[np.uint8]:
    absent = np.isnan(rows.values)
    values = np.where(absent, 0.0, rows.values)
    table = np.empty(len(rows), layout.dtype)
    table["fields"] = len(COLUMNS)
    _put(table, "gpu_id", rows.gpu_ids)
    _put(table, "recorded_at", rows.recorded_at - _POSTGRES_EPOCH_US)
    for index, name in enumerate(METRIC_NAMES):
        if name in layout.offsets:
            _put(table, name, values[:, index])
        else:
            table[f"length {name}"] = -1
    mixed = [index for index in np.flatnonzero(absent.any(axis=0)).tolist() if METRIC_NAMES[index] in layout.offsets]
    return _without_absent(table, layout, absent, mixed)


async def chunks(pieces: Iterable[memoryview]) -> AsyncIterator[memoryview]:
    """The bytes as asyncpg takes them."""
    for piece in pieces:
        for start in range(0, len(piece), CHUNK_BYTES):
            yield piece[start : start + CHUNK_BYTES]


@dataclass(frozen=True, slots=True)
class _Layout:
    """One row with all values that any row has: offset and size of each by name."""

    dtype: np.dtype[np.void]
    offsets: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, is_empty: list[bool]) -> "_Layout":
        fields: list[tuple[str, np.dtype[np.generic]]] = [("fields", np.dtype(">i2"))]
        for name, dtype in (("gpu_id", np.dtype(">i4")), ("recorded_at", np.dtype(">i8"))):
            fields += [(f"length {name}", np.dtype(">i4")), (name, dtype)]
        for name, dtype, empty in zip(METRIC_NAMES, _OF_METRIC, is_empty, strict=True):
            fields.append((f"length {name}", np.dtype(">i4")))
            if not empty:
                fields.append((name, dtype))
        made: np.dtype[np.void] = np.dtype(fields)
        assert made.fields is not None
        offsets = {name: (made.fields[name][1], made.fields[name][0].itemsize) for name, _ in fields}
        return cls(made, offsets)


def _put(table: NDArray[np.void], name: str, column: NDArray[np.int64] | NDArray[np.float64]) -> None:
    table[f"length {name}"] = table.dtype[name].itemsize
    table[name] = column


def _without_absent(
    table: NDArray[np.void], layout: _Layout, absent: NDArray[np.bool_], mixed: list[int]
) -> NDArray[np.uint8]:
    """The bytes of the rows, in one dimension; an absent value has the length -1 and takes no room."""
    if not mixed:
        return table.view(np.uint8)
    kept = np.ones((len(table), layout.dtype.itemsize), np.bool_)
    for index in mixed:
        name, missing = METRIC_NAMES[index], absent[:, index]
        offset, size = layout.offsets[name]
        table[f"length {name}"][missing] = -1
        kept[:, offset : offset + size] = ~missing[:, None]
    flat = table.view(np.uint8).reshape(len(table), layout.dtype.itemsize)
    return flat[kept]
