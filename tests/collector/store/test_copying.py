"""What is encoded by column is what PostgreSQL's manual says of binary COPY, value by value."""

import math
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import START_US
from fakes.fleet import sample
from gpufleet_collector.errors import DataRefused
from gpufleet_collector.model import SampleColumns
from gpufleet_collector.store.copying import CHUNK_BYTES, COLUMNS, ROWS_AT_ONCE, chunks, encode
from gpufleet_collector.store.rows import Rows
from gpufleet_proto.catalog import METRICS

EPOCH_2000_US = 946_684_800_000_000
FORMS = {2: ">h", 4: ">i", 8: ">q"}


def read(encoded: bytes) -> Iterator[list[bytes | None]]:
    """The fields of each row, by the manual: a signature, flags, an extension, rows, and -1."""
    assert encoded[:19] == b"PGCOPY\n\xff\r\n\0" + bytes(8)
    at = 19
    while (count := struct.unpack_from(">h", encoded, at)[0]) != -1:
        at += 2
        row: list[bytes | None] = []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", encoded, at)
            at += 4
            row.append(None if length == -1 else encoded[at : at + length])
            at += max(0, length)
        yield row
    assert at + 2 == len(encoded)


def value_of(field: bytes | None, is_whole: bool) -> float | None:
    if field is None:
        return None
    form = FORMS[len(field)] if is_whole else {4: ">f", 8: ">d"}[len(field)]
    value: float = struct.unpack(form, field)[0]
    return value


def rows_of(*columns: tuple[float | None, ...]) -> Rows:
    values = np.array([[math.nan if value is None else value for value in row] for row in columns])
    count = len(columns)
    return Rows(np.arange(1, count + 1), np.arange(START_US, START_US + count), values.reshape(count, len(METRICS)))


absent_or_not = st.none() | st.integers(0, 1).map(float)
rows = st.lists(
    st.one_of(
        st.tuples(*(absent_or_not for _ in METRICS)),
        st.just(tuple(0.0 for _ in METRICS)),
        st.just(tuple(metric.round(metric.max) for metric in METRICS)),
    ),
    max_size=6,
)


@given(rows)
def test_every_value_comes_back_and_what_is_absent_is_null(sent: list[tuple[float | None, ...]]) -> None:
    encoded = list(read(b"".join(encode(rows_of(*sent)))))
    assert len(encoded) == len(sent)
    for number, (fields, expected) in enumerate(zip(encoded, sent, strict=True)):
        assert len(fields) == len(COLUMNS)
        assert fields[:2] == [struct.pack(">i", number + 1), struct.pack(">q", START_US + number - EPOCH_2000_US)]
        for metric, found, value in zip(METRICS, fields[2:], expected, strict=True):
            back = value_of(found, metric.is_whole)
            assert back is None if value is None else back is not None and metric.round(back) == value


def test_rows_that_are_encoded_apart_follow_each_other() -> None:
    one, other = (
        tuple(value if index == at else None for index in range(len(METRICS))) for at, value in ((0, 1), (1, 2))
    )
    sent = [one] * (2 * ROWS_AT_ONCE - 1) + [other, other]
    pieces = list(encode(rows_of(*sent)))
    encoded = list(read(b"".join(pieces)))
    assert len(pieces) > 3
    for fields, row in zip(encoded, sent, strict=True):
        assert [value_of(*of) for of in zip(fields[2:], (metric.is_whole for metric in METRICS), strict=True)] == list(
            row
        )


def test_a_value_too_large_for_its_column_is_refused_and_never_wraps() -> None:
    columns = SampleColumns.of([sample("GPU-a", temperature_celsius=2**15)])
    with pytest.raises(DataRefused):
        encode(Rows(np.array([1]), columns.recorded_at, columns.values))


async def test_what_goes_to_the_connection_goes_in_pieces() -> None:
    encoded = bytes(range(256)) * (CHUNK_BYTES // 100)
    pieces = [piece async for piece in chunks([memoryview(b"PG"), memoryview(encoded)])]
    assert max(map(len, pieces)) == CHUNK_BYTES
    assert b"".join(pieces) == b"PG" + encoded
