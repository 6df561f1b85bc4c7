"""What uvicorn is told, and how long it waits for clients."""

from typing import Any

from gpufleet_collector.web.serving.http import MAX_REQUEST_HEAD_BYTES
from gpufleet_collector.web.serving.websocket import MAX_WEBSOCKET_MESSAGE_BYTES, WebSocketProtocol

PING_SECONDS = 20.0
PONG_SECONDS = 60.0
"""Longer than a client may stall, so that a stalled one is told so rather than found dead."""


def uvicorn_options() -> dict[str, Any]:
    """Keyword arguments of `uvicorn.Config` beside the application, the address and logging."""
    return {
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
