"""What an agent says of its cost, as figures with their units, and what to do about those that are not well."""

from collections.abc import Iterator, Mapping

from gpufleet_agent.doctor.finding import Finding, ok, warn
from gpufleet_agent.status_file import AgentStatus

MEBIBYTE, KIBIBYTE = 1024 * 1024, 1024

_DROPPED = "raise GPUFLEET_SPOOL_MAX_MB or GPUFLEET_SPOOL_MAX_HOURS, and see why the collector was away"
_NO_SPOOL = (
    "see its log; give it a GPUFLEET_DATA_DIR that it may write to, with room, and GPUFLEET_SPOOL_MAX_MB above 0"
)


class _Cost:
    """Numbers by their name in the protocol: what is not told is zero where it is a count, else not known."""

    def __init__(self, told: Mapping[str, object]) -> None:
        self._told = told

    def count(self, name: str) -> int:
        return round(self.known(name) or 0)

    def known(self, name: str) -> float | None:
        return _number(self._told.get(name))

    def text(self, name: str) -> str:
        return str(self._told.get(name, ""))

    def by_name(self, name: str) -> dict[str, float]:
        told = self._told.get(name)
        numbers = {str(key): _number(value) for key, value in told.items()} if isinstance(told, dict) else {}
        return {key: number for key, number in numbers.items() if number is not None}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def cost_findings(status: AgentStatus) -> Iterator[Finding]:
    """One per figure or group of figures."""
    cost = _Cost(status.cost)
    yield _reading(status, cost)
    yield _memory(cost)
    yield _cpu(status, cost)
    yield from _driver_calls(cost)
    yield _probe(cost)
    if not status.ended:
        yield _stream(status, cost)
    yield _samples(cost)
    yield _queue(cost)
    yield _spool(cost)


def _reading(status: AgentStatus, cost: _Cost) -> Finding:
    if cost.text("hung_call"):
        text = f"driver call {cost.text('hung_call')} hangs for {cost.known('hung_seconds') or 0:.0f} s"
        return warn(text, "see the kernel log for Xid lines; reset the GPU or reboot the host if it lasts")
    if status.gpus is None:
        return warn("it has read nothing yet", "see above what keeps GPUs from being read")
    text = f"reads {_count(status.gpus, 'GPU')} through {status.backend} every {status.interval_seconds:g} s"
    return ok(text) if status.gpus else warn(text, "see above what keeps GPUs from being read")


def _memory(cost: _Cost) -> Finding:
    parts = ((name, cost.known(f"{name}_rss_bytes")) for name in ("supervisor", "probe"))
    return ok("memory (RSS): " + ", ".join(f"{name} {_size(size)}" for name, size in parts))


def _cpu(status: AgentStatus, cost: _Cost) -> Finding:
    """Without respawns both processes are as old as the agent, and their share of a core can be told."""
    supervisor, probe = cost.known("supervisor_cpu_seconds_total"), cost.known("probe_cpu_seconds_total")
    text = f"CPU time: supervisor {_seconds(supervisor)}, probe {_seconds(probe)}"
    lived = (status.written_at_us - status.started_at_us) / 1_000_000
    if supervisor is None or probe is None or lived <= 0 or cost.count("probe_restarts_total"):
        return ok(text)
    return ok(f"{text}; together {100 * (supervisor + probe) / lived:.2f} % of a core since it started")


def _driver_calls(cost: _Cost) -> Iterator[Finding]:
    groups = cost.by_name("tick_milliseconds")
    if groups:
        told = ", ".join(f"{name} {value:.1f} ms" for name, value in sorted(groups.items()))
        yield ok(f"driver calls at the last tick: {told}")


def _probe(cost: _Cost) -> Finding:
    restarts = cost.count("probe_restarts_total")
    if not restarts:
        return ok("probe: never replaced")
    return warn(f"probe: replaced {_count(restarts, 'time')}", "see its log for the reasons")


def _stream(status: AgentStatus, cost: _Cost) -> Finding:
    reconnects = _count(cost.count("reconnects_total"), "reconnect")
    if status.connected:
        return ok(f"stream: up, {reconnects}")
    reason = status.last_error or "not tried yet"
    return warn(f"stream: down, {reconnects}: {reason}", "start the collector, or see below whether it can be reached")


def _samples(cost: _Cost) -> Finding:
    taken, dropped = cost.count("samples_taken_total"), cost.count("samples_dropped_total")
    text = f"samples: {taken} taken, {dropped} dropped"
    if not dropped:
        return ok(text)
    return warn(f"{text} ({cost.count('spool_dropped_samples_total')} of them by the spool)", _DROPPED)


def _queue(cost: _Cost) -> Finding:
    size = _size(cost.known("unacked_bytes") or 0)
    return ok(f"queue: {_count(cost.count('unacked_reports'), 'report')} not settled yet, {size}")


def _spool(cost: _Cost) -> Finding:
    reports, failures = cost.known("spool_reports"), cost.count("spool_failures_total")
    failed = f", failed {_count(failures, 'time')}" if failures else ""
    if reports is None:
        return warn(f"spool: none works now{failed}; what waits is lost with the agent", _NO_SPOOL)
    text = f"spool: {_count(round(reports), 'report')}, {_size(cost.known('spool_bytes'))} on disk{failed}"
    return warn(text, "see its log for the reasons") if failures else ok(text)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _seconds(seconds: float | None) -> str:
    return "not known" if seconds is None else f"{seconds:.2f} s"


def _size(size: float | None) -> str:
    if size is None:
        return "not known"
    return f"{size / MEBIBYTE:.1f} MiB" if size >= MEBIBYTE else f"{size / KIBIBYTE:.1f} KiB"
