"""Those who come and go for as long as a soak lasts: WebSocket clients of every kind, and hosts that join and leave."""

import asyncio
import json
import random
import threading
from collections import Counter
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from fakes.processes import PATIENCE_SECONDS, Collector, Process, wait_for

STALLED = 4408
CONNECTION_ERRORS = (OSError, ConnectionClosed, TimeoutError)


class Clients(threading.Thread):
    """So many clients at a time, in a loop of their own. Some read and say goodbye, some read and vanish, some change
    their minds every second, and some never read, until they are closed or have had enough."""

    def __init__(self, collector: Collector, number: int, hosts: list[str], seed: int) -> None:
        super().__init__(daemon=True)
        self.seen: Counter[str] = Counter()
        self._url = f"ws://127.0.0.1:{collector.http_port}/ws"
        self._number = number
        self._hosts = hosts
        self._random = random.Random(seed)
        self._ended = threading.Event()

    def run(self) -> None:
        asyncio.run(self._crowd())

    def end(self) -> None:
        self._ended.set()
        self.join(PATIENCE_SECONDS)
        assert not self.is_alive(), "a client does not end"

    async def _crowd(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._number):
                tasks.create_task(self._come_and_go())

    async def _come_and_go(self) -> None:
        while not self._ended.is_set():
            kind = self._random.choice(("reads", "vanishes", "chooses", "stalls"))
            try:
                # Without a queue of its own a client that does not read holds up the collector at once.
                async with connect(self._url, proxy=None, ping_interval=None, max_queue=1, close_timeout=1) as socket:
                    self.seen[kind] += 1
                    await self._visit(socket, kind)
            except CONNECTION_ERRORS as error:
                self._note_end(error)
                await asyncio.sleep(0.2)

    async def _visit(self, socket: ClientConnection, kind: str) -> None:
        ends = asyncio.get_running_loop().time() + self._random.uniform(2.0, 15.0)
        if kind == "stalls":
            await self._stall(socket)
        elif kind == "chooses":
            while asyncio.get_running_loop().time() < ends and not self._ended.is_set():
                await socket.send(json.dumps(self._choice()))
                await self._read(socket, asyncio.get_running_loop().time() + 1.0)
        else:
            await self._read(socket, ends)
        if kind == "vanishes":
            socket.transport.abort()

    async def _read(self, socket: ClientConnection, until: float) -> None:
        while asyncio.get_running_loop().time() < until and not self._ended.is_set():
            try:
                async with asyncio.timeout_at(until):
                    message = json.loads(await socket.recv())
            except TimeoutError:
                return
            self.seen[f"{message['type']} told"] += 1

    async def _stall(self, socket: ClientConnection) -> None:
        """It notices that it was closed when it reads again."""
        for _ in range(round(self._random.uniform(5.0, 60.0))):
            if not self._ended.is_set():
                await asyncio.sleep(1.0)
        await self._read(socket, asyncio.get_running_loop().time() + 1.0)

    def _choice(self) -> dict[str, object]:
        hosts = self._random.sample(self._hosts, self._random.randint(0, 3))
        metrics = self._random.choice(([], ["power_watts"], ["power_watts", "temperature_celsius"]))
        form, interval = self._random.choice((("events", 0), ("events", 0.5), ("frames", 1)))
        return {
            "type": "subscribe",
            "format": form,
            "hosts": hosts,
            "metrics": metrics,
            "interval_seconds": interval,
        }

    def _note_end(self, error: Exception) -> None:
        if isinstance(error, ConnectionClosed) and error.rcvd is not None:
            self.seen[f"closed with {error.rcvd.code}"] += 1


class Guests:
    """A few hosts, always the same, that stay for some seconds: every other time they say goodbye, else they are
    killed."""

    def __init__(self, collector: Collector, folder: Path, prefix: str, hosts: int, stay_seconds: float) -> None:
        self.killed = self.left = 0
        self._collector = collector
        self._prefix, self._hosts = prefix, hosts
        self._stay_seconds = stay_seconds
        self._gone_at: float | None = None
        self._process = Process(
            "gpufleet-agent",
            *("simulate", "--prefix", prefix, "--hosts", str(hosts), "--gpus", "4", "--interval", "0.5"),
            log=folder / f"{prefix}.log",
            environ={"GPUFLEET_COLLECTOR": collector.target},
        )

    def step(self, now: float) -> None:
        """Come or go if it is time; to be called often. `now` is in seconds."""
        if self._gone_at is None:
            self._process.start()
            self._gone_at = now + self._stay_seconds
        elif now >= self._gone_at:
            self._gone_at = None
            if self.killed <= self.left:
                self._process.kill()
                self.killed += 1
            else:
                self._process.stop()
                self.left += 1

    def say_goodbye(self) -> None:
        """Come once more, and leave: they have left when this returns, also those who were killed before."""
        self.end()
        before = set(self._agents())
        self._process.start()
        self._gone_at = 0.0
        wait_for(lambda: len(agents := self._agents()) == self._hosts and before.isdisjoint(agents), "the guests came")
        self.end()

    def end(self) -> None:
        """Nothing runs any more when this returns."""
        if self._gone_at is not None:
            self._process.stop()
            self._gone_at = None

    def _agents(self) -> list[str]:
        hosts = self._collector.get("/api/v1/hosts?limit=1000")["hosts"]
        return [host["agent"]["agent_id"] for host in hosts if host["host"].startswith(self._prefix)]
