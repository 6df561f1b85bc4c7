"""What a metric becomes in the tables derived from samples: which columns, of which types; nothing else says it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, Column, Double, Integer, SmallInteger
from sqlalchemy.dialects.postgresql import ARRAY, REAL
from sqlalchemy.types import TypeEngine

from gpufleet_collector.model import WHOLE_GPU_PANELS
from gpufleet_proto.catalog import Kind, Metric

_LARGEST_SMALLINT = 2**15 - 1
_LARGEST_INTEGER = 2**31 - 1
_EXACT_IN_REAL = 2**24

ColumnType: TypeAlias = TypeEngine[Any]


def column_type(metric: Metric) -> ColumnType:
    """The narrowest type that keeps every multiple of the metric's resolution up to its maximum."""
    if metric.is_whole:
        if metric.max <= _LARGEST_SMALLINT:
            return SmallInteger()
        return Integer() if metric.max <= _LARGEST_INTEGER else BigInteger()
    return REAL() if metric.max / metric.resolution < _EXACT_IN_REAL else Double()


def column_comment(metric: Metric) -> str:
    return f"{metric.help}; {metric.unit}"


@dataclass(frozen=True, slots=True)
class Shape:
    """One metric in the derived tables."""

    metric: Metric

    @property
    def name(self) -> str:
        return self.metric.name

    @property
    def type(self) -> ColumnType:
        """Of the column of `gpu_stats`."""
        return column_type(self.metric)

    @property
    def sql_type(self) -> str:
        return _sql_name(self.type)

    @property
    def narrow(self) -> ColumnType:
        """Element of the packed array where every value fits it."""
        return SmallInteger() if isinstance(self.type, (SmallInteger, REAL)) else Integer()

    @property
    def sql_narrow(self) -> str:
        return _sql_name(self.narrow)

    @property
    def has_wide(self) -> bool:
        """Whether a scaled value, or the difference of two of a counter, may be too large for `narrow`."""
        largest = _LARGEST_SMALLINT if isinstance(self.narrow, SmallInteger) else _LARGEST_INTEGER
        return self.metric.max * self.steps > largest

    @property
    def is_counter(self) -> bool:
        return self.metric.kind is Kind.COUNTER

    @property
    def is_summed(self) -> bool:
        """Whether fleet minutes have it."""
        return self.metric.kind is not Kind.FLAGS

    @property
    def of_whole_gpus(self) -> bool:
        """Whether fleet minutes leave out MIG instances altogether."""
        return self.metric.panel in WHOLE_GPU_PANELS

    @property
    def steps(self) -> int:
        """What a value is multiplied by to become the whole number that is packed."""
        return self.metric.steps_per_unit

    @property
    def average(self) -> ColumnType:
        return Double() if isinstance(self.type, (BigInteger, Double)) else REAL()

    @property
    def sql_average(self) -> str:
        return _sql_name(self.average)

    def packed_columns(self) -> Iterator[Column[object]]:
        """Of `gpu_stats_packed`."""
        steps = f", counted in steps of {self.metric.resolution:g}" if self.steps > 1 else ""
        what = "Differences between neighbouring values: " if self.is_counter else ""
        yield self._column("", ARRAY(self.narrow), f"{what}{column_comment(self.metric)}{steps}")
        if self.has_wide:
            yield self._column("_wide", ARRAY(BigInteger()), f"Instead of {self.name} where a value does not fit it")
        if self.is_counter:
            yield self._column("_first", BigInteger(), f"First value of {self.name} in the hour{steps}")

    def rollup_columns(self, *, arrays: bool) -> Iterator[Column[object]]:
        """Of `gpu_stats_5m` (arrays) and `gpu_stats_1h`."""
        for suffix, kind, words in self.rollup_parts():
            yield self._column(suffix, ARRAY(kind) if arrays else kind, f"{words}; {column_comment(self.metric)}")

    def rollup_parts(self) -> Iterator[tuple[str, ColumnType, str]]:
        """Suffix, type and meaning of each part of a bucket."""
        yield "_avg", self.average, "Average"
        yield "_min", self.type, "Smallest"
        yield "_max", self.type, "Largest"
        yield "_last", self.type, "Last"
        yield "_count", Integer(), "Values"
        if self.is_counter:
            yield "_first", self.type, "First"
            yield "_increase", Double(), "Increase from first to last, a reset counting as a start from 0"
            yield "_resets", Integer(), "Steps down"

    def fleet_columns(self) -> Iterator[Column[object]]:
        """Of `fleet_stats_1m`."""
        extreme, what = (Double(), "increase of a GPU") if self.is_counter else (self.type, "value")
        summed = "increases" if self.is_counter else "averages"
        words = column_comment(self.metric)
        yield self._column("_sum", Double(), f"Sum of the GPUs' {summed}; {words}")
        yield self._column("_count", Integer(), f"Values; {words}")
        yield self._column("_min", extreme, f"Smallest {what}; {words}")
        yield self._column("_max", extreme, f"Largest {what}; {words}")
        yield self._column("_gpus", Integer(), f"GPUs with a value; {words}")

    def _column(self, suffix: str, kind: ColumnType, comment: str) -> Column[object]:
        return Column(f"{self.name}{suffix}", kind, comment=comment)


def _sql_name(kind: ColumnType) -> str:
    """As PostgreSQL's casts name it."""
    names: dict[type, str] = {SmallInteger: "smallint", Integer: "integer", BigInteger: "bigint", REAL: "real"}
    return names.get(type(kind), "double precision")
