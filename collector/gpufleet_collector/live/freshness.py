"""Whether a host is there, judged by when the collector last heard of it and never by the host's own clock."""

from gpufleet_collector.model import HostState

HEARTBEAT_SECONDS = 5.0
LATE_PERIODS = 2
DOWN_AFTER_SECONDS = 60.0


def host_state(
    silent_seconds: float | None, *, left: bool, interval_seconds: float, down_after_seconds: float = DOWN_AFTER_SECONDS
) -> HostState:
    """The state of a host that has been silent for so long; None is a host never heard by this collector.

    An agent sends at least a heartbeat every 5 s, so a host is `late` after twice that, or twice its polling interval
    where that is longer. It has `left` only by saying so.
    """
    if left:
        return "left"
    if silent_seconds is None:
        return "unknown"
    if silent_seconds >= down_after_seconds:
        return "down"
    if silent_seconds >= LATE_PERIODS * max(interval_seconds, HEARTBEAT_SECONDS):
        return "late"
    return "up"
