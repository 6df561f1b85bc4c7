"""How both ends of a connection over a network learn that the other is gone when nothing says so: a machine without
power, a firewall that forgot. Else a question waits for ever, and who is gone holds its locks for hours."""

import asyncio
import socket
from typing import Any

import asyncpg

IDLE_SECONDS, INTERVAL_SECONDS, PROBES = 30, 10, 3
"""After so long without a word the other end is asked, so often, and given up when none of that is answered."""
UNACKNOWLEDGED_SECONDS = 60
"""What was sent and not acknowledged by the other machine for so long ends the connection (tcp(7))."""

SERVER_SETTINGS = {
    "tcp_keepalives_idle": str(IDLE_SECONDS),
    "tcp_keepalives_interval": str(INTERVAL_SECONDS),
    "tcp_keepalives_count": str(PROBES),
    "tcp_user_timeout": f"{UNACKNOWLEDGED_SECONDS}s",
}

_SET = "; ".join(f"SET {name} = '{value}'" for name, value in SERVER_SETTINGS.items())

_OWN = {
    "TCP_KEEPIDLE": IDLE_SECONDS,
    "TCP_KEEPINTVL": INTERVAL_SECONDS,
    "TCP_KEEPCNT": PROBES,
    "TCP_USER_TIMEOUT": UNACKNOWLEDGED_SECONDS * 1000,
}
"""Not every system has all of them."""


class WatchedConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """One that watches the other end where that is on a network."""

    __slots__ = ("is_remote",)

    def __init__(self, protocol: Any, transport: asyncio.Transport, *rest: Any) -> None:
        super().__init__(protocol, transport, *rest)
        self.is_remote = _keep_alive(transport.get_extra_info("socket"))


async def be_watched(connection: WatchedConnection) -> None:
    """Have the server do the same. Not while connecting: a pooler in between may refuse settings that it does not know
    (PgBouncer: ignore_startup_parameters)."""
    if connection.is_remote:
        await connection.execute(_SET)


def _keep_alive(end: socket.socket) -> bool:
    """False for an end that is of this machine alone."""
    if end.family == socket.AF_UNIX:
        return False
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OWN.items():
        if (option := getattr(socket, name, None)) is not None:
            end.setsockopt(socket.IPPROTO_TCP, option, value)
    return True
