"""Background jobs run to their end, one collector at a time, and what became of them can be read."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from fakes.clock import START_US, FakeClock
from gpufleet_collector.errors import DataRefused
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.job_table import JobRecord, read_jobs
from gpufleet_collector.store.jobs import Job, JobRunner


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url)
    yield made
    await made.close()


class Work:
    """A step that finds so many things to do, and may fail or wait."""

    def __init__(self, things: int, error: Exception | None = None) -> None:
        self.left = things
        self.error = error
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def step(self) -> str | None:
        self.begun.set()
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        if not self.left:
            return None
        self.left -= 1
        return f"{self.left} left"


def runner(database: Database, work: Work) -> tuple[JobRunner, Job, SelfMetrics]:
    metrics, job = SelfMetrics(), Job("pack", 3600.0, work.step)
    return JobRunner(database, [job], clock=FakeClock(), metrics=metrics), job, metrics


async def noted(database: Database) -> list[JobRecord]:
    async with database.begin() as connection:
        return await read_jobs(connection)


async def test_a_round_ends_when_nothing_is_left_and_is_noted(database: Database) -> None:
    made, job, _ = runner(database, Work(3))
    assert await made.run(job)
    assert await noted(database) == [JobRecord("pack", START_US, START_US, START_US, None, "0 left", 3)]


async def test_an_error_is_noted_and_counted_and_the_next_round_clears_it(database: Database) -> None:
    work = Work(1, DataRefused("value out of range"))
    made, job, metrics = runner(database, work)
    assert await made.run(job)
    (record,) = await noted(database)
    assert (record.error, record.succeeded_at) == ("value out of range", None)
    assert metrics.registry.get_sample_value("gpufleet_job_failures_total", {"job": "pack"}) == 1
    work.error = None
    assert await made.run(job)
    (record,) = await noted(database)
    assert (record.error, record.succeeded_at, record.done) == (None, START_US, 1)


async def test_a_mistake_in_a_job_costs_that_round_alone(database: Database) -> None:
    made, job, metrics = runner(database, Work(1, ZeroDivisionError("division by zero")))
    assert await made.run(job)
    assert (await noted(database))[0].error == "division by zero"
    assert metrics.registry.get_sample_value("gpufleet_job_failures_total", {"job": "pack"}) == 1


async def test_two_collectors_never_do_the_same_job_at_once(database: Database) -> None:
    first, second = Work(1), Work(1)
    first.go_on.clear()
    one, job, _ = runner(database, first)
    other, same, _ = runner(database, second)
    running = asyncio.create_task(one.run(job))
    await first.begun.wait()
    assert not await other.run(same)
    assert not second.begun.is_set()
    first.go_on.set()
    assert await running
    assert await other.run(same)
    assert second.left == 0


async def test_a_job_that_is_cut_off_gives_its_lock_back(database: Database) -> None:
    work = Work(1)
    work.go_on.clear()
    made, _job, _ = runner(database, work)
    await made.start()
    await work.begun.wait()
    await made.stop()
    await made.stop()
    again, same, _ = runner(database, Work(1))
    assert await again.run(same)


async def test_a_database_that_is_away_is_waited_for(database: Database) -> None:
    nowhere = Database("postgresql://postgres@127.0.0.1:1/none")
    made, job, metrics = runner(nowhere, Work(1))
    assert not await made.run(job)
    assert metrics.registry.get_sample_value("gpufleet_job_failures_total", {"job": "pack"}) == 1
    await nowhere.close()


async def test_a_mistake_outside_of_a_round_is_said_and_does_not_end_the_job(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with database.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE jobs RENAME TO elsewhere")
    work = Work(1)
    metrics = SelfMetrics()
    made = JobRunner(database, [Job("pack", 0.01, work.step)], clock=FakeClock(), metrics=metrics)
    await made.start()
    async with asyncio.timeout(10):
        while (metrics.registry.get_sample_value("gpufleet_job_failures_total", {"job": "pack"}) or 0) < 3:
            await asyncio.sleep(0.01)
    assert work.left == 1
    async with database.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO jobs")
    async with asyncio.timeout(10):
        while work.left:
            await asyncio.sleep(0.01)
    await made.stop()
    assert caplog.text.count("the job pack waits") == 1


async def test_a_job_whose_lock_ended_with_its_connection_is_done_and_comes_again(
    database: Database, database_url: str
) -> None:
    work = Work(1)
    work.go_on.clear()
    made, job, _ = runner(database, work)
    running = asyncio.create_task(made.run(job))
    await work.begun.wait()
    other = Database(database_url)
    async with other.begin() as connection:
        await connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await other.close()
    work.go_on.set()
    assert not await running, "somebody else may have been at it meanwhile"
    assert work.left == 0
    assert await made.run(job)
