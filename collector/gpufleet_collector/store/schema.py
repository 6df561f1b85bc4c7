"""Every table of the database as SQLAlchemy metadata; the columns of `gpu_stats` come from the catalogue of metrics."""

from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gpufleet_collector.store import derived_tables
from gpufleet_collector.store.shapes import column_comment
from gpufleet_collector.store.shapes import column_type as column_type
from gpufleet_proto.catalog import METRICS, Metric

VERSION_TABLE = "gpufleet_schema_version"
"""Alembic's own table: one row `major.minor`."""

PARTITION_SCHEMA = "gpufleet_partitions"

INDEX_QUERIES: dict[str, str] = {
    "pk_hosts": "the host of a placement",
    "uq_hosts_name": "the id of a host by its name: writing its inventory, history by host",
    "pk_gpus": "the GPU of a placement or of a sample",
    "uq_gpus_uuid": "the id of a GPU by its UUID: writing its samples, history by GPU",
    "pk_placements": "closing or moving one placement",
    "uq_placements_gpu_id_since": "where a GPU was at an instant: history",
    "uq_placements_gpu_id_open": "where a GPU is now, and that it is in one place only",
    "ix_placements_host_id": "which GPUs a host has or had: its inventory, history by host",
    "pk_gpu_stats": "the samples of a GPU over a time: history; and that a sample sent twice is stored once",
    "pk_events": "the events of a time, newest first; and that an event sent twice is stored once",
    "ix_events_host_id_occurred_at": "the newest events of a host",
    "ix_events_gpu_uuid_occurred_at": "the newest events of a GPU",
    "pk_processes": "the row of a process that is still there: writing its last sighting; the processes of a GPU",
    "ix_processes_first_seen_gpu_id_pid": "the processes of a time, in the order of their pages",
    "ix_processes_host_id_first_seen": "the processes of a host over a time",
    "pk_tokens": "one token by what it is called: revoking it",
    "uq_tokens_digest": "that no two tokens are the same",
    **derived_tables.INDEX_QUERIES,
}
"""What each index is for; it is the index's comment in the database."""

_NAMES = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
}


def build_metadata(metrics: Iterable[Metric] = METRICS) -> MetaData:
    """The whole schema, with one nullable column in `gpu_stats`, and those of the derived tables, for each of
    `metrics`."""
    metrics = tuple(metrics)
    metadata = MetaData(naming_convention=_NAMES)
    _hosts(metadata)
    _gpus(metadata)
    _placements(metadata)
    _gpu_stats(metadata, metrics)
    _events(metadata)
    _processes(metadata)
    _tokens(metadata)
    derived_tables.define(metadata, metrics)
    return metadata


def _instant(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable, comment=comment)


def _name(name: str, comment: str) -> Column[str]:
    """Sorted by code point, whatever the collation of the database: cursors go by it."""
    return Column(name, Text(collation="C"), nullable=False, comment=comment)


def _hosts(metadata: MetaData) -> None:
    Table(
        "hosts",
        metadata,
        Column("id", Integer, Identity(always=True), comment="Short for the name"),
        _name("name", "As configured on the host's agent"),
        Column("labels", JSONB, nullable=False, comment="Names and values, as configured on the agent"),
        Column("agent_id", Text, nullable=False, comment="Random, new with every start of the agent"),
        Column("boot_id", Text, nullable=False, comment="New with every start of the host"),
        Column("agent_version", Text, nullable=False, comment="Version of the agent"),
        Column("platform", Text, nullable=False, comment="Operating system, kernel and Python of the agent"),
        Column("backend", Text, nullable=False, comment="How the agent reads its GPUs"),
        Column("driver_version", Text, comment="Version of the NVIDIA driver"),
        Column("nvml_version", Text, comment="Version of NVML"),
        Column("note", Text, comment="What the agent tells the operator: why there is no GPU, what is wrong"),
        Column("simulated", Boolean, nullable=False, comment="Whether the GPUs are invented"),
        _instant("inventory_at", "Since when the inventory holds, the agent's clock"),
        _instant("first_seen", "When it was first heard of"),
        _instant("last_seen", "When it was last heard of, to within a minute"),
        _instant("left_at", "When its agent said goodbye; null while it is there", nullable=True),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("name"),
        comment="Every host that ever had an agent, as last heard of",
    )


def _gpus(metadata: MetaData) -> None:
    Table(
        "gpus",
        metadata,
        Column("id", Integer, Identity(always=True), comment="Short for the UUID"),
        _name("uuid", "What the GPU is, wherever it sits"),
        Column("name", Text, comment="Product name"),
        Column("serial", Text, comment="Serial number of the board"),
        Column("vbios", Text, comment="Version of the video BIOS"),
        Column("parent_uuid", Text, comment="The GPU that a MIG instance is part of"),
        Column("mig_profile", Text, comment="Profile of a MIG instance"),
        Column("mig_instance", Integer, comment="Number of a MIG instance"),
        _instant("first_seen", "When it was first heard of"),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("uuid"),
        comment="Every GPU and MIG instance that was ever declared, as last heard of",
    )


def _placements(metadata: MetaData) -> None:
    until = Column("until", DateTime(timezone=True), comment="Until when, not included; null means now")
    gpu_id = Column("gpu_id", Integer, ForeignKey("gpus.id"), nullable=False, comment="Which GPU")
    Table(
        "placements",
        metadata,
        Column("id", Integer, Identity(always=True), comment="Number of the placement"),
        gpu_id,
        Column("host_id", Integer, ForeignKey("hosts.id"), nullable=False, comment="In which host"),
        Column("gpu_index", Integer, comment="The driver's number for the GPU there"),
        Column("pci_bus_id", Text, comment="In which slot"),
        _instant("since", "From when, the agent's clock"),
        until,
        PrimaryKeyConstraint("id"),
        UniqueConstraint("gpu_id", "since"),
        Index("uq_placements_gpu_id_open", gpu_id, unique=True, postgresql_where=text("until IS NULL")),
        Index(None, "host_id"),
        comment="Which GPU was where, and when; never two at a time for one GPU",
    )


def _gpu_stats(metadata: MetaData, metrics: Iterable[Metric]) -> None:
    Table(
        "gpu_stats",
        metadata,
        Column("gpu_id", Integer, nullable=False, autoincrement=False, comment="Which GPU"),
        _instant("recorded_at", "When it was read, the agent's clock"),
        *(Column(metric.name, column_type(metric), comment=column_comment(metric)) for metric in metrics),
        PrimaryKeyConstraint("gpu_id", "recorded_at"),
        comment="One row per GPU and instant; null means that the value could not be read",
        postgresql_partition_by="RANGE (recorded_at)",
    )


def _events(metadata: MetaData) -> None:
    Table(
        "events",
        metadata,
        _instant("occurred_at", "When it happened, the agent's clock"),
        _name("event_id", "Made by whoever saw it, unique for ever"),
        Column("host_id", Integer, nullable=False, comment="On which host"),
        Column("gpu_id", Integer, comment="To which GPU; null when to none, or to one not declared by then"),
        Column("gpu_uuid", Text(collation="C"), comment="To which GPU, as told; null when to none"),
        Column("kind", Text, nullable=False, comment="What happened"),
        Column("severity", Text, nullable=False, comment="info, warning or critical"),
        Column("code", BigInteger, comment="Number of an XID"),
        Column("text", Text, nullable=False, comment="In words"),
        _instant("received_at", "When the collector heard of it, its own clock"),
        PrimaryKeyConstraint("occurred_at", "event_id"),
        Index(None, "host_id", "occurred_at"),
        Index(None, "gpu_uuid", "occurred_at", postgresql_where=text("gpu_uuid IS NOT NULL")),
        comment="What happened on hosts and to GPUs, each event once",
        postgresql_partition_by="RANGE (occurred_at)",
    )


def _processes(metadata: MetaData) -> None:
    Table(
        "processes",
        metadata,
        Column("gpu_id", Integer, nullable=False, autoincrement=False, comment="On which GPU"),
        Column("pid", Integer, nullable=False, autoincrement=False, comment="The kernel's number for the process"),
        _instant("first_seen", "When it was seen first, or first on that day, the agent's clock"),
        Column("host_id", Integer, nullable=False, comment="On which host"),
        _instant("started_at", "When the process started", nullable=True),
        Column("name", Text, comment="What it calls itself"),
        Column("graphics", Boolean, nullable=False, comment="Whether it draws rather than computes"),
        _instant("last_seen", "When it was seen last, or last on that day, to within a minute while it runs"),
        Column("memory_used_mb", Integer, comment="GPU memory when seen last; MiB"),
        Column("memory_max_mb", Integer, comment="Most GPU memory that was seen; MiB"),
        Column("sm_utilization_percent", SmallInteger, comment="Share of the multiprocessors when seen last; %"),
        PrimaryKeyConstraint("gpu_id", "pid", "first_seen"),
        Index(None, "first_seen", "gpu_id", "pid"),
        Index(None, "host_id", "first_seen"),
        comment="One row per process, GPU and day (UTC) for as long as it was seen without a longer gap",
        postgresql_partition_by="RANGE (first_seen)",
    )


def _tokens(metadata: MetaData) -> None:
    Table(
        "tokens",
        metadata,
        Column("id", Text(collation="C"), nullable=False, comment="The public part of the token"),
        Column("digest", LargeBinary, nullable=False, comment="SHA-256 of the token, which itself is nowhere kept"),
        Column("role", Text, nullable=False, comment="agent, viewer or admin"),
        Column("name", Text, nullable=False, comment="What it is for, as whoever made it says"),
        Column("hosts", ARRAY(Text), nullable=False, comment="Patterns of the hosts it may speak for; none is any"),
        _instant("created_at", "When it was made"),
        _instant("expires_at", "From when it is not valid any more; null is never", nullable=True),
        _instant("revoked_at", "Since when it is not valid any more; null while it is", nullable=True),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("digest"),
        comment="Who may stream, read or administer",
    )


metadata = build_metadata()
hosts = metadata.tables["hosts"]
gpus = metadata.tables["gpus"]
placements = metadata.tables["placements"]
gpu_stats = metadata.tables["gpu_stats"]
events = metadata.tables["events"]
processes = metadata.tables["processes"]
tokens = metadata.tables["tokens"]
store_watermark = metadata.tables["store_watermark"]
gpu_stats_packed = metadata.tables["gpu_stats_packed"]
gpu_stats_5m = metadata.tables["gpu_stats_5m"]
gpu_stats_1h = metadata.tables["gpu_stats_1h"]
fleet_stats_1m = metadata.tables["fleet_stats_1m"]
gpu_stats_late = metadata.tables["gpu_stats_late"]
jobs = metadata.tables["jobs"]
