"""Which database this is: what collectors on the same one agree on, and those on another do not."""

from hashlib import sha256

from sqlalchemy import text

from gpufleet_collector.store.database import Database

IDENTITY_LENGTH = 16

_MAY_ASK = text("SELECT has_function_privilege('pg_control_system()', 'EXECUTE')")
_SYSTEM = text("SELECT system_identifier FROM pg_control_system()")
_NAME = text("SELECT current_database()")


async def database_identity(database: Database) -> str:
    """Hexadecimal digits. On a server that does not say who it is, the name of the database alone counts. Raises as
    `Database.begin`."""
    async with database.begin() as connection:
        may_ask = (await connection.execute(_MAY_ASK)).scalar_one()
        system = (await connection.execute(_SYSTEM)).scalar_one() if may_ask else ""
        name = (await connection.execute(_NAME)).scalar_one()
    return sha256(f"{system}/{name}".encode()).hexdigest()[:IDENTITY_LENGTH]
