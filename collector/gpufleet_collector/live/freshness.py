"""Whether a host is there, judged by when the collector last heard of it and never by the host's own clock."""

from dataclasses import dataclass

from gpufleet_collector.model import HostState

HEARTBEAT_SECONDS = 5.0
LATE_PERIODS, DOWN_PERIODS = 2, 3
DOWN_AFTER_SECONDS = 60.0
FORGET_AFTER_SECONDS = 30 * 86_400.0
"""A host that nobody has heard of for so long is shown no more, unless another time is given: by then its samples are
gone from the store as well."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of silence after which a host is late, and after which it is down."""

    late: float
    down: float


def patience(interval_seconds: float, down_after_seconds: float = DOWN_AFTER_SECONDS) -> Patience:
    """How long to wait for a host whose agent polls at this interval.

    A collector asks for a report of every poll, and an agent says something at least every 5 s: the longer of the two
    is the period of a host. It is late after two of its periods. It is down after `down_after_seconds`, but not before
    three of its periods: first it is late, however slowly it polls.
    """
    period = max(interval_seconds, HEARTBEAT_SECONDS)
    return Patience(late=LATE_PERIODS * period, down=max(down_after_seconds, DOWN_PERIODS * period))


def host_state(silent_seconds: float | None, *, left: bool, patience: Patience) -> HostState:
    """The state of a host that has been silent for so long; None is a host never heard by this collector. It has `left`
    only by saying so."""
    if left:
        return "left"
    if silent_seconds is None:
        return "unknown"
    if silent_seconds >= patience.down:
        return "down"
    return "late" if silent_seconds >= patience.late else "up"
