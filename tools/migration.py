"""Writes the migration for metrics added to telemetry.proto: additive only, so that older collectors go on working."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import ops
from sqlalchemy import Connection, inspect

from gpufleet_collector.store.database import Database
from gpufleet_collector.store.migration import MIGRATIONS, Version, find_version, upgrade
from gpufleet_collector.store.samples_sql import function_sql, view_sql
from gpufleet_collector.store.schema import VERSION_TABLE, build_metadata
from gpufleet_proto.catalog import METRICS, Metric

SAMPLES = "gpu_stats"
WITH_METRICS = (SAMPLES, "gpu_stats_late", "gpu_stats_packed", "gpu_stats_5m", "gpu_stats_1h", "fleet_stats_1m")
LINE = 114

TEMPLATE = '''"""{title}"""

import sqlalchemy as sa
from alembic import op{imports}

revision = "{revision}"
down_revision = "{down_revision}"


def upgrade() -> None:
{body}
'''


class NotAdditive(Exception):
    """The catalogue asks for more than new columns and new comments. `str()` says for what."""


async def write_migration(dsn: str, metrics: Iterable[Metric] = METRICS, migrations: Path = MIGRATIONS) -> Path | None:
    """Bring the empty database at `dsn` to the last of `migrations` and write the one that is missing for `metrics`;
    its path, or None when none is missing. Raises NotAdditive, and then writes nothing."""
    database = Database(dsn)
    try:
        async with database.begin() as connection:
            return await connection.run_sync(_write, tuple(metrics), migrations)
    finally:
        await database.close()


def _write(connection: Connection, metrics: tuple[Metric, ...], migrations: Path) -> Path | None:
    upgrade(connection, migrations)
    version = find_version(connection)
    assert version is not None
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    steps = produce_migrations(context, build_metadata(metrics)).upgrade_ops
    assert steps is not None
    if steps.is_empty():
        return None
    found = list(_flat(steps))
    if offences := [_describe(step) for step in found if not _is_additive(step)]:
        raise NotAdditive("not additive: " + "; ".join(offences))
    added = [step.column.name for step in found if isinstance(step, ops.AddColumnOp) and step.table_name == SAMPLES]
    body = _body(render_python_code(steps, migration_context=context))
    if any(isinstance(step, ops.AddColumnOp) for step in found):
        body += _readers(_ordered(connection, metrics))
    return _write_file(migrations, version, added, body)


def _ordered(connection: Connection, metrics: tuple[Metric, ...]) -> list[Metric]:
    """As the columns of the samples will be: those that are there, then the new ones."""
    present = [column["name"] for column in inspect(connection).get_columns(SAMPLES)]
    return sorted(metrics, key=lambda metric: present.index(metric.name) if metric.name in present else len(present))


def _readers(metrics: list[Metric]) -> str:
    """The view and the function made anew, with the new columns at their end."""
    statements = (view_sql(metrics), function_sql(metrics))
    return "".join(f'\n    op.execute("""\n{_wrapped(statement)}\n""")' for statement in statements)


def _wrapped(statement: str) -> str:
    """Lines short enough for a file of Python; never broken within a literal."""
    lines: list[str] = []
    for line in statement.splitlines():
        rest = line
        while len(rest) > LINE:
            spaces = [i for i in range(1, LINE) if rest[i] == " " and rest[:i].count("'") % 2 == 0]
            cut = max([i for i in spaces if rest[i - 1] == ","] or spaces)
            lines.append(rest[:cut])
            rest = rest[cut + 1 :]
        lines.append(rest)
    return "\n".join(lines)


def _flat(steps: ops.OpContainer) -> Iterator[ops.MigrateOperation]:
    for step in steps.ops:
        if isinstance(step, ops.OpContainer):
            yield from _flat(step)
        else:
            yield step


def _is_additive(step: ops.MigrateOperation) -> bool:
    if isinstance(step, ops.AddColumnOp):
        return step.table_name in WITH_METRICS and bool(step.column.nullable)
    if isinstance(step, ops.AlterColumnOp):
        return (
            step.modify_comment is not False
            and step.modify_type is None
            and step.modify_nullable is None
            and step.modify_server_default is False
            and step.modify_name is None
        )
    return False


def _describe(step: ops.MigrateOperation) -> str:
    parts = (getattr(step, "table_name", None), getattr(step, "column_name", None))
    return " ".join([type(step).__name__.removesuffix("Op"), ".".join(part for part in parts if part)])


def _body(code: str) -> str:
    return "\n".join(line for line in code.splitlines() if not line.strip().startswith("#"))


def _write_file(migrations: Path, version: Version, added: list[str], body: str) -> Path:
    revision = Version(version.major, version.minor + 1)
    subject = "_".join(added[:3]) + (f"_and_{len(added) - 3}_more" if len(added) > 3 else "")
    path = migrations / "versions" / f"v{revision.major}_{revision.minor}_{subject or 'comments'}.py"
    title = f"New metrics: {', '.join(added)}." if added else "New wording of columns' comments."
    imports = "\nfrom sqlalchemy.dialects import postgresql" if "postgresql." in body else ""
    text = TEMPLATE.format(
        title=title, revision=revision, down_revision=version, body="    " + body.strip(), imports=imports
    )
    path.write_text(text)
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", path], check=True)
    return path


def main() -> int:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from fakes.postgres import Databases, server

    with server(os.environ.get("DATABASE_URL")) as address:
        databases = Databases(address, "migration")
        try:
            path = asyncio.run(write_migration(databases.create()))
        except NotAdditive as error:
            print(f"{error}\nnumbers and names of metrics are never used twice: add a new one instead", file=sys.stderr)
            return 1
        finally:
            databases.drop_all()
    print("nothing to migrate" if path is None else f"{path}: read it, then `make golden`")
    return 0


if __name__ == "__main__":
    sys.exit(main())
