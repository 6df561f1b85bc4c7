"""From a list of processes on the stream to the collector's own: what cannot be is left out, and counted."""

from collections import Counter
from dataclasses import dataclass, field

from gpufleet_collector.ingest.decode import MAX_DATABASE_INTEGER, NEWEST_INSTANT_US, OLDEST_INSTANT_US, Cleaner
from gpufleet_collector.ingest.identity import borders, is_uuid, refuse_instant
from gpufleet_collector.model import Process, ProcessList, Refusal
from gpufleet_proto import telemetry_pb2 as pb

MAX_PERCENT = 100


@dataclass(slots=True)
class JudgedProcesses:
    """The list, and how many processes were left out by reason."""

    told: ProcessList
    refused: Counter[Refusal] = field(default_factory=Counter)


def judge_processes(message: pb.Processes, host: str, cleaner: Cleaner, now_us: int) -> JudgedProcesses:
    """Each GPU and pid once: of several entries the first counts. A list of an impossible time counts as one of now."""
    limits = cleaner.limits
    kept: dict[tuple[str, int], Process] = {}
    refused: Counter[Refusal] = Counter()
    for process in message.processes:
        key = (process.gpu_uuid, process.pid)
        if not is_uuid(process.gpu_uuid) or not 0 < process.pid <= MAX_DATABASE_INTEGER or key in kept:
            refused[Refusal.INVALID] += 1
        elif len(kept) >= limits.processes_per_host:
            refused[Refusal.LIMIT] += 1
        else:
            kept[key] = _process(process, cleaner)
    observed_at = message.observed_at_us
    if refuse_instant(observed_at, *borders(limits, now_us)) is not None:
        observed_at = now_us
    return JudgedProcesses(ProcessList(host, observed_at, tuple(kept.values())), refused)


def _process(message: pb.Process, cleaner: Cleaner) -> Process:
    return Process(
        gpu_uuid=message.gpu_uuid,
        pid=message.pid,
        started_at=_started_at(message),
        name=cleaner.optional(message, "name"),
        memory_used_mb=_at_most(message, "memory_used_mb", MAX_DATABASE_INTEGER),
        sm_utilization_percent=_at_most(message, "sm_utilization_percent", MAX_PERCENT),
        graphics=message.graphics,
    )


def _started_at(message: pb.Process) -> int | None:
    instant = message.started_at_us if message.HasField("started_at_us") else 0
    return instant if OLDEST_INSTANT_US < instant <= NEWEST_INSTANT_US else None


def _at_most(message: pb.Process, field: str, most: int) -> int | None:
    """Drivers give numbers beyond any sense for what they do not know, which is absent."""
    value: int | None = getattr(message, field) if message.HasField(field) else None
    return value if value is not None and value <= most else None
