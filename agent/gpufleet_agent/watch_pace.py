"""How often to look at a probe: at the deadline of its call, so that a hang is noticed at once, and else seldom: every
look is a wake-up."""

from gpufleet_agent.breadcrumb import Call

CALM_SECONDS = 2.0
"""Between two looks at most, whatever the deadlines are."""

MARGIN_SECONDS = 0.01
"""So long after a deadline the look comes that finds it passed."""


def until_next_look(call: Call | None, now: float, deadline_seconds: float) -> float:
    """Seconds until a probe that is in this call now (monotonic seconds), or in none, has to be looked at again: at the
    deadline of the call, and before another that begins at once has used up its own, `deadline_seconds`."""
    calm = min(CALM_SECONDS, deadline_seconds)
    if call is None:
        return calm
    return min(calm, max(0.0, call.started + call.deadline_seconds - now) + MARGIN_SECONDS)
