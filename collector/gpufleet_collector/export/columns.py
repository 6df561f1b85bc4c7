"""What a table of an export looks like, whatever form it is written in: its columns, and its rows as tuples."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Cell: TypeAlias = str | int | float | bool | None
"""Instants are microseconds since the epoch; None is absent."""

Row: TypeAlias = tuple[Cell, ...]


class Kind(enum.Enum):
    """What the cells of a column are."""

    TEXT = "text"
    INSTANT = "instant"
    BOOLEAN = "boolean"
    INT16 = "smallint"
    INT32 = "integer"
    INT64 = "bigint"
    FLOAT32 = "real"
    FLOAT64 = "double precision"


@dataclass(frozen=True, slots=True)
class Column:
    """`facts` are words about it for those who read the file: unit, help, resolution."""

    name: str
    kind: Kind
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows in their order, and the instant that the last of them is of."""

    rows: Sequence[Row]
    reached: int
