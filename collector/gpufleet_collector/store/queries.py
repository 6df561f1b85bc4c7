"""Small pieces of SQL that several tables need."""

from collections.abc import Iterable

from sqlalchemy import ARRAY, ColumnElement, Integer, Text, any_, literal


def among_names(column: ColumnElement[str], names: Iterable[str]) -> ColumnElement[bool]:
    """Whether the column holds one of `names`: one parameter, however many."""
    return column == any_(literal(sorted(names), ARRAY(Text())))


def among_numbers(column: ColumnElement[int], numbers: Iterable[int]) -> ColumnElement[bool]:
    """Whether the column holds one of `numbers`: one parameter, however many."""
    return column == any_(literal(sorted(numbers), ARRAY(Integer())))
