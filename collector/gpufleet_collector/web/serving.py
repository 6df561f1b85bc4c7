"""How uvicorn is to serve the application: the one place that knows this server."""

import asyncio
import socket
import struct
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

import h11
from starlette.types import Scope
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gpufleet_collector.web.headers import STRICT_HEADERS
from gpufleet_collector.web.problems import problem

MAX_REQUEST_HEAD_BYTES = 64 * 1024
"""A longer request line with its headers is refused, unless it arrives at once. A thousand UUIDs fit."""
REFUSED_SECONDS = 5.0
"""For so long more is heard, and ignored, of a request that was refused unread: to hang up on one that is still being
sent may take the answer with it."""
MAX_WEBSOCKET_MESSAGE_BYTES = 1024 * 1024
"""Larger messages end the connection. Those above 64 KiB are answered by an error, which needs them to arrive."""
PING_SECONDS = 20.0
PONG_SECONDS = 60.0
"""Longer than a client may stall, so that a stalled one is told so rather than found dead."""
LINGER_SECONDS = 60.0
"""A client that has taken nothing for so long, of what is there for it, is cut off: what it was sent goes with it."""
UNSENT_BYTES = 256 * 1024
"""What the system takes from us of one WebSocket client's bytes before the client has room for them. Linux alone would
take 4 MB: memory for who does not read, and old news for who reads slowly."""

_PORT = "gpufleet.port"
_AT_ONCE = struct.pack("ii", 1, 0)


def be_told_at_once(transport: asyncio.WriteTransport) -> None:
    """`pause_writing` comes as soon as something waits, and `resume_writing` when nothing does. One byte, not none: the
    transport of TLS pauses at the limit, the plain one above it."""
    transport.set_write_buffer_limits(high=1, low=0)


class HttpProtocol(H11Protocol):
    """Refuses what cannot be read as everything else is refused, in words that a program can read, and keeps nothing
    for a client that does not read. uvicorn closes such a connection at most, which waits for the client too."""

    _is_refused = False
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # `pause_writing` is then said of what the system does not take at once.
        be_told_at_once(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._watch_no_more()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_what_is_left()

    def resume_writing(self) -> None:
        self._watch_no_more()
        super().resume_writing()

    def _watch_what_is_left(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._watch = self.loop.call_later(LINGER_SECONDS, self._cut_off_unless_less_than, left)

    def _cut_off_unless_less_than(self, left: int) -> None:
        if self.transport.get_write_buffer_size() < left:
            self._watch_what_is_left()
        else:
            # What waits in the system's buffers, which may be megabytes, is not kept either (socket(7)).
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            self.transport.abort()

    def _watch_no_more(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self.transport.set_write_buffer_limits()
        super().handle_websocket_upgrade(event)

    def data_received(self, data: bytes) -> None:
        if not self._is_refused:
            super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        self._is_refused = True
        self._leave_handler()
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()  # an answer is on its way or gone already
            return
        most = f"{MAX_REQUEST_HEAD_BYTES // 1024} KiB"
        detail = f"{msg} A request line and its headers are at most {most}: ask for less at once."
        response = problem(HTTPStatus.BAD_REQUEST, detail)
        response.headers.update({**STRICT_HEADERS, "Connection": "close"})
        begin = h11.Response(status_code=response.status_code, headers=response.raw_headers, reason=b"Bad Request")
        for event in (begin, h11.Data(data=bytes(response.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(REFUSED_SECONDS, self.transport.close)

    def _leave_handler(self) -> None:
        """Who still works on the request learns that nobody is there to be answered."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Lets messages that were made for many clients past uvicorn: as its `Port` it writes their bytes as they are, and
    says when they have gone out. Only whole frames of the protocol are written, so that pings and the closing frame may
    come between any two, and uvicorn's own messages while nothing waits.

    Ends the connection of a client that does not read, with the reason where it can still find it: uvicorn queues the
    closing frame behind everything that the client has not read and waits for it to read, which it may never do:
    https://github.com/encode/uvicorn, `WebSocketsSansIOProtocol.send` waits for `writable`.
    """

    _on_writable: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Whatever does not go out at once is waited for: there is always something newer to send.
        be_told_at_once(self.transport)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)

    async def run_asgi(self) -> None:
        self.scope["extensions"][_PORT] = cast("dict[object, object]", self)
        await super().run_asgi()

    @property
    def is_writable(self) -> bool:
        is_open = self.handshake_complete and not self.close_sent and not self.transport.is_closing()
        return is_open and self.writable.is_set()

    def write(self, piece: bytes) -> None:
        self.transport.write(piece)

    def abort(self) -> None:
        """Whatever the client has not taken goes with the connection."""
        self.transport.abort()

    def notify(self, on_writable: Callable[[], None]) -> None:
        """Call this whenever everything written has gone out."""
        self._on_writable = on_writable

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._on_writable is not None:
            self._on_writable()

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "websocket.close" and not self.writable.is_set():
            self.writable.set()
            self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        # Who has waited may find that the port was quicker.
        while not self.writable.is_set():
            await self.writable.wait()
        await super().send(message)


def port_of(scope: Scope) -> WebSocketProtocol:
    """The connection of a WebSocket that was accepted."""
    port = scope["extensions"][_PORT]
    assert isinstance(port, WebSocketProtocol)
    return port


def uvicorn_options() -> dict[str, Any]:
    """Keyword arguments of `uvicorn.Config` beside the application, the address and logging."""
    return {
        "http": HttpProtocol,
        "h11_max_incomplete_event_size": MAX_REQUEST_HEAD_BYTES,
        "ws": WebSocketProtocol,
        "ws_max_size": MAX_WEBSOCKET_MESSAGE_BYTES,
        "ws_ping_interval": PING_SECONDS,
        "ws_ping_timeout": PONG_SECONDS,
        "ws_per_message_deflate": False,
        "server_header": False,
        "proxy_headers": False,  # who asks, and over what, is what the connection says
        "access_log": False,
    }
