"""CSV as RFC 4180 has it: a header, lines that end in CR LF, an empty cell for what is absent."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from gpufleet_collector.export.columns import Cell, Column, Kind, Row
from gpufleet_collector.store.times import to_text

FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "'")
"""What makes a spreadsheet take a text for a formula, and the apostrophe itself, so that the guard can be undone."""


def guard(text: str) -> str:
    """Text that no spreadsheet computes: who may start a process on a host chooses its name, and somebody else opens
    the file. `unguard` gives the text back; Parquet has it as it is."""
    return f"'{text}" if text.startswith(FORMULA_BEGINNINGS) else text


def unguard(text: str) -> str:
    return text.removeprefix("'")


class CsvForm:
    """Times, numbers and booleans are written as the API's JSON writes them."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._names = [column.name for column in columns]
        self._written = [
            (position, _WRITERS[column.kind]) for position, column in enumerate(columns) if column.kind in _WRITERS
        ]

    def begin(self) -> bytes:
        return _lines([self._names])

    def rows(self, rows: Sequence[Row]) -> bytes:
        return _lines(map(self._cells, rows))

    def end(self) -> bytes:
        return b""

    def _cells(self, row: Row) -> list[Cell]:
        cells = list(row)
        for position, write in self._written:
            if (cell := cells[position]) is not None:
                cells[position] = write(cell)
        return cells


_WRITERS: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: guard,
    Kind.INSTANT: to_text,
    Kind.BOOLEAN: lambda value: "true" if value else "false",
}


def _lines(rows: Iterable[Sequence[Cell]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
