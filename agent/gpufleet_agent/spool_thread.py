"""One thread for everything that touches the disk, so that a slow or hanging disk never holds up the event loop.

A daemon: a process whose disk hangs must still be able to end.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
V = TypeVar("V")


class SpoolThread:
    """Runs what it is given, in order. Its queue is as long as there are callers that wait."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def call(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises. A caller that is cancelled does not stop it."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._start()
        self._jobs.put(lambda: _do(work, loop, answer))
        return await answer

    def end(self) -> None:
        """No more work; what was given is still done, if the process lives so long."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread = None

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=_work, args=(self._jobs,), name="spool", daemon=True)
            self._thread.start()


def _work(jobs: "SimpleQueue[Callable[[], None] | None]") -> None:
    while (job := jobs.get()) is not None:
        job()


def _do(work: Callable[[], T], loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[T]") -> None:
    try:
        result = work()
    except Exception as error:  # noqa: BLE001 - whoever waits for the answer gets it
        _tell(loop, answer, answer.set_exception, error)
    else:
        _tell(loop, answer, answer.set_result, result)


def _tell(loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[T]", tell: Callable[[V], None], what: V) -> None:
    def unless_cancelled() -> None:
        if not answer.done():
            tell(what)

    try:
        loop.call_soon_threadsafe(unless_cancelled)
    except RuntimeError:  # the loop has ended: nobody waits for it any more
        return
