"""Which table answers a question about a time: the cheapest one whose cells fit into its step and that still has what
was then."""

import enum
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from gpufleet_collector.errors import BadRequest, TooMuch
from gpufleet_collector.store.partitions import (
    FLEET_STATS_1M,
    GPU_STATS_1H,
    GPU_STATS_5M,
    GPU_STATS_PACKED,
    Partitioning,
)
from gpufleet_collector.store.times import DAY_US, HOUR_US, SECOND_US
from gpufleet_proto.catalog import Kind, Metric

MINUTE_US = 60 * SECOND_US
FIVE_MINUTES_US = 5 * MINUTE_US

POINTS = 300
"""About as many points make a series whose step nobody said."""

NICE_STEPS_US: tuple[int, ...] = (
    *(seconds * SECOND_US for seconds in (5, 10, 15, 30)),
    *(minutes * MINUTE_US for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * HOUR_US for hours in (1, 2, 3, 6, 12)),
    *(days * DAY_US for days in (1, 2, 3, 7, 14)),
)

Aggregation = Literal["avg", "min", "max", "sum", "p50", "p95"]
AGGREGATIONS: tuple[Aggregation, ...] = ("avg", "min", "max", "sum", "p50", "p95")
PERCENTILES: dict[str, float] = {"p50": 0.5, "p95": 0.95}

GroupBy = Literal["fleet", "host", "model", "label", "gpu"]
GROUPINGS: tuple[GroupBy, ...] = ("fleet", "host", "model", "label", "gpu")


class Source(enum.Enum):
    """The tables that can answer. The samples are rows, packed and late ones together."""

    SAMPLES = "samples"
    FLEET_MINUTES = "fleet_stats_1m"
    FIVE_MINUTES = "gpu_stats_5m"
    HOURS = "gpu_stats_1h"


CELL_US = {Source.FLEET_MINUTES: MINUTE_US, Source.FIVE_MINUTES: FIVE_MINUTES_US, Source.HOURS: HOUR_US}
"""How much time one cell of a rollup sums up."""

PARTITIONED: dict[Source, Partitioning] = {
    Source.SAMPLES: GPU_STATS_PACKED,
    Source.FLEET_MINUTES: FLEET_STATS_1M,
    Source.FIVE_MINUTES: GPU_STATS_5M,
    Source.HOURS: GPU_STATS_1H,
}
"""What retention drops partitions of; the rows of samples go when they are packed."""

MOST_GPU_HOURS = 2_000
"""How many hours of GPUs one question for series may read from samples, where nothing else is set: about two seconds of
the database's time."""
TIMES_AS_MANY = {Source.SAMPLES: 1, Source.FIVE_MINUTES: 125, Source.HOURS: 500}
"""Of rollups, in the same time."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one question for series may read."""

    gpu_hours: int = MOST_GPU_HOURS

    def of(self, source: Source) -> float:
        """Hours of GPUs. Minutes of the fleet are the same number for any fleet, and have no limit."""
        return self.gpu_hours * TIMES_AS_MANY.get(source, math.inf)


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Kept:
    """How long each table keeps what it has, microseconds."""

    samples_us: int = 30 * DAY_US
    five_minutes_us: int = 90 * DAY_US
    hours_us: int = 730 * DAY_US
    fleet_minutes_us: int = 730 * DAY_US

    def us(self, source: Source) -> int:
        return {
            Source.SAMPLES: self.samples_us,
            Source.FLEET_MINUTES: self.fleet_minutes_us,
            Source.FIVE_MINUTES: self.five_minutes_us,
            Source.HOURS: self.hours_us,
        }[source]

    def oldest(self, source: Source, now: int) -> int:
        """The first instant that retention leaves at `now`: it drops a partition when all of it is older."""
        partitioning = PARTITIONED[source]
        return partitioning.begin(partitioning.number(max(0, now - self.us(source))))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the choice of a table depends on. `since` is the begin of the question, `over_fleet`: one of the groups that
    fleet_stats_1m has, unfiltered; `gpu_hours` is what would be read elsewhere."""

    metric: Metric
    aggregations: tuple[Aggregation, ...]
    step_us: int
    since: int
    now: int
    per_gpu: bool
    over_fleet: bool
    gpu_hours: int


def sources_of_step(step_us: int) -> Sequence[Source]:
    """The tables of single GPUs whose cells fit into the step, the cheapest first."""
    rollups = (Source.HOURS, Source.FIVE_MINUTES)
    return [*(source for source in rollups if step_us % CELL_US[source] == 0), Source.SAMPLES]


def first_kept(sources: Sequence[Source], since: int, now: int, kept: Kept) -> Source:
    """The first that still has what was at `since`; where none has, the first of those that go back furthest."""
    oldest = {source: kept.oldest(source, now) for source in sources}
    return next((source for source in sources if oldest[source] <= since), min(sources, key=oldest.__getitem__))


def usual_step(
    since: int, until: int, now: int, *, aggregations: Collection[Aggregation], over_fleet: bool, kept: Kept
) -> int:
    """The shortest nice step that makes at most POINTS of [since, until) and that something still kept can answer."""
    shortest = (until - since) / POINTS
    if over_fleet:
        shortest = max(shortest, MINUTE_US)
    are_gone = since < kept.oldest(Source.SAMPLES, now)
    if are_gone or not PERCENTILES.keys().isdisjoint(aggregations):
        shortest = max(shortest, FIVE_MINUTES_US)
    if are_gone and since < kept.oldest(Source.FIVE_MINUTES, now):
        shortest = max(shortest, HOUR_US)
    return next((step for step in NICE_STEPS_US if step >= shortest), NICE_STEPS_US[-1])


def choose(wanted: Wanted, kept: Kept, limits: Limits = DEFAULT_LIMITS) -> Source:
    """The cheapest table that can answer. Of those that have nothing of `since` any more it is the one that goes back
    furthest: an answer says what was dropped. Raises BadRequest, with what to ask instead, when none can answer, and
    TooMuch."""
    _check(wanted)
    sources = sources_of_step(wanted.step_us)
    of_gpus = first_kept(sources, wanted.since, wanted.now, kept)
    if not PERCENTILES.keys().isdisjoint(wanted.aggregations) and wanted.metric.kind is not Kind.COUNTER:
        source = _of_percentiles(wanted, kept, limits)
    elif wanted.over_fleet and _minutes_can(wanted, limits.of(of_gpus)):
        source = first_kept([Source.FLEET_MINUTES, *sources], wanted.since, wanted.now, kept)
    else:
        source = of_gpus
    most = limits.of(source)
    if wanted.gpu_hours > most:
        asked = f"{wanted.gpu_hours} hours of GPUs would be read from {source.value} and at most {most:.0f} may be"
        raise TooMuch("step" if _is_finer(wanted, source) else "since", f"{asked}: {_way_out(wanted, source)}")
    return source


def _check(wanted: Wanted) -> None:
    kind, name = wanted.metric.kind, wanted.metric.name
    if kind in {Kind.FLAGS, Kind.ENUMERATION} and set(wanted.aggregations) != {"max"}:
        raise BadRequest("agg", f"{name} is {_A[kind]}, of which only max makes sense: ask with agg=max")
    if not PERCENTILES.keys().isdisjoint(wanted.aggregations) and wanted.step_us % FIVE_MINUTES_US:
        raise BadRequest("step", "p50 and p95 need a step of 300 seconds or a whole multiple of it")


_A = {Kind.FLAGS: "a set of flags", Kind.ENUMERATION: "one of several names"}


def _of_percentiles(wanted: Wanted, kept: Kept, limits: Limits) -> Source:
    if not wanted.per_gpu:
        return Source.FIVE_MINUTES
    if wanted.gpu_hours <= limits.of(Source.SAMPLES) and _has_samples(wanted, kept):
        return Source.SAMPLES
    if wanted.step_us < HOUR_US:
        raise TooMuch(
            "step",
            "p50 and p95 of single GPUs over so many hours, or so long ago, are made of 5-minute means: "
            "ask for a step of 3600 seconds or more, or for less",
        )
    return Source.FIVE_MINUTES


def _has_samples(wanted: Wanted, kept: Kept) -> bool:
    return wanted.since >= kept.oldest(Source.SAMPLES, wanted.now)


def _minutes_can(wanted: Wanted, most_otherwise: float) -> bool:
    """Minutes of the fleet know no flags. Of counters they leave out the steps across full hours, and what the least
    and the most of a GPU was in more than a minute: they answer where the exact tables would be too long."""
    if wanted.step_us % MINUTE_US or wanted.metric.kind is Kind.FLAGS:
        return False
    if wanted.metric.kind is not Kind.COUNTER:
        return True
    adds_up = wanted.step_us == MINUTE_US or set(wanted.aggregations) <= {"avg", "sum"}
    return adds_up and wanted.gpu_hours > most_otherwise


def _is_finer(wanted: Wanted, source: Source) -> bool:
    """Whether a longer step would do: samples that are read for want of a rollup would be read for it, too."""
    return source is Source.SAMPLES and wanted.step_us % FIVE_MINUTES_US != 0


def _way_out(wanted: Wanted, source: Source) -> str:
    narrower = "narrow it with host, gpu_uuid, gpu_index or model, or ask for less time"
    if not _is_finer(wanted, source):
        return narrower
    return f"ask for a step of whole multiples of 300 seconds, or {narrower}"
