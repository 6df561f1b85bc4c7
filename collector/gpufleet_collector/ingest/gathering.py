"""Reports of all streams, gathered for a moment, decoded and judged together, then shown, and offered to the store."""

import asyncio
import logging
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gpufleet_collector.clock import Clock
from gpufleet_collector.ingest import envelope
from gpufleet_collector.ingest.columns import Decoded, Decoder
from gpufleet_collector.ingest.identity import borders, refuse_instant
from gpufleet_collector.ingest.judge import judge_values
from gpufleet_collector.ingest.limits import IngestLimits
from gpufleet_collector.ingest.refusals import StreamRefused, broken, malformed
from gpufleet_collector.live.live import Live, Rows
from gpufleet_collector.model import Event, Refusal, SampleColumns
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.store.records import ReportWrite

GATHER_SECONDS = 0.1
"""How long a report may wait for others; live values are behind by as much."""

MAX_GATHERED_SAMPLES = 5_000
MAX_GATHERED_BYTES = 8 * 1024 * 1024
"""At either bound what was gathered is decoded at once."""

NOTHING: Mapping[Refusal, int] = MappingProxyType({})

_logger = logging.getLogger(__name__)


class Store(Protocol):
    """The part of the writer that takes reports."""

    def offer(self, write: ReportWrite) -> bool:
        """Take a report to be stored; False when there is no room."""


class Origin(Protocol):
    """The stream that a report came by."""

    host: str

    def settle(self, sequence: int, refused: Mapping[Refusal, int]) -> None:
        """All of this report is stored, or refused for good."""

    def defer(self, sequence: int) -> None:
        """This report was not taken: it is to be sent again after a pause."""

    def found_unknown(self, numbers: set[int]) -> None:
        """A sample had fields with these numbers, which this collector does not know."""

    def end(self, reason: StreamRefused) -> None:
        """The stream is to be ended."""


@dataclass(slots=True)
class Gathered:
    """A report on its way. `first` and `last` bound its messages among those gathered; `refused` counts the samples
    that were refused on this side, `refused_events` the events."""

    origin: Origin
    sequence: int
    replayed: bool
    events: tuple[Event, ...]
    refused_events: Mapping[Refusal, int]
    first: int
    last: int = 0
    refused: dict[Refusal, int] = field(default_factory=dict)

    def refuse(self, reason: Refusal, number: int) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + number

    def settled(self, refused_by_store: Mapping[Refusal, int]) -> None:
        for refused in (self.refused_events, refused_by_store):
            for reason, number in refused.items():
                self.refuse(reason, number)
        self.origin.settle(self.sequence, self.refused)


class Gathering:
    """Every method is called from one thread. What is gathered is flushed soon, by itself."""

    def __init__(self, live: Live, store: Store, metrics: SelfMetrics, clock: Clock, limits: IngestLimits) -> None:
        self._live = live
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._limits = limits
        self._decoder = Decoder()
        self._timer: asyncio.TimerHandle | None = None
        self._begin()

    def _begin(self) -> None:
        self._reports: list[Gathered] = []
        self._hosts: set[str] = set()
        self._messages: list[bytes] = []
        self._instants: list[int] = []
        self._counts: list[int] = []
        self._bytes = 0

    def take(
        self,
        origin: Origin,
        report: envelope.Report,
        size: int,
        events: tuple[Event, ...] = (),
        refused_events: Mapping[Refusal, int] = NOTHING,
    ) -> None:
        """A report of `size` bytes, with the events taken from it."""
        first = len(self._messages)
        gathered = Gathered(origin, report.sequence, report.replayed, events, refused_events, first)
        self._take_ticks(report, gathered)
        gathered.last = len(self._messages)
        self._reports.append(gathered)
        self._hosts.add(origin.host)
        self._bytes += size
        if gathered.last >= MAX_GATHERED_SAMPLES or self._bytes >= MAX_GATHERED_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_SECONDS, self.flush)

    def _take_ticks(self, report: envelope.Report, gathered: Gathered) -> None:
        oldest, newest = borders(self._limits, self._clock.now().wall_us)
        room = self._limits.samples_per_report
        for tick in report.ticks:
            gpus, instant = tick.gpus, tick.instant_us
            reason = refuse_instant(instant, oldest, newest)
            if reason is not None:
                gathered.refuse(reason, len(gpus))
                continue
            taken = min(self._limits.gpus_per_tick, room, len(gpus))
            if taken < len(gpus):
                gathered.refuse(Refusal.LIMIT, len(gpus) - taken)
                gpus = gpus[:taken]
            room -= taken
            self._messages += gpus
            self._instants.append(instant)
            self._counts.append(taken)

    def flush_host(self, host: str) -> None:
        """Nothing of this host is on its way any more when this returns."""
        if host in self._hosts:
            self.flush()

    def flush(self) -> None:
        """Decode, judge, show and offer what was gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        reports, messages, instants, counts = self._reports, self._messages, self._instants, self._counts
        if not reports:
            return
        self._begin()
        try:
            with self._metrics.gather_seconds.time():
                decoded = self._decoder.decode(messages)
                self._hand_on(reports, decoded, np.repeat(np.array(instants, np.int64), counts))
        except Exception:
            _logger.exception("reports could not be read")
            for report in reports:
                report.origin.end(broken())

    def _hand_on(self, reports: list[Gathered], decoded: Decoded, instants: NDArray[np.int64]) -> None:
        if decoded.malformed:
            reports = _without_malformed(reports, decoded)
        if decoded.unknown:
            _tell_unknown(reports, decoded)
        kept, values_dropped = judge_values(decoded.values)
        columns, parts = _keep(decoded, instants, kept, reports)
        self._count(reports, parts, values_dropped)
        self._show(reports, columns, parts)
        for report, (start, stop) in zip(reports, parts, strict=True):
            self._offer(report, columns, start, stop)

    def _show(self, reports: Sequence[Gathered], columns: SampleColumns, parts: Sequence[tuple[int, int]]) -> None:
        shown = [
            Rows(report.origin.host, start, stop)
            for report, (start, stop) in zip(reports, parts, strict=True)
            if not report.replayed and start < stop
        ]
        if shown:
            self._live.take(columns, shown)
        for report in reports:
            if report.events and not report.replayed:
                self._live.events(report.origin.host, report.events)

    def _offer(self, report: Gathered, columns: SampleColumns, start: int, stop: int) -> None:
        if start == stop and not report.events:
            report.settled(NOTHING)
            return
        samples = columns.part(start, stop)
        write = ReportWrite(report.origin.host, samples, report.replayed, report.settled, report.events)
        if not self._store.offer(write):
            self._metrics.reports_deferred.inc()
            report.origin.defer(report.sequence)

    def _count(self, reports: Sequence[Gathered], parts: Sequence[tuple[int, int]], values_dropped: int) -> None:
        metrics, received = self._metrics, 0
        for report, (start, stop) in zip(reports, parts, strict=True):
            received += stop - start
            if lost := report.last - report.first - (stop - start):
                report.refuse(Refusal.INVALID, lost)
            for reason, number in report.refused.items():
                received += number
                metrics.samples_refused.labels(reason=reason.value).inc(number)
        metrics.messages.labels(kind="report").inc(len(reports))
        metrics.samples_received.inc(received)
        if values_dropped:
            metrics.values_refused.labels(reason=Refusal.INVALID.value).inc(values_dropped)


def _keep(
    decoded: Decoded, instants: NDArray[np.int64], kept: NDArray[np.bool_], reports: Sequence[Gathered]
) -> tuple[SampleColumns, list[tuple[int, int]]]:
    """The samples taken, and for each report which of them are its own."""
    for row, name in enumerate(decoded.gpu_uuids):
        if name is None:
            kept[row] = False
    uuids = decoded.gpu_uuids
    if kept.all():
        columns = SampleColumns(uuids, instants, decoded.values)  # type: ignore[arg-type]
        return columns, [(report.first, report.last) for report in reports]
    names = [name for name, keep in zip(uuids, kept.tolist(), strict=True) if keep and name is not None]
    before = [0, *np.cumsum(kept).tolist()]
    columns = SampleColumns(names, instants[kept], decoded.values[kept])
    return columns, [(before[report.first], before[report.last]) for report in reports]


def _without_malformed(reports: Sequence[Gathered], decoded: Decoded) -> list[Gathered]:
    """The reports of which everything is protobuf; the streams of the others are ended."""
    wrong = sorted(decoded.malformed)
    sound = []
    for report in reports:
        if bisect_left(wrong, report.first) == bisect_left(wrong, report.last):
            sound.append(report)
        else:
            report.origin.end(malformed("a sample is not protobuf of gpufleet's stream"))
    return sound


def _tell_unknown(reports: Sequence[Gathered], decoded: Decoded) -> None:
    for report in reports:
        numbers = {number for row in range(report.first, report.last) for number in decoded.unknown.get(row, ())}
        if numbers:
            report.origin.found_unknown(numbers)
