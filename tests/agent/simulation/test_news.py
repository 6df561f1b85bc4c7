"""Events and processes of the simulated fleet are functions of time: another run tells the same, piece by piece or at
once."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpufleet_agent.breadcrumb import NoBreadcrumb
from gpufleet_agent.probe.simulated import SimulatedBackend
from gpufleet_agent.simulation.faults import Faults
from gpufleet_agent.simulation.host import SimulatedHost
from gpufleet_agent.simulation.news import News
from gpufleet_agent.wire import encode_events, processes_of
from gpufleet_proto import telemetry_pb2 as pb

NOON_US = 1_790_000_000_000_000
SECOND = 1_000_000
FAULTS = Faults(every_seconds=10.0, lost_seconds=3.0)
offsets = st.integers(0, 100 * SECOND)


@given(offsets, st.lists(offsets, max_size=8))
@settings(deadline=None)
def test_told_in_pieces_or_at_once_each_event_comes_once(end: int, cuts: list[int]) -> None:
    host = SimulatedHost("sim-001", 4, faults=FAULTS)
    pieces = News(host, NOON_US)
    told = [
        event for cut in [*sorted(cut for cut in cuts if cut <= end), end] for event in pieces.events(NOON_US + cut)
    ]
    assert told == host.events(NOON_US, NOON_US + end)
    assert len({event_id for event_id, _ in told}) == len(told)
    assert all(one.instant_us <= other.instant_us for (_, one), (_, other) in pairwise(told))


@given(offsets)
@settings(deadline=None)
def test_the_events_agree_with_the_states(offset: int) -> None:
    host = SimulatedHost("sim-001", 4, faults=FAULTS)
    (faulty,) = [gpu for gpu in host.gpus if gpu.faults is not None]
    events = [event for _, event in host.events(NOON_US, NOON_US + offset + 1) if event.kind != "XID"]
    assert all(event.gpu_uuid == faulty.identity.uuid for event in events)
    if events:
        states = {"GPU_LOST": "lost", "GPU_FOUND": "ok"}
        assert faulty.read(NOON_US + offset, 1.0).state == states[events[-1].kind]


def test_a_loss_is_an_xid_and_a_state_and_its_end_a_state() -> None:
    events = SimulatedHost("sim-001", 1, faults=FAULTS).events(NOON_US, NOON_US + 10 * SECOND)
    assert [(event.kind, event.severity, event.code) for _, event in events] == [
        ("XID", "CRITICAL", 79),
        ("GPU_LOST", "CRITICAL", None),
        ("GPU_FOUND", "INFO", None),
    ]
    report = pb.Report.FromString(encode_events(events))
    assert all(0 < len(event.id) <= 64 for event in report.events)
    assert SimulatedHost("sim-001", 1).events(NOON_US, NOON_US + 10**9) == []


def test_ids_tell_hosts_gpus_and_seeds_apart() -> None:
    hosts = [SimulatedHost(name, 1, seed=seed, faults=FAULTS) for name in ("a", "b") for seed in (0, 1)]
    ids = [event_id for host in hosts for event_id, _ in host.events(NOON_US, NOON_US + 60 * SECOND)]
    assert len(ids) == len(set(ids)) == 4 * 18


@given(st.integers(0, 86_400 * 3), st.sampled_from(["sim-001", "sim-002", "sim-003", "sim-004"]))
@settings(max_examples=60, deadline=None)
def test_processes_agree_with_the_metrics_of_their_gpu(seconds: int, name: str) -> None:
    instant_us = NOON_US + seconds * SECOND
    for gpu in SimulatedHost(name, 4).gpus:
        values, processes = gpu.read(instant_us, 1.0).values, gpu.processes(instant_us)
        assert len(processes) == values["process_count"]
        used = sum(process.memory_used_mb or 0 for process in processes)
        assert abs(used - values["memory_used_mb"]) <= 1
        assert len({process.pid for process in processes}) == len(processes)
        for process in processes:
            assert process.gpu_uuid == gpu.identity.uuid
            assert process.started_at_us is not None
            assert process.started_at_us <= instant_us + SECOND
        assert len(processes_of(instant_us, processes).processes) == len(processes)


def test_a_process_stays_the_same_while_its_work_goes_on() -> None:
    gpu = SimulatedHost("sim-001", 1).gpus[0]
    seen = [gpu.processes(NOON_US + minute * 60 * SECOND) for minute in range(24 * 60)]
    identities = {(process.pid, process.started_at_us) for processes in seen for process in processes}
    assert 3 <= len(identities) <= 200
    assert {process.name for processes in seen for process in processes} > {"VLLM::EngineCore"}


def test_nobody_can_say_who_holds_a_lost_gpu() -> None:
    host = SimulatedHost("sim-001", 1, faults=Faults(every_seconds=10.0, lost_seconds=10.0))
    assert host.processes(NOON_US) == ()


def test_processes_are_told_every_ten_seconds() -> None:
    news = News(SimulatedHost("sim-001", 2), NOON_US)
    told = [news.processes(NOON_US + tenth * SECOND // 10) for tenth in range(210)]
    assert [tenth for tenth, processes in enumerate(told) if processes is not None] == [0, 100, 200]


@pytest.mark.parametrize("interval", [1.0, 5.0])
def test_the_simulated_backend_tells_of_processes_too(interval: float) -> None:
    backend = SimulatedBackend("sim-001", NoBreadcrumb(), interval_seconds=interval)
    readings = [backend.read(NOON_US + round(tick * interval * SECOND)) for tick in range(round(20 / interval) + 1)]
    told = [reading.processes for reading in readings if reading.processes is not None]
    assert len(told) == 3
    assert told[0] == SimulatedHost("sim-001", 8).processes(NOON_US)
