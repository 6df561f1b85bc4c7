"""A TCP proxy on loopback in a thread of its own, that can be cut and stalled as a network is."""

import asyncio
import threading
from collections import deque
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fakes.cuts import Cut, Cutter
from fakes.postgres import database_name

CHUNK_BYTES = 65_536
PATIENCE_SECONDS = 10.0


class Proxy:
    """Passes on to a port or a unix socket of this machine what comes to its own port."""

    def __init__(self, target: int | Path) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._generation = 0
        self._cuts: deque[Cut] = deque()
        self.port = 0
        self.cuts = 0
        """How often `cut_at` came to pass."""

    def start(self) -> None:
        self._thread.start()
        self._flowing.set()
        self.restore()

    def stop(self) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()

    def cut(self) -> None:
        """Every connection is reset, and new ones are refused."""
        self._do(self._cut())

    def restore(self) -> None:
        """Connections are taken again, at the same port."""
        self._do(self._listen())

    def cut_at(self, *cuts: Cut) -> None:
        """Every connection is reset when one of them has come to the first of `cuts`, again at the second, and so on;
        new ones are taken."""
        self._do(self._arm(cuts))

    def stall(self) -> None:
        """Connections stay, and nothing passes."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def flow(self) -> None:
        self._loop.call_soon_threadsafe(self._flowing.set)

    def forget(self) -> None:
        """As a firewall does: connections stay at both ends, but nothing of them passes; new ones are taken."""
        self._generation += 1

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
        self._reset()
        self._flowing.set()
        await asyncio.sleep(0)

    async def _arm(self, cuts: Sequence[Cut]) -> None:
        self._cuts.extend(cuts)

    def _reset(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(self._target)
        return await asyncio.open_connection("127.0.0.1", self._target)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there_writer}
        try:
            await asyncio.gather(self._pass(reader, there_writer, Cutter()), self._pass(there_reader, writer))
        finally:
            self._writers -= {writer, there_writer}

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cutter: Cutter | None = None
    ) -> None:
        generation = self._generation
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                await self._flowing.wait()
                if generation != self._generation:
                    continue
                end = cutter.end(self._cuts[0], chunk) if cutter and self._cuts else None
                writer.write(chunk[:end])
                if end is not None:
                    self._cuts.popleft()
                    self.cuts += 1
                    self._reset()
                    return
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


@contextmanager
def running_proxy(target: int | Path) -> Iterator[Proxy]:
    """In front of `target`, and stopped at the end."""
    proxy = Proxy(target)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()


def where(dsn: str) -> int | Path:
    """The port or the socket at which the server of `dsn` listens."""
    parts = urlsplit(dsn)
    if folder := parse_qs(parts.query).get("host"):
        return Path(folder[0]) / f".s.PGSQL.{parts.port or 5432}"
    return parts.port or 5432


def through(proxy: Proxy, dsn: str) -> str:
    """The same database, by way of the proxy."""
    user, at, _ = urlsplit(dsn).netloc.rpartition("@")
    return f"postgresql://{user}{at}127.0.0.1:{proxy.port}/{database_name(dsn)}"
