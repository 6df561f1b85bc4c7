"""NATS as the wire: connects for as long as it takes, and keeps nothing for later while it is away."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import nats
from nats import errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from gpufleet_collector.bus.codec import VERSION
from gpufleet_collector.bus.limits import MAX_WAITING_BYTES, MAX_WAITING_MESSAGES, SEND_SECONDS
from gpufleet_collector.errors import BusAway

CONNECT_SECONDS = 2
RETRY_SECONDS = 1
PING_SECONDS = 3
PINGS_LOST = 2
CLOSE_SECONDS = 2.0

_logger = logging.getLogger(__name__)


class NatsWire:
    """`name` is the id of this collector. Collectors of other fleets and other versions have other subjects."""

    def __init__(self, servers: Sequence[str], name: str) -> None:
        self._servers = list(servers)
        self._prefix = ""
        self._name = name
        self._client: Client | None = None
        self._running: asyncio.Task[None] | None = None
        self._take: Callable[[bytes], None] = lambda _data: None
        self.trouble = "it has not answered yet"
        self.dropped = 0

    @property
    def is_up(self) -> bool:
        return self._client is not None and self._client.is_connected

    async def start(self, fleet: str, take: Callable[[bytes], None]) -> None:
        self._prefix, self._take = f"gpufleet.{VERSION}.{fleet}", take
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name="bus-wire")

    async def stop(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def tell(self, data: bytes) -> None:
        await self._publish(f"{self._prefix}.all", data)

    async def send(self, to: str, data: bytes) -> None:
        await self._publish(f"{self._prefix}.to.{to}", data)

    async def _publish(self, subject: str, data: bytes) -> None:
        client = self._client
        if client is None or not client.is_connected:
            raise BusAway(self.trouble)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await client.publish(subject, data)
        except (errors.Error, OSError, TimeoutError) as error:
            self._note(error)
            raise BusAway(self.trouble) from error

    async def _run(self) -> None:
        """One client after the other: a client that gives up is replaced."""
        while True:
            closed = asyncio.Event()
            try:
                await self._serve(closed)
            except (errors.Error, OSError, TimeoutError) as error:
                self._note(error)
            await asyncio.sleep(RETRY_SECONDS)

    async def _serve(self, closed: asyncio.Event) -> None:
        async def on_closed() -> None:
            closed.set()

        client = Client()
        try:
            await client.connect(
                self._servers,
                name=f"gpufleet-collector {self._name}",
                error_cb=self._on_error,
                closed_cb=on_closed,
                connect_timeout=CONNECT_SECONDS,
                reconnect_time_wait=RETRY_SECONDS,
                max_reconnect_attempts=-1,
                ping_interval=PING_SECONDS,
                max_outstanding_pings=PINGS_LOST,
                no_echo=True,
                pending_size=0,
            )
            for subject in (f"{self._prefix}.all", f"{self._prefix}.to.{self._name}"):
                await client.subscribe(
                    subject,
                    cb=self._on_message,
                    pending_msgs_limit=MAX_WAITING_MESSAGES,
                    pending_bytes_limit=MAX_WAITING_BYTES,
                )
            await client.flush()
            self._client = client
            await closed.wait()
        finally:
            self._client = None
            await _close(client)

    async def _on_message(self, message: Msg) -> None:
        self._take(message.data)
        await asyncio.sleep(0)  # whoever waits for the loop has its turn between two messages

    async def _on_error(self, error: Exception) -> None:
        if isinstance(error, errors.SlowConsumerError):
            self.dropped += 1
        else:
            self._note(error)

    def _note(self, error: BaseException) -> None:
        self.trouble = words(error)
        _logger.debug("the bus: %s", self.trouble)


async def round_trip(servers: Sequence[str], seconds: float = CONNECT_SECONDS) -> float:
    """Seconds that the first server which answers takes for an answer. Raises BusAway."""
    loop, last = asyncio.get_running_loop(), ""

    async def note(error: Exception) -> None:
        nonlocal last
        last = words(error)

    client: Client | None = None
    try:
        async with asyncio.timeout(seconds * len(servers)):
            client = await nats.connect(list(servers), error_cb=note, allow_reconnect=False, connect_timeout=seconds)
            began = loop.time()
            await client.flush()
            return loop.time() - began
    except (errors.Error, OSError, TimeoutError) as error:
        raise BusAway(last or words(error)) from error
    finally:
        if client is not None:
            await _close(client)


def shown(server: str) -> str:
    """The address without what may be secret in it."""
    parts = urlsplit(server)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def words(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


async def _close(client: Client) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await client.close()
    except (errors.Error, OSError, TimeoutError) as error:
        _logger.debug("the bus is left with an error: %s", words(error))
