"""Every table has as many columns as its rows have cells, under the names that the API's JSON has."""

from fakes.clock import START_US
from fakes.fleet import event
from fakes.web_surfaces import small_fleet
from gpufleet_collector.export.tables import (
    Query,
    bucket_row,
    columns_of,
    event_row,
    name_of,
    process_row,
    sample_row,
)
from gpufleet_collector.model import METRIC_NAMES, PlacedEvent
from gpufleet_collector.store.event_history import EventQuery
from gpufleet_collector.store.history import HistoryBucket, HistoryQuery, HistorySample
from gpufleet_collector.store.process_history import SpanQuery
from gpufleet_collector.web.event_list import event_object
from gpufleet_collector.web.processes import span_object

SAMPLES = HistoryQuery(0, 1, metrics=METRIC_NAMES)
BUCKETS = HistoryQuery(0, 1, metrics=("power_watts", "fan_speed_percent"), step_us=60_000_000)


def names(query: Query) -> list[str]:
    return [column.name for column in columns_of(query)]


def test_every_metric_of_the_catalogue_is_a_column() -> None:
    assert names(SAMPLES) == ["host", "gpu_uuid", "gpu_index", "gpu_name", "recorded_at", *METRIC_NAMES]
    row = sample_row(HistorySample("alpha", "GPU-1", 0, None, START_US, tuple(range(len(METRIC_NAMES)))))
    assert dict(zip(names(SAMPLES), row, strict=True))["fan_speed_percent"] == METRIC_NAMES.index("fan_speed_percent")


def test_buckets_have_three_columns_of_each_metric() -> None:
    row = bucket_row(HistoryBucket("alpha", "GPU-1", 0, START_US, 12, True, ((300.5, 299.0, 302.0), None)))
    assert dict(zip(names(BUCKETS), row, strict=True)) == {
        "host": "alpha",
        "gpu_uuid": "GPU-1",
        "gpu_index": 0,
        "start": START_US,
        "count": 12,
        "complete": True,
        "power_watts_avg": 300.5,
        "power_watts_min": 299.0,
        "power_watts_max": 302.0,
        "fan_speed_percent_avg": None,
        "fan_speed_percent_min": None,
        "fan_speed_percent_max": None,
    }


def test_events_and_processes_have_the_fields_of_the_api() -> None:
    placed = PlacedEvent(event("e1"), 0, "NVIDIA H200")
    assert names(EventQuery(0, 1)) == list(event_object(placed))
    assert len(event_row(placed)) == len(names(EventQuery(0, 1)))
    (span,) = small_fleet().spans.found
    known = span_object(span, "up")
    assert names(SpanQuery(0, 1)) == [name for name in known if name not in {"host_state", "observed_at"}]
    assert len(process_row(span)) == len(names(SpanQuery(0, 1)))


def test_a_table_has_a_name() -> None:
    assert [name_of(query) for query in (SAMPLES, BUCKETS, EventQuery(0, 1), SpanQuery(0, 1))] == [
        "samples",
        "buckets",
        "events",
        "processes",
    ]
