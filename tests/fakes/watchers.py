"""WebSocket clients that only look: each remembers the newest sample that it was told of every GPU."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from fakes.processes import Collector, wait_for

OPEN_SECONDS, CLOSE_SECONDS = 20.0, 10.0


class Watcher:
    """A client of one collector, with a thread of its own."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self._connection: ClientConnection | None = None
        self._seen: dict[str, datetime] = {}
        self.states: dict[str, str] = {}
        self.events: list[str] = []
        self.errors: list[object] = []
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        wait_for(lambda: self._connection is not None, f"a client of {collector.url} connects")

    def fresh(self, since: datetime) -> int:
        """Of how many GPUs, on hosts that are up, a sample was told that was taken after `since`."""
        return sum(at > since for at in list(self._seen.values()))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._thread.join(CLOSE_SECONDS)

    def _look(self) -> None:
        address = f"ws://127.0.0.1:{self.collector.http_port}/ws"
        with connect(address, max_size=None, proxy=None, open_timeout=OPEN_SECONDS) as self._connection:
            try:
                for message in self._connection:
                    self._take(json.loads(message))
            except ConnectionClosed:
                return

    def _take(self, message: dict[str, dict[str, str]]) -> None:
        kind, data = str(message["type"]), message["data"]
        if kind == "gpu_stats":
            self.states[data["host"]] = data["host_state"]
            if data["timestamp"] is not None and data["host_state"] == "up":
                self._seen[data["gpu_uuid"]] = datetime.fromisoformat(data["timestamp"])
        elif kind == "host_state":
            self.states[data["host"]] = data["state"]
        elif kind == "event":
            self.events.append(data["id"])
        else:
            self.errors.append(data)


@contextmanager
def watching(*collectors: Collector, each: int = 1) -> Iterator[list[Watcher]]:
    """So many clients of each of the collectors."""
    watchers: list[Watcher] = []
    try:
        watchers += [Watcher(collector) for collector in collectors for _ in range(each)]
        yield watchers
    finally:
        for watcher in watchers:
            watcher.close()


def see_all(watchers: Sequence[Watcher], gpus: int, what: str, seconds: float) -> float:
    """Wait until every client was told of a sample of every GPU that was taken after now; how long that took."""
    now, began = datetime.now(UTC), time.monotonic()

    def all_see() -> bool:
        return all(watcher.fresh(now) == gpus for watcher in watchers)

    try:
        wait_for(all_see, what, seconds)
    except AssertionError as error:
        seen = [watcher.fresh(now) for watcher in watchers]
        raise AssertionError(f"{error}: clients see {seen} of {gpus} GPUs") from None
    return time.monotonic() - began
