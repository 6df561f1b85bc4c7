"""Against a plain computation in memory: whichever tables retention has cut, whatever is not said to be incomplete is
what was read, and nothing is said to be that is whole."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fakes.clock import START_US
from fakes.fleet import sample
from fakes.postgres import Databases
from fakes.storing import Store, store
from gpufleet_collector.store.history import History, HistoryQuery
from gpufleet_collector.store.packing import Packing
from gpufleet_collector.store.plan import GroupBy, Kept
from gpufleet_collector.store.retention import Keep, Retention
from gpufleet_collector.store.series import SeriesHistory
from gpufleet_collector.store.series_query import SeriesAnswer, SeriesQuery
from gpufleet_collector.store.times import DAY_US, HOUR_US, to_datetime

SECOND = 1_000_000
GPUS = {"GPU-a": "host-1", "GPU-b": "host-1", "GPU-c": "host-2"}
LATER_DAYS = 10
"""Retention of so many days drops what was before START, the midnight of a new month; of one more nothing."""
CUT, UNCUT = LATER_DAYS, LATER_DAYS + 1
STEPS = (60, 420, 300, 12_000, 3600, 5 * 3600)
"""For each table of single GPUs one that lies in START and one that ends there."""
SPAN = (START_US - 10 * HOUR_US, START_US + 10 * HOUR_US)

Reading = tuple[str, int]
"""GPU and second after START."""

readings = st.tuples(st.sampled_from(sorted(GPUS)), st.one_of(st.integers(-7200, 7199), st.integers(-600, 600)))
days = st.sampled_from((CUT, UNCUT))
keeps = st.builds(Keep, samples_days=days, buckets_5m_days=days, buckets_1h_days=days, fleet_days=days)


@dataclass(frozen=True)
class Cut:
    """A store whose tables were cut, and what it was given."""

    made: Store
    kept: Kept
    watts: Mapping[Reading, int]

    def most(self, step: int, group: Mapping[str, str]) -> dict[tuple[str, int], int]:
        """Most power by group and begin of the step, microseconds."""
        found: dict[tuple[str, int], list[int]] = defaultdict(list)
        for (gpu, second), watts in self.watts.items():
            found[group[gpu], start_of(START_US + second * SECOND, step)].append(watts)
        return {key: max(values) for key, values in found.items()}

    async def check(self, *, is_whole: bool) -> None:
        for step in STEPS:
            await self.check_buckets(step, is_whole=is_whole)
            groups: dict[GroupBy, Mapping[str, str]] = {
                "gpu": {gpu: gpu for gpu in GPUS},
                "host": GPUS,
                "fleet": dict.fromkeys(GPUS, ""),
            }
            for by, group in groups.items():
                await self.check_series(step, by, self.most(step, group), is_whole=is_whole)

    async def check_buckets(self, step: int, *, is_whole: bool) -> None:
        history = History(self.made.database, clock=self.made.clock, kept=self.kept)
        query = HistoryQuery(*SPAN, metrics=("power_watts",), limit=10_000, step_us=step * SECOND)
        found = {(one.gpu_uuid, one.start): one for one in await history.buckets(query)}
        expected = self.most(step, {gpu: gpu for gpu in GPUS})
        for key, bucket in found.items():
            assert bucket.values[0] is not None
            assert not bucket.complete or bucket.values[0][2] == expected[key]
            may_be_cut = bucket.start < START_US and not is_whole
            assert bucket.complete or may_be_cut or bucket.start + step * SECOND > self.made.clock.moment.wall_us
        assert found.keys() >= {key for key in expected if key[1] >= START_US or is_whole}

    async def check_series(
        self, step: int, by: GroupBy, expected: Mapping[tuple[str, int], int], *, is_whole: bool
    ) -> None:
        series = SeriesHistory(self.made.database, clock=self.made.clock, kept=self.kept)
        answer = await series.ask(SeriesQuery(*SPAN, ("power_watts",), ("max",), by, step_us=step * SECOND))
        assert final(answer, points(answer)) == final(answer, expected)
        last = start_of(START_US - 1, step) + step * SECOND
        dropped = [part for part in answer.incomplete if part.reason == "dropped"]
        assert all(part.until <= last and not is_whole for part in dropped)


def start_of(instant: int, step: int) -> int:
    return instant // (step * SECOND) * step * SECOND


def points(answer: SeriesAnswer) -> dict[tuple[str, int], float]:
    return {
        (str(next(iter(one.group.values()), "")), start * SECOND): value
        for one in answer.series
        for start, value in zip(one.starts, one.values, strict=True)
    }


def final(answer: SeriesAnswer, found: Mapping[tuple[str, int], float]) -> dict[tuple[str, int], float]:
    """The points that are not said to be incomplete."""
    return {
        key: value
        for key, value in found.items()
        if not any(part.since < key[1] + answer.step_us and key[1] < part.until for part in answer.incomplete)
    }


async def play(dsn: str, found: Sequence[Reading], keep: Keep, *, is_raised: bool) -> None:
    watts = {reading: 100 + number for number, reading in enumerate(dict.fromkeys(found))}
    async with store(dsn) as made:
        for host in sorted(set(GPUS.values())):
            own = [gpu for gpu in GPUS if GPUS[gpu] == host]
            made.declare(host, *own, seconds=-7201)
            read = (sample(gpu, at, power_watts=value) for (gpu, at), value in watts.items() if gpu in own)
            made.offer(host, *read, replayed=True)
        await made.flush()
        first = START_US + min(second for _, second in watts) * SECOND
        await made.rows("UPDATE hosts SET first_seen = $1", to_datetime(first))
        made.clock.advance(3 * 3600)
        packing = Packing(made.database, made.clock, pack_after_hours=0)
        while await packing.step():
            pass
        before = Cut(made, Kept(), watts)
        await before.check(is_whole=True)
        made.clock.advance(LATER_DAYS * 86_400 - 3 * 3600)
        await Retention(made.database, made.clock, keep).sweep()
        kept = (keep.samples_days, keep.buckets_5m_days, keep.buckets_1h_days, keep.fleet_days)
        is_whole = all(days == UNCUT for days in kept) or not any(second < 0 for _, second in watts)
        # What was dropped before more was to be kept is known by the minutes of the fleet that are left of it.
        settings = Kept() if is_raised and keep.fleet_days == UNCUT else Kept(*(round(days * DAY_US) for days in kept))
        await replace(before, kept=settings).check(is_whole=is_whole)


@settings(
    max_examples=8, deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck)
)
@given(found=st.lists(readings, min_size=1, max_size=40), keep=keeps, is_raised=st.booleans())
def test_what_is_not_said_to_be_incomplete_is_what_was_read(
    databases: Databases, migrated_template: str, found: list[Reading], keep: Keep, is_raised: bool
) -> None:
    dsn = databases.create(migrated_template)
    try:
        asyncio.run(play(dsn, found, keep, is_raised=is_raised))
    finally:
        databases.drop(dsn)
