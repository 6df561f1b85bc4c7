"""Against a plain model: whatever the order of reports and inventories, every (GPU, instant) is stored once with its
first value, and no GPU is in two places at once."""

import asyncio
from itertools import pairwise

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.fleet import sample
from fakes.postgres import run_apart
from fakes.storing import Store, store

HOSTS, GPUS = ["host-0", "host-1"], ["GPU-a", "GPU-b", "GPU-c"]

UNDECLARED = "GPU-x"

samples = st.tuples(st.integers(0, 3), st.integers(0, 6))
reports = st.tuples(st.just("report"), st.sampled_from(HOSTS), st.lists(samples, min_size=1, max_size=5), st.booleans())
inventories = st.tuples(
    st.just("inventory"), st.sampled_from(HOSTS), st.lists(st.sampled_from(GPUS), unique=True), st.integers(-5, 8)
)
steps = st.one_of(reports, reports, inventories, st.just(("flush",)))


class Model:
    """What ought to be in the database."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, int], int] = {}
        self.refused = 0
        self.inventories: dict[str, list[str]] = {host: [] for host in HOSTS}
        self.pending: list[tuple[str, int, int]] = []

    def flush(self) -> None:
        for gpu, instant, value in self.pending:
            if gpu != UNDECLARED:
                self.stored.setdefault((gpu, instant), value)
            else:
                self.refused += 1
        self.pending.clear()


async def play(made: Store, model: Model, story: list[tuple[object, ...]]) -> None:
    values = iter(range(10_000))
    for step in [*story, ("flush",)]:
        match step:
            case ("report", str(host), list(found), bool(replayed)):
                known = [UNDECLARED, *model.inventories[host]]
                taken = [(known[number % len(known)], instant, next(values)) for number, instant in found]
                made.offer(
                    host,
                    *(sample(gpu, instant * 1000, temperature_celsius=value) for gpu, instant, value in taken),
                    replayed=replayed,
                )
                model.pending += taken
            case ("inventory", str(host), list(gpus), int(instant)):
                made.declare(host, *gpus, seconds=instant * 1000)
                model.inventories[host] = gpus
            case _:
                await made.flush()
                model.flush()


async def check(made: Store, model: Model) -> None:
    found = await made.rows(
        "SELECT uuid, extract(epoch FROM recorded_at - timestamptz '2026-01-01 00:00Z')::integer / 1000,"
        " temperature_celsius FROM gpu_stats JOIN gpus ON gpus.id = gpu_id"
    )
    assert len(found) == len(model.stored)
    assert {(gpu, instant): value for gpu, instant, value in found} == model.stored
    assert sum(sum(refused.values()) for refused in made.settled.refusals) == model.refused
    assert made.writer.pending_samples == 0
    for gpu in GPUS:
        places = await made.rows(
            "SELECT since, until FROM placements JOIN gpus ON gpus.id = gpu_id WHERE uuid = $1 ORDER BY since", gpu
        )
        assert all(until is None or since < until for since, until in places)
        for (_, ended), (began, _) in pairwise(places):
            assert ended is not None
            assert ended <= began


async def example(dsn: str, story: list[tuple[object, ...]]) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("TRUNCATE gpu_stats, placements, gpus, hosts RESTART IDENTITY")
    await connection.close()
    async with store(dsn) as made:
        made.clock.advance(10_000)
        model = Model()
        await play(made, model, story)
        await check(made, model)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=1, max_size=14))
def test_every_sample_once_with_its_first_value(database_url: str, story: list[tuple[object, ...]]) -> None:
    run_apart(lambda: example(database_url, story))


async def test_two_collectors_and_one_database(database_url: str) -> None:
    """Both hear of the same moves and samples at once, in another order."""
    async with store(database_url) as one, store(database_url) as other:
        for made in (one, other):
            made.clock.advance(10_000)
        for turn in range(12):
            for made, host in ((one, "host-0"), (other, "host-1")):
                made.declare(host, *(GPUS if turn % 2 else GPUS[:1]), seconds=turn * 10)
                made.offer(host, *(sample(gpu, turn * 10, temperature_celsius=turn) for gpu in GPUS[:1]))
            await asyncio.gather(one.flush(), other.flush())
        found = await one.rows("SELECT count(*), count(DISTINCT recorded_at) FROM gpu_stats")
        assert found == [(12, 12)]
        assert one.settled.refusals + other.settled.refusals == [{}] * 24
        overlaps = await one.rows(
            "SELECT count(*) FROM placements AS a JOIN placements AS b ON a.gpu_id = b.gpu_id AND a.id < b.id"
            " WHERE a.since < coalesce(b.until, 'infinity') AND b.since < coalesce(a.until, 'infinity')"
        )
        assert overlaps == [(0,)]
        assert await one.rows("SELECT count(*) FROM placements WHERE until IS NULL AND gpu_id = 1") == [(1,)]
