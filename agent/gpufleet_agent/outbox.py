"""Reports on their way to a collector: kept until settled, sent again when a stream breaks, bounded in bytes."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MAX_BYTES = 16 * 1024 * 1024
"""Past this the oldest reports go, and are counted as dropped."""

BACKLOG_WINDOW = 8
"""At most so many reports of the backlog are under way at once: what is live goes first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One report: its encoded ticks, and how many GPU samples are in them."""

    payload: bytes
    samples: int
    replayed: bool = False


@dataclass(slots=True)
class Tally:
    """What became of all GPU samples ever taken: taken = settled + refused + dropped + pending."""

    taken: int = 0
    settled: int = 0
    refused: int = 0
    dropped: int = 0
    resent_reports: int = 0


class Outbox:
    """Fresh reports go first, then the backlog in order of age, each under a new number on every stream."""

    def __init__(
        self,
        max_bytes: int = MAX_BYTES,
        backlog_window: int = BACKLOG_WINDOW,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_bytes = max_bytes
        self._window = backlog_window
        self._fresh: deque[Entry] = deque()
        self._backlog: deque[Entry] = deque()
        self._under_way: OrderedDict[int, Entry] = OrderedDict()
        self._clock = clock
        self._newest_at = 0.0
        self._replaying = 0
        self._sequence = 0
        self.bytes = 0
        self.tally = Tally()

    def __len__(self) -> int:
        """Reports not settled yet."""
        return len(self._fresh) + len(self._backlog) + len(self._under_way)

    @property
    def backlog_length(self) -> int:
        return len(self._backlog) + self._replaying

    @property
    def pending_samples(self) -> int:
        entries = (*self._fresh, *self._backlog, *self._under_way.values())
        return sum(entry.samples for entry in entries)

    def add(self, payload: bytes, samples: int, *, replayed: bool = False) -> None:
        """A new report; `replayed` ones are history and wait behind what is live."""
        queue = self._backlog if replayed else self._fresh
        if not replayed:
            self._newest_at = self._clock()
        queue.append(Entry(payload, samples, replayed))
        self.bytes += len(payload)
        self.tally.taken += samples
        while self.bytes > self._max_bytes and len(self) > 1:
            self._drop_oldest()

    def next(self) -> tuple[int, Entry] | None:
        """The report to send now with its number on this stream, or None when there is nothing to send."""
        if self._fresh:
            entry = self._fresh.popleft()
        elif self._backlog and self._replaying < self._window:
            entry = self._backlog.popleft()
            self._replaying += 1
        else:
            return None
        self._sequence += 1
        self._under_way[self._sequence] = entry
        return self._sequence, entry

    def settle(self, sequences: Iterable[int], refused_samples: int) -> None:
        """The collector has these for good, or has refused `refused_samples` of their samples for good."""
        settled = sum(entry.samples for entry in map(self._take, sequences) if entry)
        self.tally.refused += min(refused_samples, settled)
        self.tally.settled += settled - min(refused_samples, settled)

    def defer(self, sequences: Iterable[int]) -> None:
        """The collector did not take these: they are the head of the backlog now."""
        self._send_again([entry for entry in map(self._take, sequences) if entry])

    def stream_lost(self) -> None:
        """Whatever was under way may or may not have arrived: all of it is sent again on the next stream. Of what was
        never sent, only the newest report still counts as live."""
        late = list(self._under_way.values())
        for entry in late:
            self._forget(entry)
        self._under_way.clear()
        self._replaying = 0
        self._sequence = 0
        self._send_again(late)

    def stream_opened(self, live_seconds: float) -> None:
        """What has piled up is history, but for the newest report if it was made at most `live_seconds` ago."""
        live = 1 if self._clock() - self._newest_at <= live_seconds else 0
        while len(self._fresh) > live:
            entry = self._fresh.popleft()
            self._backlog.append(Entry(entry.payload, entry.samples, replayed=True))

    def _take(self, sequence: int) -> Entry | None:
        entry = self._under_way.pop(sequence, None)
        if entry is not None:
            self._forget(entry)
            self._replaying -= entry.replayed
        return entry

    def _forget(self, entry: Entry) -> None:
        self.bytes -= len(entry.payload)

    def _send_again(self, entries: list[Entry]) -> None:
        self.tally.resent_reports += len(entries)
        for entry in reversed(entries):
            self._backlog.appendleft(Entry(entry.payload, entry.samples, replayed=True))
            self.bytes += len(entry.payload)

    def _drop_oldest(self) -> None:
        if self._backlog:
            entry = self._backlog.popleft()
        elif self._fresh:
            entry = self._fresh.popleft()
        else:
            _, entry = self._under_way.popitem(last=False)
            self._replaying -= entry.replayed
        self._forget(entry)
        self.tally.dropped += entry.samples
