"""/healthz and /readyz: whether the process is there, and whether it can do its work."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from gpufleet_collector.model import BusState
from gpufleet_collector.web.answers import answer
from gpufleet_collector.web.problems import problem

READY_TIMEOUT_SECONDS = 5.0


async def healthz(_request: Request) -> Response:
    return answer({"status": "ok"})


class OneAtATime:
    """Whoever asks while another waits for the answer gets the same: probes need no token, and each question takes a
    connection to the database. When all have gone, it is no longer asked."""

    def __init__(self, ask: Callable[[], Awaitable[bool]]) -> None:
        self._ask = ask
        self._asking: asyncio.Future[bool] | None = None
        self._waiting = 0

    async def __call__(self) -> bool:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask())
        asking = self._asking
        self._waiting += 1
        try:
            return await asyncio.shield(asking)
        finally:
            self._waiting -= 1
            if not self._waiting:
                asking.cancel()


@dataclass(frozen=True, slots=True)
class Ready:
    """A collector whose bus is away can do its work, but for showing the hosts of others: it is ready, and says so."""

    database_ready: Callable[[], Awaitable[bool]]
    bus_state: Callable[[], BusState]
    timeout_seconds: float = READY_TIMEOUT_SECONDS

    async def __call__(self, _request: Request) -> Response:
        try:
            async with asyncio.timeout(self.timeout_seconds):
                is_ready = await self.database_ready()
        except TimeoutError:
            is_ready = False
        if is_ready:
            return answer({"status": "ready", "bus": self.bus_state()})
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "the database does not answer")
