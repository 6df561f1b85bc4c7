"""A connection as uvicorn serves it over HTTP/1.1, for clients that speak badly, slowly, or do not listen."""

import asyncio
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from gpufleet_collector.web.headers import STRICT_HEADERS
from gpufleet_collector.web.problems import problem
from gpufleet_collector.web.serving import flow
from gpufleet_collector.web.serving.crowd import Crowd

MAX_REQUEST_HEAD_BYTES = 64 * 1024
"""A longer request line with its headers is refused, unless it arrives at once. A thousand UUIDs fit."""
REFUSED_SECONDS = 5.0
"""For so long more is heard, and ignored, of a request that was refused unread: to hang up on one that is still being
sent may take the answer with it."""
HEAD_SECONDS = 15.0
"""From the connection, or the first byte of a further request, to the end of the headers."""
BODY_SECONDS = 15.0
"""From there to the end of the little that may be sent. Who is slower is cut off."""


class HttpProtocol(H11Protocol):
    """Refuses what cannot be read as everything else is refused, in words that a program can read, and keeps nothing
    for a client that does not read. uvicorn closes such a connection at most, which waits for the client too. Nor does
    it wait for a request that does not come."""

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], crowd: Crowd) -> None:
        super().__init__(config, server_state, app_state)
        self._crowd = crowd
        self._is_refused = False
        self._is_websocket = False
        self._watch: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._awaited: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # `pause_writing` is then said of what the system does not take at once.
        flow.be_told_at_once(transport)
        self._crowd.enter(self)
        self._wait_for(h11.IDLE, HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._let_go()
        super().connection_lost(exc)

    def cut_off(self) -> None:
        self._let_go()
        self.transport.abort()

    def _let_go(self) -> None:
        self._crowd.leave(self)
        self._watch_no_more()
        self._wait_no_more()

    def data_received(self, data: bytes) -> None:
        if not self._is_refused:
            super().data_received(data)

    def handle_events(self) -> None:
        """Also of what came early, once the answer before it has gone out."""
        super().handle_events()
        self._judge_pace()

    def _judge_pace(self) -> None:
        """What of a request is still to come has its time from when it could come."""
        if self._is_refused or self._is_websocket or self.transport.is_closing():
            return
        state = self.conn.their_state
        if state is not h11.IDLE:
            self._crowd.has_asked(self)
        if state is h11.IDLE:
            self._wait_for(h11.IDLE, HEAD_SECONDS)
        elif state is h11.SEND_BODY:
            self._wait_for(h11.SEND_BODY, BODY_SECONDS)
        else:
            self._wait_no_more()

    def _wait_for(self, part: object, seconds: float) -> None:
        if self._awaited is not part:
            self._wait_no_more()
            self._awaited = part
            self._patience = self.loop.call_later(seconds, self._crowd.is_slow, self)

    def _wait_no_more(self) -> None:
        self._awaited = None
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_what_is_left()

    def resume_writing(self) -> None:
        self._watch_no_more()
        super().resume_writing()

    def _watch_what_is_left(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._watch = self.loop.call_later(flow.LINGER_SECONDS, self._cut_off_unless_less_than, left)

    def _cut_off_unless_less_than(self, left: int) -> None:
        if self.transport.get_write_buffer_size() < left:
            self._watch_what_is_left()
        else:
            flow.cut_off(self.transport)

    def _watch_no_more(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._is_websocket = True
        self._let_go()
        super().handle_websocket_upgrade(event)
        flow.tell_what_waits(self.transport)

    def send_400_response(self, msg: str) -> None:
        self._is_refused = True
        self._wait_no_more()
        self._leave_handler()
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()  # an answer is on its way or gone already
            return
        most = f"{MAX_REQUEST_HEAD_BYTES // 1024} KiB"
        detail = f"{msg} A request line and its headers are at most {most}: ask for less at once."
        response = problem(HTTPStatus.BAD_REQUEST, detail)
        response.headers.update({**STRICT_HEADERS, "Connection": "close"})
        begin = h11.Response(status_code=response.status_code, headers=response.raw_headers, reason=b"Bad Request")
        for event in (begin, h11.Data(data=bytes(response.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(REFUSED_SECONDS, self.transport.close)

    def _leave_handler(self) -> None:
        """Who still works on the request learns that nobody is there to be answered."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
