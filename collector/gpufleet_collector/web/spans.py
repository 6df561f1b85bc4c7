"""The span of time that a request asks about."""

from gpufleet_collector.errors import BadRequest
from gpufleet_collector.web import instants
from gpufleet_collector.web.parameters import Parameters

SPAN = ("since", "until")


def read_span(asked: Parameters, now: int, usual_us: int) -> tuple[int, int]:
    """[since, until) in microseconds; without them the `usual_us` before now. Raises BadRequest for an empty one."""
    until = asked.instant("until")
    since = asked.instant("since")
    until = now if until is None else until
    since = max(0, now - usual_us) if since is None else since
    if since >= until:
        name = "since" if asked.text("since") is not None else "until"
        raise BadRequest(name, f"the range from {instants.write(since)} until {instants.write(until)} is empty")
    return since, until
