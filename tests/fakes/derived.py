"""What is to be made from samples, worked out the plain way: buckets, and minutes of a fleet."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

from gpufleet_collector.store.shapes import Shape
from gpufleet_collector.store.times import HOUR_US, SECOND_US
from gpufleet_proto.catalog import METRICS

MINUTE_US = 60 * SECOND_US
SHAPES = tuple(Shape(metric) for metric in METRICS)

Key: TypeAlias = tuple[int, int]
"""GPU and instant in microseconds."""
Samples: TypeAlias = Mapping[Key, Mapping[str, float]]
"""What was read at each instant, without what was absent."""
Parts: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Board:
    """What the fleet's minutes need to know of a GPU."""

    model: str = ""
    parent: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


Readings: TypeAlias = Mapping[int, Sequence[tuple[int, Mapping[str, float]]]]
"""For each GPU what was read when, oldest first."""


def by_gpu(samples: Samples) -> Readings:
    found: dict[int, list[tuple[int, Mapping[str, float]]]] = {}
    for gpu, at in sorted(samples):
        found.setdefault(gpu, []).append((at, samples[gpu, at]))
    return found


def series(readings: Readings, gpu: int, name: str, since: int, until: int) -> list[float]:
    """The values of one metric within [since, until), oldest first."""
    return [read[name] for at, read in readings.get(gpu, ()) if since <= at < until and name in read]


def _count(readings: Readings, gpu: int, since: int, until: int) -> int:
    return sum(since <= at < until for at, _ in readings.get(gpu, ()))


def steps(values: Sequence[float]) -> list[float]:
    """What a counter rose by from value to value."""
    return [after - before if after >= before else after for before, after in pairwise(values)]


def bucket(readings: Readings, gpu: int, since: int, width: int) -> Parts:
    """The parts of the bucket that begins at `since`, by the names of the columns; None where there was no value."""
    until = since + width
    parts: Parts = {"samples": _count(readings, gpu, since, until)}
    for shape in SHAPES:
        values = series(readings, gpu, shape.name, since, until)
        for suffix, part in _bucket_parts(shape, values):
            parts[shape.name + suffix] = part
    return parts


def _bucket_parts(shape: Shape, values: Sequence[float]) -> Iterator[tuple[str, float | None]]:
    if not values:
        yield from ((suffix, None) for suffix, _, _ in shape.rollup_parts())
        return
    yield from (("_avg", math.fsum(values) / len(values)), ("_min", min(values)), ("_max", max(values)))
    yield from (("_last", values[-1]), ("_count", len(values)))
    if shape.is_counter:
        falls = sum(after < before for before, after in pairwise(values))
        yield from (("_first", values[0]), ("_increase", math.fsum(steps(values))), ("_resets", falls))


def fleet(
    samples: Samples, boards: Mapping[int, Board], labels: Iterable[str], hour: int
) -> dict[tuple[Any, ...], Parts]:
    """The minutes of an hour, by scope, key, value and begin."""
    minutes: dict[tuple[Any, ...], Parts] = {}
    readings = by_gpu({key: read for key, read in samples.items() if hour <= key[1] < hour + HOUR_US})
    for minute in range(hour, hour + HOUR_US, MINUTE_US):
        present = {gpu for gpu in readings if _count(readings, gpu, minute, minute + MINUTE_US)}
        for scope, members in _scopes(present, boards, labels).items():
            minutes[*scope, minute] = _minute(readings, boards, members, minute, hour)
    return minutes


def _scopes(
    gpus: Iterable[int], boards: Mapping[int, Board], labels: Iterable[str]
) -> dict[tuple[str, str, str], set[int]]:
    scopes: dict[tuple[str, str, str], set[int]] = {}
    for gpu in gpus:
        board = boards[gpu]
        named = [("label", label, board.labels[label]) for label in labels if label in board.labels]
        for scope in [("fleet", "", ""), ("model", "", board.model), *named]:
            scopes.setdefault(scope, set()).add(gpu)
    return scopes


def _minute(readings: Readings, boards: Mapping[int, Board], members: set[int], minute: int, hour: int) -> Parts:
    whole = {gpu for gpu in members if boards[gpu].parent is None}
    parts: Parts = {
        "gpus": len(whole),
        "samples": sum(_count(readings, gpu, minute, minute + MINUTE_US) for gpu in whole),
    }
    for shape in SHAPES:
        if shape.is_summed:
            found = [
                _of_gpu(readings, gpu, shape, minute, hour)
                for gpu in members
                if _counts(readings, boards, gpu, shape, minute)
            ]
            for suffix, part in _fleet_parts([own for own in found if own is not None]):
                parts[shape.name + suffix] = part
    return parts


def _counts(readings: Readings, boards: Mapping[int, Board], gpu: int, shape: Shape, minute: int) -> bool:
    """An instance counts where its parent has no value; never for what is a share of its parent's."""
    parent = boards[gpu].parent
    if parent is None:
        return True
    return not shape.of_whole_gpus and not series(readings, parent, shape.name, minute, minute + MINUTE_US)


def _of_gpu(
    readings: Readings, gpu: int, shape: Shape, minute: int, hour: int
) -> tuple[float, int, float, float] | None:
    """Sum, values, smallest and largest of one GPU in a minute."""
    values = series(readings, gpu, shape.name, minute, minute + MINUTE_US)
    if not values:
        return None
    if not shape.is_counter:
        return math.fsum(values) / len(values), len(values), min(values), max(values)
    until_then = series(readings, gpu, shape.name, hour, minute + MINUTE_US)
    rise = math.fsum(steps(until_then)[-len(values) :])
    return rise, len(values), rise, rise


def _fleet_parts(found: Sequence[tuple[float, int, float, float]]) -> Iterator[tuple[str, float | None]]:
    sums, counts, smallest, largest = zip(*found, strict=True) if found else ((), (), (), ())
    yield "_sum", math.fsum(sums) if found else None
    yield "_count", sum(counts) if found else None
    yield "_min", min(smallest, default=None)
    yield "_max", max(largest, default=None)
    yield "_gpus", len(found) or None
