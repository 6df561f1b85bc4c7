"""Which events of a report are taken: protobuf in, cleaned events and counted refusals out, without any I/O."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from gpufleet_collector.ingest.decode import Cleaner
from gpufleet_collector.ingest.identity import borders, is_uuid, refuse_instant
from gpufleet_collector.model import Event, Refusal
from gpufleet_proto import telemetry_pb2 as pb

MAX_ID_LENGTH = 64
KINDS = {value.number: value.name.lower() for value in pb.Event.Kind.DESCRIPTOR.values}
SEVERITIES = {value.number: value.name.lower() for value in pb.Event.Severity.DESCRIPTOR.values}
NEWER_SEVERITY = "warning"
"""What stands for a severity that only a newer agent knows."""

_NEVER_TOLD = frozenset((pb.Event.UNSPECIFIED, pb.Event.DUPLICATE_HOST))
"""What no agent tells: nothing in particular, and what only a collector can see."""


@dataclass(slots=True)
class JudgedEvents:
    """The events taken, and how many were refused by reason."""

    events: list[Event] = field(default_factory=list)
    refused: Counter[Refusal] = field(default_factory=Counter)


def judge_events(messages: Sequence[pb.Event], host: str, cleaner: Cleaner, now_us: int) -> JudgedEvents:
    """Every message is either an event or one refusal. A kind that only a newer agent knows is taken as `unspecified`;
    an id is refused rather than trimmed, lest two events become one."""
    judged = JudgedEvents()
    limits = cleaner.limits
    oldest, newest = borders(limits, now_us)
    for message in messages[: limits.events_per_report]:
        reason = refuse_instant(message.instant_us, oldest, newest) or _refuse_identity(message)
        if reason is not None:
            judged.refused[reason] += 1
        else:
            judged.events.append(_event(message, host, cleaner, now_us))
    if len(messages) > limits.events_per_report:
        judged.refused[Refusal.LIMIT] += len(messages) - limits.events_per_report
    return judged


def duplicate_host_event(host: str, older: str, younger: str, now_us: int) -> Event:
    """What the collector itself tells of two live agents, given by their ids, that fight over one host name."""
    return Event(
        id=sha256("/".join((host, older, younger, str(now_us))).encode()).hexdigest()[:32],
        host=host,
        occurred_at=now_us,
        kind=KINDS[pb.Event.DUPLICATE_HOST],
        severity=SEVERITIES[pb.Event.WARNING],
        text="Two agents stream under this host name; the older keeps it: give one of them another GPUFLEET_HOST_NAME.",
        received_at=now_us,
    )


def _refuse_identity(message: pb.Event) -> Refusal | None:
    is_id = 0 < len(message.id) <= MAX_ID_LENGTH and message.id.isprintable()
    is_gpu = not message.HasField("gpu_uuid") or is_uuid(message.gpu_uuid)
    return None if is_id and is_gpu and message.kind not in _NEVER_TOLD else Refusal.INVALID


def _event(message: pb.Event, host: str, cleaner: Cleaner, now_us: int) -> Event:
    return Event(
        id=message.id,
        host=host,
        occurred_at=message.instant_us,
        kind=KINDS.get(message.kind, KINDS[pb.Event.UNSPECIFIED]),
        severity=SEVERITIES.get(message.severity, NEWER_SEVERITY),
        text=cleaner.text(message.text, cleaner.limits.event_text_length),
        gpu_uuid=message.gpu_uuid if message.HasField("gpu_uuid") else None,
        code=message.code if message.HasField("code") else None,
        received_at=now_us,
    )
