"""Work for a client ends when the client goes, or no longer reads: there is better to do."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import Request
from starlette.types import Receive

T = TypeVar("T")


class ClientGone(Exception):
    """Nobody is left to answer."""


class ClientStalled(Exception):
    """The client has not read for too long."""


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """What `work` returns. When the client goes first, the work is cancelled, ended, and ClientGone raised."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.create_task(_departure(request.receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
