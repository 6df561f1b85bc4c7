"""From reports to rows of `gpu_stats` by column: which are copied straight, which may be repeats, which are late, and
which belong to nobody."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gpufleet_collector.model import NO_INSTANTS, NO_VALUES, SampleColumns
from gpufleet_collector.store.records import ReportWrite
from gpufleet_collector.store.registry import NOBODY


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of `gpu_stats` by column: `gpu_ids` and `recorded_at` (microseconds) are the key, int64 [n]; `values` is
    float64 [n, metrics] in the order of METRICS, NaN where absent."""

    gpu_ids: NDArray[np.int64]
    recorded_at: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.gpu_ids)

    def only(self, kept: NDArray[np.bool_]) -> "Rows":
        """Those of the rows, in their order."""
        if kept.all():
            return self
        return Rows(self.gpu_ids[kept], self.recorded_at[kept], self.values[kept])

    def part(self, start: int, stop: int) -> "Rows":
        """Rows [start, stop), without a copy."""
        return Rows(self.gpu_ids[start:stop], self.recorded_at[start:stop], self.values[start:stop])

    def followed_by(self, other: "Rows") -> "Rows":
        return Rows(
            np.concatenate([self.gpu_ids, other.gpu_ids]),
            np.concatenate([self.recorded_at, other.recorded_at]),
            np.concatenate([self.values, other.values]),
        )

    def first_of_each(self) -> NDArray[np.bool_]:
        """Which rows are the first of their key."""
        order = np.lexsort((self.recorded_at, self.gpu_ids))
        again = np.zeros(len(self), np.bool_)
        ids, instants = self.gpu_ids[order], self.recorded_at[order]
        again[order[1:]] = (ids[1:] == ids[:-1]) & (instants[1:] == instants[:-1])
        return ~again


NO_ROWS = Rows(NO_INSTANTS, NO_INSTANTS, NO_VALUES)


@dataclass(frozen=True, slots=True, eq=False)
class SortedRows:
    """The rows of some reports. `fresh` were never sent before, as far as their agents know; `repeated` may have been;
    `late` are of hours that are closed. `unknown` counts samples of GPUs that no host declared, by position of the
    report. `sightings` are instants that may be older than the GPU's placement, by id of the GPU and name of the
    host."""

    fresh: Rows = NO_ROWS
    repeated: Rows = NO_ROWS
    late: Rows = NO_ROWS
    unknown: Mapping[int, int] = field(default_factory=dict)
    sightings: Mapping[tuple[int, str], set[int]] = field(default_factory=dict)


def sort_rows(
    reports: Sequence[ReportWrite],
    samples: SampleColumns,
    gpu_ids: NDArray[np.int64],
    starts: Callable[[NDArray[np.int64]], NDArray[np.int64]],
    closed_until: int,
) -> SortedRows:
    """The rows of `reports`, in their order. `samples` are those of all reports, and `gpu_ids` their GPUs, NOBODY where
    no host declared it. `starts` gives for ids of GPUs since when their latest placements are.
    Where a report may be a repeat, only the first row of each key."""
    owners = np.repeat(np.arange(len(reports)), [len(report.samples) for report in reports])
    unknown: dict[int, int] = {}
    rows = Rows(gpu_ids, samples.recorded_at, samples.values)
    known = gpu_ids != NOBODY
    if not known.all():
        positions, counts = np.unique(owners[~known], return_counts=True)
        unknown = dict(zip(positions.tolist(), counts.tolist(), strict=True))
        rows, owners = rows.only(known), owners[known]
    replayed = np.array([report.replayed for report in reports], np.bool_)[owners]
    if replayed.any():
        first = rows.first_of_each()
        rows, owners, replayed = rows.only(first), owners[first], replayed[first]
    late = rows.recorded_at < closed_until
    return SortedRows(
        fresh=rows.only(~replayed & ~late),
        repeated=rows.only(replayed & ~late),
        late=rows.only(late),
        unknown=unknown,
        sightings=_sightings(rows, reports, owners, starts),
    )


def _sightings(
    rows: Rows,
    reports: Sequence[ReportWrite],
    owners: NDArray[np.int64],
    starts: Callable[[NDArray[np.int64]], NDArray[np.int64]],
) -> dict[tuple[int, str], set[int]]:
    found: dict[tuple[int, str], set[int]] = {}
    for row in np.flatnonzero(rows.recorded_at < starts(rows.gpu_ids)).tolist():
        key = int(rows.gpu_ids[row]), reports[owners[row]].host
        found.setdefault(key, set()).add(int(rows.recorded_at[row]))
    return found


def instants_of(reports: Iterable[ReportWrite]) -> NDArray[np.int64]:
    """When the samples of the reports were taken, microseconds."""
    return np.concatenate([report.samples.recorded_at for report in reports] or [NO_INSTANTS])
