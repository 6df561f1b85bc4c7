"""The supervisor's side of the probe: start it, listen to it, notice when it hangs, and replace it."""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from gpufleet_agent import breadcrumb
from gpufleet_agent.backoff import Backoff
from gpufleet_agent.breadcrumb import BreadcrumbReader, Call
from gpufleet_agent.frames import MAX_LINE_BYTES, BadFrame, FrameReader
from gpufleet_agent.offspring import kill_offspring
from gpufleet_agent.pipe_lines import LineTooLong, PipeLines
from gpufleet_agent.quarantine import Quarantine, index_of
from gpufleet_agent.readings import Reading
from gpufleet_agent.watch_pace import until_next_look

WATCH_SECONDS = 0.5
"""A hang is noticed no later than this after its deadline."""

RESPAWN_BASE_SECONDS = 0.5
RESPAWN_CAP_SECONDS = 30.0
STEADY_READINGS = 3
"""A probe that has read so often was a good one: the next respawn is quick again. One that fails sooner, every time,
waits longer and longer."""

MAX_UNKILLABLE = 2
"""So many killed probes may wait in the kernel (D state) at once; until one is gone no other is started."""

STOP_SECONDS = 2.0
SILENCE_TICKS, SILENCE_SECONDS = 3, 10.0
"""A probe whose ticks neither say anything nor call the driver for so many ticks and so many seconds more is broken. A
driver that is merely slow is not: each of its calls has its own deadline."""

STALE_READINGS = 2
"""After the order to read a GPU again so many readings may come that were begun before it."""


@dataclass(frozen=True, slots=True)
class ProbeOrders:
    """What the probe is to read, and how often; see `probe.__main__.Orders`."""

    backend: str
    interval_seconds: float
    nvidia_smi: str
    simulated_host: str = ""
    seed: int = 0
    phase: float = 0.0
    gpm: bool = True
    release_handles: bool = False
    call_deadline_seconds: float = breadcrumb.DEFAULT_DEADLINE_SECONDS


class ProbeProcess:
    """Keeps one probe running and passes on what it reads.

    `on_reading(instant_us, reading)` for every tick; `on_hang(call)` once per call that is overdue, before the probe
    is killed.
    """

    def __init__(
        self,
        orders: ProbeOrders,
        *,
        on_reading: Callable[[int, Reading], None],
        on_hang: Callable[[Call], None],
        random: Callable[[], float],
        log: logging.Logger,
        quarantine: Quarantine | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """`environ` is that of the probe; None is the one of this process."""
        self._orders = orders
        self._interval = orders.interval_seconds
        self._on_reading = on_reading
        self._on_hang = on_hang
        self._backoff = Backoff(RESPAWN_BASE_SECONDS, RESPAWN_CAP_SECONDS, random)
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._killed: list[asyncio.subprocess.Process] = []
        self._heard_at = 0.0
        self._readings = 0
        self._quarantine = quarantine or Quarantine()
        self._environ = environ
        self._told_left_alone: frozenset[int] = frozenset()
        self._let_go: frozenset[int] = frozenset()
        self._let_go_until = 0
        self.restarts = 0
        self.hanging: Call | None = None
        """The call that hung last, until a probe has read past it."""

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def run(self) -> None:
        """Keep a probe running until cancelled; then end it."""
        while True:
            await self._wait_for_room()
            self._readings = 0
            why = await self._live_once()
            if self._readings >= STEADY_READINGS:
                self._backoff.reset()
            self.restarts += 1
            delay = self._backoff.next_delay()
            self._log.warning("probe %s; starting another in %.1f s", why, delay)
            await asyncio.sleep(delay)

    def change_interval(self, seconds: float) -> None:
        """From now on tick every `seconds`, this probe and those after it."""
        self._interval = seconds
        self._order({"interval_seconds": seconds})

    @property
    def left_alone(self) -> frozenset[int]:
        """Indexes of the GPUs that are not in the readings, because a call on them hung a while ago."""
        return self._told_left_alone | self._let_go

    def _order(self, order: dict[str, object]) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def _live_once(self) -> str:
        try:
            process, lines, crumbs = await self._start()
        except OSError as error:  # no memory, no room for another process or file: that may pass
            return f"cannot be started ({error})"
        self._process = process
        self._heard_at = time.monotonic()
        listening = asyncio.ensure_future(self._listen(process, lines))
        watching = asyncio.ensure_future(self._watch(crumbs))
        try:
            await asyncio.wait({listening, watching}, return_when=asyncio.FIRST_COMPLETED)
            return watching.result() if watching.done() else listening.result()
        finally:
            listening.cancel()
            watching.cancel()
            await _to_the_end(self._clean_up(process, lines, crumbs, listening, watching))

    async def _clean_up(
        self,
        process: asyncio.subprocess.Process,
        lines: PipeLines,
        crumbs: BreadcrumbReader,
        *tasks: "asyncio.Future[str]",
    ) -> None:
        await asyncio.gather(*tasks, return_exceptions=True)
        self._process = None
        lines.close()
        try:
            await self._end(process)
        finally:
            crumbs.close()

    async def _start(self) -> tuple[asyncio.subprocess.Process, PipeLines, BreadcrumbReader]:
        with ExitStack() as passed:
            shared = breadcrumb.create()
            passed.callback(os.close, shared)
            crumbs = BreadcrumbReader(shared)
            reading, writing = os.pipe()
            passed.callback(os.close, writing)
            lines = PipeLines(reading, MAX_LINE_BYTES, partial(self._on_line, FrameReader()))
            try:
                return await self._spawn_whole(shared, writing), lines, crumbs
            except BaseException:
                lines.close()
                raise

    async def _spawn_whole(self, shared: int, stdout: int) -> asyncio.subprocess.Process:
        """A start that is cancelled half-way is finished first, so that the child can be ended like any other."""
        spawning = asyncio.ensure_future(self._spawn(shared, stdout))
        try:
            return await asyncio.shield(spawning)
        except asyncio.CancelledError:
            with suppress(OSError):  # there is no child then
                await _to_the_end(self._end(await spawning))
            raise

    async def _spawn(self, shared: int, stdout: int) -> asyncio.subprocess.Process:
        self._told_left_alone, self._let_go = self._quarantine.left_alone(time.monotonic()), frozenset()
        orders = {
            **asdict(self._orders),
            "interval_seconds": self._interval,
            "breadcrumb_descriptor": shared,
            "left_alone": sorted(self._told_left_alone),
        }
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gpufleet_agent.probe",
            json.dumps(orders),
            stdin=asyncio.subprocess.PIPE,
            stdout=stdout,
            pass_fds=(shared,),
            env=self._environ,
        )

    async def _listen(self, process: asyncio.subprocess.Process, lines: PipeLines) -> str:
        try:
            await lines.read()
        except (BadFrame, LineTooLong) as error:
            return f"is broken ({error})"
        return f"ended with status {await process.wait()}"

    def _on_line(self, frames: FrameReader, line: bytes) -> None:
        instant_us, reading = frames.decode(line)
        if self._process is None:
            return  # it has been given up
        self._heard_at = time.monotonic()
        self._readings += 1
        if self.hanging is not None and self._is_past(self.hanging, reading):
            self.hanging = None
        self._on_reading(instant_us, reading)
        if self._readings >= self._let_go_until:
            self._let_go = frozenset()

    def _is_past(self, hang: Call, reading: Reading) -> bool:
        """Whether this reading shows that the driver answers again, also on the GPU on which it hung."""
        index = index_of(hang.gpu)
        return index not in self.left_alone or any(gpu.gpu.index == index for gpu in reading.gpus)

    async def _watch(self, crumbs: BreadcrumbReader) -> str:
        pause = WATCH_SECONDS
        while True:
            await asyncio.sleep(pause)
            now = time.monotonic()
            call, ticking = crumbs.read(), crumbs.ticking()
            if ticking is not None:
                self._heard_at = now
            if call is not None and call.overdue(now):
                self._process = None  # what it has still said is from before
                self.hanging = call
                self._quarantine.hang(call.gpu, now)
                self._on_hang(call)
                return f"hangs in {call.describe(now)}"
            self._tell_left_alone(now)
            if now - self._heard_at > SILENCE_TICKS * self._interval + SILENCE_SECONDS:
                return "has gone silent"
            pause = until_next_look(call, now, self._orders.call_deadline_seconds)

    def _tell_left_alone(self, now: float) -> None:
        left_alone = self._quarantine.left_alone(now)
        if left_alone != self._told_left_alone:
            self._let_go |= self._told_left_alone - left_alone
            self._let_go_until = self._readings + STALE_READINGS
            self._told_left_alone = left_alone
            self._order({"left_alone": sorted(left_alone)})

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Close its input, then kill it and what it started; one that cannot be killed is remembered."""
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None:
            try:
                kill_offspring(process.pid)
            except OSError as error:  # no file left to look with, say; the probe itself goes all the same
                self._log.warning("what the probe has started cannot be looked for: %s", error)
            process.kill()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            self._killed.append(process)

    async def _wait_for_room(self) -> None:
        said = False
        while len(self._still_killed()) >= MAX_UNKILLABLE:
            if not said:
                self._log.error("%d probes cannot be killed (blocked in the driver); waiting for one", MAX_UNKILLABLE)
                said = True
            await asyncio.sleep(WATCH_SECONDS)

    def _still_killed(self) -> list[asyncio.subprocess.Process]:
        self._killed = [process for process in self._killed if process.returncode is None]
        return self._killed


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """A cancel meanwhile waits until the work is done: half a clean-up leaves a process behind."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
