"""Events, each once by its id, and the processes that were seen on GPUs."""

import sqlalchemy as sa
from alembic import op

revision = "1.1"
down_revision = "1.0"

INDEX_QUERIES = {
    "pk_events": "the events of a time, newest first; and that an event sent twice is stored once",
    "ix_events_host_id_occurred_at": "the newest events of a host",
    "ix_events_gpu_uuid_occurred_at": "the newest events of a GPU",
    "pk_processes": "the row of a process that is still there: writing its last sighting; the processes of a GPU",
    "ix_processes_first_seen_gpu_id_pid": "the processes of a time, in the order of their pages",
    "ix_processes_host_id_first_seen": "the processes of a host over a time",
}


def upgrade() -> None:
    _events()
    _processes()
    for name, query in INDEX_QUERIES.items():
        op.execute(f"COMMENT ON INDEX {name} IS '{query}'")


def _instant(name: str, comment: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)


def _events() -> None:
    op.create_table(
        "events",
        _instant("occurred_at", "When it happened, the agent's clock"),
        sa.Column(
            "event_id", sa.Text(collation="C"), nullable=False, comment="Made by whoever saw it, unique for ever"
        ),
        sa.Column("host_id", sa.Integer(), nullable=False, comment="On which host"),
        sa.Column(
            "gpu_id",
            sa.Integer(),
            nullable=True,
            comment="To which GPU; null when to none, or to one not declared by then",
        ),
        sa.Column(
            "gpu_uuid", sa.Text(collation="C"), nullable=True, comment="To which GPU, as told; null when to none"
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="What happened"),
        sa.Column("severity", sa.Text(), nullable=False, comment="info, warning or critical"),
        sa.Column("code", sa.BigInteger(), nullable=True, comment="Number of an XID"),
        sa.Column("text", sa.Text(), nullable=False, comment="In words"),
        _instant("received_at", "When the collector heard of it, its own clock"),
        sa.PrimaryKeyConstraint("occurred_at", "event_id", name="pk_events"),
        comment="What happened on hosts and to GPUs, each event once",
        postgresql_partition_by="RANGE (occurred_at)",
    )
    op.create_index("ix_events_host_id_occurred_at", "events", ["host_id", "occurred_at"])
    op.create_index(
        "ix_events_gpu_uuid_occurred_at",
        "events",
        ["gpu_uuid", "occurred_at"],
        postgresql_where=sa.text("gpu_uuid IS NOT NULL"),
    )


def _processes() -> None:
    op.create_table(
        "processes",
        sa.Column("gpu_id", sa.Integer(), autoincrement=False, nullable=False, comment="On which GPU"),
        sa.Column(
            "pid", sa.Integer(), autoincrement=False, nullable=False, comment="The kernel's number for the process"
        ),
        _instant("first_seen", "When it was seen first, or first on that day, the agent's clock"),
        sa.Column("host_id", sa.Integer(), nullable=False, comment="On which host"),
        _instant("started_at", "When the process started", nullable=True),
        sa.Column("name", sa.Text(), nullable=True, comment="What it calls itself"),
        sa.Column("graphics", sa.Boolean(), nullable=False, comment="Whether it draws rather than computes"),
        _instant("last_seen", "When it was seen last, or last on that day, to within a minute while it runs"),
        sa.Column("memory_used_mb", sa.Integer(), nullable=True, comment="GPU memory when seen last; MiB"),
        sa.Column("memory_max_mb", sa.Integer(), nullable=True, comment="Most GPU memory that was seen; MiB"),
        sa.Column(
            "sm_utilization_percent",
            sa.SmallInteger(),
            nullable=True,
            comment="Share of the multiprocessors when seen last; %",
        ),
        sa.PrimaryKeyConstraint("gpu_id", "pid", "first_seen", name="pk_processes"),
        comment="One row per process, GPU and day (UTC) for as long as it was seen without a longer gap",
        postgresql_partition_by="RANGE (first_seen)",
    )
    op.create_index("ix_processes_first_seen_gpu_id_pid", "processes", ["first_seen", "gpu_id", "pid"])
    op.create_index("ix_processes_host_id_first_seen", "processes", ["host_id", "first_seen"])
