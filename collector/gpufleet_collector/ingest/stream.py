"""One agent's stream on the collector's side: what each message does, and what goes back."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from google.protobuf.message import DecodeError

from gpufleet_collector.access.book import Book
from gpufleet_collector.clock import Clock
from gpufleet_collector.ingest import envelope
from gpufleet_collector.ingest.decode import Cleaner, agent_of, cost_of, inventory_of
from gpufleet_collector.ingest.events import JudgedEvents, judge_events
from gpufleet_collector.ingest.gathering import Gathering
from gpufleet_collector.ingest.limits import MICROSECONDS, IngestLimits
from gpufleet_collector.ingest.processes import judge_processes
from gpufleet_collector.ingest.refusals import StreamRefused, malformed, no_hello, second_hello
from gpufleet_collector.live.live import Live
from gpufleet_collector.model import AgentInfo, Inventory, ProcessList, Refusal
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.store.records import HostRecord, ReportWrite
from gpufleet_proto import telemetry_pb2 as pb


class Store(Protocol):
    """The part of the writer that a stream needs."""

    def declare(self, record: HostRecord) -> None:
        """This host has these GPUs now."""

    def offer(self, write: ReportWrite) -> bool:
        """Take a report to be stored; False when there is no room."""

    def tell(self, told: ProcessList) -> None:
        """These are the processes of a host now."""

    def hear(self, host: str) -> None:
        """This host is there, also when it has no samples."""

    def mark_left(self, host: str, at_us: int) -> None:
        """The agent of this host has stopped cleanly."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What every stream works with."""

    live: Live
    store: Store
    metrics: SelfMetrics
    clock: Clock
    limits: IngestLimits
    book: Book = field(default_factory=Book)


@dataclass(frozen=True, slots=True)
class Introduction:
    """A Hello, read."""

    host: str
    agent: AgentInfo
    inventory: Inventory | None
    interval_seconds: float
    skew_seconds: float


def read_message(raw: bytes) -> pb.AgentMessage:
    """Raises StreamRefused."""
    try:
        return pb.AgentMessage.FromString(raw)
    except DecodeError as error:
        raise malformed(NOT_OURS) from error


def introduce(message: pb.AgentMessage, parts: Parts) -> Introduction:
    """The introduction in the first message of a stream. Raises StreamRefused."""
    if message.WhichOneof("message") != "hello":
        raise no_hello()
    hello, now_us, cleaner = message.hello, parts.clock.now().wall_us, Cleaner(parts.limits)
    host = hello.host
    if not host.strip() or not host.isprintable() or len(host) > parts.limits.string_length:
        raise no_hello(f"a Hello needs a host name of 1 to {parts.limits.string_length} printable characters")
    if not hello.agent_id:
        raise no_hello("a Hello needs an agent_id")
    introduction = Introduction(
        host=host,
        agent=agent_of(hello, cleaner),
        inventory=inventory_of(hello.inventory, cleaner, now_us) if hello.HasField("inventory") else None,
        interval_seconds=usable_interval(hello.interval_seconds),
        skew_seconds=skew(hello.sent_at_us, now_us),
    )
    parts.metrics.strings_trimmed.inc(cleaner.trimmed)
    return introduction


def _read_heartbeat(raw: bytes) -> pb.Heartbeat:
    """Raises StreamRefused."""
    try:
        return pb.Heartbeat.FromString(raw)
    except DecodeError as error:
        raise malformed(NOT_OURS) from error


NOT_OURS = "a message is not protobuf of gpufleet's stream"
DEFAULT_INTERVAL_SECONDS = 5.0
MAX_UNKNOWN_FIELDS = 1_000
"""Of one stream; further ones are not counted."""
MAX_INTERVAL_SECONDS = 86_400.0


def usable_interval(seconds: float) -> float:
    """The interval that an agent says it has, or the usual one where that cannot be."""
    return seconds if 0 < seconds <= MAX_INTERVAL_SECONDS else DEFAULT_INTERVAL_SECONDS


def skew(sent_at_us: int, now_us: int) -> float:
    """Seconds by which the agent's clock is ahead of this one (the way here counts as behind)."""
    return (sent_at_us - now_us) / MICROSECONDS


class AgentStream:
    """An introduced stream: takes messages, and gathers what is to be answered. `end` is told when something found out
    later ends the stream."""

    def __init__(
        self, introduction: Introduction, parts: Parts, gathering: Gathering, end: Callable[[StreamRefused], None]
    ) -> None:
        self.host = introduction.host
        self.said_goodbye = False
        self.end = end
        self._agent = introduction.agent
        self._parts = parts
        self._gathering = gathering
        # Lists and a future: a deque, and an Event has one too, takes 0.8 kB while there is nothing in it.
        self._settled: list[tuple[int, Mapping[Refusal, int]]] = []
        self._deferred: list[int] = []
        self._unknown: set[int] = set()
        self._waiting: asyncio.Future[None] | None = None

    def begin(self, introduction: Introduction) -> None:
        """The stream speaks for its host from now on."""
        live, agent, inventory = self._parts.live, introduction.agent, introduction.inventory
        self._gathering.flush_host(self.host)
        live.connected(self.host, agent, inventory, introduction.interval_seconds, introduction.skew_seconds)
        if inventory is not None:
            self._parts.store.declare(HostRecord(self.host, agent, inventory))

    def take(self, raw: bytes) -> None:
        """Act on one message. Raises StreamRefused when it ends the stream."""
        try:
            opened = envelope.open_envelope(raw)
        except DecodeError as error:
            raise malformed(NOT_OURS) from error
        kind = opened.WhichOneof("message")
        if kind == "report":
            self._take_report(opened.report, len(raw))
        else:
            self._parts.metrics.messages.labels(kind=kind or "unknown").inc()
            self._take_other(kind, read_message(raw))

    def _take_other(self, kind: str | None, message: pb.AgentMessage) -> None:
        if kind == "heartbeat":
            self._take_heartbeat(message.heartbeat)
        elif kind == "inventory":
            self._take_inventory(message.inventory)
        elif kind == "processes":
            self._take_processes(message.processes)
        elif kind == "goodbye":
            self.said_goodbye = True
            self._gathering.flush_host(self.host)
            self._parts.store.mark_left(self.host, self._parts.clock.now().wall_us)
        elif kind == "hello":
            raise second_hello()

    def finish(self) -> None:
        """The stream has ended; what it brought is handed on."""
        self._gathering.flush_host(self.host)

    def settle(self, sequence: int, refused: Mapping[Refusal, int]) -> None:
        self._settled.append((sequence, refused))
        self._wake()

    def defer(self, sequence: int) -> None:
        self._deferred.append(sequence)
        self._wake()

    def found_unknown(self, numbers: set[int]) -> None:
        new = numbers - self._unknown
        if new and len(self._unknown) < MAX_UNKNOWN_FIELDS:
            self._unknown |= new
            self._parts.metrics.unknown_metrics.inc(len(new))

    async def has_answers(self) -> None:
        """Returns when there is something to answer. For one task at a time."""
        if not (self._settled or self._deferred):
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def next_answer(self) -> pb.CollectorMessage | None:
        """What to send now, or None."""
        if self._deferred:
            deferred, self._deferred = self._deferred, []
            pause = self._parts.limits.throttle_seconds
            return pb.CollectorMessage(throttle=pb.Throttle(pause_seconds=pause, deferred=deferred))
        if not self._settled:
            return None
        ack, settled, self._settled = pb.Ack(), self._settled, []
        for sequence, refused in settled:
            ack.sequences.append(sequence)
            for reason, samples in refused.items():
                ack.refusals.add(sequence=sequence, reason=reason.name, samples=samples)
        return pb.CollectorMessage(ack=ack)

    def _take_report(self, report: envelope.Report, size: int) -> None:
        if report.heartbeat:
            self._parts.metrics.heartbeats.inc()
            self._take_heartbeat(_read_heartbeat(report.heartbeat))
        if report.events:
            judged = self._judge_events(report)
            self._gathering.take(self, report, size, tuple(judged.events), judged.refused)
        else:
            self._gathering.take(self, report, size)

    def _judge_events(self, report: envelope.Report) -> JudgedEvents:
        parts, cleaner = self._parts, Cleaner(self._parts.limits)
        try:
            events = [pb.Event.FromString(raw) for raw in report.events]
        except DecodeError as error:
            raise malformed(NOT_OURS) from error
        judged = judge_events(events, self.host, cleaner, parts.clock.now().wall_us)
        parts.metrics.events_received.inc(len(events))
        for reason, number in judged.refused.items():
            parts.metrics.events_refused.labels(reason=reason.value).inc(number)
        parts.metrics.strings_trimmed.inc(cleaner.trimmed)
        return judged

    def _take_processes(self, message: pb.Processes) -> None:
        parts, cleaner = self._parts, Cleaner(self._parts.limits)
        known = parts.live.gpus_of(self.host)
        judged = judge_processes(message, self.host, cleaner, parts.clock.now().wall_us, known)
        for reason, processes in judged.refused.items():
            parts.metrics.processes_refused.labels(reason=reason.value).inc(processes)
        parts.metrics.strings_trimmed.inc(cleaner.trimmed)
        parts.live.processes(judged.told)
        parts.store.tell(judged.told)

    def _take_heartbeat(self, heartbeat: pb.Heartbeat) -> None:
        parts, cleaner = self._parts, Cleaner(self._parts.limits)
        skew_seconds = skew(heartbeat.sent_at_us, parts.clock.now().wall_us)
        cost = cost_of(heartbeat.cost, cleaner)
        parts.store.hear(self.host)
        parts.live.heartbeat(self.host, cost, usable_interval(heartbeat.interval_seconds), skew_seconds)
        if cleaner.trimmed:
            parts.metrics.strings_trimmed.inc(cleaner.trimmed)

    def _take_inventory(self, message: pb.Inventory) -> None:
        parts, cleaner = self._parts, Cleaner(self._parts.limits)
        inventory = inventory_of(message, cleaner, parts.clock.now().wall_us)
        self._gathering.flush_host(self.host)
        parts.metrics.strings_trimmed.inc(cleaner.trimmed)
        parts.live.inventory(self.host, inventory)
        parts.store.declare(HostRecord(self.host, self._agent, inventory))
