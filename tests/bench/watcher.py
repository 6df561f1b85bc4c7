"""Clients of the WebSocket that look at one host, and note how old each sample is when it comes."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import websockets.exceptions
import websockets.sync.client

from fakes.processes import Collector


@dataclass(slots=True)
class Watcher:
    """Seconds from the instant of a sample to its receipt: as an event of its own, and as what is new in a frame."""

    events: list[float] = field(default_factory=list)
    frames: list[float] = field(default_factory=list)
    _newest: list[str | None] = field(default_factory=list)

    def take_event(self, message: dict[str, Any]) -> None:
        # A GPU that is known and was not read yet has no instant.
        if message["type"] == "gpu_stats" and (instant := message["data"]["timestamp"]) is not None:
            self.events.append(_age(instant))

    def take_frame(self, message: dict[str, Any]) -> None:
        if message["type"] != "frame":
            return
        known, self._newest = self._newest, message["recorded_at"]
        if len(known) == len(self._newest):
            pairs = zip(known, self._newest, strict=True)
            self.frames += [_age(now) for before, now in pairs if now is not None and now != before]

    def begin_anew(self) -> None:
        """Forget what was noted until now: what is sent at connecting may be of any age."""
        self.events.clear()
        self.frames.clear()


@contextmanager
def watching_host(collector: Collector, host: str) -> Iterator[Watcher]:
    """One client of each format, for as long as the load lasts."""
    watcher = Watcher()
    wanted = {"type": "subscribe", "hosts": [host], "metrics": ["power_watts"]}
    with (
        _hearing(collector, {**wanted, "format": "events"}, watcher.take_event),
        _hearing(collector, {**wanted, "format": "frames", "interval_seconds": 1}, watcher.take_frame),
    ):
        yield watcher


@contextmanager
def _hearing(collector: Collector, wanted: dict[str, object], take: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    url = collector.url.replace("http:", "ws:") + "/ws"
    with websockets.sync.client.connect(url, proxy=None, compression=None) as socket:
        socket.send(json.dumps(wanted))

        def hear() -> None:
            with contextlib.suppress(websockets.exceptions.ConnectionClosed):
                for text in socket:
                    take(json.loads(text))

        thread = threading.Thread(target=hear, daemon=True)
        thread.start()
        yield
    thread.join()


def _age(instant: str) -> float:
    return time.time() - datetime.fromisoformat(instant).timestamp()
