"""A call that never returns can still be named from outside, with its GPU and its age."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent import breadcrumb
from gpufleet_agent.breadcrumb import BreadcrumbReader, BreadcrumbWriter, Call


@pytest.fixture
def descriptor() -> Iterator[int]:
    number = breadcrumb.create()
    yield number
    os.close(number)


def test_the_call_under_way_is_told_until_it_returns(descriptor: int) -> None:
    writer, reader = BreadcrumbWriter(descriptor, lambda: 100.0), BreadcrumbReader(descriptor)
    assert reader.read() is None
    writer.enter("nvmlDeviceGetTemperature", "GPU 3")
    assert reader.read() == Call("nvmlDeviceGetTemperature", "GPU 3", 100.0, breadcrumb.DEFAULT_DEADLINE_SECONDS)
    writer.leave()
    assert reader.read() is None


def test_a_call_is_overdue_after_its_own_deadline_and_says_so_in_words(descriptor: int) -> None:
    writer, reader = BreadcrumbWriter(descriptor, lambda: 100.0), BreadcrumbReader(descriptor)
    writer.enter("nvmlInit", "", deadline_seconds=7.0)
    call = reader.read()
    assert call is not None
    assert not call.overdue(107.0)
    assert call.overdue(107.1)
    assert call.describe(194.0) == "nvmlInit, 94 s"
    assert Call("f", "GPU 3", 0.0, 5.0).describe(6.0) == "f on GPU 3, 6 s"


@given(st.text(max_size=400), st.text(max_size=400))
def test_texts_of_any_length_fit(name: str, gpu: str) -> None:
    number = breadcrumb.create()
    try:
        writer, reader = BreadcrumbWriter(number, lambda: 1.0), BreadcrumbReader(number)
        writer.enter(name, gpu)
        call = reader.read()
        assert call is not None
        assert name.startswith(call.name.rstrip("\ufffd"))
        assert gpu.startswith(call.gpu.rstrip("\ufffd"))
    finally:
        os.close(number)


WRITER = """
import sys
from gpufleet_agent.breadcrumb import BreadcrumbWriter
clock = iter(range(1, 10**9))
writer = BreadcrumbWriter(int(sys.argv[1]), lambda: float(next(clock)))
sys.stdout.write("writing")
sys.stdout.flush()
while True:
    for name, gpu in (("nvmlDeviceGetPowerUsage", "GPU 1"), ("f", "GPU 17")):
        writer.enter(name, gpu)
        for _ in range(1000):  # a call takes its time
            pass
        writer.leave()
"""


def test_a_look_while_calls_come_and_go_never_mixes_two_of_them(descriptor: int) -> None:
    reader = BreadcrumbReader(descriptor)
    command = [sys.executable, "-c", WRITER, str(descriptor)]
    with subprocess.Popen(command, pass_fds=(descriptor,), stdout=subprocess.PIPE) as writing:
        assert writing.stdout is not None
        assert writing.stdout.read(7) == b"writing"
        looks = [reader.read() for _ in range(20_000)]
        writing.kill()
    seen = {(call.name, call.gpu, call.started % 2) for call in looks if call is not None}
    assert seen == {("nvmlDeviceGetPowerUsage", "GPU 1", 1.0), ("f", "GPU 17", 0.0)}


def test_a_call_that_has_returned_leaves_no_trace_in_the_next(descriptor: int) -> None:
    writer, reader = BreadcrumbWriter(descriptor, lambda: 100.0), BreadcrumbReader(descriptor)
    writer.enter("nvmlDeviceGetHandleByIndex", "GPU 17", deadline_seconds=30.0)
    writer.leave()
    writer.enter("f", "")
    assert reader.read() == Call("f", "", 100.0, breadcrumb.DEFAULT_DEADLINE_SECONDS)


def test_names_are_kept_up_to_a_limit_and_told_right_beyond_it(descriptor: int) -> None:
    writer, reader = BreadcrumbWriter(descriptor, lambda: 100.0), BreadcrumbReader(descriptor)
    for number in [*range(breadcrumb.MAX_NAMES + 2), 0]:
        writer.enter(f"call {number}", "GPU 3")
        call = reader.read()
        assert call is not None
        assert (call.name, call.gpu) == (f"call {number}", "GPU 3")
        writer.leave()


def test_two_threads_leave_their_own_crumbs_and_the_first_to_be_overdue_is_told(descriptor: int) -> None:
    clock = iter([100.0, 101.0])
    ticks = BreadcrumbWriter(descriptor, lambda: next(clock))
    slow = BreadcrumbWriter(descriptor, lambda: next(clock), slot=breadcrumb.SLOW_SLOT)
    reader = BreadcrumbReader(descriptor)
    ticks.enter("nvmlDeviceGetHandleByIndex", "GPU 0", deadline_seconds=30.0)
    slow.enter("nvmlDeviceGetPcieThroughput", "GPU 1")
    assert reader.read() == Call("nvmlDeviceGetPcieThroughput", "GPU 1", 101.0, breadcrumb.DEFAULT_DEADLINE_SECONDS)
    assert reader.ticking() == Call("nvmlDeviceGetHandleByIndex", "GPU 0", 100.0, 30.0)
    slow.leave()
    assert reader.read() == Call("nvmlDeviceGetHandleByIndex", "GPU 0", 100.0, 30.0)
    ticks.leave()
    assert reader.read() is None


def test_a_usual_deadline_that_is_longer_holds_for_the_calls_with_one_of_their_own_too(descriptor: int) -> None:
    BreadcrumbWriter(descriptor, lambda: 100.0, deadline_seconds=60.0).enter("nvmlInit", "", deadline_seconds=30.0)
    assert BreadcrumbReader(descriptor).read() == Call("nvmlInit", "", 100.0, 60.0)


def test_of_calls_that_are_equally_patient_the_oldest_is_told(descriptor: int) -> None:
    clock = iter([100.0, 101.0])
    slow = BreadcrumbWriter(descriptor, lambda: next(clock), slot=breadcrumb.SLOW_SLOT)
    ticks = BreadcrumbWriter(descriptor, lambda: next(clock))
    slow.enter("f", "GPU 1")
    ticks.enter("g", "GPU 0")
    call = BreadcrumbReader(descriptor).read()
    assert call is not None
    assert call.name == "f"
