"""What a chart asks for and what it gets: series of groups of GPUs, and what in them is not final."""

from collections.abc import Sequence
from dataclasses import dataclass

from gpufleet_collector.store.groups import Described
from gpufleet_collector.store.parts import Span
from gpufleet_collector.store.plan import Aggregation, GroupBy, Source
from gpufleet_collector.store.times import HOUR_US

MOST_SERIES = 1_000
"""Groups of one page; fewer where their points were too many."""
MOST_POINTS = 200_000
"""Points of all series of a page."""
MOST_POINTS_OF_ONE = 11_000
"""Points of one series."""


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """Series of [since, until), microseconds, widened to whole steps; empty filters match all. Without `step_us` about
    300 points. `after` is the key of the last group already known."""

    since: int
    until: int
    metrics: tuple[str, ...]
    aggregations: tuple[Aggregation, ...] = ("avg",)
    group_by: GroupBy = "fleet"
    label: str | None = None
    hosts: tuple[str, ...] = ()
    gpu_uuids: tuple[str, ...] = ()
    gpu_indexes: tuple[int, ...] = ()
    models: tuple[str, ...] = ()
    step_us: int | None = None
    limit: int = MOST_SERIES
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """A query with its step and times settled."""

    query: SeriesQuery
    step_us: int
    span: Span
    now: int
    over_fleet: bool

    @property
    def hours(self) -> int:
        since, until = self.span
        return -(-(until - since) // HOUR_US)

    @property
    def columns(self) -> int:
        return len(self.query.metrics) * len(self.query.aggregations)

    @property
    def points(self) -> int:
        since, until = self.span
        return (until - since) // self.step_us


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart: `starts` (seconds) and `values`, of equal length; a step without a value has no point.
    `cell_us` is over how much time the values of single GPUs were averaged before, None when they are samples."""

    group: Described
    metric: str
    aggregation: Aggregation
    source: Source
    cell_us: int | None
    starts: Sequence[int]
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A time whose points are not final: `open` (samples are on their way), `late` (samples wait to be merged),
    `estimated` (from live values, until the hour is packed), `not_packed` (left out until then) or `dropped` (no longer
    kept, all of it or a part)."""

    since: int
    until: int
    reason: str


@dataclass(frozen=True, slots=True)
class SeriesAnswer:
    """Series by group, then metric and aggregation, in the order asked. Points that end by `complete_until` are final,
    but for samples that come late."""

    since: int
    until: int
    step_us: int
    series: Sequence[Series]
    incomplete: Sequence[Incomplete]
    next_after: str | None

    @property
    def complete_until(self) -> int:
        return min((part.since for part in self.incomplete), default=self.until)
