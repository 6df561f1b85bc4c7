"""From a list of processes on the stream to the collector's own: what cannot be is left out, and counted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from gpufleet_collector.ingest.decode import MAX_DATABASE_INTEGER, NEWEST_INSTANT_US, OLDEST_INSTANT_US, Cleaner
from gpufleet_collector.ingest.identity import borders, is_uuid, refuse_instant
from gpufleet_collector.model import Gpu, Process, ProcessList, Refusal
from gpufleet_proto import telemetry_pb2 as pb

MAX_PERCENT = 100


@dataclass(slots=True)
class JudgedProcesses:
    """The list, and how many processes were left out by reason."""

    told: ProcessList
    refused: Counter[Refusal] = field(default_factory=Counter)


def judge_processes(
    message: pb.Processes, host: str, cleaner: Cleaner, now_us: int, known: Mapping[str, Gpu]
) -> JudgedProcesses:
    """Each GPU and pid once: of several entries the first counts. A list of an impossible time counts as one of now.
    `known` are the GPUs of the host by UUID."""
    limits = cleaner.limits
    kept: dict[tuple[str, int], Process] = {}
    refused: Counter[Refusal] = Counter()
    names: dict[str, str] = {}
    for process in message.processes:
        gpu_uuid, pid = process.gpu_uuid, process.pid
        gpu = known.get(gpu_uuid)
        if gpu is not None:
            gpu_uuid = gpu.uuid  # the same text, kept once
        key = (gpu_uuid, pid)
        if (gpu is None and not is_uuid(gpu_uuid)) or not 0 < pid <= MAX_DATABASE_INTEGER or key in kept:
            refused[Refusal.INVALID] += 1
        elif len(kept) >= limits.processes_per_host:
            refused[Refusal.LIMIT] += 1
        else:
            kept[key] = _process(process, gpu_uuid, _name(process, names, cleaner))
    observed_at = message.observed_at_us
    if refuse_instant(observed_at, *borders(limits, now_us)) is not None:
        observed_at = now_us
    return JudgedProcesses(ProcessList(host, observed_at, tuple(kept.values())), refused)


def _process(message: pb.Process, gpu_uuid: str, name: str | None) -> Process:
    return Process(
        gpu_uuid=gpu_uuid,
        pid=message.pid,
        started_at=_started_at(message),
        name=name,
        memory_used_mb=_at_most(message, "memory_used_mb", MAX_DATABASE_INTEGER),
        sm_utilization_percent=_at_most(message, "sm_utilization_percent", MAX_PERCENT),
        graphics=message.graphics,
    )


def _name(message: pb.Process, names: dict[str, str], cleaner: Cleaner) -> str | None:
    """Most processes of a host have the same name, which is cleaned and kept once. Not for longer than the list: names
    of jobs may have no end."""
    if not message.HasField("name"):
        return None
    name = message.name
    clean = names.get(name)
    if clean is None:
        clean = names[name] = cleaner.text(name)
    else:
        cleaner.trimmed += clean != name
    return clean


def _started_at(message: pb.Process) -> int | None:
    instant = message.started_at_us if message.HasField("started_at_us") else 0
    return instant if OLDEST_INSTANT_US < instant <= NEWEST_INSTANT_US else None


def _at_most(message: pb.Process, field: str, most: int) -> int | None:
    """Drivers give numbers beyond any sense for what they do not know, which is absent."""
    value: int | None = getattr(message, field) if message.HasField(field) else None
    return value if value is not None and value <= most else None
