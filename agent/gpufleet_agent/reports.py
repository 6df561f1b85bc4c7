"""Ticks and events become reports: gathered as the collector wishes, and cut to what a message may hold."""

import logging
from collections.abc import Callable, Sequence

from gpufleet_agent.outbox import Outbox
from gpufleet_agent.readings import GpuEvent
from gpufleet_agent.wire import MAX_MESSAGE_BYTES, encode_events, encode_ticks
from gpufleet_proto import telemetry_pb2 as pb

MAX_TICKS_PER_REPORT = 32
"""A collector that asks for more gets this: so many ticks of 256 GPUs stay below the limit of a message."""

EVENTS_PER_REPORT = 128


class Reports:
    """Puts reports in `outbox` and calls `wake` when there is something new."""

    def __init__(self, outbox: Outbox, wake: Callable[[], None], log: logging.Logger) -> None:
        self._outbox = outbox
        self._wake = wake
        self._log = log
        self._ticks: list[pb.Tick] = []
        self._ticks_per_report = 1

    def gather(self, ticks_per_report: int) -> None:
        """From now on so many ticks make a report."""
        self._ticks_per_report = min(max(1, ticks_per_report), MAX_TICKS_PER_REPORT)

    def add_tick(self, tick: pb.Tick) -> None:
        """A tick; one without a GPU is none."""
        if tick.gpus:
            self._ticks.append(tick)
        if len(self._ticks) >= self._ticks_per_report:
            self.flush()

    def flush(self) -> None:
        """Make a report of the ticks gathered so far."""
        ticks, self._ticks = self._ticks, []
        if not ticks:
            return
        payload = encode_ticks(ticks)
        samples = sum(len(tick.gpus) for tick in ticks)
        if len(payload) > MAX_MESSAGE_BYTES:
            self._log.error("a report of %d bytes is larger than any collector takes; it is dropped", len(payload))
            self._outbox.tally.taken += samples
            self._outbox.tally.dropped += samples
            return
        self._outbox.add(payload, samples)
        self._wake()

    def add_events(self, events: Sequence[tuple[str, GpuEvent]]) -> None:
        """Events go at once."""
        for start in range(0, len(events), EVENTS_PER_REPORT):
            self._outbox.add(encode_events(events[start : start + EVENTS_PER_REPORT]), 0)
            self._wake()
