"""Reports on their way to a collector: kept until settled, in memory and then on disk, sent again when a stream breaks.

A state machine without I/O. Whoever has a disk asks it for `disk_orders` and tells it what became of them; without one
everything stays in memory, and past its bound the oldest goes.
"""

import math
import time
from bisect import insort
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter

from gpufleet_agent.held_report import MAYBE, WRITABLE, HeldReport, OnDisk
from gpufleet_agent.pace import Pace
from gpufleet_agent.spool_orders import NOTHING, Amount, DiskContents, DiskOrders, DiskOutcome, Gone, StoredReport

MAX_BYTES = 4 * 1024 * 1024
"""Past this in memory, what is on disk leaves memory; then the oldest reports go, and are counted as dropped."""

BACKLOG_WINDOW = 8
"""At most so many reports of the backlog are under way at once: what is live goes first."""

REPLAYS_PER_SECOND = 20.0
"""So fast at most goes the backlog: three days of 5 s ticks in three quarters of an hour."""

MAX_LIVE_UNDER_WAY = 1024
"""A collector that settles nothing gets no more than this; further reports wait, and go to the disk."""

SPOOL_AFTER_SECONDS = 1.5
"""Unsettled for so long, a report is for the disk: it has to be there before it is 2 s old."""

FORGET_AFTER_SECONDS = 1.0
"""Reports settled within this are deleted from the disk together."""

MAX_STEP_REPORTS = 512
MAX_STEP_BYTES = 1024 * 1024
LOAD_REPORTS = 64
"""So many reports of the disk are in memory at most, to be sent next; more are read when a quarter of it is left."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One report as it is sent: its encoded ticks or events, and how many GPU samples are in it."""

    payload: bytes
    samples: int
    replayed: bool = False


@dataclass(slots=True)
class Tally:
    """What became of all GPU samples: taken + recovered = settled + refused + dropped + pending. `recovered` ones were
    taken by an earlier process and found on disk; `spool_dropped` is the part of `dropped` that the disk let go."""

    taken: int = 0
    recovered: int = 0
    settled: int = 0
    refused: int = 0
    dropped: int = 0
    spool_dropped: int = 0
    resent_reports: int = 0


class Outbox:
    """Fresh reports go first, then the backlog in order of age, each under a new number on every stream. `on_settled`
    hears of every report how many seconds after it was added it was settled, and whether it was replayed."""

    def __init__(
        self,
        max_bytes: int = MAX_BYTES,
        backlog_window: int = BACKLOG_WINDOW,
        replays_per_second: float = REPLAYS_PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
        on_settled: Callable[[float, bool], None] = lambda _seconds, _replayed: None,
    ) -> None:
        self._on_settled = on_settled
        self._max_bytes = max_bytes
        self._window = backlog_window
        self._replays_per_second = replays_per_second
        self._pace = Pace(replays_per_second, backlog_window)
        self._clock = clock
        self._fresh: deque[HeldReport] = deque()
        self._backlog: list[HeldReport] = []
        self._under_way: OrderedDict[int, HeldReport] = OrderedDict()
        self._replaying = 0
        self._newest_at = 0.0
        self._sequence = 0
        self._number = 0
        self._connected = False
        self._away = NOTHING
        self._away_when_asked = NOTHING
        self._forgotten: dict[int, float] = {}
        self._writing: list[HeldReport] = []
        self._loading = False
        self._deleting: dict[int, float] = {}
        self.bytes = 0
        """Of payloads in memory."""
        self.tally = Tally()

    def __len__(self) -> int:
        """Reports not settled yet, in memory and on disk."""
        return len(self._fresh) + len(self._backlog) + len(self._under_way) + self._away.reports

    @property
    def backlog_length(self) -> int:
        return len(self._backlog) + self._replaying + self._away.reports

    @property
    def waiting(self) -> bool:
        """Whether there is anything in memory that is not under way, though it may not be its turn."""
        return bool(self._fresh or self._backlog)

    @property
    def pending_samples(self) -> int:
        return self._away.samples + sum(held.samples for held in self._held())

    @property
    def unsettled_bytes(self) -> int:
        """Of the payloads of all reports not settled yet, wherever they are."""
        return self._away.bytes + sum(held.size for held in self._held())

    def may_stop(self, *, connected: bool) -> bool:
        """Whether nothing is lost when the process ends now, and nothing that is live can still arrive."""
        if any(held.disk not in (OnDisk.YES, OnDisk.NEVER) for held in self._held()):
            return False
        return not connected or not any(not held.replayed for held in chain(self._fresh, self._under_way.values()))

    # What is taken and sent.

    def add(self, payload: bytes, samples: int, *, replayed: bool = False) -> None:
        """A new report; `replayed` ones are history and wait behind what is live."""
        self._number += 1
        held = HeldReport(self._number, payload, len(payload), samples, self._clock(), replayed)
        if replayed:
            self._backlog.append(held)
        else:
            self._newest_at = held.taken_at
            self._fresh.append(held)
            self._keep_newest_fresh()
        self.bytes += held.size
        self.tally.taken += samples
        self._bound_memory()

    def next(self) -> tuple[int, Entry] | None:
        """The report to send now with its number on this stream, or None when there is nothing to send now."""
        held = self._next_live() or self._next_replay()
        if held is None:
            return None
        assert held.payload is not None
        entry = Entry(held.payload, held.samples, held.replayed)
        self._sequence += 1
        self._under_way[self._sequence] = held
        self._release(held)
        return self._sequence, entry

    def replay_in(self) -> float | None:
        """Seconds until the next report of the backlog may go; None when that depends on something else than time."""
        if not self._backlog or self._replaying >= self._window:
            return None
        return self._pace.ready_in(self._clock())

    def settle(self, sequences: Iterable[int], refused_samples: int) -> None:
        """The collector has these for good, or has refused `refused_samples` of their samples for good."""
        taken = [held for held in map(self._take, sequences) if held]
        now = self._clock()
        for held in taken:
            self._let_go(held)
            self._on_settled(now - held.taken_at, held.replayed)
        settled = sum(held.samples for held in taken)
        self.tally.refused += min(refused_samples, settled)
        self.tally.settled += settled - min(refused_samples, settled)

    def defer(self, sequences: Iterable[int]) -> None:
        """The collector did not take these: they belong to the backlog now."""
        for held in [held for held in map(self._take, sequences) if held]:
            self._send_again(held)

    def stream_opened(self, live_seconds: float, replays_per_second: float = math.inf) -> None:
        """What has piled up is history, but for the newest report if it was made at most `live_seconds` ago. The
        collector takes no more than `replays_per_second`."""
        self._connected = True
        rate = min(self._replays_per_second, replays_per_second)
        self._pace = Pace(rate, int(min(self._window, max(1.0, rate))))
        live = 1 if self._clock() - self._newest_at <= live_seconds else 0
        while len(self._fresh) > live:
            self._to_backlog(self._fresh.popleft())

    def stream_lost(self) -> None:
        """Whatever was under way may or may not have arrived: all of it is sent again on the next stream."""
        self._connected = False
        self._sequence = 0
        for sequence in list(self._under_way):
            held = self._take(sequence)
            if held is not None:
                self._send_again(held)

    # The disk.

    def disk_asked(self) -> frozenset[int]:
        """The disk is about to be opened; it need not count these."""
        self._away_when_asked = self._away
        return self._known_to_disk()

    def disk_opened(self, contents: DiskContents) -> None:
        """What was found there is sent as history; what should have been there and is not has been dropped."""
        if contents.begun_anew:
            self._forgotten.clear()
            for held in self._held():
                if held.disk in MAYBE:
                    held.disk = OnDisk.NEVER if held.payload is None else OnDisk.NO
        difference = contents.others.minus(self._away_when_asked)
        self._away = self._away.plus(difference)
        if difference.samples < 0:
            self._count_dropped(-difference.samples, on_disk=True)
        self.tally.recovered += max(0, difference.samples)

    def wants_disk(self, *, everything: bool = False) -> bool:
        """Whether there is something to write."""
        return bool(self._due(self._clock(), everything))

    def disk_in(self) -> float | None:
        """Seconds until there may be something to do for the disk if nothing is added; 0 is hard to tell: look now and
        then. None is never."""
        if self._away.reports or self._backlog or self._forgotten or self._deleting:
            return 0.0
        if any(held.disk is not OnDisk.NO for held in self._held()):
            return 0.0
        oldest = min((held.taken_at for held in self._held()), default=None)
        return None if oldest is None else max(0.0, oldest + SPOOL_AFTER_SECONDS - self._clock())

    def disk_orders(self, *, everything: bool = False) -> DiskOrders:
        """The next step of the disk; false when there is nothing to do. Its outcome has to be told before the next."""
        now = self._clock()
        keep = self._due(now, everything)
        load = LOAD_REPORTS if self._wants_more() else 0
        if keep or load or everything or any(now - at >= FORGET_AFTER_SECONDS for at in self._forgotten.values()):
            self._deleting, self._forgotten = self._forgotten, {}
        self._writing, self._loading, self._away_when_asked = keep, bool(load), self._away
        for held in keep:
            held.disk = OnDisk.WRITING
        reports = tuple(StoredReport(held.number, held.payload or b"", held.samples) for held in keep)
        return DiskOrders(tuple(self._deleting), reports, load, self._known_to_disk() if load else frozenset())

    def disk_done(self, outcome: DiskOutcome) -> None:
        """The step was done, all of it."""
        nothing_found = self._loading and self._away == self._away_when_asked
        self._deleting = {}
        for held in self._writing:
            held.disk = OnDisk.YES
        self._writing = []
        self._gone(outcome.gone)
        if nothing_found and not outcome.loaded:
            # Before anything else goes there: only what the disk was asked for can be missing.
            self._count_dropped(self._away.samples, on_disk=True)
            self._away = NOTHING
        self._leave_memory()
        for report in outcome.loaded:
            self._loaded(report)
        self._bound_memory()

    def disk_failed(self) -> None:
        """The step failed; whether anything of it is on disk is not known."""
        self._forgotten = {**self._deleting, **self._forgotten}
        self._deleting = {}
        for held in self._writing:
            held.disk = OnDisk.UNSURE
        self._writing = []

    # Inside.

    def _held(self) -> Iterator[HeldReport]:
        return chain(self._backlog, self._fresh, self._under_way.values())

    def _known_to_disk(self) -> frozenset[int]:
        held = (held.number for held in self._held() if held.disk in MAYBE)
        return frozenset(chain(held, self._forgotten, self._deleting))

    def _wants_more(self) -> bool:
        """Whether what is on disk is to be read now: it can be sent, and there is room for it."""
        room = not self.bytes or self.bytes < self._max_bytes // 2
        return self._connected and room and len(self._backlog) < LOAD_REPORTS // 4 and self._away.reports > 0

    def _next_live(self) -> HeldReport | None:
        if not self._fresh or len(self._under_way) - self._replaying >= MAX_LIVE_UNDER_WAY:
            return None
        return self._fresh.popleft()

    def _next_replay(self) -> HeldReport | None:
        now = self._clock()
        if not self._backlog or self._replaying >= self._window or self._pace.ready_in(now) > 0:
            return None
        self._pace.take(now)
        self._replaying += 1
        return self._backlog.pop(0)

    def _take(self, sequence: int) -> HeldReport | None:
        held = self._under_way.pop(sequence, None)
        if held is not None:
            self._replaying -= held.replayed
        return held

    def _let_go(self, held: HeldReport) -> None:
        """It leaves memory, and the disk as well."""
        self._discard_payload(held)
        if held.disk in MAYBE:
            self._forgotten[held.number] = self._clock()

    def _discard_payload(self, held: HeldReport) -> None:
        if held.payload is not None:
            held.payload = None
            self.bytes -= held.size

    def _release(self, held: HeldReport) -> None:
        """Under way and on disk: if it has to be sent again it is read from there."""
        if held.disk is OnDisk.YES:
            self._discard_payload(held)

    def _put_away(self, held: HeldReport) -> None:
        """From now on only the disk has it."""
        self._discard_payload(held)
        self._away = self._away.plus(held.amount)

    def _to_backlog(self, held: HeldReport) -> None:
        if held.disk is OnDisk.YES:
            self._put_away(held)
        elif held.payload is None:
            self._count_dropped(held.samples, on_disk=True)
        else:
            held.replayed = True
            insort(self._backlog, held, key=_NUMBER)

    def _send_again(self, held: HeldReport) -> None:
        self.tally.resent_reports += 1
        self._to_backlog(held)

    def _keep_newest_fresh(self) -> None:
        """Only the newest unsent report stays in memory when it is on disk: it may still be sent as live."""
        newest = len(self._fresh) - 1
        for held in [held for at, held in enumerate(self._fresh) if at < newest and held.disk is OnDisk.YES]:
            self._fresh.remove(held)
            self._put_away(held)

    def _leave_memory(self) -> None:
        """What is on disk now need not be here too, but for what is sent next."""
        for held in self._under_way.values():
            self._release(held)
        self._keep_newest_fresh()
        for held in [held for held in self._backlog if held.disk is OnDisk.YES][LOAD_REPORTS:]:
            self._backlog.remove(held)
            self._put_away(held)

    def _due(self, now: float, everything: bool) -> list[HeldReport]:
        due: list[HeldReport] = []
        size = 0
        for held in self._held():
            old = everything or now - held.taken_at >= SPOOL_AFTER_SECONDS
            if old and held.payload is not None and held.disk in WRITABLE:
                due.append(held)
                size += held.size
            if len(due) >= MAX_STEP_REPORTS or size >= MAX_STEP_BYTES:
                break
        return due

    def _gone(self, gone: Iterable[Gone]) -> None:
        held = {held.number: held for held in self._held()} if gone else {}
        for report in gone:
            if report.number in held:
                held[report.number].disk = OnDisk.NEVER
            elif self._forgotten.pop(report.number, None) is None:
                self._away = self._away.minus(report.amount)
                self._count_dropped(report.amount.samples, on_disk=True)

    def _loaded(self, report: StoredReport) -> None:
        size = len(report.payload)
        held = HeldReport(report.number, report.payload, size, report.samples, self._clock(), True, OnDisk.YES)
        self._away = self._away.minus(Amount(1, report.samples, size))
        self.bytes += size
        insort(self._backlog, held, key=_NUMBER)

    def _bound_memory(self) -> None:
        while self.bytes > self._max_bytes and self._make_room():
            pass

    def _make_room(self) -> bool:
        """What the disk has goes there, the youngest first; then the oldest report goes for good. What is being written
        stays, and so does the last one."""
        here = [held for held in self._held() if held.payload is not None]
        if len(here) == 1:
            return False
        kept = next((held for held in reversed(self._backlog) if held.disk is OnDisk.YES), None)
        if kept is not None:
            self._backlog.remove(kept)
            self._put_away(kept)
            return True
        oldest = next((held for held in here if held.disk in _DROPPABLE), None)
        if oldest is None:
            return False
        self._remove(oldest)
        self._count_dropped(oldest.samples, on_disk=oldest.disk is OnDisk.NEVER)
        self._let_go(oldest)
        return True

    def _remove(self, gone: HeldReport) -> None:
        if gone in self._backlog:
            self._backlog.remove(gone)
        elif gone in self._fresh:
            self._fresh.remove(gone)
        else:
            self._take(next(sequence for sequence, held in self._under_way.items() if held is gone))

    def _count_dropped(self, samples: int, *, on_disk: bool) -> None:
        self.tally.dropped += samples
        self.tally.spool_dropped += samples if on_disk else 0


_NUMBER = attrgetter("number")
_DROPPABLE = WRITABLE | {OnDisk.NEVER}
