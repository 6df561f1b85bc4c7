"""The writer stores every sample once, settles every report once after its commit, and loses nothing in an outage."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping

import pytest

from fakes.fleet import agent, inventory, sample
from fakes.postgres import ThrowAwayPostgres
from fakes.storing import Store, store
from gpufleet_collector.model import Gpu, Refusal, Sample, SampleColumns
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.records import HostRecord, ReportWrite
from gpufleet_proto.catalog import METRICS

STORED = """
    SELECT uuid, extract(epoch FROM recorded_at - timestamptz '2026-01-01 00:00Z')::float8, temperature_celsius
    FROM gpu_stats JOIN gpus ON gpus.id = gpu_id ORDER BY 1, 2
"""
WHERE = """
    SELECT gpus.uuid, hosts.name, gpu_index, extract(epoch FROM since - timestamptz '2026-01-01 00:00Z')::float8,
           extract(epoch FROM until - timestamptz '2026-01-01 00:00Z')::float8
    FROM placements JOIN gpus ON gpus.id = gpu_id JOIN hosts ON hosts.id = host_id ORDER BY gpus.uuid, since
"""


@pytest.fixture
async def made(database_url: str) -> AsyncIterator[Store]:
    async with store(database_url) as made:
        yield made


async def test_samples_are_stored_and_settled_after_the_commit(made: Store) -> None:
    made.declare("host-1", "GPU-a", "GPU-b")
    assert made.offer("host-1", sample("GPU-a", 0, temperature_celsius=40), sample("GPU-b", 0, temperature_celsius=50))
    assert made.offer("host-1", sample("GPU-a", 5, temperature_celsius=41))
    assert made.writer.pending_samples == 3
    await made.flush()
    assert await made.rows(STORED) == [("GPU-a", 0.0, 40), ("GPU-a", 5.0, 41), ("GPU-b", 0.0, 50)]
    assert made.settled.refusals == [{}, {}]
    assert made.writer.pending_samples == 0
    assert made.counted("gpufleet_samples_committed_total") == 3


async def test_the_whole_catalogue_comes_back_as_it_was(made: Store) -> None:
    whole = Sample("GPU-a", sample("GPU-a").recorded_at, tuple(metric.round(metric.max) for metric in METRICS))
    made.declare("host-1", "GPU-a")
    made.offer("host-1", whole)
    await made.flush()
    columns = ", ".join(metric.name for metric in METRICS)
    (row,) = await made.rows(f"SELECT {columns} FROM gpu_stats")
    assert tuple(metric.round(value) for metric, value in zip(METRICS, row, strict=True)) == whole.values


async def test_absent_is_null_and_zero_is_zero(made: Store) -> None:
    made.declare("host-1", "GPU-a")
    made.offer("host-1", sample("GPU-a", temperature_celsius=0))
    await made.flush()
    assert await made.rows("SELECT temperature_celsius, power_watts FROM gpu_stats") == [(0, None)]


@pytest.mark.parametrize("replayed", [False, True])
async def test_a_sample_sent_twice_is_stored_once(made: Store, replayed: bool) -> None:
    made.declare("host-1", "GPU-a")
    made.offer("host-1", sample("GPU-a", 0, temperature_celsius=40))
    await made.flush()
    made.offer(
        "host-1",
        sample("GPU-a", 0, temperature_celsius=99),
        sample("GPU-a", 5, temperature_celsius=41),
        sample("GPU-a", 5, temperature_celsius=98),
        replayed=replayed,
    )
    made.offer("host-1", sample("GPU-a", 5, temperature_celsius=97))
    await made.flush()
    assert await made.rows(STORED) == [("GPU-a", 0.0, 40), ("GPU-a", 5.0, 41)]
    assert made.settled.refusals == [{}, {}, {}]


async def test_a_gpu_that_nobody_declared_is_refused_and_the_rest_stored(made: Store) -> None:
    made.declare("host-1", "GPU-a")
    made.offer("host-1", sample("GPU-x"), sample("GPU-a", temperature_celsius=40), sample("GPU-x", 1))
    await made.flush()
    assert made.settled.refusals == [{Refusal.INVALID: 2}]
    assert await made.rows(STORED) == [("GPU-a", 0.0, 40)]
    assert made.counted("gpufleet_samples_refused_total", {"reason": "invalid"}) == 2


async def test_what_the_database_refuses_is_found_and_the_rest_stored(
    made: Store, caplog: pytest.LogCaptureFixture
) -> None:
    made.declare("host-1", "GPU-a")
    for second in range(20):
        made.offer("host-1", sample("GPU-a", second, temperature_celsius=10**9 if second == 13 else second))
    await made.flush()
    assert [row[2] for row in await made.rows(STORED)] == [second for second in range(20) if second != 13]
    assert sorted(map(str, made.settled.refusals)) == sorted(["{}"] * 19 + [str({Refusal.INVALID: 1})])
    assert "a report of host 'host-1' is refused" in caplog.text


async def test_a_host_that_the_database_refuses_stops_nobody_else(
    made: Store, caplog: pytest.LogCaptureFixture
) -> None:
    made.declare("host-1", "GPU-a")
    made.writer.declare(HostRecord("host-2", agent({"rack": "nul\0"}), inventory("GPU-b")))
    made.offer("host-1", sample("GPU-a", temperature_celsius=1))
    made.offer("host-2", sample("GPU-b", temperature_celsius=2))
    await made.flush()
    assert await made.rows(STORED) == [("GPU-a", 0.0, 1)]
    assert sorted(map(str, made.settled.refusals)) == sorted(["{}", str({Refusal.INVALID: 1})])
    assert "host 'host-2' could not be written" in caplog.text


async def test_a_dropped_partition_is_made_again(made: Store) -> None:
    made.declare("host-1", "GPU-a")
    made.offer("host-1", sample("GPU-a", 0, temperature_celsius=1))
    await made.flush()
    await made.rows("DROP TABLE gpufleet_partitions.gpu_stats_2026010100")
    made.offer("host-1", sample("GPU-a", 1, temperature_celsius=2))
    await made.flush()
    assert await made.rows(STORED) == [("GPU-a", 1.0, 2)]
    assert made.settled.refusals == [{}, {}]


CLOSE = "UPDATE store_watermark SET closed_until = timestamptz '2026-01-01 01:00Z'"
LATE = STORED.replace("gpu_stats", "gpu_stats_late")


async def test_samples_of_closed_hours_are_late_and_bring_no_hour_back(made: Store) -> None:
    made.declare("host-1", "GPU-a")
    made.offer("host-1", sample("GPU-a", 7200, temperature_celsius=3))
    await made.flush()
    await made.rows(CLOSE)
    made.offer("host-1", sample("GPU-a", 0, temperature_celsius=1), sample("GPU-a", 3600, temperature_celsius=2))
    made.offer("host-1", sample("GPU-a", 0, temperature_celsius=9), replayed=True)
    await made.flush()
    await made.flush()
    made.offer("host-1", sample("GPU-a", 0, temperature_celsius=8), sample("GPU-a", 5, temperature_celsius=7))
    await made.flush()
    assert await made.rows(STORED) == [("GPU-a", 3600.0, 2), ("GPU-a", 7200.0, 3)]
    assert await made.rows(LATE) == [("GPU-a", 0.0, 1), ("GPU-a", 5.0, 7)]
    assert made.settled.refusals == [{}] * 4
    names = [
        row[0] for row in await made.rows("SELECT relname FROM pg_class WHERE relname ~ '^gpu_stats_late_[0-9]+$'")
    ]
    assert names == ["gpu_stats_late_20260101"]


async def test_an_hour_that_was_dropped_after_it_was_closed_is_not_made_again(made: Store) -> None:
    made.declare("host-1", "GPU-a")
    made.offer("host-1", sample("GPU-a", 0, temperature_celsius=1))
    await made.flush()
    await made.rows(CLOSE)
    await made.rows("DROP TABLE gpufleet_partitions.gpu_stats_2026010100")
    made.clock.advance(7200)
    made.offer("host-1", sample("GPU-a", 1, temperature_celsius=2))
    await made.flush()
    assert await made.rows(LATE) == [("GPU-a", 1.0, 2)]
    assert await made.rows("SELECT to_regclass('gpufleet_partitions.gpu_stats_2026010100') IS NULL") == [(True,)]


async def test_a_host_without_samples_is_written(made: Store) -> None:
    made.declare("host-1")
    await made.flush()
    assert await made.rows("SELECT name, left_at FROM hosts") == [("host-1", None)]


async def test_a_gpu_declared_between_two_inventories_is_known(made: Store) -> None:
    made.declare("host-1", "GPU-a")
    made.offer("host-1", sample("GPU-a", 0, temperature_celsius=1))
    made.declare("host-1", "GPU-b", seconds=3)
    made.offer("host-1", sample("GPU-b", 4, temperature_celsius=2))
    await made.flush()
    assert [row[0] for row in await made.rows(STORED)] == ["GPU-a", "GPU-b"]


async def test_a_move_closes_and_opens_a_placement(made: Store) -> None:
    made.clock.advance(3600)
    made.declare("host-1", "GPU-a", "GPU-b", seconds=10)
    await made.flush()
    made.declare("host-1", "GPU-a", "GPU-b", seconds=15)
    made.declare("host-2", Gpu("GPU-b", index=7), seconds=20)
    await made.flush()
    made.declare("host-1", "GPU-a", seconds=30)
    await made.flush()
    assert await made.rows(WHERE) == [
        ("GPU-a", "host-1", 0, 10.0, None),
        ("GPU-b", "host-1", 1, 10.0, 20.0),
        ("GPU-b", "host-2", 7, 20.0, None),
    ]


async def test_a_replayed_sample_moves_the_first_placement_back(made: Store) -> None:
    made.clock.advance(3600)
    made.declare("host-1", "GPU-a", seconds=100)
    made.offer("host-1", sample("GPU-a", 40), sample("GPU-a", 60), replayed=True)
    await made.flush()
    assert await made.rows(WHERE) == [("GPU-a", "host-1", 0, 40.0, None)]
    made.offer("host-1", sample("GPU-a", 20))
    await made.flush()
    assert await made.rows(WHERE) == [("GPU-a", "host-1", 0, 20.0, None)]


async def test_leaving_and_coming_back(made: Store) -> None:
    made.declare("host-1", "GPU-a")
    made.writer.mark_left("host-1", made.clock.now().wall_us)
    await made.flush()
    assert await made.rows("SELECT left_at IS NULL FROM hosts") == [(False,)]
    made.clock.advance(60)
    made.offer("host-1", sample("GPU-a", 60))
    await made.flush()
    seen = "SELECT left_at IS NULL, last_seen = timestamptz '2026-01-01 00:01Z' FROM hosts"
    assert await made.rows(seen) == [(True, True)]
    made.writer.mark_left("host-1", made.clock.now().wall_us)
    made.declare("host-1", "GPU-a")
    await made.flush()
    assert await made.rows("SELECT left_at IS NULL FROM hosts") == [(True,)]


async def test_a_full_queue_takes_no_more(database_url: str) -> None:
    made = Store(database_url, max_pending_samples=2)
    made.declare("host-1", "GPU-a")
    assert made.offer("host-1", sample("GPU-a", 0), sample("GPU-a", 1), sample("GPU-a", 2)), "larger than the bound"
    assert not made.offer("host-1", sample("GPU-a", 3))
    await made.writer.start()
    await made.flush()
    assert made.offer("host-1", sample("GPU-a", 3))
    await made.writer.stop()
    await made.database.close()
    assert len(made.settled.refusals) == 2


async def test_a_callback_that_fails_disturbs_nobody(made: Store, caplog: pytest.LogCaptureFixture) -> None:
    def broken(refused: Mapping[Refusal, int]) -> None:
        raise RuntimeError("the stream is gone")

    made.declare("host-1", "GPU-a")
    made.writer.offer(ReportWrite("host-1", SampleColumns.of([sample("GPU-a", 0)]), False, broken))
    made.offer("host-1", sample("GPU-a", 1))
    await made.flush()
    assert made.settled.refusals == [{}]
    assert "could not be acknowledged" in caplog.text


async def test_starts_and_stops_in_any_order(database_url: str) -> None:
    made = Store(database_url)
    await made.writer.stop()
    await made.writer.start()
    await made.writer.start()
    await made.writer.stop()
    await made.writer.stop()
    assert not made.offer("host-1", sample("GPU-a")), "a stopped writer takes nothing"
    await made.database.close()


async def test_a_stop_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    made = Store("postgresql://nobody@127.0.0.1:1/none", stop_seconds=0.05)
    made.declare("host-1", "GPU-a")
    made.offer("host-1", sample("GPU-a"))
    await made.writer.start()
    await made.writer.stop()
    await made.database.close()
    assert made.settled.refusals == []
    assert "stopped with 1 samples unsettled" in caplog.text


async def test_an_outage_is_waited_out_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    cluster = ThrowAwayPostgres()
    try:
        cluster.start()
        database = Database(cluster.dsn)
        await database.migrate()
        await database.close()
        async with store(cluster.dsn) as made:
            made.declare("host-1", "GPU-a")
            made.offer("host-1", sample("GPU-a", 0, temperature_celsius=1))
            await made.flush()
            cluster.kill()
            made.offer("host-1", sample("GPU-a", 1, temperature_celsius=2))
            async with asyncio.timeout(20):
                while made.counted("gpufleet_commit_failures_total") < 3:
                    await asyncio.sleep(0.01)
            assert len(made.settled.refusals) == 1
            made.clock.advance(60)
            assert "nothing could be stored for 60 s: the database does not answer" in (made.writer.trouble or "")
            cluster.start()
            async with asyncio.timeout(20):
                while made.writer.pending_samples:
                    await asyncio.sleep(0.01)
            assert made.writer.trouble is None
            assert await made.rows(STORED) == [("GPU-a", 0.0, 1), ("GPU-a", 1.0, 2)]
            assert caplog.text.count("cannot store") == 1
            assert caplog.text.count("storing again") == 1
    finally:
        cluster.remove()


async def test_a_connection_ended_by_the_administrator_loses_nothing(made: Store) -> None:
    made.declare("host-1", "GPU-a")
    for second in range(50):
        made.offer("host-1", sample("GPU-a", second, temperature_celsius=second))
        if second % 10 == 0:
            await made.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'gpufleet-collector'"
            )
            await asyncio.sleep(0.01)
    await made.flush()
    assert [row[2] for row in await made.rows(STORED)] == list(range(50))
    assert made.settled.refusals == [{}] * 50


async def test_a_table_that_may_not_be_written_refuses_nothing_for_good(made: Store) -> None:
    made.declare("host-1", "GPU-a")
    await made.flush()
    await made.rows("ALTER TABLE gpu_stats RENAME TO gpu_stats_away")
    made.offer("host-1", sample("GPU-a", temperature_celsius=1))
    async with asyncio.timeout(20):
        while not made.counted("gpufleet_commit_failures_total"):
            await asyncio.sleep(0.01)
    await made.rows("ALTER TABLE gpu_stats_away RENAME TO gpu_stats")
    await made.flush()
    assert await made.rows(STORED) == [("GPU-a", 0.0, 1)]


async def test_two_collectors_store_the_same_samples_once(database_url: str) -> None:
    hosts, seconds = [f"host-{number}" for number in range(4)], range(10)
    async with store(database_url) as one, store(database_url) as other:
        for collector in (one, other):
            for host in hosts:
                collector.declare(host, f"GPU-{host}-a", f"GPU-{host}-b")
        for second in seconds:
            for host in hosts:
                for collector in (one, other):
                    collector.offer(host, *(sample(f"GPU-{host}-{name}", second * 1800) for name in "ab"))
            await asyncio.sleep(0.005)
        await asyncio.gather(one.flush(), other.flush())
        assert len(await one.rows(STORED)) == len(hosts) * 2 * len(seconds)
        assert one.settled.refusals + other.settled.refusals == [{}] * (2 * len(hosts) * len(seconds))
        assert len(await one.rows(WHERE)) == len(hosts) * 2


async def test_partitions_are_made_ahead(made: Store) -> None:
    made.declare("host-1", "GPU-a")
    made.offer("host-1", sample("GPU-a"))
    await made.flush()
    names = [row[0] for row in await made.rows("SELECT relname FROM pg_class WHERE relname ~ '^gpu_stats_[0-9]+$'")]
    assert sorted(names) == ["gpu_stats_2026010100", "gpu_stats_2026010101", "gpu_stats_2026010102"]


async def test_an_id_that_was_rolled_back_is_not_used(made: Store) -> None:
    """A declaration and a refused report in one transaction: the ids of the second attempt count."""
    made.declare("host-1", "GPU-a")
    made.offer("host-1", sample("GPU-a", 0, temperature_celsius=10**9))
    made.offer("host-1", sample("GPU-a", 1, temperature_celsius=7))
    await made.flush()
    made.offer("host-1", sample("GPU-a", 2, temperature_celsius=8))
    await made.flush()
    assert await made.rows(STORED) == [("GPU-a", 1.0, 7), ("GPU-a", 2.0, 8)]


async def test_a_writer_that_ends_by_a_mistake_says_so_and_tells_who_waits_for_its_end(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gpufleet_collector.store.pending.Pending.take", broken)
    async with store(database_url) as made:
        with pytest.raises(ZeroDivisionError):
            await made.writer.ended()
    assert "nothing is stored any more" in caplog.text


async def test_who_waits_for_the_end_of_a_writer_may_give_up_without_ending_it(database_url: str) -> None:
    async with store(database_url) as made:
        waiting = asyncio.create_task(made.writer.ended())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        ending = asyncio.create_task(made.writer.ended())
        await asyncio.sleep(0)
        assert not ending.done(), "the writer goes on"
        await made.writer.stop()
        await ending
