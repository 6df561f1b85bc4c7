"""Lines from a pipe, each passed on in the wake-up in which it comes: a stream reader takes another turn of the event
loop for every one, and a quarter of a MiB of memory."""

import asyncio
import os
from collections.abc import Callable

READ_BYTES = 64 * 1024
"""What a pipe holds."""


class LineTooLong(ValueError):
    """More than a line may have, and no end of it."""


class PipeLines:
    """Calls `on_line` for every line on `descriptor`, with its newline. The descriptor belongs to it."""

    def __init__(self, descriptor: int, max_line_bytes: int, on_line: Callable[[bytes], None]) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._max_line_bytes = max_line_bytes
        self._on_line = on_line
        self._begun = bytearray()

    async def read(self) -> None:
        """Until the other side has closed the pipe; what it wrote after its last newline is no line. Raises LineTooLong
        and what `on_line` raises. To be called once; afterwards the descriptor is closed."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._descriptor, self._readable, ended)
        try:
            await ended
        finally:
            self.close()

    def close(self) -> None:
        """Read no more. Safe to call twice."""
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _readable(self, ended: "asyncio.Future[None]") -> None:
        if ended.done():
            return
        try:
            more = self._take(os.read(self._descriptor, READ_BYTES))
        except BlockingIOError:
            return
        except Exception as error:  # noqa: BLE001 - whoever waits for the end gets it
            ended.set_exception(error)
        else:
            if not more:
                ended.set_result(None)

    def _take(self, chunk: bytes) -> bool:
        """Whether there may be more."""
        *whole, rest = chunk.split(b"\n")
        for end in whole:
            self._begun += end
            line = bytes(self._begun) + b"\n"
            self._begun.clear()
            self._on_line(line)
        self._begun += rest
        if len(self._begun) > self._max_line_bytes:
            raise LineTooLong(f"a line of more than {self._max_line_bytes} bytes")
        return bool(chunk)
