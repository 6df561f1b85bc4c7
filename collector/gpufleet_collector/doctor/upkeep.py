"""Whether the store keeps itself: partitions for what comes, packing of what came, and the jobs that see to it."""

from collections.abc import Collection, Iterator

from gpufleet_collector.doctor.finding import Finding, fail, ok, warn
from gpufleet_collector.figures import counted, duration, instant
from gpufleet_collector.store.condition import MOST_LATE_COUNTED, Condition
from gpufleet_collector.store.job_table import JobRecord
from gpufleet_collector.store.partitions import GPU_STATS

LAG_WARN_SECONDS, LAG_FAIL_SECONDS = 3600.0, 86_400.0
IDLE_SECONDS = 600.0
"""Every job begins at least once a minute while a collector serves, unless it is still at it."""
LONG_SECONDS = 86_400.0

_SERVE = "start the collector (serve), which sees to it; if one is serving, see its log"
_ARRIVING = "they are made when samples arrive: see that the collector serves, and that agents stream to it"


def partition_finding(there: Collection[str], now: int) -> Finding:
    """`there` are the names of the partitions of `gpu_stats`; `now` is the database's clock, microseconds."""
    wanted = [GPU_STATS.name(number) for number in GPU_STATS.numbers_from(now)]
    missing = [name for name in wanted if name not in there]
    if missing:
        return warn(f"no partition {', '.join(missing)} yet", _ARRIVING)
    return ok(f"partitions for now and the next {counted(len(wanted) - 1, 'hour')}: {', '.join(wanted)}")


def packing_findings(condition: Condition, pack_after_hours: float) -> Iterator[Finding]:
    """How far packing is, and what waits to be merged."""
    lag = condition.packing_lag_seconds(pack_after_hours)
    until = f"packed until {instant(condition.packed_until)}" if condition.packed_until else "nothing packed yet"
    if lag < LAG_WARN_SECONDS:
        yield ok(f"{until}; it lags by {duration(lag)}")
    else:
        judge = fail if lag >= LAG_FAIL_SECONDS else warn
        yield judge(f"{until}; the oldest hour is due for {duration(lag)}", f"see the job pack below; {_SERVE}")
    if condition.late_samples < MOST_LATE_COUNTED:
        yield ok(f"{counted(condition.late_samples, 'late sample')} to be merged")
    else:
        yield warn(f"{MOST_LATE_COUNTED} late samples or more to be merged", f"see the job merge-late below; {_SERVE}")


def job_findings(condition: Condition) -> Iterator[Finding]:
    """One for each job that ever ran."""
    if not condition.jobs:
        yield warn("no job has ever run", _SERVE)
    for job in condition.jobs:
        yield _job(job, condition.now)


def _job(job: JobRecord, now: int) -> Finding:
    text = f"{job.name}: {_success(job, now)}"
    if job.detail is not None:
        text += f"; last it did: {job.detail}"
    if job.error is not None:
        return fail(f"{text}; failed {_ago(job.finished_at, now)}: {job.error}", "see the collector's log for more")
    if job.finished_at is None or (job.started_at is not None and job.finished_at < job.started_at):
        return _unfinished(job, text, now)
    if _seconds_since(job.finished_at, now) > IDLE_SECONDS:
        return warn(f"{text}; not begun again since", _SERVE)
    return ok(text)


def _unfinished(job: JobRecord, text: str, now: int) -> Finding:
    """At it, or cut off: a collector that ends writes nothing more."""
    text = f"{text}; began {_ago(job.started_at, now)}, {counted(job.done or 0, 'step')} done"
    if job.started_at is not None and _seconds_since(job.started_at, now) < LONG_SECONDS:
        return ok(f"{text}, not at its end")
    return warn(f"{text}, and did not come to its end", _SERVE)


def _success(job: JobRecord, now: int) -> str:
    return "has never succeeded" if job.succeeded_at is None else f"succeeded {_ago(job.succeeded_at, now)}"


def _ago(at: int | None, now: int) -> str:
    return "at an unknown time" if at is None else f"{duration(_seconds_since(at, now))} ago"


def _seconds_since(at: int, now: int) -> float:
    return max(0.0, (now - at) / 1_000_000)
