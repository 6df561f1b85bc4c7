"""What waits to be stored, in order and bounded."""

from collections import deque

from gpufleet_collector.model import ProcessList
from gpufleet_collector.store.batch import Batch
from gpufleet_collector.store.process_lists import ProcessLists
from gpufleet_collector.store.records import HostChange, HostRecord, ReportWrite

MAX_PENDING_HOSTS = 100_000
"""Hosts with something to be noted; what more hosts declare is not noted, and their new GPUs' samples are refused."""

SEEN_INTERVAL_US = 30_000_000
"""How often it is stored when hosts were last heard of."""

REPLAYED_SHARE = 0.5
"""Of the room for samples; past it replayed reports are not taken, so that backlogs leave room for what is live."""


class Pending:
    """Changes of hosts and reports, taken in the order in which they came. Changes of a host are folded into one until
    samples of it follow, so that there are never more of them than hosts and reports together."""

    def __init__(self, max_samples: int) -> None:
        self._max_samples = max_samples
        self._entries: deque[HostChange | ReportWrite] = deque()
        self._open_changes: dict[str, HostChange] = {}
        self._seen: dict[str, int] = {}
        self._seen_taken_at = 0
        self._processes = ProcessLists()
        self._offered_at: deque[float] = deque()
        self._taken_at: float | None = None
        self.samples = 0
        """Samples and events offered and not settled yet."""

    def __len__(self) -> int:
        return len(self._entries) + self._processes.due

    def declare(self, record: HostRecord, now: int) -> None:
        change = self._change(record.host)
        if change is not None:
            change.record, change.declared_at, change.left_at = record, now, None

    def leave(self, host: str, at: int) -> None:
        change = self._change(host)
        if change is not None:
            change.left_at = at

    def hear(self, host: str, now: int) -> None:
        if host in self._seen or len(self._seen) < MAX_PENDING_HOSTS:
            self._seen[host] = now

    def oldest_since(self) -> float | None:
        """When the oldest of the reports that are not settled yet was offered; None where there is none. Of those that
        were taken together the first counts until all are settled."""
        if not self.samples:
            return None
        return self._offered_at[0] if self._taken_at is None and self._offered_at else self._taken_at

    def offer(self, report: ReportWrite, now: float = 0.0) -> bool:
        """A report at `now`, monotonic seconds. False when it does not fit any more. A report larger than the whole
        bound fits into an empty queue."""
        weight = report.weight
        most = self._max_samples * REPLAYED_SHARE if report.replayed else self._max_samples
        if self.samples and self.samples + weight > most:
            return False
        self._open_changes.pop(report.host, None)
        self._entries.append(report)
        self._offered_at.append(now)
        self.samples += weight
        return True

    def tell(self, told: ProcessList, now: float) -> int:
        """The processes of a host at `now`, monotonic seconds; for how many of them there was no room."""
        return self._processes.tell(told, now)

    def take(self, now: int, max_samples: int, *, monotonic: float = 0.0, everything: bool = False) -> Batch:
        """The oldest entries, until they hold `max_samples` samples, events or declared GPUs; after the last of them
        processes; now and then, or with `everything`, also when hosts were last heard of. `now` is microseconds of
        the wall clock, `monotonic` seconds of the other."""
        batch, taken = Batch(), 0
        while self._entries and taken < max_samples:
            entry = self._entries.popleft()
            if isinstance(entry, ReportWrite):
                if not batch.reports:
                    self._taken_at = self._offered_at[0]
                self._offered_at.popleft()
                batch.reports.append(entry)
                taken += entry.weight
            else:
                batch.changes.append(entry)
                taken += 1 + (len(entry.record.inventory.gpus) if entry.record else 0)
                if self._open_changes.get(entry.host) is entry:
                    del self._open_changes[entry.host]
        if not self._entries:
            batch.processes = self._processes.take(monotonic, max_samples, everything=everything)
        if self._seen and (everything or now - self._seen_taken_at >= SEEN_INTERVAL_US):
            batch.seen, self._seen, self._seen_taken_at = self._seen, {}, now
        return batch

    def settled(self, samples: int) -> None:
        """So many of the samples taken are done with."""
        self.samples -= samples
        self._taken_at = None

    def drop(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._offered_at.clear()
        self._taken_at = None
        self._open_changes.clear()
        self._seen.clear()
        self._processes.drop()
        self.samples = 0

    def _change(self, host: str) -> HostChange | None:
        change = self._open_changes.get(host)
        if change is None and len(self._open_changes) < MAX_PENDING_HOSTS:
            change = self._open_changes[host] = HostChange(host)
            self._entries.append(change)
        return change
