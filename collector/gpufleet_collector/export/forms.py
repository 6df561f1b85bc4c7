"""The forms that an export can have, by the names that operators and clients give them."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

from gpufleet_collector.errors import ExtraMissing
from gpufleet_collector.export.columns import Column, Row
from gpufleet_collector.export.csv_form import CsvForm

FormName: TypeAlias = Literal["csv", "parquet"]
FORMS: tuple[FormName, ...] = ("csv", "parquet")

MEDIA_TYPES: Mapping[FormName, str] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "parquet": "application/vnd.apache.parquet",
}
PARQUET_EXTRA = "gpufleet-collector[parquet]"


class Form(Protocol):
    """Rows in, bytes out. What was given is not kept for long: the bytes of all calls in their order are the file."""

    def begin(self) -> bytes: ...
    def rows(self, rows: Sequence[Row]) -> bytes: ...
    def end(self) -> bytes: ...


def make_form(name: FormName, columns: Sequence[Column], facts: Mapping[str, str]) -> Form:
    """`facts` are words about the whole, for forms that have a place for them. Raises ExtraMissing. The first Parquet
    of a process loads a large library."""
    if name == "csv":
        return CsvForm(columns)
    try:
        from gpufleet_collector.export.parquet_form import ParquetForm
    except ImportError as error:
        raise ExtraMissing(
            f"Parquet needs pyarrow, which is not installed where the collector runs ({error}): "
            f"pip install '{PARQUET_EXTRA}', or ask for csv"
        ) from error
    return ParquetForm(columns, facts)
