"""Bringing a database to this collector's schema: who may, from which version, and when to keep the hands off."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, column, inspect, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.errors import SchemaError
from gpufleet_collector.store.schema import VERSION_TABLE, metadata

LOCK_KEY = 0x67706601
"""Advisory lock of whoever migrates; the numbers of gpufleet begin with its letters."""

MIGRATIONS = Path(__file__).parent / "migrations"


_version_table = table(VERSION_TABLE, column("version_num"))


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A schema's version, the revision of its last migration. A greater minor only adds."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


def parse_version(revision: str) -> Version:
    major, dot, minor = revision.partition(".")
    if not (dot and major.isascii() and major.isdigit() and minor.isascii() and minor.isdigit()):
        raise SchemaError(f"the table {VERSION_TABLE} holds {revision!r}, which is no version of gpufleet's schema")
    return Version(int(major), int(minor))


@lru_cache(maxsize=1)
def known_version() -> Version:
    """The version that this collector brings."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise SchemaError("this installation has no migrations: install gpufleet-collector again")
    return parse_version(head)


def needs_migration(found: Version | None, known: Version) -> bool:
    """Whether a database at version `found` (None: empty) must be migrated to `known`."""
    if found is None:
        return True
    if found.major > known.major:
        raise SchemaError(
            f"the database has schema {found}, this collector knows {known}: install a newer gpufleet-collector"
        )
    return found < known


async def migrate(connection: AsyncConnection) -> None:
    """Bring the database to `known_version()` within the connection's transaction, one collector at a time."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
    await connection.run_sync(_migrate)


def _migrate(connection: Connection) -> None:
    if needs_migration(find_version(connection), known_version()):
        upgrade(connection)


def find_version(connection: Connection) -> Version | None:
    """The database's version, None when it has none of gpufleet's tables."""
    present = set(inspect(connection).get_table_names())
    if VERSION_TABLE not in present:
        _refuse_foreign(present & set(metadata.tables))
        return None
    revision = connection.execute(select(_version_table.c.version_num)).scalar_one_or_none()
    return None if revision is None else parse_version(revision)


def upgrade(connection: Connection, migrations: Path = MIGRATIONS) -> None:
    """Run every migration that the database does not have, within the connection's transaction."""
    config = _config(migrations)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_foreign(names: set[str]) -> None:
    if names:
        raise SchemaError(
            f"the database has a table {min(names)!r} that is not gpufleet's: give gpufleet a database of its own"
        )


def _config(migrations: Path = MIGRATIONS) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    return config
