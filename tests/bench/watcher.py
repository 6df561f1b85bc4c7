"""A client of the WebSocket that is told every event of one host, and notes how old each sample is when it comes."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import websockets.exceptions
import websockets.sync.client

from fakes.processes import Collector


@dataclass(slots=True)
class Watcher:
    """Seconds from the instant of a sample to its receipt here."""

    latencies: list[float] = field(default_factory=list)


@contextmanager
def watching_host(collector: Collector, host: str) -> Iterator[Watcher]:
    """For as long as the load lasts. What is sent at connecting may be of any age, and does not count."""
    watcher = Watcher()
    url = collector.url.replace("http:", "ws:") + "/ws"
    with websockets.sync.client.connect(url, proxy=None, compression=None) as socket:
        socket.send(json.dumps({"type": "subscribe", "format": "events", "hosts": [host], "metrics": ["power_watts"]}))

        def hear() -> None:
            with contextlib.suppress(websockets.exceptions.ConnectionClosed):
                for text in socket:
                    now, message = time.time(), json.loads(text)
                    if message["type"] == "gpu_stats" and message["data"]["host"] == host:
                        taken = datetime.fromisoformat(message["data"]["timestamp"]).timestamp()
                        watcher.latencies.append(now - taken)

        thread = threading.Thread(target=hear, daemon=True)
        thread.start()
        yield watcher
    thread.join()
