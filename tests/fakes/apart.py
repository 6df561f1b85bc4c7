"""A server in a thread and loop of its own, for tests that block: a browser, or a client without a loop."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

PATIENCE_SECONDS = 60.0


@contextmanager
def apart(listening: Callable[[], AbstractAsyncContextManager[str]]) -> Iterator[str]:
    """http://HOST:PORT of a server that listens at the HOST:PORT which its context gives."""
    started, stop = threading.Event(), threading.Event()
    found: list[str] = []

    async def serve() -> None:
        async with listening() as address:
            found.append(f"http://{address}")
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    try:
        assert started.wait(PATIENCE_SECONDS), "the server does not start"
        yield found[0]
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)
