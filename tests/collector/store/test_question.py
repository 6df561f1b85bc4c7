"""All statements of a question see one moment of the database, whatever is packed and dropped meanwhile."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import START_US
from fakes.fleet import sample
from fakes.storing import Store, store
from gpufleet_collector.store.packing import Packing
from gpufleet_collector.store.question import bind, question
from gpufleet_collector.store.samples_sql import samples_source
from gpufleet_collector.store.times import HOUR_US, to_datetime, to_sql

DROP = "DROP TABLE gpufleet_partitions.gpu_stats_2026010100"


@pytest.fixture
async def made(database_url: str) -> AsyncIterator[Store]:
    async with store(database_url) as made:
        made.declare("host-1", "GPU-a", seconds=0)
        made.offer("host-1", *(sample("GPU-a", second, power_watts=second) for second in range(0, 300, 5)))
        await made.flush()
        made.clock.advance(2 * 3600)
        yield made


async def drop(made: Store) -> None:
    connection = await asyncpg.connect(made.dsn)
    try:
        await connection.execute(f"SET lock_timeout = '100ms'; {DROP}")
    finally:
        await connection.close()


async def test_rows_of_the_moment_stay_until_the_question_is_answered(made: Store) -> None:
    (gpu_id,) = (await made.rows("SELECT id FROM gpus"))[0]
    async with question(made.database) as asked:
        assert await Packing(made.database, made.clock, pack_after_hours=0).step()
        with pytest.raises(asyncpg.LockNotAvailableError):
            await drop(made)
        source = samples_source(["power_watts"], START_US, START_US + HOUR_US, asked.moment)
        found = await asked.fetch(f"SELECT count(*) FROM {source} AS s", {"gpu_ids": [gpu_id]})
        assert found[0][0] == 60
    await drop(made)
    async with question(made.database) as asked:
        source = samples_source(["power_watts"], START_US, START_US + HOUR_US, asked.moment)
        found = await asked.fetch(f"SELECT count(*) FROM {source} AS s", {"gpu_ids": [gpu_id]})
        assert found[0][0] == 60


async def test_a_question_cannot_write(made: Store) -> None:
    async with question(made.database) as asked:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await asked.fetch("DELETE FROM gpus", {})


async def test_nothing_of_it_stays_with_the_connection(made: Store) -> None:
    async with question(made.database):
        pass
    async with made.database.connect() as connection:
        assert (await connection.exec_driver_sql("SHOW statement_timeout")).scalar_one() == "0"
        assert (await connection.exec_driver_sql("SHOW transaction_isolation")).scalar_one() == "read committed"


def test_parameters_are_numbered_and_casts_are_not() -> None:
    statement = "SELECT :b::text, :a, :b, timestamptz 'epoch', x::bigint"
    assert bind(statement, {"a": 1, "b": 2, "c": 3}) == (
        "SELECT $1::text, $2, $1, timestamptz 'epoch', x::bigint",
        [2, 1],
    )


def test_questions_that_differ_in_their_time_alone_are_one_text() -> None:
    texts = set()
    for start in (START_US, START_US + HOUR_US):
        begin, end = to_sql(start), to_sql(start + 1)
        numbered, values = bind(f"SELECT {begin} <= x AND x < {end} AND {begin} < :x", {"x": 7})
        texts.add(numbered)
        assert values == [to_datetime(start), to_datetime(start + 1), 7]
    assert texts == {
        "SELECT CAST($1 AS timestamptz) <= x AND x < CAST($2 AS timestamptz) AND CAST($1 AS timestamptz) < $3"
    }


@given(st.lists(st.sampled_from(["since", "until", "gpu_ids"])))
def test_each_parameter_has_one_number(names: list[str]) -> None:
    numbered, values = bind(" ".join(f":{name}" for name in names), {name: name for name in names})
    assert [values[int(number[1:]) - 1] for number in numbered.split()] == names


async def test_partitions_of_another_time_are_left_out_though_instants_are_parameters(made: Store) -> None:
    source = samples_source(["power_watts"], START_US, START_US + HOUR_US)
    await made.rows("SELECT FROM gpufleet_partitions.gpu_stats_2026010101")
    async with question(made.database) as asked:
        plan = await asked.fetch(f"EXPLAIN SELECT count(*) FROM {source} AS s", {"gpu_ids": [1]})
    text = "\n".join(row[0] for row in plan)
    assert "gpu_stats_2026010100" in text
    assert "gpu_stats_2026010101" not in text
