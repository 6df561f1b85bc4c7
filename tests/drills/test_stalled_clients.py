"""Five hundred clients of the WebSocket that never read: what they cost is bounded, nobody notices, and they are told
why they were closed."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import websockets.exceptions
import websockets.sync.client
from bench.frame_readers import Counts, Reader
from bench.usage import rss_bytes

from fakes.processes import Collector, running_collector, running_fleet, wait_for
from gpufleet_collector.web.frames.message import FRAGMENT_BYTES
from gpufleet_collector.web.serving.flow import LINGER_SECONDS
from gpufleet_collector.web.settings import WebSettings

pytestmark = pytest.mark.drill

HOSTS, GPUS, CLIENTS = 125, 8, 500
STALL_SECONDS = WebSettings().stall_seconds
IDLE_BYTES = 96 * 1024
"""Of one client: its tasks, buffers and objects."""
CLIENT_BYTES = FRAGMENT_BYTES + IDLE_BYTES
FRAMES_HELD = 2 * STALL_SECONDS
"""Clients that stalled at different times hold different frames: one a second until they are closed."""
MOST_GAP_SECONDS = 3.0
WANTED = {"type": "subscribe", "format": "frames", "interval_seconds": 1}
CLOSING = b"\x88\x19" + (4408).to_bytes(2, "big") + b"the client did not read"


class Healthy:
    """A client that reads: when each frame came, and how large it was."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.size = 0

    @property
    def longest_gap(self) -> float:
        return max(after - before for before, after in zip(self.times, self.times[1:], strict=False))


@contextmanager
def healthy_client(collector: Collector) -> Iterator[Healthy]:
    healthy = Healthy()
    url = collector.url.replace("http:", "ws:") + "/ws"
    with websockets.sync.client.connect(url, proxy=None, compression=None, max_size=None) as client:
        client.send(json.dumps(WANTED))

        def hear() -> None:
            with contextlib.suppress(websockets.exceptions.ConnectionClosed):
                for text in client:
                    if '"type":"frame"' in str(text)[:20]:
                        healthy.times.append(time.monotonic())
                        healthy.size = len(text)

        thread = threading.Thread(target=hear, daemon=True)
        thread.start()
        yield healthy
    thread.join()


def stalled_client(address: tuple[str, int]) -> socket.socket:
    reader = Reader(address, json.dumps(WANTED).encode(), Counts(), whole=False)
    reader.subscribe()
    return reader.socket


def read_to_the_end(client: socket.socket) -> bytes:
    """The last bytes that came before the connection was closed."""
    client.settimeout(LINGER_SECONDS)
    last = b""
    while data := client.recv(1 << 20):
        last = (last + data)[-len(CLOSING) :]
        if last == CLOSING:
            break
    return last


@pytest.mark.timeout(300)
def test_clients_that_never_read_cost_bounded_memory_disturb_nobody_and_are_closed(open_path: Path) -> None:
    with ExitStack() as stack:
        collector = stack.enter_context(running_collector(open_path))
        stack.enter_context(running_fleet(open_path, collector, "--hosts", f"{HOSTS}", "--gpus", f"{GPUS}"))
        wait_for(lambda: collector.metric("gpufleet_streams") == HOSTS, "all hosts stream")
        healthy = stack.enter_context(healthy_client(collector))
        wait_for(lambda: len(healthy.times) > 5, "the healthy client gets frames")
        assert healthy.size > FRAGMENT_BYTES
        pid = collector.process.running.pid
        before, most = rss_bytes(pid), 0

        address = ("127.0.0.1", collector.http_port)
        stalled = [stack.enter_context(stalled_client(address)) for _ in range(CLIENTS)]
        closed_at = time.monotonic() + 3 * STALL_SECONDS
        while collector.metric("gpufleet_websocket_stalled_total") < CLIENTS and time.monotonic() < closed_at:
            most = max(most, rss_bytes(pid))
            time.sleep(0.5)

        assert collector.metric("gpufleet_websocket_stalled_total") == CLIENTS
        bound = CLIENTS * CLIENT_BYTES + FRAMES_HELD * healthy.size
        assert most - before < bound, f"{(most - before) / 1e6:.0f} MB more, the bound is {bound / 1e6:.0f} MB"
        assert healthy.longest_gap < MOST_GAP_SECONDS
        assert [read_to_the_end(client) for client in stalled] == [CLOSING] * CLIENTS
        assert collector.metric("gpufleet_websocket_frames_superseded_total") >= CLIENTS
