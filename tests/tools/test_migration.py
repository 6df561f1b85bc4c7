"""A metric added to the catalogue gets a migration by itself; anything that is not additive is refused."""

import importlib.util
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import asyncpg
import pytest

from gpufleet_collector.store.database import Database
from gpufleet_collector.store.migration import MIGRATIONS, upgrade
from gpufleet_proto.catalog import METRICS

TOOL = Path(__file__).parents[2] / "tools" / "migration.py"
PARTITION = "gpufleet_partitions.everything"
INVENTED = replace(METRICS[0], name="invented_total", number=99, help="It's invented", unit="%", max=1e15)


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "migration_tool", Path(__file__).parents[2] / "tools" / "migration.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__")))


async def test_nothing_to_migrate(tool: ModuleType, empty_database_url: str) -> None:
    assert await tool.write_migration(empty_database_url) is None, "run `make migration`"


async def test_a_new_metric_becomes_a_nullable_column(
    tool: ModuleType, migrations: Path, empty_database_url: str, database_url: str
) -> None:
    path = await tool.write_migration(empty_database_url, [*METRICS, INVENTED], migrations)
    assert path.parent == migrations / "versions"
    assert path.name.endswith("_invented_total.py")
    database = Database(database_url)
    async with database.begin() as connection:
        await connection.exec_driver_sql(f"CREATE TABLE {PARTITION} PARTITION OF gpu_stats DEFAULT")
        await connection.run_sync(upgrade, migrations)
    await database.close()
    connection = await asyncpg.connect(database_url)
    await connection.execute("INSERT INTO gpu_stats (gpu_id, recorded_at, invented_total) VALUES (1, now(), 1e15)")
    assert await connection.fetchval(f"SELECT invented_total FROM {PARTITION}") == 10**15
    comment = "SELECT col_description(attrelid, attnum) FROM pg_attribute WHERE attname = 'invented_total' LIMIT 1"
    assert await connection.fetchval(comment) == "It's invented; %"
    await _unpacks_an_hour_from_before(connection)
    await connection.close()
    assert await tool.write_migration(database_url, [*METRICS, INVENTED], migrations) is None


async def _unpacks_an_hour_from_before(connection: asyncpg.Connection) -> None:
    """A packed hour without the new array reads as NULL, through the view and through the function."""
    await connection.execute("CREATE TABLE gpufleet_partitions.packed PARTITION OF gpu_stats_packed DEFAULT")
    await connection.execute(
        "INSERT INTO gpu_stats_packed (gpu_id, hour, samples, first_at, instants, temperature_celsius)"
        " VALUES (7, '2026-01-01 00:00Z', 2, '2026-01-01 00:00:01Z', '{0,5}', '{40,41}')"
    )
    between = "gpu_stats_between('2026-01-01 00:00Z', '2026-01-02 00:00Z')"
    for source in ("gpu_stats_all WHERE gpu_id = 7", between):
        found = await connection.fetch(f"SELECT temperature_celsius, invented_total FROM {source} ORDER BY 1")
        assert [tuple(row) for row in found] == [(40, None), (41, None)]


async def test_new_words_are_migrated(tool: ModuleType, migrations: Path, empty_database_url: str) -> None:
    changed = [replace(METRICS[0], help="Heat"), *METRICS[1:]]
    path = await tool.write_migration(empty_database_url, changed, migrations)
    assert path.name.endswith("_comments.py")


@pytest.mark.parametrize(
    "changed",
    [
        METRICS[1:],
        [replace(METRICS[0], name="heat_celsius"), *METRICS[1:]],
        [replace(METRICS[0], max=1e15), *METRICS[1:]],
    ],
    ids=["removed", "renamed", "widened"],
)
async def test_anything_else_is_refused(
    tool: ModuleType, migrations: Path, empty_database_url: str, changed: list[object]
) -> None:
    before = sorted((migrations / "versions").glob("*.py"))
    with pytest.raises(tool.NotAdditive, match="temperature_celsius"):
        await tool.write_migration(empty_database_url, changed, migrations)
    assert sorted((migrations / "versions").glob("*.py")) == before
