"""Every endpoint, by its path: what it is for, what it may be asked, and what it answers."""

import inspect
from collections.abc import Mapping

from gpufleet_collector.web import series
from gpufleet_collector.web.event_list import EVENT_PARAMETERS
from gpufleet_collector.web.export_question import EXPORT_PARAMETERS
from gpufleet_collector.web.history import HISTORY_PARAMETERS
from gpufleet_collector.web.hosts import HOST_PARAMETERS
from gpufleet_collector.web.now import GPU_PARAMETERS
from gpufleet_collector.web.openapi.access import ACCESS
from gpufleet_collector.web.openapi.operation import BAD, JSON, SELF, TOO_MUCH, UNAVAILABLE, Operation, page
from gpufleet_collector.web.openapi.schema import Schema, array, instant, ref, structure, text, whole
from gpufleet_collector.web.processes import PROCESS_PARAMETERS
from gpufleet_collector.web.prometheus.fleet import FLEET_PARAMETERS
from gpufleet_collector.web.series import SERIES_PARAMETERS

NOW, PAST = "Now", "The past"
TAGS = {
    NOW: "From memory: what agents said last.",
    PAST: "From the store.",
    SELF: "How the collector is, and this description.",
}
_STORED = (BAD, UNAVAILABLE)


def _families(shown: str) -> Mapping[str, Schema]:
    """Series as text, in both formats."""
    return {"text/plain": text("", shown), "application/openmetrics-text": text("", shown)}


OPERATIONS: Mapping[str, Operation] = {
    "/api/system/gpu-stats": Operation(
        "gpuStats",
        NOW,
        "Every GPU with its newest reading",
        "Ordered by host, index and UUID. A value is the newest reading no older than 2.5 periods of its metric, else "
        "null.",
        {JSON: page("gpus", ref("Gpu"))},
        GPU_PARAMETERS,
    ),
    "/api/system/gpu-stats/history": Operation(
        "gpuStatsHistory",
        PAST,
        "What GPUs did, sample by sample or in buckets of time",
        "Oldest first. Without `step` samples, with what was read at that very instant; with it buckets, from the "
        "cheapest table that can answer. A question about too many GPUs is refused with the filters that help.",
        {JSON: {"oneOf": [page("samples", ref("Sample")), page("buckets", ref("Bucket"))]}},
        HISTORY_PARAMETERS,
        _STORED,
    ),
    "/api/v1/series": Operation(
        "series",
        PAST,
        "Lines for charts",
        inspect.cleandoc(series.__doc__ or "").partition("\n\n")[2],
        {
            JSON: page(
                "series",
                ref("Series"),
                {
                    "since": instant(),
                    "until": instant(),
                    "step": whole("Seconds.", 300),
                    "complete_until": instant("Points that end by then are final, but for samples that come late."),
                    "incomplete": array(ref("Incomplete")),
                },
            )
        },
        SERIES_PARAMETERS,
        _STORED,
    ),
    "/api/v1/hosts": Operation(
        "hosts",
        NOW,
        "Every host, its state, and the agent on it",
        "Ordered by name.",
        {JSON: page("hosts", ref("Host"))},
        HOST_PARAMETERS,
    ),
    "/api/v1/gpus": Operation(
        "gpus",
        NOW,
        "Who every GPU is, and why a metric of it is absent",
        "Ordered by host, index and UUID.",
        {JSON: page("gpus", ref("GpuIdentity"))},
        GPU_PARAMETERS,
    ),
    "/api/v1/processes": Operation(
        "processes",
        NOW,
        "Who holds the GPUs now, or held them then",
        "Now, unless `since` or `until` is given: then those of that time, first seen earliest first.",
        {JSON: page("processes", ref("Process"))},
        PROCESS_PARAMETERS,
        _STORED,
    ),
    "/api/v1/events": Operation(
        "events",
        PAST,
        "What happened",
        "Newest first: XIDs, GPUs lost, found, hung and reset, drivers changed, agents started.",
        {JSON: page("events", ref("Event"))},
        EVENT_PARAMETERS,
        _STORED,
    ),
    "/api/v1/export": Operation(
        "export",
        PAST,
        "The past as a file of any length",
        "Oldest first; written while it is read. A response that is left unfinished broke off. Two run at a time: the "
        "next is a 503.",
        {
            "text/csv": text("", "host,gpu_uuid,recorded_at,power_watts"),
            "application/vnd.apache.parquet": {"type": "string", "contentMediaType": "application/vnd.apache.parquet"},
        },
        EXPORT_PARAMETERS,
        (*_STORED, 501, 505),
    ),
    "/api/v1/catalog": Operation(
        "catalog",
        SELF,
        "Every metric as it is declared",
        "So that no client has to know one in advance.",
        {JSON: structure("", {"metrics": array(ref("Metric"))})},
    ),
    "/api/v1/store": Operation(
        "store",
        SELF,
        "How the store is",
        "What the tables take, how far packing is, how the background jobs went.",
        {JSON: ref("Store")},
        problems=_STORED,
    ),
    **ACCESS,
    "/api/openapi.json": Operation(
        "openapi",
        SELF,
        "This description",
        "OpenAPI 3.1. The page over it is `/api/docs`.",
        {JSON: {"type": "object", "examples": [{"openapi": "3.1.0"}]}},
    ),
    "/healthz": Operation(
        "healthz",
        SELF,
        "Whether the process is there",
        "Parameters are not looked at.",
        {JSON: ref("Health")},
        problems=(),
        is_guarded=False,
    ),
    "/readyz": Operation(
        "readyz",
        SELF,
        "Whether it can do its work",
        "Parameters are not looked at.",
        {JSON: ref("Readiness")},
        problems=(UNAVAILABLE,),
        is_guarded=False,
    ),
    "/metrics": Operation(
        "metrics",
        SELF,
        "The collector's own health, for Prometheus",
        "OpenMetrics for who accepts it. Parameters are not looked at.",
        _families("gpufleet_streams 2.0"),
        problems=(),
    ),
    "/metrics/gpus": Operation(
        "metricsOfGpus",
        NOW,
        "The fleet, for Prometheus",
        "OpenMetrics for who accepts it. What was not read, or is too old, has no series. One answer is made at a "
        "time; where too many wait for theirs the next is a 503. More GPUs than `GPUFLEET_METRICS_MAX_GPUS` are a 413: "
        "ask for some hosts at a time.",
        _families('gpufleet_gpu_power_watts{gpu_uuid="GPU-11111111",host="host-001"} 412.0'),
        FLEET_PARAMETERS,
        (BAD, TOO_MUCH, UNAVAILABLE),
    ),
}
