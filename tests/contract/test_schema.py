"""The database as migrated, the metadata, the catalogue and the golden file say the same."""

import os
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import BigInteger, Connection, Double, Integer, MetaData, SmallInteger, text
from sqlalchemy.dialects.postgresql import REAL

from fakes.postgres import Databases, run_apart, server
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.describe import index_comments, render_schema
from gpufleet_collector.store.samples_sql import function_sql, view_sql
from gpufleet_collector.store.schema import INDEX_QUERIES, VERSION_TABLE, build_metadata, gpu_stats
from gpufleet_collector.store.shapes import column_type
from gpufleet_proto.catalog import BY_NAME, METRICS, Kind, Metric, Tier

DERIVED = {"gpu_stats_late", "gpu_stats_packed", "gpu_stats_5m", "gpu_stats_1h", "fleet_stats_1m"}
GOLDEN = Path(__file__).parents[1] / "golden" / "schema.sql"


def invented(**changes: object) -> Metric:
    fields: dict[str, object] = {name: getattr(METRICS[0], name) for name in Metric.__dataclass_fields__}
    return Metric(**{**fields, "name": "invented_total", "number": 99, **changes})  # type: ignore[arg-type]


async def differences(dsn: str, metadata: MetaData) -> list[object]:
    def compare(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return list(compare_metadata(context, metadata))

    database = Database(dsn)
    try:
        async with database.connect() as connection:
            return await connection.run_sync(compare)
    finally:
        await database.close()


async def test_migrations_lead_to_the_metadata(database_url: str) -> None:
    assert await differences(database_url, build_metadata()) == []


async def test_a_metric_without_a_migration_is_found(database_url: str) -> None:
    found = await differences(database_url, build_metadata([*METRICS, invented(kind=Kind.COUNTER, tier=Tier.SLOW)]))
    assert {difference[0] for difference in found if isinstance(difference, tuple)} == {"add_column"}
    assert {difference[2] for difference in found if isinstance(difference, tuple)} == DERIVED | {"gpu_stats"}


async def test_a_changed_type_or_comment_is_found(database_url: str) -> None:
    changed = [invented(name="temperature_celsius", help="Heat", max=1e15), *METRICS[1:]]
    found = str(await differences(database_url, build_metadata(changed)))
    assert found.count("'gpu_stats', 'temperature_celsius'") == 2
    assert all(f"'{table}'" in found for table in DERIVED)


async def test_a_table_without_a_migration_is_found(database_url: str) -> None:
    database = Database(database_url)
    async with database.begin() as connection:
        await connection.execute(text("DROP TABLE placements"))
    await database.close()
    assert "add_table" in str(await differences(database_url, build_metadata()))


async def test_every_index_names_its_query(database_url: str) -> None:
    database = Database(database_url)
    assert await index_comments(database) == INDEX_QUERIES
    async with database.begin() as connection:
        await connection.execute(text("CREATE INDEX nobody_knows_why ON hosts (boot_id)"))
    assert await index_comments(database) != INDEX_QUERIES
    await database.close()


def regenerate() -> None:
    """Write the golden file from a database migrated just now; `make golden` calls it."""
    with server(os.environ.get("DATABASE_URL")) as address:
        databases = Databases(address, "golden")
        try:
            GOLDEN.write_text(run_apart(lambda: migrated_schema(databases.create())))
        finally:
            databases.drop_all()


async def migrated_schema(dsn: str) -> str:
    database = Database(dsn)
    await database.migrate()
    await database.close()
    return await render_schema(dsn)


async def test_the_golden_schema_is_current(database_url: str) -> None:
    assert GOLDEN.read_text() == await render_schema(database_url), "run `make golden` and read the difference"


async def test_the_golden_schema_notices_a_change(database_url: str) -> None:
    before = await render_schema(database_url)
    database = Database(database_url)
    async with database.begin() as connection:
        await connection.execute(text("COMMENT ON COLUMN gpu_stats.power_watts IS 'Horses'"))
    await database.close()
    assert (await render_schema(database_url)).replace("Horses", "Board power draw; W") == before
    assert await render_schema(database_url) != before


async def test_view_and_function_are_those_of_the_catalogue(database_url: str) -> None:
    stated = "SELECT pg_get_viewdef('gpu_stats_all'::regclass) || pg_get_functiondef('gpu_stats_between'::regproc)"
    database = Database(database_url)
    async with database.begin() as connection:
        before = (await connection.execute(text(stated))).scalar_one()
        await connection.exec_driver_sql(view_sql(METRICS))
        await connection.exec_driver_sql(function_sql(METRICS))
        after = (await connection.execute(text(stated))).scalar_one()
    await database.close()
    assert " ".join(before.split()) == " ".join(after.split()), "write a migration that makes them anew"


def test_every_metric_has_a_nullable_column_with_unit_and_help() -> None:
    columns = {column.name: column for column in gpu_stats.columns}
    assert list(columns) == ["gpu_id", "recorded_at", *BY_NAME]
    for metric in METRICS:
        comment = columns[metric.name].comment
        assert columns[metric.name].nullable
        assert comment is not None
        assert metric.unit in comment
        assert metric.help in comment


@pytest.mark.parametrize(
    ("resolution", "largest", "expected"),
    [
        (1, 32767, SmallInteger),
        (1, 32768, Integer),
        (1, 2**31 - 1, Integer),
        (1, 2**31, BigInteger),
        (1, 1e15, BigInteger),
        (0.1, 100, REAL),
        (0.1, 2**24 / 10, Double),
        (0.001, 1e12, Double),
    ],
)
def test_the_narrowest_column_that_keeps_every_step(resolution: float, largest: float, expected: type) -> None:
    assert type(column_type(invented(resolution=resolution, max=largest))) is expected
