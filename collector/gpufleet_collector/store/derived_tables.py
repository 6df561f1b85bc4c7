"""The tables made from samples once their hour is over, their columns derived from the catalogue of metrics."""

from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from gpufleet_collector.store.shapes import Shape, column_comment
from gpufleet_proto.catalog import Metric

INDEX_QUERIES: dict[str, str] = {
    "pk_store_watermark": "that there is one watermark only",
    "pk_gpu_stats_packed": "the packed hours of a GPU over a time: history, merging late samples",
    "pk_gpu_stats_5m": "the 5-minute buckets of a GPU over a time: history",
    "pk_gpu_stats_1h": "the hourly buckets of a GPU over a time: history",
    "pk_fleet_stats_1m": "the minutes of the fleet, a model or a label over a time: series",
    "ix_fleet_stats_1m_minute": "the minutes of an hour, to put exact ones in their place",
    "pk_gpu_stats_late": "the late samples of a GPU over a time: history; and that one sent twice is stored once",
    "pk_jobs": "the state of a job: running it, showing it",
}


def define(metadata: MetaData, metrics: Iterable[Metric]) -> None:
    """Add the derived tables to `metadata`."""
    shapes = [Shape(metric) for metric in metrics]
    _watermark(metadata)
    _packed(metadata, shapes)
    _rollup(metadata, shapes, "gpu_stats_5m", "One row per GPU and hour: twelve buckets of five minutes", arrays=True)
    _rollup(metadata, shapes, "gpu_stats_1h", "One row per GPU and hour: the hour as one bucket", arrays=False)
    _fleet(metadata, shapes)
    _late(metadata, shapes)
    _jobs(metadata)


def _instant(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable, comment=comment)


def _gpu_id() -> Column[int]:
    return Column("gpu_id", Integer, nullable=False, autoincrement=False, comment="Which GPU")


def _watermark(metadata: MetaData) -> None:
    Table(
        "store_watermark",
        metadata,
        Column("id", Boolean, nullable=False, server_default=text("true"), comment="There is one row only"),
        _instant("packed_until", "Samples before it are packed; rows count from here on"),
        _instant("closed_until", "Samples before it go to gpu_stats_late when they arrive now"),
        PrimaryKeyConstraint("id"),
        CheckConstraint("id", name="ck_store_watermark_one_row"),
        CheckConstraint("packed_until <= closed_until", name="ck_store_watermark_order"),
        comment="Which table speaks for which time; whole hours that only move forward",
    )


def _packed(metadata: MetaData, shapes: Iterable[Shape]) -> None:
    Table(
        "gpu_stats_packed",
        metadata,
        _gpu_id(),
        _instant("hour", "Begin of the hour"),
        Column("samples", Integer, nullable=False, comment="How many samples the arrays hold"),
        _instant("first_at", "Instant of the first sample"),
        Column("instants", ARRAY(Integer), comment="Microseconds from the sample before; 0 for the first"),
        Column("instants_wide", ARRAY(BigInteger), comment="Instead of instants where a step does not fit it"),
        *(column for shape in shapes for column in shape.packed_columns()),
        PrimaryKeyConstraint("gpu_id", "hour"),
        comment="One row per GPU and hour: arrays with an element per sample; read them through gpu_stats_all",
        postgresql_partition_by="RANGE (hour)",
    )


def _rollup(metadata: MetaData, shapes: Iterable[Shape], name: str, comment: str, *, arrays: bool) -> None:
    samples = "Samples in each bucket" if arrays else "Samples in the hour"
    Table(
        name,
        metadata,
        _gpu_id(),
        _instant("hour", "Begin of the hour"),
        Column("samples", ARRAY(Integer) if arrays else Integer, nullable=False, comment=samples),
        *(column for shape in shapes for column in shape.rollup_columns(arrays=arrays)),
        PrimaryKeyConstraint("gpu_id", "hour"),
        comment=f"{comment}; null where there was no value",
        postgresql_partition_by="RANGE (hour)",
    )


def _fleet(metadata: MetaData, shapes: Iterable[Shape]) -> None:
    Table(
        "fleet_stats_1m",
        metadata,
        Column("scope", Text(collation="C"), nullable=False, comment="fleet, model or label"),
        Column("key", Text(collation="C"), nullable=False, comment="Name of the label, else empty"),
        Column("value", Text(collation="C"), nullable=False, comment="Value of the label, or name of the model"),
        _instant("minute", "Begin of the minute"),
        Column("exact", Boolean, nullable=False, comment="From the samples of a packed hour, not from live values"),
        Column("gpus", Integer, nullable=False, comment="Whole GPUs with a sample"),
        Column("samples", Integer, nullable=False, comment="Samples of whole GPUs"),
        *(column for shape in shapes if shape.is_summed for column in shape.fleet_columns()),
        PrimaryKeyConstraint("scope", "key", "value", "minute"),
        Index(None, "minute"),
        comment="Minutes of the whole fleet, of each model and of labels, in parts that add up over GPUs",
        postgresql_partition_by="RANGE (minute)",
    )


def _late(metadata: MetaData, shapes: Iterable[Shape]) -> None:
    Table(
        "gpu_stats_late",
        metadata,
        _gpu_id(),
        _instant("recorded_at", "When it was read, the agent's clock"),
        *(Column(shape.name, shape.type, comment=column_comment(shape.metric)) for shape in shapes),
        PrimaryKeyConstraint("gpu_id", "recorded_at"),
        comment="Samples that came after their hour was closed, until they are merged into it",
        postgresql_partition_by="RANGE (recorded_at)",
    )


def _jobs(metadata: MetaData) -> None:
    Table(
        "jobs",
        metadata,
        Column("name", Text(collation="C"), nullable=False, comment="Which job"),
        _instant("started_at", "When it began last", nullable=True),
        _instant("finished_at", "When it ended last, well or not", nullable=True),
        _instant("succeeded_at", "When it ended well last", nullable=True),
        Column("error", Text, comment="Why it did not end well; null when it did"),
        Column("detail", Text, comment="What it does now, or did last"),
        Column("done", BigInteger, comment="How much of the total is done"),
        Column("total", BigInteger, comment="How much there is to do"),
        PrimaryKeyConstraint("name"),
        comment="The jobs in the background, as any collector on this database ran them last",
    )
