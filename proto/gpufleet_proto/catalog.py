"""The catalogue of metrics, read from the options in telemetry.proto, so that no other file declares a metric again."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gpufleet_proto import telemetry_pb2 as pb


class Kind(enum.Enum):
    GAUGE = "gauge"
    COUNTER = "counter"
    FLAGS = "flags"
    ENUMERATION = "enumeration"


class Tier(enum.Enum):
    CORE = "core"
    PROFILING = "profiling"
    SLOW = "slow"


SLOW_TIER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of a GPU, as its option in telemetry.proto declares it."""

    name: str
    number: int
    unit: str
    help: str
    panel: str
    tier: Tier
    kind: Kind
    resolution: float
    max: float
    prometheus: str
    prometheus_factor: float
    nvidia_smi: tuple[str, ...]
    dcgm: str | None
    dcgm_factor: float
    names: tuple[tuple[int, str], ...]
    is_integer: bool
    """Whether the field on the wire holds whole numbers."""

    @property
    def is_whole(self) -> bool:
        """Whether stored values are whole numbers."""
        return self.resolution >= 1

    @property
    def steps_per_unit(self) -> int:
        """How many steps of the resolution make one unit: 10 for 0.1."""
        return max(1, round(1 / self.resolution))

    def round(self, value: float) -> int | float:
        """The multiple of the resolution nearest to `value`: what is stored, sent and shown."""
        if self.is_whole:
            return round(value)
        return round(value * self.steps_per_unit) / self.steps_per_unit

    def period_seconds(self, interval_seconds: float) -> float:
        """How often the metric is read by an agent with this polling interval."""
        return max(interval_seconds, SLOW_TIER_SECONDS) if self.tier is Tier.SLOW else interval_seconds


def read_catalog(message: Any) -> tuple[Metric, ...]:
    """The metrics declared on the fields of `message` (a Descriptor), in order of their field numbers."""
    return tuple(sorted(_metrics(message), key=lambda metric: metric.number))


def _metrics(message: Descriptor) -> Iterator[Metric]:
    extension: Any = pb.metric  # generated stubs do not say what an extension extends
    for field in message.fields:
        options = field.GetOptions()
        if options.HasExtension(extension):
            yield _metric(field, options.Extensions[extension])


def _metric(field: FieldDescriptor, option: pb.Metric) -> Metric:
    return Metric(
        name=field.name,
        number=field.number,
        unit=option.unit,
        help=option.help,
        panel=option.panel,
        tier=Tier[pb.Tier.Name(option.tier)],
        kind=Kind[pb.Kind.Name(option.kind)],
        resolution=option.resolution,
        max=option.max,
        prometheus=option.prometheus,
        prometheus_factor=option.prometheus_factor,
        nvidia_smi=tuple(option.nvidia_smi),
        dcgm=option.dcgm or None,
        dcgm_factor=option.dcgm_factor or 1.0,
        names=tuple((entry.value, entry.name) for entry in option.names),
        is_integer=field.type not in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE),
    )


METRICS: tuple[Metric, ...] = read_catalog(pb.GPUStats.DESCRIPTOR)
BY_NAME: dict[str, Metric] = {metric.name: metric for metric in METRICS}
BY_NUMBER: dict[int, Metric] = {metric.number: metric for metric in METRICS}
