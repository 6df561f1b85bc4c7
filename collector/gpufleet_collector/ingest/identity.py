"""What can name a GPU, and when: identities are refused rather than trimmed, lest two GPUs become one."""

from gpufleet_collector.ingest.limits import MICROSECONDS, IngestLimits
from gpufleet_collector.model import Refusal

MAX_UUID_LENGTH = 128


def is_uuid(text: str) -> bool:
    """Whether this can name a GPU."""
    return 0 < len(text) <= MAX_UUID_LENGTH and text.isascii() and text.isprintable()


def borders(limits: IngestLimits, now_us: int) -> tuple[int, int]:
    """The oldest and the newest instant that is taken."""
    oldest = now_us - round(limits.retention_seconds * MICROSECONDS)
    return oldest, now_us + round(limits.future_seconds * MICROSECONDS)


def refuse_instant(instant_us: int, oldest: int, newest: int) -> Refusal | None:
    """Why nothing of this instant is taken, or None."""
    if instant_us > newest:
        return Refusal.FUTURE
    return Refusal.TOO_OLD if instant_us < oldest else None
