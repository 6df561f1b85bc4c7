"""What one client has still to get, when frames come whether it reads or not: the newest frame, every layout that it
needs, and all that happened."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from gpufleet_collector.web.departure import ClientStalled
from gpufleet_collector.web.frames.message import Message

MAX_NOTICES = 1_000
"""Messages of what happened that wait for one client. They come at most every 50 ms, so that one for which there are
more has long stopped reading, and counts as stalled."""


class Port(Protocol):
    """The connection of one client."""

    @property
    def is_writable(self) -> bool:
        """Everything written has gone out, and the connection is open."""

    def write(self, piece: bytes) -> None: ...


class Timer(Protocol):
    def cancel(self) -> None: ...


class Counts(Protocol):
    """Whom to tell what became of frames."""

    def sent(self, size: int) -> None: ...

    def frame_sent(self) -> None: ...

    def frame_superseded(self) -> None: ...


class Outlet:
    """Says what is to be written whenever the port is writable. `arm` starts the timer after which a client that has
    not read is given up; `on_end` is told why nothing more will come."""

    def __init__(
        self,
        port: Port,
        counts: Counts,
        arm: Callable[[Callable[[], None]], Timer],
        on_end: Callable[[BaseException], None],
    ) -> None:
        self._port = port
        self._counts = counts
        self._arm = arm
        self._rest: deque[bytes] = deque()
        """Pieces of the message that is being sent."""
        self._notices: deque[Message] = deque()
        self._answers: deque[Message] = deque()
        self._layout: Message | None = None
        self._frame: Message | None = None
        self._frame_is_next = False
        self._timer: Timer | None = None
        self._on_end = on_end
        self._is_closed = False

    def show(self, frame: Message, layout: Message | None) -> None:
        """The newest frame, in place of one that still waits; and its layout, where the client has another."""
        if self._is_closed:
            return
        if self._frame is not None:
            self._counts.frame_superseded()
        self._frame = frame
        self._layout = layout or self._layout
        self._go_on()

    def tell(self, notice: Message) -> None:
        """Something happened."""
        self._wait(self._notices, notice)

    def answer(self, message: Message) -> None:
        """The client said something; it is answered whatever else it asks for."""
        self._wait(self._answers, message)

    def forget(self) -> None:
        """Nothing of what waits is wanted any more but answers; a message that is being sent is finished."""
        self._layout = self._frame = None
        self._notices.clear()

    def close(self) -> None:
        """Nothing more is written, not even the rest of a message."""
        self._is_closed = True
        self.forget()
        self._answers.clear()
        self._rest.clear()
        self._disarm()

    def end(self, why: BaseException) -> None:
        self.close()
        self._on_end(why)

    def resume(self) -> None:
        """The port has become writable."""
        self._disarm()
        self._go_on()

    # ------------------------------------------------------------------------------------------------------ inside

    def _wait(self, queue: deque[Message], message: Message) -> None:
        if self._is_closed:
            return
        queue.append(message)
        if len(queue) > MAX_NOTICES:
            self._give_up()
        self._go_on()

    def _go_on(self) -> None:
        port = self._port
        while port.is_writable and (self._rest or self._begin()):
            port.write(self._rest.popleft())
        if not port.is_writable and self._timer is None and not self._is_closed:
            self._timer = self._arm(self._give_up)

    def _begin(self) -> bool:
        """Whether there is one more message to send. Frames and notices take turns, a layout goes before its frame."""
        message = self._next()
        if message is None:
            return False
        self._rest.extend(message.pieces)
        self._counts.sent(message.size)
        return True

    def _next(self) -> Message | None:
        if self._answers:
            return self._answers.popleft()
        if self._notices and not self._frame_is_next:
            self._frame_is_next = True
            return self._notices.popleft()
        self._frame_is_next = False
        if self._layout is not None:
            layout, self._layout, self._frame_is_next = self._layout, None, True
            return layout
        if self._frame is not None:
            frame, self._frame = self._frame, None
            self._counts.frame_sent()
            return frame
        return self._notices.popleft() if self._notices else None

    def _give_up(self) -> None:
        self.end(ClientStalled())

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
