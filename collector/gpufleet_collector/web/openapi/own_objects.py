"""The objects that tell of the collector itself, and of what is wrong: their fields, in order."""

from collections.abc import Mapping

from gpufleet_collector.model import BUS_STATES, METRIC_NAMES
from gpufleet_collector.web.openapi.schema import (
    Schema,
    array,
    instant,
    mapping,
    nullable,
    number,
    one_of,
    ref,
    structure,
    text,
    whole,
)
from gpufleet_proto.catalog import Kind, Tier

METRIC = structure(
    "A metric as it is declared.",
    {
        "name": one_of(METRIC_NAMES, "", "power_watts"),
        "unit": text("", "W"),
        "help": text("", "Board power draw"),
        "panel": text("What it is shown with.", "power"),
        "tier": one_of([tier.value for tier in Tier], "How often it is read."),
        "kind": one_of([kind.value for kind in Kind]),
        "resolution": number("Values are multiples of it.", 0.1),
        "max": number("The largest value.", 100_000.0),
        "prometheus": text("", "gpufleet_gpu_power_watts"),
        "dcgm": nullable(text("DCGM's name for it.", "DCGM_FI_DEV_POWER_USAGE")),
        "names": mapping(text(), "Of values, or of bits.", {}),
    },
)
TABLE = structure(
    "A table of the store.",
    {
        "name": text("", "gpu_stats"),
        "bytes": whole("With everything that belongs to it.", 9_000_000),
        "rows": whole("PostgreSQL's own estimate.", 1_000),
        "partitions": whole("", 3),
    },
)
JOB = structure(
    "How a background job went.",
    {
        "name": text("", "pack"),
        "started_at": nullable(instant()),
        "finished_at": nullable(instant()),
        "succeeded_at": nullable(instant()),
        "error": nullable(text("What went wrong last; null when it went well."), shown=False),
        "detail": nullable(text(), shown=False),
        "done": nullable(whole("Steps of the last round.", 1)),
    },
)
STORE = structure(
    "How the store itself is.",
    {
        "time": instant("Now, by the database's clock."),
        "server_version": text("", "18.1"),
        "database_bytes": whole("", 12_345_678),
        "packed_until": instant("Hours that end by then are packed."),
        "packing_lag_seconds": number("How long the oldest hour that is due waits to be packed.", 0.0),
        "late_samples": whole("Samples that wait to be merged into packed hours.", 0),
        "tables": array(ref("Table")),
        "jobs": array(ref("Job")),
    },
)
HEALTH = structure("", {"status": text("", "ok")})
READINESS = structure(
    "That it can do its work.",
    {
        "status": text("", "ready"),
        "bus": one_of(
            BUS_STATES,
            "How the bus between collectors is; while it is `away`, hosts of other collectors are `unknown`.",
        ),
    },
)
PROBLEM = structure(
    "RFC 9457, with the name of the parameter at fault.",
    {
        "type": text("", "about:blank"),
        "title": text("", "Bad Request"),
        "status": whole("", 400),
        "detail": text("What is wrong, and what would be right.", "limit: is not a whole number up to 10000"),
        "parameter": nullable(text("The parameter at fault; null when it is none.", "limit")),
    },
)

OWN_SCHEMAS: Mapping[str, Schema] = {
    "Metric": METRIC,
    "Store": STORE,
    "Table": TABLE,
    "Job": JOB,
    "Health": HEALTH,
    "Readiness": READINESS,
    "Problem": PROBLEM,
}
