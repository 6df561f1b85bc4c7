"""From reports to rows of `gpu_stats`: which are copied straight, which may be repeats, which belong to nobody."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from gpufleet_collector.model import METRIC_NAMES
from gpufleet_collector.store.records import ReportWrite
from gpufleet_collector.store.times import HOUR_US, to_datetime

COLUMNS: tuple[str, ...] = ("gpu_id", "recorded_at", *METRIC_NAMES)

Row: TypeAlias = tuple[Any, ...]
"""Values in the order of COLUMNS; the first two are the key."""


@dataclass(slots=True)
class Rows:
    """The rows of some reports. `fresh` were never sent before, as far as their agents know; `repeated` may have been.
    `unknown` counts samples of GPUs that no host declared, by position of the report. `sightings` are instants that
    may be older than the GPU's placement, by id of the GPU and name of the host."""

    fresh: list[Row] = field(default_factory=list)
    repeated: list[Row] = field(default_factory=list)
    unknown: dict[int, int] = field(default_factory=dict)
    sightings: dict[tuple[int, str], set[int]] = field(default_factory=dict)


def build_rows(
    reports: Sequence[ReportWrite], gpu_ids: Mapping[str, int], may_precede: Callable[[int, int], bool]
) -> Rows:
    """The rows of `reports`, in their order. Where a report may be a repeat, only the first row of each key."""
    rows, instants = Rows(), _Instants()
    seen: set[tuple[int, int]] | None = set() if any(report.replayed for report in reports) else None
    for position, report in enumerate(reports):
        kept = rows.repeated if report.replayed else rows.fresh
        for sample in report.samples:
            gpu_id = gpu_ids.get(sample.gpu_uuid)
            if gpu_id is None:
                rows.unknown[position] = rows.unknown.get(position, 0) + 1
                continue
            if seen is not None:
                if (key := (gpu_id, sample.recorded_at)) in seen:
                    continue
                seen.add(key)
            kept.append((gpu_id, instants[sample.recorded_at], *sample.values))
            if may_precede(gpu_id, sample.recorded_at):
                rows.sightings.setdefault((gpu_id, report.host), set()).add(sample.recorded_at)
    return rows


def hours_of(reports: Iterable[ReportWrite]) -> set[int]:
    """The hours, counted from the epoch, that the reports have samples of."""
    return {sample.recorded_at // HOUR_US for report in reports for sample in report.samples}


def without_repeats(rows: Iterable[Row]) -> Iterator[Row]:
    """The first row of each key."""
    seen: set[tuple[int, datetime]] = set()
    for row in rows:
        key = row[:2]
        if key not in seen:
            seen.add(key)
            yield row


class _Instants(dict[int, datetime]):
    """One object per instant: the GPUs of a tick share it."""

    def __missing__(self, instant: int) -> datetime:
        made = self[instant] = to_datetime(instant)
        return made
