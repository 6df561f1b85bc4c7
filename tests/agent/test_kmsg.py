"""The kernel's log: its records in every shape, the messages that matter, and when they were written."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.kmsg import (
    MAX_RECORDS_PER_POLL,
    MAX_TEXT,
    Fault,
    KernelLog,
    KernelLogFile,
    LogOverrun,
    fault_of,
    joined,
    parse,
)

BOOTED_US = 1_700_000_000_000_000
XID_79 = "NVRM: Xid (PCI:0000:c1:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."


class Log:
    """A kernel's log in memory, and the clocks beside it."""

    def __init__(self) -> None:
        self.waiting: list[bytes | OSError | LogOverrun] = []
        self.monotonic_us = 1_000_000
        self.wall_us = BOOTED_US + self.monotonic_us
        self.kernel = KernelLog(
            self,
            gpu_at={"0000:c1:00": "GPU-1"}.get,
            wall_us=lambda: self.wall_us,
            monotonic_us=lambda: self.monotonic_us,
        )

    def read(self) -> bytes:
        if not self.waiting:
            return b""
        first = self.waiting.pop(0)
        if isinstance(first, bytes):
            return first
        raise first

    def say(self, text: str, since_boot_us: int | None = None, flags: str = "-") -> None:
        at = self.monotonic_us if since_boot_us is None else since_boot_us
        self.waiting.append(f"4,7,{at},{flags};{text}\n".encode())

    def pass_time(self, seconds: float) -> None:
        self.monotonic_us += round(seconds * 1_000_000)
        self.wall_us += round(seconds * 1_000_000)


@pytest.fixture
def log() -> Log:
    return Log()


def test_an_xid_becomes_an_event_of_the_gpu_in_that_slot(log: Log) -> None:
    log.pass_time(1)
    log.say(XID_79, since_boot_us=1_500_000)
    (event,) = log.kernel.poll()
    assert (event.kind, event.code, event.gpu_uuid, event.severity) == ("XID", 79, "GPU-1", "CRITICAL")
    assert event.instant_us == BOOTED_US + 1_500_000
    assert "pid='<unknown>'" in event.text
    assert log.kernel.poll() == ()


def test_an_xid_of_driver_580_is_one_event_although_three_records_tell_of_it(log: Log) -> None:
    """Each begins a line of its own, which the kernel says may be continued."""
    log.pass_time(1)
    log.say("NVRM: GPU at PCI:0000:c1:00: GPU-12345678-1234-1234-1234-123456789abc", flags="c")
    log.say("NVRM: GPU Board Serial Number: 1650000000000", flags="c")
    log.say(
        "NVRM: Xid (PCI:0000:c1:00): 31, pid=608, name=python3, channel 0x0000000a, intr 00000000. MMU Fault: ENGINE "
        "GRAPHICS GPC1 GPCCLIENT_T1_4 faulted @ 0x7f00_00000000. Fault is of type FAULT_PDE ACCESS_TYPE_VIRT_WRITE",
        flags="c",
    )
    (event,) = log.kernel.poll()
    assert (event.code, event.gpu_uuid, event.severity) == (31, "GPU-1", "INFO")
    assert "pid=608, name=python3" in event.text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("NVRM: Xid (PCI:0000:c1:00): 13, pid=7, Graphics", Fault("0000:c1:00", 13, "pid=7, Graphics")),
        ("NVRM: Xid (0000:03:00): 31, Ch 00000010", Fault("0000:03:00", 31, "Ch 00000010")),
        ("NVRM: Xid (PCI:0000:03:00 GPU-I:01): 94, pid=1", Fault("0000:03:00", 94, "pid=1")),
        ("[  12.3] NVRM: Xid (PCI:0002:03:00): 119", Fault("0002:03:00", 119, "")),
        ("NVRM: GPU 0000:c1:00.0: GPU has fallen off the bus.", "0000:c1:00"),
        ("NVRM: GPU at PCI:0000:C1:00 has fallen off the bus", "0000:c1:00"),
        ("nvidia 0000:c1:00.0: has fallen off the bus and is not responding to commands.", "0000:c1:00"),
    ],
)  # fmt: skip
def test_the_messages_that_matter(text: str, fault: Fault | str) -> None:
    expected = Fault(fault, None, text) if isinstance(fault, str) else fault
    assert fault_of(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  570.86.15",
        "usb 1-1: has fallen off the bus",
        "NVRM: Xid (PCI:0000:c1:00): soon",
        "NVRM: Xid (PCI:0000:c1:00): 1234567, no such code",
        "",
    ],
)
def test_the_messages_that_do_not(text: str) -> None:
    assert fault_of(text) is None


def test_a_gpu_that_falls_off_the_bus_without_an_xid_is_lost(log: Log) -> None:
    log.say("NVRM: GPU 0000:c1:00.0: GPU has fallen off the bus.")
    (event,) = log.kernel.poll()
    assert (event.kind, event.code, event.gpu_uuid, event.severity) == ("GPU_LOST", None, "GPU-1", "CRITICAL")


def test_a_slot_that_nobody_knows_is_named_in_the_text(log: Log) -> None:
    log.say("NVRM: Xid (PCI:0000:99:00): 48, DBE")
    (event,) = log.kernel.poll()
    assert event.gpu_uuid is None
    assert "PCI 0000:99:00" in event.text


def test_equal_xids_are_separate_events(log: Log) -> None:
    for _ in range(3):
        log.say(XID_79)
    assert len(log.kernel.poll()) == 3


def test_a_line_in_several_records_is_one_message(log: Log) -> None:
    log.say("NVRM: Xid (PCI:0000:c1", flags="c")
    log.say(":00): 7", flags="+")
    log.say("9, gone", flags="+")
    log.say("something else")
    assert [event.code for event in log.kernel.poll()] == [79]


def test_a_continuation_of_something_that_was_not_seen_is_told_as_it_is() -> None:
    assert [record.text for record in joined(parse(b"4,1,1,+;tail\n4,2,1,-;next\n"))] == ["tail", "next"]


def test_what_is_said_of_the_device_is_no_message() -> None:
    chunk = f"3,9,50,-;one\n SUBSYSTEM=pci\n DEVICE=+pci:0000:c1:00.0\n {XID_79}\n4,10,60,-;two\n".encode()
    assert [(record.since_boot_us, record.text) for record in parse(chunk)] == [(50, "one"), (60, "two")]


def test_escaped_bytes_and_fields_of_later_kernels_are_understood() -> None:
    (record,) = parse(b"4,1,5,-,caller=T12;a\\x09b\\x5cc\n")
    assert record.text == "a\tb\\c"


def test_an_overlong_message_is_cut(log: Log) -> None:
    log.say(XID_79 + "x" * 10 * MAX_TEXT)
    (event,) = log.kernel.poll()
    assert len(event.text) < 500
    assert max(len(record.text) for record in joined(parse(b"4,1,1,c;a\n" + b"4,1,1,+;bbb\n" * MAX_TEXT))) == MAX_TEXT


def test_missed_records_are_counted_and_reading_goes_on(log: Log) -> None:
    log.waiting.append(LogOverrun())
    log.say(XID_79)
    assert len(log.kernel.poll()) == 1
    assert log.kernel.overruns == 1


def test_a_log_that_fails_is_left_with_a_reason(log: Log) -> None:
    log.say(XID_79)
    log.waiting.append(OSError(errno.EIO, "I/O error"))
    log.say(XID_79)
    assert len(log.kernel.poll()) == 1
    assert log.kernel.problem == "The kernel's log cannot be read any more ([Errno 5] I/O error)."
    assert log.kernel.poll() == ()


def test_a_flood_is_read_in_pieces(log: Log) -> None:
    for _ in range(MAX_RECORDS_PER_POLL + 5):
        log.say(XID_79)
    assert [len(log.kernel.poll()) for _ in range(3)] == [MAX_RECORDS_PER_POLL, 5, 0]


def test_a_clock_of_the_kernel_that_has_drifted_is_held_between_two_polls(log: Log) -> None:
    for drift_us in (-400_000_000, 400_000_000):
        before = log.wall_us
        log.pass_time(1)
        log.say(XID_79, since_boot_us=max(0, log.monotonic_us + drift_us))
        (event,) = log.kernel.poll()
        assert before <= event.instant_us <= log.wall_us


def test_a_wall_clock_that_was_set_back_gives_no_instant_in_the_future(log: Log) -> None:
    log.pass_time(1)
    log.wall_us -= 3_600_000_000
    log.say(XID_79)
    (event,) = log.kernel.poll()
    assert event.instant_us == log.wall_us


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_garbage_is_survived(chunks: list[bytes]) -> None:
    log = Log()
    log.waiting.extend(chunk for chunk in chunks if chunk)
    for event in log.kernel.poll():
        assert event.instant_us <= log.wall_us


@given(
    st.lists(st.tuples(st.integers(1, 65535), st.integers(0, 2**40), st.text("abc ,:()'<>=", max_size=40)), max_size=10)
)
def test_every_xid_that_is_logged_is_told_in_order(logged: list[tuple[int, int, str]]) -> None:
    log = Log()
    for code, at, detail in logged:
        log.say(f"NVRM: Xid (PCI:0000:c1:00): {code}, {detail}", since_boot_us=at)
        log.say("audit: something else", since_boot_us=at)
    assert [event.code for event in log.kernel.poll()] == [code for code, _, _ in logged]


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[tuple[Path, KernelLogFile]]:
    path = tmp_path / "kmsg"
    path.write_text(f"4,1,1,-;{XID_79}\n")
    opened = KernelLogFile(path)
    yield path, opened
    opened.close()


def test_reading_begins_at_the_end_and_goes_on_from_there(log_file: tuple[Path, KernelLogFile]) -> None:
    path, opened = log_file
    assert opened.read() == b""
    with path.open("a") as kernel:
        kernel.write("4,2,9,-;later\n")
    assert opened.read() == b"4,2,9,-;later\n"
    assert opened.read() == b""


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EINVAL])
def test_records_that_the_kernel_has_dropped_are_an_overrun(
    log_file: tuple[Path, KernelLogFile], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(_descriptor: int, _length: int) -> bytes:
        raise OSError(number, "dropped")

    with monkeypatch.context() as patch:
        patch.setattr(os, "read", fail)
        with pytest.raises(LogOverrun):
            log_file[1].read()


def test_a_log_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        KernelLogFile(tmp_path / "kmsg")


def test_the_log_of_this_kernel_is_read_without_waiting() -> None:
    try:
        opened = KernelLogFile(Path("/dev/kmsg"))
    except OSError as error:
        pytest.skip(f"the kernel's log cannot be read here: {error}")
    try:
        opened.read()
    finally:
        opened.close()
