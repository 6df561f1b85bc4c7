"""Which table answers a question about a time, decided by its step alone: the cheapest one whose cells fit in it."""

import enum
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from gpufleet_collector.errors import BadRequest
from gpufleet_collector.store.times import DAY_US, HOUR_US, SECOND_US
from gpufleet_proto.catalog import Kind, Metric

MINUTE_US = 60 * SECOND_US
FIVE_MINUTES_US = 5 * MINUTE_US

POINTS = 300
"""About as many points make a series whose step nobody said."""

NICE_STEPS_US: tuple[int, ...] = (
    *(seconds * SECOND_US for seconds in (5, 10, 15, 30)),
    *(minutes * MINUTE_US for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * HOUR_US for hours in (1, 2, 3, 6, 12, 24)),
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

MOST_GPU_HOURS = {Source.SAMPLES: 2_000, Source.FIVE_MINUTES: 250_000, Source.HOURS: 1_000_000}
"""How many hours of GPUs one question for series may read: about two seconds of the database's time."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How long each table keeps what it has, microseconds."""

    samples_us: int = 30 * DAY_US
    five_minutes_us: int = 90 * DAY_US


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the choice of a table depends on. `over_fleet`: one of the groups that fleet_stats_1m has, unfiltered;
    `gpu_hours` is what would be read elsewhere."""

    metric: Metric
    aggregations: tuple[Aggregation, ...]
    step_us: int
    age_us: int
    per_gpu: bool
    over_fleet: bool
    gpu_hours: int


def source_of_step(step_us: int) -> Source:
    """The table with the longest cells of one GPU that fit into the step."""
    if step_us % HOUR_US == 0:
        return Source.HOURS
    return Source.FIVE_MINUTES if step_us % FIVE_MINUTES_US == 0 else Source.SAMPLES


def usual_step(
    since: int, until: int, now: int, *, aggregations: Collection[Aggregation], over_fleet: bool, kept: Kept
) -> int:
    """The shortest nice step that makes at most POINTS of [since, until) and that something still kept can answer."""
    shortest = (until - since) / POINTS
    if over_fleet:
        shortest = max(shortest, MINUTE_US)
    if now - since > kept.samples_us or not PERCENTILES.keys().isdisjoint(aggregations):
        shortest = max(shortest, FIVE_MINUTES_US)
    if now - since > kept.five_minutes_us:
        shortest = max(shortest, HOUR_US)
    return next((step for step in NICE_STEPS_US if step >= shortest), NICE_STEPS_US[-1])


def choose(wanted: Wanted, kept: Kept) -> Source:
    """The cheapest table that can answer. Raises BadRequest, with what to ask instead, when none can."""
    _check(wanted)
    if not PERCENTILES.keys().isdisjoint(wanted.aggregations) and wanted.metric.kind is not Kind.COUNTER:
        source = _of_percentiles(wanted, kept)
    elif wanted.over_fleet and _minutes_can(wanted):
        source = Source.FLEET_MINUTES
    else:
        source = source_of_step(wanted.step_us)
    most = MOST_GPU_HOURS.get(source)
    if most is not None and wanted.gpu_hours > most:
        asked = f"{wanted.gpu_hours} hours of GPUs would be read from {source.value} and at most {most} may be"
        raise BadRequest("step" if source is Source.SAMPLES else "since", f"{asked}: {_way_out(source)}")
    return source


def _check(wanted: Wanted) -> None:
    kind, name = wanted.metric.kind, wanted.metric.name
    if kind in {Kind.FLAGS, Kind.ENUMERATION} and set(wanted.aggregations) != {"max"}:
        raise BadRequest("agg", f"{name} is {_A[kind]}, of which only max makes sense: ask with agg=max")
    if not PERCENTILES.keys().isdisjoint(wanted.aggregations) and wanted.step_us % FIVE_MINUTES_US:
        raise BadRequest("step", "p50 and p95 need a step of 300 seconds or a whole multiple of it")


_A = {Kind.FLAGS: "a set of flags", Kind.ENUMERATION: "one of several names"}


def _of_percentiles(wanted: Wanted, kept: Kept) -> Source:
    if not wanted.per_gpu:
        return Source.FIVE_MINUTES
    if wanted.gpu_hours <= MOST_GPU_HOURS[Source.SAMPLES] and wanted.age_us <= kept.samples_us:
        return Source.SAMPLES
    if wanted.step_us < HOUR_US:
        raise BadRequest(
            "step",
            "p50 and p95 of single GPUs over so many hours, or so long ago, are made of 5-minute means: "
            "ask for a step of 3600 seconds or more, or for less",
        )
    return Source.FIVE_MINUTES


def _minutes_can(wanted: Wanted) -> bool:
    """Minutes of the fleet know no flags. Of counters they leave out the steps across full hours, and what the least
    and the most of a GPU was in more than a minute: they answer where the exact tables would be too long."""
    if wanted.step_us % MINUTE_US or wanted.metric.kind is Kind.FLAGS:
        return False
    if wanted.metric.kind is not Kind.COUNTER:
        return True
    adds_up = wanted.step_us == MINUTE_US or set(wanted.aggregations) <= {"avg", "sum"}
    return adds_up and wanted.gpu_hours > MOST_GPU_HOURS[source_of_step(wanted.step_us)]


def _way_out(source: Source) -> str:
    narrower = "narrow it with host, gpu_uuid, gpu_index or model, or ask for less time"
    return f"ask for a step of whole multiples of 300 seconds, or {narrower}" if source is Source.SAMPLES else narrower
