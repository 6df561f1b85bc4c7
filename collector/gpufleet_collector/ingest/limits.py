"""Every bound of the ingest side by name, with what happens at it."""

from dataclasses import dataclass, field

from gpufleet_collector.ingest.admission import AdmissionLimits

MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """`retention_seconds` and `future_seconds` bound instants; the rest bounds sizes."""

    retention_seconds: float = 30 * 86_400.0
    """An older sample is refused: `too_old`."""
    future_seconds: float = 600.0
    """A sample further ahead of this collector's clock is refused: `future`."""
    message_bytes: int = 4 * 1024 * 1024
    """A larger message ends its stream: RESOURCE_EXHAUSTED."""
    gpus_per_tick: int = 256
    """32 boards of 7 MIG instances each, and the boards. The samples of further GPUs are refused: `limit`."""
    samples_per_report: int = 50_000
    """Further samples are refused: `limit`."""
    events_per_report: int = 1_000
    """Further events are refused: `limit`."""
    event_text_length: int = 1_024
    """The longer text of an event is cut, and counted."""
    processes_per_host: int = 4_096
    """Further processes of a list are left out, and counted."""
    string_length: int = 256
    """A longer string is cut, and counted."""
    labels: int = 64
    """Further labels are left out, and counted."""
    hello_seconds: float = 10.0
    """A stream without a Hello by then is ended: DEADLINE_EXCEEDED."""
    throttle_seconds: float = 2.0
    """How long agents are asked to wait when the queue to the database is full."""
    admission: AdmissionLimits = field(default_factory=AdmissionLimits)
    """Streams that come faster wait, or are told when to come back: RESOURCE_EXHAUSTED."""
    replays_per_second: float = 500.0
    """Reports of backlogs that all who come back at about the same time may send together: each is told its share."""
    streams: int = 20_000
    """Further streams are refused: RESOURCE_EXHAUSTED."""
    hosts_per_token: int = 20_000
    """Further streams with the same token are refused: RESOURCE_EXHAUSTED."""
