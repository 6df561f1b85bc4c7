"""How a time divides into what a rollup can tell and what has to be computed from samples."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gpufleet_collector.store.times import HOUR_US

Span = tuple[int, int]
"""[since, until), microseconds."""

Cell = tuple[int, int]
"""Number of a GPU, and the begin of a cell, microseconds."""


@dataclass(frozen=True, slots=True)
class Parts:
    """`rolled` lies on whole cells below the watermark and may be None; `raw` is the rest, in order."""

    rolled: Span | None
    raw: tuple[Span, ...]


def divide(span: Span, cell_us: int | None, packed_until: int) -> Parts:
    """Without a cell everything is computed from samples."""
    since, until = span
    if cell_us is None:
        return Parts(None, (span,))
    first = -(-since // cell_us) * cell_us
    last = min(until, packed_until) // cell_us * cell_us
    if first >= last:
        return Parts(None, (span,))
    raw = [(since, first)] if since < first else []
    if last < until:
        raw.append((last, until))
    return Parts((first, last), tuple(raw))


def cut_cells(stays: Iterable[tuple[int, int, int]], rolled: Span, cell_us: int) -> Iterator[Cell]:
    """The cells within `rolled` that only a part of a stay (number of a GPU, since, until) lies in."""
    first, last = rolled
    for gpu_id, since, until in stays:
        for edge in (since, until):
            if first < edge < last and edge % cell_us:
                yield gpu_id, edge // cell_us * cell_us


def hours_of(cells: Iterable[Cell]) -> int:
    """How many hours of GPUs are read to compute these cells from samples: all GPUs over the whole time."""
    cells = list(cells)
    if not cells:
        return 0
    starts = [start for _, start in cells]
    return len({gpu_id for gpu_id, _ in cells}) * ((max(starts) - min(starts)) // HOUR_US + 1)
