"""CSV that any reader takes: what is read back is what was written, absent stays absent, and nothing is computed."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import START_US
from fakes.rows import COLUMNS, rows
from gpufleet_collector.export.columns import Cell, Column, Kind, Row
from gpufleet_collector.export.csv_form import FORMULA_BEGINNINGS, CsvForm, guard, unguard
from gpufleet_collector.web import instants


def written(columns: tuple[Column, ...], *batches: list[Row]) -> str:
    form = CsvForm(columns)
    return b"".join([form.begin(), *(form.rows(batch) for batch in batches), form.end()]).decode()


def read_cell(kind: Kind, text: str) -> Cell:
    if text == "":
        return None
    if kind is Kind.TEXT:
        return unguard(text)
    if kind is Kind.INSTANT:
        return instants.read(text)
    if kind is Kind.BOOLEAN:
        return {"true": True, "false": False}[text]
    return float(text) if kind in {Kind.FLOAT32, Kind.FLOAT64} else int(text)


@given(batches=st.lists(rows(), max_size=3))
def test_what_is_read_back_is_what_was_written(batches: list[list[Row]]) -> None:
    header, *lines = csv.reader(io.StringIO(written(COLUMNS, *batches), newline=""), strict=True)
    assert header == [column.name for column in COLUMNS]
    found = [tuple(read_cell(column.kind, text) for column, text in zip(COLUMNS, line, strict=True)) for line in lines]
    assert found == [row for batch in batches for row in batch]


def test_a_file_to_the_letter() -> None:
    columns = tuple(Column(kind.value, kind) for kind in (Kind.TEXT, Kind.INSTANT, Kind.BOOLEAN, Kind.FLOAT32))
    batch: list[Row] = [('a,"b"\nc', START_US + 123_456, True, 0.1), (None, None, None, None)]
    assert written(columns, batch) == (
        'text,instant,boolean,real\r\n"a,""b""\nc",2026-01-01T00:00:00.123456Z,true,0.1\r\n,,,\r\n'
    )


def test_without_rows_there_is_a_header() -> None:
    assert written((Column("host", Kind.TEXT),)) == "host\r\n"


@pytest.mark.parametrize("beginning", FORMULA_BEGINNINGS)
def test_no_text_is_a_formula(beginning: str) -> None:
    assert guard(f"{beginning}HYPERLINK(1)") == f"'{beginning}HYPERLINK(1)"


@given(text=st.text())
def test_the_guard_can_be_undone(text: str) -> None:
    guarded = guard(text)
    assert unguard(guarded) == text
    assert not guarded.startswith(tuple(set(FORMULA_BEGINNINGS) - {"'"}))


def test_numbers_are_not_guarded() -> None:
    assert written((Column("code", Kind.INT64),), [(-1,)]) == "code\r\n-1\r\n"
