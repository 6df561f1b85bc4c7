"""What became of the samples of a simulated fleet: counted by each process, added up, and said in one line."""

import json
from dataclasses import dataclass, fields

from gpufleet_agent.ack_times import AckTimes
from gpufleet_agent.errors import AgentError


@dataclass(frozen=True, slots=True)
class FleetCount:
    """Of GPU samples, but for `hosts`, how many of them are `connected`, `resent_reports`, `events`, `reports` made and
    `acked_reports`, and `skipped_ticks`: those for which there was no time."""

    hosts: int = 0
    connected: int = 0
    taken: int = 0
    recovered: int = 0
    settled: int = 0
    refused: int = 0
    dropped: int = 0
    pending: int = 0
    resent_reports: int = 0
    events: int = 0
    reports: int = 0
    acked_reports: int = 0
    skipped_ticks: int = 0
    connections: int = 0

    def plus(self, other: "FleetCount") -> "FleetCount":
        return FleetCount(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


@dataclass(frozen=True, slots=True)
class FleetState:
    """A count, how long the reports acknowledged so far took, and how much of the history has been handed over."""

    count: FleetCount
    acks: AckTimes
    replayed_share: float = 1.0

    def plus(self, other: "FleetState") -> "FleetState":
        share = min(self.replayed_share, other.replayed_share)
        return FleetState(self.count.plus(other.count), self.acks.plus(other.acks), share)

    def as_line(self) -> str:
        """For a process that adds up."""
        return json.dumps({"count": _named(self.count), "acks": self.acks.counts, "replayed": self.replayed_share})

    @classmethod
    def of_line(cls, line: str) -> "FleetState":
        """Raises AgentError for what `as_line` has not written."""
        try:
            read = json.loads(line)
            return cls(FleetCount(**read["count"]), AckTimes(read["acks"]), read["replayed"])
        except (ValueError, KeyError, TypeError) as error:
            raise AgentError(f"a process of the fleet says what cannot be understood: {line[:200]!r}") from error

    def as_json(self) -> str:
        """For whoever started the fleet: the count, with the median and the 99th percentile of the times to an ack."""
        p50, p99 = (self.acks.quantile(share) for share in (0.5, 0.99))
        return json.dumps({**_named(self.count), "ack_p50_ms": _milliseconds(p50), "ack_p99_ms": _milliseconds(p99)})

    def progress(self, before: "FleetState", seconds: float) -> str:
        """One line on what happened in the `seconds` since `before`."""
        now, acks = self.count, self.acks.since(before.acks)
        reports, acked = now.reports - before.count.reports, now.acked_reports - before.count.acked_reports
        history = "" if self.replayed_share == 1.0 else f"history {self.replayed_share:.0%}; "
        p50, p99 = (_milliseconds(acks.quantile(share)) for share in (0.5, 0.99))
        skipped = f"; {now.skipped_ticks} ticks skipped" if now.skipped_ticks else ""
        times = "" if p50 is None else f" (p50 {p50:.0f} ms, p99 {p99:.0f} ms)"
        return (
            f"{history}{now.connected} of {now.hosts} hosts connected; {reports / seconds:.0f} reports/s, "
            f"{acked / seconds:.0f} acks/s{times}; samples: {now.taken} taken, {now.settled} settled, "
            f"{now.pending} pending, {now.resent_reports} reports resent, {now.refused} refused, {now.dropped} lost"
            f"{skipped}"
        )

    @property
    def is_steady(self) -> bool:
        """Whether there is nothing to see."""
        count = self.count
        return count.connected == count.hosts and self.replayed_share == 1.0 and not count.refused + count.dropped


NOTHING_YET = FleetState(FleetCount(), AckTimes())


def _named(count: FleetCount) -> dict[str, int]:
    return {field.name: getattr(count, field.name) for field in fields(count)}


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 1)
