"""Against a plain computation in memory: whichever tables hold the samples, before, while and after hours are packed,
and with late ones waiting, history and series say the same."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import mean

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fakes.clock import START_US
from fakes.fleet import sample
from fakes.postgres import Databases
from fakes.storing import Store, store
from gpufleet_collector.model import METRIC_INDEX, Gpu, Sample
from gpufleet_collector.store import fleet_series
from gpufleet_collector.store import series as series_module
from gpufleet_collector.store.history import History, HistoryQuery
from gpufleet_collector.store.packing import Packing
from gpufleet_collector.store.plan import Aggregation, GroupBy
from gpufleet_collector.store.series import SeriesHistory
from gpufleet_collector.store.series_query import SeriesAnswer, SeriesQuery
from gpufleet_collector.store.times import HOUR_US

SECOND = 1_000_000
HOURS = 4
METRICS = ("temperature_celsius", "power_watts", "energy_joules_total")
GPUS = ("GPU-a", "GPU-b", "GPU-c")

Points = dict[tuple[str, int], float]
"""Of groups, by key and start (seconds)."""


@dataclass(frozen=True)
class Taken:
    """A sample as a test draws it: which GPU, in which second, and its values (None: absent)."""

    gpu: int
    second: int
    temperature: int | None
    tenths_of_watts: int | None
    joules: int | None

    def sample(self) -> Sample:
        named: dict[str, float] = {}
        if self.temperature is not None:
            named["temperature_celsius"] = self.temperature
        if self.tenths_of_watts is not None:
            named["power_watts"] = self.tenths_of_watts / 10
        if self.joules is not None:
            named["energy_joules_total"] = self.joules
        return sample(GPUS[self.gpu], self.second, **named)


taken = st.builds(
    Taken,
    st.integers(0, 2),
    # Close to each other in places, for several in a cell, and on edges of cells.
    st.one_of(st.integers(0, HOURS * 3600 - 1), st.integers(0, HOURS * 12 - 1).map(lambda cell: cell * 300)),
    st.one_of(st.none(), st.integers(20, 90)),
    st.one_of(st.none(), st.integers(0, 9000)),
    st.one_of(st.none(), st.integers(0, 10**9)),
)


def start_of(instant: int, step: int) -> int:
    return instant // (step * SECOND) * step


def by_bucket(samples: Iterable[Sample], step: int) -> dict[tuple[str, int], list[Sample]]:
    """Samples of each GPU and step, in order of time."""
    found: dict[tuple[str, int], list[Sample]] = defaultdict(list)
    for one in sorted(samples, key=lambda one: one.recorded_at):
        found[one.gpu_uuid, start_of(one.recorded_at, step)].append(one)
    return found


def of_metric(samples: Iterable[Sample], metric: str) -> list[float]:
    values = (one.values[METRIC_INDEX[metric]] for one in samples)
    return [value for value in values if value is not None]


def gpu_values(samples: Sequence[Sample], metric: str, step: int, pick: Callable[[list[float]], float]) -> Points:
    buckets = by_bucket(samples, step)
    values = {key: of_metric(found, metric) for key, found in buckets.items()}
    return {key: pick(found) for key, found in values.items() if found}


def increases(samples: Sequence[Sample], metric: str, step: int) -> Points:
    """What each GPU's counter grew in each step, an hour looked back."""
    found: Points = defaultdict(float)
    for gpu in GPUS:
        ordered = sorted((one for one in samples if one.gpu_uuid == gpu), key=lambda one: one.recorded_at)
        known = [one for one in ordered if one.values[METRIC_INDEX[metric]] is not None]
        for before, after in pairwise(known):
            (old,), (new,) = of_metric([before], metric), of_metric([after], metric)
            found[gpu, start_of(after.recorded_at, step)] += new - old if new >= old else new
    return found


def over_gpus(values: Points, pick: Callable[[list[float]], float], group: Callable[[str], str]) -> Points:
    groups: dict[tuple[str, int], list[float]] = defaultdict(list)
    for (gpu, start), value in values.items():
        groups[group(gpu), start].append(value)
    return {key: pick(found) for key, found in groups.items()}


def points_of(answer: SeriesAnswer, metric: str, kind: str) -> Points:
    found: Points = {}
    for series in answer.series:
        if (series.metric, series.aggregation) == (metric, kind):
            key = next(iter(series.group.values()), "")
            found |= {(str(key), start): value for start, value in zip(series.starts, series.values, strict=True)}
    return found


def final(answer: SeriesAnswer, points: Points) -> Points:
    """The points that no late sample waits for."""
    missing = [(part.since // SECOND, part.until // SECOND) for part in answer.incomplete if part.reason == "late"]
    return {
        (key, start): value
        for (key, start), value in points.items()
        if not any(since < start + answer.step_us // SECOND and start < until for since, until in missing)
    }


def same(found: Points, expected: Points) -> None:
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, rel=2e-6, abs=2e-3)


@dataclass
class Asking:
    """Every question whose answer must not depend on where samples are."""

    made: Store
    samples: Sequence[Sample]

    def __post_init__(self) -> None:
        self.history = History(self.made.database, clock=self.made.clock)
        self.series = SeriesHistory(self.made.database, clock=self.made.clock)

    async def check(self) -> list[object]:
        answers: list[object] = [await self.check_samples()]
        for step, since, until in ((300, 0, HOURS * 3600), (3600, 0, HOURS * 3600), (420, 100, 9000), (900, 131, 7331)):
            answers.append(await self.check_buckets(step, since, until))
        for step in (300, 3600, 60, 420):
            await self.check_gauges(step)
            await self.check_counter(step)
        return answers

    async def check_samples(self) -> object:
        query = HistoryQuery(START_US, START_US + HOURS * HOUR_US, metrics=METRICS, limit=10_000)
        found = await self.history.samples(query)
        expected = sorted((one.recorded_at, one.gpu_uuid) for one in self.samples)
        assert [(row.recorded_at, row.gpu_uuid) for row in found] == expected
        by_key = {(one.recorded_at, one.gpu_uuid): one for one in self.samples}
        for row in found:
            values = by_key[row.recorded_at, row.gpu_uuid].values
            assert row.values == tuple(values[METRIC_INDEX[name]] for name in METRICS)
        return found

    async def check_buckets(self, step: int, since: int, until: int) -> object:
        begin, end = START_US + since * SECOND, START_US + until * SECOND
        query = HistoryQuery(begin, end, metrics=METRICS, limit=10_000, step_us=step * SECOND)
        found = await self.history.buckets(query)
        expected = by_bucket((one for one in self.samples if begin <= one.recorded_at < end), step)
        assert {(row.gpu_uuid, row.start // SECOND): row.count for row in found} == {
            key: len(bucket) for key, bucket in expected.items()
        }
        for row in found:
            bucket = expected[row.gpu_uuid, row.start // SECOND]
            for metric, value in zip(METRICS, row.values, strict=True):
                values = of_metric(bucket, metric)
                assert (value is None) is (not values)
                if value is not None:
                    assert value == pytest.approx((mean(values), min(values), max(values)), rel=1e-6, abs=1e-3)
        return found

    async def ask(
        self, metric: str, kinds: tuple[Aggregation, ...], step: int, group_by: GroupBy = "fleet", **filters: object
    ) -> SeriesAnswer:
        query = SeriesQuery(START_US, START_US + HOURS * HOUR_US, (metric,), kinds, group_by, step_us=step * SECOND)
        return await self.series.ask(replace(query, **filters))  # type: ignore[arg-type]

    async def check_gauges(self, step: int) -> None:
        metric = "power_watts"
        means = gpu_values(self.samples, metric, step, mean)
        most = gpu_values(self.samples, metric, step, max)
        answer = await self.ask(metric, ("avg", "max"), step, "gpu")
        same(points_of(answer, metric, "avg"), means)
        same(points_of(answer, metric, "max"), most)
        # With a filter it is the GPUs that are summed up, over the whole step.
        answer = await self.ask(metric, ("avg", "sum", "max"), step, hosts=("host-1", "host-2"))
        same(points_of(answer, metric, "avg"), over_gpus(means, mean, lambda gpu: ""))
        same(points_of(answer, metric, "sum"), over_gpus(means, sum, lambda gpu: ""))
        same(points_of(answer, metric, "max"), over_gpus(most, max, lambda gpu: ""))
        answer = await self.ask(metric, ("sum",), step, "host")
        same(points_of(answer, metric, "sum"), over_gpus(means, sum, host_of))
        if step % 60 == 0:
            # Without one, minutes are.
            minutes = over_gpus(gpu_values(self.samples, metric, 60, mean), sum, lambda gpu: "")
            answer = await self.ask(metric, ("sum",), step)
            steps: dict[tuple[str, int], list[float]] = defaultdict(list)
            for (_, start), total in minutes.items():
                steps["", start // step * step].append(total)
            expected = {key: mean(totals) for key, totals in steps.items()}
            # They get late samples when these are merged, and say until then where some are missing.
            same(final(answer, points_of(answer, metric, "sum")), final(answer, expected))

    async def check_counter(self, step: int) -> None:
        metric = "energy_joules_total"
        answer = await self.ask(metric, ("sum",), step, "gpu")
        expected = increases(self.samples, metric, step)
        found = points_of(answer, metric, "sum")
        # A gap of more than the hour looked back before the first sample is no difference here: all begins with START.
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-3)
        same(
            points_of(await self.ask(metric, ("sum", "max"), step, "host"), metric, "max"),
            over_gpus(expected, max, host_of),
        )


def host_of(gpu: str) -> str:
    return "host-2" if gpu == "GPU-c" else "host-1"


async def play(dsn: str, found: Sequence[Taken], late: Sequence[Taken]) -> None:
    async with store(dsn) as made:
        made.declare("host-1", Gpu("GPU-a", 0, "NVIDIA H200"), Gpu("GPU-b", 1, "NVIDIA H200"), seconds=-1)
        made.declare("host-2", Gpu("GPU-c", 0, "NVIDIA L4"), seconds=-1)
        samples = {(one.gpu, one.second): one.sample() for one in found}
        for host, gpus in (("host-1", (0, 1)), ("host-2", (2,))):
            made.offer(host, *(one for (gpu, _), one in samples.items() if gpu in gpus), replayed=True)
        await made.flush()
        made.clock.advance(HOURS * 3600 + 60)
        asking = Asking(made, list(samples.values()))
        rows = await asking.check()
        packing = Packing(made.database, made.clock, pack_after_hours=0)
        while await packing.step():
            assert await asking.check() == rows
        for one in late:
            samples.setdefault((one.gpu, one.second), one.sample())
        await come_late(made, late)
        await Asking(made, list(samples.values())).check()


async def come_late(made: Store, late: Sequence[Taken]) -> None:
    """As a writer does with samples of closed hours."""
    for one in {(one.gpu, one.second): one for one in reversed(late)}.values():
        found = one.sample()
        await made.rows(
            "INSERT INTO gpu_stats_late (gpu_id, recorded_at, temperature_celsius, power_watts, energy_joules_total)"
            " SELECT id, timestamptz '2026-01-01 00:00Z' + $2 * interval '1 second', $3::int, $4::real, $5::float8"
            " FROM gpus WHERE uuid = $1",
            found.gpu_uuid,
            float(one.second),
            *(found.values[METRIC_INDEX[name]] for name in METRICS),
        )


@settings(
    max_examples=4, deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck)
)
@given(found=st.lists(taken, min_size=1, max_size=60), late=st.lists(taken, max_size=4), is_large=st.booleans())
def test_the_answer_does_not_depend_on_where_samples_are(
    databases: Databases, migrated_template: str, found: list[Taken], late: list[Taken], is_large: bool
) -> None:
    """Of a large fleet what is not packed has no minutes here: all of it was replayed."""
    dsn = databases.create(migrated_template)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for module in (fleet_series, series_module) if is_large else ():
                patch.setattr(module, "MOST_RECENT_GPU_HOURS", 0)
            asyncio.run(play(dsn, found, late))
    finally:
        databases.drop(dsn)
