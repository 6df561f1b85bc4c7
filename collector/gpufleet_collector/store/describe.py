"""A database's schema as text, read from PostgreSQL's own catalogue, so that a change of it shows as a difference."""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.store.database import Database
from gpufleet_collector.store.schema import VERSION_TABLE, metadata

_TABLES = text("""
    SELECT relation.oid::bigint AS id, relation.relname AS name, obj_description(relation.oid, 'pg_class') AS comment,
           pg_get_partkeydef(relation.oid) AS partition_key
    FROM pg_class AS relation
    WHERE relation.relkind IN ('r', 'p') AND relation.relnamespace = to_regnamespace(current_schema())
          AND relation.relname = ANY(:names)
    ORDER BY relation.relname
""")
_COLUMNS = text("""
    SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required,
           attidentity <> '' AS numbered, collname AS collation, col_description(attrelid, attnum) AS comment
    FROM pg_attribute LEFT JOIN pg_collation ON pg_collation.oid = attcollation AND collname <> 'default'
    WHERE attrelid = CAST(:id AS bigint)::oid AND attnum > 0 AND NOT attisdropped
    ORDER BY attnum
""")
_CONSTRAINTS = text("""
    SELECT conname AS name, pg_get_constraintdef(oid) AS definition
    FROM pg_constraint
    WHERE conrelid = CAST(:id AS bigint)::oid AND contype <> 'n'
    ORDER BY conname
""")
_INDEXES = text("""
    SELECT relname AS name, pg_get_indexdef(indexrelid) AS definition,
           obj_description(indexrelid, 'pg_class') AS comment
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = CAST(:id AS bigint)::oid
    ORDER BY relname
""")


async def render_schema(dsn: str) -> str:
    """gpufleet's tables in the database at `dsn`, in SQL for people: sorted, one line per column, comments beside."""
    database = Database(dsn, connections=1)
    try:
        async with database.connect() as connection:
            names = {"names": [*metadata.tables, VERSION_TABLE]}
            tables = (await connection.execute(_TABLES, names)).all()
            return "\n".join([await _table(connection, *table) for table in tables])
    finally:
        await database.close()


async def index_comments(database: Database) -> dict[str, str | None]:
    """The comment of every index of gpufleet's tables, by the name of the index."""
    async with database.connect() as connection:
        tables = (await connection.execute(_TABLES, {"names": list(metadata.tables)})).all()
        found = [index for table in tables for index in await connection.execute(_INDEXES, {"id": table.id})]
    return {index.name: index.comment for index in found}


async def _table(connection: AsyncConnection, number: int, name: str, comment: str | None, key: str | None) -> str:
    columns = (await connection.execute(_COLUMNS, {"id": number})).all()
    constraints = (await connection.execute(_CONSTRAINTS, {"id": number})).all()
    indexes = (await connection.execute(_INDEXES, {"id": number})).all()
    body = [
        *(_commented(_column(*column[:-1]) + ",", column.comment) for column in columns),
        *(f"  CONSTRAINT {constraint.name} {constraint.definition}," for constraint in constraints),
    ]
    ending = f") PARTITION BY {key};" if key else ");"
    return "\n".join(
        [_commented(f"CREATE TABLE {name} (", comment), *body, ending, *_index_lines(indexes), ""],
    )


def _column(name: str, kind: str, required: bool, numbered: bool, collation: str | None) -> str:
    words = [name, kind, f'COLLATE "{collation}"' if collation else "", "NOT NULL" if required else ""]
    return "  " + " ".join(word for word in [*words, "GENERATED AS IDENTITY" if numbered else ""] if word)


def _index_lines(indexes: Iterable[tuple[str, str, str | None]]) -> list[str]:
    return [_commented(f"{definition};", comment) for _, definition, comment in indexes]


def _commented(line: str, comment: str | None) -> str:
    return f"{line}  -- {comment}" if comment else line
