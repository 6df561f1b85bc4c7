"""Parquet, row group by row group; the only file that knows pyarrow, which is not always installed."""

import io
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from gpufleet_collector.errors import ExportTooLarge
from gpufleet_collector.export.columns import Column, Kind, Row

GROUP_ROWS = 131_072
"""Rows of a row group, which wait in memory, a column each, until it is full."""

GROUP_BYTES = 64 * 1024 * 1024
"""A row group is full as well when its columns take so much: texts may be long."""

MOST_GROUPS = 8_192
"""The footer tells of every row group and is kept until the end, up to some kilobytes for each of them."""

COMPRESSION = "zstd"

_TYPES = {
    Kind.TEXT: pa.string(),
    Kind.INSTANT: pa.timestamp("us", tz="UTC"),
    Kind.BOOLEAN: pa.bool_(),
    Kind.INT16: pa.int16(),
    Kind.INT32: pa.int32(),
    Kind.INT64: pa.int64(),
    Kind.FLOAT32: pa.float32(),
    Kind.FLOAT64: pa.float64(),
}


class ParquetForm:
    def __init__(
        self,
        columns: Sequence[Column],
        facts: Mapping[str, str],
        *,
        group_rows: int = GROUP_ROWS,
        group_bytes: int = GROUP_BYTES,
    ) -> None:
        self._schema = pa.schema(
            [pa.field(column.name, _TYPES[column.kind], metadata=dict(column.facts)) for column in columns],
            metadata=dict(facts),
        )
        self._group_rows = group_rows
        self._group_bytes = group_bytes
        self._out = io.BytesIO()
        self._writer = pq.ParquetWriter(pa.PythonFile(_Counted(self._out)), self._schema, compression=COMPRESSION)
        self._waiting: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0
        """Of what waits."""
        self._groups = self._rows_written = 0

    def begin(self) -> bytes:
        return self._written()

    def rows(self, rows: Sequence[Row]) -> bytes:
        """Raises ExportTooLarge."""
        columns = list(zip(*rows, strict=True)) or [()] * len(self._schema)
        arrays = [pa.array(cells, field.type) for cells, field in zip(columns, self._schema, strict=True)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        self._waiting.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= self._group_rows or self._bytes >= self._group_bytes:
            self._write_group()
        return self._written()

    def end(self) -> bytes:
        self._write_group()
        self._writer.close()
        return self._written()

    def _write_group(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        if self._groups >= MOST_GROUPS:
            raise ExportTooLarge(
                f"more than {self._rows_written} such rows do not go into one Parquet file: "
                "export less time or fewer GPUs at once, or csv"
            )
        self._groups += 1
        self._rows_written += self._rows
        self._rows = self._bytes = 0
        self._writer.write_table(pa.Table.from_batches(waiting, self._schema), row_group_size=2 * self._group_rows)

    def _written(self) -> bytes:
        written = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return written


class _Counted(io.RawIOBase):
    """A file that is taken away while it is written: its position counts on, its content does not stay."""

    def __init__(self, out: io.BytesIO) -> None:
        self._out = out
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: object) -> int:
        count = self._out.write(data)  # type: ignore[arg-type]
        self._position += count
        return count
