"""A hang in any single driver call: heartbeats go on, the call and its GPU are named in time, and when the driver
answers again so do all GPUs, with no process left over.

Every call has an agent of its own with a real probe over the stand-in library, many of them at once in one process;
all stream to one collector that writes down what it hears.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from fakes.nvml.calls import CALLS, NvmlCall, devices_of, every_kind_of_gpu, plain
from fakes.nvml.library import compile_library, environment
from fakes.recorder import Recorder, running_recorder
from gpufleet_agent.agent import Agent
from gpufleet_agent.breadcrumb import Call
from gpufleet_agent.config import read_config
from gpufleet_agent.probe.nvml_driver import OPENING_DEADLINE_SECONDS
from gpufleet_agent.probe_process import WATCH_SECONDS
from gpufleet_agent.quarantine import Quarantine
from gpufleet_agent.stream import HEARTBEAT_SECONDS
from gpufleet_proto import telemetry_pb2 as pb

DEADLINE_SECONDS, INTERVAL_SECONDS = 1.0, 0.25
TOLERANCE_SECONDS = 3.0
"""Many agents share two cores here."""
AT_ONCE = 16
PATIENCE_SECONDS = 75.0
LOOK_SECONDS = 0.02
FIRST_PAUSE_SECONDS = 1.5
"""A GPU is left alone so long after its first hang, where an agent waits for 30 s."""

UUIDS = [[device.uuid for device in devices_of(gpu)] for gpu in every_kind_of_gpu().gpus]
ALL = {uuid for uuids in UUIDS for uuid in uuids}

pytestmark = pytest.mark.drill


@dataclass(slots=True)
class Outcome:
    """What became of one agent whose driver hung in one call."""

    host: str
    reached: list[str] = field(default_factory=list)
    """The steps that it came through."""
    hang: Call | None = None
    told_us: int = 0
    states: dict[str, str] = field(default_factory=dict)
    """While it hung, by UUID."""
    probes: set[int] = field(default_factory=set)
    heartbeats: list[tuple[float, pb.Heartbeat]] = field(default_factory=list)
    events: list[pb.Event] = field(default_factory=list)


def children() -> set[int]:
    """Processes that this one has started and that are not gone."""
    lists = (path.read_text().split() for path in Path("/proc/self/task").glob("*/children"))
    return {int(number) for numbers in lists for number in numbers}


def now_us() -> int:
    return time.time_ns() // 1000


class Patient:
    """One agent, and the driver that it reads."""

    def __init__(self, call: NvmlCall, recorder: Recorder, folder: Path, library: Path) -> None:
        self.call = call
        self.recorder = recorder
        self.outcome = Outcome(call.function)
        self._script = folder / call.function
        self.tell(hangs=False)
        settings = {
            "GPUFLEET_COLLECTOR": f"grpc://127.0.0.1:{recorder.port}",
            "GPUFLEET_HOST_NAME": call.function,
            "GPU_POLL_INTERVAL_SECONDS": f"{INTERVAL_SECONDS}",
            "GPUFLEET_CALL_DEADLINE_SECONDS": f"{DEADLINE_SECONDS}",
            "GPUFLEET_BACKEND": "nvml",
            "GPUFLEET_DATA_DIR": str(folder / "data"),
            "GPUFLEET_SPOOL_MAX_MB": "0",
        }
        self.agent = Agent(
            read_config(settings, {}),
            logging.getLogger(f"test.{call.function}"),
            quarantine=Quarantine(FIRST_PAUSE_SECONDS),
            environ=environment(self._script, library),
        )

    def tell(self, *, hangs: bool, lost: bool = False) -> None:
        fresh = self._script.with_suffix(".new")
        fresh.write_text(self.call.driver(hangs=hangs, lost=lost).text())
        fresh.replace(self._script)

    async def until(self, step: str, condition: Callable[[], bool]) -> None:
        while not condition():
            if self.agent.probe.pid is not None:
                self.outcome.probes.add(self.agent.probe.pid)
            await asyncio.sleep(LOOK_SECONDS)
        self.outcome.reached.append(step)

    async def live(self, *, from_the_start: bool = False) -> Outcome:
        self.tell(hangs=from_the_start)
        running = asyncio.create_task(self.agent.run())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await (self._recover(told=False) if from_the_start else self._fall_ill_and_recover())
        except TimeoutError:
            self.outcome.reached.append("out of patience")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        self.outcome.heartbeats = self.recorder.heartbeats(self.call.function)
        self.outcome.events = self.recorder.events(self.call.function)
        return self.outcome

    async def _fall_ill_and_recover(self) -> None:
        await self.until("streams", lambda: self.recorder.samples(self.call.function) == ALL)
        self._fall_ill()
        await self._recover(told=True)

    async def _recover(self, *, told: bool) -> None:
        """`told` is whether the GPUs were known before, so that their state says it."""
        host, recorder, probe = self.call.function, self.recorder, self.agent.probe
        await self.until("hangs", lambda: probe.hanging is not None)
        self.outcome.hang, self.outcome.told_us = probe.hanging, now_us()
        await self.until(
            "a heartbeat says so", lambda: any(beat.cost.hung_call for _, beat in recorder.heartbeats(host))
        )
        if told:
            await self.until("the state says so", lambda: "HUNG" in self._states().values())
            self.outcome.states = self._states()
        if self.call.gpu:
            others = {*UUIDS[0], *UUIDS[2]}
            await self.until("others stream", lambda: others <= recorder.samples(host, self.outcome.told_us))
        self.tell(hangs=False)
        healed_us = now_us()
        await self.until("all stream again", lambda: recorder.samples(host, healed_us) == ALL)
        await self.until("the state is well", lambda: set(self._states().values()) == {"OK"})
        await self.until("no call hangs", lambda: probe.hanging is None)

    def _fall_ill(self) -> None:
        """A new probe makes every call soon, also those that are made seldom; some are made as a GPU goes."""
        self.tell(hangs=True, lost=self.call.as_a_gpu_goes)
        pid = self.agent.probe.pid
        if not self.call.as_a_gpu_goes and pid is not None:
            os.kill(pid, signal.SIGKILL)

    def _states(self) -> dict[str, str]:
        inventory = self.recorder.inventory(self.call.function)
        return {} if inventory is None else {gpu.gpu_uuid: pb.Gpu.State.Name(gpu.state) for gpu in inventory.gpus}


async def _live_all(folder: Path, library: Path) -> dict[str, Outcome]:
    room = asyncio.Semaphore(AT_ONCE)
    async with running_recorder() as recorder:

        async def live(call: NvmlCall) -> Outcome:
            async with room:
                return await Patient(call, recorder, folder, library).live()

        return {outcome.host: outcome for outcome in await asyncio.gather(*map(live, CALLS))}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    library = compile_library(tmp_path_factory.mktemp("nvml"))
    before = children()
    outcomes = asyncio.run(_live_all(tmp_path_factory.mktemp("scripts"), library))
    assert children() <= before, "a process is left over"
    return outcomes


@pytest.mark.parametrize("function", ["nvmlDeviceGetCount_v2", "nvmlDeviceGetName", "nvmlDeviceGetPcieReplayCounter"])
async def test_a_driver_that_hangs_from_the_start_is_told_as_well(function: str, tmp_path: Path) -> None:
    """Nothing is known of its GPUs then, but for those of which a call of the slow tier hangs."""
    (call,) = (call for call in CALLS if call.function == function)
    before = children()
    async with running_recorder() as recorder:
        patient = Patient(call, recorder, tmp_path, compile_library(tmp_path))
        outcome = await patient.live(from_the_start=True)
        assert outcome.reached[-1] == "no call hangs", f"{outcome.reached}"
        told = [event.text for event in outcome.events if event.kind == pb.Event.GPU_HUNG]
        assert all(plain(function) in text and call.gpu in text for text in told)
        assert len(told) == 1
    assert children() <= before


every_call = pytest.mark.parametrize("call", CALLS, ids=[call.function for call in CALLS])


@every_call
def test_the_agent_comes_through_the_hang(outcomes: dict[str, Outcome], call: NvmlCall) -> None:
    reached = outcomes[call.function].reached
    assert reached[-1] == "no call hangs", f"{reached}"


@every_call
def test_the_call_and_its_gpu_are_named_in_time(outcomes: dict[str, Outcome], call: NvmlCall) -> None:
    outcome = outcomes[call.function]
    assert outcome.hang is not None
    assert (plain(outcome.hang.name), outcome.hang.gpu) == (plain(call.function), call.gpu)
    deadline = OPENING_DEADLINE_SECONDS if call.opening else DEADLINE_SECONDS
    assert outcome.hang.deadline_seconds == deadline
    told = outcome.told_us / 1e6 - (time.time() - time.monotonic())
    assert told - outcome.hang.started < deadline + WATCH_SECONDS + TOLERANCE_SECONDS
    (named,) = {beat.cost.hung_call for _, beat in outcome.heartbeats} - {""}
    assert named == f"{outcome.hang.name} {call.gpu}".strip()


@every_call
def test_an_event_names_the_call_and_tells_of_the_gpus_that_it_costs(
    outcomes: dict[str, Outcome], call: NvmlCall
) -> None:
    outcome = outcomes[call.function]
    hung = {uuid for uuid, state in outcome.states.items() if state == "HUNG"}
    assert hung == ({*UUIDS[1]} if call.gpu else ALL)
    told = [event for event in outcome.events if event.kind == pb.Event.GPU_HUNG]
    assert {event.gpu_uuid for event in told} == ({UUIDS[1][0]} if call.gpu else {uuids[0] for uuids in UUIDS})
    assert outcome.hang is not None
    assert all(outcome.hang.name in event.text for event in told)
    found = [event for event in outcome.events if event.kind == pb.Event.GPU_FOUND]
    assert {event.gpu_uuid for event in told} <= {event.gpu_uuid for event in found}
    lost = {event.gpu_uuid for event in outcome.events if event.kind == pb.Event.GPU_LOST}
    assert lost <= ({UUIDS[2][0]} if call.as_a_gpu_goes else set())


@every_call
def test_heartbeats_go_on_throughout(outcomes: dict[str, Outcome], call: NvmlCall) -> None:
    times = [at for at, _ in outcomes[call.function].heartbeats]
    assert len(times) >= 2
    assert max(after - before for before, after in pairwise(times)) < HEARTBEAT_SECONDS + TOLERANCE_SECONDS


@every_call
def test_no_process_is_left_over(outcomes: dict[str, Outcome], call: NvmlCall) -> None:
    probes = outcomes[call.function].probes
    assert len(probes) >= 2
    assert not [pid for pid in probes if Path(f"/proc/{pid}").exists()]
