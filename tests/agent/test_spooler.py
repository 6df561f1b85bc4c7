"""The spool costs nothing but itself: not the stream when it is slow, broken or full, and no end that waits for it."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from fakes.ingest import hello, running_ingest
from fakes.store import MemoryStore
from gpufleet_agent import wire
from gpufleet_agent.access.address import parse_collectors
from gpufleet_agent.errors import SpoolBroken
from gpufleet_agent.outbox import SPOOL_AFTER_SECONDS, Outbox
from gpufleet_agent.spool import Spool
from gpufleet_agent.spool_orders import DiskContents, DiskOrders, DiskOutcome
from gpufleet_agent.spool_thread import SpoolThread
from gpufleet_agent.spooler import NoSpooler, Spooler
from gpufleet_agent.uplink import Uplink
from gpufleet_collector.clock import SystemClock
from gpufleet_proto import telemetry_pb2 as pb

PATIENCE_SECONDS = 10.0
MEBIBYTE = 1024 * 1024
LOG = logging.getLogger("test.spooler")


class Host:
    """An outbox whose clock the test sets, with a spool in `folder`."""

    def __init__(self, folder: Path, spool: Spool | None = None, max_bytes: int = 64 * MEBIBYTE) -> None:
        self._now = 1000.0
        self.instant_us = SystemClock().now().wall_us
        self.loaded = 0
        self.outbox = Outbox(clock=lambda: self.now)
        self.spool = spool or Spool(folder / "spool.sqlite", max_bytes, 3600.0)
        self.delays: list[float] = []
        self.thread = SpoolThread()
        self.spooler = Spooler(
            self.spool,
            self.outbox,
            self.thread,
            on_loaded=self.on_loaded,
            random=lambda: 1.0,
            log=LOG,
            sleep=self.sleep,
        )

    @property
    def now(self) -> float:
        return self._now

    @now.setter
    def now(self, seconds: float) -> None:
        """The spooler's alarm goes by real time: it is made to look at this one."""
        self._now = seconds
        self.spooler.added()

    def on_loaded(self) -> None:
        self.loaded += 1

    async def sleep(self, seconds: float) -> None:
        self.delays.append(seconds)
        await asyncio.sleep(0.001)

    def take(self, reports: int = 1, gpus: int = 2) -> None:
        for _ in range(reports):
            self.instant_us += 1000
            stats = [wire.stats(f"GPU-node-1-{gpu}", {"power_watts": 1.0}) for gpu in range(gpus)]
            self.outbox.add(wire.encode_ticks([wire.tick(self.instant_us, stats)]), gpus)
            self.spooler.added()

    @asynccontextmanager
    async def spooling(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.spooler.run())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def end(self) -> bool:
        """As an agent ends; whether the spool was closed."""
        return await self.spooler.close(PATIENCE_SECONDS)

    @asynccontextmanager
    async def streaming(self, target: str) -> AsyncIterator[Uplink]:
        uplink = Uplink(
            parse_collectors(f"grpc://{target}"),
            self.outbox,
            greeting=lambda: hello().hello,
            heartbeat=lambda: pb.Heartbeat(sent_at_us=self.instant_us, interval_seconds=5.0),
            on_welcome=lambda _welcome: None,
            random=lambda: 0.01,
            log=LOG,
        )
        task = asyncio.create_task(uplink.run())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not uplink.state.connected:
                    await asyncio.sleep(0.001)
                yield uplink
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


async def test_a_report_that_is_not_settled_in_time_goes_to_the_disk_and_one_that_is_does_not(tmp_path: Path) -> None:
    host = Host(tmp_path)
    async with host.spooling():
        host.take(3)
        await until(lambda: host.spooler.state.working)
        host.now += SPOOL_AFTER_SECONDS - 0.001
        await asyncio.sleep(0.02)
        assert host.spooler.state.reports == 0
        assert not (tmp_path / "spool.sqlite").exists(), "no file as long as none is needed"
        host.now += 0.001
        await until(lambda: host.spooler.state.reports == 3)
    assert host.outbox.pending_samples == 6
    assert await host.end()


async def test_the_next_process_sends_what_it_finds_as_history_after_its_first_live_report(tmp_path: Path) -> None:
    before = Host(tmp_path)
    before.take(30)
    before_instant = before.instant_us
    assert await before.end()
    host = Host(tmp_path)
    host.instant_us = before_instant
    store = MemoryStore()
    async with running_ingest(store=store) as ingest, host.spooling():
        await until(lambda: host.spooler.state.working)
        assert host.outbox.tally.recovered == 60
        host.take()
        async with host.streaming(ingest.target) as uplink:
            while len(host.outbox):
                uplink.wake()
                host.now += 0.05
                await asyncio.sleep(0.001)
        host.now += 1.0
        await until(lambda: not host.spooler.state.reports)
    assert [write.replayed for write in store.samples.values()] == [False] * 2 + [True] * 60
    assert len(store.samples) == 62
    tally = host.outbox.tally
    assert (tally.taken, tally.recovered, tally.settled) == (2, 60, 62)
    assert await host.end()
    assert Spool(tmp_path / "spool.sqlite", MEBIBYTE, 3600.0).open().others.reports == 0


class SlowSpool(Spool):
    """A disk that does nothing until it is let go."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, 64 * MEBIBYTE, 3600.0)
        self.go = threading.Event()
        self.begun = threading.Event()

    def apply(self, orders: DiskOrders) -> DiskOutcome:
        self.begun.set()
        self.go.wait(PATIENCE_SECONDS)
        return super().apply(orders)


async def test_a_disk_that_hangs_holds_up_neither_the_stream_nor_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk = SlowSpool(tmp_path / "spool.sqlite")
    host = Host(tmp_path, disk)
    async with running_ingest() as ingest:
        async with host.spooling():
            host.take()
            host.now += SPOOL_AFTER_SECONDS
            await until(disk.begun.is_set)
            async with host.streaming(ingest.target) as uplink:
                host.take(3)
                uplink.wake()
                while len(host.outbox):
                    host.now += 0.05
                    await asyncio.sleep(0.001)
        started = time.monotonic()
        assert not await host.spooler.close(0.05)
        assert time.monotonic() - started < 1.0
    assert len(ingest.store.samples) == 8
    assert "too slow" in caplog.text
    disk.go.set()


class SpoolOfMoods(Spool):
    """Works while nothing is wrong."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, 64 * MEBIBYTE, 3600.0)
        self.wrong: str | None = None
        self.tried = 0

    def open(self, held: object = ()) -> DiskContents:
        self.tried += 1
        return super().open(held)  # type: ignore[arg-type]

    def apply(self, orders: DiskOrders) -> DiskOutcome:
        if self.wrong is not None:
            raise SpoolBroken(self.wrong)
        return super().apply(orders)


async def test_a_disk_that_fails_is_said_once_tried_again_with_back_off_and_used_again_when_it_is_well(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    disk = SpoolOfMoods(tmp_path / "spool.sqlite")
    host = Host(tmp_path, disk)
    async with host.spooling():
        await until(lambda: host.spooler.state.working)
        disk.wrong = "the disk is full"
        host.take(4)
        host.now += SPOOL_AFTER_SECONDS
        await until(lambda: disk.tried >= 10)
        assert caplog.text.count("the disk is full") == 1
        assert host.spooler.state.failures > 0
        assert [delay for delay in host.delays if delay > 1.0][:7] == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
        disk.wrong = None
        await until(lambda: host.spooler.state.reports == 4)
    assert caplog.text.count("the spool works again") == 1
    assert host.outbox.tally.recovered == 0
    assert host.outbox.pending_samples == 8
    assert await host.end()


async def test_without_a_disk_reports_stay_in_memory_and_the_loss_at_the_end_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    host = Host(tmp_path, Spool(tmp_path / "file" / "spool.sqlite", MEBIBYTE, 3600.0))
    async with host.spooling():
        host.take(2)
        await until(lambda: host.spooler.state.failures > 0)
    assert not host.spooler.state.working
    assert not await host.end()
    assert "could not be closed" in caplog.text
    assert host.outbox.pending_samples == 4


async def test_a_full_spool_is_said_once_and_what_it_drops_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host = Host(tmp_path, max_bytes=MEBIBYTE)
    async with host.spooling():
        for _ in range(40):
            for number in range(10):
                host.outbox.add(bytes(9000 + number), 1)
            host.now += SPOOL_AFTER_SECONDS
            await until(lambda: host.outbox.may_stop(connected=False))
    tally = host.outbox.tally
    assert tally.spool_dropped == tally.dropped > 200
    assert tally.taken == tally.dropped + host.outbox.pending_samples
    assert caplog.text.count("has reached its bound") == 1


async def test_whatever_is_in_memory_is_on_disk_as_soon_as_the_agent_is_about_to_end(tmp_path: Path) -> None:
    host = Host(tmp_path)
    async with host.spooling():
        host.take(3)
        assert not host.outbox.may_stop(connected=False)
        host.spooler.hurry()
        await until(lambda: host.outbox.may_stop(connected=False))
        assert not host.outbox.may_stop(connected=True), "the newest may still arrive as live"


async def test_nothing_is_kept_where_no_spool_is_wanted() -> None:
    none = NoSpooler()
    task = asyncio.create_task(none.run())
    none.hurry()
    await asyncio.sleep(0)
    assert not task.done()
    assert await none.close(1.0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_a_disk_worker_raises_reaches_who_asked_and_the_worker_goes_on() -> None:
    thread = SpoolThread()

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await thread.call(fail)
    assert await thread.call(lambda: threading.current_thread().daemon)
    thread.end()
    assert await thread.call(lambda: 7) == 7
    thread.end()


AGENT = Path(sys.executable).parent / "gpufleet-agent"


def start_agent(folder: Path, target: str, **settings: str) -> "subprocess.Popen[str]":
    environ = {
        **os.environ,
        "GPUFLEET_DATA_DIR": str(folder),
        "GPUFLEET_HOST_NAME": "node-1",
        "GPUFLEET_COLLECTOR": f"grpc://{target}",
        "GPU_POLL_INTERVAL_SECONDS": "0.1",
        "GPUFLEET_BACKEND": "simulated",
        **settings,
    }
    return subprocess.Popen([str(AGENT), "run"], env=environ, stderr=subprocess.PIPE, text=True, start_new_session=True)


def instants_on_disk(folder: Path) -> list[int]:
    """Of the ticks in the spool, oldest first, in microseconds."""
    spool = Spool(folder / "agent" / "spool-node-1.sqlite", 64 * MEBIBYTE, 3600.0)
    spool.open()
    found = spool.apply(DiskOrders(load=10_000)).loaded
    spool.close()
    return [tick.instant_us for report in found for tick in pb.Report.FromString(report.payload).ticks]


def test_an_agent_killed_outright_loses_at_most_its_last_two_seconds(tmp_path: Path) -> None:
    agent = start_agent(tmp_path, "127.0.0.1:9")
    deadline = time.monotonic() + 30
    file = tmp_path / "agent" / "spool-node-1.sqlite-wal"
    while not (file.exists() and file.stat().st_size > 100_000):
        assert time.monotonic() < deadline
        assert agent.poll() is None
        time.sleep(0.05)
    killed_at_us = time.time_ns() // 1000
    agent.send_signal(signal.SIGKILL)
    agent.communicate()
    instants = instants_on_disk(tmp_path)
    assert len(instants) > 3
    assert killed_at_us - instants[-1] <= 2_000_000 + 100_000
    gaps = {round((later - earlier) / 100_000) for earlier, later in pairwise(instants)}
    assert gaps == {1}, "up to there every tick is on disk"


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A collector that takes connections and says nothing."""
    await reader.read()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("collector", ["none", "silent", "settles nothing"])
async def test_an_agent_that_is_asked_to_end_does_so_within_five_seconds_with_everything_on_disk(
    tmp_path: Path, collector: str
) -> None:
    store = MemoryStore()
    store.hold = True
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server, running_ingest(store=store) as ingest:
        quiet = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        target = {"none": "127.0.0.1:9", "silent": quiet, "settles nothing": ingest.target}[collector]
        agent = start_agent(tmp_path, target)
        await asyncio.sleep(2.5)
        asked = time.monotonic()
        agent.send_signal(signal.SIGTERM)
        errors = (await asyncio.to_thread(agent.communicate))[1]
        assert time.monotonic() - asked < 5.0
        assert agent.returncode == 0
        server.close()
    (line,) = [line for line in errors.splitlines() if "samples: " in line]
    tally = counted(line)
    assert tally["taken"] == tally["pending"] == 8 * len(instants_on_disk(tmp_path)) > 0


def counted(line: str) -> dict[str, int]:
    found: dict[str, int] = json.loads(line.partition("samples: ")[2])
    return found
