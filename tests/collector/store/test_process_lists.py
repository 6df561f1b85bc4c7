"""Lists of processes come often and are stored seldom: at once when a process comes or goes, else once a minute."""

from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import START_US
from gpufleet_collector.model import Process, ProcessList
from gpufleet_collector.store.process_lists import WRITE_INTERVAL_SECONDS, ProcessLists
from gpufleet_collector.store.records import Sighting
from gpufleet_collector.store.times import DAY_US


def told(seconds: float, *pids: int, host: str = "h", memory: int | None = None) -> ProcessList:
    at = START_US + round(seconds * 1_000_000)
    return ProcessList(host, at, tuple(Process("GPU-a", pid, memory_used_mb=memory) for pid in pids))


def seen(lists: ProcessLists, now: float, *, everything: bool = False) -> dict[int, tuple[float, float]]:
    """From when to when each process was seen, seconds."""
    return {
        sighting.process.pid: ((sighting.first_at - START_US) / 1e6, (sighting.last_at - START_US) / 1e6)
        for sighting in lists.take(now, 1000, everything=everything)
    }


def test_a_new_process_is_due_at_once_and_one_that_stays_after_a_minute() -> None:
    lists = ProcessLists()
    lists.tell(told(0, 1), 0)
    assert seen(lists, 0) == {1: (0, 0)}
    for seconds in range(10, 60, 10):
        lists.tell(told(seconds, 1), seconds)
        assert seen(lists, seconds) == {}
    lists.tell(told(60, 1), WRITE_INTERVAL_SECONDS)
    assert seen(lists, 60) == {1: (10, 60)}


def test_a_process_that_is_gone_is_due_with_the_last_time_it_was_seen() -> None:
    lists = ProcessLists()
    lists.tell(told(0, 1, 2), 0)
    seen(lists, 0)
    lists.tell(told(10, 1, 2), 10)
    lists.tell(told(20, 2), 20)
    assert seen(lists, 20) == {1: (10, 10), 2: (10, 20)}
    lists.tell(told(30), 30)
    assert seen(lists, 30) == {}
    assert lists.due == 0


def test_another_start_is_another_process() -> None:
    lists = ProcessLists()
    lists.tell(ProcessList("h", START_US, (Process("GPU-a", 1, started_at=1),)), 0)
    lists.take(0, 10)
    lists.tell(ProcessList("h", START_US + 1, (Process("GPU-a", 1, started_at=2),)), 1)
    assert [sighting.process.started_at for sighting in lists.take(1, 10)] == [2]


def test_the_most_memory_in_between_is_kept() -> None:
    lists = ProcessLists()
    for seconds, memory in ((0, None), (1, 7), (2, 900), (3, None), (4, 30)):
        lists.tell(told(seconds, 1, memory=memory), seconds)
    (sighting,) = lists.take(4, 10)
    assert (sighting.memory_max_mb, sighting.process.memory_used_mb) == (900, 30)


def test_a_day_ends_a_sighting() -> None:
    lists = ProcessLists()
    for seconds in (86_390, 86_400, 86_410):
        lists.tell(told(seconds, 1), seconds)
    spans = [(sighting.first_at // DAY_US, sighting.last_at // DAY_US) for sighting in lists.take(0, 10)]
    assert len(spans) == 2
    assert all(first == last for first, last in spans)


def test_what_is_taken_at_once_is_bounded_and_the_rest_waits() -> None:
    lists = ProcessLists()
    for host in "abc":
        lists.tell(told(0, 1, 2, host=host), 0)
    assert [sighting.host for sighting in lists.take(0, 3)] == ["a", "a", "b", "b"]
    assert [sighting.host for sighting in lists.take(0, 3)] == ["c", "c"]


def test_at_the_end_everything_is_taken() -> None:
    lists = ProcessLists()
    lists.tell(told(0, 1), 0)
    seen(lists, 0)
    lists.tell(told(10, 1), 10)
    assert seen(lists, 10) == {}
    assert seen(lists, 10, everything=True) == {1: (10, 10)}


def test_beyond_the_limit_what_is_new_is_refused_and_what_is_held_goes_on() -> None:
    lists = ProcessLists(max_sightings=2)
    assert lists.tell(told(0, 1, 2, 3), 0) == 1
    assert lists.tell(told(1, 1, 2), 1) == 0
    assert seen(lists, 1) == {1: (0, 1), 2: (0, 1)}
    assert lists.tell(told(2, 3), 2) == 0


def test_what_goes_on_takes_its_room_once_though_others_come_and_go() -> None:
    lists = ProcessLists(max_sightings=4)
    assert lists.tell(told(0, 1, 2, host="a"), 0) == 0
    assert lists.tell(told(1, 1, 3, host="a"), 1) == 0
    assert lists.tell(told(2, 9, host="b"), 2) == 0
    assert len(lists.take(2, 10, everything=True)) == 4


def test_a_host_without_processes_costs_nothing() -> None:
    lists = ProcessLists()
    lists.tell(told(0), 0)
    lists.tell(told(0, 1), 0)
    lists.take(0, 10)
    lists.tell(told(1), 1)
    lists.take(1, 10)
    lists.tell(told(2), 2)
    assert not lists._held


def test_an_order_of_its_own_makes_no_news() -> None:
    lists = ProcessLists()
    lists.tell(told(0, 1, 2), 0)
    seen(lists, 0)
    lists.tell(told(10, 2, 1), 10)
    assert lists.due == 0
    assert seen(lists, 10, everything=True) == {1: (10, 10), 2: (10, 10)}


PROCESSES = st.builds(
    Process,
    gpu_uuid=st.sampled_from(["GPU-a", "GPU-b"]),
    pid=st.integers(1, 3),
    started_at=st.sampled_from([None, 1]),
    memory_used_mb=st.sampled_from([None, 7, 900]),
)
LISTS = st.builds(
    ProcessList,
    st.sampled_from("ab"),
    st.integers(DAY_US - 3, DAY_US + 3),
    st.lists(PROCESSES, max_size=4, unique_by=lambda process: (process.gpu_uuid, process.pid)).map(tuple),
)


@given(st.lists(st.one_of(LISTS, st.just("take")), max_size=12))
def test_whatever_comes_and_goes_each_process_is_told_from_when_to_when_it_was_seen(
    steps: list[ProcessList | str],
) -> None:
    lists = ProcessLists()
    expected: dict[Key, Told] = {}
    for step in [*steps, "take"]:
        if isinstance(step, ProcessList):
            assert lists.tell(step, 0) == 0
            for process in step.processes:
                note(expected, step, process)
        else:
            found = lists.take(0, 1000, everything=True)
            assert {sighting_key(each): told_of(each) for each in found} == expected
            assert len(found) == len(expected)
            expected = {}
    assert lists.take(0, 1000, everything=True) == []
    assert lists._sightings == 0


Told: TypeAlias = tuple[Process, int, int, int | None]
Key: TypeAlias = tuple[str, str, int, int | None, int]


def note(expected: dict[Key, Told], told: ProcessList, process: Process) -> None:
    at, memory = told.observed_at, process.memory_used_mb
    key = (told.host, process.gpu_uuid, process.pid, process.started_at, at // DAY_US)
    _, first, last, most = expected.get(key, (process, at, at, memory))
    both = [value for value in (most, memory) if value is not None]
    expected[key] = (process, min(first, at), max(last, at), max(both, default=None))


def sighting_key(seen: Sighting) -> Key:
    process = seen.process
    return seen.host, process.gpu_uuid, process.pid, process.started_at, seen.first_at // DAY_US


def told_of(seen: Sighting) -> Told:
    return seen.process, seen.first_at, seen.last_at, seen.memory_max_mb


@given(st.lists(LISTS, max_size=12), st.integers(0, 4))
def test_never_more_wait_than_there_is_room_for(steps: list[ProcessList], room: int) -> None:
    lists = ProcessLists(max_sightings=room)
    for step in steps:
        lists.tell(step, 0)
        assert lists._sightings <= room
    assert len(lists.take(0, 1000, everything=True)) <= room
    assert lists._sightings == 0
