"""A GPU as the JSON object that the collector's REST answers with, so that a snapshot and the fleet read the same."""

from datetime import UTC, datetime, timedelta

from gpufleet_agent.readings import GpuReading
from gpufleet_proto.catalog import METRICS, Metric

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def gpu_object(gpu: GpuReading, *, host: str, instant_us: int, simulated: bool) -> dict[str, object]:
    """Identity, state and every metric of the catalogue: as read but for whole numbers, None where there is none."""
    identity = gpu.gpu
    return {
        "host": host,
        "host_state": "up",
        "gpu_uuid": identity.uuid,
        "gpu_index": identity.index,
        "gpu_name": identity.name,
        "state": gpu.state,
        "simulated": simulated,
        "parent_uuid": identity.parent_uuid,
        "mig_profile": identity.mig_profile,
        "mig_instance": identity.mig_instance,
        "recorded_at": timestamp(instant_us),
        **{metric.name: _shown(metric, gpu.values.get(metric.name)) for metric in METRICS},
    }


def _shown(metric: Metric, value: float | None) -> float | None:
    return metric.round(value) if value is not None and metric.is_whole else value


def timestamp(instant_us: int) -> str:
    """Microseconds of wall time as `2026-01-01T00:00:00.123456Z`."""
    moment = _EPOCH + timedelta(microseconds=instant_us)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
