"""When a connection says that what it was given waits to go out, and what becomes of one whose client takes nothing."""

import asyncio
import socket
import struct
from typing import cast

LINGER_SECONDS = 60.0
"""A client that has taken nothing for so long, of what is there for it, is cut off: what it was sent goes with it."""

_AT_ONCE = struct.pack("ii", 1, 0)


def be_told_at_once(transport: asyncio.WriteTransport) -> None:
    """`pause_writing` comes as soon as something waits, and `resume_writing` when nothing does. One byte, not none: the
    transport of TLS pauses at the limit, the plain one above it."""
    transport.set_write_buffer_limits(high=1, low=0)


def tell_what_waits(transport: asyncio.Transport) -> None:
    """For a protocol that has taken over: that something waits was said to the one before it, and is said once."""
    if transport.get_write_buffer_size() > 1:
        cast("asyncio.Protocol", transport.get_protocol()).pause_writing()


def cut_off(transport: asyncio.Transport) -> None:
    """What waits in the system's buffers, which may be megabytes, is not kept either (socket(7))."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()
