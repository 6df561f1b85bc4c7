"""GET /api/v1/export: history as a file, however long, written while it is read."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from gpufleet_collector.clock import Clock
from gpufleet_collector.errors import CollectorError
from gpufleet_collector.export.encoding import Piece, encode
from gpufleet_collector.export.forms import MEDIA_TYPES, make_form
from gpufleet_collector.export.reading import Reader
from gpufleet_collector.export.tables import columns_of
from gpufleet_collector.web.answers import NO_STORE
from gpufleet_collector.web.departure import ClientGone, ClientStalled, unless_gone
from gpufleet_collector.web.export_question import read_question
from gpufleet_collector.web.settings import WebSettings

BUSY_RETRY_SECONDS = 30
SLICE_BYTES = 64 * 1024
"""So much has to be read within the time after which a client has stalled."""


_logger = logging.getLogger(__name__)


class Exports:
    """The endpoint: reads what is asked and counts those who are served."""

    def __init__(self, reader: Reader, clock: Clock, settings: WebSettings) -> None:
        self._reader = reader
        self._clock = clock
        self._settings = settings
        self._served = 0

    async def __call__(self, request: Request) -> Response:
        question = read_question(request.query_params.multi_items(), self._clock.now().wall_us)
        _refuse_half_files(request)
        form = await asyncio.to_thread(make_form, question.form, columns_of(question.query), question.facts)
        headers = {
            "Content-Disposition": f'attachment; filename="{question.file_name}"',
            "Content-Type": MEDIA_TYPES[question.form],
            "Cache-Control": NO_STORE,
        }
        return _ExportResponse(encode(form, self._reader.batches(question.query)), headers, self)

    @property
    def stall_seconds(self) -> float:
        return self._settings.stall_seconds

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises HTTPException when too many are served."""
        if self._served >= self._settings.max_exports:
            raise HTTPException(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self._served} exports are running and no more may: try again when one has ended",
                headers={"Retry-After": str(BUSY_RETRY_SECONDS)},
            )
        self._served += 1
        try:
            yield
        finally:
            self._served -= 1


def _refuse_half_files(request: Request) -> None:
    """In HTTP/1.0 the end of the connection is the end of the file, so one that was cut short would look whole."""
    if request.scope.get("http_version") == "1.0":
        raise HTTPException(
            HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
            "exports need HTTP/1.1 or newer, which tells a file that broke off from one that is whole; "
            "a proxy in between may have to be told so (nginx: proxy_http_version 1.1)",
        )


class _ExportResponse(StreamingResponse):
    """What goes wrong before the first piece is answered as any problem is. Later the response is left unfinished, and
    the server closes the connection, which every client of HTTP/1.1 and newer reports: half a file never looks whole.
    When the client goes, or reads nothing for too long, reading ends, in the database too."""

    def __init__(self, pieces: AsyncGenerator[Piece, None], headers: dict[str, str], exports: Exports) -> None:
        super().__init__((), headers=headers)
        self._pieces = pieces
        self._exports = exports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._exports.turn():
                await unless_gone(Request(scope, receive), self._send(send, only_head=scope["method"] == "HEAD"))
        except ClientGone:
            return

    async def _send(self, send: Send, *, only_head: bool) -> None:
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        if only_head:
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return
        async with aclosing(self._pieces) as pieces:
            first = await anext(pieces)
            await send(start)
            try:
                await self._send_body(send, first)
                async for piece in pieces:
                    await self._send_body(send, piece)
                await self._send_slice(send, b"", more=False)
            except (CollectorError, ClientStalled) as error:
                _logger.warning("an export broke off: %s", error)
                return

    async def _send_body(self, send: Send, piece: Piece) -> None:
        """In slices: whoever reads slowly but steadily has not stalled."""
        for begin in range(0, len(piece.data), SLICE_BYTES):
            await self._send_slice(send, piece.data[begin : begin + SLICE_BYTES], more=True)

    async def _send_slice(self, send: Send, data: bytes, *, more: bool) -> None:
        try:
            async with asyncio.timeout(self._exports.stall_seconds):
                await send({"type": "http.response.body", "body": data, "more_body": more})
        except TimeoutError as error:
            raise ClientStalled("the client did not read") from error
