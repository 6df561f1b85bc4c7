"""Parquet that pyarrow reads back as it was written: typed, absent stays absent, row groups of bounded size."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import START_US
from fakes.rows import COLUMNS, rows
from gpufleet_collector.errors import ExportTooLarge
from gpufleet_collector.export import parquet_form
from gpufleet_collector.export.columns import Column, Kind, Row
from gpufleet_collector.export.parquet_form import ParquetForm
from gpufleet_collector.export.tables import columns_of, sample_row
from gpufleet_collector.model import METRIC_NAMES
from gpufleet_collector.store.history import HistoryQuery, HistorySample
from gpufleet_proto.catalog import BY_NAME, METRICS, Metric

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ONE = (Column("gpu_index", Kind.INT32),)


def written(columns: tuple[Column, ...], *batches: list[Row], group_rows: int = 4) -> pq.ParquetFile:
    form = ParquetForm(columns, {"gpufleet": "samples"}, group_rows=group_rows)
    pieces = [form.begin(), *(form.rows(batch) for batch in batches), form.end()]
    return pq.ParquetFile(io.BytesIO(b"".join(pieces)))


def cells(file: pq.ParquetFile) -> list[tuple[Any, ...]]:
    """Instants as microseconds."""
    found = [tuple(row.values()) for row in file.read().to_pylist()]
    return [
        tuple((cell - EPOCH) // timedelta(microseconds=1) if isinstance(cell, datetime) else cell for cell in row)
        for row in found
    ]


@given(batches=st.lists(rows(), max_size=4))
def test_what_is_read_back_is_what_was_written(batches: list[list[Row]]) -> None:
    assert cells(written(COLUMNS, *batches)) == [row for batch in batches for row in batch]


def readings(metric: Metric) -> st.SearchStrategy[int | float | None]:
    steps = st.integers(0, round(metric.max / metric.resolution))
    return st.none() | steps.map(lambda number: metric.round(number * metric.resolution))


@given(values=st.tuples(*map(readings, METRICS)))
def test_a_sample_of_every_metric_is_read_back_but_for_the_rounding_of_32_bits(values: tuple[Any, ...]) -> None:
    columns = columns_of(HistoryQuery(0, 1, metrics=METRIC_NAMES))
    sample = HistorySample("alpha", "GPU-1", 3, "NVIDIA H200", START_US, values)
    (row,) = cells(written(columns, [sample_row(sample)]))
    assert row[:5] == ("alpha", "GPU-1", 3, "NVIDIA H200", START_US)
    rounded = [None if value is None else metric.round(value) for metric, value in zip(METRICS, row[5:], strict=True)]
    assert rounded == list(values)


def test_columns_are_typed_and_say_what_they_are() -> None:
    query = HistoryQuery(0, 1, metrics=("temperature_celsius", "power_watts", "energy_joules_total"))
    schema = written(columns_of(query)).schema_arrow
    assert {field.name: str(field.type) for field in schema} == {
        "host": "string",
        "gpu_uuid": "string",
        "gpu_index": "int32",
        "gpu_name": "string",
        "recorded_at": "timestamp[us, tz=UTC]",
        "temperature_celsius": "int16",
        "power_watts": "float",
        "energy_joules_total": "int64",
    }
    said = schema.field("power_watts").metadata
    assert said[b"unit"] == b"W"
    assert said[b"help"] == BY_NAME["power_watts"].help.encode()
    assert said[b"resolution"] == b"0.1"
    assert schema.metadata[b"gpufleet"] == b"samples"


def test_a_row_group_is_written_as_soon_as_it_is_full() -> None:
    form = ParquetForm(ONE, {}, group_rows=4)
    assert form.begin() == b"PAR1"
    assert form.rows([(1,), (2,), (3,)]) == b""
    first = form.rows([(4,), (5,)])
    assert first != b""
    rest = form.rows([(6,)]) + form.end()
    file = pq.ParquetFile(io.BytesIO(b"PAR1" + first + rest))
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [5, 1]
    assert file.read().column("gpu_index").to_pylist() == [1, 2, 3, 4, 5, 6]


def test_a_row_group_of_long_texts_is_full_sooner() -> None:
    form = ParquetForm((Column("text", Kind.TEXT),), {}, group_bytes=1000)
    assert form.begin() + form.rows([("a" * 500,)]) == b"PAR1"
    first = form.rows([("b" * 500,)])
    assert first != b""
    file = pq.ParquetFile(io.BytesIO(b"PAR1" + first + form.rows([("c",)]) + form.end()))
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [2, 1]


def test_too_many_row_groups_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_form, "MOST_GROUPS", 2)
    form = ParquetForm(ONE, {}, group_rows=1)
    form.rows([(1,)])
    form.rows([(2,)])
    with pytest.raises(ExportTooLarge, match="more than 2 such rows"):
        form.rows([(3,)])


def test_a_file_that_broke_off_is_none() -> None:
    form = ParquetForm(ONE, {}, group_rows=1)
    with pytest.raises(pa.ArrowInvalid):
        pq.ParquetFile(io.BytesIO(form.begin() + form.rows([(1,)])))
