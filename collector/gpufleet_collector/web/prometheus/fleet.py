"""GET /metrics/gpus: the fleet for Prometheus, made by a thread, one answer at a time, so that what agents send is
heard meanwhile."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

from prometheus_client.exposition import gzip_accepted
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gpufleet_collector.live.live import Live
from gpufleet_collector.live.selection import Selection
from gpufleet_collector.web.answers import NO_STORE
from gpufleet_collector.web.declared import choices
from gpufleet_collector.web.endpoints import parameters
from gpufleet_collector.web.filters import HOST
from gpufleet_collector.web.prometheus.dcgm import dcgm_families
from gpufleet_collector.web.prometheus.families import Family, write
from gpufleet_collector.web.prometheus.forms import Form, accepted_form
from gpufleet_collector.web.prometheus.native import native_families
from gpufleet_collector.web.prometheus.snapshot import Snapshot

MAX_WAITING = 8
"""Scrapers that wait for their turn. One more is a 503, which the next scrape makes good."""
BUSY_RETRY_SECONDS = 5
LEAST_COMPRESSION = 1
"""Labels repeat so much that more work makes it hardly smaller."""

SETS: Mapping[str, Callable[[Snapshot], Iterator[Family]]] = {"native": native_families, "dcgm": dcgm_families}
FAMILIES = choices(
    "families",
    "`native` is every metric of the catalogue in base units, hosts, GPUs and agents; `dcgm` is what DCGM has a name "
    "for, in its units and with the labels of NVIDIA's exporter.",
    tuple(SETS),
    ("native",),
)
FLEET_PARAMETERS = (HOST, FAMILIES)

T = TypeVar("T")


class Render(Protocol):
    def __call__(self, seen: Snapshot, sets: Sequence[str], form: Form, *, is_packed: bool) -> bytes: ...


def render(seen: Snapshot, sets: Sequence[str], form: Form, *, is_packed: bool) -> bytes:
    """These sets of families as text, compressed or not."""
    families = (family for name in sets for family in SETS[name](seen))
    text = write(families, open_metrics=form.is_open_metrics)
    return gzip.compress(text, LEAST_COMPRESSION, mtime=0) if is_packed else text


class FleetMetrics:
    """Answers for at most `max_gpus` GPUs. `render` is called by a thread."""

    def __init__(self, live: Live, max_gpus: int, render: Render = render) -> None:
        self._render = render
        self._live = live
        self._max_gpus = max_gpus
        self._one = asyncio.Lock()
        self._waiting = 0

    async def __call__(self, request: Request) -> Response:
        asked = parameters(request, FLEET_PARAMETERS)
        hosts, sets = HOST.read(asked), FAMILIES.read(asked)
        form = accepted_form(request)
        is_packed = gzip_accepted(request.headers.get("accept-encoding", ""))
        async with self._turn():
            self._refuse_too_many(hosts)
            seen = Snapshot.take(self._live, hosts)
            body = await _to_its_end(asyncio.to_thread(self._render, seen, sets, form, is_packed=is_packed))
        headers = {"Content-Type": form.content_type, "Cache-Control": NO_STORE, "Vary": "Accept, Accept-Encoding"}
        return Response(body, headers=headers | ({"Content-Encoding": "gzip"} if is_packed else {}))

    def _refuse_too_many(self, hosts: Sequence[str]) -> None:
        count = self._live.count(Selection(hosts=frozenset(hosts)))
        if count > self._max_gpus:
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"these are {count} GPUs, and one answer has at most {self._max_gpus} (GPUFLEET_METRICS_MAX_GPUS): ask "
                "for some hosts at a time with host=NAME,NAME; /metrics counts hosts and GPUs by state for any fleet",
            )

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Raises HTTPException when too many wait."""
        if self._waiting >= MAX_WAITING:
            raise HTTPException(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self._waiting} scrapes wait for their turn and no more may: scrape less often, or fewer at once",
                headers={"Retry-After": str(BUSY_RETRY_SECONDS)},
            )
        self._waiting += 1
        try:
            await self._one.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._one.release()


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """What a thread returns, which nobody can stop: when the client goes it is waited for, so that no other begins."""
    working = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait({working})
        raise
