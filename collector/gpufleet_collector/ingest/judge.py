"""Which samples of a report are taken: protobuf in, rounded values and counted refusals out, without any I/O."""

import math
from collections import Counter
from dataclasses import dataclass, field

from gpufleet_collector.ingest.limits import MICROSECONDS, IngestLimits
from gpufleet_collector.model import Refusal, Sample, Values
from gpufleet_proto import telemetry_pb2 as pb
from gpufleet_proto.catalog import METRICS, Metric

MAX_UUID_LENGTH = 128


@dataclass(slots=True)
class Judgement:
    """The samples taken, refused samples by reason, and values dropped from samples that were taken."""

    samples: list[Sample] = field(default_factory=list)
    refused: Counter[Refusal] = field(default_factory=Counter)
    values_dropped: int = 0


def judge(report: pb.Report, limits: IngestLimits, now_us: int) -> Judgement:
    """Every GPUStats of the report is either a sample or one refusal."""
    judgement = Judgement()
    oldest, newest = borders(limits, now_us)
    for tick in report.ticks:
        reason = refuse_instant(tick.instant_us, oldest, newest)
        if reason is not None:
            judgement.refused[reason] += len(tick.gpus)
        else:
            _judge_tick(tick, limits, judgement)
    return judgement


def borders(limits: IngestLimits, now_us: int) -> tuple[int, int]:
    """The oldest and the newest instant that is taken."""
    oldest = now_us - round(limits.retention_seconds * MICROSECONDS)
    return oldest, now_us + round(limits.future_seconds * MICROSECONDS)


def refuse_instant(instant_us: int, oldest: int, newest: int) -> Refusal | None:
    """Why nothing of this instant is taken, or None."""
    if instant_us > newest:
        return Refusal.FUTURE
    return Refusal.TOO_OLD if instant_us < oldest else None


def _judge_tick(tick: pb.Tick, limits: IngestLimits, judgement: Judgement) -> None:
    room = max(0, limits.samples_per_report - len(judgement.samples))
    taken = min(limits.gpus_per_tick, room, len(tick.gpus))
    if taken < len(tick.gpus):
        judgement.refused[Refusal.LIMIT] += len(tick.gpus) - taken
    for stats in tick.gpus[:taken]:
        values, dropped = read_values(stats)
        judgement.values_dropped += dropped
        if is_uuid(stats.gpu_uuid) and any(value is not None for value in values):
            judgement.samples.append(Sample(stats.gpu_uuid, tick.instant_us, values))
        else:
            judgement.refused[Refusal.INVALID] += 1


def is_uuid(text: str) -> bool:
    """Whether this can name a GPU: an identity is refused rather than trimmed, lest two GPUs become one."""
    return 0 < len(text) <= MAX_UUID_LENGTH and text.isascii() and text.isprintable()


def read_values(stats: pb.GPUStats) -> tuple[Values, int]:
    """The values in catalogue order, rounded, and how many had to be dropped."""
    values = tuple(_read(stats, metric) for metric in METRICS)
    present = sum(value is not None for value in values)
    return values, sum(stats.HasField(metric.name) for metric in METRICS) - present


def _read(stats: pb.GPUStats, metric: Metric) -> int | float | None:
    if not stats.HasField(metric.name):
        return None
    value: int | float = getattr(stats, metric.name)
    if not math.isfinite(value) or not 0 <= value <= metric.max:
        return None
    return metric.round(value)
