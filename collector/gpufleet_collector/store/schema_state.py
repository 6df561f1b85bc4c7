"""Which schema a database has and which one this collector knows, for commands that change neither."""

from dataclasses import dataclass

from gpufleet_collector.errors import SchemaError
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.migration import Version, find_version, known_version, needs_migration


@dataclass(frozen=True, slots=True)
class SchemaState:
    """`found` is None for a database without gpufleet's tables."""

    found: Version | None
    known: Version

    def needs_migration(self) -> bool:
        """Whether this collector would migrate it first. Raises SchemaError when it is too old for the schema."""
        return needs_migration(self.found, self.known)


async def read_schema_state(database: Database) -> SchemaState:
    """Raises SchemaError for somebody else's tables, and as `Database.connect`."""
    async with database.connect() as connection:
        return SchemaState(await connection.run_sync(find_version), known_version())


async def require_schema(database: Database) -> None:
    """Raises SchemaError unless this collector can work with the database as it is, and as `Database.connect`."""
    state = await read_schema_state(database)
    if state.needs_migration():
        raise SchemaError(f"the database has {_called(state.found)}, not {state.known}: run gpufleet-collector migrate")


def _called(found: Version | None) -> str:
    return "no schema" if found is None else f"schema {found}"
