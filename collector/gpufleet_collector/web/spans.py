"""The span of time that a request asks about."""

from gpufleet_collector.errors import BadRequest
from gpufleet_collector.web import instants
from gpufleet_collector.web.declared import Parameter, instant
from gpufleet_collector.web.parameters import Parameters

HOUR_US = 3600 * 1_000_000
DAY_US = 24 * HOUR_US
_USUALLY = {HOUR_US: "an hour ago", DAY_US: "a day ago"}

UNTIL = instant("until", "The first instant that is not asked about: now, where it is not given.")


def span(usual_us: int, exception: str = "") -> tuple[Parameter[int | None], Parameter[int | None]]:
    """`since` and `until` of an endpoint that without them answers for the `usual_us` before now; `exception` says
    when it is another time."""
    since = instant(
        "since",
        f"The first instant that is asked about: {_USUALLY[usual_us]}{exception}, where it is not given. Any offset is "
        "read, and none means UTC.",
    )
    return since, UNTIL


def read_span(asked: Parameters, now: int, usual_us: int) -> tuple[int, int]:
    """[since, until) in microseconds; without them the `usual_us` before now. Raises BadRequest for an empty one."""
    until = asked.instant("until")
    since = asked.instant("since")
    until = now if until is None else until
    since = max(0, now - usual_us) if since is None else since
    if since >= until:
        name = "since" if asked.is_given("since") else "until"
        raise BadRequest(name, f"the range from {instants.write(since)} until {instants.write(until)} is empty")
    return since, until
