"""A GPU is rendered as the object that the collector's REST interface answers with."""

import pytest

from gpufleet_agent.gpu_object import gpu_object, timestamp
from gpufleet_agent.readings import GpuIdentity, GpuReading
from gpufleet_proto.catalog import METRICS

IDENTITY_KEYS = [
    "host",
    "host_state",
    "gpu_uuid",
    "gpu_index",
    "gpu_name",
    "state",
    "simulated",
    "parent_uuid",
    "mig_profile",
    "mig_instance",
    "recorded_at",
]


def test_every_key_is_there_and_what_was_not_read_is_null() -> None:
    instance = GpuIdentity("MIG-a", index=3, name="H200", parent_uuid="GPU-a", mig_profile="1g.18gb", mig_instance=7)
    reading = GpuReading(
        instance, "ok", {"power_watts": 69.85, "energy_joules_total": 8475958331.7, "memory_used_mb": 0}
    )
    rendered = gpu_object(reading, host="node-1", instant_us=1_767_225_600_123_456, simulated=False)
    assert list(rendered) == IDENTITY_KEYS + [metric.name for metric in METRICS]
    assert {key: value for key, value in rendered.items() if value is not None} == {
        "host": "node-1",
        "host_state": "up",
        "gpu_uuid": "MIG-a",
        "gpu_index": 3,
        "gpu_name": "H200",
        "state": "ok",
        "simulated": False,
        "parent_uuid": "GPU-a",
        "mig_profile": "1g.18gb",
        "mig_instance": 7,
        "recorded_at": "2026-01-01T00:00:00.123456Z",
        "power_watts": 69.85,
        "energy_joules_total": 8475958332,
        "memory_used_mb": 0,
    }


@pytest.mark.parametrize(
    ("instant_us", "text"),
    [(0, "1970-01-01T00:00:00.000000Z"), (1_767_225_600_000_001, "2026-01-01T00:00:00.000001Z")],
)
def test_times_have_all_their_microseconds(instant_us: int, text: str) -> None:
    assert timestamp(instant_us) == text
