"""Against a plain model: any interleaving of in-order, late, repeated and out-of-order reports, packing, merging,
retention, clock steps, deaths and restarts gives the same `gpu_stats_all`, rollups and fleet minutes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from fakes.clock import START_US, FakeClock
from fakes.derived import Board, Key
from fakes.fleet import agent, inventory, values
from fakes.packed import PackedStore
from fakes.postgres import run_apart
from fakes.storing import Store
from gpufleet_collector.clock import Moment
from gpufleet_collector.model import Gpu, Sample
from gpufleet_collector.store.late import LateMerge
from gpufleet_collector.store.records import HostRecord
from gpufleet_collector.store.retention import Keep, Retention
from gpufleet_collector.store.times import HOUR_US, SECOND_US

BOARDS = (
    Board("NVIDIA H100", labels={"rack": "r1"}),
    Board("NVIDIA A100", labels={"rack": "r2"}),
    Board("NVIDIA A100 MIG 1g.5gb", parent=2, labels={"rack": "r2"}),
)
HOSTS = {"host-1": (1,), "host-2": (2, 3)}
LABELS = ("rack",)
HOURS = 4
WITHIN_AN_HOUR = (0, 1, 30 * SECOND_US, 60 * SECOND_US, 299_999_999, 300 * SECOND_US, 1800 * SECOND_US, HOUR_US - 1)
"""Microseconds: the borders of hours, buckets and minutes, and a little between them."""
CLOCK_STEPS = (-2 * HOUR_US, -SECOND_US, HOUR_US // 2, HOUR_US, 2 * HOUR_US, 3 * HOUR_US)
BEGIN_US = 4 * HOUR_US
"""Two hours are due, the others soon."""
LONGEST_WAIT_US = 50 * HOUR_US
TABLES = (
    "gpu_stats, gpu_stats_packed, gpu_stats_late, gpu_stats_5m, gpu_stats_1h, fleet_stats_1m, placements, gpus, hosts"
)


@dataclass(frozen=True)
class Report:
    """What one host read; a repeated one may have been stored before. `packing` goes on while it is written."""

    samples: tuple[tuple[Key, dict[str, float]], ...]
    repeated: bool = False
    packing: bool = False


@dataclass(frozen=True)
class Again:
    """One of the reports so far, sent again."""

    number: int


@dataclass(frozen=True)
class Death:
    """Another collector dies so long after it was told to end, with a report that its agent then sends again."""

    report: Report
    seconds: float


@dataclass(frozen=True)
class ClockStep:
    microseconds: int


@dataclass(frozen=True)
class Do:
    what: str


reads = st.fixed_dictionaries(
    {},
    optional={
        "temperature_celsius": st.integers(0, 90),
        "power_watts": st.integers(0, 7000).map(lambda tenths: tenths / 10),
        "energy_joules_total": st.one_of(st.integers(0, 1000), st.integers(10**12, 10**12 + 1000)),
        "pcie_replay_total": st.integers(0, 20),
    },
)
instants = st.builds(
    lambda hour, within: START_US + hour * HOUR_US + within,
    st.integers(0, HOURS - 1),
    st.sampled_from(WITHIN_AN_HOUR),
)
keys = st.tuples(st.integers(1, len(BOARDS)), instants)
reports = st.builds(
    Report, st.lists(st.tuples(keys, reads), min_size=1, max_size=8).map(tuple), st.booleans(), st.booleans()
)
steps = st.one_of(
    reports,
    reports,
    st.builds(Again, st.integers(0, 100)),
    st.builds(Death, reports, st.sampled_from([0.0, 0.004, 0.02])),
    st.builds(ClockStep, st.sampled_from(CLOCK_STEPS)),
    st.builds(Do, st.sampled_from(["pack", "retain", "restart"])),
    st.builds(Do, st.sampled_from(["pack", "merge"])),
)


def step_clock(clock: FakeClock, microseconds: int) -> None:
    """The wall clock is set; the monotonic one never goes back."""
    wall, monotonic = clock.moment.wall_us, clock.moment.monotonic
    clock.moment = Moment(wall + microseconds, monotonic + max(0, microseconds) / SECOND_US)


class Collector:
    """The objects of one run of a collector, over a database and by a clock that outlive it."""

    def __init__(self, dsn: str, clock: FakeClock, stop_seconds: float = 10.0) -> None:
        self.store = Store(dsn, clock=clock, stop_seconds=stop_seconds)
        self.reader = PackedStore(dsn, BOARDS, LABELS, clock)
        self.packing = self.reader.packing
        self.merge = LateMerge(self.reader.database, clock, LABELS, merge_seconds=0)
        self.retention = Retention(self.reader.database, clock, Keep())

    def declare(self) -> None:
        for host, numbers in HOSTS.items():
            found = [_gpu(number, BOARDS[number - 1]) for number in numbers]
            labels = BOARDS[numbers[0] - 1].labels
            self.store.writer.declare(HostRecord(host, agent(labels), inventory(*found)))

    def offer(self, report: Report, *, repeated: bool) -> None:
        for host, numbers in HOSTS.items():
            own = [Sample(_uuid(gpu), at, values(**read)) for (gpu, at), read in report.samples if gpu in numbers]
            assert not own or self.store.offer(host, *own, replayed=repeated)

    async def end(self) -> None:
        await self.store.writer.stop()
        await self.store.database.close()
        await self.reader.database.close()


def _uuid(gpu: int) -> str:
    return f"GPU-{gpu}"


def _gpu(number: int, board: Board) -> Gpu:
    parent = None if board.parent is None else _uuid(board.parent)
    return Gpu(_uuid(number), index=number, name=board.model, parent_uuid=parent, state="ok")


class Story:
    """A collector at work, and beside it what ought to be seen."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.clock = FakeClock(START_US + BEGIN_US)
        self.collector = Collector(dsn, self.clock)
        self.seen: dict[Key, dict[str, float]] = {}
        self.told: list[Report] = []
        self.events: set[str] = set()

    async def begin(self) -> None:
        self.collector.declare()
        await self.collector.store.flush()
        found = await self.collector.store.rows("SELECT id, uuid FROM gpus ORDER BY id")
        assert found == [(number, _uuid(number)) for number in range(1, len(BOARDS) + 1)]

    async def take(self, step: object) -> None:
        match step:
            case Report():
                await self.tell(step, repeated=step.repeated)
            case Again(number) if self.told:
                await self.tell(self.told[number % len(self.told)], repeated=True)
            case Death(report, seconds):
                await self.die(report, seconds)
                await self.tell(report, repeated=True)
            case ClockStep(microseconds):
                step_clock(self.clock, microseconds)
            case Do(what):
                await self.do(what)
        assert await self.collector.reader.everything() == self.seen

    async def tell(self, report: Report, *, repeated: bool) -> None:
        self.collector.offer(report, repeated=repeated)
        beside = [self.collector.packing.step(), self.collector.merge.step()] if report.packing else []
        _, *really = await asyncio.gather(self.collector.store.flush(), *beside)
        self.happened("packed or merged beside a report", any(really))
        assert not any(self.collector.store.settled.refusals)
        self.told.append(report)
        for key, read in report.samples:
            self.seen.setdefault(key, read)

    async def die(self, report: Report, seconds: float) -> None:
        other = Collector(self.dsn, self.clock, stop_seconds=seconds)
        await other.store.writer.start()
        other.offer(report, repeated=report.repeated)
        await other.end()

    async def do(self, what: str) -> None:
        match what:
            case "pack":
                self.happened("packed an hour", await self.collector.packing.step())
            case "merge":
                self.happened("merged late samples", await self.collector.merge.step())
            case "retain":
                self.happened("dropped rows", await self.collector.retention.sweep())
            case "restart":
                await self.collector.end()
                self.collector = Collector(self.dsn, self.clock)
                await self.collector.store.writer.start()
                self.happened("restarted", True)

    def happened(self, what: str, really: object) -> None:
        if really:
            self.events.add(what)

    async def finish(self) -> None:
        """Everything is due: it is packed, merged, and its rows go."""
        step_clock(self.clock, LONGEST_WAIT_US)
        hours = {at // HOUR_US for _, at in self.seen}
        for _ in hours:
            await self.collector.packing.step()
        assert not await self.collector.packing.step()
        for _ in hours:
            await self.collector.merge.step()
        assert not await self.collector.merge.step()
        await self.collector.retention.sweep()
        assert (
            await self.collector.reader.query(
                "SELECT gpu_id FROM gpu_stats UNION ALL SELECT gpu_id FROM gpu_stats_late"
            )
            == []
        )
        await self.collector.reader.check(self.seen)


async def example(dsn: str, steps: Sequence[object]) -> set[str]:
    """What happened before the end, where everything does."""
    await _forget_everything(dsn)
    story = Story(dsn)
    await story.collector.store.writer.start()
    try:
        await story.begin()
        for step in steps:
            await story.take(step)
        await story.finish()
    finally:
        await story.collector.end()
    return story.events


async def _forget_everything(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"TRUNCATE {TABLES} RESTART IDENTITY")
    await connection.execute(
        "UPDATE store_watermark SET packed_until = to_timestamp(0), closed_until = to_timestamp(0)"
    )
    await connection.close()


@settings(
    max_examples=12,
    deadline=None,
    # To explain a failure takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.data_too_large, HealthCheck.too_slow],
)
@given(story=st.lists(steps, min_size=8, max_size=24))
def test_any_interleaving_gives_what_a_plain_model_gives(database_url: str, story: list[object]) -> None:
    for what in sorted(run_apart(lambda: example(database_url, story))):
        event(what)


async def test_in_a_story_everything_happens(database_url: str) -> None:
    """The model would agree with a story in which no step does anything."""
    early, late = START_US + HOUR_US - 1, START_US + 1
    happened = await example(
        database_url,
        [
            Report((((1, early), {"energy_joules_total": 10}), ((3, early), {"temperature_celsius": 40}))),
            ClockStep(3 * HOUR_US),
            Do("pack"),
            Report((((1, late), {"energy_joules_total": 20}), ((1, early), {"energy_joules_total": 30}))),
            Do("retain"),
            ClockStep(-2 * HOUR_US),
            Do("restart"),
            Again(1),
            Do("merge"),
            Report((((2, late), {"power_watts": 99.9}),)),
            Report((((2, early), {"power_watts": 0.1}),), packing=True),
        ],
    )
    assert happened == {
        "packed an hour",
        "merged late samples",
        "dropped rows",
        "restarted",
        "packed or merged beside a report",
    }
