"""Answers what charts ask: each metric from the cheapest table that can, all at one moment of the database."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gpufleet_collector.clock import Clock, SystemClock
from gpufleet_collector.errors import BadRequest
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.fleet_series import (
    MOST_GAP_GPU_HOURS,
    MOST_GAP_GPUS,
    MOST_GAPS,
    MOST_RECENT_GPU_HOURS,
    FleetReader,
)
from gpufleet_collector.store.gaps import find_gaps, length, longest
from gpufleet_collector.store.groups import PLACED, Groups, make_groups
from gpufleet_collector.store.history import SETTLE_US
from gpufleet_collector.store.label_minutes import has_minutes
from gpufleet_collector.store.parts import Span
from gpufleet_collector.store.plan import Kept, Limits, Source, Wanted, choose, usual_step
from gpufleet_collector.store.question import Question, question
from gpufleet_collector.store.scope import find_scope
from gpufleet_collector.store.series_query import (
    MOST_POINTS,
    MOST_POINTS_OF_ONE,
    MOST_SERIES,
    Incomplete,
    SeriesAnswer,
    SeriesQuery,
    Settled,
)
from gpufleet_collector.store.series_reading import LOOKBACK_US, Found, GroupReader
from gpufleet_collector.store.stored import Stored, find_stored
from gpufleet_collector.store.times import HOUR_US
from gpufleet_proto.catalog import BY_NAME, Kind

_FEW_GPUS = "SELECT count(*) FROM (SELECT FROM gpus LIMIT CAST(:most AS integer)) AS few"


class SeriesHistory:
    """Questions for charts. An unknown host or GPU has no series."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock | None = None,
        kept: Kept | None = None,
        rollup_labels: Sequence[str] = (),
        limits: Limits | None = None,
    ) -> None:
        """`rollup_labels` are the labels that hours get minutes of when they are packed."""
        self._database = database
        self._clock = clock or SystemClock()
        self._kept = kept or Kept()
        self._labels = frozenset(rollup_labels)
        self._limits = limits or Limits()

    async def ask(self, query: SeriesQuery) -> SeriesAnswer:
        """Raises BadRequest when nothing that is kept can answer or too much would be read, QueryTooLong and
        DatabaseUnavailable."""
        asked = self._settle(query)
        async with question(self._database) as database:
            asked = await _of_whole_minutes(database, asked)
            gaps = await find_gaps(database, asked.span, asked.now) if asked.over_fleet else ()
            everything = await self._groups(database, asked, gaps)
            groups = None if everything is None else everything.page(query.after, _groups_of_page(asked))
            found, incomplete = await self._read(database, asked, groups, gaps)
        if everything is None or groups is None or len(everything.keys) == len(groups.keys):
            return _answer(asked, found, incomplete, None)
        page = {name: series for name, series in found.items() if name[0] in groups.keys}
        more = bool(groups.keys) and groups.keys[-1] != everything.keys[-1]
        return _answer(asked, page, incomplete, groups.keys[-1] if more else None)

    def _settle(self, query: SeriesQuery) -> Settled:
        now = self._clock.now().wall_us
        over_fleet = self._is_over_fleet(query)
        step_us = query.step_us or usual_step(
            query.since, query.until, now, aggregations=query.aggregations, over_fleet=over_fleet, kept=self._kept
        )
        span = query.since // step_us * step_us, -(-query.until // step_us) * step_us
        points = (span[1] - span[0]) // step_us
        if points > MOST_POINTS_OF_ONE:
            raise BadRequest(
                "step", f"would make {points} points and at most {MOST_POINTS_OF_ONE} may be: ask for a longer step"
            )
        asked = Settled(query, step_us, span, now, over_fleet)
        if asked.points * asked.columns > MOST_POINTS:
            raise BadRequest(
                "metrics",
                f"would make more than {MOST_POINTS} points of one group: ask for fewer, or a longer step",
            )
        return asked

    def _is_over_fleet(self, query: SeriesQuery) -> bool:
        if query.hosts or query.gpu_uuids or query.gpu_indexes or (query.models and query.group_by != "model"):
            return False
        return query.group_by in {"fleet", "model"} or (query.group_by == "label" and query.label in self._labels)

    def _source(self, asked: Settled, metric: str, gpus: int) -> Source:
        wanted = Wanted(
            metric=BY_NAME[metric],
            aggregations=asked.query.aggregations,
            step_us=asked.step_us,
            since=asked.span[0],
            now=asked.now,
            per_gpu=asked.query.group_by == "gpu",
            over_fleet=asked.over_fleet,
            gpu_hours=gpus * asked.hours,
        )
        return choose(wanted, self._kept, self._limits)

    async def _groups(self, database: Question, asked: Settled, gaps: Sequence[Span]) -> Groups | None:
        """None when there is no need to know them: minutes of a large fleet answer everything."""
        query = asked.query
        minutes = (self._source(asked, name, 0) is Source.FLEET_MINUTES for name in query.metrics)
        if asked.over_fleet and all(minutes):
            if asked.span[1] <= database.moment.packed_until:
                return None
            most = _most_gpus(gaps)
            ((gpus,),) = await database.fetch(_FEW_GPUS, {"most": most + 1})
            if gpus > most:
                return None
        scope = await find_scope(
            database,
            host_names=query.hosts,
            gpu_uuids=query.gpu_uuids,
            gpu_indexes=query.gpu_indexes,
            gpu_names=query.models,
            label=query.label,
            since=asked.span[0],
            until=asked.span[1],
        )
        placed = bool(query.hosts or query.gpu_indexes) or query.group_by in PLACED
        return make_groups(scope, query.group_by, query.label, placed=placed, span=asked.span)

    async def _read(
        self, database: Question, asked: Settled, groups: Groups | None, gaps: Sequence[Span]
    ) -> tuple[Found, set[Incomplete]]:
        found, incomplete = Found(), set(_open(asked))
        sources: dict[Source, list[str]] = {}
        for name in asked.query.metrics:
            source = self._source(asked, name, 0 if groups is None else groups.gpus)
            sources.setdefault(source, []).append(name)
        for source, metrics in sources.items():
            stored = await self._stored(database, asked, source, metrics)
            incomplete |= set(_dropped(asked, stored, metrics))
            reader: FleetReader | GroupReader
            if source is Source.FLEET_MINUTES or groups is None:
                reader = FleetReader(database, asked, groups, gaps)
            else:
                reader = GroupReader(database, asked, groups, source, stored.samples_from)
            found |= await reader.read(metrics)
            incomplete |= reader.incomplete
        return found, incomplete

    async def _stored(self, database: Question, asked: Settled, source: Source, metrics: Sequence[str]) -> Stored:
        since, until = asked.span
        lookback = LOOKBACK_US if _has_counters(metrics) else 0
        return await find_stored(database, (max(0, since - lookback), until), source, self._kept, asked.now)


async def _of_whole_minutes(database: Question, asked: Settled) -> Settled:
    """Single GPUs are asked where the label has no minutes for some of the time."""
    label = asked.query.label
    if label is None or not asked.over_fleet or await has_minutes(database, label, asked.span):
        return asked
    return replace(asked, over_fleet=False)


def _most_gpus(gaps: Sequence[Span]) -> int:
    """Of so many what is not packed may be little enough to be computed: an hour of all of it, or what is in gaps."""
    if not gaps:
        return MOST_RECENT_GPU_HOURS
    of_gaps = MOST_GAP_GPU_HOURS * HOUR_US // length(longest(gaps, MOST_GAPS))
    return max(MOST_RECENT_GPU_HOURS, min(of_gaps, MOST_GAP_GPUS))


def _groups_of_page(asked: Settled) -> int:
    fitting = MOST_POINTS // max(1, asked.points * asked.columns)
    return max(1, min(asked.query.limit, MOST_SERIES, fitting))


def _open(asked: Settled) -> list[Incomplete]:
    since, until = asked.span
    settled = max(since, (asked.now - SETTLE_US) // asked.step_us * asked.step_us)
    return [Incomplete(settled, until, "open")] if settled < until else []


def _dropped(asked: Settled, stored: Stored, metrics: Sequence[str]) -> Iterator[Incomplete]:
    """The first step of a counter that is whole misses how much it grew since the last value before, which is gone."""
    since, until = asked.span
    last = stored.whole_from if _has_counters(metrics) else stored.whole_from - 1
    end = min(until, (last // asked.step_us + 1) * asked.step_us)
    if stored.whole_from and since < end:
        yield Incomplete(since, end, "dropped")


def _has_counters(metrics: Sequence[str]) -> bool:
    return any(BY_NAME[name].kind is Kind.COUNTER for name in metrics)


def _answer(asked: Settled, found: Found, incomplete: set[Incomplete], next_after: str | None) -> SeriesAnswer:
    query, (since, until) = asked.query, asked.span
    keys = sorted({key for key, _, _ in found})
    series = [
        found[key, metric, kind]
        for key in keys
        for metric in query.metrics
        for kind in query.aggregations
        if (key, metric, kind) in found
    ]
    ordered = sorted(incomplete, key=lambda part: (part.since, part.until, part.reason))
    return SeriesAnswer(since, until, asked.step_us, series, ordered, next_after)
