"""The status on disk costs nothing but itself: a disk that is full or hangs is said once, and is tried again."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from fakes.status import STATUS
from gpufleet_agent.spool_thread import SpoolThread
from gpufleet_agent.status_file import AgentStatus, read_status, status_path
from gpufleet_agent.status_writer import StatusWriter

LOG = logging.getLogger("test.status")
PATIENCE_SECONDS = 10.0
T = TypeVar("T")


class CountingThread(SpoolThread):
    """Counts what it has done."""

    def __init__(self) -> None:
        super().__init__()
        self.done = 0

    async def call(self, work: Callable[[], T]) -> T:
        try:
            return await super().call(work)
        finally:
            self.done += 1


def writer(path: Path | None, thread: SpoolThread) -> StatusWriter:
    def status() -> AgentStatus:
        return STATUS

    return StatusWriter(
        path, status, thread, max_age_seconds=3600.0, log=LOG, sleep=lambda _seconds: asyncio.sleep(0.001)
    )


@asynccontextmanager
async def running(writer: StatusWriter) -> AsyncIterator[None]:
    task = asyncio.create_task(writer.run())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_is_kept_up_to_date_and_its_last_word_is_that_the_agent_has_ended(tmp_path: Path) -> None:
    path, thread = status_path(tmp_path / "new" / "agent", "node-1"), CountingThread()
    one = writer(path, thread)
    async with running(one):
        while thread.done < 5:
            await asyncio.sleep(0.001)
        found = read_status(path)
        assert found is not None
        assert not found.ended
    await one.close(PATIENCE_SECONDS)
    found = read_status(path)
    assert found is not None
    assert found.ended


async def test_a_disk_that_fails_is_said_once_and_used_again_when_it_is_well(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "agent").touch()
    path, thread = status_path(tmp_path / "agent", "node-1"), CountingThread()
    async with running(writer(path, thread)):
        while thread.done < 10:
            await asyncio.sleep(0.001)
        assert caplog.text.count("its status cannot be written") == 1
        (tmp_path / "agent").unlink()
        while not path.exists():
            await asyncio.sleep(0.001)
    assert caplog.text.count("its status cannot be written") == 1


async def test_a_disk_that_hangs_does_not_hold_up_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    thread, go = SpoolThread(), threading.Event()
    hanging = asyncio.create_task(thread.call(lambda: go.wait(PATIENCE_SECONDS)))
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_SECONDS / 2):
        await writer(status_path(tmp_path, "node-1"), thread).close(0.05)
    assert "too slow" in caplog.text
    go.set()
    await hanging


async def test_without_a_data_directory_nothing_is_written() -> None:
    thread = CountingThread()
    nowhere = writer(None, thread)
    async with running(nowhere):
        await asyncio.sleep(0.02)
    await nowhere.close(1.0)
    assert thread.done == 0
