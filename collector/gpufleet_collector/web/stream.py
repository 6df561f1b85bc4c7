"""/ws: tells each client what it asked for, as fast as that client reads and no faster."""

import asyncio
import contextlib
from http import HTTPStatus

from starlette.websockets import WebSocket, WebSocketDisconnect

from gpufleet_collector.errors import BadRequest
from gpufleet_collector.live.hub import Due, Subscriber
from gpufleet_collector.live.live import Live
from gpufleet_collector.model import PlacedEvent
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.web.events import Encoder, encode, error_event, happened_event
from gpufleet_collector.web.problems import problem
from gpufleet_collector.web.settings import WebSettings
from gpufleet_collector.web.subscriptions import Subscription, read_message

STALLED = 4408
CLOSING_SECONDS = 5.0
EVENTS_AT_ONCE = 100
"""After so many events of one client the others get their turn."""


class ClientStalled(Exception):
    """The client has not read for too long."""


class Stream:
    """The endpoint: counts the clients and serves each of them."""

    def __init__(self, live: Live, metrics: SelfMetrics, settings: WebSettings) -> None:
        self._live = live
        self._metrics = metrics
        self._settings = settings
        self._encoder = Encoder(live)
        self._clients = 0

    async def serve(self, websocket: WebSocket) -> None:
        if self._clients >= self._settings.max_websocket_clients:
            self._metrics.websocket_refused.inc()
            await websocket.send_denial_response(problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many WebSocket clients"))
            return
        self._clients += 1
        self._metrics.websocket_clients.inc()
        try:
            await Client(websocket, self._live, self._encoder, self._metrics, self._settings).serve()
        finally:
            self._clients -= 1
            self._metrics.websocket_clients.dec()


class Client:
    """One client, from accept to close: one task hears what it wants, another tells it."""

    def __init__(
        self, websocket: WebSocket, live: Live, encoder: Encoder, metrics: SelfMetrics, settings: WebSettings
    ) -> None:
        self._websocket = websocket
        self._live = live
        self._encoder = encoder
        self._metrics = metrics
        self._settings = settings
        self._subscription = Subscription()
        self._subscriber: Subscriber | None = None
        self._woken = asyncio.Event()
        self._replaced = asyncio.Event()

    async def serve(self) -> None:
        try:
            await self._websocket.accept()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hear())
                tasks.create_task(self._tell())
        except* WebSocketDisconnect:
            pass
        except* ClientStalled:
            self._metrics.websocket_stalled.inc()
            await self._close_stalled()
        finally:
            self._unsubscribe()

    # -------------------------------------------------------------------------------------------------------- hear

    async def _hear(self) -> None:
        await self._subscribe(self._subscription)
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1000))
            try:
                subscription = read_message(message.get("text"))
            except BadRequest as error:
                await self._send(encode(error_event("Bad message", error)))
            else:
                await self._subscribe(subscription)

    async def _subscribe(self, subscription: Subscription) -> None:
        """From now on this is what the client is told, beginning with the current state."""
        self._unsubscribe()
        self._subscription = subscription
        self._replaced.set()
        if self._is_too_much():
            await self._refuse()
        else:
            self._subscriber = self._live.subscribe(subscription.selection, self._woken.set)

    def _unsubscribe(self) -> None:
        if self._subscriber is not None:
            self._live.unsubscribe(self._subscriber)
            self._subscriber = None

    def _is_too_much(self) -> bool:
        is_everything = self._subscription.selection.is_everything
        return is_everything and self._live.gpu_count > self._settings.events_max_gpus

    async def _refuse(self) -> None:
        self._unsubscribe()
        detail = (
            f"there are {self._live.gpu_count} GPUs, and events of more than {self._settings.events_max_gpus} at once "
            'are not sent: subscribe with "hosts" or "gpus", or ask /api/system/gpu-stats'
        )
        await self._send(encode(error_event("Too many GPUs", BadRequest("hosts", detail))))

    # -------------------------------------------------------------------------------------------------------- tell

    async def _tell(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._woken.wait()
            self._woken.clear()
            self._replaced.clear()
            began = loop.time()
            await self._flush()
            if self._subscription.interval_seconds:
                await self._pause_until(began + self._subscription.interval_seconds)

    async def _pause_until(self, time: float) -> None:
        """Wait, but not for a subscription that is no more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(time):
                await self._replaced.wait()

    async def _flush(self) -> None:
        """Tell what is pending now. What comes up meanwhile waits for the next time."""
        subscriber = self._subscriber
        if subscriber is None:
            return
        if self._is_too_much():
            await self._refuse()
            return
        for number in range(1, len(subscriber) + 1):
            due = subscriber.take()
            if due is None or subscriber is not self._subscriber:
                return
            if (text := self._text(due)) is not None:
                await self._send(text)
                self._metrics.websocket_events.inc()
            if number % EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _text(self, due: Due | PlacedEvent) -> str | None:
        if isinstance(due, PlacedEvent):
            return encode(happened_event(due))
        if due.kind == "host":
            return self._encoder.host(due.name)
        return self._encoder.gpu(due.name, self._subscription.metrics)

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(self._settings.stall_seconds):
                await self._websocket.send_text(text)
        except TimeoutError as error:
            raise ClientStalled from error

    async def _close_stalled(self) -> None:
        """Say why; a server that cannot do so while the client does not read drops the connection after this."""
        with contextlib.suppress(TimeoutError, WebSocketDisconnect):
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._websocket.close(STALLED, "the client did not read")
