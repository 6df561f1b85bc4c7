"""Series for charts: groups, percentiles, MIG instances, pages and limits, and what is not final is said."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from fakes.clock import START_US
from fakes.fleet import agent, inventory, sample
from fakes.storing import Store, store
from gpufleet_collector.errors import BadRequest
from gpufleet_collector.model import Gpu
from gpufleet_collector.store import celling, fleet_series, late_sql, plan, series_reading
from gpufleet_collector.store import series as series_module
from gpufleet_collector.store.packing import Packing
from gpufleet_collector.store.partitions import FLEET_STATS_1M, PartitionKeeper
from gpufleet_collector.store.plan import MINUTE_US, GroupBy, Source
from gpufleet_collector.store.records import HostRecord
from gpufleet_collector.store.series import SeriesHistory
from gpufleet_collector.store.series_query import Incomplete, Series, SeriesAnswer, SeriesQuery
from gpufleet_collector.store.times import HOUR_US

SECOND = 1_000_000
START = START_US // SECOND
HOUR = SeriesQuery(START_US, START_US + HOUR_US, ("power_watts",), step_us=300 * SECOND)


@pytest.fixture
async def made(database_url: str) -> AsyncIterator[Store]:
    async with store(database_url) as made:
        made.clock.advance(2 * 3600)
        yield made


@pytest.fixture
def series(made: Store) -> SeriesHistory:
    return SeriesHistory(made.database, clock=made.clock, rollup_labels=("pool",))


async def pack(made: Store) -> None:
    packing = Packing(made.database, made.clock, pack_after_hours=0, rollup_labels=("pool",))
    while await packing.step():
        pass


def lines(answer: SeriesAnswer) -> dict[object, list[tuple[int, float]]]:
    """Points (seconds after START, value) by the first word that describes the group."""
    return {next(iter(one.group.values()), ""): points(one) for one in answer.series}


def points(one: Series) -> list[tuple[int, float]]:
    return [(start - START, value) for start, value in zip(one.starts, one.values, strict=True)]


async def two_hosts(made: Store) -> None:
    """Two H200 in host-1 of the pool `train`, an L4 in host-2 of the pool `serve`, one in host-3 of none."""
    for host, pool, gpus in (
        ("host-1", {"pool": "train"}, (Gpu("GPU-a", 0, "H200"), Gpu("GPU-b", 1, "H200"))),
        ("host-2", {"pool": "serve"}, (Gpu("GPU-c", 0, "L4"),)),
        ("host-3", {}, (Gpu("GPU-d", 0, "L4"),)),
    ):
        made.writer.declare(HostRecord(host, agent(pool), inventory(*gpus, seconds=-1)))
        for number, gpu in enumerate(gpus):
            watts = {"host-1": 100, "host-2": 10, "host-3": 1}[host] * (number + 1)
            made.offer(host, *(sample(gpu.uuid, second, power_watts=watts) for second in (0, 30, 310)))
    await made.flush()


@pytest.mark.parametrize("packed", [False, True])
async def test_groups(made: Store, series: SeriesHistory, packed: bool) -> None:
    await two_hosts(made)
    if packed:
        await pack(made)
    summed = replace(HOUR, aggregations=("sum",))
    assert lines(await series.ask(summed)) == {"": [(0, 311), (300, 311)]}
    assert lines(await series.ask(replace(summed, group_by="model"))) == {
        "H200": [(0, 300), (300, 300)],
        "L4": [(0, 11), (300, 11)],
    }
    assert lines(await series.ask(replace(summed, group_by="model", models=("L4",)))) == {"L4": [(0, 11), (300, 11)]}
    assert lines(await series.ask(replace(summed, models=("L4",)))) == {"": [(0, 11), (300, 11)]}
    assert lines(await series.ask(replace(summed, group_by="host", hosts=("host-1", "host-3")))) == {
        "host-1": [(0, 300), (300, 300)],
        "host-3": [(0, 1), (300, 1)],
    }
    by_label = await series.ask(replace(summed, group_by="label", label="pool"))
    assert [(one.group, points(one)) for one in by_label.series] == [
        ({"label": "pool", "value": "serve"}, [(0, 10), (300, 10)]),
        ({"label": "pool", "value": "train"}, [(0, 300), (300, 300)]),
    ]
    (one,) = (await series.ask(replace(HOUR, group_by="gpu", gpu_indexes=(1,)))).series
    assert one.group == {"gpu_uuid": "GPU-b", "host": "host-1", "gpu_index": 1, "gpu_name": "H200"}
    assert (await series.ask(replace(HOUR, hosts=("host-9",)))).series == []


async def test_a_label_without_minutes_is_summed_up_from_gpus(made: Store) -> None:
    await two_hosts(made)
    await pack(made)
    without = SeriesHistory(made.database, clock=made.clock)
    answer = await without.ask(replace(HOUR, group_by="label", label="pool", aggregations=("sum",)))
    assert [(one.group["value"], points(one)) for one in answer.series if isinstance(one, Series)] == [
        ("serve", [(0, 10), (300, 10)]),
        ("train", [(0, 300), (300, 300)]),
    ]
    assert {one.source for one in answer.series} == {Source.FIVE_MINUTES}


@pytest.mark.parametrize("which", ["before the label was added", "by another collector"])
async def test_hours_that_were_packed_without_a_label_are_summed_up_from_gpus(
    made: Store, series: SeriesHistory, which: str
) -> None:
    await two_hosts(made)
    made.offer("host-1", *(sample("GPU-a", second, power_watts=50) for second in (3600, 3900)))
    await made.flush()
    first, second = (("pool",), ()) if which == "by another collector" else ((), ("pool",))
    for labels in (first, second):
        assert await Packing(made.database, made.clock, pack_after_hours=0, rollup_labels=labels).step()
    asked = replace(HOUR, until=START_US + 2 * HOUR_US, group_by="label", label="pool", aggregations=("sum",))
    answer = await series.ask(asked)
    assert [(one.group["value"], points(one)) for one in answer.series] == [
        ("serve", [(0, 10), (300, 10)]),
        ("train", [(0, 300), (300, 300), (3600, 50), (3900, 50)]),
    ]
    assert {one.source for one in answer.series} == {Source.FIVE_MINUTES}
    hour = 0 if first else 1
    asked = replace(asked, since=START_US + hour * HOUR_US, until=START_US + (hour + 1) * HOUR_US)
    assert {one.source for one in (await series.ask(asked)).series} == {Source.FLEET_MINUTES}


async def test_several_metrics_and_aggregations_in_one_answer(made: Store, series: SeriesHistory) -> None:
    made.declare("host-1", "GPU-a")
    made.offer("host-1", *(sample("GPU-a", at, power_watts=at, energy_joules_total=1000 + at) for at in (0, 60, 310)))
    made.offer("host-1", sample("GPU-a", 360, energy_joules_total=7))
    await made.flush()
    asked = replace(HOUR, metrics=("energy_joules_total", "power_watts"), aggregations=("max", "avg"))
    for _ in range(2):
        found = {(one.metric, one.aggregation): points(one) for one in (await series.ask(asked)).series}
        assert found == {
            ("energy_joules_total", "max"): [(0, 60), (300, 257)],
            ("energy_joules_total", "avg"): [(0, 60), (300, 257)],
            ("power_watts", "max"): [(0, 60), (300, 310)],
            ("power_watts", "avg"): [(0, 30), (300, 310)],
        }
        await pack(made)


async def test_the_first_step_of_a_counter_knows_what_was_before(made: Store, series: SeriesHistory) -> None:
    made.declare("host-1", "GPU-a")
    made.offer("host-1", *(sample("GPU-a", at, energy_joules_total=at) for at in (290, 400)))
    await made.flush()
    asked = replace(HOUR, metrics=("energy_joules_total",), since=START_US + 300 * SECOND, group_by="gpu")
    for _ in range(2):
        assert lines(await series.ask(asked)) == {"GPU-a": [(300, 110)]}
        await pack(made)


async def test_percentiles_of_one_gpu_are_of_its_samples_and_of_more_of_their_means(
    made: Store, series: SeriesHistory
) -> None:
    made.declare("host-1", "GPU-a", "GPU-b")
    for second in range(0, 300, 3):
        made.offer("host-1", sample("GPU-a", second, power_watts=second / 3), sample("GPU-b", second, power_watts=1000))
    await made.flush()
    asked = replace(HOUR, aggregations=("p50", "p95"))
    for _ in range(2):
        answer = await series.ask(replace(asked, group_by="gpu", gpu_uuids=("GPU-a",)))
        assert [points(one) for one in answer.series] == [[(0, 49.5)], [(0, 94.05)]]
        assert {(one.source, one.cell_us) for one in answer.series} == {(Source.SAMPLES, None)}
        answer = await series.ask(asked)
        assert [points(one) for one in answer.series] == [[(0, 524.75)], [(0, 952.475)]]
        assert {(one.source, one.cell_us) for one in answer.series} == {(Source.FIVE_MINUTES, 300 * SECOND)}
        await pack(made)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("hosts", [(), ("host-1",)])
async def test_a_mig_instance_counts_where_its_parent_has_no_value(
    made: Store, series: SeriesHistory, packed: bool, hosts: tuple[str, ...]
) -> None:
    parent = Gpu("GPU-a", 0, "H200", state="ok")
    made.declare("host-1", parent, Gpu("MIG-1", 0, "H200 MIG", parent_uuid="GPU-a", state="ok"))
    for second, whole in ((0, {"sm_active_percent": 50}), (300, {})):
        made.offer("host-1", sample("GPU-a", second, power_watts=500, **whole))
        made.offer("host-1", sample("MIG-1", second, power_watts=90, sm_active_percent=10))
    await made.flush()
    if packed:
        await pack(made)
    asked = replace(HOUR, metrics=("power_watts", "sm_active_percent"), aggregations=("sum",), hosts=hosts)
    power, activity = (await series.ask(asked)).series
    assert points(power) == [(0, 500), (300, 500)]
    assert points(activity) == [(0, 50), (300, 10)]
    alone = await series.ask(replace(asked, gpu_uuids=("MIG-1",)))
    assert [points(one) for one in alone.series] == [[(0, 90), (300, 90)], [(0, 10), (300, 10)]]


async def test_pages_together_are_the_whole(
    made: Store, series: SeriesHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two_hosts(made)
    asked = replace(HOUR, group_by="gpu")
    whole = await series.ask(asked)
    assert (len(whole.series), whole.next_after) == (4, None)
    first = await series.ask(replace(asked, limit=3))
    rest = await series.ask(replace(asked, limit=3, after=first.next_after))
    assert [*first.series, *rest.series] == whole.series
    assert (first.next_after, rest.next_after) == ("GPU-c", None)
    monkeypatch.setattr(series_module, "MOST_POINTS", 30)
    assert len((await series.ask(asked)).series) == 2


async def test_what_would_be_too_much_is_refused(made: Store, series: SeriesHistory) -> None:
    with pytest.raises(BadRequest, match="11001 points") as refused:
        await series.ask(replace(HOUR, step_us=SECOND, until=START_US + 11_001 * SECOND))
    assert refused.value.parameter == "step"
    with pytest.raises(BadRequest, match="fewer"):
        many = ("power_watts", "temperature_celsius", "sm_clock_mhz", "gpu_utilization_percent", "memory_used_mb")
        long = replace(HOUR, step_us=SECOND, until=START_US + 10_000 * SECOND)
        await series.ask(replace(long, metrics=many, aggregations=("avg", "min", "max", "sum", "p50")))


async def test_a_step_that_may_still_grow_is_open(made: Store, series: SeriesHistory) -> None:
    await two_hosts(made)
    made.clock.moment = made.clock.moment._replace(wall_us=START_US + 610 * SECOND)
    answer = await series.ask(replace(HOUR, group_by="host"))
    assert answer.incomplete == [Incomplete(START_US + 300 * SECOND, START_US + HOUR_US, "open")]
    assert answer.complete_until == START_US + 300 * SECOND
    made.clock.advance(5)
    assert (await series.ask(replace(HOUR, group_by="host"))).complete_until == START_US + 600 * SECOND


async def come_late(made: Store, second: float = 1) -> None:
    await made.rows(
        "INSERT INTO gpu_stats_late (gpu_id, recorded_at, power_watts)"
        " SELECT id, timestamptz '2026-01-01 00:00Z' + $1 * interval '1 second', 701 FROM gpus WHERE uuid = 'GPU-a'",
        second,
    )


async def test_late_samples_count_or_are_said_to_be_missing(
    made: Store, series: SeriesHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two_hosts(made)
    await pack(made)
    await come_late(made)
    one = replace(HOUR, group_by="gpu", gpu_uuids=("GPU-a",), aggregations=("max",))
    answer = await series.ask(one)
    assert (lines(answer), answer.incomplete) == ({"GPU-a": [(0, 701), (300, 100)]}, [])
    fleet = await series.ask(HOUR)
    assert Incomplete(START_US, START_US + HOUR_US, "late") in fleet.incomplete
    assert fleet.complete_until == START_US
    monkeypatch.setattr(celling, "MOST_REDO_GPU_HOURS", 0)
    answer = await series.ask(one)
    assert lines(answer) == {"GPU-a": [(0, 100), (300, 100)]}
    assert answer.incomplete == [Incomplete(START_US, START_US + 300 * SECOND, "late")]
    monkeypatch.setattr(late_sql, "MOST_LATE_SAMPLES", 1)
    assert (await series.ask(one)).incomplete == [Incomplete(START_US, START_US + HOUR_US, "late")]


async def test_hours_that_are_too_much_to_compute_are_left_out_and_said(
    made: Store, series: SeriesHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two_hosts(made)
    monkeypatch.setattr(series_reading, "MOST_RECENT_GPU_HOURS", 3)
    answer = await series.ask(replace(HOUR, group_by="host"))
    assert answer.series == []
    assert answer.incomplete == [Incomplete(START_US, START_US + HOUR_US, "not_packed")]
    await pack(made)
    assert len((await series.ask(replace(HOUR, group_by="host"))).series) == 3


async def test_estimates_of_a_large_fleet_are_taken_and_said(
    made: Store, series: SeriesHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two_hosts(made)
    await pack(made)
    await made.rows("UPDATE fleet_stats_1m SET exact = false, power_watts_sum = 7 WHERE scope = 'fleet'")
    await made.rows("UPDATE store_watermark SET packed_until = '1970-01-01Z'")
    for module in (fleet_series, series_module):
        monkeypatch.setattr(module, "MOST_RECENT_GPU_HOURS", 3)
    answer = await series.ask(replace(HOUR, aggregations=("sum",)))
    assert lines(answer) == {"": [(0, 7), (300, 7)]}
    assert answer.incomplete == [Incomplete(START_US, START_US + HOUR_US, "estimated")]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four GPUs are many."""
    for module in (fleet_series, series_module):
        monkeypatch.setattr(module, "MOST_RECENT_GPU_HOURS", 3)


async def estimates(made: Store, *minutes: int) -> None:
    """What a collector took from live values in these minutes after START: 7 W in all."""
    await PartitionKeeper(made.database).ensure(FLEET_STATS_1M, [FLEET_STATS_1M.number(START_US)])
    for minute in minutes:
        await made.rows(
            "INSERT INTO fleet_stats_1m (scope, key, value, minute, exact, gpus, samples, power_watts_sum,"
            " power_watts_gpus) VALUES ('fleet', '', '', timestamptz '2026-01-01 00:00Z' + $1 * interval '1 minute',"
            " false, 4, 4, 7, 4)",
            float(minute),
        )


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("group_by", ["fleet", "model"])
async def test_what_was_replayed_and_made_no_minutes_is_computed(
    made: Store, series: SeriesHistory, group_by: GroupBy
) -> None:
    await two_hosts(made)
    asked = replace(HOUR, aggregations=("sum",), group_by=group_by)
    answer = await series.ask(asked)
    await pack(made)
    exact = await series.ask(asked)
    assert lines(answer) == lines(exact)
    assert answer.incomplete == exact.incomplete == []
    assert {one.source for one in answer.series} == {Source.FLEET_MINUTES}


@pytest.mark.usefixtures("large")
async def test_a_hole_between_estimates_is_computed_and_they_are_said(made: Store, series: SeriesHistory) -> None:
    await two_hosts(made)
    await estimates(made, 0, *range(10, 60))
    answer = await series.ask(replace(HOUR, aggregations=("sum",), until=START_US + 900 * SECOND))
    assert lines(answer) == {"": [(0, 7), (300, 311), (600, 7)]}
    assert answer.incomplete == [Incomplete(START_US, START_US + 900 * SECOND, "estimated")]


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("limit", ["MOST_GAP_GPU_HOURS", "MOST_GAPS", "MOST_GAP_GPUS"])
async def test_a_hole_that_is_too_much_to_compute_is_said(
    made: Store, series: SeriesHistory, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    await two_hosts(made)
    for module in (fleet_series, series_module):
        monkeypatch.setattr(module, limit, 1)
    await estimates(made, 0, 1, *range(4, 20))
    answer = await series.ask(replace(HOUR, aggregations=("sum",)))
    assert lines(answer) == {"": [(0, 7), *((start, 7) for start in (300, 600, 900))]}
    holes = [(2, 4)] if limit == "MOST_GAPS" else [(2, 4), (20, 60)]
    assert answer.incomplete == [
        Incomplete(START_US, START_US + HOUR_US, "estimated"),
        *(Incomplete(START_US + begin * MINUTE_US, START_US + end * MINUTE_US, "not_packed") for begin, end in holes),
    ]
    assert answer.complete_until == START_US


@pytest.mark.usefixtures("large")
async def test_a_counter_is_not_computed_for_minutes_and_that_is_said(
    made: Store, series: SeriesHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two_hosts(made)
    monkeypatch.setitem(plan.TIMES_AS_MANY, Source.FIVE_MINUTES, 0)
    answer = await series.ask(replace(HOUR, metrics=("energy_joules_total",), aggregations=("sum",)))
    assert answer.incomplete == [Incomplete(START_US, START_US + HOUR_US, "not_packed")]


@pytest.mark.usefixtures("large")
async def test_a_label_that_has_no_estimates_is_not_told_to_be_complete(made: Store, series: SeriesHistory) -> None:
    await two_hosts(made)
    await estimates(made, *range(60))
    answer = await series.ask(replace(HOUR, group_by="label", label="pool"))
    assert (answer.series, answer.incomplete) == ([], [Incomplete(START_US, START_US + HOUR_US, "estimated")])


@pytest.mark.usefixtures("large")
async def test_the_minute_that_is_still_to_be_written_is_no_hole(made: Store, series: SeriesHistory) -> None:
    await two_hosts(made)
    await estimates(made, *range(58))
    made.clock.moment = made.clock.moment._replace(wall_us=START_US + 60 * MINUTE_US + 30 * SECOND)
    answer = await series.ask(replace(HOUR, step_us=60 * SECOND))
    assert answer.incomplete == [Incomplete(START_US, START_US + HOUR_US, "estimated")]
