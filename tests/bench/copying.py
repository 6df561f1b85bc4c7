"""Columns of numbers to PostgreSQL's binary COPY format, so that millions of rows load in minutes.

See "COPY", section "Binary Format", in PostgreSQL's manual. Rows with the same absent values have the same width: each
such group is one structured array.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from bench.realistic import Array, Hour
from sqlalchemy import BigInteger, Double, Integer, SmallInteger
from sqlalchemy.dialects.postgresql import REAL

from gpufleet_collector.store.schema import gpu_stats
from gpufleet_collector.store.writer import BATCH_SAMPLES

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
POSTGRES_EPOCH_US = 946_684_800_000_000
ROWS_AT_ONCE = BATCH_SAMPLES
"""Rows go out in the order in which a fleet would have sent them, in one COPY no more than the collector's writer puts
into one. A longer COPY leaves none of its rows in PostgreSQL's memory, where a fleet's are: it goes through a ring of
16 MB, page after page."""

_TYPES = {SmallInteger: ">i2", Integer: ">i4", BigInteger: ">i8", REAL: ">f4", Double: ">f8"}


def sql_columns(metrics: Sequence[str]) -> tuple[str, ...]:
    return ("gpu_id", "recorded_at", *metrics)


def encode(hour: Hour, gpu_ids: npt.NDArray[np.int64]) -> Iterator[bytes]:
    """The hour as binary COPYs of `sql_columns`, oldest first; `gpu_ids` in the order of the fleet."""
    gpus, ticks = hour.instants.shape
    at_once = max(1, ROWS_AT_ONCE // gpus)
    for first in range(0, ticks, at_once):
        part = _Part.of(hour, gpu_ids, slice(first, first + at_once))
        yield b"".join((HEADER, *(part.rows(present) for present in part.patterns()), TRAILER))


@dataclass(frozen=True, slots=True)
class _Part:
    """Some ticks of all GPUs, one after the other: arrays of one dimension, tick by tick."""

    keys: Mapping[str, Array]
    columns: Mapping[str, Array]
    present: Mapping[str, Array]
    code: Array

    @classmethod
    def of(cls, hour: Hour, gpu_ids: npt.NDArray[np.int64], ticks: slice) -> "_Part":
        def flat(values: Array) -> Array:
            return np.asarray(values[:, ticks].T.ravel())

        instants = flat(hour.instants) - POSTGRES_EPOCH_US
        ids = np.broadcast_to(gpu_ids[:, None], hour.instants.shape)
        present = {name: flat(mask) for name, mask in hour.present.items()}
        code = np.zeros(len(instants), dtype=np.int64)
        for bit, mask in enumerate(present.values()):
            code |= mask.astype(np.int64) << bit
        columns = {name: flat(values) for name, values in hour.columns.items()}
        return cls({"gpu_id": flat(ids), "recorded_at": instants}, columns, present, code)

    def patterns(self) -> Array:
        return np.unique(self.code)

    def rows(self, pattern: int) -> bytes:
        """The rows with this pattern of absent values."""
        chosen = self.code == pattern
        absent = {name for bit, name in enumerate(self.present) if not pattern >> bit & 1}
        fields: list[tuple[str, str]] = [("fields", ">i2")]
        for name in (*self.keys, *self.columns):
            fields.append((f"length {name}", ">i4"))
            if name not in absent:
                fields.append((name, _type(name)))
        rows = np.empty(int(chosen.sum()), dtype=fields)
        rows["fields"] = len(self.keys) + len(self.columns)
        for name, values in (*self.keys.items(), *self.columns.items()):
            rows[f"length {name}"] = -1 if name in absent else np.dtype(_type(name)).itemsize
            if name not in absent:
                rows[name] = values[chosen]
        return rows.tobytes()


def _type(name: str) -> str:
    return ">i8" if name == "recorded_at" else _TYPES[type(gpu_stats.columns[name].type)]
