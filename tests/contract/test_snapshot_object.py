"""A GPU of `gpufleet-agent snapshot --json` is the object that the collector's document describes."""

import jsonschema_rs
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.gpu_object import gpu_object
from gpufleet_agent.readings import GpuIdentity, GpuReading
from gpufleet_collector.web.openapi.document import document
from gpufleet_proto.catalog import METRICS

SCHEMAS = document("0")["components"]
GPU = jsonschema_rs.validator_for({"$ref": "#/components/schemas/Gpu", "components": SCHEMAS})


@given(st.fixed_dictionaries({}, optional={metric.name: st.floats(0, metric.max) for metric in METRICS}))
def test_whatever_was_read_is_told_as_the_collector_tells_it(values: dict[str, float]) -> None:
    reading = GpuReading(GpuIdentity("GPU-a", index=0, name="H200"), "ok", values)
    told = gpu_object(reading, host="node-1", instant_us=1_767_225_600_123_456, simulated=False)
    GPU.validate(told)
    for metric in METRICS:
        value = values.get(metric.name)
        assert told[metric.name] == (metric.round(value) if value is not None and metric.is_whole else value)
