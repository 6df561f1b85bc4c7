"""/ws: tells each client what it asked for, as fast as that client reads and no faster."""

import asyncio
import contextlib
from collections.abc import Callable
from http import HTTPStatus

from starlette.websockets import WebSocket, WebSocketDisconnect

from gpufleet_collector.access.book import Book
from gpufleet_collector.errors import BadRequest, Unauthenticated
from gpufleet_collector.live.live import Live
from gpufleet_collector.live.subscriber import Due, Subscriber
from gpufleet_collector.model import PlacedEvent
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.web.access.guard import grant_of
from gpufleet_collector.web.departure import ClientStalled
from gpufleet_collector.web.events import Encoder, encode, encode_bytes, error_event, happened_event
from gpufleet_collector.web.frames.message import Message
from gpufleet_collector.web.frames.outlet import Outlet
from gpufleet_collector.web.frames.view import FrameView
from gpufleet_collector.web.frames.views import FrameViews
from gpufleet_collector.web.problems import problem
from gpufleet_collector.web.serving.websocket import port_of
from gpufleet_collector.web.settings import WebSettings
from gpufleet_collector.web.shared import Shared
from gpufleet_collector.web.subscriptions import Subscription, read_message

STALLED = 4408
NOT_VALID = 4401
CLOSING_SECONDS = 5.0
CUT_OFF_SECONDS = 3.0
EVENTS_AT_ONCE = 100
"""After so many events of one client the others get their turn."""
SUBSCRIBE_SECONDS = 0.05
"""After a subscription the next message is heard so much later: it costs the collector more than the client."""


class Stream:
    """The endpoint: counts the clients and serves each of them."""

    def __init__(self, live: Live, metrics: SelfMetrics, settings: WebSettings, book: Book) -> None:
        self._book = book
        self._metrics = metrics
        self._settings = settings
        self._shared = Shared(live, Encoder(live), FrameViews(live, metrics.websocket_views.set), metrics, settings)
        self._clients = 0

    async def serve(self, websocket: WebSocket) -> None:
        if self._clients >= self._settings.max_websocket_clients:
            self._metrics.websocket_refused.inc()
            await websocket.send_denial_response(problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many WebSocket clients"))
            return
        self._clients += 1
        client = Client(websocket, self._shared)
        let_go = self._book.hold(grant_of(websocket.scope), client.end_access)
        try:
            await client.serve()
        finally:
            let_go()
            self._clients -= 1


class Client:
    """One client, from accept to close: one task hears what it wants, another tells it events. Frames come from a view
    that it shares with others, through its outlet."""

    def __init__(self, websocket: WebSocket, shared: Shared) -> None:
        self._websocket = websocket
        self._shared = shared
        self._settings = shared.settings
        self._subscription = Subscription()
        self._subscriber: Subscriber | None = None
        self._view: FrameView | None = None
        self._woken = asyncio.Event()
        self._due_at = 0.0
        """GPUs are not told before; what happened and hosts are told at once, whatever the interval."""
        self._timer: asyncio.TimerHandle | None = None
        self._ended: BaseException | None = None
        self._counted = (-1, 0)
        """A revision of the fleet, and how many GPUs were selected then."""
        self._port = port_of(websocket.scope)
        self._outlet = Outlet(self._port, shared, self._arm, self._end)
        self._port.notify(self._outlet.resume)

    async def serve(self) -> None:
        self._count_me(1)
        try:
            await self._websocket.accept()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hear())
                tasks.create_task(self._tell())
        except* WebSocketDisconnect:
            pass
        except* ClientStalled:
            self._shared.metrics.websocket_stalled.inc()
            await self._close(STALLED, "the client did not read")
        except* Unauthenticated:
            await self._close(NOT_VALID, "the token is not valid any more")
        finally:
            self._unsubscribe()
            if self._timer is not None:
                self._timer.cancel()
            self._outlet.close()
            self._count_me(-1)

    def _arm(self, give_up: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(self._settings.stall_seconds, give_up)

    def end_access(self) -> None:
        """The token that the client came with is not valid any more: whoever does not read is cut off soon, too."""
        self._end(Unauthenticated())
        asyncio.get_running_loop().call_later(CUT_OFF_SECONDS, self._port.abort)

    def _end(self, why: BaseException) -> None:
        self._ended = why
        self._woken.set()

    def _count_me(self, number: int) -> None:
        self._shared.metrics.websocket_clients.labels(format=self._subscription.format).inc(number)

    # -------------------------------------------------------------------------------------------------------- hear

    async def _hear(self) -> None:
        self._subscribe(self._subscription)
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1000))
            try:
                self._subscribe(read_message(message.get("text")))
            except BadRequest as error:
                self._answer("Bad message", error)
            else:
                await asyncio.sleep(SUBSCRIBE_SECONDS)

    def _subscribe(self, subscription: Subscription) -> None:
        """From now on this is what the client is told, beginning with the current state. Raises BadRequest where it
        cannot be."""
        self._unsubscribe()
        self._count_me(-1)
        self._subscription = subscription
        self._count_me(1)
        self._due_at = 0.0
        if subscription.format == "frames":
            self._view = self._shared.views.join(subscription, self._outlet)
        elif self._is_too_much():
            self._refuse()
        else:
            self._subscriber = self._shared.live.subscribe(subscription.selection, self._woken.set)

    def _unsubscribe(self) -> None:
        if self._subscriber is not None:
            self._shared.live.unsubscribe(self._subscriber)
            self._subscriber = None
        if self._view is not None:
            self._shared.views.leave(self._view, self._outlet)
            self._outlet.forget()
            self._view = None

    def _is_too_much(self) -> bool:
        selection = self._subscription.selection
        if selection.hosts or selection.gpus:
            return False
        live = self._shared.live
        if self._counted[0] != live.revision:
            self._counted = (live.revision, live.count(selection))
        return self._counted[1] > self._settings.events_max_gpus

    def _refuse(self) -> None:
        self._unsubscribe()
        detail = (
            f"there are {self._counted[1]} GPUs, and events of more than {self._settings.events_max_gpus} at once "
            'are not sent: subscribe with "hosts", "gpus" or "labels", or to "format": "frames", which has no limit'
        )
        self._answer("Too many GPUs", BadRequest("format", detail))

    def _answer(self, title: str, error: BadRequest) -> None:
        self._outlet.answer(Message.of(encode_bytes(error_event(title, error))))

    # -------------------------------------------------------------------------------------------------------- tell

    async def _tell(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            if self._ended is not None:
                raise self._ended
            subscriber = self._subscriber
            if subscriber is None:
                continue
            if self._is_too_much():
                self._refuse()
                continue
            await self._tell_each(subscriber, subscriber.take_news, len(subscriber) - subscriber.pending_gpus)
            if subscriber is self._subscriber and subscriber.pending_gpus:
                await self._tell_gpus(subscriber)

    async def _tell_gpus(self, subscriber: Subscriber) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() < self._due_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_at(self._due_at, self._woken.set)
            return
        self._due_at = loop.time() + self._subscription.interval_seconds
        await self._tell_each(subscriber, subscriber.take_gpu, subscriber.pending_gpus)

    async def _tell_each(
        self, subscriber: Subscriber, take: Callable[[], Due | PlacedEvent | None], pending: int
    ) -> None:
        """What is pending now. What comes up meanwhile waits for the next time."""
        for number in range(1, pending + 1):
            if self._ended is not None:
                raise self._ended
            due = take()
            if due is None or subscriber is not self._subscriber:
                return
            if (text := self._text(due)) is not None:
                await self._send(text)
                self._shared.metrics.websocket_events.inc()
            if number % EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _text(self, due: Due | PlacedEvent) -> str | None:
        if isinstance(due, PlacedEvent):
            return encode(happened_event(due))
        if due.kind == "host":
            return self._shared.encoder.host(due.name)
        return self._shared.encoder.gpu(due.name, self._subscription.metrics)

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(self._settings.stall_seconds):
                await self._websocket.send_text(text)
        except TimeoutError as error:
            raise ClientStalled from error
        self._shared.sent(len(text) if text.isascii() else len(text.encode()))

    async def _close(self, code: int, reason: str) -> None:
        """Say why; a server that cannot do so while the client does not read drops the connection after this."""
        with contextlib.suppress(TimeoutError, WebSocketDisconnect):
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._websocket.close(code, reason)
