"""A list of processes is taken whole but for entries that cannot be, which are counted."""

from collections.abc import Mapping
from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.ingest.decode import Cleaner
from gpufleet_collector.ingest.limits import IngestLimits
from gpufleet_collector.ingest.processes import JudgedProcesses, judge_processes
from gpufleet_collector.model import Gpu, Process, Refusal
from gpufleet_proto import telemetry_pb2 as pb

NOW = 1_790_000_000_000_000


def judged(
    *processes: pb.Process,
    observed_at: int = NOW,
    limits: IngestLimits | None = None,
    known: Mapping[str, Gpu] = MappingProxyType({}),
) -> JudgedProcesses:
    message = pb.Processes(observed_at_us=observed_at, processes=processes)
    return judge_processes(message, "node-1", Cleaner(limits or IngestLimits()), NOW, known)


def test_texts_that_are_the_same_are_kept_once() -> None:
    known = {"GPU-a": Gpu("GPU-a", 0)}
    told = judged(*(pb.Process(gpu_uuid="GPU-a", pid=pid, name="train.py") for pid in (1, 2)), known=known).told
    first, second = told.processes
    assert first.name == "train.py"
    assert first.name is second.name
    assert first.gpu_uuid is known["GPU-a"].uuid


def test_each_name_that_had_to_be_cut_counts() -> None:
    cleaner = Cleaner(IngestLimits())
    message = pb.Processes(processes=[pb.Process(gpu_uuid="GPU-a", pid=pid, name="a\nb") for pid in (1, 2, 3)])
    assert {each.name for each in judge_processes(message, "h", cleaner, NOW, {}).told.processes} == {"ab"}
    assert cleaner.trimmed == 3


def test_a_process_is_taken_whole() -> None:
    whole = pb.Process(
        gpu_uuid="GPU-1",
        pid=7,
        started_at_us=NOW - 5,
        name="train\0.py",
        memory_used_mb=100,
        sm_utilization_percent=97,
        graphics=True,
    )
    found = judged(whole, pb.Process(gpu_uuid="GPU-1", pid=8), observed_at=NOW - 9)
    assert (found.told.host, found.told.observed_at) == ("node-1", NOW - 9)
    assert found.told.processes == (Process("GPU-1", 7, NOW - 5, "train.py", 100, 97, True), Process("GPU-1", 8))


def test_an_entry_that_cannot_be_or_comes_twice_is_left_out() -> None:
    found = judged(
        pb.Process(pid=1),
        pb.Process(gpu_uuid="GPU-1"),
        pb.Process(gpu_uuid="GPU-1", pid=2**31),
        pb.Process(gpu_uuid="GPU-1", pid=1, name="first"),
        pb.Process(gpu_uuid="GPU-1", pid=1, name="second"),
        pb.Process(gpu_uuid="GPU-2", pid=1),
    )
    assert [(process.gpu_uuid, process.name) for process in found.told.processes] == [
        ("GPU-1", "first"),
        ("GPU-2", None),
    ]
    assert found.refused == {Refusal.INVALID: 4}


def test_numbers_beyond_any_sense_are_absent() -> None:
    (process,) = judged(
        pb.Process(
            gpu_uuid="GPU-1", pid=1, started_at_us=-1, memory_used_mb=2**32 - 1, sm_utilization_percent=4_000_000
        )
    ).told.processes
    assert process == Process("GPU-1", 1)


def test_a_list_of_an_impossible_time_is_one_of_now() -> None:
    for observed_at in (-(2**63), 0, NOW + 3_600_000_000, 2**63 - 1):
        assert judged(observed_at=observed_at).told.observed_at == NOW


def test_beyond_the_limit_processes_are_left_out() -> None:
    processes = [pb.Process(gpu_uuid="GPU-1", pid=pid) for pid in range(1, 8)]
    found = judged(*processes, limits=IngestLimits(processes_per_host=3))
    assert (len(found.told.processes), found.refused) == (3, {Refusal.LIMIT: 4})


entries = st.builds(
    pb.Process,
    gpu_uuid=st.sampled_from(["GPU-1", "GPU-2", "", "GPU\0"]) | st.text(max_size=4),
    pid=st.integers(0, 4) | st.integers(0, 2**32 - 1),
    started_at_us=st.none() | st.integers(-(2**63), 2**63 - 1),
    name=st.none() | st.text(),
    memory_used_mb=st.none() | st.integers(0, 2**32 - 1),
    sm_utilization_percent=st.none() | st.integers(0, 2**32 - 1),
)


@given(st.lists(entries, max_size=12))
def test_whatever_is_sent_every_process_is_taken_once_or_counted(told: list[pb.Process]) -> None:
    found = judged(*told, limits=IngestLimits(processes_per_host=5))
    kept = found.told.processes
    assert len(kept) + sum(found.refused.values()) == len(told)
    assert len({(process.gpu_uuid, process.pid) for process in kept}) == len(kept)
    for process in kept:
        assert process.sm_utilization_percent is None or process.sm_utilization_percent <= 100
        assert process.memory_used_mb is None or process.memory_used_mb < 2**31
