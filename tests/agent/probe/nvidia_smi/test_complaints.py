"""When nvidia-smi cannot answer, the operator reads one sentence with a remedy."""

import pytest

from fakes.nvidia_smi import MISMATCH as MISMATCH_ANSWER
from fakes.nvidia_smi import NO_DEVICES as NO_DEVICES_ANSWER
from fakes.nvidia_smi import NOT_LOADED as NOT_LOADED_ANSWER
from gpufleet_agent.probe.nvidia_smi.complaints import (
    ACCESS_LOST,
    MAX_QUOTED,
    MISMATCH,
    NO_DEVICES,
    NO_LIBRARY,
    NO_PERMISSION,
    NOT_LOADED,
    Complaint,
    DeadGpu,
    bus_key,
    complaint,
    dead_gpu,
)


@pytest.mark.parametrize(
    ("exit_code", "stdout", "expected"),
    [
        (6, NO_DEVICES_ANSWER["stdout"], NO_DEVICES),
        (0, "No devices were found\n", NO_DEVICES),
        (6, "", NO_DEVICES),
        (9, NOT_LOADED_ANSWER["stdout"], NOT_LOADED),
        (9, "", NOT_LOADED),
        (18, MISMATCH_ANSWER["stdout"], MISMATCH),
        (255, "Failed to initialize NVML: Driver/library version mismatch\n", MISMATCH),
        (255, "Failed to initialize NVML: Unknown Error\n", ACCESS_LOST),
        (4, "Failed to initialize NVML: Insufficient Permissions\n", NO_PERMISSION),
        (12, "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system.\n", NO_LIBRARY),
    ],
)
def test_known_complaints(exit_code: int, stdout: str, expected: Complaint) -> None:
    assert complaint(exit_code, stdout, "") == expected


def test_a_mismatch_is_told_as_the_state_of_the_gpus() -> None:
    assert MISMATCH.state == "driver_mismatch"


def test_an_unknown_complaint_is_quoted_short_and_printable() -> None:
    note = complaint(255, "\n\x1b[31mSegmentation " + "x" * 500 + "\nmore", "").note
    assert note.startswith('nvidia-smi failed (exit status 255): "[31mSegmentation xxx')
    assert len(note) < MAX_QUOTED + 100


def test_a_command_killed_by_a_signal_is_told_so() -> None:
    assert "killed by signal 11" in complaint(-11, "", "").note


def test_no_answer_at_all_is_told_so() -> None:
    assert "answered nothing" in complaint(0, " \n", "").note


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "Unable to determine the device handle for GPU0000:4B:00.0: GPU is lost.  Reboot the system",
            DeadGpu("4B:00.0", "lost", "GPU is lost.  Reboot the system"),
        ),
        (
            "Unable to determine the device handle for GPU 0000:02:00.0: Unknown Error",
            DeadGpu("2:00.0", "unknown", "Unknown Error"),
        ),
        ("No devices were found", None),
    ],
)
def test_a_gpu_that_cannot_be_opened_is_named_by_its_address(line: str, expected: DeadGpu | None) -> None:
    assert dead_gpu(line) == expected


def test_addresses_are_compared_without_what_differs_between_tools() -> None:
    assert bus_key("00000000:4B:00.0") == bus_key("0000:4b:00.0")
    assert bus_key("00000001:4B:00.0") != bus_key("00000000:4B:00.0")
