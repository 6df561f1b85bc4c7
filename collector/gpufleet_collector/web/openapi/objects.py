"""The objects of the fleet: their fields, in the order in which they are written."""

from collections.abc import Mapping

from gpufleet_collector.model import EVENT_KINDS, HOST_STATES, METRIC_NAMES, SEVERITIES, AgentCost
from gpufleet_collector.store.plan import AGGREGATIONS, Source
from gpufleet_collector.web.openapi.metrics import METRIC_SCHEMAS, OF_A_BUCKET, OF_ONE_INSTANT, SUMMARY
from gpufleet_collector.web.openapi.own_objects import OWN_SCHEMAS
from gpufleet_collector.web.openapi.schema import (
    Schema,
    array,
    instant,
    mapping,
    nullable,
    number,
    of_dataclass,
    one_of,
    pair,
    ref,
    structure,
    text,
    truth,
    whole,
)
from gpufleet_proto.catalog import Kind

UUID = "GPU-11111111-1111-1111-1111-111111111111"
HOST = text("The host, by its configured name.", "host-001")
HOST_STATE = one_of(
    HOST_STATES,
    "`late` and `down` by when the collector last heard of it; `left` said goodbye; `unknown` was not heard since the "
    "collector started.",
)
GPU_UUID = text("The GPU or MIG instance.", UUID)
SIMULATED = truth("Whether the host makes its GPUs up.")
BOARD: Mapping[str, Schema] = {
    "gpu_uuid": GPU_UUID,
    "gpu_index": nullable(whole("The driver's number of the GPU.", 0)),
    "gpu_name": nullable(text("The model.", "NVIDIA H200")),
}
WHO: Mapping[str, Schema] = {
    "host": HOST,
    "host_state": HOST_STATE,
    **BOARD,
    "state": text("`ok`, `lost`, `hung`, `driver_mismatch`, `suspended` or `unknown`.", "ok"),
    "simulated": SIMULATED,
}
MIG: Mapping[str, Schema] = {
    "parent_uuid": nullable(text("The GPU of a MIG instance; null for whole GPUs.", UUID), shown=False),
    "mig_profile": nullable(text("Such as `1g.18gb`.", "1g.18gb"), shown=False),
    "mig_instance": nullable(whole("The number of the instance on its GPU.", 7), shown=False),
}

GPU = structure(
    "A GPU now: who, where and how it is, then the newest reading of every metric, null where there is none that is "
    "recent.",
    {
        **WHO,
        **MIG,
        "recorded_at": nullable(instant("When the core metrics were read.")),
        **OF_ONE_INSTANT,
    },
)
IDENTITY = structure(
    "Who a GPU is, where it sits, and why a metric of it is absent.",
    {
        **WHO,
        "pci_bus_id": nullable(text("", "00000000:19:00.0")),
        "serial": nullable(text("", "1650000000001")),
        "vbios": nullable(text("", "96.00.D0.00.01")),
        **MIG,
        "absent": mapping(text(), "Why, by metric.", {"fan_speed_percent": "NOT_SUPPORTED"}),
    },
)
SAMPLE = structure(
    "What was read of a GPU at one instant. `host`, `gpu_index` and `gpu_name` are those of that instant.",
    {
        "host": nullable(HOST),
        **BOARD,
        "recorded_at": instant("When it was read."),
    },
    OF_ONE_INSTANT,
)
BUCKET = structure(
    "A GPU over a step of time; the metrics that were asked for.",
    {
        "host": nullable(HOST),
        "gpu_uuid": GPU_UUID,
        "start": instant("The begin of the step."),
        "count": whole("How many samples there are.", 12),
        "complete": truth("False while samples of this time may still come, and when some of them are no longer kept."),
    },
    OF_A_BUCKET,
)
AGENT_OF_HOST = structure(
    "The agent on a host, and what it costs.",
    {
        "version": text("", "0.1.0"),
        "agent_id": text("New with every start of the agent.", "5f0c"),
        "boot_id": text("New with every start of the host.", "9a1b"),
        "platform": text("", "Linux 6.1, Python 3.11"),
        "skew_seconds": nullable(number("The host's clock less the collector's.", 0.25)),
        "interval_seconds": nullable(number("From reading to reading.", 5.0)),
        "cost": nullable(ref("AgentCost")),
    },
)
HOST_OBJECT = structure(
    "A host and its agent.",
    {
        "host": HOST,
        "state": HOST_STATE,
        "host_state": one_of(HOST_STATES, "The same, by the name that it has in every other object."),
        "since": instant("Since when it is in this state."),
        "last_seen": nullable(instant("When the collector last heard of it.")),
        "labels": mapping(text(), "As configured on the host.", {"rack": "r1"}),
        "simulated": SIMULATED,
        "backend": text("How GPUs are read: `nvml`, `nvidia-smi`, `simulated` or `none`.", "nvml"),
        "driver_version": nullable(text("", "570.86.15")),
        "nvml_version": nullable(text("", "12.570.86.15")),
        "note": nullable(text("What is not well with reading, and what to do about it."), shown=False),
        "gpu_count": whole("Whole GPUs.", 8),
        "agent": ref("Agent"),
    },
)
GROUP = structure(
    "What the series is of: `{}` for the fleet, `host`, `model`, `label` and `value`, or `gpu_uuid` with the place "
    "where the GPU was last.",
    {},
    {
        "host": nullable(HOST),
        "model": text("", "NVIDIA H200"),
        "label": text("", "rack"),
        "value": text("", "r1"),
        **BOARD,
    },
) | {"examples": [{"host": "host-001"}]}
SERIES = structure(
    "One line of a chart.",
    {
        "group": ref("Group"),
        "metric": one_of(METRIC_NAMES, "", "power_watts"),
        "agg": one_of(AGGREGATIONS),
        "unit": text("", "W"),
        "kind": one_of([kind.value for kind in Kind]),
        "source": one_of([source.value for source in Source], "The table that answered."),
        "cell_seconds": nullable(
            whole("Over how much time the values of single GPUs were averaged before; null when not.", 300)
        ),
        "points": array(
            pair(instant("Begin of the step."), number("", 312.5)),
            "Oldest first; a step without a value has no point.",
        ),
    },
)
INCOMPLETE = structure(
    "A time whose points are not final.",
    {
        "since": instant(),
        "until": instant(),
        "reason": text("`open`, `late`, `estimated`, `not_packed` or `dropped`.", "open"),
    },
)
EVENT = structure(
    "Something that happened once.",
    {
        "id": text("", "0198c1f2"),
        "host": HOST,
        **BOARD,
        "gpu_uuid": nullable(GPU_UUID),
        "kind": one_of(EVENT_KINDS),
        "severity": one_of(SEVERITIES, "", "critical"),
        "code": nullable(whole("The driver's number, such as that of an XID.", 79)),
        "text": text("", "GPU has fallen off the bus."),
        "occurred_at": instant("By the host's clock."),
        "received_at": instant("By the collector's clock."),
    },
)
PROCESS = structure(
    "A process that holds a context on a GPU. Asked about a time, one object per process, GPU and day (UTC).",
    {
        "host": HOST,
        "host_state": HOST_STATE,
        **BOARD,
        "pid": whole("", 4711),
        "started_at": nullable(instant()),
        "name": nullable(text("", "python train.py")),
        "memory_used_mb": nullable(whole("MiB.", 65_536)),
        "sm_utilization_percent": nullable(whole("", 97)),
        "graphics": truth("Whether it draws rather than computes."),
        "observed_at": instant("When memory and utilization were seen."),
    },
    {
        "first_seen": instant("Of a time alone."),
        "last_seen": instant("Of a time alone."),
        "memory_max_mb": nullable(whole("The most of that time, MiB.", 70_000)),
    },
)
SCHEMAS: Mapping[str, Schema] = {
    "Gpu": GPU,
    "GpuIdentity": IDENTITY,
    "Sample": SAMPLE,
    "Bucket": BUCKET,
    "Summary": SUMMARY,
    "Host": HOST_OBJECT,
    "Agent": AGENT_OF_HOST,
    "AgentCost": of_dataclass(AgentCost, "What the agent itself uses; null is not known."),
    "Series": SERIES,
    "Group": GROUP,
    "Incomplete": INCOMPLETE,
    "Event": EVENT,
    "Process": PROCESS,
    **OWN_SCHEMAS,
    **METRIC_SCHEMAS,
}
