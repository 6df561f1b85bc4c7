"""What every test may ask for: a real PostgreSQL, and databases on it that nobody else sees."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from fakes.machine import corner
from fakes.postgres import Databases, run_apart, server

# How long one example takes says more of what else the machine does than of what is tested. The same commit gives the
# same examples, so that a red run is one that its author can see, too; `make fuzz` looks for new ones.
settings.register_profile(
    "gpufleet", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, database=None
)
settings.register_profile("fuzz", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gpufleet")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """The commands set up the logging of their process, which here is that of every other test, too."""
    handlers, levels = set(logging.root.handlers), _levels()
    yield
    for handler in handlers.symmetric_difference(logging.root.handlers):
        (logging.root.addHandler if handler in handlers else logging.root.removeHandler)(handler)
    for name in _levels().keys() | levels.keys():
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))


def _levels() -> dict[str, int]:
    """The level of each logger that has one of its own; that of the root is under "root"."""
    known = [logging.root, *logging.root.manager.loggerDict.values()]
    return {logger.name: logger.level for logger in known if isinstance(logger, logging.Logger) and logger.level}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server: DATABASE_URL when it is set, else a throw-away cluster per worker."""
    with server(os.environ.get("DATABASE_URL")) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def databases(postgres_server: str) -> Iterator[Databases]:
    """Makes further databases; whatever is left is dropped at the end."""
    made = Databases(postgres_server, os.environ.get("PYTEST_XDIST_WORKER", "main"))
    try:
        yield made
    finally:
        made.drop_all()


@pytest.fixture(scope="session")
def migrated_template(databases: Databases) -> str:
    """The address of a migrated database to be copied; connect to it and nobody can copy it."""
    from gpufleet_collector.store.database import Database

    dsn = databases.create()

    async def migrate() -> None:
        database = Database(dsn)
        try:
            await database.migrate()
        finally:
            await database.close()

    run_apart(migrate)
    return dsn


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """The address of a fresh database with nothing in it."""
    dsn = databases.create()
    yield dsn
    databases.drop(dsn)


@pytest.fixture
def database_url(databases: Databases, migrated_template: str) -> Iterator[str]:
    """The address of a fresh, migrated database."""
    dsn = databases.create(migrated_template)
    yield dsn
    databases.drop(dsn)


@pytest.fixture
def open_path() -> Iterator[Path]:
    """Like tmp_path, but every user may pass it: the own PostgreSQL of a collector run by root need not move out."""
    with corner() as folder:
        yield folder
