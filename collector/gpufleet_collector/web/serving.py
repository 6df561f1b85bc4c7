"""How uvicorn is to serve the application: the one place that knows this server."""

from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MAX_WEBSOCKET_MESSAGE_BYTES = 1024 * 1024
"""Larger messages end the connection. Those above 64 KiB are answered by an error, which needs them to arrive."""
PING_SECONDS = 20.0
PONG_SECONDS = 60.0
"""Longer than a client may stall, so that a stalled one is told so rather than found dead."""
LINGER_SECONDS = 60.0


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Ends the connection of a client that does not read, with the reason where it can still find it.

    uvicorn queues the closing frame behind everything that the client has not read and waits for it to read, which
    it may never do: https://github.com/encode/uvicorn, `WebSocketsSansIOProtocol.send` waits for `writable`.
    """

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "websocket.close" and not self.writable.is_set():
            self.writable.set()
            self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        await super().send(message)


def uvicorn_options() -> dict[str, Any]:
    """Keyword arguments of `uvicorn.Config` beside the application, the address and logging."""
    return {
        "ws": WebSocketProtocol,
        "ws_max_size": MAX_WEBSOCKET_MESSAGE_BYTES,
        "ws_ping_interval": PING_SECONDS,
        "ws_ping_timeout": PONG_SECONDS,
        "ws_per_message_deflate": False,
        "server_header": False,
        "access_log": False,
    }
