"""A WebSocket as uvicorn serves it, with a way past it for messages that were made for many clients."""

import asyncio
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

from starlette.types import Scope
from uvicorn._types import ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.http11 import Response
from websockets.server import ServerProtocol

from gpufleet_collector.web.headers import STRICT_HEADERS
from gpufleet_collector.web.problems import problem
from gpufleet_collector.web.serving import flow

MAX_WEBSOCKET_MESSAGE_BYTES = 1024 * 1024
"""Larger messages end the connection. Those above 64 KiB are answered by an error, which needs them to arrive."""
UNSENT_BYTES = 256 * 1024
"""What the system takes from us of one WebSocket client's bytes before the client has room for them. Linux alone would
take 4 MB: memory for who does not read, and old news for who reads slowly."""

_PORT = "gpufleet.port"


class _Handshakes(ServerProtocol):
    """Refuses a handshake as everything else is refused, in words that a program can read."""

    def reject(self, status: HTTPStatus | int, text: str) -> Response:
        response = super().reject(status, text)
        told = problem(int(status), text.strip())
        for name in ("content-type", "content-length"):
            del response.headers[name]
        for name, value in {**told.headers, **STRICT_HEADERS}.items():
            response.headers[name] = value
        response.body = bytes(told.body)
        return response


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Lets messages that were made for many clients past uvicorn: as its `Port` it writes their bytes as they are, and
    says when they have gone out. Only whole frames of the protocol are written, so that pings and the closing frame may
    come between any two, and uvicorn's own messages while nothing waits.

    Ends the connection of a client that does not read, with the reason where it can still find it: uvicorn queues the
    closing frame behind everything that the client has not read and waits for it to read, which it may never do:
    https://github.com/encode/uvicorn, `WebSocketsSansIOProtocol.send` waits for `writable`.
    """

    _on_writable: Callable[[], None] | None = None

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config, server_state, app_state)
        self.conn = _Handshakes(max_size=config.ws_max_size, logger=self.logger)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
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
            self.loop.call_later(flow.LINGER_SECONDS, self.transport.abort)
        # Who has waited may find that the port was quicker.
        while not self.writable.is_set():
            await self.writable.wait()
        await super().send(message)
        # An answer that is no WebSocket is the end of the handshake, too, which uvicorn then misses.
        self.handshake_complete = self.handshake_complete or self.close_sent


def port_of(scope: Scope) -> WebSocketProtocol:
    """The connection of a WebSocket that was accepted."""
    port = scope["extensions"][_PORT]
    assert isinstance(port, WebSocketProtocol)
    return port
