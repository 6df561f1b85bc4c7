"""The PostgreSQL of the tests keeps its promises: databases are apart, and nothing is left behind."""

import asyncpg
import pytest

from fakes.postgres import Databases, ThrowAwayPostgres, database_name, with_database


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://u:p@h:5432/postgres?sslmode=disable", "postgresql://u:p@h:5432/x?sslmode=disable"),
        ("postgresql://u@/postgres?host=/tmp/d", "postgresql://u@/x?host=/tmp/d"),
        ("postgresql:///postgres", "postgresql:///x"),
        ("postgresql://h", "postgresql://h/x"),
    ],
)
def test_another_database_of_the_same_server(dsn: str, expected: str) -> None:
    assert with_database(dsn, "x") == expected
    assert database_name(expected) == "x"


async def test_databases_are_apart_and_dropped(postgres_server: str) -> None:
    made = Databases(postgres_server, "apart")
    first, second = made.create(), made.create()
    connection = await asyncpg.connect(first)
    await connection.execute("CREATE TABLE mine (id integer)")
    other = await asyncpg.connect(second)
    assert await other.fetchval("SELECT to_regclass('mine')") is None
    made.drop_all()
    connection.terminate()
    other.terminate()
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(first)


async def test_a_killed_server_comes_back_with_its_data() -> None:
    cluster = ThrowAwayPostgres()
    try:
        cluster.start()
        connection = await asyncpg.connect(cluster.dsn)
        await connection.execute("CREATE TABLE kept (id integer)")
        cluster.kill()
        connection.terminate()
        with pytest.raises((OSError, asyncpg.PostgresError)):
            await asyncpg.connect(cluster.dsn)
        cluster.start()
        connection = await asyncpg.connect(cluster.dsn)
        assert await connection.fetchval("SELECT count(*) FROM kept") == 0
        await connection.close()
    finally:
        cluster.remove()
    assert not cluster.directory.exists()
