"""What the document says of metrics, from their declarations in telemetry.proto."""

from collections.abc import Mapping

from gpufleet_collector.web.openapi.schema import Schema, nullable, number, ref, scalar, structure
from gpufleet_proto.catalog import METRICS, Metric

_TYPICAL: Mapping[str, int] = {"°C": 62, "W": 412, "MiB": 65_536, "%": 87, "MHz": 1_980, "J": 81_234_567, "lanes": 16}
"""Examples by unit; 0 for the others."""


def metric_schema(metric: Metric) -> Schema:
    named = ", ".join(f"{value}: {name}" for value, name in metric.names)
    described = f"{metric.help} ({metric.unit}; {named})." if named else f"{metric.help} ({metric.unit})."
    typical = min(_TYPICAL.get(metric.unit, 0), metric.max)
    of_metric = {"x-unit": metric.unit, "x-kind": metric.kind.value, "x-tier": metric.tier.value}
    kind, shown = ("integer", int(typical)) if metric.is_whole else ("number", float(typical))
    return nullable(scalar(kind, described, shown, **of_metric))


METRIC_SCHEMAS: Mapping[str, Schema] = {metric.name: metric_schema(metric) for metric in METRICS}
"""A component for each metric, named as the metric: null where it was not read."""

OF_ONE_INSTANT: Mapping[str, Schema] = {name: ref(name) for name in METRIC_SCHEMAS}
OF_A_BUCKET: Mapping[str, Schema] = {name: nullable(ref("Summary")) for name in METRIC_SCHEMAS}

SUMMARY = structure(
    "A metric over the time of a bucket; null where it was not read in it.",
    {"avg": number("", 401.5), "min": number("", 388.0), "max": number("", 412.0)},
)
