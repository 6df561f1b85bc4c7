"""The tables that can be exported, derived from the catalogue: a new metric is in them without further work."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TypeAlias

from gpufleet_collector.export.columns import Column, Kind, Row
from gpufleet_collector.model import PlacedEvent
from gpufleet_collector.store.event_history import EventQuery
from gpufleet_collector.store.history import HistoryBucket, HistoryQuery, HistorySample
from gpufleet_collector.store.process_history import ProcessSpan, SpanQuery
from gpufleet_collector.store.shapes import Shape
from gpufleet_proto.catalog import BY_NAME, Metric

Query: TypeAlias = HistoryQuery | EventQuery | SpanQuery


def _help(text: str, unit: str = "") -> tuple[tuple[str, str], ...]:
    return (("help", text), *((("unit", unit),) if unit else ()))


_HOST = Column("host", Kind.TEXT, _help("Host that the GPU was in; absent when none declared it"))
_UUID = Column("gpu_uuid", Kind.TEXT, _help("UUID of the GPU or MIG instance"))
_INDEX = Column("gpu_index", Kind.INT32, _help("The driver's number of the GPU in that host"))
_NAME = Column("gpu_name", Kind.TEXT, _help("Model of the GPU"))

EVENT_COLUMNS = (
    Column("id", Kind.TEXT, _help("Made by the agent; an event is stored once by it")),
    _HOST,
    _UUID,
    _INDEX,
    _NAME,
    Column("kind", Kind.TEXT, _help("What happened")),
    Column("severity", Kind.TEXT, _help("info, warning or critical")),
    Column("code", Kind.INT64, _help("Number of the XID")),
    Column("text", Kind.TEXT, _help("What happened, in words")),
    Column("occurred_at", Kind.INSTANT, _help("By the agent's clock")),
    Column("received_at", Kind.INSTANT, _help("By the collector's clock")),
)
PROCESS_COLUMNS = (
    _HOST,
    _UUID,
    _INDEX,
    _NAME,
    Column("pid", Kind.INT32, _help("Number of the process on its host")),
    Column("started_at", Kind.INSTANT, _help("When the process was started")),
    Column("name", Kind.TEXT, _help("Name of the process")),
    Column("memory_used_mb", Kind.INT32, _help("Memory of the GPU that it held when it was seen last", "MiB")),
    Column("sm_utilization_percent", Kind.INT16, _help("Its use of the GPU when it was seen last", "%")),
    Column("graphics", Kind.BOOLEAN, _help("Whether it held a graphics context")),
    Column("first_seen", Kind.INSTANT, _help("On that day (UTC)")),
    Column("last_seen", Kind.INSTANT, _help("On that day (UTC)")),
    Column("memory_max_mb", Kind.INT32, _help("The most memory that it was seen to hold on that day", "MiB")),
)


def name_of(query: Query) -> str:
    """What an export of it is called."""
    if isinstance(query, HistoryQuery):
        return "samples" if query.step_us is None else "buckets"
    return "events" if isinstance(query, EventQuery) else "processes"


def columns_of(query: Query) -> tuple[Column, ...]:
    """The columns of the rows that answer a query, named as the JSON of the API names them."""
    if isinstance(query, HistoryQuery):
        metrics = [BY_NAME[name] for name in query.metrics]
        return tuple(_sample_columns(metrics) if query.step_us is None else _bucket_columns(metrics))
    return EVENT_COLUMNS if isinstance(query, EventQuery) else PROCESS_COLUMNS


def _sample_columns(metrics: Sequence[Metric]) -> Iterator[Column]:
    yield from (_HOST, _UUID, _INDEX, _NAME)
    yield Column("recorded_at", Kind.INSTANT, _help("When the sample was taken, by the agent's clock"))
    for metric in metrics:
        yield Column(metric.name, _kind(metric), _facts(metric))


def _bucket_columns(metrics: Sequence[Metric]) -> Iterator[Column]:
    yield from (_HOST, _UUID, _INDEX)
    yield Column("start", Kind.INSTANT, _help("Begin of the bucket"))
    yield Column("count", Kind.INT32, _help("Samples in the bucket"))
    yield Column("complete", Kind.BOOLEAN, _help("Whether nothing is missing from the bucket and nothing more is due"))
    for metric in metrics:
        yield Column(f"{metric.name}_avg", Kind.FLOAT64, _facts(metric, "Average; "))
        yield Column(f"{metric.name}_min", _kind(metric), _facts(metric, "Smallest; "))
        yield Column(f"{metric.name}_max", _kind(metric), _facts(metric, "Largest; "))


def _kind(metric: Metric) -> Kind:
    return Kind(Shape(metric).sql_type)


def _facts(metric: Metric, what: str = "") -> tuple[tuple[str, str], ...]:
    return (
        *_help(f"{what}{metric.help}", metric.unit),
        ("kind", metric.kind.value),
        ("resolution", f"{metric.resolution:g}"),
    )


def sample_row(sample: HistorySample) -> Row:
    return (sample.host, sample.gpu_uuid, sample.gpu_index, sample.gpu_name, sample.recorded_at, *sample.values)


def bucket_row(bucket: HistoryBucket) -> Row:
    values = chain.from_iterable(value or (None, None, None) for value in bucket.values)
    return (bucket.host, bucket.gpu_uuid, bucket.gpu_index, bucket.start, bucket.count, bucket.complete, *values)


def event_row(placed: PlacedEvent) -> Row:
    event = placed.event
    return (
        event.id,
        event.host,
        event.gpu_uuid,
        placed.gpu_index,
        placed.gpu_name,
        event.kind,
        event.severity,
        event.code,
        event.text,
        event.occurred_at,
        event.received_at,
    )


def process_row(span: ProcessSpan) -> Row:
    process = span.process
    return (
        span.host,
        process.gpu_uuid,
        span.gpu_index,
        span.gpu_name,
        process.pid,
        process.started_at,
        process.name,
        process.memory_used_mb,
        process.sm_utilization_percent,
        process.graphics,
        span.first_seen,
        span.last_seen,
        span.memory_max_mb,
    )
