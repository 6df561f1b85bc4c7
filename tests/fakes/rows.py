"""Rows of exports with every kind of cell, for properties."""

from hypothesis import strategies as st

from gpufleet_collector.export.columns import Column, Kind, Row
from gpufleet_collector.web.instants import MAX_INSTANT

COLUMNS = tuple(Column(kind.name.lower(), kind, (("help", f"A {kind.value}"),)) for kind in Kind)

_CELLS: dict[Kind, st.SearchStrategy[str | int | float | bool]] = {
    Kind.TEXT: st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8)
    | st.sampled_from(["=1", "'", "a,b", '"', "\r\n", "\r", " "]),
    Kind.INSTANT: st.integers(0, MAX_INSTANT),
    Kind.BOOLEAN: st.booleans(),
    Kind.INT16: st.integers(-(2**15), 2**15 - 1),
    Kind.INT32: st.integers(-(2**31), 2**31 - 1),
    Kind.INT64: st.integers(-(2**63), 2**63 - 1),
    Kind.FLOAT32: st.floats(width=32, allow_nan=False, allow_infinity=False),
    Kind.FLOAT64: st.floats(allow_nan=False, allow_infinity=False),
}


def rows() -> st.SearchStrategy[list[Row]]:
    """Of COLUMNS, any cell of which may be absent."""
    return st.lists(st.tuples(*(st.none() | _CELLS[column.kind] for column in COLUMNS)), max_size=6)
